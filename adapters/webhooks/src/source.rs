//! The one source behind every sender.

use crate::handshake::{Ask, Handshake};
use crate::reader::Reader;
use bytes::Bytes;
use std::time::{Duration, SystemTime};
use tradewind_adapter::{Answer, Parts, Refusal, Verified, Webhook};
use tradewind_event::Event;
use tradewind_signatures::Verifier;

/// Without a signed timestamp a delivery must be recognised for as long as it can be sent again.
const DEDUPE_WINDOW: Duration = Duration::from_secs(72 * 60 * 60);

#[derive(Debug)]
pub(crate) struct Source {
    kind: &'static str,
    verifier: Verifier,
    reader: Box<dyn Reader>,
    handshake: Option<Handshake>,
}

impl Source {
    pub(crate) fn new(
        kind: &'static str,
        verifier: Verifier,
        reader: Box<dyn Reader>,
        handshake: Option<Handshake>,
    ) -> Self {
        Self {
            kind,
            verifier,
            reader,
            handshake,
        }
    }
}

impl Webhook for Source {
    fn verify(&self, parts: &Parts, body: &[u8], now: SystemTime) -> Result<Verified, Refusal> {
        let proof = self.verifier.verify(parts, body, now)?;
        // A recorded request passes the clock for the tolerance on both sides of its timestamp.
        let window = self.verifier.window().map_or(DEDUPE_WINDOW, |w| w * 2);
        Ok(Verified {
            // The signature proves that the sender knows the secret and nothing more: what the body
            // says of itself is no name of a sender.
            principal: self.kind.to_owned(),
            method: proof.method(),
            dedupe_window: Some(window),
        })
    }

    fn decode(&self, parts: &Parts, body: Bytes, _: &Verified) -> Result<Vec<Event>, Refusal> {
        self.reader
            .read(parts, self.verifier.message_id(parts), body)
    }

    fn challenge(&self, parts: &Parts, body: &[u8]) -> Option<Answer> {
        self.handshake?(&Ask {
            parts,
            body,
            verifier: &self.verifier,
        })
    }
}
