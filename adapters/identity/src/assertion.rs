//! Tokens that the gateway signs itself, to ask for others (RFC 7523).

use crate::invalid;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tradewind_adapter::Error;

/// A private key that signs by RS256.
pub(crate) struct Key {
    pair: RsaKeyPair,
    id: String,
}

impl Key {
    /// From PKCS #8 in PEM. The error never repeats it.
    pub(crate) fn read(pem: &str, id: &str) -> Result<Self, Error> {
        let refused = || invalid("`service-account`: `private_key` is no RSA key in PEM (PKCS #8)");
        let body: String = pem
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let der = STANDARD.decode(body).map_err(|_| refused())?;
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| refused())?;
        Ok(Self {
            pair,
            id: id.to_owned(),
        })
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> Option<String> {
        let head = json!({"alg": "RS256", "typ": "JWT", "kid": self.id});
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let text = format!("{}.{}", encode(&head), encode(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .ok()?;
        Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
