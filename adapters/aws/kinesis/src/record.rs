//! Records to events: one that holds an event is that, one that holds an envelope of AWS is what lies in it, and anything else
//! is of type `com.amazonaws.kinesis.Record` with its bytes as data. What the producer library has put into one record is
//! taken apart first.

use crate::aggregate;
use aws_sdk_kinesis::types::Record;
use bytes::Bytes;
use http::HeaderMap;
use std::sync::LazyLock;
use tradewind_event::{Attribute, Event, InvalidEvent, json};
use tradewind_formats::{Among, Message};

/// Envelopes in which AWS itself puts events into streams.
static ENVELOPES: LazyLock<Among> = LazyLock::new(|| {
    Among::of(&[
        "aws-dynamodb-record",
        "aws-event-bridge",
        "aws-s3",
        "aws-sns",
    ])
});

/// The events of a record.
///
/// # Errors
/// Where Kinesis left out what every record has.
pub(crate) fn decode(
    record: &Record,
    shard: &str,
    stream: &str,
) -> Result<Vec<Event>, InvalidEvent> {
    let body = Bytes::copy_from_slice(record.data().as_ref());
    let sequence = record.sequence_number();
    let Some(parts) = aggregate::parts(&body) else {
        let key = record.partition_key().unwrap_or_default();
        let id = format!("{shard}:{sequence}");
        return one(record, (id, key), stream, body);
    };
    let mut events = Vec::with_capacity(parts.len());
    for (nth, part) in parts.into_iter().enumerate() {
        let id = format!("{shard}:{sequence}:{nth}");
        events.extend(one(record, (id, &part.key), stream, part.data)?);
    }
    Ok(events)
}

/// The events of a record, or of one within.
fn one(
    record: &Record,
    named: (String, &str),
    stream: &str,
    body: Bytes,
) -> Result<Vec<Event>, InvalidEvent> {
    if body.first() == Some(&b'{')
        && let Ok(event) = json::decode(body.clone())
    {
        return Ok(vec![event]);
    }
    let headers = HeaderMap::new();
    let enveloped = Message {
        headers: &headers,
        body: &body,
    };
    if matches!(body.first(), Some(b'{' | b'['))
        && ENVELOPES.detect(&enveloped).is_some()
        && let Ok(events) = tradewind_formats::decode(&enveloped)
        && !events.is_empty()
    {
        return Ok(events);
    }
    plain(record, named, stream, body).map(|event| vec![event])
}

fn plain(
    record: &Record,
    (id, key): (String, &str),
    stream: &str,
    body: Bytes,
) -> Result<Event, InvalidEvent> {
    let content_type = match () {
        () if json::is_tree(&body) => "application/json",
        () if std::str::from_utf8(&body).is_ok() => "text/plain; charset=utf-8",
        () => "application/octet-stream",
    };
    // The id is as Lambda is given it.
    let mut event = Event::builder(id, stream, "com.amazonaws.kinesis.Record")
        .extension("sequence", Attribute::String(record.sequence_number()));
    if !key.is_empty() {
        event = event
            .subject(key)
            .extension("partitionkey", Attribute::String(key));
    }
    let arrived = record.approximate_arrival_timestamp();
    let format = aws_sdk_kinesis::primitives::DateTimeFormat::DateTime;
    if let Some(time) = arrived.and_then(|time| time.fmt(format).ok()) {
        event = event.time(time);
    }
    event.data(content_type, body).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_kinesis::primitives::{Blob, DateTime};

    const STREAM: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders";

    #[test]
    fn whatever_lies_in_a_stream_is_an_event() {
        let event = r#"{"specversion":"1.0","id":"e","source":"/s","type":"t","data":{"a":1}}"#;
        let bridge = r#"{"version":"0","id":"b-1","detail-type":"Order Placed","source":"shop","account":"123456789012","time":"2026-01-01T00:00:00Z","region":"eu-west-1","resources":[],"detail":{}}"#;
        let plain = "com.amazonaws.kinesis.Record";
        for (body, ty, id, content_type) in [
            (event.as_bytes(), "t", "e", "application/json"),
            (bridge.as_bytes(), "Order Placed", "b-1", "application/json"),
            (
                br#"{"specversion":"1.0"}"#,
                plain,
                "shard-0:7",
                "application/json",
            ),
            (b"[1]", plain, "shard-0:7", "application/json"),
            (b"{", plain, "shard-0:7", "text/plain; charset=utf-8"),
            (b"", plain, "shard-0:7", "text/plain; charset=utf-8"),
            (b"\xff", plain, "shard-0:7", "application/octet-stream"),
        ] {
            let record = Record::builder()
                .data(Blob::new(body))
                .partition_key("k")
                .sequence_number("7")
                .approximate_arrival_timestamp(DateTime::from_millis(1_700_000_000_123))
                .build()
                .unwrap();
            let event = decode(&record, "shard-0", STREAM).unwrap().remove(0);
            assert_eq!((event.ty(), event.id()), (ty, id));
            if ty == plain {
                assert_eq!(event.data_content_type(), Some(content_type));
                assert_eq!(event.data().unwrap().bytes, body);
                assert_eq!((event.source(), event.subject()), (STREAM, Some("k")));
                assert_eq!(event.time_text(), Some("2023-11-14T22:13:20.123Z"));
            }
        }
    }

    #[test]
    fn records_of_the_producer_library_are_taken_apart() {
        use crate::aggregate::tests::{aggregated, sealed};
        let event = br#"{"specversion":"1.0","id":"e","source":"/s","type":"t"}"#;
        let message = aggregated(&[(0, b"one"), (1, event), (1, b"three")], &["a", "b"]);
        let whole = sealed(&message);
        let record = |data: &[u8]| {
            let record = Record::builder().data(Blob::new(data)).partition_key("k");
            record.sequence_number("7").build().unwrap()
        };
        let events = decode(&record(&whole), "shard-0", STREAM).unwrap();
        let seen: Vec<_> = events.iter().map(|e| (e.id(), e.subject())).collect();
        let wanted = [
            ("shard-0:7:0", Some("a")),
            ("e", None),
            ("shard-0:7:2", Some("b")),
        ];
        assert_eq!(seen, wanted);
        assert_eq!(events[0].data().unwrap().bytes, &b"one"[..]);
        // One that is damaged stays what it is, byte by byte.
        let mut damaged = whole.to_vec();
        damaged[9] ^= 1;
        let events = decode(&record(&damaged), "shard-0", STREAM).unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].id(), "shard-0:7");
        assert_eq!(events[0].data().unwrap().bytes, damaged);
    }
}
