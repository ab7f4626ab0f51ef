//! Public keys that are fetched, and tokens verified by them.
//!
//! [`Documents`] are what a request names by address: certificates. An [`Issuer`] has a key set (JWKS)
//! at an address of the configuration, and signs tokens (JWT, RFC 7519). Both remember what they have
//! fetched, so that who verifies waits for the network hardly ever, and strangers cannot make them ask for
//! more than a few documents a minute.

#![warn(clippy::expect_used)]

mod configured;
mod documents;
mod issuer;
mod key_set;
mod token;

pub use configured::Configured;
pub use documents::Documents;
pub use issuer::{Issuer, Issuers, KeysAt};
pub use jsonwebtoken::Algorithm;
pub use key_set::{COOL_DOWN, STALE_MAX};
pub use token::{ALGORITHMS, Claims, TOKEN_MAX};
