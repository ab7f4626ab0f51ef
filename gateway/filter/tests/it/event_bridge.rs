//! EventBridge event patterns: what the service documents, told over own events, and what it refuses.

use serde_json::{Value, json};
use tradewind_event::{Attribute, Event};
use tradewind_filter::compile;

/// An event that came from EventBridge: its envelope is its `data`.
fn envelope(members: &Value) -> Event {
    let mut whole = json!({
        "version": "0",
        "id": "8c1f",
        "detail-type": "Order Shipped",
        "source": "shop.orders",
        "account": "123456789012",
        "time": "2026-03-04T05:06:07Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:s3:::parcels", "arn:aws:sqs:eu-west-1:123456789012:out"],
        "detail": {},
    });
    for (name, value) in members.as_object().unwrap() {
        whole[name] = value.clone();
    }
    Event::builder("8c1f", "shop.orders", "Order Shipped")
        .data("application/json", whole.to_string())
        .build()
        .unwrap()
}

/// The same content from anywhere else.
fn plain(detail: &Value) -> Event {
    Event::builder("8c1f", "shop.orders", "Order Shipped")
        .data("application/json", detail.to_string())
        .build()
        .unwrap()
}

fn matches(pattern: &Value, event: &Event) -> bool {
    let filter = compile(&json!({ "event-bridge": pattern }));
    filter
        .unwrap_or_else(|refused| panic!("{pattern}: {refused} at {}", refused.pointer))
        .matches(event)
}

/// Patterns over `detail`, for events of both origins.
fn over_detail(table: &[(Value, Value, bool)]) {
    for (pattern, detail, wanted) in table {
        let pattern = json!({ "detail": pattern });
        let whole = envelope(&json!({ "detail": detail }));
        assert_eq!(matches(&pattern, &whole), *wanted, "{pattern} {detail}");
        assert_eq!(
            matches(&pattern, &plain(detail)),
            *wanted,
            "{pattern} {detail}, not from EventBridge"
        );
        let as_text = Value::String(serde_json::to_string_pretty(&pattern).unwrap());
        assert_eq!(matches(&as_text, &whole), *wanted, "{pattern} as text");
    }
}

#[test]
fn values_are_compared_with_their_type() {
    over_detail(&[
        (
            json!({ "state": ["sent"] }),
            json!({ "state": "sent" }),
            true,
        ),
        (
            json!({ "state": ["sent", "lost"] }),
            json!({ "state": "lost" }),
            true,
        ),
        (
            json!({ "state": ["sent"] }),
            json!({ "state": "Sent" }),
            false,
        ),
        (json!({ "state": ["sent"] }), json!({}), false),
        (json!({ "state": [""] }), json!({ "state": "" }), true),
        (json!({ "state": [""] }), json!({ "state": null }), false),
        (json!({ "state": [null] }), json!({ "state": null }), true),
        (json!({ "state": [null] }), json!({ "state": "" }), false),
        (json!({ "state": [null] }), json!({}), false),
        (json!({ "ok": [true] }), json!({ "ok": true }), true),
        (json!({ "ok": [true] }), json!({ "ok": "true" }), false),
        (json!({ "n": [300] }), json!({ "n": 300 }), true),
        (json!({ "n": [300] }), json!({ "n": 300.0 }), true),
        (json!({ "n": [3.0e2] }), json!({ "n": 300 }), true),
        (json!({ "n": [300] }), json!({ "n": "300" }), false),
        (json!({ "n": ["300"] }), json!({ "n": 300 }), false),
        (json!({ "n": [0.1] }), json!({ "n": 0.1 }), true),
        (json!({ "n": [-0.0] }), json!({ "n": 0 }), true),
        (
            json!({ "word": ["straße"] }),
            json!({ "word": "stra\u{df}e" }),
            true,
        ),
        // Composed and decomposed are different texts.
        (
            json!({ "word": ["é"] }),
            json!({ "word": "e\u{301}" }),
            false,
        ),
        (json!({ "word": ["🚚"] }), json!({ "word": "🚚" }), true),
        (
            json!({ "ip": ["::1"] }),
            json!({ "ip": "0:0:0:0:0:0:0:1" }),
            true,
        ),
        (
            json!({ "ip": ["fe80::a"] }),
            json!({ "ip": "FE80:0::0A" }),
            true,
        ),
        (
            json!({ "ip": ["::ffff:1.2.3.4"] }),
            json!({ "ip": "::ffff:102:304" }),
            false,
        ),
        (
            json!({ "ip": ["::ffff:1.2.3.4"] }),
            json!({ "ip": "::ffff:1.2.3.4" }),
            true,
        ),
        (
            json!({ "ip": ["10.0.0.1"] }),
            json!({ "ip": "10.0.0.1" }),
            true,
        ),
        (json!({ "n": [1e3] }), json!({ "n": 1000 }), true),
        (json!({ "n": [1000] }), json!({ "n": 1e3 }), true),
        (
            json!({ "n": [123_456_789_012_u64] }),
            json!({ "n": 123_456_789_012_u64 }),
            true,
        ),
        (json!({ "n": [u64::MAX] }), json!({ "n": u64::MAX }), true),
        (
            json!({ "n": [u64::MAX] }),
            json!({ "n": u64::MAX - 1 }),
            false,
        ),
        (json!({ "n": ["", null] }), json!({ "n": [] }), false),
        (json!({ "n": ["", null] }), json!({ "n": [null] }), true),
        (json!({ "n": ["", null] }), json!({ "n": {} }), false),
        (json!({ "N": [1] }), json!({ "n": 1 }), false),
        (
            json!({ "a": { "b": { "c": [1] } } }),
            json!({ "a": { "b": { "c": 1 } } }),
            true,
        ),
        (
            json!({ "a": { "b": [1] } }),
            json!({ "a": { "b": { "c": 1 } } }),
            false,
        ),
        (
            json!({ "a": ["x"], "b": ["y"] }),
            json!({ "a": "x", "b": "z" }),
            false,
        ),
    ]);
}

