//! Where attacks happen: addresses to come from, and sockets that say anything.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::Instant;

/// A key that the gateway knows, of a sender who means no good.
pub(super) const KEY: &str = "tw_tenant_0123456789abcdef0123456789abcdef0123456789abcdef";

/// What an attack knows of its target.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) address: SocketAddr,
    pub(super) admin: PathBuf,
    /// Whether this is the short form: a few connections, one round.
    pub(super) short: bool,
    /// Bounds that the gateway was started with.
    pub(super) header_timeout: Duration,
    pub(super) body_timeout: Duration,
    /// Sockets that this process may have.
    pub(super) sockets: usize,
}

/// What came back until the other side hung up, or nothing more came.
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) closed: bool,
    /// Bytes that could be sent.
    pub(super) sent: u64,
}

impl Answer {
    /// Status of the first answer; 0 for none.
    pub(super) fn status(&self) -> u16 {
        let status = self.bytes.get(9..12).map(String::from_utf8_lossy);
        status.and_then(|s| s.parse().ok()).unwrap_or_default()
    }
    /// How many answers there are.
    pub(super) fn answers(&self) -> usize {
        let text = String::from_utf8_lossy(&self.bytes);
        let starts = text.split("HTTP/1.").skip(1);
        starts
            .filter(|rest| rest.as_bytes().get(2).is_some_and(u8::is_ascii_digit))
            .count()
    }
}

impl Ground {
    /// How long an attack that can go on for ever does.
    pub(super) fn until(&self) -> Instant {
        Instant::now() + Duration::from_secs(if self.short { 0 } else { 4 })
    }
    /// `full`, or a few in the short form.
    pub(super) fn many(&self, full: usize) -> usize {
        if self.short { full.min(8) } else { full }
    }
    /// Connects from one of twenty addresses, none of them that of the good clients.
    pub(super) async fn dial(&self, n: usize) -> std::io::Result<TcpStream> {
        let host = u8::try_from(2 + n % 20).unwrap_or(2);
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into())?;
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
    pub(super) async fn dial_admin(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(&self.admin).await
    }
    /// Sends bytes on a connection of their own.
    pub(super) async fn send(&self, bytes: &[u8]) -> Result<Answer, String> {
        let stream = self.dial(0).await.map_err(|e| e.to_string())?;
        Ok(exchange(stream, bytes, self.patience()).await)
    }
    /// Longer than any answer may take.
    pub(super) fn patience(&self) -> Duration {
        self.body_timeout + Duration::from_secs(5)
    }
}

/// Sends and reads at once, until the other side hangs up or is silent for as long as `patience`.
pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite,
    bytes: &[u8],
    patience: Duration,
) -> Answer {
    repeat(stream, bytes, &[], 0, patience).await
}

/// Sends `head`, then `piece` until `most` bytes of pieces are sent or the other side hangs up.
pub(super) async fn repeat(
    stream: impl AsyncRead + AsyncWrite,
    head: &[u8],
    piece: &[u8],
    most: u64,
    patience: Duration,
) -> Answer {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sent = std::cell::Cell::new(0);
    let write = async {
        if writer.write_all(head).await.is_err() {
            return;
        }
        while sent.get() < most && writer.write_all(piece).await.is_ok() {
            sent.set(sent.get() + piece.len() as u64);
        }
    };
    let read = async {
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
        loop {
            match tokio::time::timeout(patience, reader.read(&mut buffer)).await {
                Ok(Ok(n)) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
                Ok(_) => return (bytes, true),
                Err(_) => return (bytes, false),
            }
        }
    };
    tokio::pin!(write, read);
    let (bytes, closed) = tokio::select! {
        answer = &mut read => answer,
        () = &mut write => read.await,
    };
    Answer {
        bytes,
        closed,
        sent: sent.get(),
    }
}

/// A request to `path` that closes its connection.
pub(super) fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// A request of the sender who has a key.
pub(super) fn keyed(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let headers = format!("authorization: Bearer {KEY}\r\ncontent-type: {content_type}\r\n");
    post(path, &headers, body)
}

/// The answer must have one of these statuses.
pub(super) fn expect(what: &str, answer: &Answer, statuses: &[u16]) -> Result<u16, String> {
    let status = answer.status();
    if statuses.contains(&status) {
        return Ok(status);
    }
    let start: String = String::from_utf8_lossy(&answer.bytes)
        .chars()
        .take(300)
        .collect();
    Err(format!(
        "{what}: answered {status} instead of {statuses:?}: {start}"
    ))
}
