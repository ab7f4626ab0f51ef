//! What a function answers on a route is what its caller gets, and what hyper refuses is told in words.

use crate::support::start;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers each request with the head that its path names, and no body.
async fn function() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            let request = String::from_utf8(request).unwrap();
            let status = request.split(' ').nth(1).unwrap().trim_matches('/');
            let (status, more) = match status.split_once('/') {
                Some((status, _)) => (status, "set-cookie: a=b\r\n"),
                None => (status, ""),
            };
            let answer = format!(
                "HTTP/1.1 {status} Said\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn an_empty_refusal_of_a_function_stays_its_own() {
    let address = function().await;
    let gateway = start(&format!(
        "routes:\n  all:\n    path: /{{*rest}}\n    methods: [GET]\n    mode: proxy\n    auth: none-i-understand\n    \
         sink: {{ kind: http, url: \"http://{address}/\", allow-private: [127.0.0.0/8] }}\n"
    ))
    .await;
    for status in [400, 414, 431] {
        for (path, cookie) in [
            (format!("/{status}"), None),
            (format!("/{status}/cookie"), Some("a=b")),
        ] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n");
            let answer = gateway.send(request.as_bytes()).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.text(), "", "{path}");
            assert_eq!(answer.header("set-cookie"), cookie, "{path}");
        }
    }
    // What comes behind an answer and is no request is refused in words.
    let two = b"GET /400 HTTP/1.1\r\nhost: g\r\n\r\nno request\r\n\r\n";
    let answer = gateway.send(two).await;
    let text = answer.text();
    assert!(text.contains("malformed-request"), "{text}");
    assert!(text.contains("without TLS"), "{text}");
    gateway.running.stop().await.unwrap();
}
