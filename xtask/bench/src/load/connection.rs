//! One keep-alive connection.

use super::wire;
use serde::Deserialize;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) struct Connection {
    pub(super) to: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(to: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            to,
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Sends a request, reads the answer, returns its status; the body stays in the buffer.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> std::io::Result<u16> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        while wire::message(&self.buffer).is_none() {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(std::io::Error::other("closed before the answer"));
            }
        }
        wire::status(&self.buffer).ok_or_else(|| std::io::Error::other("not an answer"))
    }
}

/// What the target of deliveries has seen; the latencies are those since it was asked last.
#[derive(Deserialize)]
pub(super) struct Counted {
    pub(super) requests: u64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

pub(super) async fn counted(at: SocketAddr) -> std::io::Result<Counted> {
    let mut connection = Connection::open(at).await?;
    connection
        .exchange(b"GET /counted HTTP/1.1\r\n\r\n")
        .await?;
    let head = wire::message(&connection.buffer).map_or(0, |message| message.head);
    Ok(serde_json::from_slice(
        connection.buffer.get(head..).unwrap_or_default(),
    )?)
}
