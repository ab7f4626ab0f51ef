//! Frames of HTTP/2 that ask for work and bring nothing: each PING and each SETTINGS wants an answer, each PRIORITY a
//! look. hyper answers them as fast as they come; a sender who sends nothing else is left.

use std::time::Duration;
use tokio::time::Instant;

/// Bytes before the first frame (RFC 9113, section 3.4).
const PREFACE: u64 = 24;
/// Bytes before the payload of a frame (section 4.1).
const HEAD: usize = 9;
/// Such frames that a sender may send at once.
pub(super) const BURST: u32 = 1000;
/// Such frames that it may send in a second on the average.
pub(super) const PER_SECOND: u32 = 100;

const PRIORITY: u8 = 2;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACK: u8 = 1;

/// Follows the frames of one connection.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes that are passed over: the preface, then payloads.
    skip: u64,
    head: [u8; HEAD],
    /// Bytes of `head` that are there.
    there: usize,
    left: f64,
    /// When `left` was made up.
    at: Instant,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self {
            skip: PREFACE,
            head: [0; HEAD],
            there: 0,
            left: BURST.into(),
            at: Instant::now(),
        }
    }

    /// Sees bytes that came; whether they may be read on.
    pub(super) fn admit(&mut self, mut bytes: &[u8]) -> bool {
        let mut idle = 0;
        while !bytes.is_empty() {
            let passed = usize::try_from(self.skip).map_or(bytes.len(), |n| n.min(bytes.len()));
            self.skip -= passed as u64;
            bytes = bytes.get(passed..).unwrap_or_default();
            for (to, from) in self.head.iter_mut().skip(self.there).zip(bytes) {
                *to = *from;
            }
            let taken = (HEAD - self.there).min(bytes.len());
            self.there += taken;
            bytes = bytes.get(taken..).unwrap_or_default();
            if self.there == HEAD {
                self.there = 0;
                let [a, b, c, kind, flags, ..] = self.head;
                self.skip = u32::from_be_bytes([0, a, b, c]).into();
                let answered = matches!(kind, SETTINGS | PING) && flags & ACK == 0;
                idle += u32::from(answered || kind == PRIORITY);
            }
        }
        idle == 0 || self.take(idle)
    }

    fn take(&mut self, frames: u32) -> bool {
        let now = Instant::now();
        let since: Duration = now.saturating_duration_since(self.at);
        self.at = now;
        let more = since.as_secs_f64() * f64::from(PER_SECOND);
        self.left = (self.left + more).min(BURST.into()) - f64::from(frames);
        self.left >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([kind, flags, 0, 0, 0, 1]);
        // What looks like a PING within a payload is none.
        bytes.extend([0, 0, 8, PING, 0, 0, 0, 0, 0].iter().cycle().take(payload));
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn floods_end_and_what_belongs_to_requests_does_not() {
        for (kind, flags, payload, most) in [
            (PING, 0, 8, Some(BURST)),
            (SETTINGS, 0, 0, Some(BURST)),
            (SETTINGS, 0, 12, Some(BURST)),
            (PRIORITY, 0, 5, Some(BURST)),
            // Answers, data, heads, windows.
            (PING, ACK, 8, None),
            (SETTINGS, ACK, 0, None),
            (0, 0, 2000, None),
            (1, 5, 40, None),
            (8, 0, 4, None),
        ] {
            for piece in [1, 7, 9, 1 << 20] {
                let mut frames = Frames::new();
                assert!(frames.admit(&[b'x'; 24]));
                let bytes = frame(kind, flags, payload);
                let all = (0..=BURST).position(|_| !bytes.chunks(piece).all(|b| frames.admit(b)));
                let expected = most.map(|most| most as usize);
                assert_eq!(all, expected, "{kind} in pieces of {piece}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_pings_now_and_then_goes_on() {
        let mut frames = Frames::new();
        frames.admit(&[b'x'; 24]);
        for _ in 0..10_000 {
            assert!(frames.admit(&frame(PING, 0, 8)));
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        assert!(!frames.admit(&frame(PING, 0, 8).repeat(BURST as usize + 1)));
    }
}
