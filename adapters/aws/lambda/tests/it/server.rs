//! Lambda's side of Invoke.

use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, Outcome, Report, Sink};
use tradewind_event::Event;
use tradewind_lambda::LambdaSink;

pub(crate) const SECRET: &str = "hunter2hunter2";

#[derive(Clone)]
pub(crate) enum Act {
    /// Status, further headers, payload.
    Answer(u16, &'static str, String),
    Hang,
    Endless,
}

/// A request: its first line, its headers, its body.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) async fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
        };
        let seen = Arc::clone(&server.seen);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, act.clone(), Arc::clone(&seen)));
            }
        });
        server
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(mut stream: TcpStream, act: Act, seen: Arc<Mutex<Vec<Seen>>>) -> Option<()> {
    let mut buffer = Vec::new();
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let split = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    let headers: BTreeMap<String, String> = lines.map(split).collect();
    let length = headers.get("content-length");
    let length: usize = length
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    let mut body = buffer[end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    seen.lock().unwrap().push(Seen {
        line,
        headers,
        body,
    });
    match act {
        Act::Hang => std::future::pending().await,
        Act::Answer(status, more, payload) => {
            let length = payload.len();
            let answer = format!(
                "HTTP/1.1 {status} Canned\r\nx-amzn-requestid: r-1\r\ncontent-length: {length}\r\nconnection: close\r\n{more}\r\n{payload}"
            );
            stream.write_all(answer.as_bytes()).await.ok()
        }
        Act::Endless => {
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await.ok()?;
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            None
        }
    }
}

/// A sink for the function `charge:live` there.
pub(crate) fn sink(endpoint: &str, more: serde_json::Value) -> LambdaSink {
    let mut config = json!({
        "function": "charge:live",
        "aws": { "region": "eu-west-1", "endpoint": endpoint, "keys": { "id": "test", "secret": SECRET } },
    });
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    LambdaSink::new(serde_json::from_value(config).unwrap()).unwrap()
}

pub(crate) async fn deliver(sink: &dyn Sink, event: Event) -> Outcome {
    let (report, mut outcomes) = Report::channel();
    let delivery = Delivery {
        id: "d-1".into(),
        event,
        subscription: "charge".into(),
        stream: "default".into(),
        position: "0/1".into(),
        attempt: 1,
        timeout: Duration::from_secs(20),
        replay: None,
        trace: None,
    };
    sink.deliver(vec![delivery], report, CancellationToken::new())
        .await;
    outcomes.try_recv().unwrap().1
}

pub(crate) fn event() -> Event {
    let event = Event::builder("e-1", "/shop", "order.placed").time("2026-01-02T03:04:05Z");
    event
        .data("application/json", r#"{"a":1}"#)
        .build()
        .unwrap()
}