#[test]
fn comparisons_do_what_the_service_documents() {
    let name = |condition: Value| json!({ "name": [condition] });
    let is = |value: &str| json!({ "name": value });
    over_detail(&[
        (name(json!({ "prefix": "par" })), is("parcel"), true),
        (name(json!({ "prefix": "Par" })), is("parcel"), false),
        (name(json!({ "prefix": "" })), is(""), true),
        (name(json!({ "prefix": "" })), json!({ "name": 1 }), false),
        (
            name(json!({ "prefix": { "equals-ignore-case": "PAR" } })),
            is("parcel"),
            true,
        ),
        (name(json!({ "suffix": ".png" })), is("a.png"), true),
        (name(json!({ "suffix": ".png" })), is("a.PNG"), false),
        (
            name(json!({ "suffix": { "equals-ignore-case": ".Png" } })),
            is("a.pNG"),
            true,
        ),
        (
            name(json!({ "equals-ignore-case": "ALICE" })),
            is("alice"),
            true,
        ),
        (name(json!({ "equals-ignore-case": "ÄÖ" })), is("äö"), true),
        (
            name(json!({ "equals-ignore-case": "alice" })),
            is("alicia"),
            false,
        ),
        (
            name(json!({ "wildcard": "dir/*.png" })),
            is("dir/a/b.png"),
            true,
        ),
        (
            name(json!({ "wildcard": "dir/*.png" })),
            is("dir/.png"),
            true,
        ),
        (
            name(json!({ "wildcard": "dir/*.png" })),
            is("dir/.png~"),
            false,
        ),
        (name(json!({ "wildcard": "*" })), is(""), true),
        (
            name(json!({ "wildcard": "*" })),
            json!({ "name": 3 }),
            false,
        ),
        (name(json!({ "wildcard": "a*a" })), is("a"), false),
        (name(json!({ "wildcard": "2\\*2" })), is("2*2"), true),
        (name(json!({ "wildcard": "2\\*2" })), is("2222"), false),
        (name(json!({ "wildcard": "c:\\\\*" })), is("c:\\x"), true),
        (name(json!({ "anything-but": "lost" })), is("sent"), true),
        (name(json!({ "anything-but": "lost" })), is("lost"), false),
        (name(json!({ "anything-but": "lost" })), json!({}), false),
        (
            name(json!({ "anything-but": "lost" })),
            json!({ "name": null }),
            true,
        ),
        (
            name(json!({ "anything-but": "lost" })),
            json!({ "name": 4 }),
            true,
        ),
        (
            name(json!({ "anything-but": "lost" })),
            json!({ "name": { "a": 1 } }),
            false,
        ),
        (
            name(json!({ "anything-but": ["lost", "late"] })),
            is("late"),
            false,
        ),
        (
            name(json!({ "anything-but": 100 })),
            json!({ "name": 100.0 }),
            false,
        ),
        (name(json!({ "anything-but": 100 })), is("100"), true),
        (
            name(json!({ "anything-but": [100, 200] })),
            json!({ "name": 150 }),
            true,
        ),
        (
            name(json!({ "anything-but": { "prefix": "init" } })),
            is("initial"),
            false,
        ),
        (
            name(json!({ "anything-but": { "prefix": ["init", "err"] } })),
            is("error"),
            false,
        ),
        (
            name(json!({ "anything-but": { "prefix": ["init", "err"] } })),
            is("run"),
            true,
        ),
        (
            name(json!({ "anything-but": { "suffix": ".txt" } })),
            is("a.txt"),
            false,
        ),
        (
            name(json!({ "anything-but": { "suffix": [".txt", ".rtf"] } })),
            is("a.doc"),
            true,
        ),
        (
            name(json!({ "anything-but": { "equals-ignore-case": "lost" } })),
            is("LOST"),
            false,
        ),
        (
            name(json!({ "anything-but": { "equals-ignore-case": ["a", "b"] } })),
            is("B"),
            false,
        ),
        (
            name(json!({ "anything-but": { "wildcard": "*/lib/*" } })),
            is("/usr/lib/x"),
            false,
        ),
        (
            name(json!({ "anything-but": { "wildcard": ["*/lib/*", "*/bin/*"] } })),
            is("/x"),
            true,
        ),
        (
            name(json!({ "cidr": "10.0.0.0/24" })),
            is("10.0.0.255"),
            true,
        ),
        (
            name(json!({ "cidr": "10.0.0.0/24" })),
            is("10.0.1.0"),
            false,
        ),
        (
            name(json!({ "cidr": "10.0.0.77/24" })),
            is("10.0.0.1"),
            true,
        ),
        (
            name(json!({ "cidr": "2001:db8::/32" })),
            is("2001:db8:7::1"),
            true,
        ),
        (name(json!({ "cidr": "10.0.0.0/24" })), is("ten"), false),
        (
            name(json!({ "cidr": "10.0.0.0/24" })),
            json!({ "name": 10 }),
            false,
        ),
        (name(json!({ "cidr": "::/0" })), is("10.0.0.1"), false),
        (name(json!({ "cidr": "0.0.0.0/0" })), is("::a00:1"), false),
        (name(json!({ "wildcard": "a*b*c" })), is("abbc"), true),
        (name(json!({ "wildcard": "*\\**" })), is("x*y"), true),
        (name(json!({ "wildcard": "*\\**" })), is("xy"), false),
        (name(json!({ "wildcard": "é*" })), is("éa"), true),
        (
            name(json!({ "anything-but": { "wildcard": "" } })),
            is("x"),
            true,
        ),
        (
            name(json!({ "anything-but": { "prefix": "a" } })),
            json!({ "name": 4 }),
            true,
        ),
        (
            name(json!({ "anything-but": { "suffix": "a" } })),
            json!({ "name": null }),
            true,
        ),
        (
            name(json!({ "anything-but": { "equals-ignore-case": "a" } })),
            json!({}),
            false,
        ),
        (
            name(json!({ "anything-but": 0 })),
            json!({ "name": 0.0 }),
            false,
        ),
        (
            name(json!({ "anything-but": [1e2] })),
            json!({ "name": 100 }),
            false,
        ),
        (name(json!({ "equals-ignore-case": "" })), is(""), true),
        (name(json!({ "equals-ignore-case": "" })), is("x"), false),
    ]);
}

