//! Rule sets and events, the same for both sides.

use serde_json::{Value, json};
use tradewind_filter::{Arrays, Bound, Formula, How, Number, Path, Range, Test, Text, Wildcard};

/// Types of events.
const TYPES: usize = 97;
/// Events that are matched in turn.
const EVENTS: usize = 64;

/// What the filters of a set ask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    /// `type` and `subject`.
    Attributes,
    /// `type` and one place in `data`.
    Exact,
    /// Two places in `data`.
    TwoPaths,
    /// A fifth each: a prefix; `type` and a number; any `type` but one, and a place in `data`; a suffix
    /// that no event has; a wildcard.
    Mixed,
}

impl Set {
    pub(crate) const ALL: [Set; 4] = [Set::Attributes, Set::Exact, Set::TwoPaths, Set::Mixed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Set::Attributes => "attributes",
            Set::Exact => "exact",
            Set::TwoPaths => "two paths",
            Set::Mixed => "mixed",
        }
    }

    /// Rule `n`, for Tradewind and as a pattern of quamina.
    pub(crate) fn rule(self, n: usize) -> (Formula, Value) {
        let ty = format!("com.example.type{}", n % TYPES);
        let bucket = format!("bucket-{n}");
        match self {
            Set::Attributes => (
                Formula::all(vec![
                    exact(attribute("type"), &ty),
                    exact(attribute("subject"), &format!("object/{n}")),
                ]),
                json!({ "type": [ty], "subject": [format!("object/{n}")] }),
            ),
            Set::Exact => (
                Formula::all(vec![exact(attribute("type"), &ty), exact(name(), &bucket)]),
                json!({ "type": [ty], "data": { "bucket": { "name": [bucket] } } }),
            ),
            Set::TwoPaths => (
                Formula::all(vec![
                    exact(data(&["object", "class"]), &format!("class{}", n % TYPES)),
                    exact(name(), &bucket),
                ]),
                json!({ "data": {
                    "object": { "class": [format!("class{}", n % TYPES)] },
                    "bucket": { "name": [bucket] },
                } }),
            ),
            Set::Mixed => mixed(n, &ty, &bucket),
        }
    }
}

fn mixed(n: usize, ty: &str, bucket: &str) -> (Formula, Value) {
    match n % 5 {
        0 => {
            let prefix = format!("/tenants/{n}/");
            let test = Test::Text(Text::new(How::Prefix, prefix.as_str()));
            (
                Formula::test(attribute("source"), test),
                json!({ "source": [{ "prefix": prefix }] }),
            )
        }
        1 => {
            let low = 1_000_000 + n;
            let test = Test::Number(Range {
                low: Number::new(low as f64).map(|at| Bound {
                    at,
                    inclusive: false,
                }),
                high: None,
            });
            (
                Formula::all(vec![
                    exact(attribute("type"), ty),
                    Formula::test(data(&["object", "size"]), test),
                ]),
                json!({ "type": [ty], "data": { "object": { "size": [{ "numeric": [">", low] }] } } }),
            )
        }
        2 => (
            Formula::all(vec![
                Formula::test(attribute("type"), Test::NoneOf([Test::exact(ty)].into())),
                exact(name(), bucket),
            ]),
            json!({ "type": [{ "anything-but": [ty] }], "data": { "bucket": { "name": [bucket] } } }),
        ),
        3 => {
            let suffix = format!(".suffix{n}");
            let test = Test::Text(Text::new(How::Suffix, suffix.as_str()));
            (
                Formula::test(attribute("subject"), test),
                json!({ "subject": [{ "suffix": suffix }] }),
            )
        }
        _ => {
            // What tells them apart stands before the star, or behind it.
            let (first, last) = match n % 2 {
                0 => (format!("photos/{n}/"), ".jpeg".to_owned()),
                _ => ("photos/".to_owned(), format!("/{n}.jpeg")),
            };
            let wildcard = format!("{first}*{last}");
            let parts = [first.into(), last.into()].into();
            (
                Formula::test(data(&["object", "key"]), Test::Wildcard(Wildcard { parts })),
                json!({ "data": { "object": { "key": [{ "wildcard": wildcard }] } } }),
            )
        }
    }
}

fn attribute(name: &str) -> Path {
    Path::attribute(name)
}

fn data(keys: &[&str]) -> Path {
    Path::data(Arrays::Through, keys.iter().copied())
}

fn name() -> Path {
    data(&["bucket", "name"])
}

fn exact(path: Path, value: &str) -> Formula {
    Formula::test(path, Test::exact(value))
}

/// Structured CloudEvents of 1 KiB, each of which passes one rule of every set of this size (of
/// `mixed`, one of the prefixes and, in larger sets, one of the wildcards).
pub(crate) fn events(rules: usize) -> Vec<String> {
    (0..EVENTS).map(|at| event(at * 7919 % rules)).collect()
}

fn event(n: usize) -> String {
    let document = |filler: &str| {
        json!({
            "specversion": "1.0",
            "id": format!("6f1c-{n}"),
            "source": format!("/tenants/{}/store", n / 5 * 5),
            "type": format!("com.example.type{}", n % TYPES),
            "subject": format!("object/{n}"),
            "time": "2026-11-28T12:00:00Z",
            "datacontenttype": "application/json",
            "data": {
                "version": "1.0",
                "requester": { "account": "123456789012", "address": "192.0.2.7" },
                "bucket": { "name": format!("bucket-{n}"), "arn": "arn:aws:s3:::example" },
                "object": {
                    "key": format!("photos/{0}/2026/{0}.jpeg", n / 5 * 5 + 4),
                    "size": 4711,
                    "class": format!("class{}", n % TYPES),
                    "tags": ["a", "b", "c"],
                },
                "reason": "PutObject",
                "filler": filler,
            },
        })
        .to_string()
    };
    let missing = 1024usize.saturating_sub(document("").len());
    document(&"x".repeat(missing))
}
