//! CEL: what expressions say of events, what is refused, and that formula and evaluator agree.

use proptest::prelude::*;
use serde_json::json;
use tradewind_event::{Attribute, Event};
use tradewind_filter::{Filter, Formula, Limits, Scratch, Snapshot, View, compile};

fn compiled(source: &str) -> std::sync::Arc<Filter> {
    let filter = compile(&json!({ "cel": source }));
    filter.unwrap_or_else(|refused| panic!("{source}: {refused}"))
}

/// The whole of it left to the evaluator.
fn unlowered(source: &str) -> String {
    format!("[0].exists(unused, {source}\n)")
}

fn event() -> Event {
    let data = json!({
        "total": 12, "rate": 0.5, "big": u64::MAX, "state": "open", "none": null, "paid": true,
        "odd-name": { "a.b": "x" },
        "items": [{ "sku": "a", "tags": ["x", "y"] }, { "sku": "b", "tags": [] }],
    });
    Event::builder("7", "//shop.example.com/orders", "order.placed")
        .subject("orders/7")
        .time("2026-11-28T22:30:15.250Z")
        .extension("tries", Attribute::Integer(3))
        .extension("urgent", Attribute::Boolean(true))
        .data("application/json", data.to_string())
        .build()
        .unwrap()
}

#[test]
fn expressions_over_attributes_and_data() {
    let event = event();
    for (source, wanted) in [
        ("message.type == 'order.placed'", true),
        (
            "\"orders/7\" == message.subject && message.type != 'x'",
            true,
        ),
        (
            "message.type.startsWith('order.') && message.subject.endsWith('/8')",
            false,
        ),
        ("message.source.contains('shop')", true),
        ("message['type'] == r'order.placed'", true),
        ("message.type.matches('^order[.](placed|paid)$')", true),
        ("message.type in ['a', 'order.placed', 3]", true),
        // Attributes are texts whatever their type.
        ("message.tries == '3' && int(message.tries) > 2", true),
        ("message.urgent == 'true' && bool(message.urgent)", true),
        ("message.tries == 3", false),
        ("has(message.subject) && !has(message.dataschema)", true),
        ("message.data.total > 10 && message.data.total < 13", true),
        (
            "message.data.total > 10.5 && 12 == message.data.total",
            true,
        ),
        ("message.data.rate <= 0.5 || false", true),
        ("message.data.big > 5u", true),
        ("message.data.state in ['open', 'new']", true),
        ("has(message.data.nothing)", false),
        ("has(message.data.items) && has(message.data)", true),
        ("message.data.none == null", true),
        ("message.data.paid && message.data.paid != false", true),
        ("message.data['odd-name']['a.b'] == 'x'", true),
        ("message.data.items[1].sku == 'b'", true),
        ("message.data.items.exists(i, i.sku == 'b')", true),
        ("message.data.items.all(i, i.sku == 'b')", false),
        (
            "message.data.items.exists_one(i, i.sku.startsWith('a'))",
            true,
        ),
        (
            "message.data.items.exists(i, i.tags.exists(t, t == 'y' && i.sku == 'a'))",
            true,
        ),
        (
            "message.data.items.filter(i, size(i.tags) > 1).map(i, i.sku) == ['a']",
            true,
        ),
        (
            "['order.', 'cart.'].exists(p, message.type.startsWith(p))",
            true,
        ),
        (
            "message.data.items.size() == 2 ? message.type == 'order.placed' : false",
            true,
        ),
        (
            "message.data.total + 1 == 13 && -message.data.total == -12",
            true,
        ),
        ("!(message.type == 'x') // a comment", true),
        (
            "'sku' in message.data.items[0] && !('sku' in message.data)",
            true,
        ),
        ("{'a': 1, 'b': 2}['b'] == 2", true),
        // What settles the matter counts, whatever failed beside it.
        (
            "message.data.nothing == 1 || message.type == 'order.placed'",
            true,
        ),
        ("!(message.data.nothing == 1 && message.type == 'x')", true),
        (
            "message.data.items.exists(i, i.nothing || i.sku == 'b')",
            true,
        ),
        ("message.time > timestamp('2026-11-28T22:30:15Z')", true),
        (
            "message.time - timestamp('2026-11-28T22:30:00Z') < duration('16s')",
            true,
        ),
        (
            "message.time.getHours() == 22 && message.time.getHours('Europe/Berlin') == 23",
            true,
        ),
        ("message.time.getDayOfWeek('+02:00') == 0", true),
        // As Google's documentation has them.
        (
            "message.type == \"google.cloud.dataflow.job.v1beta3.statusChanged\"",
            false,
        ),
        (
            "message.time.getFullYear() < 2020 && message.type == \"google.cloud.dataflow.job.v1beta3.statusChanged\"",
            false,
        ),
        (
            "message.type == 'google.cloud.pubsub.topic.v1.messagePublished'",
            false,
        ),
        ("true", true),
    ] {
        for source in [source.to_owned(), unlowered(source)] {
            let filter = compiled(&source);
            assert_eq!(filter.matches(&event), wanted, "{source}");
            let explanation = filter.explain(&event);
            assert_eq!(explanation.holds, wanted, "{source}");
            assert!(
                explanation.errors.is_empty(),
                "{source}: {:?}",
                explanation.errors
            );
        }
    }
}

