//! The conformance tests of the CEL specification (google/cel-spec, `tests/simple/testdata`), where they
//! are there: what needs neither protocol buffers nor variables of its own.

use serde_json::json;
use std::path::PathBuf;
use tradewind_event::Event;
use tradewind_filter::{Scratch, View, compile};

const FILES: [&str; 12] = [
    "basic",
    "comparisons",
    "conversions",
    "fields",
    "fp_math",
    "integer_math",
    "lists",
    "logic",
    "macros",
    "parse",
    "string",
    "timestamps",
];

/// A message of the text format: names, and values that are texts, words or messages.
enum Proto {
    Text(Vec<u8>),
    Word(String),
    Message(Vec<(String, Proto)>),
}

fn message(rest: &mut &[u8]) -> Vec<(String, Proto)> {
    let mut fields = Vec::new();
    loop {
        blank(rest);
        let end = rest
            .iter()
            .position(|b| !(b.is_ascii_alphanumeric() || *b == b'_'))
            .unwrap_or(rest.len());
        if end == 0 {
            return fields;
        }
        let name = String::from_utf8_lossy(&rest[..end]).into_owned();
        *rest = &rest[end..];
        blank(rest);
        if rest[0] == b':' {
            *rest = &rest[1..];
            blank(rest);
        }
        fields.push((name, value(rest)));
        blank(rest);
    }
}

fn value(rest: &mut &[u8]) -> Proto {
    match rest[0] {
        b'{' | b'[' => {
            *rest = &rest[1..];
            let inner = message(rest);
            while !matches!(rest[0], b'}' | b']') {
                *rest = &rest[1..];
            }
            *rest = &rest[1..];
            Proto::Message(inner)
        }
        b'"' | b'\'' => {
            let mut text = Vec::new();
            while matches!(rest.first(), Some(b'"' | b'\'')) {
                quoted(rest, &mut text);
                blank(rest);
            }
            Proto::Text(text)
        }
        _ => {
            let end = rest
                .iter()
                .position(|b| b.is_ascii_whitespace() || *b == b'}')
                .unwrap();
            let word = String::from_utf8_lossy(&rest[..end]).into_owned();
            *rest = &rest[end..];
            Proto::Word(word)
        }
    }
}

fn quoted(rest: &mut &[u8], text: &mut Vec<u8>) {
    let quote = rest[0];
    let mut at = 1;
    while rest[at] != quote {
        if rest[at] != b'\\' {
            text.push(rest[at]);
            at += 1;
            continue;
        }
        let digits = |from: usize, radix: u32, most: usize| {
            let tail = rest[from..].iter().take(most);
            tail.take_while(|b| char::from(**b).is_digit(radix)).count()
        };
        let number = |from: usize, len: usize, radix: u32| {
            u32::from_str_radix(std::str::from_utf8(&rest[from..from + len]).unwrap(), radix)
                .unwrap()
        };
        let (skip, byte) = match rest[at + 1] {
            b'n' => (2, b'\n'),
            b't' => (2, b'\t'),
            b'r' => (2, b'\r'),
            b'a' => (2, 7),
            b'b' => (2, 8),
            b'f' => (2, 12),
            b'v' => (2, 11),
            b'x' => {
                let len = digits(at + 2, 16, 2);
                (2 + len, number(at + 2, len, 16) as u8)
            }
            b'u' | b'U' => {
                let len = if rest[at + 1] == b'u' { 4 } else { 8 };
                let c = char::from_u32(number(at + 2, len, 16)).unwrap();
                text.extend_from_slice(c.to_string().as_bytes());
                at += 2 + len;
                continue;
            }
            b'0'..=b'7' => {
                let len = digits(at + 1, 8, 3);
                (1 + len, number(at + 1, len, 8) as u8)
            }
            other => (2, other),
        };
        text.push(byte);
        at += skip;
    }
    *rest = &rest[at + 1..];
}

fn blank(rest: &mut &[u8]) {
    loop {
        let end = rest
            .iter()
            .position(|b| !b.is_ascii_whitespace() && *b != b',')
            .unwrap_or(rest.len());
        *rest = &rest[end..];
        if rest.first() != Some(&b'#') {
            return;
        }
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        *rest = &rest[end..];
    }
}

fn field<'p>(fields: &'p [(String, Proto)], name: &str) -> Option<&'p Proto> {
    fields
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value)
}

