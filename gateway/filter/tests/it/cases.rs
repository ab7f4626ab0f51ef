//! Definition, event, answer.

use serde_json::{Value, json};
use tradewind_event::{Attribute, Event};
use tradewind_filter::compile;

fn push() -> Event {
    Event::builder(
        "7",
        "https://api.github.com/repos/acme/app",
        "com.github.push",
    )
    .subject("refs/heads/main")
    .extension("tradewindhops", Attribute::Integer(-3))
    .extension("dryrun", Attribute::Boolean(true))
    .extension("quoted", Attribute::String("it's"))
    .build()
    .unwrap()
}

#[test]
fn matches_what_the_definition_says() {
    let table = [
        (json!(null), true),
        (json!([]), true),
        (json!({ "exact": { "type": "com.github.push" } }), true),
        (json!({ "exact": { "type": "com.github.Push" } }), false),
        (json!({ "exact": { "type": "com.github.pus" } }), false),
        (json!({ "exact": { "specversion": "1.0" } }), true),
        (
            json!({ "exact": { "type": "com.github.push", "id": "7" } }),
            true,
        ),
        (
            json!({ "exact": { "type": "com.github.push", "id": "8" } }),
            false,
        ),
        (json!({ "exact": { "absent": "x" } }), false),
        (
            json!({ "prefix": { "source": "https://api.github.com/" } }),
            true,
        ),
        (json!({ "prefix": { "source": "HTTPS://" } }), false),
        (json!({ "prefix": { "absent": "x" } }), false),
        (json!({ "suffix": { "source": "/app" } }), true),
        (json!({ "suffix": { "source": "/ap" } }), false),
        (json!({ "suffix": { "absent": "x" } }), false),
        // Typed attributes count as their canonical text, values as what was written.
        (json!({ "exact": { "tradewindhops": "-3" } }), true),
        (json!({ "exact": { "tradewindhops": -3 } }), true),
        (json!({ "prefix": { "tradewindhops": "-" } }), true),
        (json!({ "exact": { "dryrun": true } }), true),
        (json!({ "exact": { "dryrun": "true" } }), true),
        (json!({ "suffix": { "dryrun": "ue" } }), true),
        (json!({ "exact": { "dryrun": false } }), false),
        (
            json!({ "not": { "exact": { "type": "com.github.push" } } }),
            false,
        ),
        (json!({ "not": { "exact": { "absent": "x" } } }), true),
        (
            json!({ "not": { "not": { "prefix": { "absent": "x" } } } }),
            false,
        ),
        (
            json!({ "all": [{ "prefix": { "type": "com." } }, { "suffix": { "id": "7" } }] }),
            true,
        ),
        (
            json!({ "all": [{ "prefix": { "type": "com." } }, { "suffix": { "id": "8" } }] }),
            false,
        ),
        (
            json!({ "any": [{ "prefix": { "type": "org." } }, { "suffix": { "id": "7" } }] }),
            true,
        ),
        (
            json!({ "any": [{ "prefix": { "type": "org." } }, { "suffix": { "id": "8" } }] }),
            false,
        ),
        (
            json!([{ "prefix": { "type": "com." } }, { "exact": { "id": "7" } }]),
            true,
        ),
        (
            json!([{ "prefix": { "type": "com." } }, { "exact": { "id": "8" } }]),
            false,
        ),
    ];
    for (definition, expected) in table {
        let filter = compile(&definition).unwrap();
        assert_eq!(filter.matches(&push()), expected, "{definition}");
    }
}

#[test]
fn explains_every_predicate_in_order() {
    let definition = json!([
        { "any": [
            { "exact": { "subject": "refs/heads/release" } },
            { "prefix": { "type": "com." } },
        ] },
        { "not": { "all": [
            { "exact": { "subject": "refs/heads/main" } },
            { "not": { "suffix": { "source": "/app" } } },
            { "prefix": { "absent": "x" } },
        ] } },
        { "not": { "suffix": { "id": "7" } } },
        { "exact": { "tradewindhops": -3, "quoted": "it's" } },
    ]);
    let said: Vec<_> = compile(&definition)
        .unwrap()
        .explain(&push())
        .verdicts
        .into_iter()
        .map(|v| (v.predicate, v.actual, v.holds))
        .collect();
    let main = Some("refs/heads/main");
    let source = Some("https://api.github.com/repos/acme/app");
    let expected: Vec<_> = [
        ("subject = 'refs/heads/release'", main, false),
        ("type starts with 'com.'", Some("com.github.push"), true),
        ("subject != 'refs/heads/main'", main, false),
        ("source ends with '/app'", source, true),
        ("absent does not start with 'x'", None, true),
        ("id does not end with '7'", Some("7"), false),
        ("tradewindhops = '-3'", Some("-3"), true),
        ("quoted = 'it''s'", Some("it's"), true),
    ]
    .map(|(p, a, h)| (p.to_owned(), a.map(str::to_owned), h))
    .into();
    assert_eq!(said, expected);
    assert_eq!(compile(&Value::Null).unwrap().explain(&push()).verdicts, []);
}
