//! A format as data: how it is recognised, and where its attributes come from.

use crate::clue::Clue;
use crate::pick::{Found, Paths};
use crate::split;
use crate::template::{Origin, Template};
use crate::time::rfc3339;
use crate::{Error, Message, form};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use tradewind_event::{Attribute, Event};

/// How the messages of one provider become events.
///
/// Each attribute has templates, the first that can be filled counts; see the crate's documentation
/// for what they hold. `data` is the message as it was written.
#[derive(Debug, Clone, Copy)]
pub struct Spec<'a> {
    /// The name in configuration and on the command line, for instance `aws-s3`.
    pub name: &'a str,
    /// The document that the mapping follows.
    pub after: &'a str,
    /// What gives it away; all must hold. Without any it is never detected.
    pub clues: &'a [Clue<'a>],
    /// Path of the list whose elements are the messages; `Some("")` where the body is the list,
    /// `None` where the body is one message.
    pub each: Option<&'a str>,
    /// Whether the body is anything at all and headers tell of it: it is not parsed, and its type is
    /// the one that it was sent with.
    pub raw: bool,
    /// Path of a text in a message that may hold a message of another format, which [`crate::decode`]
    /// then reads; `Some("")`: the message itself.
    pub inner: Option<&'a str>,
    /// Reads bodies by code; the templates are not used.
    pub by: Option<By>,
    /// `id`
    pub id: &'a [&'a str],
    /// `source`
    pub source: &'a [&'a str],
    /// `type`
    pub ty: &'a [&'a str],
    /// `subject`
    pub subject: &'a [&'a str],
    /// `time`
    pub time: &'a [&'a str],
    /// Extension attributes by name; what cannot be filled is left out.
    pub extensions: &'a [(&'a str, &'a str)],
}

/// A decoder that is code.
pub type By = fn(&Message<'_>) -> Result<Vec<Event>, Error>;

impl Spec<'_> {
    /// What most formats have: JSON in one piece, nothing optional, an id from the data.
    pub const NONE: Spec<'static> = Spec {
        name: "",
        after: "",
        clues: &[],
        each: None,
        raw: false,
        inner: None,
        by: None,
        id: &["{#}"],
        source: &[],
        ty: &[],
        subject: &[],
        time: &[],
        extensions: &[],
    };
}

/// A template that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template `{template}`: {reason}")]
pub struct SpecError {
    /// As it was written.
    pub template: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A [`Spec`] ready for use.
#[derive(Debug, Clone)]
pub struct Mapping {
    each: Option<String>,
    raw: bool,
    attributes: Vec<Rule>,
    message: Wanted,
    envelope: Wanted,
}

/// Paths, sorted, and what finds what stands there.
#[derive(Debug, Clone)]
struct Wanted {
    names: Vec<String>,
    paths: Paths,
}

impl Wanted {
    fn new(mut names: Vec<String>) -> Self {
        names.sort_unstable();
        names.dedup();
        let paths = Paths::new(&names);
        Self { names, paths }
    }

    fn value(&self, found: &Found<'_>, path: &str) -> Option<Cow<'static, str>> {
        let index = self.names.binary_search_by(|p| p.as_str().cmp(path)).ok()?;
        Some(found.get(index)?.as_ref()?.to_string().into())
    }
}

#[derive(Debug, Clone)]
struct Rule {
    attribute: String,
    templates: Vec<Template>,
}

impl Mapping {
    /// Reads the templates of a format.
    ///
    /// # Errors
    /// Where one is malformed.
    pub fn new(spec: &Spec<'_>) -> Result<Self, SpecError> {
        let rule = |attribute: &str, templates: &[&str]| {
            Ok(Rule {
                attribute: attribute.to_owned(),
                templates: templates
                    .iter()
                    .map(|text| Template::parse(text))
                    .collect::<Result<_, _>>()?,
            })
        };
        let mut attributes = vec![
            rule("id", spec.id)?,
            rule("source", spec.source)?,
            rule("type", spec.ty)?,
            rule("subject", spec.subject)?,
            rule("time", spec.time)?,
        ];
        for (name, template) in spec.extensions {
            attributes.push(rule(name, &[template])?);
        }
        let origins = || {
            attributes
                .iter()
                .flat_map(|rule| &rule.templates)
                .flat_map(Template::origins)
        };
        let wanted = |of: fn(&Origin) -> Option<&String>| {
            Wanted::new(origins().filter_map(of).cloned().collect())
        };
        let message = wanted(|origin| match origin {
            Origin::Message(path) => Some(path),
            _ => None,
        });
        let envelope = wanted(|origin| match origin {
            Origin::Envelope(path) => Some(path),
            _ => None,
        });
        Ok(Self {
            each: spec.each.map(str::to_owned),
            raw: spec.raw,
            attributes,
            message,
            envelope,
        })
    }

