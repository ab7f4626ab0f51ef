//! A service of Lambda that others wrote; it answers with what it is given, and runs nothing.

use crate::server::{deliver, event, sink};
use aws_sdk_lambda::config::{Credentials, Region};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, Runtime};
use serde_json::json;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tradewind_adapter::Outcome;

/// An archive without files.
const EMPTY: &[u8] = &[
    b'P', b'K', 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

#[tokio::test]
async fn a_function_of_moto() {
    let program = std::env::var("TRADEWIND_MOTO").unwrap_or_else(|_| "moto_server".into());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let _server = Command::new(&program)
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|e| {
            panic!(
                "{program}: {e}; hint: `cargo xtask test` installs it, or pip install moto[server]"
            )
        });
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let echo = json!({ "lambda": { "use_docker": false } }).to_string();
    post(port, "/moto-api/config", "application/json", &echo).await;
    let role = "Action=CreateRole&RoleName=charge&AssumeRolePolicyDocument=%7B%7D";
    post(port, "/", "application/x-www-form-urlencoded", role).await;

    let endpoint = format!("http://127.0.0.1:{port}");
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version_latest()
        .region(Region::new("eu-west-1"))
        .endpoint_url(&endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    let created = aws_sdk_lambda::Client::from_conf(config)
        .create_function()
        .function_name("charge")
        .runtime(Runtime::Python312)
        .role("arn:aws:iam::123456789012:role/charge")
        .handler("f.f")
        .code(FunctionCode::builder().zip_file(Blob::new(EMPTY)).build())
        .send()
        .await;
    created.unwrap();
    let echo = sink(&endpoint, json!({ "function": "charge" }));
    match deliver(&echo, event()).await {
        Outcome::Accepted {
            reply: Some(reply), ..
        } => assert_eq!(reply.id(), "e-1"),
        other => panic!("{other:?}"),
    }
}

/// A request beside the SDK's.
async fn post(port: u16, path: &str, kind: &str, body: &str) {
    let identity = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: moto\r\nconnection: close\r\nauthorization: {identity}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains(" 200 ") || answer.contains(" 201 "),
        "{answer}"
    );
}
