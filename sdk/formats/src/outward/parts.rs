//! An event taken apart for an envelope, and put together again.

use super::{Unreadable, Unrenderable};
use crate::split;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use tradewind_event::{Event, json};

/// What an event consists of, in JSON.
#[derive(Debug)]
pub(super) struct Parts {
    /// An object with all attributes.
    attributes: String,
    /// The data as CloudEvents' JSON format has it.
    data: Data,
}

#[derive(Debug)]
pub(super) enum Data {
    None,
    /// As it was written.
    Json(String),
    Text(String),
    Base64(String),
}

/// The member that holds what an envelope has no place for.
pub(super) const MEMBER: &str = "cloudevents";

impl Parts {
    pub(super) fn of(event: &Event) -> Result<Self, Unrenderable> {
        let document = json::encode(event);
        // What was just written has an event's members.
        let members: Vec<(Cow<'_, str>, &RawValue)> =
            split::pairs(&document).ok_or(Unrenderable::NotText)?;
        let mut attributes = Vec::with_capacity(members.len());
        let mut data = Data::None;
        for (name, value) in members {
            let text = || serde_json::from_str(value.get()).unwrap_or_default();
            data = match &*name {
                "data_base64" => Data::Base64(text()),
                "data" if is_text(event) => Data::Text(text()),
                "data" => Data::Json(value.get().to_owned()),
                name => {
                    attributes.push(format!("{}:{value}", quoted(name)));
                    continue;
                }
            };
        }
        Ok(Self {
            attributes: format!("{{{}}}", attributes.join(",")),
            data,
        })
    }

    /// A JSON object.
    pub(super) fn object(&self) -> Result<&str, Unrenderable> {
        match &self.data {
            Data::None => Err(Unrenderable::NoData),
            Data::Json(json) if json.starts_with('{') => Ok(json),
            _ => Err(Unrenderable::NotObject),
        }
    }

    /// Any JSON value; a text is a string.
    pub(super) fn value(&self) -> Result<Option<Cow<'_, str>>, Unrenderable> {
        match &self.data {
            Data::None => Ok(None),
            Data::Json(json) => Ok(Some(json.into())),
            Data::Text(text) => Ok(Some(quoted(text).into())),
            Data::Base64(_) => Err(Unrenderable::NotText),
        }
    }

    /// The text of the data, as a JSON string.
    pub(super) fn text(&self) -> Result<String, Unrenderable> {
        match &self.data {
            Data::None => Ok(quoted("")),
            Data::Json(text) | Data::Text(text) => Ok(quoted(text)),
            Data::Base64(_) => Err(Unrenderable::NotText),
        }
    }

    /// The bytes of the data, in base64.
    pub(super) fn base64(&self) -> String {
        match &self.data {
            Data::None => String::new(),
            Data::Json(text) | Data::Text(text) => STANDARD.encode(text),
            Data::Base64(text) => text.clone(),
        }
    }

    /// The member [`MEMBER`].
    pub(super) fn kept(&self) -> String {
        self.kept_around(None)
    }

    /// The same, where the payload is a part of the data and this stands around it.
    pub(super) fn kept_around(&self, around: Option<[&str; 2]>) -> String {
        let data = match self.data {
            Data::None => "none",
            Data::Json(_) => "json",
            Data::Text(_) => "text",
            Data::Base64(_) => "base64",
        };
        let attributes = &self.attributes;
        let around = around
            .map(|[before, behind]| format!(",\"around\":[{},{}]", quoted(before), quoted(behind)));
        let around = around.unwrap_or_default();
        format!("\"{MEMBER}\":{{\"data\":\"{data}\",\"attributes\":{attributes}{around}}}")
    }
}

/// An object, with what an envelope has no place for at its end.
pub(super) fn object(members: &[(&str, String)], kept: &str) -> Vec<u8> {
    let members = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"));
    let mut members: Vec<String> = members.collect();
    members.extend((!kept.is_empty()).then(|| kept.to_owned()));
    format!("{{{}}}", members.join(",")).into_bytes()
}

/// A string of JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether the data is written as text, by the JSON format of CloudEvents, section 3.1.
fn is_text(event: &Event) -> bool {
    event.data_content_type().is_some_and(|ty| {
        let essence = ty.split(';').next().unwrap_or_default().trim();
        let essence = essence.to_ascii_lowercase();
        !(essence.ends_with("/json") || essence.ends_with("+json"))
    })
}

#[derive(Deserialize)]
struct Kept<'a> {
    data: &'a str,
    #[serde(borrow)]
    attributes: &'a RawValue,
    #[serde(borrow, default)]
    around: Option<[Cow<'a, str>; 2]>,
}

/// The CloudEvent in JSON that a message was made of.
pub(super) fn restored(message: &[u8], payload: &str) -> Result<Vec<u8>, Unreadable> {
    let kept =
        split::value(message, MEMBER).ok_or(Unreadable("the member `cloudevents` is missing"))?;
    let kept: Kept<'_> =
        serde_json::from_slice(kept).map_err(|_| Unreadable("`cloudevents` is malformed"))?;
    let raw = split::value(message, payload);
    let malformed = Unreadable("the payload is not where it should be");
    let text = || raw.and_then(|raw| serde_json::from_slice::<Cow<'_, str>>(raw).ok());
    let in_base64 = || text().and_then(|text| STANDARD.decode(&*text).ok());
    let encoded = matches!(payload, "kinesis.data" | "message.data");
    let as_string = matches!(payload, "Sns.Message" | "body");
    let data: Option<(&str, Vec<u8>)> = match kept.data {
        "none" => None,
        "base64" => Some(("data_base64", raw.ok_or(malformed)?.to_vec())),
        kind => {
            let bytes = match () {
                () if encoded => in_base64(),
                () if as_string => text().map(|text| text.into_owned().into_bytes()),
                // A place for any value holds a text as a string already.
                () => raw.map(<[u8]>::to_vec),
            };
            let bytes = bytes.ok_or_else(|| malformed.clone())?;
            match kind == "text" && (encoded || as_string) {
                false => Some(("data", bytes)),
                true => {
                    let text = String::from_utf8(bytes).map_err(|_| malformed)?;
                    Some(("data", quoted(&text).into_bytes()))
                }
            }
        }
    };
    Ok(kept.event(data))
}

/// The same, of a payload that is JSON, or a part of it.
pub(super) fn restored_of(kept: &[u8], payload: String) -> Result<Vec<u8>, Unreadable> {
    let kept: Kept<'_> =
        serde_json::from_slice(kept).map_err(|_| Unreadable("`cloudevents` is malformed"))?;
    let data = match &kept.around {
        _ if kept.data == "none" => return Ok(kept.event(None)),
        Some([before, behind]) => format!("{before}{payload}{behind}"),
        None => payload,
    };
    Ok(kept.event(Some(("data", data.into_bytes()))))
}

impl Kept<'_> {
    fn event(&self, data: Option<(&str, Vec<u8>)>) -> Vec<u8> {
        let attributes = self.attributes.get();
        let open = attributes.strip_suffix('}').unwrap_or_default();
        let mut document = open.as_bytes().to_vec();
        if let Some((name, value)) = data {
            document.extend_from_slice(format!(",\"{name}\":").as_bytes());
            document.extend_from_slice(&value);
        }
        document.push(b'}');
        document
    }
}
