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
    #[serde(default, alias = "method")]
    http_method: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default, alias = "raw_path")]
    raw_path: Option<String>,
    #[serde(default)]
    raw_query_string: Option<String>,
    #[serde(default)]
    query_string_parameters: Option<BTreeMap<String, Values>>,
    #[serde(default)]
    multi_value_query_string_parameters: Option<BTreeMap<String, Values>>,
    #[serde(default)]
    request_context: Option<Around>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default, alias = "is_base64_encoded")]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct Around {
    #[serde(default)]
    http: Option<Called>,
}

#[derive(Deserialize)]
struct Called {
    #[serde(default)]
    method: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
    Other(serde::de::IgnoredAny),
}

impl Values {
    fn all(&self) -> &[String] {
        match self {
            Values::One(value) => std::slice::from_ref(value),
            Values::Many(values) => values,
            Values::Other(_) => &[],
        }
    }
}

/// As a query has it.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte.into());
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

impl Request {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, String> {
        super::foreign::object(payload).map_err(|e| format!("the request cannot be read: {e}"))
    }

    /// Whether headers came as lists, which then have to be answered so.
    pub(crate) fn has_lists(&self) -> bool {
        self.multi_value_headers.is_some()
    }

    /// Method and path, with the query where it comes as a text.
    pub(crate) fn at(&self, shape: Shape) -> (String, String) {
        let of_context = || Some(self.request_context.as_ref()?.http.as_ref()?.method.clone());
        let method = self.http_method.clone().or_else(of_context);
        let path = self.raw_path.as_ref().or(self.path.as_ref());
        let path = path.map_or("/", String::as_str);
        let query = match &self.raw_query_string {
            Some(query) => query.clone(),
            None => self.query(shape),
        };
        let uri = match query.as_str() {
            "" => path.to_owned(),
            query => format!("{path}?{query}"),
        };
        (method.unwrap_or_default(), uri)
    }

    /// The query, from parameters. API Gateway decodes them, a load balancer does not.
    fn query(&self, shape: Shape) -> String {
        let many = self.multi_value_query_string_parameters.as_ref();
        let parameters = many.or(self.query_string_parameters.as_ref());
        let as_sent = |text: &str| match shape {
            Shape::Balancer => text.to_owned(),
            _ => encoded(text),
        };
        let mut pairs = Vec::new();
        for (name, values) in parameters.into_iter().flatten() {
            let pair = |value: &String| format!("{}={}", as_sent(name), as_sent(value));
            pairs.extend(values.all().iter().map(pair));
        }
        pairs.join("&")
    }

    /// Headers and body as the client sent them. What is no header is left out.
    pub(crate) fn unwrap(&self) -> Result<(HeaderMap, Bytes), String> {
        let mut headers = HeaderMap::new();
        let source = self.multi_value_headers.as_ref().or(self.headers.as_ref());
        for (name, values) in source.into_iter().flatten() {
            let Ok(name) = HeaderName::try_from(name.as_str()) else {
                continue;
            };
            for value in values.all() {
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
