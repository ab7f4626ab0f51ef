//! CESQL: the published kit, functions by registration, and what it lowers to.

use crate::faults::failed;
use crate::published::folder;
use proptest::prelude::*;
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::json;
use std::io::Write;
use tradewind_event::{Attribute, Event};
use tradewind_filter::cesql::{Error, ErrorKind, Expression, Function, Functions, Type, Value};
use tradewind_filter::{Dialects, Filter, Formula, Rendering, compile};

/// `NOT 10`: the kit expects a cast error and `true`; §3.7 of the text casts the integer to a boolean.
const CONTRADICTS_THE_TEXT: [&str; 1] = ["Not operator: Invalid int cast"];

#[test]
fn evaluation_ends() {
    let subject = "ä".repeat(500_000);
    let event = Event::builder("1", "/any", "any").subject(&subject);
    let event = event.build().unwrap();
    let each = "UPPER(LOWER(subject)) = 'x'";
    for source in [
        vec![each; 1000].join(" OR "),
        format!("{}subject{} = 'x'", "UPPER(".repeat(30), ")".repeat(30)),
        format!("UPPER(subject) LIKE '%{}_'", "Ä".repeat(30)),
    ] {
        let evaluated = Expression::parse(&source).unwrap().evaluate(&event);
        assert_eq!(evaluated.value, Value::Boolean(false));
        let [error] = &evaluated.errors[..] else {
            panic!("{:?}", evaluated.errors);
        };
        assert_eq!(error.kind, ErrorKind::FunctionEvaluation);
        assert!(error.reason.contains("too many steps"), "{error}");
        let filter = compile(&json!({ "sql": source })).unwrap();
        assert!(!filter.matches(&event));
    }
    assert!(
        Expression::parse(each)
            .unwrap()
            .evaluate(&event)
            .errors
            .is_empty()
    );
}

fn attribute(event: tradewind_event::Event, name: &str, value: &Yaml<'_>) -> Event {
    let value = match value {
        Yaml::Value(Scalar::Boolean(b)) => Attribute::Boolean(*b),
        Yaml::Value(Scalar::Integer(n)) => Attribute::Integer(i32::try_from(*n).unwrap()),
        Yaml::Value(Scalar::String(text)) => {
            return event.with_attribute(name, Attribute::String(text)).unwrap();
        }
        other => panic!("{other:?}"),
    };
    event.with_attribute(name, value).unwrap()
}

fn event_of(case: &Yaml<'_>) -> Event {
    let mut event = Event::builder("1", "/any", "any").build().unwrap();
    for part in ["event", "eventOverrides"] {
        for (name, value) in case
            .as_mapping_get(part)
            .into_iter()
            .flat_map(|map| map.as_mapping().unwrap())
        {
            let name = name.as_str().unwrap();
            if name != "specversion" {
                event = attribute(event, name, value);
            }
        }
    }
    event
}

/// A scalar as a text: the kit leaves out quotes.
fn written(scalar: &Yaml<'_>) -> String {
    match scalar {
        Yaml::Value(Scalar::Integer(n)) => n.to_string(),
        Yaml::Value(Scalar::Boolean(b)) => b.to_string(),
        other => other.as_str().unwrap().to_owned(),
    }
}

/// What is wrong with a case, if anything.
fn fault(case: &Yaml<'_>) -> Option<String> {
    let source = written(&case["expression"]);
    let wanted = case
        .as_mapping_get("error")
        .map(|kind| kind.as_str().unwrap());
    let expression = match Expression::parse(&source) {
        Ok(expression) => expression,
        Err(error) => {
            return (wanted != Some("parse")).then(|| format!("does not parse: {error}"));
        }
    };
    let again = Expression::parse(&expression.to_string());
    if again.as_ref() != Ok(&expression) {
        return Some(format!("prints as {expression}, which reads as {again:?}"));
    }
    let evaluated = expression.evaluate(&event_of(case));
    let kinds: Vec<String> = evaluated
        .errors
        .iter()
        .map(|e| e.kind.to_string())
        .collect();
    if kinds.first().map(String::as_str) != wanted || kinds.len() > 1 {
        return Some(format!("errors {kinds:?}, expected {wanted:?}"));
    }
    let value = case.as_mapping_get("result")?;
    let same = match (&evaluated.value, value) {
        (Value::Boolean(b), Yaml::Value(Scalar::Boolean(wanted))) => b == wanted,
        (Value::Integer(n), Yaml::Value(Scalar::Integer(wanted))) => i64::from(*n) == *wanted,
        // `result: FALSE` is a text to a YAML 1.2 reader.
        (Value::Boolean(b), Yaml::Value(Scalar::String(wanted))) => {
            wanted.eq_ignore_ascii_case(&b.to_string())
        }
        (Value::String(text), Yaml::Value(Scalar::String(wanted))) => text == wanted,
        _ => false,
    };
    (!same).then(|| format!("{:?}, expected {value:?}", evaluated.value))
}

