//! From JSON to a pattern. Refuses what the service refuses.

use super::pattern::{But, Condition, Field, Match, Numeric, Pattern, Rule, comparable};
use crate::{Bound, InvalidFilter, Number, Range, Reader, kind};
use ipnet::IpNet;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// How many combinations the `$or`s of one pattern may make.
pub(super) const COMBINATIONS_MAX: usize = 1000;
/// How many fields these combinations may hold together.
const FIELDS_MAX: usize = 8000;
/// How many names may lead to a field, those between dots included.
const NAMES_MAX: usize = 64;

/// What a field below `$or` may not be called: it would be a condition in the wrong place.
const RESERVED: [&str; 24] = [
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

const OPERATOR_WANTED: &str = "`numeric` wants an operator here: =, <, <=, > or >=";

type Refused<T> = Result<T, InvalidFilter>;

pub(super) fn pattern(body: &Value, reader: &mut Reader<'_>) -> Refused<Pattern> {
    let Value::Object(map) = body else {
        return reader.refuse(format!(
            "an event pattern is a map of field to values, found {}",
            kind(body)
        ));
    };
    let mut parser = Parser {
        keys: Vec::new(),
        rules: vec![Rule::new()],
    };
    parser.object(map, false, reader)?;
    Ok(Pattern {
        rules: parser.rules,
    })
}

struct Parser {
    keys: Vec<String>,
    /// What was read so far, once for every combination of alternatives.
    rules: Vec<Rule>,
}

impl Parser {
    fn object(
        &mut self,
        map: &Map<String, Value>,
        below_or: bool,
        reader: &mut Reader<'_>,
    ) -> Refused<()> {
        if map.is_empty() {
            return reader.refuse("a map in a pattern must not be empty");
        }
        // What alternatives say of a field counts for them, so they come last.
        let (alternatives, fields): (Vec<_>, Vec<_>) =
            map.iter().partition(|(name, _)| *name == "$or");
        for (name, value) in fields.into_iter().chain(alternatives) {
            reader.at(name, |reader| match value {
                Value::Array(members) if name == "$or" => self.or(members, reader),
                _ if below_or && RESERVED.contains(&name.as_str()) => reader.refuse_key(format!(
                    "`{name}` is a comparison and no field: write `field: [{{{name}: …}}]`"
                )),
                Value::Object(below) => {
                    self.keys.push(name.clone());
                    reader.nested(|reader| self.object(below, below_or, reader))?;
                    self.keys.pop();
                    Ok(())
                }
                Value::Array(members) => self.field(name, members, reader),
                other => reader.refuse(format!(
                    "`{name}` must be a list of values or a map, found {}; write `{name}: [{other}]`",
                    kind(other)
                )),
            })?;
        }
        Ok(())
    }

    fn or(&mut self, members: &[Value], reader: &mut Reader<'_>) -> Refused<()> {
        if members.len() < 2 {
            return reader.refuse("`$or` needs at least two maps");
        }
        let before = std::mem::take(&mut self.rules);
        let mut all = Vec::new();
        for (index, member) in members.iter().enumerate() {
            reader.at(index, |reader| {
                let Value::Object(map) = member else {
                    return reader.refuse(format!("`$or` takes maps, found {}", kind(member)));
                };
                self.rules.clone_from(&before);
                reader.nested(|reader| self.object(map, true, reader))?;
                all.append(&mut self.rules);
                if all.len() > COMBINATIONS_MAX || all.iter().map(Rule::len).sum::<usize>() > FIELDS_MAX {
                    return reader.refuse(format!(
                        "the alternatives of `$or` make more than {COMBINATIONS_MAX} combinations, or \
                         more than {FIELDS_MAX} fields in them"
                    ));
                }
                Ok(())
            })?;
        }
        self.rules = all;
        Ok(())
    }

    fn field(&mut self, name: &str, members: &[Value], reader: &mut Reader<'_>) -> Refused<()> {
        if members.is_empty() {
            return reader.refuse("a list of values must not be empty");
        }
        let conditions = members
            .iter()
            .enumerate()
            .map(|(index, member)| reader.at(index, |reader| condition(member, reader)))
            .collect::<Refused<Vec<_>>>()?;
        let weight: usize = conditions.iter().map(weight).sum();
        reader.count(weight.saturating_mul(self.rules.len()))?;
        // The service joins names by dots: `a.b: …` and `a: {b: …}` are one field.
        let names = self.keys.iter().map(String::as_str).chain([name]);
        let keys: Vec<_> = (names.flat_map(|name| name.split('.')))
            .map(str::to_owned)
            .collect();
        if keys.len() > NAMES_MAX {
            return reader.refuse(format!("a field lies at most {NAMES_MAX} names deep"));
        }
        // As in the service, of what is written twice the last counts.
        for rule in &mut self.rules {
            let field = Field {
                keys: keys.clone(),
                conditions: conditions.clone(),
            };
            rule.insert(keys.join("."), field);
        }
        Ok(())
    }
}

fn weight(condition: &Condition) -> usize {
    match condition {
        Condition::AnythingBut(But::Texts(_, texts)) => texts.len(),
        Condition::AnythingBut(But::Numbers(numbers)) => numbers.len(),
        _ => 1,
    }
}

fn condition(value: &Value, reader: &mut Reader<'_>) -> Refused<Condition> {
    match value {
        Value::Null => Ok(Condition::Null),
        Value::Bool(value) => Ok(Condition::Bool(*value)),
        Value::Number(number) => Ok(Condition::Number(number.clone())),
        Value::String(text) => Ok(Condition::Text(Match::Exactly, text.clone())),
        Value::Object(map) => {
            let (name, below) = only(map, "a comparison", reader)?;
            reader.at(name, |reader| comparison(name, below, reader))
        }
        Value::Array(_) => {
            reader.refuse("a value is a text, a number, true, false, null or a comparison")
        }
    }
}

/// The one member of a map.
fn only<'v>(
    map: &'v Map<String, Value>,
    what: &str,
    reader: &Reader<'_>,
) -> Refused<(&'v str, &'v Value)> {
    let mut members = map.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        (None, _) => reader.refuse(format!("{what} must not be empty")),
        _ => reader.refuse(format!("{what} has one key only")),
    }
}

