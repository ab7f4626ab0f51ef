//! The index against every filter on its own, and against a reading of the formula as it stands.

use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tradewind_event::{Attribute, Event, json, packed};
use tradewind_filter::{
    Arrays, Bound, Field, Filter, Formula, How, Index, Limits, Number, Path, Range, Refused,
    Scratch, Snapshot, Test, Text, View, Wildcard, compile,
};

/// What is found at a path, read from parsed JSON.
#[derive(Debug, Clone, PartialEq)]
enum Met {
    Value(Value, Vec<(usize, usize)>),
    Composite(Vec<(usize, usize)>),
}

fn walk(
    value: &Value,
    keys: &[&str],
    arrays: Arrays,
    way: &[(usize, usize)],
    here: usize,
    out: &mut Vec<Met>,
) {
    match value {
        Value::Array(members) => {
            let looks = match arrays {
                Arrays::Through => true,
                Arrays::Last => keys.is_empty() && here == 0,
                Arrays::Never => false,
            };
            if !looks {
                if keys.is_empty() {
                    out.push(Met::Composite(way.to_vec()));
                }
                return;
            }
            let id = std::ptr::from_ref(value) as usize;
            for (index, member) in members.iter().enumerate() {
                let way: Vec<_> = way.iter().copied().chain([(id, index)]).collect();
                walk(member, keys, arrays, &way, here + 1, out);
            }
        }
        Value::Object(map) => match keys {
            [] => out.push(Met::Composite(way.to_vec())),
            [first, rest @ ..] => {
                if let Some(member) = map.get(*first) {
                    walk(member, rest, arrays, way, 0, out);
                }
            }
        },
        scalar if keys.is_empty() => out.push(Met::Value(scalar.clone(), way.to_vec())),
        _ => {}
    }
}

fn met(path: &Path, event: &Event, data: Option<&Value>) -> Vec<Met> {
    let mut out = Vec::new();
    match path {
        Path::Attribute(name) => {
            if let Some(value) = event.attribute(name) {
                out.push(Met::Value(json!(value.to_canonical()), Vec::new()));
            }
        }
        Path::Data { keys, arrays } => {
            let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
            if let Some(data) = data {
                walk(data, &keys, *arrays, &[], 0, &mut out);
            }
        }
    }
    out
}

fn passes(test: &Test, met: &Met) -> bool {
    let Met::Value(value, _) = met else {
        return *test == Test::Composite;
    };
    match test {
        Test::Exists => true,
        Test::Composite => false,
        Test::Null => value.is_null(),
        Test::Bool(wanted) => value.as_bool() == Some(*wanted),
        Test::Literal(text) => {
            let written = value.to_string();
            value.is_number() && written == **text
        }
        Test::Number(range) => value.as_f64().is_some_and(|n| {
            range
                .low
                .is_none_or(|b| n > b.at.get() || b.inclusive && n == b.at.get())
                && range
                    .high
                    .is_none_or(|b| n < b.at.get() || b.inclusive && n == b.at.get())
        }),
        Test::Text(wanted) => value.as_str().is_some_and(|text| {
            let text = if wanted.fold {
                text.to_lowercase()
            } else {
                text.to_owned()
            };
            match wanted.how {
                How::Exact => text == *wanted.text,
                How::Prefix => text.starts_with(&*wanted.text),
                How::Suffix => text.ends_with(&*wanted.text),
                How::Contains => text.contains(&*wanted.text),
            }
        }),
        Test::Wildcard(pattern) => value.as_str().is_some_and(|text| {
            fn like(parts: &[&str], text: &str) -> bool {
                match parts {
                    [last] => *last == text,
                    [first, rest @ ..] => text.strip_prefix(first).is_some_and(|text| {
                        (0..=text.len())
                            .any(|at| text.is_char_boundary(at) && like(rest, &text[at..]))
                    }),
                    [] => text.is_empty(),
                }
            }
            like(
                &pattern.parts.iter().map(|part| &**part).collect::<Vec<_>>(),
                text,
            )
        }),
        Test::Cidr(network) => value.as_str().is_some_and(|text| {
            text.parse()
                .is_ok_and(|address: std::net::IpAddr| network.contains(&address))
        }),
        Test::NoneOf(tests) => !tests.iter().any(|test| passes(test, met)),
    }
}