#[test]
fn numbers_are_compared_as_doubles() {
    let n = |range: Value| json!({ "n": [{ "numeric": range }] });
    let is = |value: Value| json!({ "n": value });
    over_detail(&[
        (n(json!(["=", 5])), is(json!(5.0)), true),
        (n(json!(["<", 10])), is(json!(10)), false),
        (n(json!(["<=", 10])), is(json!(10)), true),
        (n(json!([">", 0, "<=", 5])), is(json!(0)), false),
        (n(json!([">", 0, "<=", 5])), is(json!(5)), true),
        (n(json!([">=", -1.5, "<", 2])), is(json!(-1.5)), true),
        (n(json!([">", 1e300])), is(json!(2e300)), true),
        (n(json!(["=", 3.018e2])), is(json!(301.8)), true),
        (n(json!([">", 0])), is(json!("1")), false),
        (n(json!([">", 0])), is(json!([-1, 1])), true),
        (n(json!([">", 0])), is(json!(null)), false),
    ]);
}

#[test]
fn conditions_of_every_kind_in_one_pattern() {
    let pattern = json!({
        "time": [{ "prefix": "2026-03-04" }],
        "resources": [{ "wildcard": "arn:aws:sqs:*:*:out" }],
        "detail": {
            "state": [{ "anything-but": "lost" }],
            "count": [{ "numeric": [">", 0, "<=", 5] }],
            "depth": [{ "numeric": ["<", 10] }],
            "limit": [{ "anything-but": [100, 200, 300] }],
            "from": [{ "cidr": "10.0.0.0/8" }],
            "note": [{ "exists": false }],
        },
    });
    let detail =
        json!({ "state": "sent", "count": 5, "depth": -3, "limit": 301.8, "from": "10.9.8.7" });
    assert!(matches(&pattern, &envelope(&json!({ "detail": detail }))));
    for (name, value) in [
        ("state", json!("lost")),
        ("count", json!(6)),
        ("depth", json!(10)),
        ("limit", json!(200)),
        ("from", json!("11.0.0.1")),
        ("note", json!("")),
        ("state", json!({})),
    ] {
        let mut other = detail.clone();
        other[name] = value;
        assert!(
            !matches(&pattern, &envelope(&json!({ "detail": other }))),
            "{name}"
        );
    }
}