fn comparison(name: &str, below: &Value, reader: &mut Reader<'_>) -> Refused<Condition> {
    let text = |how, reader: &Reader<'_>| match below {
        Value::String(text) => Ok(Condition::Text(how, text.clone())),
        other => reader.refuse(format!("`{name}` takes a text, found {}", kind(other))),
    };
    match name {
        "exactly" => text(Match::Exactly, reader),
        "equals-ignore-case" => text(Match::IgnoreCase, reader),
        "prefix" | "suffix" => match below {
            Value::Object(map) => ignoring_case(name, map, reader),
            _ if name == "prefix" => text(Match::Prefix, reader),
            _ => text(Match::Suffix, reader),
        },
        "wildcard" => {
            let condition = text(Match::Wildcard, reader)?;
            if let Condition::Text(_, text) = &condition {
                check_wildcard(text, reader)?;
            }
            Ok(condition)
        }
        "numeric" => numeric(below, reader).map(Condition::Numeric),
        "anything-but" => anything_but(below, reader).map(Condition::AnythingBut),
        "exists" => match below {
            Value::Bool(exists) => Ok(Condition::Exists(*exists)),
            _ => reader.refuse("`exists` takes true or false"),
        },
        "cidr" => match below {
            Value::String(text) => match network(text) {
                Ok(network) => Ok(Condition::Cidr(text.clone(), network)),
                Err(reason) => reader.refuse(reason),
            },
            other => reader.refuse(format!(
                "`cidr` takes a text such as `10.0.0.0/24`, found {}",
                kind(other)
            )),
        },
        _ => reader.refuse_key(format!(
            "unknown comparison `{name}` (there are: prefix, suffix, equals-ignore-case, wildcard, \
             anything-but, numeric, exists, cidr)"
        )),
    }
}

