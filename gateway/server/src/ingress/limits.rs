//! What strangers may use up before anything is known about them.

use super::Problem;
use http::Extensions;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tradewind_config::Network;

/// Bounds of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at once (default 4096); more are closed at once.
    pub connections: usize,
    /// Most connections at once of one address, for IPv6 of one /64 (default 1024); more are closed
    /// at once.
    pub connections_per_peer: usize,
    /// Addresses that are believed in what they say about callers, and may have all connections.
    pub trusted_proxies: Arc<[Network]>,
    /// Most requests under way at once beyond the first of each connection, which is bounded by the
    /// connections (default 1024); more are answered 503. Only HTTP/2 has any.
    pub requests: usize,
    /// Most header fields of a request (default 100); more are answered 431.
    pub header_fields: usize,
    /// Most bytes of a request's head (default 64 KiB); more are answered 431.
    pub header_bytes: usize,
    /// Most bytes of heads that are not complete, over all connections and beyond the first 4 KiB of
    /// each (default 8 MiB); connections for which nothing is left are closed.
    pub head_memory: usize,
    /// Longest time that a request's head may take, the first one from the connection on (default
    /// 10 s); then the connection is closed.
    pub header_timeout: Duration,
    /// Longest time that a connection may idle between requests (default 75 s).
    pub keep_alive: Duration,
    /// Longest time in which a caller takes nothing of an answer that is there (default 60 s); then
    /// its connection is closed.
    pub answer_timeout: Duration,
    /// Most streams of one HTTP/2 connection (default 128).
    pub http2_streams: u32,
    /// Most streams that a sender of HTTP/2 may have ended before they were looked at (default 20); beyond it the
    /// connection is closed.
    pub http2_resets: usize,
    /// Most streams of one HTTP/2 connection that may end by its sender's mistakes (default 256); beyond it the
    /// connection is closed.
    pub http2_mistakes: usize,
    /// Whether a sender that says it has no more to say is still answered (default true), if the
    /// answer begins and goes on without long pauses. Without it, the end of what a client sends is
    /// taken for its leave.
    pub half_closed: bool,
}

impl Limits {
    /// Most connections at once that may speak HTTP/2, of which one holds as much as several others:
    /// a quarter. More are closed.
    pub(super) fn http2_connections(&self) -> usize {
        self.connections.div_ceil(4)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_peer: 1024,
            trusted_proxies: Arc::default(),
            requests: 1024,
            header_fields: 100,
            header_bytes: 64 << 10,
            head_memory: 8 << 20,
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            answer_timeout: Duration::from_secs(60),
            http2_streams: 128,
            http2_resets: 20,
            http2_mistakes: 256,
            half_closed: true,
        }
    }
}

/// Marks a request that came while its connection had another one under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Additional;

impl Additional {
    /// A place for a request. The first of a connection always has one, so that nobody's many streams can keep others
    /// from being heard.
    pub(crate) fn place<'s>(
        places: &'s Semaphore,
        extensions: &Extensions,
    ) -> Result<Option<SemaphorePermit<'s>>, Problem> {
        let Some(Self) = extensions.get() else {
            return Ok(None);
        };
        let place = places.try_acquire();
        place
            .map(Some)
            .map_err(|_| Problem::overloaded("too many requests under way"))
    }
}

/// Marks a request that came by TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encrypted;
