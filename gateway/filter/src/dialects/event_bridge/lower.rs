//! From a pattern to a formula over the stored event.
//!
//! The EventBridge view of an event is its `data` where that is an EventBridge envelope, which is how
//! an event that came from there is kept. Any other event is seen with its attributes in the places
//! of the envelope and its `data` as `detail`.

use super::absence;
use super::pattern::{But, Condition, Field, Match, Pattern, Rule, comparable};
use crate::Words;
use crate::ir::{
    Arrays, Field as Together, Formula, How, Path, Predicate, Range, Test, Text, Wildcard,
};
use crate::read::check_name;
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;

pub(super) fn formula(pattern: &Pattern) -> Formula {
    Formula::any(pattern.rules.iter().map(rule).collect())
}

/// Fields that may lie in the same array elements stay together, the others stand alone.
fn rule(rule: &Rule) -> Formula {
    let mut groups: Vec<Vec<&Field>> = Vec::new();
    for field in rule.values() {
        match groups
            .iter_mut()
            .find(|group| shares_arrays(group[0], field))
        {
            Some(group) => group.push(field),
            None => groups.push(vec![field]),
        }
    }
    let groups = groups.iter().map(|group| {
        let kept = lowered(group, |keys| Some(Place::At(data(keys))));
        let other = lowered(group, seen);
        let formula = Formula::Any(vec![
            Formula::All(vec![envelope(), kept]),
            Formula::All(vec![envelope().negated(), other]),
        ]);
        Words::told(words(group), formula)
    });
    Formula::all(groups.collect())
}

/// Below the same member of the envelope.
fn shares_arrays(one: &Field, other: &Field) -> bool {
    one.keys.len() > 1 && other.keys.len() > 1 && one.keys[0] == other.keys[0]
}

fn words(group: &[&Field]) -> String {
    let field = |field: &&Field| {
        let conditions: Vec<_> = field.conditions.iter().map(Condition::written).collect();
        format!(
            "{}: {}",
            field.keys.join("."),
            serde_json::Value::Array(conditions)
        )
    };
    group.iter().map(field).collect::<Vec<_>>().join(", ")
}

/// Whether `data` is an EventBridge envelope.
fn envelope() -> Formula {
    let detail = Path::data(Arrays::Never, ["detail"]);
    Formula::All(vec![
        Formula::Test(detail_type()),
        Formula::test(detail, Test::Composite),
    ])
}

/// The first thing that is asked of an envelope.
pub(super) fn detail_type() -> Predicate {
    Predicate {
        path: Path::data(Arrays::Never, ["detail-type"]),
        test: Test::Text(Text::new(How::Prefix, "")),
    }
}

