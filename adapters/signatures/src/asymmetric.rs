//! Signatures by a private key, which no receiver has.

use crate::Algorithm;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    ParsedPublicKey, VerificationAlgorithm,
};
use std::sync::Arc;

#[derive(Clone)]
pub(crate) struct Public(Arc<ParsedPublicKey>);

impl Public {
    /// A raw key, or one in the envelope of X.509.
    pub(crate) fn new(bytes: &[u8], algorithm: Algorithm) -> Result<Self, String> {
        let verification: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::EcdsaP256 => &ECDSA_P256_SHA256_ASN1,
            _ => &ED25519,
        };
        ParsedPublicKey::new(verification, bytes)
            .map(|key| Self(Arc::new(key)))
            .map_err(|_| format!("a secret must be a public key for {algorithm:?}"))
    }

    pub(crate) fn accepts(&self, message: &[u8], claim: &[u8]) -> bool {
        self.0.verify_sig(message, claim).is_ok()
    }
}

/// A key pair of a sender.
pub(crate) enum Private {
    P256(Box<EcdsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl Private {
    /// PKCS#8 for P-256, the seed (with or without the public key behind it) for Ed25519.
    pub(crate) fn new(bytes: &[u8], algorithm: Algorithm) -> Result<Self, String> {
        let refuse = |e: aws_lc_rs::error::KeyRejected| format!("a secret is no private key: {e}");
        match algorithm {
            Algorithm::EcdsaP256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, bytes)
                    .map(|pair| Self::P256(Box::new(pair)))
                    .map_err(refuse)
            }
            _ => {
                let (seed, public) = bytes.split_at(bytes.len().min(32));
                match public {
                    [] => Ed25519KeyPair::from_seed_unchecked(seed),
                    public => Ed25519KeyPair::from_seed_and_public_key(seed, public),
                }
                .map(Self::Ed25519)
                .map_err(refuse)
            }
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).ok()?;
                Some(signature.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }
}