#[test]
fn the_published_kit() {
    let folder = folder().join("cesql_tck");
    let Ok(files) = std::fs::read_dir(&folder) else {
        let note = format!("SKIPPED: no conformance data at {}", folder.display());
        writeln!(std::io::stderr(), "{note}").unwrap();
        return;
    };
    let (mut cases, mut failed) = (0, Vec::new());
    for file in files {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let documents = Yaml::load_from_str(&text).unwrap();
        let suite = documents[0]["name"].as_str().unwrap();
        for case in documents[0]["tests"].as_vec().unwrap() {
            cases += 1;
            let name = format!("{suite}: {}", written(&case["name"]));
            if let Some(fault) = fault(case) {
                failed.push((name, fault));
            }
        }
    }
    let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, CONTRADICTS_THE_TEXT, "{failed:#?}");
    writeln!(
        std::io::stdout(),
        "cesql: {} of {cases} cases of the kit, {} contradicts the text: {}",
        cases - failed.len(),
        failed.len(),
        names.join(", ")
    )
    .unwrap();
    assert_eq!(cases, 275, "the published set changed");
}

fn order() -> Event {
    Event::builder("7", "https://shop.example.com/eu", "order.placed")
        .subject("a_b")
        .extension("hops", Attribute::Integer(3))
        .extension("dry", Attribute::Boolean(true))
        .extension("count", Attribute::String("12"))
        .build()
        .unwrap()
}

#[test]
fn values_beyond_the_kit() {
    let table = [
        (
            "type = 'a' AND id = '7' OR dry",
            Value::Boolean(true),
            &[][..],
        ),
        ("TRUE XOR TRUE OR TRUE", Value::Boolean(false), &[]),
        ("4-1-1", Value::Integer(2), &[]),
        ("2 + 3 * -2", Value::Integer(-4), &[]),
        ("-(2 + 3) % 3", Value::Integer(-2), &[]),
        ("-2147483648 / -1", Value::Integer(0), &[ErrorKind::Math]),
        ("2147483647 + 1", Value::Integer(0), &[ErrorKind::Math]),
        ("hops + count", Value::Integer(15), &[]),
        ("hops = '3'", Value::Boolean(true), &[]),
        ("hops = '03'", Value::Boolean(false), &[]),
        ("hops IN ('03')", Value::Boolean(true), &[]),
        (
            "hops IN ('x', '3')",
            Value::Boolean(false),
            &[ErrorKind::Cast],
        ),
        ("count = 12", Value::Boolean(true), &[]),
        ("type = 5", Value::Boolean(false), &[ErrorKind::Cast]),
        (
            "gone = 1 OR TRUE",
            Value::Boolean(false),
            &[ErrorKind::MissingAttribute],
        ),
        ("'it''s' = \"it's\"", Value::Boolean(true), &[]),
        (
            "subject LIKE 'a\\_b' AND subject NOT LIKE 'a\\%'",
            Value::Boolean(true),
            &[],
        ),
        ("LENGTH('né€😀')", Value::Integer(4), &[]),
        (
            "SUBSTRING('abc', 1, -1)",
            Value::String(String::new()),
            &[ErrorKind::FunctionEvaluation],
        ),
        ("SUBSTRING('abc', -2, 9)", Value::String("bc".into()), &[]),
        (
            "NOPE(1)",
            Value::Boolean(false),
            &[ErrorKind::MissingFunction],
        ),
    ];
    for (source, value, errors) in table {
        let evaluated = Expression::parse(source).unwrap().evaluate(&order());
        let kinds: Vec<_> = evaluated.errors.iter().map(|error| error.kind).collect();
        assert_eq!((evaluated.value, &kinds[..]), (value, errors), "{source}");
    }
}