enum Place {
    At(Path),
    /// The same for every event.
    Always(&'static str),
}

fn data(keys: &[String]) -> Path {
    Path::data(Arrays::Through, keys.iter().map(String::as_str))
}

/// Where a field is in an event that did not come from EventBridge.
fn seen(keys: &[String]) -> Option<Place> {
    let attribute = |name: &str| Some(Place::At(Path::attribute(name)));
    match (keys[0].as_str(), &keys[1..]) {
        ("detail", rest) => Some(Place::At(data(rest))),
        ("version", []) => Some(Place::Always("0")),
        ("detail-type", []) => attribute("type"),
        ("resources", []) => attribute("subject"),
        (name, []) if !matches!(name, "type" | "subject") && check_name(name).is_ok() => {
            attribute(name)
        }
        _ => None,
    }
}

fn lowered(group: &[&Field], place: impl Fn(&[String]) -> Option<Place>) -> Formula {
    if group.len() > 1 && group.iter().any(|field| field.may_be_absent()) {
        let place = |field: &&Field| match place(&field.keys) {
            Some(Place::At(Path::Data { keys, .. })) => {
                Some((keys, tests_of(field), field.may_be_absent()))
            }
            _ => None,
        };
        // Below one member all fields are in `data`, or none is.
        return match group.iter().map(place).collect() {
            Some(fields) => absence::formula(fields, words(group)),
            None if group.iter().all(|field| field.may_be_absent()) => Formula::yes(),
            None => Formula::no(),
        };
    }
    let mut together = Vec::new();
    let mut all = Vec::new();
    for field in group {
        let tests = tests_of(field);
        let absent = field.may_be_absent();
        match place(&field.keys) {
            Some(Place::At(path)) if absent => {
                let mut any = vec![Formula::test(path.clone(), Test::Exists).negated()];
                let test = |test| Formula::test(path.clone(), test);
                any.extend(tests.into_iter().map(test));
                all.push(Formula::any(any));
            }
            Some(Place::At(path)) => together.push(Together { path, tests }),
            Some(Place::Always(text)) => {
                let text = crate::Scalar::Text(text.into());
                all.push(match tests.iter().any(|test| test.holds(&text)) {
                    true => Formula::yes(),
                    false => Formula::no(),
                });
            }
            None if absent => {}
            None => all.push(Formula::no()),
        }
    }
    if together.len() > 1 {
        all.push(Formula::Together(together));
    } else if let Some(field) = together.pop() {
        let test = |test| Formula::test(field.path.clone(), test);
        all.push(Formula::any(field.tests.into_iter().map(test).collect()));
    }
    Formula::all(all)
}

fn tests_of(field: &Field) -> Vec<Test> {
    field.conditions.iter().flat_map(tests).collect()
}

fn tests(condition: &Condition) -> Vec<Test> {
    match condition {
        Condition::Null => vec![Test::Null],
        Condition::Bool(value) => vec![Test::Bool(*value)],
        Condition::Number(number) => vec![exactly(number)],
        Condition::Text(Match::Exactly, text) => match text.parse::<IpAddr>() {
            // An address is compared as one, however it is written; one with dots in it is a text.
            Ok(address @ IpAddr::V6(_)) if !text.contains('.') => {
                vec![Test::Cidr(IpNet::from(address))]
            }
            _ => vec![Test::exact(text.as_str())],
        },
        Condition::Text(how, text) => vec![compare(*how, text)],
        Condition::Numeric(numeric) => vec![Test::Number(numeric.range)],
        Condition::Exists(true) => vec![Test::Exists],
        Condition::Exists(false) => Vec::new(),
        Condition::Cidr(_, network) => vec![Test::Cidr(*network)],
        Condition::AnythingBut(But::Texts(how, texts)) => {
            let tests: Vec<_> = texts.iter().map(|text| compare(*how, text)).collect();
            vec![Test::NoneOf(tests.into())]
        }
        Condition::AnythingBut(But::Numbers(numbers)) => {
            let tests: Vec<_> = numbers.iter().map(exactly).collect();
            vec![Test::NoneOf(tests.into())]
        }
    }
}

fn exactly(number: &serde_json::Number) -> Test {
    match comparable(number) {
        Some(number) => Test::Number(Range::exactly(number)),
        None => Test::Literal(number.to_string().into()),
    }
}

fn compare(how: Match, text: &str) -> Test {
    Test::Text(match how {
        Match::Exactly => Text::new(How::Exact, text),
        Match::Prefix => Text::new(How::Prefix, text),
        Match::Suffix => Text::new(How::Suffix, text),
        Match::IgnoreCase => Text::folding(How::Exact, text),
        Match::PrefixIgnoreCase => Text::folding(How::Prefix, text),
        Match::SuffixIgnoreCase => Text::folding(How::Suffix, text),
        Match::Wildcard => return Test::Wildcard(wildcard(text)),
    })
}

/// Splits at the stars that no backslash stands before.
fn wildcard(text: &str) -> Wildcard {
    let mut parts: Vec<Arc<str>> = Vec::new();
    let mut part = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' => parts.push(std::mem::take(&mut part).into()),
            '\\' => part.extend(characters.next()),
            other => part.push(other),
        }
    }
    parts.push(part.into());
    Wildcard {
        parts: parts.into(),
    }
}