#[test]
fn exists_looks_at_leaves() {
    let yes = json!({ "n": [{ "exists": true }] });
    let no = json!({ "n": [{ "exists": false }] });
    for (detail, there) in [
        (json!({ "n": 1 }), true),
        (json!({ "n": null }), true),
        (json!({ "n": "" }), true),
        (json!({ "n": ["a"] }), true),
        (json!({}), false),
        (json!({ "n": {} }), false),
        (json!({ "n": { "m": 1 } }), false),
        (json!({ "n": [] }), false),
        (json!({ "n": [{ "m": 1 }] }), false),
    ] {
        over_detail(&[
            (yes.clone(), detail.clone(), there),
            (no.clone(), detail.clone(), !there),
        ]);
    }
    let or_other = json!({ "n": [{ "exists": false }, "x"] });
    over_detail(&[
        (or_other.clone(), json!({}), true),
        (or_other.clone(), json!({ "n": "x" }), true),
        (or_other, json!({ "n": "y" }), false),
        (
            json!({ "n": [{ "exists": false }], "m": [1] }),
            json!({ "m": 1 }),
            true,
        ),
        (
            json!({ "n": [{ "exists": false }], "m": [1] }),
            json!({ "m": 1, "n": 0 }),
            false,
        ),
    ]);
}

#[test]
fn fields_of_one_array_are_met_by_one_element() {
    let both = json!({ "items": { "sku": ["a"], "count": [1] } });
    let deep = json!({ "items": { "sku": ["a"], "parts": { "color": ["red"], "count": [1] } } });
    over_detail(&[
        (
            json!({ "tags": ["x"] }),
            json!({ "tags": ["y", "x"] }),
            true,
        ),
        (
            json!({ "tags": ["x"] }),
            json!({ "tags": [["y"], ["x"]] }),
            true,
        ),
        (json!({ "tags": ["x"] }), json!({ "tags": [] }), false),
        (
            json!({ "tags": [{ "anything-but": "x" }] }),
            json!({ "tags": ["x", "y"] }),
            true,
        ),
        (
            both.clone(),
            json!({ "items": [{ "sku": "a", "count": 1 }] }),
            true,
        ),
        (
            both.clone(),
            json!({ "items": [{ "sku": "a", "count": 2 }, { "sku": "b", "count": 1 }] }),
            false,
        ),
        (
            both.clone(),
            json!({ "items": [[{ "sku": "b" }], [{ "sku": "a", "count": 1 }]] }),
            true,
        ),
        (
            both.clone(),
            json!({ "items": { "sku": "a", "count": 1 } }),
            true,
        ),
        (
            both,
            json!({ "items": { "sku": ["b", "a"], "count": [2, 1] } }),
            true,
        ),
        (
            deep.clone(),
            json!({ "items": [{ "sku": "a", "parts": [{ "color": "blue", "count": 1 }, { "color": "red", "count": 1 }] }] }),
            true,
        ),
        (
            deep.clone(),
            json!({ "items": [{ "sku": "a", "parts": [{ "color": "red" }, { "count": 1 }] }] }),
            false,
        ),
        (
            deep,
            json!({ "items": [{ "sku": "a" }, { "parts": [{ "color": "red", "count": 1 }] }] }),
            false,
        ),
        // Two arrays are independent of each other.
        (
            json!({ "a": { "x": [1] }, "b": { "y": [2] } }),
            json!({ "a": [{}, { "x": 1 }], "b": [{ "y": 2 }] }),
            true,
        ),
        // `detail` itself.
        (
            json!({ "x": [1], "y": [2] }),
            json!([{ "x": 1 }, { "y": 2 }]),
            false,
        ),
        (
            json!({ "x": [1], "y": [2] }),
            json!([{ "x": 1 }, { "x": 1, "y": 2 }]),
            true,
        ),
    ]);
}

