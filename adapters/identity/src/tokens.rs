//! Tokens for protocols that carry them elsewhere than in a header.

use crate::config::OAuth2;
use crate::exchange::{expiry, wall_clock};
use crate::kept::{Fresh, Kept, LASTS_UNSAID, Origin};
use crate::oauth2::Client;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::SystemTime;
use tradewind_adapter::{Error, Reach, Unproved};

/// A token, and when it ends.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken {
    text: Arc<str>,
    /// By the clock of this machine.
    pub ends: SystemTime,
}

impl BearerToken {
    /// The secret; keep it out of logs and errors.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BearerToken")
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

/// Tokens that are obtained, kept, and renewed ahead of their end.
#[derive(Debug, Clone)]
pub struct BearerTokens(Kept<BearerToken>);

impl BearerTokens {
    /// By the grant of client credentials; `key` is where the settings stand.
    ///
    /// # Errors
    /// Where the settings cannot work, with a hint and without a secret.
    pub fn oauth2(settings: &OAuth2, reach: &dyn Reach, key: &'static str) -> Result<Self, Error> {
        let client = Client::new(settings, reach, key)?;
        Ok(Self(Kept::new(Dated(client))))
    }

    /// A token, obtained where there is none.
    ///
    /// # Errors
    /// Where it cannot be had now, with a hint and without a secret.
    pub async fn get(&self) -> Result<BearerToken, Unproved> {
        self.0.get().await
    }

    /// The one that is here and good, without waiting.
    pub fn here(&self) -> Option<BearerToken> {
        self.0.here()
    }

    /// Whether another one is about to take its place.
    pub fn is_due(&self) -> bool {
        self.0.is_due()
    }

    /// It was not taken: another one is obtained, unless that was said a moment ago.
    pub fn refused(&self, token: &BearerToken) {
        self.0.refused(|here| here == token);
    }
}

/// With the time at which each ends.
struct Dated(Client);

#[async_trait]
impl Origin<BearerToken> for Dated {
    async fn obtain(&self) -> Result<Fresh<BearerToken>, Unproved> {
        let now = wall_clock();
        let Fresh { value, lasts } = self.0.obtain().await?;
        // Whoever takes it goes by what it says itself.
        let own = expiry(&value, now);
        let lasts = [lasts, own].into_iter().flatten().min();
        let lasts = lasts.unwrap_or(LASTS_UNSAID);
        if lasts.is_zero() {
            return Err(Unproved::refused(format!(
                "{} gave a token that has ended already; hint: compare the clocks of both machines",
                self.0.server.name
            )));
        }
        Ok(Fresh {
            value: BearerToken {
                text: value,
                ends: now + lasts,
            },
            lasts: Some(lasts),
        })
    }
}
