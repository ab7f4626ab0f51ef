//! Verification of webhook signatures over raw bytes.
//!
//! How a provider signs is a value, a [`Scheme`]; one [`Verifier`] serves them all. It never parses
//! the body, compares in constant time over decoded bytes of checked length, tries every configured
//! secret, and tells the sender nothing but "no": the reason is for the log.

#![warn(clippy::expect_used)]

pub mod github;
mod key;
mod scheme;
pub mod standard_webhooks;
mod verifier;

pub use key::{Key, KeyFormat};
pub use scheme::{Encoding, Headers, Piece, Scheme};
pub use verifier::{Proof, SECRETS_MAX, SIGNATURE_BYTES_MAX, SIGNATURES_MAX, Verifier};
