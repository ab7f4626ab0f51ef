//! HTTP requests as API Gateway, function URLs and load balancers hand them over, and their answers.

use crate::http::answer::Answer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What the answer must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// API Gateway, payload format 1.0.
    One,
    /// API Gateway, payload format 2.0, and function URLs.
    Two,
    /// A load balancer, which wants the status spelt out, and headers as lists where it sends lists.
    Balancer,
}

/// The parts of a request that its answer depends on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    #[serde(default)]
    headers: Option<BTreeMap<String, Values>>,
    #[serde(default)]
    multi_value_headers: Option<BTreeMap<String, Values>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default, alias = "is_base64_encoded")]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
    Other(serde::de::IgnoredAny),
}

impl Request {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, String> {
        super::foreign::object(payload).map_err(|e| format!("the request cannot be read: {e}"))
    }

    /// Whether headers came as lists, which then have to be answered so.
    pub(crate) fn has_lists(&self) -> bool {
        self.multi_value_headers.is_some()
    }

    /// Headers and body as the client sent them. What is no header is left out.
    pub(crate) fn unwrap(&self) -> Result<(HeaderMap, Bytes), String> {
        let mut headers = HeaderMap::new();
        let source = self.multi_value_headers.as_ref().or(self.headers.as_ref());
        for (name, values) in source.into_iter().flatten() {
            let Ok(name) = HeaderName::try_from(name.as_str()) else {
                continue;
            };
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
                Values::Other(_) => &[],
            };
            for value in values {
                if let Ok(value) = HeaderValue::try_from(value.as_str()) {
                    headers.append(name.clone(), value);
                }
            }
        }
        let body = self.body.clone().unwrap_or_default();
        let body = match self.is_base64_encoded {
            true => STANDARD
                .decode(body)
                .map_err(|_| "the body is no Base64".to_owned())?,
            false => body.into_bytes(),
        };
        Ok((headers, body.into()))
    }
}

/// The document that stands for an answer.
pub(crate) fn document(answer: Answer, shape: Shape, lists: bool) -> Value {
    let (head, body) = answer.into_parts();
    let mut document = Map::new();
    document.insert("statusCode".into(), head.status.as_u16().into());
    if shape == Shape::Balancer {
        let reason = head.status.canonical_reason().unwrap_or_default();
        let text = format!("{} {reason}", head.status.as_u16());
        document.insert("statusDescription".into(), text.trim().into());
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let (member, headers): (_, Map<_, _>) = match lists && shape != Shape::Two {
        true => {
            let lists = head.headers.keys().map(|name| {
                let values = head.headers.get_all(name).iter().map(text);
                (name.to_string(), values.collect())
            });
            ("multiValueHeaders", lists.collect())
        }
        false => {
            let one =
                |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), text(value).into());
            ("headers", head.headers.iter().map(one).collect())
        }
    };
    document.insert(member.into(), headers.into());
    let (body, encoded) = match std::str::from_utf8(&body) {
        Ok(text) => (json!(text), false),
        Err(_) => (json!(STANDARD.encode(&body)), true),
    };
    document.insert("body".into(), body);
    document.insert("isBase64Encoded".into(), encoded.into());
    Value::Object(document)
}