#[test]
fn a_dot_in_a_name_is_a_step() {
    let nested = json!({ "a": { "b": [1] } });
    let joined = json!({ "a.b": [1] });
    for pattern in [&nested, &joined] {
        over_detail(&[
            (pattern.clone(), json!({ "a": { "b": 1 } }), true),
            (pattern.clone(), json!({ "a.b": 1 }), true),
            (pattern.clone(), json!({ "a.b": [0, 1] }), true),
            (pattern.clone(), json!({ "a": [{ "b": 1 }] }), true),
            (pattern.clone(), json!({ "a.b": 2 }), false),
            (pattern.clone(), json!({ "a.b": { "c": 1 } }), false),
            (pattern.clone(), json!({ "a": { "c": 1 }, "b": 1 }), false),
            // Both are there, and each counts.
            (pattern.clone(), json!({ "a.b": 2, "a": { "b": 1 } }), true),
        ]);
    }
    let deep = json!({ "x.y": { "z": [1] }, "n": [2] });
    let absent = json!({ "a.b": [{ "exists": false }], "c": [1] });
    over_detail(&[
        (deep.clone(), json!({ "x": { "y.z": 1 }, "n": 2 }), true),
        (deep.clone(), json!({ "x.y.z": 1, "n": 2 }), true),
        (deep, json!([{ "x.y.z": 1 }, { "n": 2 }]), false),
        (absent.clone(), json!({ "c": 1 }), true),
        (absent.clone(), json!({ "c": 1, "a": { "b": 1 } }), false),
        (absent.clone(), json!({ "c": 1, "a.b": 1 }), false),
        (absent, json!({ "c": 1, "a.b": {} }), true),
    ]);
    let whole = json!({ "detail.state": ["sent"], "source": ["shop.orders"] });
    let event = envelope(&json!({ "detail": { "state": "sent" } }));
    assert!(matches(&whole, &event));
    assert!(matches(&whole, &plain(&json!({ "state": "sent" }))));
    let far = json!({ "a.".repeat(64): [1] });
    let refused = compile(&json!({ "event-bridge": far })).unwrap_err();
    assert!(refused.reason.contains("names deep"), "{}", refused.reason);
}

#[test]
fn absence_is_judged_in_the_elements_that_earlier_names_chose() {
    let later = json!({ "l": { "a": ["x"], "b": [{ "exists": false }] } });
    let earlier = json!({ "l": { "a": [{ "exists": false }], "b": ["x"] } });
    over_detail(&[
        (
            later.clone(),
            json!({ "l": [{ "a": "x" }, { "a": "y", "b": 1 }] }),
            true,
        ),
        (later.clone(), json!({ "l": [{ "a": "x", "b": 1 }] }), false),
        (
            later,
            json!({ "l": [{ "a": "x", "b": 1 }, { "a": "x" }] }),
            true,
        ),
        (earlier.clone(), json!({ "l": [{ "b": "x" }] }), true),
        (earlier, json!({ "l": [{ "b": "x" }, { "a": 1 }] }), false),
    ]);
}

#[test]
fn or_makes_alternatives_of_whole_maps() {
    let pattern = json!({
        "state": ["open"],
        "$or": [{ "c": [{ "numeric": [">", 0] }] }, { "d": ["x"], "e": ["y"] }],
    });
    let nested =
        json!({ "$or": [{ "a": [1] }, { "b": [1], "$or": [{ "c": [1] }, { "d": [1] }] }] });
    over_detail(&[
        (pattern.clone(), json!({ "state": "open", "c": 1 }), true),
        (
            pattern.clone(),
            json!({ "state": "open", "d": "x", "e": "y" }),
            true,
        ),
        (pattern.clone(), json!({ "state": "open", "d": "x" }), false),
        (pattern, json!({ "c": 1 }), false),
        (nested.clone(), json!({ "a": 1 }), true),
        (nested.clone(), json!({ "b": 1, "d": 1 }), true),
        (nested, json!({ "b": 1 }), false),
        // What an alternative says of a field counts for it.
        (
            json!({ "a": [1], "$or": [{ "a": [2] }, { "b": [1] }] }),
            json!({ "a": 2 }),
            true,
        ),
        (
            json!({ "a": [1], "$or": [{ "a": [2] }, { "b": [1] }] }),
            json!({ "a": 1 }),
            false,
        ),
        (
            json!({ "a": [1], "$or": [{ "a": [2] }, { "b": [1] }] }),
            json!({ "a": 1, "b": 1 }),
            true,
        ),
        // With anything but a list it is a field like others.
        (
            json!({ "$or": { "a": [1] } }),
            json!({ "$or": { "a": 1 } }),
            true,
        ),
    ]);
}

