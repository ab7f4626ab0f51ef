//! Servers that always give the same answer.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Json,
    /// Requests as a form, answers in XML.
    Query,
    /// S3.
    Rest,
}

/// What a server answers.
#[derive(Debug, Clone)]
pub enum Answer {
    Success(String),
    /// Status, code, message.
    Failure(u16, &'static str, &'static str),
    Never,
    Endless,
}

/// What a server was asked: heads and bodies.
pub type Heard = Arc<Mutex<Vec<String>>>;

/// Origin of a server that gives this answer; it serves as long as the test runs.
pub async fn canned(wire: Wire, answer: Answer) -> String {
    heard(wire, answer).await.0
}

/// The same, and what it is asked.
pub async fn heard(wire: Wire, answer: Answer) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Heard::default();
    let all = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, wire, answer.clone(), all.clone()));
        }
    });
    (format!("http://{address}"), asked)
}

/// Origin of a server where nobody listens.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn serve(mut stream: TcpStream, wire: Wire, answer: Answer, heard: Heard) {
    let Some(asked) = request(&mut stream).await else {
        return;
    };
    heard.lock().unwrap().push(asked);
    let kind = match wire {
        Wire::Json => "application/x-amz-json-1.1",
        Wire::Query | Wire::Rest => "text/xml",
    };
    let head = |status: u16, framing: &str| {
        format!(
            "HTTP/1.1 {status} Canned\r\ncontent-type: {kind}\r\nconnection: close\r\n{framing}\r\n\r\n"
        )
    };
    let whole =
        |status: u16, body: &str| head(status, &format!("content-length: {}", body.len())) + body;
    let text = match answer {
        Answer::Success(body) => whole(200, &body),
        Answer::Failure(status, code, message) => whole(status, &failure(wire, code, message)),
        Answer::Never => return std::future::pending().await,
        Answer::Endless => {
            let head = head(200, "transfer-encoding: chunked");
            stream.write_all(head.as_bytes()).await.ok();
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            return;
        }
    };
    stream.write_all(text.as_bytes()).await.ok();
}

/// Reads a request to its end: what is left unread would reset the connection.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => all.extend_from_slice(&buffer[..n]),
        }
        let Some(end) = all.windows(4).position(|w| w == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|l| l.strip_prefix("content-length:"));
        let length: usize = length.map_or(0, |text| text.trim().parse().unwrap());
        if all.len() >= end + 4 + length {
            return Some(String::from_utf8_lossy(&all).into_owned());
        }
    }
}

fn failure(wire: Wire, code: &str, message: &str) -> String {
    match wire {
        Wire::Json => serde_json::json!({ "__type": code, "message": message }).to_string(),
        Wire::Query => format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>1</RequestId></ErrorResponse>"
        ),
        Wire::Rest => format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
    }
}
