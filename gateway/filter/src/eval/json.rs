//! JSON `data` as a tree, read as the scan for paths reads it.

use super::scan::double;
use serde_json::{Map, Value};
use tradewind_event::Event;
use tradewind_event::json::{Next, Reader};

/// `None` without data, or where it is not well-formed JSON.
pub(super) fn value(event: &Event) -> Option<Value> {
    let mut reader = Reader::of(event)?;
    let value = next(&mut reader)?;
    reader.end()?;
    Some(value)
}

fn next(reader: &mut Reader<'_>) -> Option<Value> {
    Some(match reader.peek()? {
        Next::Object => {
            reader.open()?;
            let mut map = Map::new();
            while let Some(key) = reader.member(map.is_empty())? {
                let member = next(reader)?;
                map.insert(key.into_owned(), member);
            }
            Value::Object(map)
        }
        Next::Array => {
            reader.open()?;
            let mut members = Vec::new();
            while reader.element(members.is_empty())? {
                members.push(next(reader)?);
            }
            Value::Array(members)
        }
        Next::Text => Value::String(reader.text()?.into_owned()),
        Next::Word => match reader.word()? {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number => match (number.parse::<i64>(), number.parse::<u64>()) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) => number.into(),
                _ => double(number)?.into(),
            },
        },
    })
}
