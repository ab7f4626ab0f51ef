//! Batches: an array of events (JSON format §4).

use super::decode::{Envelope, utf8};
use super::encode::{original, write};
use super::scan::Scanner;
use crate::{BatchFailure, DecodeError, Event, Limits};
use bytes::Bytes;
use bytestring::ByteString;

/// Reads a batch. All or nothing: where events are at fault, the error names each of them.
///
/// Every event gets a copy of its own part, so none keeps the batch in memory. The empty batch is
/// valid.
pub fn decode_batch(document: Bytes, limits: &Limits) -> Result<Vec<Event>, DecodeError> {
    limits.batch(document.len())?;
    let text = utf8(document)?;
    let mut scanner = Scanner::new(text.as_bytes());
    scanner
        .expect(b'[', "expected a batch, which is an array of events")
        .ok_or_else(|| scanner.error())?;
    let mut events = Vec::new();
    let mut failures = Vec::new();
    if scanner.next_token() == Some(b']') {
        scanner.at += 1;
        scanner.end().ok_or_else(|| scanner.error())?;
        return Ok(events);
    }
    for index in 0.. {
        limits.events(index + 1)?;
        match element(&text, &mut scanner, limits) {
            Ok(event) => events.push(event),
            Err(error @ DecodeError::Json { .. }) => return Err(error),
            Err(error) => failures.push(BatchFailure { index, error }),
        }
        match scanner.next_token() {
            Some(b',') => scanner.at += 1,
            Some(b']') => break,
            _ => {
                return scanner
                    .fail("expected a comma or the end of the batch")
                    .ok_or_else(|| scanner.error());
            }
        }
    }
    scanner.at += 1;
    scanner.end().ok_or_else(|| scanner.error())?;
    if failures.is_empty() {
        Ok(events)
    } else {
        Err(DecodeError::Batch(failures))
    }
}

/// One event. Where it is at fault, the scanner goes on behind it.
fn element(text: &str, scanner: &mut Scanner<'_>, limits: &Limits) -> Result<Event, DecodeError> {
    scanner.next_token();
    let start = scanner.at;
    if scanner.peek() != Some(b'{') {
        scanner.skip_value(1).ok_or_else(|| scanner.error())?;
        return Err(crate::InvalidEvent::new("event", "is no object").into());
    }
    let read = Envelope::read(text, scanner, start);
    if matches!(&read, Err(error) if !matches!(error, DecodeError::Json { .. })) {
        scanner.at = start;
        scanner.skip_value(1).ok_or_else(|| scanner.error())?;
    }
    let mut envelope = read?;
    let own = text.get(start..scanner.at).unwrap_or_default();
    limits.event(own.len())?;
    envelope.rebase(start);
    envelope.into_event(ByteString::from(own))
}

/// The events as a JSON array, each as [`super::encode`] writes it.
pub fn encode_batch(events: &[Event]) -> Bytes {
    let mut out = vec![b'['];
    for (i, event) in events.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        match original(event) {
            Some(document) => out.extend_from_slice(&document),
            None => write(event, &mut out),
        }
    }
    out.push(b']');
    out.into()
}
