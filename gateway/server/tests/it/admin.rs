//! The admin API.

use crate::support::front::http2;
use crate::support::http::raw;
use crate::support::start;
use http::Request;
use http_body_util::Full;
use std::os::unix::fs::PermissionsExt;

const YAML: &str = "sources:\n  events: { kind: http, path: /events, auth: none-i-understand }\n\
    subscriptions:\n  all: { sink: { kind: memory } }\n";

#[tokio::test]
async fn the_socket_is_private_and_every_documented_read_answers() {
    let gateway = start(YAML).await;
    let socket = gateway.dir.path().join("data/admin.sock");
    let mode = socket.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let document = gateway.admin("GET", "/openapi.json", "").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut plain = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if item.get("get").is_none() || path.contains('{') || path == "/v1/tail" {
            continue;
        }
        let query = if path == "/v1/explain" {
            "?event=nothing-of-that-name"
        } else {
            ""
        };
        let answer = gateway.admin("GET", &format!("{path}{query}"), "").await;
        assert!(
            matches!(answer.status, 200 | 404),
            "{path}: {}",
            answer.text()
        );
        plain += 1;
    }
    assert!(plain >= 8, "{plain}");
    for (path, status) in [
        ("/v1/nothing", 404),
        ("/v1/subscriptions/nothing", 404),
        ("/v1/subscriptions/nothing/dead-letters", 404),
        ("/v1/events/default/0/99999999", 404),
        ("/v1/events/nothing/0/0", 404),
        ("/v1/explain", 400),
    ] {
        let answer = gateway.admin("GET", path, "").await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    gateway.finish().await;
}

#[tokio::test]
async fn on_tcp_it_asks_for_the_token_and_for_no_browser() {
    let gateway = start(&format!("admin: 127.0.0.1:0\n{YAML}")).await;
    let tradewind_config::Admin::Tcp(address) = gateway.running.admin else {
        panic!("{:?}", gateway.running.admin);
    };
    let path = gateway.dir.path().join("data/admin.token");
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = std::fs::read_to_string(path).unwrap();
    let get = |path: &str, headers: String| {
        let request = format!("GET {path} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
        async move { raw(address, request.as_bytes()).await.status }
    };
    let host = format!("host: {address}\r\n");
    let right = format!("{host}authorization: Bearer {token}\r\n");
    assert_eq!(get("/v1/status", right.clone()).await, 200);
    assert_eq!(get("/v1/status", host.clone()).await, 401);
    assert_eq!(get("/readyz", host.clone()).await, 200);
    let rebound = right.replace(&address.to_string(), "evil.example");
    assert_eq!(get("/v1/status", rebound).await, 403);
    let foreign = format!("{right}origin: https://evil.example\r\n");
    assert_eq!(get("/v1/status", foreign).await, 403);
    // What HTTP/1 bounds while it reads, is bounded in HTTP/2 as well.
    let mut sender = http2(address).await;
    for (fields, status) in [(1, 200), (120, 431)] {
        let mut request = Request::get(format!("http://{address}/livez"));
        for _ in 0..fields {
            request = request.header("a", "b");
        }
        let request = request.body(Full::default()).unwrap();
        assert_eq!(sender.send_request(request).await.unwrap().status(), status);
    }
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn an_operator_publishes_and_tails() {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let gateway = start(YAML).await;
    let socket = gateway.dir.path().join("data/admin.sock");
    let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
    stream
        .write_all(b"GET /v1/tail?what=received HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    while !lines.next_line().await.unwrap().unwrap().is_empty() {}

    let body = "{\"specversion\":\"1.0\",\"id\":\"op-1\",\"source\":\"/ops\",\"type\":\"t\"}";
    let answer = gateway
        .admin("POST", "/v1/streams/default/events", body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let line = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.starts_with('{') && line.contains("op-1") {
            break line;
        }
    };
    let happening: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(happening["what"], "received");
    assert_eq!(happening["id"], "op-1");
    for (path, body, status) in [
        ("/v1/streams/nothing/events", body, 404),
        ("/v1/streams/default/events", "{}", 400),
    ] {
        assert_eq!(gateway.admin("POST", path, body).await.status, status);
    }
    gateway.finish().await;
}
