//! Formats that code reads.

use crate::Clue::{Has, Header};
use crate::{Error, MESSAGES_MAX, Message, Spec, github, split};
use serde_json::value::RawValue;
use std::borrow::Cow;
use tradewind_event::{Event, Limits, json};

const NONE: Spec<'static> = Spec::NONE;

pub(crate) const SPECS: &[Spec<'static>] = &[
    Spec {
        name: "github",
        after: "CloudEvents adapter document github, a row per event",
        // Gitea and Gogs send this header as well, for those who cannot read their own.
        clues: &[Header("x-github-event"), Header("x-github-delivery")],
        by: Some(from_github),
        ..NONE
    },
    Spec {
        name: "cloud-events",
        after: "CloudEvents JSON format, an event or a batch, whatever its media type; names of a single one in capitals are lowered",
        clues: &[
            Has("specversion|0.specversion"),
            Has("type|0.type"),
            Has("source|0.source"),
            Has("id|0.id"),
        ],
        by: Some(cloud_events),
        ..NONE
    },
];

fn from_github(message: &Message<'_>) -> Result<Vec<Event>, Error> {
    Ok(vec![github::decode(message.headers, message.body.clone())?])
}

fn cloud_events(message: &Message<'_>) -> Result<Vec<Event>, Error> {
    let first = message.body.iter().find(|byte| !byte.is_ascii_whitespace());
    let limits = Limits {
        event_bytes: usize::MAX,
        batch_bytes: usize::MAX,
        batch_events: MESSAGES_MAX,
    };
    let events = match first {
        Some(b'[') => json::decode_batch(message.body.clone(), &limits),
        _ => json::decode(message.body.clone())
            .or_else(|error| {
                let lowered = lowered(message.body).ok_or(error)?;
                json::decode(lowered.into())
            })
            .map(|event| vec![event]),
    };
    events.map_err(|e| Error::Body(e.to_string()))
}

/// The event with its attributes' names in lower case, where that changes one: Google publishes events
/// with `methodName`. Values stay as they were written.
fn lowered(body: &[u8]) -> Option<String> {
    let members: Vec<(Cow<'_, str>, &RawValue)> = split::pairs(body)?;
    let upper = |name: &str| name.bytes().any(|b| b.is_ascii_uppercase());
    if !members.iter().any(|(name, _)| upper(name)) {
        return None;
    }
    let members = members.iter().map(|(name, value)| {
        let name = serde_json::Value::from(name.to_ascii_lowercase());
        format!("{name}:{value}")
    });
    Some(format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
}
