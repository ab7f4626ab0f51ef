//! Events as their providers write them.

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;
use tradewind_event::{Attribute, Event, json};

/// The events of a text, and whether it was a list of them.
pub(super) fn events(text: &str) -> Result<(Vec<Event>, bool), String> {
    if !text.trim_start().starts_with('[') {
        return Ok((vec![event(text)?], false));
    }
    let all: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let events: Result<Vec<_>, _> = all.into_iter().map(|one| event(one.get())).collect();
    Ok((events?, true))
}

fn event(text: &str) -> Result<Event, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    let string = |key: &str| value.get(key).and_then(Value::as_str);
    if value.get("specversion").is_some() {
        return json::decode(Bytes::copy_from_slice(text.as_bytes())).map_err(|e| e.to_string());
    }
    if let (Some(kind), Some(_)) = (string("detail-type"), value.get("detail")) {
        return event_bridge(kind, &string, text);
    }
    if let Some(kind) = string("eventType") {
        return event_grid(kind, &value);
    }
    Err("neither a CloudEvent (specversion), nor an EventBridge event (detail-type and detail), nor \
         an Event Grid event (eventType)"
        .into())
}

/// Keeps the envelope as `data`. An attribute that a CloudEvent cannot have is filled in: filters see
/// the envelope.
fn event_bridge<'v>(
    kind: &str,
    string: &impl Fn(&str) -> Option<&'v str>,
    text: &str,
) -> Result<Event, String> {
    let build = |source: &str, kind: &str, id: &str| {
        Event::builder(id, source, kind)
            .data("application/json", text.to_owned())
            .build()
    };
    let source = string("source").unwrap_or("event-bridge");
    let id = string("id").unwrap_or("event");
    build(source, kind, id)
        .or_else(|_| build("event-bridge", kind, id))
        .or_else(|_| build("event-bridge", "event", "event"))
        .map_err(|error| error.to_string())
}

fn event_grid(kind: &str, value: &Value) -> Result<Event, String> {
    let string = |key: &str| value.get(key).and_then(Value::as_str);
    let id = string("id").unwrap_or("event");
    let mut builder = Event::builder(id, string("topic").unwrap_or("event-grid"), kind);
    if let Some(subject) = string("subject").filter(|subject| !subject.is_empty()) {
        builder = builder.subject(subject);
    }
    if let Some(time) = string("eventTime") {
        builder = builder.time(time);
    }
    if let Some(version) = string("dataVersion") {
        builder = builder.extension("dataversion", Attribute::String(version));
    }
    if let Some(data) = value.get("data") {
        builder = builder.data("application/json", data.to_string());
    }
    builder.build().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_providers_write() {
        let (all, list) = events(
            r#"[{"specversion":"1.0","id":"1","source":"/s","type":"t"},
                {"detail-type":"a b","source":"not a uri","id":"2","detail":{}},
                {"eventType":"T","topic":"/t","id":"3","subject":"","eventTime":"2026-01-01T00:00:00Z","data":{"n":1}}]"#,
        )
        .unwrap();
        assert!(list);
        let ids: Vec<_> = all.iter().map(Event::id).collect();
        assert_eq!(ids, ["1", "2", "3"]);
        assert_eq!(all[1].source(), "event-bridge");
        assert_eq!(all[2].data_json().unwrap()["n"], 1);
        assert!(events("{}").unwrap_err().starts_with("neither"));
        assert!(events("{").unwrap_err().starts_with("no JSON"));
    }
}