#[test]
fn says_where_an_expression_is_wrong() {
    let table = [
        (
            "type = ",
            7,
            "the expression ends where a value is expected",
        ),
        ("type == 'a'", 6, "expected a value, found `=`"),
        ("type = 'a", 7, "this string does not end"),
        ("(type = 'a'", 11, "expected a closing bracket"),
        ("type = 'a')", 10, "this bracket was never opened"),
        (
            "type LIKE source",
            10,
            "the pattern of LIKE is a string literal",
        ),
        ("type IN ()", 9, "IN needs at least one member"),
        (
            "type 'a'",
            5,
            "expected an operator or the end of the expression",
        ),
        ("a && b", 2, "unexpected character `&`"),
        ("data = 'x'", 0, "CESQL sees attributes only, not `data`"),
        (
            "hops > 2147483648",
            7,
            "an integer has 32 bits: -2147483648 to 2147483647",
        ),
        (
            "my_attribute = 1",
            0,
            "`my_attribute` is no attribute name: it may hold a to z and 0 to 9 only",
        ),
    ];
    for (source, offset, reason) in table {
        let error = compile(&json!({ "sql": source })).unwrap_err();
        assert_eq!(
            (error.offset, error.reason.as_str()),
            (Some(offset), reason),
            "{source}"
        );
        assert_eq!(error.pointer, "/sql");
    }
    for (source, reason) in [
        (
            "'a'",
            "a filter must be true or false, this expression is a value of type String",
        ),
        ("NOPE(type)", "there is no function `NOPE`"),
        (
            "ABS(1, 2) = 1",
            "the function `ABS` does not take 2 arguments",
        ),
    ] {
        assert_eq!(
            compile(&json!({ "sql": source })).unwrap_err().reason,
            reason
        );
    }
    for source in [
        "(".repeat(100_000),
        "NOT ".repeat(10_000),
        "1+".repeat(10_000),
        "-".repeat(60_000),
        "f(".repeat(1_000),
        "a LIKE '' ".repeat(3_000),
    ] {
        assert!(Expression::parse(&source).is_err());
    }
}

#[test]
fn functions_by_registration() {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    let mut functions = Functions::default();
    let prefix = Function::new(&[Type::String, Type::String], Type::Boolean, move |a| {
        Ok(Value::Boolean(text(&a[0]).starts_with(&text(&a[1]))))
    });
    functions.register("has_prefix", prefix.clone()).unwrap();
    let count = Function::new(&[Type::Integer; 3], Type::Integer, |a| {
        Ok(Value::Integer(i32::try_from(a.len()).unwrap()))
    })
    .variadic(Type::Integer);
    functions.register("HAS_PREFIX", count.clone()).unwrap();
    let broken = Function::new(&[], Type::Integer, |_| Ok(Value::Boolean(true)));
    functions.register("broken", broken).unwrap();
    let failing = Function::new(&[], Type::Integer, |_| {
        let kind = ErrorKind::Generic;
        Err((
            Some(Value::Integer(5)),
            Error {
                kind,
                reason: "no".into(),
            },
        ))
    });
    functions.register("failing", failing).unwrap();
    // Another of the same arity, and one that the variadic one takes already.
    assert!(functions.register("has_prefix", prefix).is_err());
    assert!(functions.register("has_prefix", count).is_err());
    let more = Function::new(&[Type::Integer; 4], Type::Integer, |_| {
        Ok(Value::Integer(0))
    });
    assert!(functions.register("has_prefix", more).is_err());
    let nameless = Function::new(&[], Type::Integer, |_| Ok(Value::Integer(0)));
    assert!(functions.register("a1", nameless).is_err());

    let functions = std::sync::Arc::new(functions);
    let table = [
        ("HAS_PREFIX(hops + 10, '1')", Value::Boolean(true), None),
        ("has_prefix(1, '2', TRUE, 4)", Value::Integer(4), None),
        (
            "BROKEN()",
            Value::Integer(0),
            Some(ErrorKind::FunctionEvaluation),
        ),
        ("FAILING()", Value::Integer(5), Some(ErrorKind::Generic)),
        (
            "HAS_PREFIX(1)",
            Value::Boolean(false),
            Some(ErrorKind::MissingFunction),
        ),
    ];
    for (source, value, error) in table {
        let expression = Expression::parse_with(source, functions.clone()).unwrap();
        let evaluated = expression.evaluate(&order());
        let kind = evaluated.errors.first().map(|error| error.kind);
        assert_eq!((evaluated.value, kind), (value, error), "{source}");
    }
    let dialects = Dialects::standard()
        .clone()
        .with_functions((*functions).clone());
    let formula = dialects
        .parse(&json!({ "sql": "has_prefix(type, 'order.')" }))
        .unwrap();
    assert!(Filter::new(formula).matches(&order()));
}

#[test]
fn explains_in_its_own_words() {
    let filter = compile(&json!({ "not": { "sql":
        "type = 'order.placed' AND (NOT (subject LIKE 'x%') OR hops < 3) AND gone = 1" } }));
    let explained = filter.unwrap().explain(&order());
    assert!(explained.holds);
    let said: Vec<_> = explained
        .verdicts
        .iter()
        .map(|v| (v.predicate.as_str(), v.actual.as_deref(), v.holds))
        .collect();
    let gone = "missingAttribute: the event has no attribute `gone`";
    assert_eq!(
        said,
        [
            ("type != 'order.placed'", Some("order.placed"), false),
            ("subject LIKE 'x%'", Some("a_b"), false),
            ("hops >= 3", Some("3"), true),
            ("gone != 1", Some(gone), false),
        ]
    );
    assert_eq!(explained.decisive, Some(3));
}