/// Every choice of one value per field; agreeing on the elements of the arrays they share.
fn together(
    fields: &[Field],
    chosen: &BTreeMap<usize, usize>,
    event: &Event,
    data: Option<&Value>,
) -> bool {
    let Some((field, rest)) = fields.split_first() else {
        return true;
    };
    met(&field.path, event, data).iter().any(|value| {
        let (Met::Value(_, way) | Met::Composite(way)) = value;
        let agrees = way
            .iter()
            .all(|(array, index)| chosen.get(array).is_none_or(|i| i == index));
        let mut chosen = chosen.clone();
        chosen.extend(way.iter().copied());
        agrees
            && field.tests.iter().any(|test| passes(test, value))
            && together(rest, &chosen, event, data)
    })
}

fn holds(formula: &Formula, event: &Event, data: Option<&Value>) -> bool {
    match formula {
        Formula::All(members) => members.iter().all(|m| holds(m, event, data)),
        Formula::Any(members) => members.iter().any(|m| holds(m, event, data)),
        Formula::Not(member) | Formula::Told(_, member) => {
            holds(member, event, data) != matches!(formula, Formula::Not(_))
        }
        Formula::Test(predicate) => met(&predicate.path, event, data)
            .iter()
            .any(|value| passes(&predicate.test, value)),
        Formula::Together(fields) => together(fields, &BTreeMap::new(), event, data),
        Formula::Opaque(_) => unreachable!("none is made here"),
    }
}

fn path() -> impl Strategy<Value = Path> {
    let keys = prop::collection::vec(prop::sample::select(&["a", "b"][..]), 0..3);
    let arrays = prop::sample::select(&[Arrays::Through, Arrays::Last, Arrays::Never][..]);
    prop_oneof![
        2 => prop::sample::select(&["id", "type", "subject", "gone"][..]).prop_map(Path::attribute),
        3 => (keys, arrays).prop_map(|(keys, arrays)| Path::data(arrays, keys)),
    ]
}

fn bound() -> impl Strategy<Value = Option<Bound>> {
    let bound = (-2..4i32, any::<bool>()).prop_map(|(at, inclusive)| Bound {
        at: Number::new(f64::from(at)).unwrap(),
        inclusive,
    });
    prop::option::of(bound)
}

fn test() -> impl Strategy<Value = Test> {
    let how = prop::sample::select(&[How::Exact, How::Prefix, How::Suffix, How::Contains][..]);
    let simple = prop_oneof![
        6 => (how.clone(), "[xyX]{0,2}").prop_map(|(how, text)| Test::Text(Text::new(how, text))),
        2 => (how, "[xyX]{0,2}").prop_map(|(how, text)| Test::Text(Text::folding(how, &text))),
        2 => (bound(), bound()).prop_map(|(low, high)| Test::Number(Range { low, high })),
        1 => (-1..3i32).prop_map(|n| Test::Number(Range::exactly(Number::new(f64::from(n)).unwrap()))),
        1 => (-1..3i32).prop_map(|n| Test::Literal(n.to_string().into())),
        2 => prop::collection::vec("[xy]{0,1}", 2..4).prop_map(|parts| Test::Wildcard(Wildcard {
            parts: parts.into_iter().map(Into::into).collect(),
        })),
        1 => any::<bool>().prop_map(Test::Bool),
        1 => Just(Test::Null),
        1 => Just(Test::Exists),
        1 => Just(Test::Composite),
    ];
    simple.prop_recursive(1, 4, 3, |inner| {
        prop::collection::vec(inner, 0..3).prop_map(|tests| Test::NoneOf(tests.into()))
    })
}

fn formula() -> impl Strategy<Value = Formula> {
    let field = (path(), prop::collection::vec(test(), 1..3));
    let fields = prop::collection::vec(field.prop_map(|(path, tests)| Field { path, tests }), 1..4);
    let leaf = prop_oneof![
        5 => (path(), test()).prop_map(|(path, test)| Formula::test(path, test)),
        1 => fields.prop_map(Formula::Together),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let members = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            3 => members.clone().prop_map(Formula::All),
            2 => members.prop_map(Formula::Any),
            1 => inner.prop_map(Formula::negated),
        ]
    })
}

