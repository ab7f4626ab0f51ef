//! The one source behind every sender.

use crate::bearer::Bearer;
use crate::handshake::{Ask, Handshake};
use crate::reader::Reader;
use bytes::Bytes;
use std::time::{Duration, SystemTime};
use tradewind_adapter::{Answer, Parts, Pending, Refusal, Verified, Webhook};
use tradewind_event::Event;
use tradewind_signatures::Verifier;

/// Without a signed timestamp a delivery must be recognised for as long as it can be sent again.
const DEDUPE_WINDOW: Duration = Duration::from_secs(72 * 60 * 60);

/// Whoever sends shows all that is asked for here, at least one of them.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) kind: &'static str,
    /// A signature by a configured secret, or the secret itself.
    pub(crate) verifier: Option<Verifier>,
    /// A token that an issuer has signed.
    pub(crate) bearer: Option<Bearer>,
    pub(crate) reader: Box<dyn Reader>,
    pub(crate) handshake: Option<Handshake>,
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
            verifier: Some(verifier),
            bearer: None,
            reader,
            handshake,
        }
    }
}

impl Webhook for Source {
    fn verifies_head(&self) -> bool {
        self.verifier.is_none()
    }

    fn missing<'a>(&'a self, parts: &'a Parts, _: &'a [u8], _: SystemTime) -> Option<Pending<'a>> {
        self.bearer.as_ref()?.missing(parts)
    }

    fn verify(&self, parts: &Parts, body: &[u8], now: SystemTime) -> Result<Verified, Refusal> {
        // A signature proves that the sender knows the secret and nothing more: what the body says of
        // itself is no name of a sender.
        let mut verified = Verified {
            principal: self.kind.to_owned(),
            method: "",
            dedupe_window: Some(DEDUPE_WINDOW),
            secret: None,
            key: None,
            scopes: None,
        };
        if let Some(bearer) = &self.bearer {
            verified.principal = format!("{}:{}", self.kind, bearer.verify(parts, now)?);
            verified.method = "signed token";
        }
        if let Some(verifier) = &self.verifier {
            let proof = verifier.verify(parts, body, now)?;
            verified.method = proof.method();
            verified.secret = Some(proof.secret);
            // A recorded request passes the clock for the tolerance on both sides of its timestamp.
            let window = verifier.window().map_or(DEDUPE_WINDOW, |w| w * 2);
            verified.dedupe_window = Some(window);
        }
        Ok(verified)
    }

    fn decode(&self, parts: &Parts, body: Bytes, _: &Verified) -> Result<Vec<Event>, Refusal> {
        let id = self.verifier.as_ref().and_then(|v| v.message_id(parts));
        self.reader.read(parts, id, body)
    }

    fn challenge(&self, parts: &Parts, body: &[u8]) -> Option<Answer> {
        self.handshake?(&Ask {
            parts,
            body,
            verifier: self.verifier.as_ref(),
        })
    }
}
