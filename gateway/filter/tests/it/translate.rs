//! Translation between dialects, held against evaluation over generated events.

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use tradewind_event::{Attribute, Event};
use tradewind_filter::{Dialects, Filter, Rendering};

/// Dialects that others are translated to.
const TARGETS: [&str; 7] = [
    "event-bridge",
    "event-grid",
    "eventarc",
    "pub-sub",
    "knative",
    "sql",
    "cel",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a"),
        Just("A"),
        Just("ab"),
        Just("b"),
        Just("ba"),
        Just("a*b"),
        Just("a\\"),
        Just("\"a"),
        Just("ä")
    ]
    .prop_map(str::to_owned)
}

fn attribute() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("type"),
        Just("source"),
        Just("subject"),
        Just("ext"),
        Just("region")
    ]
    .prop_map(str::to_owned)
}

fn compare() -> impl Strategy<Value = Value> {
    let how = prop_oneof![Just("exact"), Just("prefix"), Just("suffix")];
    (how, attribute(), text()).prop_map(|(how, name, text)| json!({ (how): { (name): text } }))
}

fn subscriptions() -> impl Strategy<Value = Value> {
    compare().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(|all| json!({ "all": all })),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|any| json!({ "any": any })),
            inner.prop_map(|one| json!({ "not": one })),
        ]
    })
}

fn condition() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::String),
        (0..3_i64).prop_map(|n| json!(n)),
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        text().prop_map(|t| json!({ "prefix": t })),
        text().prop_map(|t| json!({ "suffix": t })),
        text().prop_map(|t| json!({ "equals-ignore-case": t })),
        text().prop_map(|t| json!({ "prefix": { "equals-ignore-case": t } })),
        Just(json!({ "wildcard": "*a*" })),
        any::<bool>().prop_map(|there| json!({ "exists": there })),
        prop::collection::vec(text(), 1..3).prop_map(|t| json!({ "anything-but": t })),
        prop::collection::vec(0..3_i64, 1..3).prop_map(|n| json!({ "anything-but": n })),
        text().prop_map(|t| json!({ "anything-but": { "prefix": t } })),
        (0..3_i64).prop_map(|n| json!({ "numeric": [">", n] })),
        (0..3_i64).prop_map(|n| json!({ "numeric": [">=", n, "<", n + 2] })),
    ]
}

fn event_bridge() -> impl Strategy<Value = Value> {
    let conditions = || prop::collection::vec(condition(), 1..3);
    let detail = prop::collection::btree_map(
        prop_oneof![Just("x"), Just("y"), Just("z")].prop_map(str::to_owned),
        prop_oneof![
            conditions().prop_map(Value::Array),
            (conditions(), conditions()).prop_map(|(p, q)| json!({ "p": p, "q": q })),
        ],
        1..3,
    );
    let one = prop_oneof![
        conditions().prop_map(|c| json!({ "detail-type": c })),
        conditions().prop_map(|c| json!({ "source": c, "region": ["a"] })),
        conditions().prop_map(|c| json!({ "resources": c })),
        detail.prop_map(|detail| json!({ "detail": detail })),
    ];
    prop_oneof![
        one.clone(),
        (one.clone(), one).prop_map(|(a, b)| json!({ "$or": [a, b] })),
    ]
    .prop_map(|pattern| json!({ "event-bridge": pattern }))
}

fn event_grid() -> impl Strategy<Value = Value> {
    let key = || {
        prop_oneof![
            Just("subject"),
            Just("eventType"),
            Just("ext"),
            Just("data.x"),
            Just("data.y.p")
        ]
    };
    let texts = || prop::collection::vec(text(), 1..3);
    let string = prop_oneof![
        Just("StringIn"),
        Just("StringNotIn"),
        Just("StringBeginsWith"),
        Just("StringNotBeginsWith"),
        Just("StringEndsWith"),
        Just("StringContains"),
        Just("StringNotContains"),
    ];
    let number = prop_oneof![Just("NumberLessThan"), Just("NumberGreaterThanOrEquals")];
    let one = prop_oneof![
        (string, key(), texts()).prop_map(|(op, key, values)| json!({ "operatorType": op, "key": key, "values": values })),
        (number, key(), 0..3_i64).prop_map(|(op, key, n)| json!({ "operatorType": op, "key": key, "value": n })),
        (key(), 0..3_i64).prop_map(|(key, n)| json!({ "operatorType": "NumberIn", "key": key, "values": [n, n + 1] })),
        (key(), 0..3_i64).prop_map(|(key, n)| json!({ "operatorType": "NumberNotIn", "key": key, "values": [n] })),
        (key(), 0..3_i64).prop_map(|(key, n)| json!({ "operatorType": "NumberInRange", "key": key, "values": [[n, n + 1]] })),
        (key(), any::<bool>()).prop_map(|(key, b)| json!({ "operatorType": "BoolEquals", "key": key, "value": b })),
        key().prop_map(|key| json!({ "operatorType": "IsNotNull", "key": key })),
    ];
    (prop::collection::vec(one, 1..3), any::<bool>(), prop::option::of(texts())).prop_map(|(filters, arrays, types)| {
        json!({ "event-grid": {
            "advancedFilters": filters, "enableAdvancedFilteringOnArrays": arrays, "includedEventTypes": types,
        } })
    })
}

