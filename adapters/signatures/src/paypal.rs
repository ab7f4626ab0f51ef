//! PayPal: a signature in headers, over the webhook's id and a checksum of the body, by a certificate
//! whose address is in a header too.

use crate::certificate::{Certificate, Digest};
use crate::content::{single, value};
use crate::fault::{Because, Fault};
use crate::{Encoding, verifier::fresh};
use http::HeaderName;
use std::time::{Duration, SystemTime};
use tradewind_adapter::{Cause, Parts};
use tradewind_event::Timestamp;

const ID: HeaderName = HeaderName::from_static("paypal-transmission-id");
const TIME: HeaderName = HeaderName::from_static("paypal-transmission-time");
const SIGNATURE: HeaderName = HeaderName::from_static("paypal-transmission-sig");
const CERTIFICATE: HeaderName = HeaderName::from_static("paypal-cert-url");
const ALGORITHM: HeaderName = HeaderName::from_static("paypal-auth-algo");

/// What a receiver takes.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The id that PayPal gave the webhook; one with a `|` could not be told from its neighbours.
    pub webhook_id: String,
    /// Whether certificates are PayPal's sandbox's instead of its own.
    pub sandbox: bool,
    /// How far the signed time may lie in the past or the future.
    pub tolerance: Duration,
}

/// The text that is signed.
pub fn signed(id: &str, time: &str, webhook_id: &str, body: &[u8]) -> String {
    format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(body))
}

/// A proof, not yet verified.
#[derive(Debug)]
pub struct Claim<'a> {
    id: &'a str,
    time: &'a str,
    signature: &'a str,
    certificate_url: &'a str,
}

impl<'a> Claim<'a> {
    /// Takes the headers apart, and checks all that needs no key.
    ///
    /// # Errors
    /// Where they cannot be PayPal's for this receiver.
    pub fn read(parts: &'a Parts, terms: &Terms, now: SystemTime) -> Result<Self, Fault> {
        let claim = Self {
            id: value(parts, &ID, "|")?,
            time: value(parts, &TIME, "|")?,
            signature: single(parts, &SIGNATURE)?,
            certificate_url: single(parts, &CERTIFICATE)?,
        };
        let algorithm = single(parts, &ALGORITHM)?;
        if algorithm != "SHA256withRSA" {
            return Err(format!("the algorithm `{algorithm}` is not taken").into());
        }
        let time = Timestamp::parse(claim.time)
            .map_err(|e| Fault::from(format!("the header `{TIME}` {e}")))?;
        let seconds = u64::try_from(time.seconds).unwrap_or_default();
        fresh(seconds, now, terms.tolerance)?;
        let start = match terms.sandbox {
            true => "https://api.sandbox.paypal.com/v1/notifications/certs/",
            false => "https://api.paypal.com/v1/notifications/certs/",
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let name = claim.certificate_url.strip_prefix(start);
        if !name.is_some_and(|n| (1..=128).contains(&n.len()) && n.bytes().all(plain)) {
            let reason = format!("the header `{CERTIFICATE}` does not begin with `{start}`");
            return Err(Cause::UnknownKey.because(reason));
        }
        Ok(claim)
    }

    /// Where the certificate lies: an address of PayPal.
    pub fn certificate_url(&self) -> &'a str {
        self.certificate_url
    }

    /// The signed id of this transmission; another one each time that an event is sent.
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// Whether this certificate made the signature over this body.
    ///
    /// # Errors
    /// Where it did not.
    pub fn verify(
        &self,
        certificate: &Certificate,
        terms: &Terms,
        body: &[u8],
    ) -> Result<(), Fault> {
        if !certificate.names("paypal.com") {
            return Err(Cause::UnknownKey.because("the certificate does not name PayPal"));
        }
        let signature = Encoding::Base64
            .decode(self.signature)
            .ok_or_else(|| Fault::from(format!("the header `{SIGNATURE}` is not base64")))?;
        let signed = signed(self.id, self.time, &terms.webhook_id, body);
        match certificate.verifies(Digest::Sha256, signed.as_bytes(), &signature) {
            true => Ok(()),
            false => {
                Err(Cause::Mismatch.because("the certificate of PayPal did not make the signature"))
            }
        }
    }
}
