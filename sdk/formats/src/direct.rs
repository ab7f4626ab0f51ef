//! Formats that code reads.

use crate::Clue::{Has, Header};
use crate::pick::unmarked;
use crate::spec::uri;
use crate::{Error, MESSAGES_MAX, Message, Spec, github, split};
use bytes::Bytes;
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
        after: "CloudEvents JSON format, an event or a batch, whatever its media type; names in capitals are lowered, what no `source` can hold is percent-encoded, attributes that are `null` are left out",
        clues: &[
            Has("specversion|0.specversion|specVersion|0.specVersion"),
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
    let body = message.body.slice_ref(unmarked(message.body));
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let limits = Limits {
        event_bytes: usize::MAX,
        batch_bytes: usize::MAX,
        batch_events: MESSAGES_MAX,
    };
    let one = |body: Bytes| {
        json::decode(body.clone()).or_else(|error| {
            let mended = mended(&body).ok_or(error)?;
            json::decode(mended.into())
        })
    };
    let events = match first {
        Some(b'[') => json::decode_batch(body.clone(), &limits).or_else(|error| {
            let elements = split::elements(&body, "").map_err(|_| error)?;
            let slice = |raw: &RawValue| body.slice_ref(raw.get().as_bytes());
            elements.into_iter().map(|raw| one(slice(raw))).collect()
        }),
        _ => one(body).map(|event| vec![event]),
    };
    events.map_err(|e| Error::Body(e.to_string()))
}

/// The event as its sender should have written it, where that changes something: attributes' names in lower
/// case (Google publishes events with `methodName`, Microsoft with `specVersion`), no attributes that are `null`, and a `source` with what no
/// URI can hold escaped (Microsoft's examples have `{name}` in it). Everything else stays as it was written.
fn mended(body: &[u8]) -> Option<String> {
    let members: Vec<(Cow<'_, str>, &RawValue)> = split::pairs(body)?;
    let mut changed = false;
    let mut written = Vec::with_capacity(members.len());
    for (name, value) in &members {
        let lower = name.to_ascii_lowercase();
        if lower != "data" && value.get() == "null" {
            changed = true;
            continue;
        }
        let source = match &*lower {
            "source" => serde_json::from_str::<String>(value.get()).ok(),
            _ => None,
        };
        let value = source.map_or_else(
            || value.get().to_owned(),
            |source| {
                let escaped = uri(&source);
                changed |= escaped != source;
                serde_json::Value::from(escaped).to_string()
            },
        );
        changed |= lower != *name;
        written.push(format!("{}:{value}", serde_json::Value::from(lower)));
    }
    changed.then(|| format!("{{{}}}", written.join(",")))
}
