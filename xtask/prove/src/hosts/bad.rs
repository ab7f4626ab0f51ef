//! What no client should send: refused in the platform's own way, and the process goes on.

use super::platform::{Platform, Running};
use hyper::{Request, Response};
use serde_json::{Value, json};
use std::time::SystemTime;
use tradewind::event::Timestamp;
use tradewind::{Bytes, Host};

struct Bad {
    name: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

const CLOUD_EVENT: (&str, &str) = ("content-type", "application/cloudevents+json");
const NOWHERE: &str = "/elsewhere";
const JSON: (&str, &str) = ("content-type", "application/json");
const EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"/prove","type":"t","data":{}}"#;

/// The requests of one platform.
fn requests(host: Host) -> Vec<Bad> {
    let bad = |name, path, headers: &[(&'static str, &str)], body: &str| Bad {
        name,
        path,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    let past = past();
    let big = || {
        let data = "x".repeat(2 << 20);
        format!(r#"{{"specversion":"1.0","id":"1","source":"/prove","type":"t","data":"{data}"}}"#)
    };
    let path = match host {
        Host::Azure => "/orders",
        Host::Fn => "/call",
        Host::OpenWhisk => "/run",
        _ => "/",
    };
    let mut list = vec![
        bad("half a document", path, &[JSON], r#"{"Records":[{"#),
        bad("no text", path, &[JSON], "\u{0}\u{1}"),
        bad("nested beyond measure", path, &[JSON], &"[".repeat(100_000)),
    ];
    match host {
        Host::Lambda => {
            list.push(bad("nothing", path, &[], ""));
            let record = r#"{"Records":[{"eventSource":"aws:sqs"}]}"#;
            list.push(bad("a message without id", path, &[JSON], record));
            let request = json!({ "version": "2.0", "isBase64Encoded": true, "body": "!", "headers": {},
                "requestContext": { "http": { "method": "POST" }, "requestId": "1", "apiId": "a", "stage": "s" } });
            list.push(bad(
                "a body in no Base64",
                path,
                &[JSON],
                &request.to_string(),
            ));
        }
        Host::OpenWhisk => {
            list.push(bad("nothing", path, &[], ""));
            list.push(bad(
                "too much",
                path,
                &[JSON],
                &format!(r#"{{"value":{}}}"#, big()),
            ));
            let late = format!(r#"{{"value":{EVENT},"deadline":"{}000"}}"#, past.seconds);
            list.push(bad("past its deadline", path, &[JSON], &late));
            list.push(bad("a path of nobody's", NOWHERE, &[JSON], "{}"));
        }
        Host::Azure => {
            list.push(bad("nothing", path, &[], ""));
            list.push(bad(
                "no data",
                path,
                &[JSON],
                r#"{"Data":{},"Metadata":{}}"#,
            ));
            list.push(bad("too much", path, &[CLOUD_EVENT], &big()));
            list.push(bad(
                "a format of nobody's",
                path,
                &[("content-type", "application/cloudevents+xml")],
                "<event/>",
            ));
        }
        _ => {
            list.push(bad("half an event", path, &[CLOUD_EVENT], "{"));
            list.push(bad(
                "an event without source",
                path,
                &[CLOUD_EVENT],
                r#"{"specversion":"1.0","id":"1","type":"t"}"#,
            ));
            list.push(bad(
                "a header that is missing",
                path,
                &[("ce-specversion", "1.0"), ("ce-id", "1")],
                "{}",
            ));
            list.push(bad(
                "a format of nobody's",
                path,
                &[("content-type", "application/cloudevents+xml")],
                "<event/>",
            ));
            list.push(bad("too much", path, &[CLOUD_EVENT], &big()));
        }
    }
    if host == Host::Fn {
        let past = past.to_string();
        let late = [CLOUD_EVENT, ("fn-deadline", &past)];
        list.push(bad("past its deadline", path, &late, EVENT));
    }
    list
}

/// A minute ago.
fn past() -> Timestamp {
    #[allow(clippy::disallowed_methods, reason = "deadlines are of the real clock")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs().saturating_sub(60));
    Timestamp {
        seconds: i64::try_from(seconds).unwrap_or_default(),
        nanos: 0,
    }
}

pub(crate) async fn run(platform: &Platform, running: &mut Running) -> Result<usize, String> {
    let mut list = requests(platform.host);
    list.retain(|bad| platform.has_paths() || bad.path != NOWHERE);
    let count = list.len();
    for Bad {
        name,
        path,
        headers,
        body,
    } in list
    {
        // Functions behind HTTP take any request, and find that this is no order.
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(|e| e.to_string())?;
        let answer = running
            .ask(request)
            .await
            .map_err(|e| format!("{name}: {e}"))?;
        if !is_refused(platform.host, &answer) {
            let body = String::from_utf8_lossy(answer.body()).into_owned();
            return Err(format!("{name}: {} {body}", answer.status()));
        }
        running.is_alive()?;
    }
    Ok(count)
}

/// The platform's own shape of an error.
fn is_refused(host: Host, answer: &Response<Bytes>) -> bool {
    let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let status = answer.status().as_u16();
    match host {
        Host::Lambda => {
            let kind = document["errorType"].as_str().unwrap_or_default();
            let shaped = kind.split_once('.').is_some_and(|(of, _)| of == "Function");
            shaped && text(&document["errorMessage"])
        }
        Host::OpenWhisk => status != 200 && text(&document["error"]),
        Host::Fn => {
            let told = answer.headers().get("fn-http-status");
            let told = told.and_then(|status| status.to_str().ok()?.parse::<u16>().ok());
            status == 200 && told.is_some_and(|status| status >= 400) && text(&document["detail"])
        }
        Host::Stdin => {
            let outcome = document["outcome"].as_str().unwrap_or_default();
            ["reject", "unreadable"].contains(&outcome) && text(&document["reason"])
        }
        _ => (400..600).contains(&status) && text(&document["detail"]),
    }
}