fn ignoring_case(
    name: &str,
    map: &Map<String, Value>,
    reader: &mut Reader<'_>,
) -> Refused<Condition> {
    let (inner, below) = only(map, name, reader)?;
    reader.at(inner, |reader| match (inner, below) {
        ("equals-ignore-case", Value::String(text)) => {
            let how = match name {
                "prefix" => Match::PrefixIgnoreCase,
                _ => Match::SuffixIgnoreCase,
            };
            Ok(Condition::Text(how, text.clone()))
        }
        ("equals-ignore-case", other) => reader.refuse(format!(
            "`equals-ignore-case` takes a text, found {}",
            kind(other)
        )),
        _ => reader.refuse_key(format!(
            "`{name}` takes a text or `equals-ignore-case`, found `{inner}`"
        )),
    })
}

fn anything_but(below: &Value, reader: &mut Reader<'_>) -> Refused<But> {
    match below {
        Value::String(text) => Ok(But::Texts(Match::Exactly, vec![text.clone()])),
        Value::Number(number) => Ok(But::Numbers(vec![compared(number, reader)?])),
        Value::Array(members) => but_values(members, reader),
        Value::Object(map) => {
            let (name, below) = only(map, "`anything-but`", reader)?;
            reader.at(name, |reader| but_match(name, below, reader))
        }
        other => reader.refuse(format!(
            "`anything-but` takes texts, numbers or a comparison, found {}",
            kind(other)
        )),
    }
}

fn but_values(members: &[Value], reader: &mut Reader<'_>) -> Refused<But> {
    let mut texts = Vec::new();
    let mut numbers = Vec::new();
    for (index, member) in members.iter().enumerate() {
        reader.at(index, |reader| match member {
            Value::String(text) => {
                texts.push(text.clone());
                Ok(())
            }
            Value::Number(number) => {
                numbers.push(compared(number, reader)?);
                Ok(())
            }
            other => reader.refuse(format!(
                "a list under `anything-but` holds texts or numbers, found {}",
                kind(other)
            )),
        })?;
    }
    match (texts.is_empty(), numbers.is_empty()) {
        (false, true) => Ok(But::Texts(Match::Exactly, texts)),
        (true, false) => Ok(But::Numbers(numbers)),
        (true, true) => reader.refuse("a list under `anything-but` must not be empty"),
        (false, false) => {
            reader.refuse("a list under `anything-but` holds either texts or numbers, not both")
        }
    }
}

fn but_match(name: &str, below: &Value, reader: &mut Reader<'_>) -> Refused<But> {
    let how = match name {
        "prefix" => Match::Prefix,
        "suffix" => Match::Suffix,
        "equals-ignore-case" => Match::IgnoreCase,
        "wildcard" => Match::Wildcard,
        _ => {
            return reader.refuse_key(format!(
                "`anything-but` knows prefix, suffix, equals-ignore-case and wildcard, found `{name}`"
            ));
        }
    };
    let one = |value: &Value, reader: &mut Reader<'_>| match value {
        Value::String(text) if text.is_empty() && matches!(how, Match::Prefix | Match::Suffix) => {
            reader.refuse(format!("`{name}` under `anything-but` must not be empty"))
        }
        Value::String(text) => {
            if how == Match::Wildcard {
                check_wildcard(text, reader)?;
            }
            Ok(text.clone())
        }
        other => reader.refuse(format!("`{name}` takes texts, found {}", kind(other))),
    };
    let texts = match below {
        Value::Array(members) if members.is_empty() => {
            return reader.refuse(format!("a list under `{name}` must not be empty"));
        }
        Value::Array(members) => members
            .iter()
            .enumerate()
            .map(|(index, member)| reader.at(index, |reader| one(member, reader)))
            .collect::<Refused<_>>()?,
        single => vec![one(single, reader)?],
    };
    Ok(But::Texts(how, texts))
}