#[test]
fn a_failure_does_not_match_and_is_told() {
    let event = event();
    for (source, reason) in [
        ("message.data.nothing == 1", "there is no `nothing`"),
        ("message.nosuch.size() == 1", "there is no `nosuch`"),
        ("message.data.total / 0 == 1", "division by zero"),
        (
            "-9223372036854775807 - message.data.total < 0",
            "goes beyond",
        ),
        ("message.data.state > 5", "does not take string, int"),
        (
            "message.data.total + 0.5 > 1.0",
            "does not take int, double",
        ),
        ("int(message.type) == 1", "this string is no int"),
        ("int(1e300) == 1", "goes beyond"),
        (
            "duration('47000000000000000000000000h47000000000000000000000000h') < duration('1h')",
            "`duration` goes beyond",
        ),
        // By one more than 128 bits hold.
        (
            "duration('47261439850130342147690917h47261439850130342147690918h1431768211457ns') \
             == duration('1ns')",
            "`duration` goes beyond",
        ),
        ("message.data.total", "neither true nor false"),
        ("message.data.items[9].sku == 'a'", "no element 9"),
        ("timestamp(message.type) > message.time", "no timestamp"),
        (
            "message.data.state.startsWith(message.data.none)",
            "does not take",
        ),
    ] {
        let filter = compiled(source);
        assert!(!filter.matches(&event), "{source}");
        let errors = filter.explain(&event).errors;
        assert!(errors[0].contains(reason), "{source}: {errors:?}");
        let whole = compiled(&unlowered(source));
        let view = View::new(&event);
        assert!(!whole.evaluate(&view, &mut Scratch::default()));
        assert_eq!(view.faults(), 1, "{source}");
    }
}

#[test]
fn evaluation_ends() {
    let numbers = json!((0..200).collect::<Vec<_>>()).to_string();
    let text = json!("a".repeat(1 << 20)).to_string();
    let printable = json!("a".repeat(100 << 10)).to_string();
    let key = "k".repeat(400_000);
    let long_key = json!({ "k": key, "o": { key.as_str(): 1 }, "l": vec![0; 100] }).to_string();
    for (data, source) in [
        (
            &numbers,
            "message.data.all(a, message.data.all(b, message.data.all(c, a + b + c >= 0)))",
        ),
        (
            &numbers,
            "message.data.map(a, message.data.map(b, message.data.map(c, c))).size() == 7",
        ),
        (
            &text,
            "(message.data + message.data + message.data + message.data).matches('(a*)*b')",
        ),
        (
            &printable,
            "message.data.matches('(?:[ -~]{1,30}x?){1,30}$')",
        ),
        // What a name is looked up by counts by its length.
        (
            &long_key,
            "message.data.l.exists(y, message.data.o[message.data.k] == 2)",
        ),
        (
            &long_key,
            "message.data.l.exists(y, !(message.data.k in message.data.o))",
        ),
    ] {
        let event = Event::builder("1", "/s", "t").data("application/json", data.clone());
        let errors = compiled(source).explain(&event.build().unwrap()).errors;
        assert_eq!(
            errors,
            ["the expression takes too many steps with this event"],
            "{source}"
        );
    }
}

