//! Filter dialects that have a parser of their own.

use crate::Target;
use crate::input::Cut;
use bytes::Bytes;
use serde_json::{Value, json};
use tradewind_event::{Event, json as format};
use tradewind_filter::{Dialects, Filter, Rendering};

/// A definition on the first line, `data` of an event below.
const fn target(name: &'static str, run: fn(&[u8]), words: &'static [&'static str]) -> Target {
    Target {
        words,
        // Alternatives of `$or` multiply, up to a bound of their own.
        memory: 16 << 20,
        growth: 4096,
        ..Target::new(name, run)
    }
}

pub(super) const EVENT_BRIDGE: Target = target(
    "event-bridge",
    |input| tried("event-bridge", input),
    &[
        "\"$or\":[{",
        "\"detail\":{",
        "\"prefix\":",
        "\"suffix\":",
        "\"equals-ignore-case\":",
        "\"wildcard\":\"*",
        "\"anything-but\":",
        "\"numeric\":[\">\",",
        "\"exists\":false",
        "\"exists\":true",
        "\"cidr\":\"10.0.0.0/8\"",
        "null",
        "[1]",
        "\\\\*",
    ],
);
pub(super) const EVENT_GRID: Target = target(
    "event-grid",
    |input| tried("event-grid", input),
    &[
        "\"advancedFilters\":[{",
        "\"operatorType\":\"StringIn\"",
        "\"NumberInRange\"",
        "\"NumberNotIn\"",
        "\"key\":\"data.a\"",
        "\"values\":[",
        "\"value\":",
        "\"includedEventTypes\":[",
        "\"enableAdvancedFilteringOnArrays\":true",
    ],
);
pub(super) const EVENTARC: Target = target(
    "eventarc",
    |input| tried("eventarc", input),
    &[
        "\"attribute\":\"type\"",
        "\"value\":\"/a/*\"",
        "\"operator\":\"match-path-pattern\"",
        "/**",
        "{x=a*}",
    ],
);
pub(super) const PUB_SUB: Target = target(
    "pub-sub",
    |input| tried("pub-sub", input),
    &[
        "attributes.ce-type",
        "attributes:",
        " = \"",
        " != \"",
        "hasPrefix(",
        " AND ",
        " OR ",
        "NOT ",
        "(",
        ")",
        "\\\"",
    ],
);
pub(super) const SQL: Target = target(
    "sql",
    |input| tried("sql", input),
    &[
        " AND ",
        " OR ",
        " XOR ",
        "NOT ",
        "EXISTS subject",
        " LIKE 'a%_\\\\%'",
        " IN ('a', 1, TRUE)",
        "LENGTH(",
        "SUBSTRING(type, 1, -2)",
        "INT('1')",
        " != ",
        " <= -2147483648",
        " % 0",
        "\\'",
    ],
);
pub(super) const CEL: Target = target(
    "cel",
    |input| tried("cel", input),
    &[
        "message.type",
        "message.data",
        "message.time.getHours('+02:00')",
        " && ",
        " || ",
        " ? ",
        " == ",
        " in [1, 'a', null]",
        "has(",
        ".exists(x, x",
        ".map(x, ",
        ".matches('a+')",
        "timestamp(",
        "duration('1h')",
        "-9223372036854775808",
        "18446744073709551615u",
        "b'\\xff'",
        "{'a': 1}",
    ],
);
pub(super) const KNATIVE: Target = target(
    "knative",
    |input| tried("knative", input),
    &[
        "{\"filters\":[",
        "{\"filter\":{\"attributes\":{",
        "\"exact\":{\"type\":\"t\"}",
        "\"not\":{",
        "\"any\":[",
        "\"cesql\":\"type = 't'\"",
    ],
);

/// What is taken is explained as it is evaluated, and means the same after it was written again.
fn tried(dialect: &str, input: &[u8]) {
    let mut input = Cut(input);
    let line = input.line();
    let body = match dialect {
        "cel" | "pub-sub" | "sql" => Value::String(line.to_owned()),
        _ => serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.to_owned())),
    };
    let dialects = Dialects::standard();
    let definition = json!({ (dialect): body });
    let formula = match dialects.parse(&definition) {
        Ok(formula) => formula,
        Err(refused) => {
            assert!(!refused.reason.is_empty());
            assert!(definition.pointer(&refused.pointer).is_some());
            assert!(
                refused
                    .offset
                    .is_none_or(|offset| line.is_char_boundary(offset))
            );
            return;
        }
    };
    let rest = input.rest();
    let events = [event(rest, true), event(rest, false)];
    let filter = Filter::new(formula.clone());
    for event in &events {
        assert_eq!(filter.matches(event), filter.explain(event).holds);
    }
    let rendering = dialects.named(dialect).unwrap().render(&formula);
    let Some(again) = rendering.definition() else {
        return;
    };
    let again = Filter::new(dialects.parse(&json!({ (dialect): again })).unwrap());
    for event in &events {
        let (before, after) = (filter.matches(event), again.matches(event));
        let envelope = event
            .data_json()
            .is_some_and(|data| data.get("detail-type").is_some());
        let exact = matches!(rendering, Rendering::Exact(_));
        assert!(envelope || before == after || (!exact && after));
    }
}

fn event(data: &[u8], json: bool) -> Event {
    if let Ok(event) = format::decode(Bytes::copy_from_slice(data)) {
        return event;
    }
    let kind = if json {
        "application/json"
    } else {
        "text/plain"
    };
    Event::builder("a", "/s", "t")
        .subject("/a/b")
        .data(kind, Bytes::copy_from_slice(data))
        .build()
        .unwrap()
}
