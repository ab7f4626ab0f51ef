//! The start of a connection. Nothing is set up for a sender until it has sent a whole head: who
//! sends one slowly, or none, costs little more than the bytes it has sent.

use super::wire::Wire;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// Step by which the room for a head grows; a usual one fits into the first.
const STEP: usize = 1 << 10;

/// How HTTP/2 begins without TLS; all of it comes before anything else.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.0 or 1.1, or something that it will be told is neither.
    One,
    /// HTTP/2.
    Two,
}

/// Reads a first head, up to `most` bytes, and what came with it. `None` where the other side left.
/// What cannot be the beginning of a head ends this early: it is refused where heads are read.
pub(super) async fn head<S>(wire: &mut Wire<S>, most: usize) -> Option<(Protocol, Bytes)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = BytesMut::new();
    loop {
        head.reserve(STEP);
        let seen = head.len();
        if wire.read_buf(&mut head).await.ok()? == 0 {
            return (!head.is_empty()).then(|| (Protocol::One, head.freeze()));
        }
        if head.starts_with(PREFACE) {
            return Some((Protocol::Two, head.freeze()));
        }
        let begins_well = head.first().is_some_and(|b| is_token(*b) || is_line(*b));
        if !begins_well || ends(&head, seen) || head.len() >= most {
            return Some((Protocol::One, head.freeze()));
        }
    }
}

/// What a method is made of (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Empty lines before a request are passed over.
fn is_line(byte: u8) -> bool {
    byte == b'\r' || byte == b'\n'
}

/// Whether an empty line after another one ends a head; the first `seen` bytes have none.
fn ends(head: &[u8], seen: usize) -> bool {
    let from = seen.saturating_sub(3);
    let start = head.iter().take_while(|b| is_line(**b)).count();
    let rest = head.get(from.max(start)..).unwrap_or_default();
    let ended = |pair: &[u8]| pair == b"\n\n";
    let ended_by_both = |three: &[u8]| three == b"\n\r\n";
    rest.windows(2).any(ended) || rest.windows(3).any(ended_by_both)
}

#[cfg(test)]
mod tests {
    use super::super::Budget;
    use super::super::activity::Activity;
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test(start_paused = true)]
    async fn heads_are_whole_or_hopeless() {
        for (pieces, protocol, whole) in [
            (
                &["GET / HTTP/1.1\r\n", "host: g\r\n\r", "\nrest"][..],
                Protocol::One,
                true,
            ),
            (&["GET / HTTP/1.1\nhost: g\n", "\n"], Protocol::One, true),
            (&["GET / HTTP/1.1\nhost: g\n\r", "\n"], Protocol::One, true),
            (&["\r\n\r\nGET / HTTP/1.1\r\n", "\r\n"], Protocol::One, true),
            (&["\n", "\n", "GET / HTTP/1.1\r\n\r\n"], Protocol::One, true),
            (
                &["PR", "I * HTTP/2.0\r\n", "\r\nSM\r\n\r\n"],
                Protocol::Two,
                false,
            ),
            (&["PRINT / HTTP/1.1\r\n\r\n"], Protocol::One, true),
            (&["\u{16}\u{3}\u{1}", "more"], Protocol::One, false),
            (&["GET / HTTP/1.1\r\nhost"], Protocol::One, true),
            (
                &["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
                Protocol::One,
                true,
            ),
        ] {
            let (ours, mut theirs) = tokio::io::duplex(1 << 16);
            let mut wire = Wire::new(ours, Activity::new(), Budget::new(0));
            let sent = async {
                for piece in pieces {
                    theirs.write_all(piece.as_bytes()).await.unwrap();
                    // Until it was read.
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                drop(theirs);
            };
            let (read, ()) = tokio::join!(head(&mut wire, 30), sent);
            let (spoken, bytes) = read.unwrap();
            assert_eq!(spoken, protocol, "{pieces:?}");
            let all = pieces.concat();
            assert!(all.as_bytes().starts_with(&bytes), "{pieces:?}");
            assert_eq!(bytes.len() == all.len(), whole, "{pieces:?}");
        }
        let (ours, theirs) = tokio::io::duplex(64);
        drop(theirs);
        let mut wire = Wire::new(ours, Activity::new(), Budget::new(0));
        assert_eq!(head(&mut wire, 30).await, None);
    }
}