    /// The events in one body.
    ///
    /// # Errors
    /// Where the body is no JSON of the expected shape, or a required attribute cannot be had; the
    /// message tells which of several it was.
    pub fn decode(&self, message: &Message<'_>) -> Result<Vec<Event>, Error> {
        let Some(each) = &self.each else {
            let (data, json) = match self.raw {
                true => (message.body.clone(), Cow::Borrowed(&b"{}"[..])),
                false => (form::data(message), form::json(message)),
            };
            return Ok(vec![self.event(message, data, &json, &Vec::new())?]);
        };
        let elements = split::elements(message.body, each)?;
        let envelope = match self.envelope.names.is_empty() {
            true => Vec::new(),
            false => {
                let found = self.envelope.paths.pick(message.body);
                found.map_err(|e| Error::Body(e.to_string()))?
            }
        };
        let name = |index: usize| format!("{each}[{index}]");
        elements
            .iter()
            .enumerate()
            .map(|(index, raw)| {
                let data = message.body.slice_ref(raw.get().as_bytes());
                self.event(message, data.clone(), &data, &envelope)
                    .map_err(|e| Error::Message(name(index), Box::new(e)))
            })
            .collect()
    }

    fn event(
        &self,
        message: &Message<'_>,
        data: Bytes,
        json: &[u8],
        envelope: &Found<'_>,
    ) -> Result<Event, Error> {
        let found = self.message.paths.pick(json);
        let found = found.map_err(|e| Error::Body(e.to_string()))?;
        let value = |origin: &Origin| match origin {
            Origin::Message(path) => self.message.value(&found, path),
            // Without a list the message is the document.
            Origin::Envelope(path) => self.envelope.value(envelope, path),
            Origin::Header(name) => message.header(name).map(|text| text.to_owned().into()),
            Origin::Digest => Some(digest(&data).into()),
            Origin::DigestOf(path) => split::value(json, path).map(|raw| digest(raw).into()),
        };
        let mut values = self.attributes.iter().map(|rule| {
            let filled = rule
                .templates
                .iter()
                .find_map(|template| template.fill(value));
            (rule.attribute.as_str(), filled)
        });
        let mut required = || match values.next() {
            Some((_, Some(text))) => Ok(text.into_owned()),
            Some((name, None)) => Err(Error::Missing(name.to_owned(), self.wanted(name))),
            None => Err(Error::Missing(String::new(), String::new())),
        };
        let (id, source, ty) = (required()?, required()?, required()?);
        let optional: Vec<(&str, Cow<'_, str>)> = values
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let content_type = match self.raw {
            true => message.header(&CONTENT_TYPE).unwrap_or(ANYTHING),
            false => form::content_type(message.headers).unwrap_or(JSON),
        };
        let build = |source: &str, content_type: &str| {
            let mut builder = Event::builder(&id, source, &ty);
            for (name, value) in &optional {
                builder = match *name {
                    "subject" => builder.subject(value.clone()),
                    "time" => match rfc3339(Cow::Borrowed(value)) {
                        Some(time) => builder.time(time),
                        None => builder,
                    },
                    name => builder.extension(name, Attribute::String(value)),
                };
            }
            builder.data(content_type, data.clone()).build()
        };
        let (mut name, mut media) = (uri(&source), content_type);
        let mut built = build(&name, media);
        // Whatever a sender calls itself, and says of its body, loses no event.
        for _ in 0..2 {
            match built.as_ref().err().map(|error| error.attribute.as_str()) {
                Some("source") => name = escaped(&source),
                Some("datacontenttype") if self.raw => media = ANYTHING,
                Some("datacontenttype") => media = FORM,
                _ => break,
            }
            built = build(&name, media);
        }
        Ok(built?)
    }

    /// The paths that an attribute is looked for at.
    fn wanted(&self, attribute: &str) -> String {
        let rule = self
            .attributes
            .iter()
            .find(|rule| rule.attribute == attribute);
        let templates = rule.into_iter().flat_map(|rule| &rule.templates);
        let mut paths: Vec<String> = Vec::new();
        for origin in templates.flat_map(Template::origins) {
            let path = origin.to_string();
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        paths.join("`, `")
    }
}

const JSON: &str = "application/json";
const ANYTHING: &str = "application/octet-stream";
const FORM: &str = "application/x-www-form-urlencoded";

/// 128 bits of SHA-256, in hexadecimal: the same message always has the same id.
fn digest(data: &[u8]) -> String {
    Sha256::digest(data)[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What no URI reference can hold, percent-encoded.
pub(crate) fn uri(text: &str) -> String {
    encoded(text, |b| {
        b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b)
    })
}

/// As a path, whatever else it may look like.
fn escaped(text: &str) -> String {
    encoded(text, |b| b.is_ascii_alphanumeric() || b"-._~/".contains(&b))
}

fn encoded(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match plain(b) {
            true => out.push(char::from(b)),
            false => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}