fn pub_sub() -> impl Strategy<Value = Value> {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let leaf = prop_oneof![
        attribute().prop_map(|name| format!("attributes:ce-{name}")),
        (attribute(), text())
            .prop_map(move |(name, t)| format!("attributes.ce-{name} = {}", quoted(&t))),
        (attribute(), text())
            .prop_map(move |(name, t)| format!("attributes.ce-{name} != {}", quoted(&t))),
        (attribute(), text())
            .prop_map(move |(name, t)| format!("hasPrefix(attributes.ce-{name}, {})", quoted(&t))),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} AND {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
            inner.prop_map(|one| format!("NOT ({one})")),
        ]
    })
    .prop_map(|expression| json!({ "pub-sub": expression }))
}

fn eventarc() -> impl Strategy<Value = Value> {
    let pattern = prop::sample::select(&["a*", "*", "**", "{name=*b}", "a/**"][..]);
    let one = prop_oneof![
        2 => (attribute(), text()).prop_map(|(name, t)| json!({ "attribute": name, "value": t })),
        1 => (attribute(), pattern).prop_map(|(name, value)| {
            json!({ "attribute": name, "value": value, "operator": "match-path-pattern" })
        }),
    ];
    prop::collection::vec(one, 1..3).prop_map(|criteria| json!({ "eventarc": criteria }))
}

fn knative() -> impl Strategy<Value = Value> {
    let value = prop_oneof![2 => text(), 1 => Just(String::new())];
    let attributes = prop::collection::btree_map(attribute(), value, 0..3);
    prop_oneof![
        attributes.prop_map(|map| json!({ "filter": { "attributes": map } })),
        prop::collection::vec(subscriptions(), 1..3).prop_map(|all| json!({ "filters": all })),
    ]
    .prop_map(|trigger| json!({ "knative": trigger }))
}

fn sql() -> impl Strategy<Value = Value> {
    let text = || prop::sample::select(&["a", "A", "ab", "1", "true", "a%", "%b", "_", "ä"][..]);
    let op = prop::sample::select(&["=", "!=", "<", ">="][..]);
    let leaf = prop_oneof![
        3 => (attribute(), op, text()).prop_map(|(name, op, t)| format!("{name} {op} '{t}'")),
        2 => (attribute(), text()).prop_map(|(name, t)| format!("{name} LIKE '{t}'")),
        2 => (attribute(), text(), 0..3_i32).prop_map(|(name, t, n)| format!("{name} IN ('{t}', {n})")),
        1 => (attribute(), 0..3_i32).prop_map(|(name, n)| format!("{name} = {n}")),
        1 => attribute().prop_map(|name| format!("EXISTS {name}")),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let op = prop::sample::select(&["AND", "OR", "XOR"][..]);
        prop_oneof![
            3 => (inner.clone(), op, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            1 => inner.prop_map(|one| format!("NOT ({one})")),
        ]
    })
    .prop_map(|expression| json!({ "sql": expression }))
}

fn data() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        text().prop_map(Value::String),
        (0..4_i64).prop_map(|n| json!(n)),
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
    ];
    scalar.prop_recursive(4, 24, 3, |inner| {
        let key = prop_oneof![Just("x"), Just("y"), Just("z"), Just("p"), Just("q")];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::btree_map(key.prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| json!(map)),
        ]
    })
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let optional = || prop::option::of(text());
    let ext = prop_oneof![
        Just(None),
        text().prop_map(|t| Some(Attribute::String(Box::leak(t.into_boxed_str())))),
        (0..3_i32).prop_map(|n| Some(Attribute::Integer(n))),
        any::<bool>().prop_map(|b| Some(Attribute::Boolean(b))),
    ];
    (
        text(),
        prop_oneof![Just("a"), Just("A"), Just("ab")],
        optional(),
        optional(),
        ext,
        prop::option::of(data()),
    )
        .prop_map(|(kind, source, subject, region, ext, data)| {
            let mut builder = Event::builder("1", source, kind);
            if let Some(subject) = subject {
                builder = builder.subject(subject);
            }
            if let Some(region) = region {
                builder = builder.extension("region", Attribute::String(&region));
            }
            if let Some(ext) = ext {
                builder = builder.extension("ext", ext);
            }
            if let Some(data) = data {
                builder = builder.data("application/json", data.to_string());
            }
            builder.build().unwrap()
        })
}

