//! Bad requests and bad events: what the sender is told, and that nothing is stored.

use crate::support::{event, start};
use serde_json::{Value, json};

struct Case {
    name: &'static str,
    request: Vec<u8>,
    status: u16,
    problem: Value,
}

fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "{line} HTTP/1.1\r\nhost: g\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A sound event but for its `host` headers.
fn hosts(headers: &str) -> Vec<u8> {
    String::from_utf8(event("/events", "1", "t", "{}"))
        .unwrap()
        .replace("host: gateway\r\n", headers)
        .into_bytes()
}

fn problem(status: u16, code: &str, title: &str, more: Value) -> Value {
    let mut problem = json!({
        "type": format!("urn:tradewind:problem:{code}"), "title": title, "status": status,
    });
    for (key, value) in more.as_object().unwrap() {
        problem[key] = value.clone();
    }
    problem
}

const STRUCTURED: &str = "content-type: application/cloudevents+json\r\n";
const BATCH: &str = "content-type: application/cloudevents-batch+json\r\n";

fn cases() -> Vec<Case> {
    let case = |name, request, status, code: &str, title: &str, more| Case {
        name,
        request,
        status,
        problem: problem(status, code, title, more),
    };
    let no_host = "the request does not name one host; nothing was stored";
    let unreadable = "the source cannot read this request; nothing was stored";
    vec![
        case(
            "no host",
            hosts(""),
            400,
            "invalid-host",
            no_host,
            json!({ "detail": "header `host`: is missing; every HTTP/1.1 request needs it" }),
        ),
        case(
            "two hosts",
            hosts("host: g\r\nHost: g\r\n"),
            400,
            "invalid-host",
            no_host,
            json!({ "detail": "header `host`: occurs twice" }),
        ),
        case(
            "a host that is none",
            hosts("host: a/b\r\n"),
            400,
            "invalid-host",
            no_host,
            json!({ "detail": "header `host`: is no host with or without a port" }),
        ),
        case(
            "a path that nobody has",
            request("POST /nowhere", "", "{}"),
            404,
            "unknown-path",
            "no source or route has this path",
            json!({ "hint": "the `path` of a source must equal the request's, that of a route must match it" }),
        ),
        case(
            "a path that is nearly one",
            request("POST /Events/", "", "{}"),
            404,
            "unknown-path",
            "no source or route has this path",
            json!({ "hint": "did you mean /events?" }),
        ),
        case(
            "another method",
            request("PUT /events", "", "{}"),
            405,
            "method-not-allowed",
            "events are sent with POST",
            json!({}),
        ),
        case(
            "a question",
            request("GET /events", "", ""),
            405,
            "method-not-allowed",
            "events are sent with POST",
            json!({}),
        ),
        case(
            "a compressed body",
            request("POST /events", "content-encoding: gzip\r\n", "xx"),
            415,
            "content-encoding",
            "compressed bodies are not taken",
            json!({ "hint": "send the body without content-encoding" }),
        ),
        case(
            "a body that is announced too large",
            event("/events", "1", "t", &"x".repeat(2000)),
            413,
            "body-too-large",
            "the body is larger than the source takes; nothing was stored",
            json!({ "detail": "at most 1024 bytes" }),
        ),
        case(
            "a body that turns out too large",
            format!(
                "POST /events HTTP/1.1\r\nhost: g\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{0:x}\r\n{1}\r\n0\r\n\r\n",
                2000,
                "x".repeat(2000)
            )
            .into_bytes(),
            413,
            "body-too-large",
            "the body is larger than the source takes; nothing was stored",
            json!({ "detail": "at most 1024 bytes" }),
        ),
        case(
            "no key",
            event("/keyed", "1", "t", "{}"),
            401,
            "unauthenticated",
            "the request is not authenticated",
            json!({}),
        ),
        case(
            "a wrong key, and a body that nobody reads",
            request(
                "POST /keyed",
                "authorization: Bearer tw_shop_000000000000000000000000000000000000000000000000\r\n",
                "not even an event",
            ),
            401,
            "unauthenticated",
            "the request is not authenticated",
            json!({}),
        ),
        case(
            "not JSON",
            request("POST /events", STRUCTURED, "{\"specversion\":"),
            400,
            "invalid-event",
            unreadable,
            json!({ "detail": "invalid JSON at byte 15: the document ends too early" }),
        ),
        case(
            "JSON that claims not to be UTF-8",
            request(
                "POST /events",
                "content-type: application/cloudevents+json; charset=ISO-8859-1\r\n",
                "{}",
            ),
            415,
            "invalid-event",
            "the source does not take this content type",
            json!({ "detail": "charset \"ISO-8859-1\" is not supported; send JSON in UTF-8" }),
        ),
        case(
            "no type",
            request(
                "POST /events",
                STRUCTURED,
                "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\"}",
            ),
            400,
            "invalid-event",
            unreadable,
            json!({ "detail": "attribute `type`: is missing; every event needs it" }),
        ),
        case(
            "an empty id",
            request(
                "POST /events",
                "ce-specversion: 1.0\r\nce-id: \r\nce-source: /s\r\nce-type: t\r\n",
                "",
            ),
            400,
            "invalid-event",
            unreadable,
            json!({ "detail": "header `ce-id`: is empty; leave it out or give it a value" }),
        ),
        case(
            "one bad event of two",
            request(
                "POST /events",
                BATCH,
                "[{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"},{\"specversion\":\"1.0\",\"id\":\"2\",\"source\":\"/s\"}]",
            ),
            400,
            "invalid-event",
            unreadable,
            json!({ "detail": "event 1 of the batch: attribute `type`: is missing; every event needs it" }),
        ),
        case(
            "more events than a request may hold",
            request(
                "POST /events",
                BATCH,
                &format!(
                    "[{}]",
                    ["1", "2", "3"]
                        .map(|id| format!("{{\"specversion\":\"1.0\",\"id\":\"{id}\",\"source\":\"/s\",\"type\":\"t\"}}"))
                        .join(",")
                ),
            ),
            413,
            "batch-too-large",
            "the batch has more events than the gateway takes; nothing was stored",
            json!({ "detail": "at most 2 events" }),
        ),
    ]
}