/// Those of many conditions together, in both languages; a few have as many each.
#[test]
fn what_only_an_evaluator_knows_shares_its_steps() {
    let text = "a".repeat(1 << 20);
    let event = Event::builder("1", "/s", "t").subject(&text);
    let event = event.data("application/json", json!(text).to_string());
    let event = event.build().unwrap();
    for (dialect, or, condition) in [
        ("cel", " || ", "message.data.endsWith(message.type + 'x')"),
        ("sql", " OR ", "UPPER(subject) = 'x'"),
    ] {
        for (count, faults) in [(5, 0), (30, 1)] {
            let source = vec![condition; count].join(or);
            let filter = compile(&json!({ dialect: source })).unwrap();
            let view = View::new(&event);
            assert!(!filter.evaluate(&view, &mut Scratch::default()));
            assert_eq!(view.faults(), faults, "{count} of {dialect}");
        }
    }
}

#[test]
fn what_is_malformed_is_refused_with_the_place() {
    for (source, rest, reason) in [
        ("message.type == ", "", "ends where a value belongs"),
        ("message.type == 'x", "'x", "has no end"),
        ("message.type === 'x'", "= 'x'", "means nothing"),
        ("message.type = 'x'", "= 'x'", "means nothing"),
        ("", "", "ends where"),
        ("message.Type == 'x'", "Type", "did you mean `type`"),
        ("message.some_name == 'x'", "some_name", "no attribute name"),
        (
            "message.data_base64 == 'x'",
            "data_base64",
            "no attribute name",
        ),
        ("subject == 'x'", "subject", "no name `subject`"),
        ("message == 'x'", "message", "no value of its own"),
        ("now() > 1", "now", "no function `now`"),
        (
            "message.type.lowerAscii() == 'x'",
            "lowerAscii",
            "no function",
        ),
        ("contains(message.type, 'x')", "contains", "is called as"),
        (
            "message.type.contains('x', 'y')",
            "contains",
            "takes 1 argument",
        ),
        ("message.type.matches('(')", "'('", "no regular expression"),
        ("message.type.matches(message.id)", "matches", "a literal"),
        (
            "message.type.matches('(a{1000}){1000}')",
            "'(a",
            "too much memory",
        ),
        (
            "message.time.getHours('Nowhere') == 1",
            "'Nowhere'",
            "no time zone",
        ),
        (
            "message.data.a.exists(1, true)",
            "1, true",
            "takes a name first",
        ),
        ("has(message.type == 'x')", "message.type", "takes a member"),
        ("a.b.C{x: 1} == 1", "a.b", "no name `a`"),
        ("(true", "", "expected `)`"),
        ("true)", ")", "never opened"),
        ("true true", "true", "expected an operator"),
        ("message.type == 'x' ? true", "", "expected `:`"),
        (
            "9223372036854775808 > 1",
            "9223372036854775808",
            "beyond 64 bits",
        ),
        ("message.type == '\\q'", "\\q", "no escape"),
        ("'a' + 'b' == message.if", "", "no name `if`"),
        ("'text'", "'text'", "a value of type string"),
        ("size(message.type)", "size", "a value of type int"),
        ("message.urgent", "message", "a value of type string"),
        ("if == 1", "if", "word of the language"),
    ] {
        let Err(refused) = compile(&json!({ "cel": source })) else {
            assert!(source.contains("message.if"), "{source}");
            continue;
        };
        assert!(
            refused.reason.contains(reason),
            "{source}: {}",
            refused.reason
        );
        let at = refused.offset.unwrap();
        assert!(
            source[at..].starts_with(rest) && (at == source.len()) == rest.is_empty(),
            "{source} {at}"
        );
        assert_eq!(refused.pointer, "/cel");
    }
}

