//! Targets and brokers of the worst kind: they refuse, and say back whatever they were sent.

use crate::authorisation::wire::text;
use crate::certificates::Issued;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What registries of schemas answer, and how often.
const SUBJECT: &str =
    r#"{"subject":"s","version":1,"id":1,"schemaType":"JSON","schema":"{\"type\":\"object\"}"}"#;
const SUBJECTS: usize = 4;

/// Where they listen.
pub(super) struct Echo {
    /// HTTP over TLS.
    pub(super) secured: u16,
    /// HTTP without it, for what speaks to this machine only.
    pub(super) plain: u16,
    /// No protocol: bytes come back.
    pub(super) raw: u16,
    told: Arc<Mutex<Told>>,
}

/// What came where nobody says anything back.
#[derive(Default)]
struct Told {
    requests: usize,
    /// Questions of registries of schemas.
    subjects: usize,
    /// Bodies of what the gateway tells of itself.
    traces: String,
}

impl Echo {
    pub(super) async fn start(certificate: &Issued) -> Result<Self, String> {
        let told = Arc::new(Mutex::new(Told::default()));
        let acceptor = TlsAcceptor::from(certificate.serving()?);
        let secured = listen().await?;
        let plain = listen().await?;
        let raw = listen().await?;
        let ports = [&secured, &plain, &raw].map(|at| at.local_addr().map(|at| at.port()));
        let [Ok(a), Ok(b), Ok(c)] = ports else {
            return Err("a listener has no address".into());
        };
        let kept = Arc::clone(&told);
        tokio::spawn(async move {
            while let Ok((stream, _)) = secured.accept().await {
                let (acceptor, kept) = (acceptor.clone(), Arc::clone(&kept));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer(stream, &kept).await;
                    }
                });
            }
        });
        let kept = Arc::clone(&told);
        tokio::spawn(async move {
            while let Ok((stream, _)) = plain.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move { answer(stream, &kept).await });
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = raw.accept().await {
                tokio::spawn(async move {
                    let mut bytes = vec![0; 4096];
                    // Clients that try again and again are not held up, nor hurried.
                    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        if stream.write_all(&bytes[..read]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Ok(Self {
            secured: a,
            plain: b,
            raw: c,
            told,
        })
    }

    /// Requests so far, and what was told of by traces.
    pub(super) fn told(&self) -> (usize, String) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        (told.requests, told.traces.clone())
    }
}

async fn listen() -> Result<TcpListener, String> {
    TcpListener::bind("127.0.0.1:0").await.map_err(text)
}

/// Answers one request after the other; the beginning of the path is the status.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, told: &Mutex<Told>) {
    while let Some((head, body)) = request(&mut stream).await {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let status = path.split('/').nth(1).unwrap_or_default();
        let status = status.parse::<u16>().unwrap_or(500);
        let shown = String::from_utf8_lossy(&body).into_owned();
        let mut subject = path.contains("/subjects/");
        {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.requests += 1;
            told.subjects += usize::from(subject);
            // At the start it answers, and later no more.
            subject &= told.subjects <= SUBJECTS;
            if path.starts_with("/otlp") {
                told.traces.push_str(&shown);
            }
        }
        let quiet = path.starts_with("/200") || path.starts_with("/otlp");
        let said = match (subject, quiet) {
            (true, _) => SUBJECT.to_owned(),
            (_, true) => String::new(),
            _ => format!("you said:\n{head}{shown}"),
        };
        let status = if subject || quiet { 200 } else { status };
        let kind = if subject {
            "application/json"
        } else {
            "text/plain"
        };
        let reply = format!(
            "HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{said}",
            said.len()
        );
        // Whether its body still comes is not waited for.
        let expects = head.to_ascii_lowercase().contains("\r\nexpect:");
        if stream.write_all(reply.as_bytes()).await.is_err() || expects {
            return;
        }
    }
}

/// Head and body.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 || bytes.len() > 1 << 20 {
            return None;
        }
    };
    let body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let of = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    };
    let mut body = body;
    if of("expect").is_some() {
        return Some((head, body));
    }
    if of("transfer-encoding").is_some() {
        while !body.ends_with(b"0\r\n\r\n") && stream.read_buf(&mut body).await.ok()? > 0 {}
        return Some((head, body));
    }
    let length = of("content-length").and_then(|length| length.parse::<usize>().ok());
    while body.len() < length.unwrap_or_default() {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, body))
}
