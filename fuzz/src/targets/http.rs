//! The HTTP binding: heads and bodies as a stranger sends them.

use crate::Target;
use crate::input::Cut;
use crate::oracle::{bytes, sound};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use std::fmt::Write;
use tradewind_event::http::{Error, Message, Options, Percent, decode};

/// Headers and a body, in every mode.
pub(super) const MESSAGE: Target = Target {
    words: &[
        "content-type: ",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "application/cloudevents+protobuf",
        "; charset=utf-8",
        "ce-specversion: 1.0\n",
        "ce-id: 1\n",
        "ce-source: /s\n",
        "ce-type: t\n",
        "ce-time: ",
        "ce-subject: ",
        "%20",
        "%E2%82%AC",
        "\"",
        "\\\"",
        "\n\n",
    ],
    growth: 256,
    ..Target::new("http", message)
};

/// One header value, percent-decoded.
pub(super) const PERCENT: Target = Target {
    words: &[
        "%20",
        "%E2%82%AC",
        "%F0%9F%98%80",
        "%C0%A0",
        "\"",
        "\\",
        "%25",
    ],
    ..Target::new("percent", percent)
};

fn options(percent: Percent) -> Options {
    Options {
        percent,
        ..Options::default()
    }
}

fn message(input: &[u8]) {
    let mut input = Cut(input);
    let headers = input.headers();
    let body = Bytes::copy_from_slice(input.rest());
    let strict = decode(&headers, body.clone(), &options(Percent::Strict));
    let lenient = decode(&headers, body.clone(), &options(Percent::Lenient));
    match &strict {
        Ok(message) => assert_eq!(lenient.as_ref(), Ok(message), "lenient takes no less"),
        Err(error) => {
            assert!(matches!(error.status().as_u16(), 400 | 413 | 415));
            drop(error.to_string());
        }
    }
    match strict.or(lenient) {
        Ok(Message::Binary(event)) => {
            assert_eq!(bytes(&event), &body[..], "data is the body");
            sound(&event);
        }
        Ok(Message::Structured(event)) => sound(&event),
        Ok(Message::Batch(events)) => events.iter().for_each(sound),
        Err(Error::NotCloudEvent) => assert!(!headers.contains_key("ce-specversion")),
        Err(_) => {}
    }
}

fn percent(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else {
        return;
    };
    let mut headers: HeaderMap = [
        ("specversion", "1.0"),
        ("id", "1"),
        ("source", "/s"),
        ("type", "t"),
    ]
    .map(|(name, value)| {
        let name = format!("ce-{name}").try_into().unwrap();
        (name, HeaderValue::from_static(value))
    })
    .into_iter()
    .collect();
    headers.insert("ce-ext", value);
    for mode in [Percent::Strict, Percent::Lenient] {
        let found = decode(&headers, Bytes::new(), &options(mode));
        let found = found.map(|message| {
            let event = message.into_events().remove(0);
            sound(&event);
            event.attribute("ext").unwrap().to_canonical().into_owned()
        });
        match (found, reference(input, mode)) {
            (Ok(text), Some(wanted)) => assert_eq!(text, wanted),
            // What a string attribute may not hold is refused after it was decoded.
            (Err(error), Some(wanted)) => assert!(
                error.to_string().contains("which a string may not hold"),
                "{wanted:?} was refused: {error}"
            ),
            (Ok(text), None) => panic!("{text:?} was taken"),
            (Err(_), None) => {}
        }
    }
}

/// The steps of the specification, one at a time: unquote, then decode escapes once, then UTF-8.
fn reference(value: &[u8], mode: Percent) -> Option<String> {
    let mut plain = value.to_vec();
    if value.len() >= 2 && value.starts_with(b"\"") && value.ends_with(b"\"") {
        let mut inside = Vec::new();
        let mut escaped = false;
        for b in &value[1..value.len() - 1] {
            if escaped || *b != b'\\' {
                inside.push(*b);
                escaped = false;
            } else {
                escaped = true;
            }
        }
        if !escaped {
            plain = inside;
        }
    }
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < plain.len() {
        let mut hex = String::new();
        for b in plain.get(at + 1..at + 3).unwrap_or_default() {
            write!(hex, "{}", char::from(*b)).unwrap();
        }
        let two = hex.len() == 2 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        match (plain[at], two) {
            (b'%', true) => {
                bytes.push(u8::from_str_radix(&hex, 16).unwrap());
                at += 3;
                continue;
            }
            (b'%', false) if mode == Percent::Strict => return None,
            (b, _) => bytes.push(b),
        }
        at += 1;
    }
    String::from_utf8(bytes).ok()
}
