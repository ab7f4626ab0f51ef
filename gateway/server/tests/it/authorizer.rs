//! A function that says who calls, as a real HTTP server.

use crate::support::handler::Handler;
use crate::support::{event, start};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Knows the token `good`, forbids `known`, and breaks off at `broken`.
async fn function() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut request = Vec::new();
            // The data of the question ends so.
            while !request.ends_with(b"}}") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            let request = String::from_utf8(request).unwrap();
            assert!(request.contains("tradewind.authorize"), "{request}");
            assert!(
                request.contains(r#""at":"api""#) && !request.contains("payload"),
                "{request}"
            );
            let (status, body) = match request.split("Bearer ").nth(1).unwrap() {
                token if token.starts_with("good") => (200, r#"{"principal":"shop"}"#),
                token if token.starts_with("known") => (403, ""),
                token if token.starts_with("unknown") => (401, ""),
                _ => continue,
            };
            let answer = format!(
                "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, asked)
}

#[tokio::test]
async fn a_function_lets_callers_in() {
    let (address, asked) = function().await;
    let mut handler = Handler::start(&[]).await;
    let config = format!(
        "roles:\n  shop: {{ members: [\"sender:authorizer:shop\"], may: [publish], types: [order.*] }}\n\
         sources:\n  api:\n    kind: http\n    path: /events\n    auth:\n      authorizer:\n        headers: [authorization]\n        \
         sink: {{ kind: http, url: \"http://{address}/\", allow-private: [127.0.0.0/8] }}\n\
         subscriptions:\n  all:\n    sink: {}\n",
        handler.sink()
    );
    let gateway = start(&config).await;
    for (id, token, ty, status) in [
        ("1", "Bearer good", "order.placed", 202),
        ("2", "Bearer good", "order.paid", 202),
        ("3", "Bearer good", "payroll", 403),
        ("4", "Bearer unknown", "order.placed", 401),
        ("5", "Bearer known", "order.placed", 403),
        ("6", "Bearer broken", "order.placed", 503),
    ] {
        let request = String::from_utf8(event("/events", id, ty, "\"payload\"")).unwrap();
        let request = request.replacen("\r\n", &format!("\r\nauthorization: {token}\r\n"), 1);
        let answer = gateway.send(request.as_bytes()).await;
        assert_eq!(answer.status, status, "{id}: {}", answer.text());
    }
    let nothing = gateway.publish("/events", "7", "order.placed", "1").await;
    assert_eq!(nothing.status, 401);
    for id in ["1", "2"] {
        assert_eq!(handler.next().await.header("ce-id"), id);
    }
    // Once for each token.
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    gateway.running.stop().await.unwrap();
}

#[test]
fn what_an_authorizer_is_shown_may_be_forwarded() {
    let text = "routes:\n  one:\n    path: /one\n    methods: [GET]\n    forward: [X-Session, x-request-id]\n    \
                auth: { authorizer: { headers: [x-session], sink: { kind: http, url: \"https://a.example\" } } }\n    \
                sink: { kind: http, url: \"https://f.example\" }\n";
    let registry = tradewind_server::registry();
    let checked =
        tradewind_config::load_str("a.yaml", text, &registry, &tradewind_config::System).unwrap();
    let said = checked.warnings.iter().filter(|w| w.code == "no-effect");
    let said: Vec<&str> = said.map(|w| w.message.as_str()).collect();
    assert_eq!(
        said,
        ["`x-request-id` is not withheld, so that this changes nothing"]
    );
}
