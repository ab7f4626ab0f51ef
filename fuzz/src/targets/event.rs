//! The event formats.

use crate::Target;
use crate::oracle::{depth, kept, pack, sound, valid_json};
use bytes::Bytes;
use tradewind_event::{Attribute, DecodeError, Event, Limits, json, packed, protobuf};

const WORDS: &[&str] = &[
    "specversion",
    "\"1.0\"",
    "\"id\":\"1\"",
    "\"source\":\"/s\"",
    "\"type\":\"t\"",
    "subject",
    "time",
    "2018-04-05T17:31:00Z",
    "datacontenttype",
    "application/json",
    "text/plain",
    "dataschema",
    "\"data\":",
    "\"data_base64\":",
    "null",
    "true",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\\\"",
    "1e400",
    "-0",
];

/// CloudEvents in JSON.
pub(super) const JSON: Target = Target {
    words: WORDS,
    ..Target::new("json", structured)
};

/// A JSON batch.
pub(super) const JSON_BATCH: Target = Target {
    words: WORDS,
    ..Target::new("json-batch", batch)
};

/// CloudEvents in Protobuf, one or a batch.
pub(super) const PROTOBUF: Target = Target {
    seeds: || {
        let single = samples().map(|event| [&[0], &*protobuf::encode(&event)].concat());
        let batch = samples();
        let batch = [&[1], &*protobuf::encode_batch(&batch)].concat();
        single.into_iter().chain([batch]).collect()
    },
    words: &["1.0", "subject", "time", "datacontenttype", "dataschema"],
    // An attribute of four bytes becomes a message of a hundred.
    growth: 256,
    ..Target::new("protobuf", proto)
};

/// The storage form.
pub(super) const PACKED: Target = Target {
    seeds: || samples().map(|event| pack(&event).to_vec()).to_vec(),
    ..Target::new("packed", storage)
};

/// Events of every shape.
fn samples() -> [Event; 4] {
    let json = r#"{"specversion":"1.0","\u0069d":"a\u00e9\ud83d\ude00","source":"https:\/\/a.example/b?c",
        "type":"t","time":"2018-04-05T17:31:00.5+02:00","ext":"v","flag":true,"number":-12,
        "datacontenttype":"application/json","data":{"a":[1,2.5e3,{"b":"c\n"}],"d":null}}"#;
    let json = json::decode(json.into()).unwrap();
    let build = |event: tradewind_event::Builder| event.build().unwrap();
    let text = Event::builder("1", "/s", "t")
        .subject("über")
        .data_schema("urn:x:y")
        .data("text/plain; charset=utf-8", "zwölf");
    let binary = Event::builder("2", "/s", "t")
        .extension("bytes", Attribute::Binary("AAEC"))
        .extension("link", Attribute::Uri("urn:a"))
        .extension("at", Attribute::Timestamp("2018-04-05T17:31:00Z"))
        .data("image/png", vec![0, 159, 146, 150]);
    let touched = json
        .with_attribute("tradewindhops", Attribute::Integer(1))
        .unwrap();
    [json, touched, build(text), build(binary)]
}

fn structured(input: &[u8]) {
    match json::decode(Bytes::copy_from_slice(input)) {
        Ok(event) => {
            assert!(valid_json(input), "taken, but no JSON");
            assert!(depth(input) <= json::DEPTH_LIMIT, "taken, but too deep");
            assert_eq!(&json::encode(&event)[..], input, "the document is kept");
            let copy = event.clone();
            drop(event);
            sound(&copy);
        }
        Err(DecodeError::Json { reason, .. }) => assert!(
            !valid_json(input)
                || !input.trim_ascii().starts_with(b"{")
                || depth(input) > json::DEPTH_LIMIT,
            "refused as no JSON, which it is: {reason}"
        ),
        Err(error) => drop(error.to_string()),
    }
}

fn batch(input: &[u8]) {
    let limits = Limits {
        event_bytes: 1 << 10,
        batch_bytes: 1 << 20,
        batch_events: 16,
    };
    match json::decode_batch(Bytes::copy_from_slice(input), &limits) {
        Ok(events) => {
            assert!(valid_json(input), "taken, but no JSON");
            assert!(events.len() <= limits.batch_events);
            events.iter().for_each(sound);
            // Alone, each is the same event.
            let parts: Vec<Bytes> = events.iter().map(json::encode).collect();
            for (event, part) in events.iter().zip(parts) {
                assert!(part.len() <= limits.event_bytes);
                assert_eq!(json::decode(part).as_ref(), Ok(event));
            }
        }
        Err(error) => drop(error.to_string()),
    }
}

fn proto(input: &[u8]) {
    let Some((kind, message)) = input.split_first() else {
        return;
    };
    let message = Bytes::copy_from_slice(message);
    if kind & 1 == 0 {
        if let Ok(event) = protobuf::decode(message) {
            sound(&event);
        }
        return;
    }
    let limits = Limits {
        event_bytes: 1 << 10,
        batch_bytes: 1 << 20,
        batch_events: 16,
    };
    if let Ok(events) = protobuf::decode_batch(message, &limits) {
        assert!(events.len() <= limits.batch_events);
        events.iter().for_each(sound);
    }
}

fn storage(input: &[u8]) {
    if let Ok(event) = packed::unpack(Bytes::copy_from_slice(input)) {
        kept(&event);
    }
}
