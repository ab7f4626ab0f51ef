//! Triggers of the platforms that call over HTTP.

use super::{header, http_answer, json, post, text};
use crate::hosts::openwhisk::media;
use crate::testing::Told;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use serde_json::{Map, Value};
use tradewind_event::http::encode_binary;
use tradewind_event::{Event, json as event_json};

pub(super) fn json_to(path: &str, document: &Value) -> Request<Bytes> {
    let headers = HeaderMap::from_iter([header("content-type", "application/json")]);
    post(path, headers, document.to_string())
}

fn document(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

/// An answer that stands in a document, with headers as text; `read` is how its platform reads the body.
fn inner(value: &Value, read: impl Fn(&HeaderMap, &str) -> Option<Bytes>) -> Told {
    let mut plain = Response::new(Bytes::new());
    let status = value["statusCode"]
        .as_u64()
        .and_then(|code| u16::try_from(code).ok());
    let Some(Ok(status)) = status.map(StatusCode::from_u16) else {
        let reason = "an answer without status".into();
        return Told::Failed { reason };
    };
    *plain.status_mut() = status;
    for (name, value) in value["headers"].as_object().into_iter().flatten() {
        let value = HeaderValue::try_from(value.as_str().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), value) {
            plain.headers_mut().insert(name, value);
        }
    }
    let body = value["body"].as_str().unwrap_or_default();
    let Some(body) = read(plain.headers(), body) else {
        let reason = "a body that cannot be read".into();
        return Told::Failed { reason };
    };
    *plain.body_mut() = body;
    http_answer(&plain)
}

pub(super) fn azure_http(event: &Event) -> Request<Bytes> {
    let (headers, body) = encode_binary(event);
    let lists: Map<_, _> = headers
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                json!([value.to_str().unwrap_or_default()]),
            )
        })
        .collect();
    json_to(
        "/orders",
        &json!({
            "Data": { "req": {
                "Url": "https://shop.azurewebsites.net/api/orders", "Method": "POST", "Query": "{}",
                "Headers": lists, "Params": {}, "Body": String::from_utf8_lossy(&body)
            } },
            "Metadata": { "sys": {
                "MethodName": "orders", "UtcNow": "2026-01-02T03:04:05Z", "RandGuid": "1"
            } }
        }),
    )
}

pub(super) fn azure_forwarded(event: &Event) -> Request<Bytes> {
    let (headers, body) = encode_binary(event);
    post("/api/orders", headers, body)
}

pub(super) fn azure_queue(event: &Event) -> Request<Bytes> {
    // The host writes a text as JSON, and that once more.
    let quoted = Value::from(text(event)).to_string();
    json_to(
        "/orders",
        &json!({
            "Data": { "message": quoted },
            "Metadata": {
                "DequeueCount": "1", "Id": "\"2f2f3e91\"", "InsertionTime": "\"2026-01-02T03:04:05+00:00\"",
                "sys": { "MethodName": "orders", "UtcNow": "2026-01-02T03:04:05Z", "RandGuid": "1" }
            }
        }),
    )
}

pub(super) fn azure_service_bus(event: &Event) -> Request<Bytes> {
    let quoted = Value::from(text(event)).to_string();
    json_to(
        "/orders",
        &json!({
            "Data": { "message": quoted },
            "Metadata": {
                "DeliveryCount": "1", "MessageId": "\"5f3b8a3c\"", "SequenceNumber": "7",
                "EnqueuedTimeUtc": "\"2026-01-02T03:04:05Z\"", "LockToken": "\"c2a1\"",
                "sys": { "MethodName": "orders", "UtcNow": "2026-01-02T03:04:05Z", "RandGuid": "1" }
            }
        }),
    )
}

pub(super) fn azure_event_hub(event: &Event) -> Request<Bytes> {
    let quoted = Value::from(text(event)).to_string();
    json_to(
        "/orders",
        &json!({
            "Data": { "event": quoted },
            "Metadata": {
                "PartitionContext": { "PartitionId": "0", "EventHubName": "orders", "ConsumerGroup": "$Default" },
                "SequenceNumber": "7", "Offset": "\"320\"", "EnqueuedTimeUtc": "\"2026-01-02T03:04:05Z\"",
                "sys": { "MethodName": "orders", "UtcNow": "2026-01-02T03:04:05Z", "RandGuid": "1" }
            }
        }),
    )
}

pub(super) fn azure_event_grid(event: &Event) -> Request<Bytes> {
    let value: Value = serde_json::from_str(&text(event)).unwrap_or_default();
    json_to(
        "/orders",
        &json!({
            "Data": { "event": value },
            "Metadata": { "sys": {
                "MethodName": "orders", "UtcNow": "2026-01-02T03:04:05Z", "RandGuid": "1"
            } }
        }),
    )
}