/// Translations by verdict: exact, superset, impossible.
fn held(definition: &Value, events: &[Event]) -> Result<[usize; 3], TestCaseError> {
    let dialects = Dialects::standard();
    let formula = dialects
        .parse(definition)
        .unwrap_or_else(|refused| panic!("{definition}: {refused}"));
    let original = Filter::new(formula.clone());
    let mut verdicts = [0; 3];
    for target in TARGETS {
        let rendering = dialects.named(target).unwrap().render(&formula);
        let Some(body) = rendering.definition() else {
            verdicts[2] += 1;
            continue;
        };
        let translated = json!({ (target): body });
        let parsed = dialects.parse(&translated);
        let filter = match parsed {
            Ok(formula) => Filter::new(formula),
            Err(refused) => {
                return Err(TestCaseError::fail(format!(
                    "{definition} as {translated}: {refused}"
                )));
            }
        };
        let exact = matches!(rendering, Rendering::Exact(_));
        verdicts[usize::from(!exact)] += 1;
        for event in events {
            let (before, after) = (original.matches(event), filter.matches(event));
            prop_assert!(
                before == after || (!exact && after),
                "{definition} as {translated} ({}): {before}, then {after} for {}",
                rendering.verdict(),
                String::from_utf8_lossy(&tradewind_event::json::encode(event)),
            );
        }
    }
    Ok(verdicts)
}

/// How many filters of each dialect; `TRADEWIND_TRANSLATIONS` says otherwise.
fn cases() -> u32 {
    let wanted = std::env::var("TRADEWIND_TRANSLATIONS").ok();
    wanted.and_then(|n| n.parse().ok()).unwrap_or(60)
}

fn proved(dialect: &str, definitions: impl Strategy<Value = Value>) {
    let config = ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    // The short form is the same every time; the proof is not.
    let mut runner = match std::env::var_os("TRADEWIND_TRANSLATIONS") {
        Some(_) => TestRunner::new(config),
        None => {
            let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
            TestRunner::new_with_rng(config, rng)
        }
    };
    let total = std::cell::Cell::new([0; 3]);
    let both = (definitions, prop::collection::vec(event(), 30));
    runner
        .run(&both, |(definition, events)| {
            let verdicts = held(&definition, &events)?;
            let mut sum = total.get();
            sum.iter_mut().zip(verdicts).for_each(|(sum, n)| *sum += n);
            total.set(sum);
            Ok(())
        })
        .unwrap();
    let [exact, superset, impossible] = total.get();
    println!(
        "translate: from {dialect}: {exact} exact, {superset} superset, {impossible} impossible: as told over 30 events each"
    );
    // Each dialect is at least translated to itself.
    assert!(exact > 0);
}

#[test]
fn from_subscriptions() {
    proved("the Subscriptions dialects", subscriptions());
}

#[test]
fn from_event_bridge() {
    proved("event-bridge", event_bridge());
}

#[test]
fn from_event_grid() {
    proved("event-grid", event_grid());
}

#[test]
fn from_pub_sub() {
    proved("pub-sub", pub_sub());
}

#[test]
fn from_eventarc() {
    proved("eventarc", eventarc());
}

#[test]
fn from_knative() {
    proved("knative", knative());
}

#[test]
fn from_sql() {
    proved("sql", sql());
}

#[test]
fn from_cel() {
    proved(
        "cel",
        crate::cel::condition().prop_map(|text| json!({ "cel": text })),
    );
}

#[test]
fn tells_what_cannot_be_said() {
    for (definition, target, verdict, reason) in [
        (
            json!({ "suffix": { "type": "x" } }),
            "pub-sub",
            "impossible",
            "type ends with 'x'",
        ),
        (
            json!({ "exact": { "subject": "A" } }),
            "event-grid",
            "superset",
            "the case of subject",
        ),
        (
            json!({ "event-bridge": { "detail": { "n": [1] } } }),
            "knative",
            "impossible",
            "only attributes are seen",
        ),
        (
            json!({ "event-bridge": { "source": ["s"], "detail": { "n": [1] } } }),
            "knative",
            "superset",
            "only attributes are seen",
        ),
        (
            json!({ "any": [{ "exact": { "id": "1" } }, { "exact": { "type": "t" } }] }),
            "eventarc",
            "impossible",
            "alternatives",
        ),
    ] {
        let dialects = Dialects::standard();
        let formula = dialects.parse(&definition).unwrap();
        let rendering = dialects.named(target).unwrap().render(&formula);
        assert_eq!(rendering.verdict(), verdict, "{definition} in {target}");
        let (Rendering::Superset { reasons, .. } | Rendering::Impossible { reasons }) = rendering
        else {
            panic!("{definition} in {target} has no reason");
        };
        assert!(
            reasons.iter().any(|told| told.contains(reason)),
            "{reasons:?}"
        );
    }
}

/// Written again it is what it was: put together from its parts it would nest deeper than may be read.
#[test]
fn an_expression_is_told_as_it_was_written() {
    let dialects = Dialects::standard();
    let deep = format!("n % {}0 = 1 OR n < 1", "-".repeat(60));
    for (dialect, text) in [
        ("sql", &*deep),
        ("sql", "type = 'a'AND(n>1)"),
        ("cel", "1 <2"),
    ] {
        let formula = dialects.parse(&json!({ (dialect): text })).unwrap();
        let rendering = dialects.named(dialect).unwrap().render(&formula);
        assert_eq!(rendering.definition(), Some(&json!(text)));
    }
}
