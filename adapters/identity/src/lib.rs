//! Who the gateway is, to the targets of its deliveries.
//!
//! [`Auth`] is what the configuration says, at every sink that speaks HTTP. What does not change becomes a
//! header or a part of the query; tokens are obtained from a server of tokens ([`Exchange`]), kept in a
//! [`Kept`], renewed ahead of their end by one request for all who wait, and dropped when a target refuses
//! them.

#![warn(clippy::expect_used)]

mod assertion;
mod bearer;
mod config;
mod entra;
mod exchange;
mod fixed;
mod google;
mod kept;
mod oauth2;
mod tokens;

pub use config::{Auth, Basic, ClientMethod, Entra, IdToken, Keyed, OAuth2};
pub use exchange::ANSWER_MAX;
pub use fixed::Fixed;
pub use kept::{Fresh, Kept, Origin};
pub use tokens::{BearerToken, BearerTokens};

use std::sync::Arc;
use tradewind_adapter::{Error, ErrorKind, Identity, Secret, Signers};
pub use tradewind_adapter::{Exchange, Reach};

/// What identities ask of their surroundings.
pub struct Place<'a> {
    /// Where requests go: scheme and authority, the default audience of tokens.
    pub origin: &'a str,
    /// The host alone.
    pub host: &'a str,
    /// The way to servers of tokens.
    pub reach: &'a dyn Reach,
    /// Variables of the process, by name.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Signatures of AWS, where this binary has them.
    pub signers: Option<&'a Arc<dyn Signers>>,
}

/// A proof, by how it is made.
#[derive(Debug)]
pub enum Proof {
    /// The same in each request.
    Fixed(Fixed),
    /// Made for each request.
    Made(Arc<dyn Identity>),
}

impl Auth {
    /// What proves to the target who calls; `None` where nothing is shown.
    ///
    /// # Errors
    /// Where the settings cannot work, with a hint and without a secret.
    pub fn proof(&self, place: &Place<'_>) -> Result<Option<Proof>, Error> {
        let made = |identity: Arc<dyn Identity>| Ok(Some(Proof::Made(identity)));
        match self {
            Self::None => Ok(None),
            Self::Bearer(token) => Ok(Some(Proof::Fixed(fixed::bearer(token)?))),
            Self::Basic(basic) => Ok(Some(Proof::Fixed(fixed::basic(basic)?))),
            Self::ApiKey(key) => Ok(Some(Proof::Fixed(fixed::key(key)?))),
            Self::FunctionKey(key) => Ok(Some(Proof::Fixed(fixed::function_key(key)?))),
            Self::IdToken(settings) => made(google::identity(settings, place)?),
            Self::Entra(settings) => made(entra::identity(settings, place)?),
            Self::Oauth2(settings) => made(oauth2::identity(settings, place)?),
            Self::Sigv4(settings) => match place.signers {
                Some(signers) => made(signers.signer(settings, place.host)?),
                None => Err(invalid(
                    "`sigv4` is not in this binary: build it with the feature `sigv4`",
                )),
            },
        }
    }

    /// The secrets of the settings: they are kept out of what is recorded.
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::None | Self::Sigv4(_) => Vec::new(),
            Self::Bearer(secret) | Self::FunctionKey(secret) => vec![secret],
            Self::Basic(basic) => vec![&basic.password],
            Self::ApiKey(key) => vec![&key.key],
            Self::IdToken(settings) => settings.service_account.iter().collect(),
            Self::Entra(settings) => settings.client_secret.iter().collect(),
            Self::Oauth2(settings) => vec![&settings.client_secret],
        }
    }
}

/// What is asked of a metadata service is ours to say: of the settings only where it is.
fn server_alone(base: &str) -> Result<(), Error> {
    let host = base
        .split_once("://")
        .map(|(_, rest)| rest.trim_end_matches('/'));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#']) => Ok(()),
        _ => Err(invalid(
            "`metadata` is a scheme, a host and a port, and nothing more",
        )),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "auth", message)
}
