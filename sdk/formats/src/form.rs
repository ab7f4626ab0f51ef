//! Forms, read as if they were JSON.

use crate::Message;
use crate::pick::unmarked;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The body where it is JSON. Of a form, what its only field `payload` holds, else an object of its
/// fields, the first of each name.
pub(crate) fn json<'m>(message: &Message<'m>) -> Cow<'m, [u8]> {
    if content_type(message.headers).is_none() {
        return Cow::Borrowed(message.body);
    }
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(message.body) {
        let value = || Value::String(value.into_owned());
        fields.entry(name).or_insert_with(value);
    }
    match (fields.len(), fields.get("payload")) {
        (1, Some(Value::String(payload))) => payload.clone().into_bytes().into(),
        _ => Value::Object(fields).to_string().into_bytes().into(),
    }
}

/// The body as data. The byte order mark before JSON goes: who reads the data next would trip over it.
pub(crate) fn data(message: &Message<'_>) -> Bytes {
    match content_type(message.headers) {
        Some(_) => message.body.clone(),
        None => message.body.slice_ref(unmarked(message.body)),
    }
}

/// The type of a body that is a form.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = text.split(';').next()?.trim();
    essence
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        .then_some(text)
}