fn compared(number: &serde_json::Number, reader: &Reader<'_>) -> Refused<serde_json::Number> {
    bound(number, reader).map(|_| number.clone())
}

fn bound(number: &serde_json::Number, reader: &Reader<'_>) -> Refused<Number> {
    comparable(number).ok_or_else(|| {
        reader.refusal(format!(
            "{number} has more digits than a double tells apart"
        ))
    })
}

fn numeric(below: &Value, reader: &mut Reader<'_>) -> Refused<Numeric> {
    let Value::Array(members) = below else {
        return reader.refuse(format!(
            "`numeric` takes a list such as `[\">\", 0, \"<=\", 5]`, found {}",
            kind(below)
        ));
    };
    let end = |at: usize, reader: &mut Reader<'_>| -> Refused<(String, Number)> {
        let operator = match members.get(at) {
            Some(Value::String(operator)) => operator.clone(),
            Some(_) => return reader.at(at, |reader| reader.refuse(OPERATOR_WANTED)),
            None => return reader.refuse(OPERATOR_WANTED),
        };
        match members.get(at + 1) {
            Some(Value::Number(number)) => {
                let number = reader.at(at + 1, |reader| bound(number, reader))?;
                Ok((operator, number))
            }
            Some(other) => reader.at(at + 1, |reader| {
                reader.refuse(format!(
                    "`{operator}` wants a number behind it, found {}",
                    kind(other)
                ))
            }),
            None => reader.refuse(format!("`{operator}` wants a number behind it")),
        }
    };
    let (operator, number) = end(0, reader)?;
    let here = |inclusive| {
        Some(Bound {
            at: number,
            inclusive,
        })
    };
    let mut range = match operator.as_str() {
        "=" => Range::exactly(number),
        "<" | "<=" => Range {
            low: None,
            high: here(operator == "<="),
        },
        ">" | ">=" => Range {
            low: here(operator == ">="),
            high: None,
        },
        _ => {
            return reader.at(0, |reader| {
                reader.refuse(format!(
                    "unknown operator `{operator}` (there are: =, <, <=, >, >=)"
                ))
            });
        }
    };
    if members.len() > 2 {
        if !operator.starts_with('>') {
            return reader.refuse("a range begins with its lower end: `[\">\", 0, \"<=\", 5]`");
        }
        let (operator, number) = end(2, reader)?;
        if !matches!(operator.as_str(), "<" | "<=") {
            return reader.at(2, |reader| {
                reader.refuse(format!("a range ends with < or <=, found `{operator}`"))
            });
        }
        if members.len() > 4 {
            return reader.refuse("a range has two ends");
        }
        if range.low.is_some_and(|low| low.at >= number) {
            return reader.refuse("the lower end of a range must be less than the upper end");
        }
        range.high = Some(Bound {
            at: number,
            inclusive: operator == "<=",
        });
    }
    Ok(Numeric {
        written: members.clone(),
        range,
    })
}

fn check_wildcard(text: &str, reader: &Reader<'_>) -> Refused<()> {
    let mut before_star = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '*' && before_star {
            return reader.refuse("two stars in a row: one is enough");
        }
        before_star = character == '*';
        if character == '\\' && !matches!(characters.next(), Some('*' | '\\')) {
            return reader.refuse("a backslash stands before a star or a backslash only");
        }
    }
    Ok(())
}

fn network(text: &str) -> Result<IpNet, String> {
    let (address, bits) = text
        .split_once('/')
        .filter(|(_, bits)| !bits.contains('/'))
        .ok_or("a network is an address, one `/` and a number of bits")?;
    let address: IpAddr = address
        .parse()
        .map_err(|_| format!("`{address}` is no IP address"))?;
    let most = if address.is_ipv4() { 31 } else { 127 };
    let bits: u8 = bits
        .parse()
        .ok()
        .filter(|bits| *bits <= most)
        .ok_or_else(|| format!("the number of bits is 0 to {most}, found `{bits}`"))?;
    let network = IpNet::new(address, bits).map_err(|error| error.to_string())?;
    Ok(network.trunc())
}