#[test]
fn nothing_takes_the_parser_or_the_evaluator_deep() {
    let many = |one: &str, times: usize| one.repeat(times);
    for source in [
        many("!", 4000) + "true",
        many("-", 4000) + "1",
        many("- ", 2000) + "1",
        many("(", 4000),
        many("[", 2000) + &many("]", 2000),
        many("true ? ", 500) + "true",
        "true".to_owned() + &many(" ? true : true", 250),
        "message.data".to_owned() + &many(".a", 1900),
        "message.data".to_owned() + &many("[0]", 1300),
        "message.data".to_owned() + &many(".exists(x, x", 300),
        "1".to_owned() + &many("+1", 1900) + " > 1",
        "true".to_owned() + &many("||true", 600),
        "true".to_owned() + &many("&&(true||true)", 600),
        "1".to_owned() + &many("<1", 1900),
        many("x.", 2000) + "y",
        many("{1:", 1300),
        many("a{b:", 1000),
        many("size(", 1000),
        "message.a".to_owned() + &many("b", 5000) + " == 'x'",
        many("(((message.a == 'x' ? ", 9) + "true" + &many(" : true)))", 9),
        many("(", 20) + "message.a == 'x'" + &many(" ? message.b == 'y' : message.c == 'z')", 20),
    ] {
        if let Ok(filter) = compile(&json!({ "cel": source })) {
            filter.matches(&event());
            filter.explain(&event());
            Snapshot::new(Limits::default())
                .add(1, filter.formula())
                .unwrap();
        }
    }
}

#[test]
fn comparisons_with_literals_become_predicates() {
    fn opaque(formula: &Formula) -> bool {
        match formula {
            Formula::All(members) | Formula::Any(members) => members.iter().any(opaque),
            Formula::Not(member) | Formula::Told(_, member) => opaque(member),
            Formula::Opaque(_) => true,
            _ => false,
        }
    }
    for (source, lowered, found) in [
        (
            "message.type == 't' && message.subject.startsWith('a')",
            true,
            true,
        ),
        (
            "message.type in ['t', 'u'] || message.data.n > 3",
            true,
            true,
        ),
        (
            "!(has(message.subject) && message.data.n == 1) && message.type == 't'",
            true,
            true,
        ),
        (
            "message.data.a.b ? message.type == 't' : message.type == 'u'",
            true,
            true,
        ),
        (
            "message.type == 't' && message.type.matches('t+')",
            false,
            true,
        ),
        ("message.subject.matches('t+')", false, true),
        ("message.type.matches('t+')", false, false),
    ] {
        let filter = compiled(source);
        assert_eq!(
            !opaque(filter.formula()),
            lowered,
            "{source}: {:?}",
            filter.formula()
        );
        let mut snapshot = Snapshot::new(Limits::default());
        snapshot.add(1, filter.formula()).unwrap();
        assert_eq!(snapshot.scanned() == 0, found, "{source}");
    }
}

#[test]
fn explains_in_the_words_that_were_written() {
    let filter = compiled(
        "message.type == 'order.placed' && !(message.data.total > 20) && message.nosuch == 'x'",
    );
    let explained = filter.explain(&event());
    let told: Vec<_> = explained
        .verdicts
        .iter()
        .map(|v| (v.predicate.as_str(), v.actual.as_deref(), v.holds))
        .collect();
    let wanted = [
        ("message.type == 'order.placed'", Some("order.placed"), true),
        ("!(message.data.total > 20)", Some("12"), true),
        ("message.nosuch == 'x'", Some("there is no `nosuch`"), false),
    ];
    assert_eq!(told, wanted);
    assert_eq!(explained.decisive, Some(2));
    assert_eq!(explained.errors, ["there is no `nosuch`"]);
}

pub(crate) fn place() -> impl Strategy<Value = String> {
    let keys = prop::collection::vec(prop::sample::select(&["x", "y", "p", "q", "z"][..]), 0..3);
    prop_oneof![
        prop::sample::select(&["type", "source", "subject", "ext", "region", "time"][..])
            .prop_map(|name| format!("message.{name}")),
        keys.prop_map(|keys| keys
            .iter()
            .fold("message.data".to_owned(), |all, key| format!("{all}.{key}"))),
    ]
}