/// The value as an expression; `None` for those of protocol buffers.
fn literal(value: &Proto) -> Option<String> {
    let Proto::Message(fields) = value else {
        return None;
    };
    let (name, value) = fields.first()?;
    Some(match (name.as_str(), value) {
        ("null_value", _) => "null".into(),
        ("bool_value" | "int64_value", Proto::Word(word)) => word.clone(),
        ("uint64_value", Proto::Word(word)) => format!("{word}u"),
        ("double_value", Proto::Word(word)) => format!("double('{word}')"),
        ("string_value", Proto::Text(text)) => json!(std::str::from_utf8(text).ok()?).to_string(),
        ("bytes_value", Proto::Text(bytes)) => {
            let escaped: String = bytes.iter().map(|b| format!("\\x{b:02x}")).collect();
            format!("b'{escaped}'")
        }
        ("type_value", Proto::Text(name)) => String::from_utf8_lossy(name).into_owned(),
        ("list_value", Proto::Message(members)) => {
            let members: Option<Vec<_>> =
                members.iter().map(|(_, member)| literal(member)).collect();
            format!("[{}]", members?.join(", "))
        }
        ("map_value", Proto::Message(entries)) => {
            let entry = |(_, entry): &(String, Proto)| {
                let Proto::Message(entry) = entry else {
                    return None;
                };
                Some(format!(
                    "{}: {}",
                    literal(field(entry, "key")?)?,
                    literal(field(entry, "value")?)?
                ))
            };
            let entries: Option<Vec<_>> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries?.join(", "))
        }
        _ => return None,
    })
}

/// Whether the expression has this value, or none where that is wanted.
fn agrees(expression: &str, wanted: &Option<String>) -> Result<bool, String> {
    let event = Event::builder("1", "/s", "t").build().unwrap();
    let condition = match wanted.as_deref() {
        Some("double('nan')" | "double('NaN')") => format!("({expression}\n) != ({expression}\n)"),
        Some(wanted) => format!("({expression}\n) == {wanted}"),
        None => format!("({expression}\n) == 0"),
    };
    let filter = compile(&json!({ "cel": format!("[0].exists(unused, {condition})") }));
    let filter = filter.map_err(|refused| refused.to_string())?;
    let view = View::new(&event);
    let holds = filter.evaluate(&view, &mut Scratch::default());
    Ok(match wanted {
        Some(_) => holds,
        None => view.faults() > 0,
    })
}

#[test]
fn as_the_specification_has_it() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");
    let root =
        std::env::var_os("TRADEWIND_CONFORMANCE").map_or_else(|| default.into(), PathBuf::from);
    let (mut passed, mut left_out, mut wrong) = (0, 0, Vec::new());
    for file in FILES {
        let path = root.join("cel_spec").join(format!("{file}.textproto"));
        let Ok(text) = std::fs::read(&path) else {
            println!("cel: skipped: no {}", path.display());
            return;
        };
        for (name, section) in message(&mut &text[..]) {
            let Proto::Message(section) = section else {
                continue;
            };
            for (kind, test) in section {
                let Proto::Message(test) = test else { continue };
                let (Some(Proto::Text(title)), Some(Proto::Text(expression))) =
                    (field(&test, "name"), field(&test, "expr"))
                else {
                    continue;
                };
                assert_eq!((&*name, &*kind), ("section", "test"));
                let expression = String::from_utf8_lossy(expression);
                let own = [
                    "bindings",
                    "type_env",
                    "container",
                    "disable_macros",
                    "typed_result",
                ];
                let wanted = match (field(&test, "value"), field(&test, "eval_error")) {
                    (Some(value), _) => literal(value),
                    (None, Some(_)) => None,
                    (None, None) => Some("true".into()),
                };
                let foreign = field(&test, "value").is_some() && wanted.is_none();
                let proto = ["TestAllTypes", "google.protobuf", "proto2", "proto3"];
                if foreign
                    || own.iter().any(|name| field(&test, name).is_some())
                    || proto.iter().any(|name| {
                        expression.contains(name) || wanted.iter().any(|w| w.contains(name))
                    })
                {
                    left_out += 1;
                    continue;
                }
                match agrees(&expression, &wanted) {
                    Ok(true) => passed += 1,
                    // What has no value may be refused already, and so are names that nothing has.
                    Err(_) if wanted.is_none() => passed += 1,
                    Err(reason) if reason.starts_with("there is no ") => left_out += 1,
                    // Timestamps end 26 hours before the year 10000.
                    _ if expression.contains("9999-12-31T23:59:59.999999999Z") => left_out += 1,
                    other => wrong.push(format!(
                        "{file} {}: {expression}: {wanted:?} {other:?}",
                        String::from_utf8_lossy(title)
                    )),
                }
            }
        }
    }
    println!(
        "cel: {passed} cases of the specification's kit agree, {} do not, {left_out} are not for filters",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