#[tokio::test]
async fn bad_requests_are_told_what_is_wrong_and_nothing_is_stored() {
    let gateway = start(
        "limits: { body: 1KiB, batch: 2 }\n\
         api-keys: { shop: { sha256: \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\" } }\n\
         sources:\n  events: { kind: http, path: /events, auth: none-i-understand }\n  \
         keyed: { kind: http, path: /keyed, auth: { api-keys: [shop] } }\n\
         subscriptions:\n  all: { sink: { kind: memory } }\n",
    )
    .await;
    let mut wrong = Vec::new();
    for case in cases() {
        let answer = gateway.send(&case.request).await;
        let found = answer.json();
        if answer.status != case.status || found != case.problem {
            wrong.push(format!(
                "{}: {} {found:#}\n  expected {:#}",
                case.name, answer.status, case.problem
            ));
        }
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{}",
            case.name
        );
        if case.status == 405 {
            assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(gateway.appended("default").await, 0);
    let metrics = gateway.admin("GET", "/metrics", "").await.text();
    for line in [
        r#"tradewind_ingress_requests_total{source="",status="404",code="unknown-path"} 2"#,
        r#"tradewind_ingress_requests_total{source="keyed",status="401",code="unauthenticated"} 2"#,
        r#"tradewind_ingress_requests_total{source="events",status="413",code="body-too-large"} 2"#,
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn any_one_host_will_do_and_older_clients_need_none() {
    let gateway = start(
        "sources:\n  events: { kind: http, path: /events, auth: none-i-understand }\n\
         subscriptions:\n  all: { sink: { kind: memory } }\n",
    )
    .await;
    let old = String::from_utf8(hosts(""))
        .unwrap()
        .replace("HTTP/1.1", "HTTP/1.0");
    let sound = ["", "g", "g:80", "[::1]:8080", "127.0.0.1"]
        .map(|host| hosts(&format!("host: {host}\r\n")));
    for request in sound.into_iter().chain([old.into_bytes()]) {
        let answer = gateway.send(&request).await;
        // One event, sent over and over.
        assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
    }
    gateway.finish().await;
}