fn literal() -> impl Strategy<Value = String> {
    prop::sample::select(
        &[
            "'a'",
            "'A'",
            "''",
            "'ab'",
            "'ä'",
            "0",
            "1",
            "2",
            "3u",
            "1.0",
            "1.5",
            "-1",
            "true",
            "false",
            "null",
            "[]",
            "{}",
            "9007199254740993",
            "b'a'",
            "int",
            "message.time",
        ][..],
    )
    .prop_map(str::to_owned)
}

pub(crate) fn condition() -> impl Strategy<Value = String> {
    let mark = prop::sample::select(&["==", "!=", "<", "<=", ">", ">="][..]);
    let function = prop::sample::select(&["startsWith", "endsWith", "contains", "matches"][..]);
    let leaf = prop_oneof![
        4 => (place(), mark.clone(), literal()).prop_map(|(p, m, l)| format!("{p} {m} {l}")),
        1 => (literal(), mark.clone(), place()).prop_map(|(l, m, p)| format!("{l} {m} {p}")),
        1 => (place(), mark, place()).prop_map(|(a, m, b)| format!("{a} {m} {b}")),
        2 => (place(), function, prop::sample::select(&["a", "b", "ab", ""][..]))
            .prop_map(|(p, f, t)| format!("{p}.{f}('{t}')")),
        2 => place().prop_map(|p| format!("has({p})")),
        1 => place().prop_filter("a text is no truth", |p| p.starts_with("message.data")),
        2 => (place(), prop::collection::vec(literal(), 0..3))
            .prop_map(|(p, all)| format!("{p} in [{}]", all.join(", "))),
        1 => (literal(), place()).prop_map(|(l, p)| format!("{l} in {p}")),
        1 => place().prop_map(|p| format!("{p}.exists(e, e == 'a' || e > 1)")),
        1 => place().prop_map(|p| format!("{p}[0] == 'a'")),
        1 => place().prop_map(|p| format!("{p}.size() + 1 == 3")),
        1 => Just("true".to_owned()),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let members = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            2 => members().prop_map(|all| format!("({})", all.join(" && "))),
            2 => members().prop_map(|all| format!("({})", all.join(" || "))),
            2 => inner.clone().prop_map(|one| format!("!({one})")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #[test]
    fn formula_and_evaluator_agree(source in condition(), event in crate::translate::event()) {
        let (lowered, whole) = (compiled(&source), compiled(&unlowered(&source)));
        let wanted = whole.matches(&event);
        prop_assert_eq!(lowered.matches(&event), wanted, "{}", source);
        let explained = lowered.explain(&event);
        prop_assert_eq!(explained.holds, wanted);
        let fails = !explained.errors.is_empty();
        prop_assert_eq!(crate::faults::failed(&lowered, &event), fails, "{}", source);
        prop_assert_eq!(crate::faults::failed(&whole, &event), fails, "{}", source);
        // Where there is no failure, the contrary holds.
        let contrary = compiled(&format!("!({source})")).matches(&event);
        prop_assert_eq!(!wanted && explained.errors.is_empty(), contrary);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}", words in prop::collection::vec(words(), 0..24)) {
        for source in [text, words.concat()] {
            match compile(&json!({ "cel": source })) {
                Ok(filter) => prop_assert_eq!(filter.matches(&event()), filter.explain(&event()).holds),
                Err(refused) => prop_assert!(refused.offset.is_none_or(|at| source.is_char_boundary(at))),
            }
        }
    }
}

fn words() -> impl Strategy<Value = String> {
    prop::sample::select(
        &[
            "message",
            ".",
            "data",
            "type",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ",",
            "?",
            ":",
            "&&",
            "||",
            "!",
            "-",
            "+",
            "==",
            "<",
            " in ",
            "'a'",
            "1",
            "0x1f",
            "2.5e3",
            "1u",
            "has(",
            ".exists(x, ",
            "x",
            ".size()",
            "true",
            " ",
            "// c\n",
            "'",
            "r'",
            "b\"\\xff\"",
            "é",
        ][..],
    )
    .prop_map(str::to_owned)
}
