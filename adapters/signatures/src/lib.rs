//! Verification of webhook signatures over raw bytes.
//!
//! How a provider signs is a value, a [`Scheme`]; one [`Verifier`] serves them all, and one [`Signer`]
//! makes such requests. The verifier never parses a body but a form that is signed field by field,
//! compares in constant time over decoded bytes of checked length, tries every configured secret, and
//! tells the sender nothing but "no": the reason is for the log. Amazon SNS and PayPal, whose keys lie in
//! certificates at addresses that the request names, have modules of their own.

#![warn(clippy::expect_used)]

#[cfg(feature = "asymmetric")]
mod asymmetric;
#[cfg(feature = "asymmetric")]
mod authorities;
#[cfg(feature = "asymmetric")]
mod certificate;
mod content;
mod encoding;
mod fault;
mod key;
#[cfg(feature = "asymmetric")]
pub mod paypal;
mod plan;
mod scheme;
pub mod schemes;
mod signer;
#[cfg(feature = "asymmetric")]
pub mod sns;
pub mod standard_webhooks;
mod url;
mod verifier;

#[cfg(feature = "asymmetric")]
pub use authorities::Authorities;
#[cfg(feature = "asymmetric")]
pub use certificate::{Certificate, Chain, Digest};
pub use fault::Fault;
pub use key::{Key, KeyFormat};
pub use scheme::{Algorithm, Encoding, Piece, Place, Places, Scheme, Stamp};
pub use signer::Signer;
pub use verifier::{Proof, SECRETS_MAX, SIGNATURE_BYTES_MAX, SIGNATURES_MAX, Verifier};
