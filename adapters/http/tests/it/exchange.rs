//! Requests as a target sees them, and what its answers mean.

use crate::server::{
    Act, Server, Trap, accepted, answer, config, deliver, delivery, event, one, sink, why,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::Version;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Outcome, Report, Sink, TraceContext};
use tradewind_event::{Attribute, Event};
use tradewind_http::HttpSink;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_binary_request() {
    let server = Server::start(answer(204)).await;
    let settings = json!({"headers": {"x-env": "a b"}, "auth": {"basic": {"username": "u", "password": "hunter2"}}});
    let event = Event::builder("e1", "/shop", "order")
        .subject("Euro € 😀")
        .extension("traceparent", Attribute::String(TRACE))
        .data("text/plain; charset=utf-8", "\u{feff}déjà\r\n")
        .build()
        .unwrap();
    let mut delivery = delivery(event);
    delivery.attempt = 3;
    delivery.replay = Some("r9".into());
    accepted(&one(&sink(&server.url(), settings), delivery).await);

    let seen = server.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.uri.path()), ("POST", "/hook"));
    assert_eq!(&seen.body[..], "\u{feff}déjà\r\n".as_bytes());
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("ce-specversion", "1.0"),
        ("ce-id", "e1"),
        ("ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
        ("ce-traceparent", TRACE),
        ("traceparent", TRACE),
        ("tradewind-delivery-id", "default-0-7-e1"),
        ("tradewind-attempt", "3"),
        ("tradewind-replay", "r9"),
        ("x-env", "a b"),
        ("authorization", "Basic dTpodW50ZXIy"),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
    assert!(!seen.headers.contains_key("webhook-id"), "not signed");
}

