//! Proofs of callers, from the wire to the log: sources, routes, and the admin API on loopback.

use crate::support::http::{Answer, raw};
use crate::support::start;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tradewind_adapter::api_key::{assemble, hash_hex};

fn key(id: &str, n: u8) -> String {
    assemble(id, &[n; 24]).unwrap()
}

fn config() -> String {
    let key = |id: &str, n: u8, more: &str| {
        format!("  {id}: {{ sha256: {}{more} }}\n", hash_hex(&key(id, n)))
    };
    format!(
        "admin: 127.0.0.1:0\nadmin-auth: {{ api-keys: [ops, viewer, gone], basic: [ops] }}\napi-keys:\n{}{}{}{}\
         sources:\n  pinned: {{ kind: http, path: /pinned, auth: {{ api-keys: [shop] }}, may-claim: {{ source: [/pin], type: [com.] }} }}\n  \
         kept: {{ kind: http, path: /kept, auth: {{ api-keys: [shop] }}, may-claim: {{ source: [/kept], type: [t] }} }}\n  basic: {{ kind: http, path: /basic, auth: {{ basic: [shop] }} }}\n  \
         keys: {{ kind: http, path: /keys, auth: {{ api-keys: [shop, viewer, gone] }} }}\n",
        key("shop", 1, ""),
        key("ops", 2, ", scopes: [publish, read-payload, configure]"),
        key("viewer", 3, ", scopes: [subscribe]"),
        key("gone", 4, ", expires: 2020-01-01T00:00:00Z"),
    )
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("authorization: Basic {pair}\r\n")
}

fn plain(key: &str) -> String {
    format!("x-api-key: {key}\r\n")
}

async fn post(address: SocketAddr, path: &str, proof: &str) -> Answer {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{proof}ce-specversion: 1.0\r\n\
         ce-id: 1\r\nce-source: {path}\r\nce-type: t\r\ncontent-length: 0\r\n\r\n"
    );
    raw(address, request.as_bytes()).await
}