fn data() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        3 => "[xyX]{0,3}".prop_map(Value::from),
        2 => (-2..4i32).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            2 => prop::collection::btree_map("[abc]", inner.clone(), 0..4).prop_map(|map| json!(map)),
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}

prop_compose! {
    fn event()(
        id in "[xyX]{1,2}",
        ty in "[xyX]{1,2}",
        subject in prop::option::of("[xyX]{1,2}"),
        data in prop::option::of(data()),
    ) -> Event {
        let mut event = Event::builder(id, "/s", ty);
        if let Some(subject) = subject { event = event.subject(subject); }
        if let Some(data) = data { event = event.data("application/json", data.to_string()); }
        event.build().unwrap()
    }
}

/// The same event as it comes in a JSON document, whose data is known to be well-formed, and out of the
/// store with an attribute that was set since.
fn known(event: &Event) -> [Event; 2] {
    let decoded = json::decode(json::encode(event)).unwrap();
    let touched = decoded.with_attribute("hops", Attribute::Integer(1));
    let mut bytes = Vec::new();
    packed::pack(&touched.unwrap(), &mut bytes);
    [decoded, packed::unpack(bytes.into()).unwrap()]
}

fn matches(snapshot: &Snapshot, event: &Event) -> Vec<u64> {
    let mut out = Vec::new();
    snapshot.matches(&View::new(event), &mut Scratch::default(), &mut out);
    out
}

proptest! {
    #[test]
    fn index_and_filters_agree(
        formulas in prop::collection::vec(formula(), 1..12),
        changed in prop::collection::vec((0..12usize, prop::option::of(formula())), 0..6),
        events in prop::collection::vec(event(), 1..4),
    ) {
        let index = Index::default();
        let mut live: BTreeMap<u64, Formula> = BTreeMap::new();
        for (id, formula) in (0..).zip(formulas) {
            index.add(id, &formula).unwrap();
            live.insert(id, formula);
        }
        let before = (index.load(), live.clone());
        for (at, formula) in changed {
            let id = at as u64;
            match formula {
                Some(formula) => {
                    index.add(id, &formula).unwrap();
                    live.insert(id, formula);
                }
                None => prop_assert_eq!(index.remove(id), live.remove(&id).is_some()),
            }
        }
        let after = (index.load(), live);
        for (snapshot, live) in [&before, &after] {
            prop_assert_eq!(snapshot.len(), live.len());
            for event in &events {
                let data = event.data_json();
                let wanted: Vec<u64> = live
                    .iter()
                    .filter(|(_, formula)| holds(formula, event, data.as_ref()))
                    .map(|(id, _)| *id)
                    .collect();
                prop_assert_eq!(&matches(snapshot, event), &wanted);
                for event in known(event) {
                    prop_assert_eq!(&matches(snapshot, &event), &wanted);
                }
                for (id, formula) in live {
                    let filter = Filter::new(formula.clone());
                    prop_assert_eq!(filter.matches(event), wanted.contains(id));
                    let explained = filter.explain(event);
                    prop_assert_eq!(explained.holds, wanted.contains(id));
                }
            }
        }
        // What is taken away leaves nothing behind.
        for id in 0..12 {
            index.remove(id);
        }
        let empty = index.load();
        prop_assert!(empty.is_empty() && empty.bytes() == 0 && empty.scanned() == 0);
        prop_assert_eq!(matches(&empty, &events[0]), Vec::<u64>::new());
    }
}

