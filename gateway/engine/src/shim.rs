//! Interim packed form, until `tradewind_event::packed` lands.

use bytes::Bytes;
use tradewind_event::{Attribute, Event};

pub(crate) fn pack(event: &Event, out: &mut Vec<u8>) {
    let attributes: Vec<(String, serde_json::Value)> = event
        .attributes()
        .map(|(n, v)| {
            let v = match v {
                Attribute::Boolean(b) => b.into(),
                Attribute::Integer(i) => i.into(),
                v => v.to_canonical().into_owned().into(),
            };
            (n.to_owned(), v)
        })
        .collect();
    let data = event.data().map(|d| d.bytes.to_vec());
    out.extend(serde_json::to_vec(&(attributes, data)).unwrap_or_default());
}

pub(crate) fn unpack(packed: Bytes) -> Result<Event, String> {
    let (attributes, data): (Vec<(String, serde_json::Value)>, Option<Vec<u8>>) =
        serde_json::from_slice(&packed).map_err(|e| e.to_string())?;
    let get = |name: &str| {
        attributes
            .iter()
            .find(|(n, _)| n == name)
            .and_then(|(_, v)| v.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let mut b = Event::builder(get("id"), get("source"), get("type"));
    if let Some(data) = data {
        b = b.data(get("datacontenttype"), data);
    }
    for (n, v) in &attributes {
        if matches!(n.as_str(), "specversion" | "id" | "source" | "type" | "datacontenttype") {
            continue;
        }
        b = match v {
            serde_json::Value::Bool(v) => b.extension(n, Attribute::Boolean(*v)),
            serde_json::Value::Number(v) => {
                b.extension(n, Attribute::Integer(v.as_i64().unwrap_or_default() as i32))
            }
            v => b.extension(n, Attribute::String(v.as_str().unwrap_or_default())),
        };
    }
    b.build().map_err(|e| e.to_string())
}

pub(crate) fn unix_ms(text: &str) -> Option<u64> {
    text.parse().ok()
}
