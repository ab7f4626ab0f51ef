//! Interim codec, until `tradewind_event::http` has it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tradewind_event::{Attribute, DataKind, Event};

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Percent {
    Strict,
    Lenient,
}
#[derive(Clone, Copy)]
pub(crate) enum Format {
    Json,
}
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) event_bytes: usize,
    pub(crate) batch_bytes: usize,
    pub(crate) batch_events: usize,
}
impl Default for Limits {
    fn default() -> Self {
        Self {
            event_bytes: 1 << 20,
            batch_bytes: 8 << 20,
            batch_events: 1000,
        }
    }
}
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) percent: Percent,
    pub(crate) limits: Limits,
}
impl Default for Options {
    fn default() -> Self {
        Self {
            percent: Percent::Strict,
            limits: Limits::default(),
        }
    }
}
#[derive(Debug)]
pub(crate) enum Error {
    NotCloudEvent,
    Other(String),
}
impl Error {
    pub(crate) fn status(&self) -> http::StatusCode {
        match self {
            Error::NotCloudEvent => http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::Other(_) => http::StatusCode::BAD_REQUEST,
        }
    }
}
impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::NotCloudEvent => f.write_str("no CloudEvent"),
            Error::Other(s) => f.write_str(s),
        }
    }
}
pub(crate) struct Message(Vec<Event>);
impl Message {
    pub(crate) fn into_events(self) -> Vec<Event> {
        self.0
    }
}
pub(crate) fn decode(
    headers: &HeaderMap,
    body: Bytes,
    options: &Options,
) -> Result<Message, Error> {
    if !media(headers).starts_with("application/cloudevents")
        && !headers.contains_key("ce-specversion")
    {
        return Err(Error::NotCloudEvent);
    }
    if body.len() > options.limits.event_bytes.max(options.limits.batch_bytes) {
        return Err(Error::Other("too large".into()));
    }
    read(
        headers,
        &body,
        options.percent == Percent::Lenient,
        options.limits.batch_events,
    )
    .map(Message)
    .map_err(Error::Other)
}
pub(crate) fn encode_binary(event: &Event) -> (HeaderMap, Bytes) {
    binary(event).unwrap_or_default()
}
pub(crate) fn encode_structured(event: &Event, _: Format) -> (HeaderMap, Bytes) {
    (
        HeaderMap::from_iter([(
            CONTENT_TYPE,
            HeaderValue::from_static("application/cloudevents+json"),
        )]),
        structured(event),
    )
}
pub(crate) fn encode_batch(events: &[Event], _: Format) -> (HeaderMap, Bytes) {
    (
        HeaderMap::from_iter([(
            CONTENT_TYPE,
            HeaderValue::from_static("application/cloudevents-batch+json"),
        )]),
        batch(events),
    )
}

fn media(headers: &HeaderMap) -> String {
    headers
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase()
}

fn binary(event: &Event) -> Result<(HeaderMap, Bytes), String> {
    let mut headers = HeaderMap::new();
    for (name, value) in event.attributes() {
        let text = value.to_canonical();
        let (name, text) = match name {
            "datacontenttype" => ("content-type".to_owned(), text.into_owned()),
            name => (format!("ce-{name}"), percent(&text)),
        };
        headers.insert(
            HeaderName::try_from(name).map_err(|e| e.to_string())?,
            HeaderValue::try_from(text).map_err(|e| e.to_string())?,
        );
    }
    Ok((
        headers,
        event.data().map(|d| d.bytes.clone()).unwrap_or_default(),
    ))
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'"' | b'%' => format!("%{b:02X}"),
            0x21..=0x7e => (b as char).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

fn unpercent(text: &str, lenient: bool) -> Result<String, String> {
    let b = text.as_bytes();
    let (mut out, mut i) = (Vec::new(), 0);
    while i < b.len() {
        if b[i] == b'%' {
            match text
                .get(i + 1..i + 3)
                .and_then(|h| u8::from_str_radix(h, 16).ok())
            {
                Some(byte) => {
                    out.push(byte);
                    i += 3;
                    continue;
                }
                None if lenient => {}
                None => return Err("invalid percent escape".into()),
            }
        }
        out.push(b[i]);
        i += 1;
    }
    String::from_utf8(out).map_err(|e| e.to_string())
}

fn structured(event: &Event) -> Bytes {
    let mut out = String::from("{");
    for (i, (name, value)) in event.attributes().enumerate() {
        if i > 0 {
            out.push(',');
        }
        let value = match value {
            Attribute::Boolean(b) => b.to_string(),
            Attribute::Integer(n) => n.to_string(),
            other => serde_json::Value::from(other.to_canonical().as_ref()).to_string(),
        };
        out += &format!("\"{name}\":{value}");
    }
    if let Some(data) = event.data() {
        match (data.kind, std::str::from_utf8(&data.bytes)) {
            (DataKind::Json, Ok(text)) => out += &format!(",\"data\":{text}"),
            _ => out += &format!(",\"data_base64\":\"{}\"", STANDARD.encode(&data.bytes)),
        }
    }
    out.push('}');
    out.into()
}

fn batch(events: &[Event]) -> Bytes {
    let mut out = vec![b'['];
    for (i, event) in events.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&structured(event));
    }
    out.push(b']');
    out.into()
}