#[tokio::test]
async fn a_source_tells_its_callers_from_strangers() {
    let gateway = start(&config()).await;
    let address = gateway.running.listen;
    let table = [
        ("/basic", basic("shop", &key("shop", 1)), 202),
        ("/basic", basic("shop", &key("shop", 9)), 401),
        ("/basic", plain(&key("shop", 1)), 401),
        ("/basic", String::new(), 401),
        ("/keys", plain(&key("shop", 1)), 202),
        ("/keys", basic("shop", &key("shop", 1)), 401),
        ("/keys", plain(&key("gone", 4)), 401),
        ("/keys", plain(&key("viewer", 3)), 403),
        ("/pinned", plain(&key("shop", 1)), 403),
        ("/kept", plain(&key("shop", 1)), 202),
    ];
    let mut bodies = std::collections::BTreeSet::new();
    for (path, proof, status) in table {
        let answer = post(address, path, &proof).await;
        assert_eq!(answer.status, status, "{path} {proof}: {}", answer.text());
        if status == 401 {
            let scheme = if path == "/basic" { "Basic" } else { "Bearer" };
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.starts_with(scheme), "{challenge}");
            bodies.insert(answer.text());
        }
    }
    // One answer for every cause.
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let gateway_metrics = gateway.running.gateway.clone();
    let metrics = gateway_metrics
        .metrics
        .render(&gateway_metrics.scrape().await);
    for line in [
        r#"tradewind_ingress_unverified_total{source="keys",cause="stale"} 1"#,
        r#"tradewind_ingress_unverified_total{source="keys",cause="not-allowed"} 1"#,
        r#"tradewind_ingress_unverified_total{source="basic",cause="missing"} 1"#,
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(metrics.contains(r#"tradewind_api_key_last_used_timestamp_seconds{key="shop""#));
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn the_admin_api_takes_proofs_for_what_they_are_good_for() {
    let gateway = start(&config()).await;
    let tradewind_config::Admin::Tcp(address) = gateway.running.admin else {
        panic!("{:?}", gateway.running.admin);
    };
    let ask = |method: &str, path: &str, proof: &str| {
        let body = r#"{"specversion":"1.0","id":"op","source":"/ops","type":"t"}"#;
        let length = if method == "POST" { body.len() } else { 0 };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{proof}content-length: {length}\r\n\r\n{}",
            &body[..length]
        );
        async move { raw(address, request.as_bytes()).await }
    };
    let (ops, viewer) = (plain(&key("ops", 2)), plain(&key("viewer", 3)));
    let events = "/v1/streams/default/events";
    for (method, path, proof, status) in [
        ("GET", "/v1/status", &ops, 200),
        ("GET", "/v1/status", &basic("ops", &key("ops", 2)), 200),
        ("GET", "/v1/status", &viewer, 200),
        ("GET", "/v1/status", &plain(&key("shop", 1)), 401),
        ("GET", "/v1/status", &plain(&key("gone", 4)), 401),
        (
            "GET",
            "/v1/status",
            &basic("viewer", &key("viewer", 3)),
            401,
        ),
        ("GET", "/v1/status", &String::new(), 401),
        ("POST", events, &ops, 200),
        ("POST", events, &viewer, 403),
        ("GET", "/v1/events/default/0/0", &viewer, 403),
        ("POST", "/v1/config/reload", &viewer, 403),
        ("POST", "/v1/config/reload", &ops, 200),
        ("POST", "/v1/replays", &ops, 403),
        (
            "POST",
            "/v1/subscriptions/none/dead-letters/purge",
            &ops,
            403,
        ),
        ("GET", "/v1/subscriptions/none/dead-letters", &ops, 404),
        ("PUT", "/v1/status", &viewer, 403),
    ] {
        let answer = ask(method, path, proof).await;
        assert_eq!(
            answer.status,
            status,
            "{method} {path} {proof}: {}",
            answer.text()
        );
    }
    let keys = ask("GET", "/v1/api-keys", &ops).await.json();
    assert_eq!(keys[1]["id"], "ops");
    assert!(keys[1]["secrets"][0]["last-used-ms"].is_u64(), "{keys}");
    assert!(keys[2]["secrets"][0]["last-used-ms"].is_null(), "{keys}");
    let all = keys.to_string();
    assert!(
        !all.contains("tw_") && !all.contains(&hash_hex(&key("ops", 2))),
        "{all}"
    );
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_tail_ends_when_its_key_is_taken_away() {
    let gateway = start(&config()).await;
    let tradewind_config::Admin::Tcp(address) = gateway.running.admin else {
        panic!("{:?}", gateway.running.admin);
    };
    let viewer = plain(&key("viewer", 3));
    let request =
        format!("GET /v1/tail HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{viewer}\r\n");
    let mut tail = TcpStream::connect(address).await.unwrap();
    tail.write_all(request.as_bytes()).await.unwrap();
    let mut told = Vec::new();
    while !told.ends_with(b"\r\n\r\n") {
        assert_ne!(tail.read_buf(&mut told).await.unwrap(), 0);
    }
    // It goes on over a configuration that leaves the key where it is.
    let file = gateway.dir.path().join("tradewind.yaml");
    let reload = async |text: String| {
        std::fs::write(&file, text).unwrap();
        gateway.running.gateway.reload("test").await.unwrap();
    };
    reload(config().replace("/pinned,", "/pinned-too,")).await;
    while !String::from_utf8_lossy(&told).contains("generation 2") {
        assert_ne!(tail.read_buf(&mut told).await.unwrap(), 0);
    }
    reload(config().replace("ops, viewer, gone", "ops, gone")).await;
    let rest = tail.read_to_end(&mut told);
    let rest = tokio::time::timeout(std::time::Duration::from_secs(60), rest).await;
    rest.expect("it goes on").unwrap();
    let told = String::from_utf8_lossy(&told);
    // The end of a body that is whole.
    assert!(told.ends_with("0\r\n\r\n"), "{told}");
    assert!(!told.contains("generation 3"), "{told}");
    gateway.running.stop().await.unwrap();
}
