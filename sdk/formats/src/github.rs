//! GitHub webhooks, as the CloudEvents adapter document maps them.
//!
//! `data` is the body as received and `datacontenttype` the type it was sent with, also for hooks
//! set to `application/x-www-form-urlencoded`: there the attributes are read from the `payload` field,
//! and the consumer finds the form.
//!
//! The headers `X-GitHub-Event` and `X-GitHub-Delivery` are not covered by GitHub's signature.

mod table;

use crate::Error;
use crate::pick::{Paths, unmarked};
use crate::time::rfc3339;
use bytes::Bytes;
use http::HeaderMap;
use std::borrow::Cow;
use std::sync::LazyLock;
use table::{ANYWHERE, FALLBACK, Row, Source, TABLE, UNKNOWN};
use tradewind_event::Event;

const EVENT: &str = "x-github-event";
const DELIVERY: &str = "x-github-delivery";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Reads one webhook request. Every event of the document is mapped as it says; others get their
/// repository (else organization, installation account, sender) as source and
/// `com.github.<event>[.<action>]` as type. `ping` is such an event too.
///
/// # Errors
/// Where a header is missing or malformed, or the body is no JSON object.
pub fn decode(headers: &HeaderMap, body: Bytes) -> Result<Event, Error> {
    let event = header(headers, EVENT, |b| {
        b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'
    })?;
    let delivery = header(headers, DELIVERY, |b| b.is_ascii_graphic())?;
    let content_type = match headers.get(http::header::CONTENT_TYPE) {
        None => JSON,
        Some(value) => value
            .to_str()
            .map_err(|_| Error::HeaderInvalid("content-type"))?,
    };
    let (attributes, data) = {
        let json = payload(content_type, &body)?;
        let data = match &json {
            Cow::Borrowed(json) => body.slice_ref(unmarked(json)),
            Cow::Owned(_) => body.clone(),
        };
        (Attributes::read(event, &json)?, data)
    };
    let mut builder = Event::builder(delivery, attributes.source, attributes.ty);
    if let Some(subject) = attributes.subject {
        builder = builder.subject(subject);
    }
    if let Some(time) = attributes.time {
        builder = builder.time(time);
    }
    Ok(builder.data(content_type, data).build()?)
}

/// The one value of a header, of a sane length.
fn header<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
    allowed: impl Fn(u8) -> bool,
) -> Result<&'a str, Error> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Error::HeaderMissing(name))?;
    let plain = (1..=100).contains(&value.len()) && value.as_bytes().iter().all(|b| allowed(*b));
    value
        .to_str()
        .ok()
        .filter(|_| plain && values.next().is_none())
        .ok_or(Error::HeaderInvalid(name))
}

/// The JSON in the body.
fn payload<'b>(content_type: &str, body: &'b [u8]) -> Result<Cow<'b, [u8]>, Error> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(JSON) {
        Ok(Cow::Borrowed(body))
    } else if essence.eq_ignore_ascii_case(FORM) {
        form_urlencoded::parse(body)
            .find(|(name, _)| name == "payload")
            .map(|(_, value)| Cow::Owned(value.into_owned().into_bytes()))
            .ok_or_else(|| Error::Body("the form has no field `payload`".into()))
    } else {
        Err(Error::ContentType(
            content_type.to_owned(),
            "application/json or application/x-www-form-urlencoded",
        ))
    }
}

#[derive(Debug)]
struct Attributes {
    source: String,
    ty: String,
    subject: Option<String>,
    time: Option<String>,
}

/// A row with the paths of its attributes, in the order in which they are read.
struct Reading {
    row: &'static Row,
    paths: Paths,
}

impl Reading {
    fn new(row: &'static Row) -> Self {
        let (own, tail) = row.source.paths();
        let mut paths = vec!["action", own, tail, row.subject];
        paths.extend(FALLBACK);
        paths.extend(row.suffix);
        paths.extend(row.time.iter().map(|path| condition(path).1));
        let paths = Paths::new(&paths);
        Self { row, paths }
    }

    /// The row of an event, or what stands in for it.
    fn of(event: &str) -> &'static Self {
        static ROWS: LazyLock<Vec<Reading>> =
            LazyLock::new(|| TABLE.iter().map(Reading::new).collect());
        static OTHER: LazyLock<Reading> = LazyLock::new(|| Reading::new(&UNKNOWN));
        let at = ROWS.binary_search_by(|known| known.row.event.cmp(event));
        at.map_or(&OTHER, |at| &ROWS[at])
    }
}

impl Attributes {
    fn read(event: &str, json: &[u8]) -> Result<Self, Error> {
        let Reading { row, paths } = Reading::of(event);
        let found = paths.pick(json).map_err(|e| Error::Body(e.to_string()))?;

        let mut found = found.into_iter();
        let mut next = || found.next().flatten();
        let (action, own, tail, subject) = (next(), next(), next(), next());
        let fallback = FALLBACK.map(|_| next()).into_iter().flatten().next();
        let source = row
            .source
            .value(own.as_deref(), tail.as_deref())
            .or_else(|| fallback.map(Cow::into_owned))
            .unwrap_or_else(|| ANYWHERE.to_owned());
        let mut ty = format!("com.github.{event}");
        for part in row.suffix.iter().filter_map(|_| next()) {
            ty.push('.');
            ty.push_str(&part);
        }
        let time = row.time.iter().find_map(|path| {
            let wanted = condition(path).0;
            let value = next()?;
            let applies = wanted.is_none() || wanted == action.as_deref();
            applies.then(|| rfc3339(value))?.map(Cow::into_owned)
        });
        Ok(Self {
            source,
            ty,
            subject: subject.map(Cow::into_owned),
            time,
        })
    }
}

/// `action=path` taken apart.
fn condition(path: &'static str) -> (Option<&'static str>, &'static str) {
    match path.split_once('=') {
        Some((action, path)) => (Some(action), path),
        None => (None, path),
    }
}

impl Source {
    fn paths(&self) -> (&'static str, &'static str) {
        match *self {
            Source::At(path) | Source::ParentOf(path) => (path, ""),
            Source::Joined(path, tail) => (path, tail),
            Source::Fixed(_) => ("", ""),
        }
    }

    fn value(&self, own: Option<&str>, tail: Option<&str>) -> Option<String> {
        match *self {
            Source::At(_) => own.map(str::to_owned),
            Source::Joined(..) => Some(format!("{}/{}", own?, tail?)),
            Source::ParentOf(_) => Some(own?.rsplit_once('/')?.0.to_owned()),
            Source::Fixed(text) => Some(text.to_owned()),
        }
    }
}
