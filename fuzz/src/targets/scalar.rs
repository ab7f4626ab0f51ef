//! Small texts with a grammar: timestamps, URI references, media types, `Retry-After`.

use crate::Target;
use crate::input::Cut;
use http::HeaderValue;
use std::time::{Duration, UNIX_EPOCH};
use tradewind_adapter::retry_after;
use tradewind_event::{Attribute, DataKind, Event, Timestamp};

/// A first line that names the grammar, then the text.
pub(super) const SCALAR: Target = Target {
    words: &[
        "timestamp\n",
        "uri\n",
        "media-type\n",
        "retry-after\n",
        "2018-04-05T17:31:00Z",
        "2016-12-31T23:59:60Z",
        "+05:30",
        ".123456789",
        "https://u:p@[::1]:80/%20?x=/?#/?",
        "//",
        "[v1.x]",
        "text/plain; charset=utf-8",
        "application/vnd.x+json",
        "\\\"",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
    longest: 300,
    ..Target::new("scalar", scalar)
};

fn scalar(input: &[u8]) {
    let mut input = Cut(input);
    let grammar = input.line();
    let Ok(text) = std::str::from_utf8(input.rest()) else {
        return;
    };
    match grammar {
        "timestamp" => timestamp(text),
        "uri" => uri(text),
        "media-type" => media_type(text),
        _ => pause(text),
    }
}

fn timestamp(text: &str) {
    let ours = Timestamp::parse(text);
    if let Ok(instant) = ours {
        assert!(instant.nanos < 1_000_000_000);
        // Outside of these years there is no RFC 3339 form to read again.
        if (-62_167_219_200..253_402_300_800).contains(&instant.seconds) {
            assert_eq!(
                Timestamp::parse(&instant.to_string()),
                Ok(instant),
                "{text}"
            );
        }
    }
    // Another parser takes more forms, cuts no fraction and has its own idea of leap seconds.
    let fraction = text.split_once('.').map_or("", |(_, tail)| tail);
    let places = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if !shaped(text) || places > 9 || text.get(17..19) == Some("60") {
        return;
    }
    match (ours, text.parse::<jiff::Timestamp>()) {
        (Ok(ours), Ok(theirs)) => {
            let theirs = (
                theirs.as_nanosecond().div_euclid(1_000_000_000),
                theirs.as_nanosecond().rem_euclid(1_000_000_000),
            );
            let ours = (i128::from(ours.seconds), i128::from(ours.nanos));
            assert_eq!(ours, theirs, "{text}");
        }
        (Ok(_), Err(error)) => assert!(
            text.starts_with("9999-12-3") || text.starts_with("0000"),
            "{text}: {error}"
        ),
        (Err(error), Ok(_)) => panic!("{text}: {error}"),
        (Err(_), Err(_)) => {}
    }
}

/// Whether every character is of the kind that RFC 3339 has in its place, hours of offsets included.
fn shaped(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (Some(date), Some(time), Some(tail)) = (text.get(..10), text.get(10..19), text.get(19..))
    else {
        return false;
    };
    let kinds = |text: &str, pattern: &str| {
        text.bytes()
            .zip(pattern.bytes())
            .all(|(b, kind)| match kind {
                b'9' => b.is_ascii_digit(),
                kind => b.eq_ignore_ascii_case(&kind),
            })
    };
    let offset = match tail.strip_prefix('.') {
        Some(tail) => {
            let end = tail.find(|c: char| !c.is_ascii_digit());
            let (places, offset) = tail.split_at(end.unwrap_or(tail.len()));
            if places.is_empty() || !digits(places) {
                return false;
            }
            offset
        }
        None => tail,
    };
    kinds(date, "9999-99-99")
        && kinds(time, "T99:99:99")
        && (offset.eq_ignore_ascii_case("z")
            || offset.len() == 6
                && (kinds(offset, "+99:99") || kinds(offset, "-99:99"))
                && offset[1..3] < *"24"
                && offset[4..] < *"60")
}

fn uri(text: &str) {
    let taken = |value| {
        let event = Event::builder("1", "/s", "t").extension("uri", value);
        event.build().is_ok()
    };
    let theirs = fluent_uri::UriRef::parse(text);
    let relative = taken(Attribute::UriReference(text));
    assert_eq!(relative, theirs.is_ok(), "{text:?}: {theirs:?}");
    let absolute = theirs.is_ok_and(|uri| uri.scheme().is_some());
    assert_eq!(taken(Attribute::Uri(text)), absolute, "{text:?}");
    assert_eq!(
        Event::builder("1", text, "t").build().is_ok(),
        relative && !text.is_empty()
    );
}

fn media_type(text: &str) {
    let event = Event::builder("1", "/s", "t").data(text, "1");
    let Ok(event) = event.build() else { return };
    assert!(
        HeaderValue::from_str(text).is_ok(),
        "cannot be sent as a header"
    );
    let essence = text.split(';').next().unwrap_or_default().trim();
    let (kind, subtype) = essence.split_once('/').unwrap();
    assert!(!kind.is_empty() && !subtype.is_empty());
    let subtype = subtype.to_ascii_lowercase();
    let json = subtype == "json" || subtype.ends_with("+json");
    assert_eq!(event.data().unwrap().kind == DataKind::Json, json);
    crate::oracle::sound(&event);
}

fn pause(text: &str) {
    let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
    let found = retry_after(text, now);
    assert!(found.is_none_or(|pause| pause <= Duration::from_secs(366 * 86_400)));
    let text = text.trim();
    let number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if number {
        let wanted = text.parse().map_or(u64::MAX, |n: u64| n).min(366 * 86_400);
        assert_eq!(found, Some(Duration::from_secs(wanted)));
    } else {
        assert_eq!(found.is_some(), httpdate::parse_http_date(text).is_ok());
    }
}
