//! Events that are hard to carry.

use super::{End, Verdict, check};
use tradewind_event::{Attribute, Event, InvalidEvent};

/// Events with data of many content types: bytes that a careless adapter changes.
///
/// # Errors
/// Where the event model refuses one, which would be a fault of the suite.
pub fn samples() -> Result<Vec<Event>, InvalidEvent> {
    let every_byte: Vec<u8> = (0..=255).collect();
    let payloads: [(&str, &[u8]); 9] = [
        (
            "application/json",
            b"{ \"b\" : 1.0,\r\n \"a\":12345678901234567890123 }",
        ),
        ("application/json", b"null"),
        ("application/json", b"\"{\\\"not\\\":\\\"parsed\\\"}\""),
        (
            "application/vnd.acme+json; charset=utf-8",
            b"[1e2,  \"\\u00e9\"]",
        ),
        ("text/plain", b" leading, trailing \n"),
        ("text/plain; charset=utf-8", "déjà vu 😀".as_bytes()),
        ("application/xml", b"<?xml version=\"1.0\"?><a>\r\n</a>"),
        ("application/x-www-form-urlencoded", b"a=%41&b=+"),
        ("application/octet-stream", &every_byte),
    ];
    let mut events = vec![
        Event::builder("no-data", "/conformance", "com.example.none").build()?,
        Event::builder(
            "attributes",
            "https://example.com/a?b=c#d",
            "com.example.all",
        )
        .subject("with space, \"quotes\", 100% and é 😀")
        .time("2020-02-29T23:59:59.123456789+05:30")
        .data_schema("https://example.com/schema/1")
        .extension("text", Attribute::String("a=b;c"))
        .extension(
            "traceparent",
            Attribute::String("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        )
        .data("application/json", "{}")
        .build()?,
    ];
    for (i, (content_type, data)) in payloads.into_iter().enumerate() {
        let event = Event::builder(format!("sample-{i}"), "/conformance", "com.example.sample")
            .data(content_type, data.to_vec())
            .build()?;
        events.push(event);
    }
    Ok(events)
}

/// The same, as a result of the suite.
pub(super) fn sample_events() -> Result<Vec<Event>, End> {
    samples().map_err(|e| End::Failed(format!("the suite's own event is invalid: {e}")))
}

/// A plain event.
pub(super) fn event(id: &str) -> Result<Event, End> {
    Event::builder(id, "/conformance", "com.example.plain")
        .data("application/json", format!("{{\"id\":\"{id}\"}}"))
        .build()
        .map_err(|e| End::Failed(format!("the suite's own event is invalid: {e}")))
}

/// Plain events with ids that end in their number.
pub(super) fn numbered(count: usize) -> Result<Vec<Event>, End> {
    (0..count).map(|i| event(&format!("event-{i}"))).collect()
}

/// Whether `got` is `want` as far as a protocol must keep it: every attribute by its canonical
/// text (most protocols carry no types), the data byte by byte.
pub(super) fn same(want: &Event, got: &Event) -> Verdict {
    for (name, value) in want.attributes() {
        let (want, got) = (Some(value.to_canonical()), got.attribute(name));
        let got = got.as_ref().map(Attribute::to_canonical);
        check(want == got, || {
            format!("attribute {name}: sent {want:?}, arrived {got:?}")
        })?;
    }
    let bytes = |event: &Event| event.data().map(|d| d.bytes.clone());
    check(bytes(want) == bytes(got), || {
        format!(
            "data of {}: sent {:?}, arrived {:?}",
            want.id(),
            bytes(want),
            bytes(got)
        )
    })
}

/// Whether exactly these events arrived, in any order.
pub(super) fn same_all(want: &[Event], got: &[Event]) -> Verdict {
    check(want.len() == got.len(), || {
        format!("{} events sent, {} arrived", want.len(), got.len())
    })?;
    for event in want {
        match got.iter().find(|e| e.id() == event.id()) {
            Some(found) => same(event, found)?,
            None => return Err(End::Failed(format!("{} did not arrive", event.id()))),
        }
    }
    Ok(())
}
