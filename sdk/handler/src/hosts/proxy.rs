//! HTTP requests as API Gateway, function URLs and load balancers hand them over, and their answers.

use super::openwhisk::media;
use crate::http::answer::{Answer, problem};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};
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
    /// An HTTP output binding of Azure, which has one text for each header, and for the body.
    Azure,
    /// A web action of OpenWhisk, which knows by the media type what is Base64.
    OpenWhisk,
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
    cookies: Option<Vec<String>>,
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
        // API Gateway takes them out of the headers.
        let cookies = self.cookies.as_ref().map(|cookies| cookies.join("; "));
        if let Some(Ok(cookies)) = cookies.map(HeaderValue::try_from)
            && !cookies.is_empty()
            && !headers.contains_key(COOKIE)
        {
            headers.insert(COOKIE, cookies);
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

/// The document that stands for an answer. What the platform cannot pass on as it is becomes a failure that says so.
pub(crate) fn document(answer: Answer, shape: Shape, lists: bool) -> Value {
    let answer = match unfit(&answer, shape, lists) {
        Some(why) => problem(StatusCode::INTERNAL_SERVER_ERROR, why),
        None => answer,
    };
    let (head, body) = answer.into_parts();
    let mut document = Map::new();
    document.insert("statusCode".into(), head.status.as_u16().into());
    if shape == Shape::Balancer {
        let reason = head.status.canonical_reason().unwrap_or_default();
        let text = format!("{} {reason}", head.status.as_u16());
        document.insert("statusDescription".into(), text.trim().into());
    }
    document.extend(told(&head.headers, shape, lists));
    let text = match shape {
        Shape::OpenWhisk => media::body(&head.headers, &body),
        _ => std::str::from_utf8(&body).ok().map(str::to_owned),
    };
    if !matches!(shape, Shape::Azure | Shape::OpenWhisk) {
        document.insert("isBase64Encoded".into(), text.is_none().into());
    }
    let text = text.unwrap_or_else(|| STANDARD.encode(&body));
    document.insert("body".into(), text.into());
    Value::Object(document)
}

/// Why the platform would pass on something else.
fn unfit(answer: &Answer, shape: Shape, lists: bool) -> Option<&'static str> {
    let cookies = answer.headers().get_all(SET_COOKIE).iter().count();
    match shape {
        Shape::Azure if std::str::from_utf8(answer.body()).is_err() => Some(
            "the body is no text, and an HTTP binding of Azure takes nothing else; see enableForwardingHttpRequest",
        ),
        Shape::Azure if cookies > 1 => Some(
            "there are several cookies, and an HTTP binding of Azure takes one; see enableForwardingHttpRequest",
        ),
        Shape::OpenWhisk if media::body(answer.headers(), answer.body()).is_none() => {
            Some("the body is no UTF-8, and OpenWhisk takes nothing else of this content type")
        }
        Shape::Balancer if !lists && cookies > 1 => Some(
            "there are several cookies, and the load balancer takes one; see multi-value headers of its target group",
        ),
        _ => None,
    }
}

/// Headers, and each that is there several times in the platform's way.
fn told(headers: &HeaderMap, shape: Shape, lists: bool) -> Map<String, Value> {
    let (mut one, mut many, mut told) = (Map::new(), Map::new(), Map::new());
    for name in headers.keys() {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let values: Vec<_> = headers.get_all(name).iter().map(text).collect();
        let several = values.len() > 1;
        match shape {
            Shape::Two if *name == SET_COOKIE => {
                told.insert("cookies".into(), values.into());
            }
            Shape::One | Shape::Balancer if lists => {
                many.insert(name.to_string(), values.into());
            }
            Shape::One if several => {
                many.insert(name.to_string(), values.into());
            }
            Shape::OpenWhisk if several => {
                one.insert(name.to_string(), values.into());
            }
            _ => {
                one.insert(name.to_string(), values.join(", ").into());
            }
        }
    }
    let has_many = !many.is_empty() || lists && shape != Shape::Two;
    if has_many {
        told.insert("multiValueHeaders".into(), many.into());
    }
    if !one.is_empty() || !has_many {
        told.insert("headers".into(), one.into());
    }
    told
}