fn leaf() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&["id", "type", "subject", "hops", "dry", "gone", "count"][..]);
    let text = prop::sample::select(&["a", "ab", "true", "3", "%a", "a%", "_", "a%b"][..]);
    let op = prop::sample::select(&["=", "!=", "<", ">="][..]);
    prop_oneof![
        3 => (name.clone(), op, text.clone()).prop_map(|(n, o, t)| format!("{n} {o} '{t}'")),
        2 => (name.clone(), text.clone()).prop_map(|(n, t)| format!("{n} LIKE '{t}'")),
        1 => (name.clone(), text.clone()).prop_map(|(n, t)| format!("{n} NOT LIKE '{t}'")),
        2 => (name.clone(), text.clone(), -3..4i32).prop_map(|(n, t, i)| format!("{n} IN ('{t}', {i})")),
        1 => (name.clone(), text).prop_map(|(n, t)| format!("{n} NOT IN ('{t}')")),
        1 => (name.clone(), -3..4i32).prop_map(|(n, i)| format!("{n} = {i}")),
        1 => name.clone().prop_map(|n| format!("EXISTS {n}")),
        1 => (name.clone(), name.clone()).prop_map(|(n, m)| format!("{n} = {m}")),
        1 => name.clone().prop_map(|n| format!("LENGTH({n}) - 1 > -1")),
        1 => name.prop_map(str::to_owned),
        1 => any::<bool>().prop_map(|b| b.to_string()),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    leaf().prop_recursive(4, 16, 2, |inner| {
        let op = prop::sample::select(&["AND", "OR", "XOR"][..]);
        prop_oneof![
            4 => (inner.clone(), op, inner.clone()).prop_map(|(a, o, b)| format!("({a}) {o} ({b})")),
            1 => inner.prop_map(|a| format!("NOT ({a})")),
        ]
    })
}

prop_compose! {
    fn event()(
        id in "[ab]{1,2}",
        ty in "[ab]{1,2}",
        subject in prop::option::of("[ab]{1,2}"),
        hops in prop::option::of(-2..4i32),
        dry in prop::option::of(any::<bool>()),
        count in prop::option::of(prop::sample::select(&["3", "true", "a", "FALSE"][..])),
    ) -> Event {
        let mut event = Event::builder(id, "/s", ty);
        if let Some(subject) = subject { event = event.subject(subject); }
        if let Some(hops) = hops { event = event.extension("hops", Attribute::Integer(hops)); }
        if let Some(dry) = dry { event = event.extension("dry", Attribute::Boolean(dry)); }
        if let Some(count) = count { event = event.extension("count", Attribute::String(count)); }
        event.build().unwrap()
    }
}

proptest! {
    #[test]
    fn formula_and_evaluator_agree(source in expression(), event in event()) {
        let parsed = Expression::parse(&source).unwrap();
        prop_assert_eq!(&Expression::parse(&parsed.to_string()).unwrap(), &parsed);
        let Ok(filter) = compile(&json!({ "sql": source })) else {
            return Ok(());
        };
        let passes = parsed.passes(&event);
        prop_assert_eq!(filter.matches(&event), passes, "{}", parsed);
        let explained = filter.explain(&event);
        prop_assert_eq!(explained.holds, passes);
        prop_assert_eq!(failed(&filter, &event), !explained.errors.is_empty(), "{}", parsed);

        // Rendered without its own words, it still says the same, or more.
        let plain: Formula = filter.formula().plain();
        let sql = Dialects::standard().named("sql").unwrap();
        match sql.render(&plain) {
            Rendering::Exact(text) => {
                let again = compile(&json!({ "sql": text })).unwrap();
                prop_assert_eq!(again.matches(&event), passes, "{}", text);
            }
            Rendering::Superset { definition, .. } => {
                let again = compile(&json!({ "sql": definition })).unwrap();
                prop_assert!(again.matches(&event) || !passes, "{}", definition);
            }
            Rendering::Impossible { .. } => {}
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(source in "[a-c0-9'\"()=<>!,%+* _\\\\-]{0,24}", event in event()) {
        if let Ok(expression) = Expression::parse(&source) {
            expression.evaluate(&event);
            prop_assert_eq!(&Expression::parse(&expression.to_string()).unwrap(), &expression);
        }
    }
}