#[test]
fn the_envelope_of_an_event_from_eventbridge_is_matched_whole() {
    let event = envelope(&json!({ "replay-name": "again", "detail": { "n": 1 } }));
    for (pattern, wanted) in [
        (
            json!({ "source": ["shop.orders"], "detail-type": ["Order Shipped"] }),
            true,
        ),
        (json!({ "detail-type": ["Order Lost"] }), false),
        (
            json!({ "account": ["123456789012"], "region": [{ "prefix": "eu-" }] }),
            true,
        ),
        (json!({ "version": ["0"] }), true),
        (json!({ "time": [{ "prefix": "2026-03-04" }] }), true),
        (json!({ "resources": ["arn:aws:s3:::parcels"] }), true),
        (
            json!({ "resources": [{ "wildcard": "arn:aws:sqs:*:out" }] }),
            true,
        ),
        (json!({ "resources": ["arn:aws:s3:::other"] }), false),
        (json!({ "replay-name": [{ "exists": true }] }), true),
        (json!({ "source": [{ "prefix": "aws." }] }), false),
        (json!({ "detail": { "detail": { "n": [1] } } }), false),
        (json!({ "n": [1] }), false),
    ] {
        assert_eq!(matches(&pattern, &event), wanted, "{pattern}");
    }
}