#[tokio::test]
async fn an_attempt_with_a_span_of_its_own_shows_that_one() {
    let server = Server::start(answer(204)).await;
    let hop = "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01";
    let event = event("e1").with_attribute("traceparent", Attribute::String(TRACE));
    let mut delivery = delivery(event.unwrap());
    delivery.trace = TraceContext::parse(hop, Some("shop=7"));
    accepted(&one(&sink(&server.url(), json!({})), delivery).await);
    let seen = server.seen().remove(0);
    for (name, value) in [
        ("traceparent", hop),
        ("tracestate", "shop=7"),
        ("ce-traceparent", TRACE),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn a_live_delivery_says_nothing_of_a_replay() {
    let server = Server::start(answer(204)).await;
    one(&sink(&server.url(), json!({})), delivery(event("e"))).await;
    assert!(!server.seen()[0].headers.contains_key("tradewind-replay"));
}

#[tokio::test]
async fn a_structured_request() {
    let server = Server::start(answer(200)).await;
    let sink = sink(&server.url(), json!({"mode": "structured"}));
    accepted(&one(&sink, delivery(event("e1"))).await);
    let seen = server.seen().remove(0);
    assert!(
        seen.header("content-type")
            .starts_with("application/cloudevents+json")
    );
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(
        (&body["id"], &body["data"]["id"]),
        (&json!("e1"), &json!("e1"))
    );
    assert!(!seen.headers.contains_key("ce-id"));
}

#[tokio::test]
async fn a_request_in_the_envelope_of_a_provider() {
    let server = Server::start(answer(200)).await;
    let timed = Event::builder("e1", "/shop", "order.placed")
        .time("2026-01-02T03:04:05Z")
        .data("application/json", "{\"n\":1}")
        .build()
        .unwrap();
    let grid = sink(&server.url(), json!({"render": "azure-event-grid"}));
    accepted(&one(&grid, delivery(timed.clone())).await);
    let seen = server.seen().remove(0);
    assert_eq!(seen.header("aeg-event-type"), "Notification");
    assert_eq!(seen.header("tradewind-delivery-id"), "default-0-7-e1");
    assert!(!seen.headers.contains_key("ce-id"));
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body[0]["data"], json!({"n": 1}));
    assert_eq!(body[0]["topic"], "/shop");

    let arn = "arn:aws:sqs:eu-west-1:1:q";
    let queue = json!({"render": {"to": "aws-sqs", "resource": arn}});
    accepted(&one(&sink(&server.url(), queue), delivery(timed)).await);
    let body: Value = serde_json::from_slice(&server.seen()[1].body).unwrap();
    assert_eq!(body["Records"][0]["eventSourceARN"], arn);

    // It has no time: a dead letter without a request.
    let Outcome::Reject { disable, reason } = one(&grid, delivery(event("e2"))).await else {
        panic!("not rejected");
    };
    assert!(!disable);
    assert_eq!(
        reason.to_string(),
        "render-failed: azure-event-grid: the event has no `time`, which the envelope must have; hint: set one in a transform"
    );
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn renderings_that_cannot_be() {
    for (settings, why) in [
        (
            json!({"render": "event-grid"}),
            "unknown envelope `event-grid` (there are: aws-event-bridge, ",
        ),
        (
            json!({"render": "aws-sqs", "mode": "batch"}),
            "`mode` says how a CloudEvent is sent",
        ),
        (
            json!({"render": {"to": "azure-event-grid", "resource": "x"}}),
            "takes no `resource`",
        ),
    ] {
        let mut settings = settings;
        settings["url"] = json!("https://example.com/");
        let error = tradewind_http::HttpSink::new(&config(settings))
            .err()
            .unwrap();
        assert!(error.message().contains(why), "{}", error.message());
    }
}

#[tokio::test]
async fn a_batch_is_one_request_and_one_outcome_each() {
    let server = Server::start(answer(503)).await;
    let sink = sink(&server.url(), json!({"mode": "batch", "batch-max": 2}));
    assert_eq!(sink.capability().deliver_batch_max, Some(2));
    let batch = ["a", "b", "c"].map(|id| delivery(event(id))).to_vec();
    let outcomes = deliver(&sink, batch).await;
    let indexes: Vec<usize> = outcomes.iter().map(|(i, _)| *i).collect();
    assert_eq!(indexes, [0, 1, 2]);
    assert!(
        outcomes
            .iter()
            .all(|(_, o)| matches!(o, Outcome::Retry { .. }))
    );
    let seen = server.seen();
    assert_eq!(seen.len(), 2, "no more than batch-max in one request");
    assert_eq!(
        seen[0].header("tradewind-delivery-id"),
        "default-0-7-a,default-0-7-b"
    );
    let body: Value = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!(body.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn requests_are_signed_with_every_secret() {
    let server = Server::start(answer(200)).await;
    let keys = [[1; 24], [2; 24]];
    let secrets = keys.map(|key| format!("whsec_{}", STANDARD.encode(key)));
    for mode in ["binary", "structured", "batch"] {
        let sink = sink(&server.url(), json!({"signing": secrets, "mode": mode}));
        accepted(&one(&sink, delivery(event("e"))).await);
        let seen = server.seen().pop().unwrap();
        let (id, time) = (seen.header("webhook-id"), seen.header("webhook-timestamp"));
        assert_eq!(id, delivery(event("e")).identity(), "stable over attempts");
        let age = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH + Duration::from_secs(time.parse().unwrap()));
        assert!(age.unwrap() < Duration::from_secs(300));
        let expected = keys.map(|key| {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
            mac.update(format!("{id}.{time}.").as_bytes());
            mac.update(&seen.body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        });
        assert_eq!(
            seen.header("webhook-signature"),
            expected.join(" "),
            "{mode}"
        );
    }
}

#[tokio::test]
async fn what_an_answer_means() {
    // Status, Retry-After, outcome, pause in seconds.
    let table = [
        (200, "", "accepted", None),
        (202, "", "accepted", None),
        (204, "", "accepted", None),
        (301, "", "reject redirect", None),
        (304, "", "reject redirect", None),
        (307, "5", "reject redirect", None),
        (400, "", "reject http-status", None),
        (401, "", "patient http-status", None),
        (403, "", "patient http-status", None),
        (404, "", "patient http-status", None),
        (408, "", "retry http-status", None),
        (409, "", "retry http-status", None),
        (410, "", "disable gone", None),
        (413, "", "reject http-status", None),
        (415, "", "reject http-status", None),
        (418, "", "reject http-status", None),
        (422, "", "reject http-status", None),
        (425, "", "retry http-status", None),
        (429, "", "throttled throttled", None),
        (429, "17", "throttled throttled", Some(17)),
        (429, "soon", "throttled throttled", None),
        (500, "", "retry http-status", None),
        (500, "3", "retry http-status", Some(3)),
        (503, "", "retry http-status", None),
        (
            503,
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "throttled throttled",
            Some(0),
        ),
        (504, "", "retry http-status", None),
    ];
    for (status, pause, expected, after) in table {
        let mut headers = Vec::new();
        if !pause.is_empty() {
            headers.push(("retry-after", pause.to_owned()));
        }
        let server = Server::start(Act::Answer(status, headers, Vec::new())).await;
        let outcome = one(&sink(&server.url(), json!({})), delivery(event("e"))).await;
        let (verdict, got) = match outcome {
            Outcome::Accepted { .. } => ("accepted".to_owned(), None),
            Outcome::Reject { disable, reason } => {
                let verdict = if disable { "disable" } else { "reject" };
                (format!("{verdict} {}", reason.code), None)
            }
            Outcome::Retry {
                after,
                patience,
                throttled,
                reason,
            } => {
                let verdict = match (throttled, patience) {
                    (true, _) => "throttled",
                    (false, Some(_)) => "patient",
                    (false, None) => "retry",
                };
                (format!("{verdict} {}", reason.code), after)
            }
            _ => panic!("unknown outcome"),
        };
        let got = got.map(|pause| pause.as_secs());
        assert_eq!(
            (verdict.as_str(), got),
            (expected, after),
            "{status} {pause}"
        );
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let trap = Trap::new("127.0.0.1:0");
        let to = vec![("location", format!("http://{}/", trap.address()))];
        let server = Server::start(Act::Answer(status, to, Vec::new())).await;
        let outcome = one(&sink(&server.url(), json!({})), delivery(event("e"))).await;
        let (code, detail) = why(&outcome);
        assert_eq!(code, "redirect");
        assert!(detail.contains("configure the final url"), "{detail}");
        trap.assert_untouched();
    }
}

#[tokio::test]
async fn what_a_target_says_is_kept_short_and_printable() {
    let said = [b"no\r\n\x1b[31mroom \xff".to_vec(), vec![b'x'; 8 << 20]].concat();
    let server = Server::start(Act::Answer(500, Vec::new(), said)).await;
    let (_, detail) = why(&one(&sink(&server.url(), json!({})), delivery(event("e"))).await);
    assert!(detail.starts_with("no   [31mroom \u{fffd}xxx"), "{detail}");
    assert!(detail.len() <= 1024);
}

#[tokio::test]
async fn a_success_stands_whatever_its_body_does() {
    // Time enough for the head, which comes at once, and little enough to wait for the end.
    let table = [
        (Act::Endless, Duration::from_secs(3600)),
        (Act::Stall(Vec::new()), Duration::from_millis(1500)),
    ];
    for (act, timeout) in table {
        let server = Server::start(act).await;
        let mut delivery = delivery(event("e"));
        delivery.timeout = timeout;
        accepted(&one(&sink(&server.url(), json!({})), delivery).await);
    }
    let cut = raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    accepted(&one(&sink(&cut, json!({})), delivery(event("e"))).await);
}

#[tokio::test]
async fn replies() {
    let structured = "application/cloudevents+json";
    let whole = br#"{"specversion":"1.0","id":"r","source":"/s","type":"t","data":[1.0]}"#.to_vec();
    let typed = |content_type: &str| vec![("content-type", content_type.to_owned())];
    let mut binary = typed("text/plain");
    binary.extend([
        ("ce-specversion", "1.0".to_owned()),
        ("ce-id", "r".into()),
        ("ce-source", "/s".into()),
        ("ce-type", "t".into()),
    ]);
    let half = binary[..3].to_vec();
    let batch = |n: usize| vec![&whole[..]; n].join(&b","[..]);
    let batch = |n| [b"[", &batch(n)[..], b"]"].concat();
    let large_data = format!("\"{}\"", "x".repeat(70_000));
    let large =
        format!(r#"{{"specversion":"1.0","id":"r","source":"/s","type":"t","data":{large_data}}}"#);
    // Headers, body, settings, code of the failure or data of the reply.
    let table: Vec<(Vec<_>, Vec<u8>, Value, Result<Option<&[u8]>, &str>)> = vec![
        (
            typed(structured),
            whole.clone(),
            json!({}),
            Ok(Some(b"[1.0]")),
        ),
        (
            typed("Application/CloudEvents+JSON; charset=utf-8"),
            whole.clone(),
            json!({}),
            Ok(Some(b"[1.0]")),
        ),
        (
            binary.clone(),
            b" raw \n".to_vec(),
            json!({}),
            Ok(Some(b" raw \n")),
        ),
        (
            typed("application/json"),
            whole.clone(),
            json!({}),
            Ok(None),
        ),
        (vec![], b"ok".to_vec(), json!({}), Ok(None)),
        (
            typed(structured),
            b"{".to_vec(),
            json!({}),
            Err("invalid-reply"),
        ),
        (half, b"x".to_vec(), json!({}), Err("invalid-reply")),
        (
            typed("application/cloudevents+avro"),
            vec![1],
            json!({}),
            Err("invalid-reply"),
        ),
        (
            typed("application/cloudevents-batch+json"),
            batch(1),
            json!({}),
            Ok(Some(b"[1.0]")),
        ),
        (
            typed("application/cloudevents-batch+json"),
            b"[]".to_vec(),
            json!({}),
            Ok(None),
        ),
        (
            typed("application/cloudevents-batch+json"),
            batch(2),
            json!({}),
            Err("invalid-reply"),
        ),
        (
            typed(structured),
            large.clone().into(),
            json!({}),
            Err("reply-too-large"),
        ),
        (
            typed(structured),
            large.clone().into(),
            json!({"response-max": 80_000}),
            Ok(Some(large_data.as_bytes())),
        ),
        (
            typed(structured),
            b"{".to_vec(),
            json!({"replies": "ignore"}),
            Ok(None),
        ),
        (
            typed(structured),
            b"{".to_vec(),
            json!({"mode": "batch"}),
            Ok(None),
        ),
    ];
    for (headers, body, settings, expected) in table {
        let server = Server::start(Act::Answer(200, headers.clone(), body)).await;
        let outcome = one(&sink(&server.url(), settings), delivery(event("e"))).await;
        let got = match outcome {
            Outcome::Accepted { reply, .. } => {
                Ok(reply.map(|event| event.data().unwrap().bytes.clone()))
            }
            Outcome::Reject { reason, .. } => Err(reason.code),
            other => panic!("{headers:?}: {other:?}"),
        };
        let got = got.as_ref().map(Option::as_deref).map_err(String::as_str);
        assert!(got == expected, "{headers:?}");
    }
}

#[tokio::test]
async fn a_reply_that_stalls_is_retried() {
    let headers = vec![("content-type", "application/cloudevents+json".to_owned())];
    let server = Server::start(Act::Stall(headers)).await;
    let mut delivery = delivery(event("e"));
    delivery.timeout = Duration::from_millis(100);
    let outcome = one(&sink(&server.url(), json!({})), delivery).await;
    assert!(matches!(outcome, Outcome::Retry { .. }));
    assert_eq!(why(&outcome).0, "timeout");
}

#[tokio::test]
async fn an_error_that_is_an_event_is_no_reply() {
    let headers = vec![("content-type", "application/cloudevents+json".to_owned())];
    let server = Server::start(Act::Answer(500, headers, b"{".to_vec())).await;
    let outcome = one(&sink(&server.url(), json!({})), delivery(event("e"))).await;
    assert_eq!(why(&outcome).0, "http-status");
}

#[tokio::test]
async fn connections_are_reused() {
    for act in [
        Act::Answer(200, Vec::new(), b"thanks".to_vec()),
        Act::Answer(200, Vec::new(), vec![b'x'; 60_000]),
        answer(204),
    ] {
        let server = Server::start(act).await;
        let sink = sink(&server.url(), json!({}));
        for i in 0..20 {
            accepted(&one(&sink, delivery(event(&i.to_string()))).await);
        }
        assert_eq!((server.seen().len(), server.connections()), (20, 1));
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_fails_nothing() {
    for wait in [false, true] {
        closed_while_idle(wait).await;
    }
}

async fn closed_while_idle(wait: bool) {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (closed, mut closings) = tokio::sync::mpsc::unbounded_channel();
    let (answered, idle) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        for _ in 0..3 {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            while !lines.next().unwrap().unwrap().is_empty() {}
            (&stream)
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap();
            // With the answer, or once the connection is idle.
            if wait {
                idle.recv().unwrap();
            }
            drop(stream);
            closed.send(()).unwrap();
        }
    });
    let sink = sink(&url, json!({}));
    for _ in 0..3 {
        let event = Event::builder("e", "/s", "t").build().unwrap();
        accepted(&one(&sink, delivery(event)).await);
        answered.send(()).ok();
        closings.recv().await.unwrap();
        // The system has the news; the runtime learns it once it waits.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    server.join().unwrap();
}

#[tokio::test]
async fn http2_without_negotiation() {
    let server = Server::start(answer(200)).await;
    let sink = sink(&server.url(), json!({"http2-prior-knowledge": true}));
    accepted(&one(&sink, delivery(event("e"))).await);
    assert_eq!(server.seen()[0].version, Version::HTTP_2);
}

#[tokio::test]
async fn deadline_and_cancellation_have_codes() {
    let server = Server::start(Act::Hang).await;
    let sink = sink(&server.url(), json!({}));
    let mut late = delivery(event("e"));
    late.timeout = Duration::from_millis(50);
    assert_eq!(why(&one(&sink, late).await).0, "timeout");
    let (report, mut outcomes) = Report::channel();
    let cancel = CancellationToken::new();
    cancel.cancel();
    sink.deliver(vec![delivery(event("e"))], report, cancel)
        .await;
    assert_eq!(why(&outcomes.try_recv().unwrap().1).0, "cancelled");
}

#[tokio::test]
async fn broken_servers_are_retried() {
    let huge_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    let table: [(&[u8], &str); 5] = [
        (b"", "protocol"),
        (b"\x00\x01\x02garbage\r\n\r\n", "protocol"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "protocol"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
            "protocol",
        ),
        (huge_head.as_bytes(), "protocol"),
    ];
    for (bytes, code) in table {
        let url = raw_server(bytes).await;
        let outcome = one(&sink(&url, json!({})), delivery(event("e"))).await;
        assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
        assert_eq!(why(&outcome).0, code, "{outcome:?}");
    }
}

/// A server that reads a little and then says these bytes, on every connection.
async fn raw_server(bytes: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let bytes = bytes.to_vec();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(talk(stream, bytes.clone()));
        }
    });
    url
}

/// Waits for the peer to speak and to hang up: closing with unread bytes would reset the connection.
async fn talk(mut stream: TcpStream, bytes: Vec<u8>) {
    let mut buffer = [0; 4096];
    if matches!(stream.read(&mut buffer).await, Ok(0) | Err(_)) {
        return;
    }
    stream.write_all(&bytes).await.ok();
    stream.shutdown().await.ok();
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
}

#[tokio::test]
async fn health_asks_and_any_answer_will_do() {
    let server = Server::start(answer(405)).await;
    let up = sink(&server.url(), json!({}));
    up.health().await.unwrap();
    assert_eq!(server.seen()[0].method, "OPTIONS");
    let down = {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/?token=hunter2", closed.local_addr().unwrap());
        sink(&url, json!({}))
    };
    let error = down.health().await.unwrap_err();
    assert!(error.is_temporary());
    let text = error.to_string();
    assert!(
        text.contains("connect") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn settings_that_cannot_work() {
    let url = "https://example.com/";
    let header = |name: &str, value: &str| json!({"url": url, "headers": {name: value}});
    let owned =
        |name: &str| format!("headers: `{name}` is set by the gateway and cannot be configured");
    let credential = |name: &str| format!("headers: `{name}` is a credential (hint: use `auth`)");
    let mut table = vec![
        (json!({"url": "http://example.com/"}), "url: http:// is not encrypted (hint: use https, or say `allow-http: true`)".to_owned()),
        (json!({"url": "ftp://example.com/"}), "url: not an https:// URL".into()),
        (json!({"url": "https://u:hunter2@example.com/"}), "url: user and password do not belong in a URL (hint: use `auth`)".into()),
        (json!({"url": "https://example.com:22/"}), "url: port 22 is not allowed (hint: 80, 443 and 1024 and above are, and `allow-ports`)".into()),
        (json!({"url": "https://10.0.0.1/"}), "url: 10.0.0.1 is no public address (hint: `allow-private` can allow it)".into()),
        (json!({"url": "https://169.254.169.254/", "allow-private": ["0.0.0.0/0"]}), "url: 169.254.169.254 is a metadata or link-local address".into()),
        (json!({"url": "http://8.8.8.8/", "allow-private": ["10.0.0.0/8"]}), "url: 8.8.8.8 would be reached without TLS (hint: use https, or say `allow-http: true`)".into()),
        (json!({"url": url, "response-max": 10}), "response-max: not 1024 to 16777216".into()),
        (json!({"url": url, "batch-max": 0}), "batch-max: not 1 to 1000".into()),
        (json!({"url": url, "signing": ["whsec_AAAA"]}), "read secret: a secret must hold 24 to 64 bytes, this one holds 3".into()),
        (json!({"url": url, "auth": {"bearer": "hunter2\r\nx: y"}}), "auth: the value of `authorization` is no header value".into()),
        (json!({"url": url, "auth": {"basic": {"username": "a:b", "password": "hunter2"}}}), "auth: a user name has no colon".into()),
        (json!({"url": url, "auth": {"api-key": {"header": "host", "key": "hunter2"}}}), "auth: `host` is set by the gateway and cannot be configured".into()),
        (header("a b", "hunter2"), "headers: `a b` is no header name".into()),
        (header("x-a", "hunter2\r\nhost: b"), "headers: the value of `x-a` is no header value".into()),
        (header("Authorization", "hunter2"), credential("authorization")),
        (header("cookie", "hunter2"), credential("cookie")),
    ];
    for name in [
        "host",
        "connection",
        "content-length",
        "content-type",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "keep-alive",
        "expect",
        "proxy-authorization",
        "proxy-connection",
        "ce-id",
        "webhook-id",
        "webhook-signature",
        "tradewind-attempt",
    ] {
        table.push((header(&name.to_ascii_uppercase(), "hunter2"), owned(name)));
    }
    for (settings, message) in table {
        let shown = settings.to_string();
        let error = HttpSink::new(&config(settings)).unwrap_err().to_string();
        assert_eq!(error, message, "{shown}");
        assert!(!error.contains("hunter2"));
    }
    let unread = |settings: Value| {
        let read = serde_json::from_value::<tradewind_http::SinkConfig>(settings);
        read.err().unwrap().to_string()
    };
    assert_eq!(
        unread(json!({"url": url, "allow-private": ["10.0.0.0/33"]})),
        "`10.0.0.0/33` is no address block (hint: write 10.0.0.0/8)"
    );
    assert!(unread(json!({"url": url, "mod": "batch"})).starts_with("unknown field `mod`"));
    assert_eq!(
        unread(json!({"url": url, "auth": {"bearer": ""}})),
        "a secret must not be empty"
    );
}
