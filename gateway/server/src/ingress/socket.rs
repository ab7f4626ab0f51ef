//! A connection's socket, shared between who reads and writes it and who looks whether the other
//! side is still there.

use futures_util::FutureExt;
use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected socket of either kind. All its handles belong to one task: the lock is never waited
/// for.
#[derive(Debug, Clone)]
pub(super) struct Socket(Arc<Mutex<Kind>>);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// What the system knows of the other side, without anything being read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// Nothing.
    There,
    /// It sends nothing more. It may wait for an answer, or it may have gone: TCP tells the two
    /// apart only once something is written.
    Finished,
    /// It takes nothing more.
    Gone,
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self(Arc::new(Mutex::new(Kind::Tcp(stream))))
    }
}

impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self(Arc::new(Mutex::new(Kind::Unix(stream))))
    }
}

/// Most bytes of an answer that is copied together: the system takes one piece with less effort than several.
const SHORT: usize = 1024;

/// All pieces as one, if they are short.
fn short<'t>(pieces: &[IoSlice<'_>], together: &'t mut [u8; SHORT]) -> Option<&'t [u8]> {
    let mut len = 0;
    for piece in pieces {
        let end = len + piece.len();
        together.get_mut(len..end)?.copy_from_slice(piece);
        len = end;
    }
    Some(&together[..len])
}

impl Socket {
    fn kind(&self) -> MutexGuard<'_, Kind> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the other side is. No system call: the runtime keeps what it was last told.
    pub(super) fn peer(&self) -> Peer {
        let interest = Interest::READABLE | Interest::WRITABLE;
        let ready = match &*self.kind() {
            Kind::Tcp(stream) => stream.ready(interest).now_or_never(),
            Kind::Unix(stream) => stream.ready(interest).now_or_never(),
        };
        match ready {
            Some(Ok(ready)) if ready.is_write_closed() => Peer::Gone,
            Some(Ok(ready)) if ready.is_read_closed() => Peer::Finished,
            Some(Err(_)) => Peer::Gone,
            Some(Ok(_)) | None => Peer::There,
        }
    }
}

/// Calls the same function of either kind of socket.
macro_rules! either {
    ($socket:expr, $stream:ident => $call:expr) => {
        match &mut *$socket.kind() {
            Kind::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Kind::Unix(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        either!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        either!(self, stream => stream.poll_write(cx, buf))
    }
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let mut together = [0; SHORT];
        match short(bufs, &mut together) {
            Some(bytes) => either!(self, stream => stream.poll_write(cx, bytes)),
            None => either!(self, stream => stream.poll_write_vectored(cx, bufs)),
        }
    }
    fn is_write_vectored(&self) -> bool {
        true
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        either!(self, stream => stream.poll_flush(cx))
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn pieces_arrive_in_their_order_whether_short_or_long() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut theirs = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let mut ours = Socket::from(listener.accept().await.unwrap().0);
        for (head, body) in [
            (0, 0),
            (0, 1),
            (100, 900),
            (1000, 24),
            (1000, 25),
            (9, 5000),
        ] {
            let (head, body) = (vec![b'h'; head], vec![b'b'; body]);
            let pieces = [IoSlice::new(&head), IoSlice::new(&[]), IoSlice::new(&body)];
            let written = ours.write_vectored(&pieces).await.unwrap();
            assert_eq!(written, head.len() + body.len());
            let mut arrived = vec![0; written];
            theirs.read_exact(&mut arrived).await.unwrap();
            assert_eq!(arrived, [head, body].concat());
        }
    }

    async fn until(socket: &Socket, peer: Peer) {
        for _ in 0..1000 {
            if socket.peer() == peer {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("{:?}, not {peer:?}", socket.peer());
    }

    #[tokio::test]
    async fn ends_are_seen_while_nobody_reads() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Unread bytes hide neither end.
        for unread in [&b""[..], b"unread"] {
            let mut theirs = TcpStream::connect(address).await.unwrap();
            let mut ours = Socket::from(listener.accept().await.unwrap().0);
            theirs.write_all(unread).await.unwrap();
            assert_eq!(ours.peer(), Peer::There);
            theirs.shutdown().await.unwrap();
            until(&ours, Peer::Finished).await;
            // It can be answered all the same; that it left is known once it was.
            ours.write_all(b"answer").await.unwrap();
            let mut answer = [0; 6];
            theirs.read_exact(&mut answer).await.unwrap();
            assert_eq!(ours.peer(), Peer::Finished);
            drop(theirs);
            ours.write_all(b"more").await.ok();
            until(&ours, Peer::Gone).await;
        }
        // Who leaves without reading what there is resets the connection.
        let theirs = TcpStream::connect(address).await.unwrap();
        let mut ours = Socket::from(listener.accept().await.unwrap().0);
        ours.write_all(b"answer").await.unwrap();
        theirs.readable().await.unwrap();
        drop(theirs);
        until(&ours, Peer::Gone).await;
    }
}