#[test]
fn other_events_are_seen_in_the_places_of_the_envelope() {
    let event = Event::builder("7", "https://github.com/acme/app", "com.github.push")
        .subject("refs/heads/main")
        .time("2026-03-04T05:06:07Z")
        .extension("account", Attribute::String("acme"))
        .extension("tries", Attribute::Integer(3))
        .data("application/json", r#"{"forced":false}"#)
        .build()
        .unwrap();
    for (pattern, wanted) in [
        (json!({ "id": ["7"], "version": ["0"] }), true),
        (json!({ "version": ["1"] }), false),
        (json!({ "detail-type": ["com.github.push"] }), true),
        (json!({ "source": [{ "suffix": "/app" }] }), true),
        (json!({ "resources": [{ "prefix": "refs/heads/" }] }), true),
        (
            json!({ "time": [{ "prefix": "2026-" }], "account": ["acme"] }),
            true,
        ),
        (json!({ "tries": [{ "numeric": [">", 2] }] }), true),
        (json!({ "region": [{ "exists": false }] }), true),
        (
            json!({ "type": [{ "exists": false }], "subject": [{ "exists": false }] }),
            true,
        ),
        (json!({ "type": ["com.github.push"] }), false),
        (json!({ "detail": { "forced": [false] } }), true),
        (json!({ "Not An Attribute": [{ "exists": true }] }), false),
    ] {
        assert_eq!(matches(&pattern, &event), wanted, "{pattern}");
    }
    let bytes = Event::builder("7", "/s", "t")
        .data("text/plain", "{}")
        .build()
        .unwrap();
    assert!(!matches(&json!({ "detail": { "a": [1] } }), &bytes));
    assert!(matches(
        &json!({ "detail": { "a": [{ "exists": false }] } }),
        &bytes
    ));
}

#[test]
fn what_the_service_refuses_is_refused_with_the_place() {
    for (pattern, pointer, reason) in [
        (json!([]), "", "an event pattern is a map"),
        (json!({}), "", "must not be empty"),
        (json!({ "a": {} }), "/a", "must not be empty"),
        (
            json!({ "a": [] }),
            "/a",
            "a list of values must not be empty",
        ),
        (
            json!({ "a": "x" }),
            "/a",
            "`a` must be a list of values or a map, found a text",
        ),
        (json!({ "a": 1 }), "/a", "must be a list"),
        (json!({ "a": [["x"]] }), "/a/0", "a value is a text"),
        (
            json!({ "a": ["x", {}] }),
            "/a/1",
            "a comparison must not be empty",
        ),
        (
            json!({ "a": [{ "prefix": "x", "suffix": "y" }] }),
            "/a/0",
            "one key only",
        ),
        (
            json!({ "a": [{ "prefx": "x" }] }),
            "/a/0/prefx",
            "unknown comparison `prefx`",
        ),
        (
            json!({ "a": [{ "prefix": 1 }] }),
            "/a/0/prefix",
            "`prefix` takes a text, found a number",
        ),
        (
            json!({ "a": [{ "suffix": ["x"] }] }),
            "/a/0/suffix",
            "takes a text",
        ),
        (
            json!({ "a": [{ "prefix": { "wildcard": "x" } }] }),
            "/a/0/prefix/wildcard",
            "found `wildcard`",
        ),
        (
            json!({ "a": [{ "equals-ignore-case": 5 }] }),
            "/a/0/equals-ignore-case",
            "takes a text",
        ),
        (
            json!({ "a": [{ "wildcard": "a**b" }] }),
            "/a/0/wildcard",
            "two stars",
        ),
        (
            json!({ "a": [{ "wildcard": "a\\b" }] }),
            "/a/0/wildcard",
            "a backslash stands before",
        ),
        (
            json!({ "a": [{ "wildcard": "a\\" }] }),
            "/a/0/wildcard",
            "a backslash stands before",
        ),
        (
            json!({ "a": [{ "exists": "yes" }] }),
            "/a/0/exists",
            "true or false",
        ),
        (
            json!({ "a": [{ "anything-but": null }] }),
            "/a/0/anything-but",
            "found nothing",
        ),
        (
            json!({ "a": [{ "anything-but": [] }] }),
            "/a/0/anything-but",
            "must not be empty",
        ),
        (
            json!({ "a": [{ "anything-but": ["x", 1] }] }),
            "/a/0/anything-but",
            "not both",
        ),
        (
            json!({ "a": [{ "anything-but": [true] }] }),
            "/a/0/anything-but/0",
            "found a boolean",
        ),
        (
            json!({ "a": [{ "anything-but": { "prefix": "" } }] }),
            "/a/0/anything-but/prefix",
            "must not be empty",
        ),
        (
            json!({ "a": [{ "anything-but": { "numeric": ["=", 1] } }] }),
            "/a/0/anything-but/numeric",
            "found `numeric`",
        ),
        (
            json!({ "a": [{ "anything-but": { "prefix": { "equals-ignore-case": "x" } } }] }),
            "/a/0/anything-but/prefix",
            "takes texts",
        ),
        (
            json!({ "a": [{ "anything-but": { "suffix": ["x", null] } }] }),
            "/a/0/anything-but/suffix/1",
            "takes texts",
        ),
        (
            json!({ "a": [{ "Prefix": "x" }] }),
            "/a/0/Prefix",
            "unknown comparison `Prefix`",
        ),
        (
            json!({ "$or": [{ "a": [1] }, { "b": { "date-on-or-after": ["x"] } }] }),
            "/$or/1/b/date-on-or-after",
            "is a comparison",
        ),
        (
            json!({ "a": [{ "anything-but": { "wildcard": ["a**"] } }] }),
            "/a/0/anything-but/wildcard/0",
            "two stars",
        ),
        (
            json!({ "a": [{ "numeric": 5 }] }),
            "/a/0/numeric",
            "takes a list",
        ),
        (
            json!({ "a": [{ "numeric": [] }] }),
            "/a/0/numeric",
            "wants an operator",
        ),
        (
            json!({ "a": [{ "numeric": [">"] }] }),
            "/a/0/numeric",
            "wants a number",
        ),
        (
            json!({ "a": [{ "numeric": [">", "5"] }] }),
            "/a/0/numeric/1",
            "found a text",
        ),
        (
            json!({ "a": [{ "numeric": ["~", 5] }] }),
            "/a/0/numeric/0",
            "unknown operator `~`",
        ),
        (
            json!({ "a": [{ "numeric": ["=", 5, "<", 6] }] }),
            "/a/0/numeric",
            "begins with its lower end",
        ),
        (
            json!({ "a": [{ "numeric": ["<", 5, ">", 1] }] }),
            "/a/0/numeric",
            "begins with its lower end",
        ),
        (
            json!({ "a": [{ "numeric": [">", 5, ">", 6] }] }),
            "/a/0/numeric/2",
            "ends with < or <=",
        ),
        (
            json!({ "a": [{ "numeric": [">", 5, "<", 5] }] }),
            "/a/0/numeric",
            "must be less",
        ),
        (
            json!({ "a": [{ "numeric": [">", 1, "<", 5, 6] }] }),
            "/a/0/numeric",
            "two ends",
        ),
        (
            json!({ "a": [{ "cidr": "10.0.0.0" }] }),
            "/a/0/cidr",
            "one `/`",
        ),
        (
            json!({ "a": [{ "cidr": "10.0.0.0/32" }] }),
            "/a/0/cidr",
            "0 to 31",
        ),
        (
            json!({ "a": [{ "cidr": "10.0.0/8" }] }),
            "/a/0/cidr",
            "no IP address",
        ),
        (
            json!({ "a": [{ "cidr": "::/128" }] }),
            "/a/0/cidr",
            "0 to 127",
        ),
        (json!({ "$or": [{ "a": [1] }] }), "/$or", "at least two"),
        (
            json!({ "$or": [{ "a": [1] }, "b"] }),
            "/$or/1",
            "takes maps",
        ),
        (
            json!({ "$or": [{ "a": [1] }, {}] }),
            "/$or/1",
            "must not be empty",
        ),
        (
            json!({ "$or": [{ "a": [1] }, { "prefix": ["x"] }] }),
            "/$or/1/prefix",
            "is a comparison",
        ),
        (
            json!({ "a": [{ "anything-but": 9_007_199_254_740_993_u64 }] }),
            "/a/0/anything-but",
            "more digits",
        ),
    ] {
        let refused = compile(&json!({ "event-bridge": pattern })).unwrap_err();
        assert_eq!(
            refused.pointer,
            format!("/event-bridge{pointer}"),
            "{pattern}"
        );
        assert!(
            refused.reason.contains(reason),
            "{pattern}: {}",
            refused.reason
        );
        // As a text the place is a byte in it.
        let text = pattern.to_string();
        let refused = compile(&json!({ "event-bridge": text })).unwrap_err();
        assert_eq!(refused.pointer, "/event-bridge", "{pattern}");
        let offset = refused.offset.unwrap();
        let value = pattern.pointer(pointer).unwrap().to_string();
        assert!(
            text[offset..].starts_with(&value),
            "{pattern}: {}",
            &text[offset..]
        );
    }
}

#[test]
fn what_is_no_json_is_refused_with_the_place() {
    for (text, rest) in [("{\"a\": [1}", "}"), ("{\"ä\": nul}", "}"), ("", "")] {
        let refused = compile(&json!({ "event-bridge": text })).unwrap_err();
        assert!(
            refused.reason.starts_with("no JSON: "),
            "{}",
            refused.reason
        );
        assert_eq!(&text[refused.offset.unwrap()..], rest);
    }
}

#[test]
fn the_size_of_a_pattern_is_bounded() {
    let many: Vec<_> = (0..1001).map(|n| json!(n)).collect();
    let refused = compile(&json!({ "event-bridge": { "a": many } })).unwrap_err();
    assert!(
        refused.reason.contains("at most 1000"),
        "{}",
        refused.reason
    );
    let two = json!([{ "a": [1] }, { "b": [1] }]);
    let mut pattern = json!({ "x": [1] });
    for depth in 0..12 {
        pattern = json!({ "$or": two, (format!("k{depth}")): pattern });
    }
    let refused = compile(&json!({ "event-bridge": pattern })).unwrap_err();
    assert!(refused.reason.contains("at most"), "{}", refused.reason);
    let mut deep = json!([1]);
    for _ in 0..40 {
        deep = json!({ "a": deep });
    }
    let refused = compile(&json!({ "event-bridge": deep })).unwrap_err();
    assert!(refused.reason.contains("levels deep"), "{}", refused.reason);
}

#[test]
fn explains_in_the_words_of_the_pattern() {
    let filter = compile(&json!({ "event-bridge": {
        "source": ["shop.orders"], "detail": { "state": [{ "prefix": "s" }], "n": [1] },
    } }))
    .unwrap();
    let explanation = filter.explain(&plain(&json!({ "state": "lost", "n": 1 })));
    let words: Vec<_> = explanation
        .verdicts
        .iter()
        .map(|v| v.predicate.as_str())
        .collect();
    assert_eq!(
        words,
        [
            "detail.n: [1], detail.state: [{\"prefix\":\"s\"}]",
            "source: [\"shop.orders\"]"
        ]
    );
    assert_eq!(explanation.decisive, Some(0));
    assert!(!explanation.holds);
}