proptest! {
    // A tenth: each is a hundred filters.
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 10,
        ..ProptestConfig::default()
    })]

    /// What many share is looked up once, and each is found by what it says beside it.
    #[test]
    fn crowds_and_filters_agree(
        formulas in prop::collection::vec(formula(), 60..120),
        shared in prop::collection::vec(path_and_test(), 1..3),
        gone in prop::collection::vec(0..60u64, 0..60),
        events in prop::collection::vec(event(), 1..8),
    ) {
        let index = Index::default();
        let mut live: BTreeMap<u64, Formula> = BTreeMap::new();
        for (id, formula) in (0..).zip(formulas) {
            let shared = shared.iter().map(|(path, test)| Formula::test(path.clone(), test.clone()));
            let formula = Formula::all(shared.chain([formula]).collect());
            index.add(id, &formula).unwrap();
            live.insert(id, formula);
        }
        let before = (index.load(), live.clone());
        for id in gone {
            prop_assert_eq!(index.remove(id), live.remove(&id).is_some());
        }
        for (snapshot, live) in [&before, &(index.load(), live.clone())] {
            for event in &events {
                let data = event.data_json();
                let wanted: Vec<u64> = live
                    .iter()
                    .filter(|(_, formula)| holds(formula, event, data.as_ref()))
                    .map(|(id, _)| *id)
                    .collect();
                prop_assert_eq!(&matches(snapshot, event), &wanted);
            }
        }
        for id in live.keys() {
            index.remove(*id);
        }
        prop_assert!(index.load().is_empty() && index.load().bytes() == 0);
        prop_assert_eq!(matches(&index.load(), &events[0]), Vec::<u64>::new());
    }
}

fn path_and_test() -> impl Strategy<Value = (Path, Test)> {
    prop_oneof![
        Just((Path::attribute("id"), Test::Exists)),
        Just((
            Path::attribute("type"),
            Test::Text(Text::new(How::Prefix, "x"))
        )),
        (path(), test()),
    ]
}

