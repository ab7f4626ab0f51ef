//! The story as it is told in the README, short of the gateway.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const PUSH: &str = include_str!("../push.json");

/// The handler as a process, on a port of its own.
struct Handler {
    process: Child,
    address: String,
}

impl Handler {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_webhook-to-handler"))
            .env("TRADEWIND_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let errors = process.stderr.as_mut().unwrap();
        BufReader::new(errors).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(address.starts_with("127.0.0.1:"), "{line}");
        Self { process, address }
    }

    /// Posts an event in binary mode; gives the head of the answer.
    fn post(&self, ty: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: handler\r\nconnection: close\r\ncontent-length: {length}\r\n\
             content-type: application/json\r\nce-specversion: 1.0\r\nce-id: 1\r\n\
             ce-source: /tests\r\nce-type: {ty}\r\ntradewind-delivery-id: default-0-7-main-branch\r\n\
             \r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// Asks it to stop; gives what it printed.
    fn stop(mut self) -> String {
        let id = self.process.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(asked.success());
        let mut printed = String::new();
        let mut output = self.process.stdout.take().unwrap();
        output.read_to_string(&mut printed).unwrap();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}");
        printed
    }
}

#[test]
fn the_handler_prints_what_it_gets_and_stops_when_asked() {
    let handler = Handler::start();
    for (ty, body, answer) in [
        ("com.github.push", PUSH, "HTTP/1.1 204 No Content"),
        (
            "com.example.greeting",
            r#"{"text": "hello"}"#,
            "HTTP/1.1 204 No Content",
        ),
        ("com.github.push", "{}", "HTTP/1.1 422 Unprocessable Entity"),
    ] {
        assert_eq!(handler.post(ty, body), answer);
    }
    assert_eq!(
        handler.stop(),
        "ada-example pushed 2 commit(s) to refs/heads/main of acme/app\n  \
         9e107d9 Round totals to whole cents\n  \
         c81e728 Say hello in Ελληνικά and 日本語\n  \
         delivery default-0-7-main-branch, attempt 1\n\
         com.example.greeting 1 from /tests\n  \
         {\"text\": \"hello\"}\n  \
         delivery default-0-7-main-branch, attempt 1\n"
    );
}

/// The signature in the script fits the file and the fallback in the configuration.
#[test]
fn the_pasted_command_is_signed_as_github_signs() {
    let configuration = include_str!("../tradewind.yaml");
    let (_, secret) = configuration.split_once("GITHUB_SECRET:-").unwrap();
    let (secret, _) = secret.split_once('}').unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(PUSH.as_bytes());
    let digest = mac.finalize().into_bytes();
    let signature: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    for text in [
        include_str!("../send-webhook.sh"),
        include_str!("../README.md"),
    ] {
        assert!(
            text.contains(&format!("x-hub-signature-256: sha256={signature}")),
            "expected {signature}"
        );
    }
}