fn read(
    headers: &HeaderMap,
    body: &Bytes,
    lenient: bool,
    batch_max: usize,
) -> Result<Vec<Event>, String> {
    let media = media(headers);
    if media.starts_with("application/cloudevents-batch") {
        let all: Vec<&RawValue> = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        if all.len() > batch_max {
            return Err(format!(
                "batch of {} events, at most {batch_max}",
                all.len()
            ));
        }
        return all
            .into_iter()
            .map(|raw| json(raw.get().as_bytes()))
            .collect();
    }
    if media.starts_with("application/cloudevents") {
        return json(body).map(|e| vec![e]);
    }
    let text = |name: &str| {
        headers
            .get(name)
            .ok_or_else(|| format!("{name} is missing"))
            .and_then(|v| v.to_str().map_err(|e| e.to_string()))
            .and_then(|v| unpercent(v, lenient))
    };
    if text("ce-specversion")? != "1.0" {
        return Err("unknown specversion".into());
    }
    let mut event = Event::builder(text("ce-id")?, text("ce-source")?, text("ce-type")?);
    for name in headers.keys() {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else {
            continue;
        };
        if !["specversion", "id", "source", "type"].contains(&attribute) {
            event = event.extension(attribute, Attribute::String(&text(name.as_str())?));
        }
    }
    if let Some(content_type) = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()) {
        event = event.data(content_type, body.clone());
    }
    event.build().map(|e| vec![e]).map_err(|e| e.to_string())
}

fn json(bytes: &[u8]) -> Result<Event, String> {
    let fields: BTreeMap<String, &RawValue> =
        serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    let text = |name: &str| -> Result<String, String> {
        let raw = fields
            .get(name)
            .ok_or_else(|| format!("{name} is missing"))?;
        serde_json::from_str(raw.get()).map_err(|e| e.to_string())
    };
    let mut event = Event::builder(text("id")?, text("source")?, text("type")?);
    for (name, raw) in &fields {
        if [
            "specversion",
            "id",
            "source",
            "type",
            "data",
            "data_base64",
            "datacontenttype",
        ]
        .contains(&name.as_str())
        {
            continue;
        }
        event = match serde_json::from_str(raw.get()).map_err(|e| e.to_string())? {
            serde_json::Value::String(s) => event.extension(name, Attribute::String(&s)),
            serde_json::Value::Bool(b) => event.extension(name, Attribute::Boolean(b)),
            serde_json::Value::Number(n) => event.extension(
                name,
                Attribute::Integer(n.as_i64().unwrap_or_default() as i32),
            ),
            _ => event,
        };
    }
    let content_type = text("datacontenttype").unwrap_or_else(|_| "application/json".into());
    if let Some(raw) = fields.get("data") {
        event = event.data(content_type, raw.get().to_owned().into_bytes());
    } else if fields.contains_key("data_base64") {
        let data = STANDARD
            .decode(text("data_base64")?)
            .map_err(|e| e.to_string())?;
        event = event.data(content_type, data);
    }
    event.build().map_err(|e| e.to_string())
}
