//! A format as data: how it is recognised, and where its attributes come from.

use crate::clue::Clue;
use crate::split;
use crate::template::{Origin, Template};
use crate::time::rfc3339;
use crate::{Error, Message, form, pick};
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
    message_paths: Vec<String>,
    envelope_paths: Vec<String>,
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
        let sorted = |mut paths: Vec<String>| {
            paths.sort_unstable();
            paths.dedup();
            paths
        };
        let message_paths = sorted(
            origins()
                .filter_map(|o| match o {
                    Origin::Message(path) => Some(path.clone()),
                    _ => None,
                })
                .collect(),
        );
        let envelope_paths = sorted(
            origins()
                .filter_map(|o| match o {
                    Origin::Envelope(path) => Some(path.clone()),
                    _ => None,
                })
                .collect(),
        );
        Ok(Self {
            each: spec.each.map(str::to_owned),
            raw: spec.raw,
            attributes,
            message_paths,
            envelope_paths,
        })
    }

    /// The events in one body.
    ///
    /// # Errors
    /// Where the body is no JSON of the expected shape, or a required attribute cannot be had; the
    /// message tells which of several it was.
    pub fn decode(&self, message: &Message<'_>) -> Result<Vec<Event>, Error> {
        let Some(each) = &self.each else {
            let json = match self.raw {
                true => Cow::Borrowed(&b"{}"[..]),
                false => form::json(message),
            };
            return Ok(vec![self.event(
                message,
                message.body.clone(),
                &json,
                &[],
            )?]);
        };
        let elements = split::elements(message.body, each)?;
        let envelope = match self.envelope_paths.is_empty() {
            true => Vec::new(),
            false => pick::pick(message.body, &self.envelope_paths)
                .map_err(|e| Error::Body(e.to_string()))?,
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
        envelope: &[Option<Cow<'_, str>>],
    ) -> Result<Event, Error> {
        let found =
            pick::pick(json, &self.message_paths).map_err(|e| Error::Body(e.to_string()))?;
        let at = |paths: &[String],
                  values: &[Option<Cow<'_, str>>],
                  path: &str|
         -> Option<Cow<'static, str>> {
            let index = paths.binary_search_by(|p| p.as_str().cmp(path)).ok()?;
            Some(values.get(index)?.as_ref()?.to_string().into())
        };
        let value = |origin: &Origin| match origin {
            Origin::Message(path) => at(&self.message_paths, &found, path),
            // Without a list the message is the document.
            Origin::Envelope(path) => at(&self.envelope_paths, envelope, path),
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
        let mut builder = Event::builder(id, uri(&source), ty);
        for (name, value) in values {
            let Some(value) = value else { continue };
            builder = match name {
                "subject" => builder.subject(value),
                "time" => match rfc3339(value) {
                    Some(time) => builder.time(time),
                    None => builder,
                },
                name => builder.extension(name, Attribute::String(&value)),
            };
        }
        let content_type = match self.raw {
            true => message.header(&CONTENT_TYPE).unwrap_or(ANYTHING),
            false => form::content_type(message.headers).unwrap_or(JSON),
        };
        Ok(builder.data(content_type, data).build()?)
    }

    /// The paths that an attribute is looked for at.
    fn wanted(&self, attribute: &str) -> String {
        let rule = self
            .attributes
            .iter()
            .find(|rule| rule.attribute == attribute);
        let templates = rule.into_iter().flat_map(|rule| &rule.templates);
        let mut paths: Vec<String> = templates
            .flat_map(Template::origins)
            .map(ToString::to_string)
            .collect();
        paths.dedup();
        paths.join("`, `")
    }
}

const JSON: &str = "application/json";
const ANYTHING: &str = "application/octet-stream";

/// 128 bits of SHA-256, in hexadecimal: the same message always has the same id.
fn digest(data: &[u8]) -> String {
    Sha256::digest(data)[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What no URI reference can hold, percent-encoded.
fn uri(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c) {
            out.push(c);
        } else {
            let mut bytes = [0; 4];
            out.extend(
                c.encode_utf8(&mut bytes)
                    .bytes()
                    .map(|byte| format!("%{byte:02X}")),
            );
        }
    }
    out
}