/// As the host reads an answer: its caller is told what stands in the output.
pub(super) fn azure_answer(answer: &Response<Bytes>) -> Told {
    match answer.status().is_success() {
        true => inner(&document(answer)["Outputs"]["res"], |_, body| {
            Some(Bytes::copy_from_slice(body.as_bytes()))
        }),
        false => azure_invocation(answer),
    }
}

/// As the host reads an answer of what nobody waits for: an invocation that succeeded or did not.
pub(super) fn azure_invocation(answer: &Response<Bytes>) -> Told {
    let told = document(answer);
    match answer.status().is_success() && told["Outputs"].is_object() {
        true => Told::Taken,
        false => Told::Failed {
            reason: told["detail"].as_str().unwrap_or_default().to_owned(),
        },
    }
}

pub(super) fn pubsub_push(event: &Event) -> Request<Bytes> {
    json_to(
        "/",
        &json!({
            "subscription": "projects/shop/subscriptions/orders",
            "message": {
                "messageId": "2070443601311540", "publishTime": "2026-01-02T03:04:05.678Z", "attributes": {},
                "data": STANDARD.encode(text(event))
            }
        }),
    )
}

/// Pub/Sub and Eventarc look at the status only.
pub(super) fn status_only(answer: &Response<Bytes>) -> Told {
    match answer.status().is_success() {
        true => Told::Taken,
        false => Told::Failed {
            reason: document(answer)["detail"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        },
    }
}

pub(super) fn fn_call(event: &Event) -> Request<Bytes> {
    let headers = HeaderMap::from_iter([
        header("content-type", "application/cloudevents+json"),
        header("fn-call-id", "01DEA5W1V71BG006G00000"),
    ]);
    post("/call", headers, event_json::encode(event))
}

pub(super) fn fn_http(event: &Event) -> Request<Bytes> {
    let (inner, body) = encode_binary(event);
    let mut headers = HeaderMap::from_iter([
        header("fn-call-id", "01DEA5W1V71BG006G00000"),
        header("fn-intent", "httprequest"),
        header("fn-http-method", "POST"),
        header("fn-http-request-url", "/t/shop/orders"),
    ]);
    for (name, value) in &inner {
        if let Ok(name) = HeaderName::try_from(format!("fn-http-h-{name}")) {
            headers.insert(name, value.clone());
        }
    }
    post("/call", headers, body)
}

/// As Fn makes an answer to its caller of it.
pub(super) fn fn_answer(answer: &Response<Bytes>) -> Told {
    let mut plain = Response::new(answer.body().clone());
    for (name, value) in answer.headers() {
        if let Some(Ok(name)) = name
            .as_str()
            .strip_prefix("fn-http-h-")
            .map(HeaderName::try_from)
        {
            plain.headers_mut().insert(name, value.clone());
        }
    }
    let status = answer.headers().get("fn-http-status");
    let status = status.and_then(|status| StatusCode::from_bytes(status.as_bytes()).ok());
    match (answer.status(), status) {
        (StatusCode::OK, Some(status)) => {
            *plain.status_mut() = status;
            http_answer(&plain)
        }
        _ => Told::Failed {
            reason: "no answer of a function".into(),
        },
    }
}

pub(super) fn activation(value: &Value) -> Request<Bytes> {
    json_to(
        "/run",
        &json!({
            "value": value, "namespace": "shop", "action_name": "/shop/orders", "api_host": "http://controller:3233",
            "api_key": "", "activation_id": "e41a9e5b6f5a4a2f9a9e5b6f5a8a2f11", "transaction_id": "t"
        }),
    )
}

pub(super) fn whisk_activation(event: &Event) -> Request<Bytes> {
    activation(&serde_json::from_str(&text(event)).unwrap_or_default())
}

pub(super) fn whisk_web(event: &Event) -> Request<Bytes> {
    let (headers, body) = encode_binary(event);
    let headers: Map<_, _> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().into()))
        .collect();
    activation(&json!({
        "__ow_method": "post", "__ow_path": "", "__ow_headers": headers, "__ow_body": STANDARD.encode(body)
    }))
}

pub(super) fn whisk_answer(answer: &Response<Bytes>) -> Told {
    let told = document(answer);
    if !answer.status().is_success() || !told.is_object() || !told["error"].is_null() {
        let reason = told["error"].as_str().unwrap_or_default().to_owned();
        return Told::Failed { reason };
    }
    if told["statusCode"].is_u64() {
        return inner(&told, media::read);
    }
    match event_json::decode(answer.body().clone()) {
        Ok(event) => Told::Replied(Box::new(event)),
        Err(_) => Told::Taken,
    }
}