#[test]
fn alternatives_with_the_same_end_of_a_range_are_all_found() {
    let over = |at| {
        let low = Number::new(at).map(|at| Bound {
            at,
            inclusive: false,
        });
        Formula::test(
            Path::data(Arrays::Never, ["n"]),
            Test::Number(Range { low, high: None }),
        )
    };
    let besides = |name: &str| exact(name, "t").negated();
    let any = Formula::any(vec![
        Formula::all(vec![over(1.0), besides("type")]),
        Formula::all(vec![over(1.0), besides("subject")]),
    ]);
    let mut snapshot = Snapshot::new(Limits::default());
    snapshot.add(1, &any).unwrap();
    for (ty, subject, found) in [("t", "s", true), ("u", "t", true), ("t", "t", false)] {
        let event = Event::builder("1", "/s", ty)
            .subject(subject)
            .data("application/json", r#"{"n":2}"#);
        let event = event.build().unwrap();
        assert_eq!(
            !matches(&snapshot, &event).is_empty(),
            found,
            "{ty} {subject}"
        );
    }
}

fn exact(name: &str, value: &str) -> Formula {
    Formula::test(Path::attribute(name), Test::exact(value))
}

fn refused(limits: Limits, formulas: &[Formula]) -> Refused {
    let mut snapshot = Snapshot::new(limits);
    let mut last = None;
    for (id, formula) in (0..).zip(formulas) {
        let before = (snapshot.len(), snapshot.bytes());
        last = snapshot.add(id, formula).err();
        if last.is_some() {
            assert_eq!((snapshot.len(), snapshot.bytes()), before);
        }
    }
    last.unwrap()
}

#[test]
fn a_set_keeps_its_limits() {
    let limits = Limits::default();
    let few = Limits {
        filters: 1,
        ..limits
    };
    let two = [exact("type", "a"), exact("type", "b")];
    assert_eq!(refused(few, &two), Refused::Filters(1));
    let small = Limits {
        bytes: 300,
        ..limits
    };
    assert_eq!(refused(small, &two), Refused::Bytes(300));
    let narrow = Limits { paths: 1, ..limits };
    let paths = [exact("type", "a"), exact("id", "b")];
    assert_eq!(refused(narrow, &paths), Refused::Paths(1));
    let scanned = Limits {
        scanned: 1,
        ..limits
    };
    let not = [exact("type", "a").negated(), exact("type", "b").negated()];
    assert_eq!(refused(scanned, &not), Refused::Scanned(1));
    // One that is replaced takes no further room.
    let mut snapshot = Snapshot::new(few);
    snapshot.add(7, &two[0]).unwrap();
    snapshot.add(7, &two[1]).unwrap();
    assert_eq!(snapshot.len(), 1);
}

#[test]
fn odd_data_has_the_values_that_it_should() {
    let equals = |key: &str, value: &str| {
        let path = Path::data(Arrays::Through, [key]);
        Filter::new(Formula::test(path, Test::exact(value)))
    };
    let table = [
        // Of a member that is there twice the last counts.
        (r#"{"a":"x","a":"y"}"#, "x", false),
        (r#"{"a":"x","a":"y"}"#, "y", true),
        (r#"{"a":"y","a":["x",{"b":1}],"a":["y"]}"#, "x", false),
        (r#"{"\u0061":"\u0079"}"#, "y", true),
        // What is not well-formed has none, wherever the fault is.
        (r#"{"a":"x","b":tru}"#, "x", false),
        (r#"{"a":"x"} {"#, "x", false),
        (r#"{"a":["x","#, "x", false),
        ("", "x", false),
        (r#"[[{"a":"x"}]]"#, "x", true),
        // What is passed over may look like what is sought.
        (r#"{"b":{"c":"}\\\"","a":"x"},"a":"y"}"#, "x", false),
        (r#"{"b":[["]","\\"],{"a":"x"}] , "a" : "y" }"#, "y", true),
        (r#" { "b" : "\"a\":" , "a" : [ "x" ] } "#, "x", true),
        (r#"{"a":{"a":"x"},"b":-1.5e+3,"c":null}"#, "x", false),
    ];
    for (data, value, wanted) in table {
        let event = Event::builder("1", "/s", "t")
            .data("application/json", data)
            .build()
            .unwrap();
        assert_eq!(equals("a", value).matches(&event), wanted, "{data} {value}");
        for event in known(&event) {
            assert_eq!(equals("a", value).matches(&event), wanted, "{data} {value}");
        }
    }
    let deep = "[".repeat(200) + &"]".repeat(200);
    let event = Event::builder("1", "/s", "t")
        .data("application/json", deep)
        .build()
        .unwrap();
    assert!(!equals("a", "x").matches(&event));
    // Text is no JSON, however it looks.
    let event = Event::builder("1", "/s", "t")
        .data("text/plain", r#"{"a":"x"}"#)
        .build()
        .unwrap();
    assert!(!equals("a", "x").matches(&event));
}

#[test]
fn typed_attributes_pass_tests_of_both_kinds() {
    let event = Event::builder("1", "/s", "t")
        .extension("n", Attribute::Integer(-3))
        .extension("b", Attribute::Boolean(true))
        .build()
        .unwrap();
    let mut snapshot = Snapshot::new(Limits::default());
    let number = Test::Number(Range::exactly(Number::new(-3.0).unwrap()));
    let tests = [
        ("n", Test::exact("-3")),
        ("n", number),
        ("b", Test::exact("true")),
        ("b", Test::Bool(true)),
        ("n", Test::exact("3")),
    ];
    for (id, (name, test)) in (0..).zip(tests) {
        snapshot
            .add(id, &Formula::test(Path::attribute(name), test))
            .unwrap();
    }
    assert_eq!(matches(&snapshot, &event), [0, 1, 2, 3]);
}

#[test]
fn errors_of_expressions_are_counted() {
    let filter = compile(&json!({ "sql": "LENGTH(type) + id > 1" })).unwrap();
    let event = Event::builder("x", "/s", "t").build().unwrap();
    let view = View::new(&event);
    assert!(!filter.evaluate(&view, &mut Scratch::default()));
    assert_eq!(view.faults(), 1);
    let mut snapshot = Snapshot::new(Limits::default());
    for (id, definition) in [
        json!({ "sql": "LENGTH(type) + id > 1" }),
        json!({ "exact": { "type": "t" } }),
        json!({ "any": [{ "sql": "id > 1" }, { "exact": { "type": "t" } }] }),
        json!([{ "exact": { "type": "other" } }, { "sql": "LENGTH(type) + id > 1" }]),
    ]
    .iter()
    .enumerate()
    {
        let filter = compile(definition).unwrap();
        snapshot.add(id as u64, filter.formula()).unwrap();
    }
    let (view, mut passed) = (View::new(&event), Vec::new());
    snapshot.matches(&view, &mut Scratch::default(), &mut passed);
    assert_eq!(passed, [1, 2]);
    // Of the last one a member before the error decides.
    assert_eq!(view.failed(), [0, 2]);
    assert_eq!(
        filter.explain(&event).errors,
        ["cast: 'x' cannot be cast to Integer"]
    );
}
