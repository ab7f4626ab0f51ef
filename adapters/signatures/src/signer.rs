//! Requests signed as their sender would, for tests and simulations.

use crate::content::Content;
use crate::plan::{Clock, Plan, Spot};
use crate::{Algorithm, Key, Scheme};
use http::{HeaderName, HeaderValue, Uri};
use tradewind_adapter::{Error, ErrorKind, Parts, Secret};

/// Signs requests by one scheme. Pure but for its configuration, and for the randomness of ECDSA.
#[derive(Debug)]
pub struct Signer {
    plan: Plan,
    key: Signing,
    url: String,
}

enum Signing {
    Keyed(Box<Key>),
    Token(Secret),
    #[cfg(feature = "asymmetric")]
    Private(crate::asymmetric::Private),
}

impl Signer {
    /// A signer with the secret that a sender has: for public-key algorithms the private key (PKCS#8 for
    /// P-256, the seed for Ed25519), written as the public one is.
    ///
    /// # Errors
    /// Where the secret is malformed.
    pub fn new(scheme: &Scheme<'_>, secret: &Secret, public_url: &str) -> Result<Self, Error> {
        let refuse = |reason| Error::new(ErrorKind::ConfigInvalid, "sign", reason);
        let key = match scheme.algorithm {
            Algorithm::Token => Signing::Token(secret.clone()),
            #[cfg(feature = "asymmetric")]
            Algorithm::EcdsaP256 | Algorithm::Ed25519 => {
                let bytes = scheme.key.private().read(secret)?;
                let key = crate::asymmetric::Private::new(&bytes, scheme.algorithm);
                Signing::Private(key.map_err(refuse)?)
            }
            _ => Signing::Keyed(Box::new(Key::new(secret, scheme.key, scheme.algorithm)?)),
        };
        Ok(Self {
            plan: Plan::new(scheme).map_err(refuse)?,
            key,
            url: public_url.to_owned(),
        })
    }

    /// Puts timestamp and signature into a request that has everything else. Of several sets of header
    /// names the first counts whose id is there.
    ///
    /// # Errors
    /// Where a signed header is missing, or a value cannot stand in a header.
    pub fn sign(&self, parts: &mut Parts, timestamp: u64, body: &[u8]) -> Result<(), Error> {
        self.put(parts, &timestamp.to_string(), body)
            .map_err(|reason| Error::new(ErrorKind::ConfigInvalid, "sign", reason))
    }

    fn put(&self, parts: &mut Parts, timestamp: &str, body: &[u8]) -> Result<(), String> {
        let named = |id: &HeaderName| parts.headers.contains_key(id);
        let mut sets = self.plan.places.iter();
        let set = sets
            .find(|set| set.id.as_ref().is_none_or(named))
            .ok_or("the message has no id")?;
        let signature = {
            let content =
                Content::new(&self.plan, set, parts, body).map_err(|fault| fault.reason)?;
            let pieces = content.pieces(&self.plan, timestamp, &self.url);
            match &self.key {
                Signing::Token(secret) => secret.expose().to_owned(),
                Signing::Keyed(key) => {
                    let digest = key.digest(pieces.iter().map(AsRef::as_ref));
                    self.plan.encoding.encode(&digest)
                }
                #[cfg(feature = "asymmetric")]
                Signing::Private(key) => {
                    let signature = key.sign(&pieces.concat());
                    let signature = signature.ok_or("no randomness for the signature")?;
                    self.plan.encoding.encode(&signature)
                }
            }
        };
        let mut text = format!("{}{signature}", self.plan.prefix);
        match (&set.timestamp, self.plan.separator) {
            (None, _) => {}
            (Some(Clock::Header(name)), _) => {
                parts.headers.insert(name, value(timestamp)?);
            }
            (Some(Clock::Part(tag)), separator) => {
                let between = separator.map(String::from).unwrap_or_default();
                text = format!("{tag}{timestamp}{between}{text}");
            }
        }
        match &set.signature {
            Spot::Header(name) => {
                parts.headers.insert(name, value(&text)?);
            }
            Spot::Query(name) => parts.uri = with(&parts.uri, name, &text)?,
        }
        Ok(())
    }
}

fn value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|e| e.to_string())
}

fn with(uri: &Uri, name: &str, value: &str) -> Result<Uri, String> {
    let link = if uri.query().is_some() { '&' } else { '?' };
    let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let text = format!("{uri}{link}{name}={value}");
    text.parse()
        .map_err(|e: http::uri::InvalidUri| e.to_string())
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[key]")
    }
}
