//! Who signs tokens.

use crate::key_set::{BYTES_MAX, Key, KeySet, is_named, read};
use crate::token::{ALGORITHMS, Claims, head, judge};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tradewind_adapter::{Error, ErrorKind, Fetch, Pending, Refusal};

/// Keys, and for how long their publisher says that they stay as they are.
type Published = (Vec<Key>, Option<Duration>);

/// Where an issuer's keys lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysAt {
    /// At this address.
    Url(String),
    /// Where the issuer's own document says (OpenID Connect Discovery 1.0, section 4).
    Discovery,
}

/// Verifies the tokens of one issuer. One for all that take its tokens: they share the keys.
///
/// Keys are fetched when a token needs them: at most once in [`crate::COOL_DOWN`], by one request while the
/// others wait for it or go on with the keys that are here. Where they lie is discovered anew, at that time, when they
/// lack the key of the token. Keys that cannot be renewed count for
/// [`crate::STALE_MAX`] after they were fresh.
pub struct Issuer {
    name: String,
    also: Vec<String>,
    at: KeysAt,
    algorithms: Vec<Algorithm>,
    fetch: RwLock<Arc<dyn Fetch>>,
    keys: RwLock<KeySet>,
    turn: tokio::sync::Mutex<()>,
    discovered: Mutex<Option<String>>,
}

impl Issuer {
    /// The issuer with this name, as it stands in `iss`. Nothing is fetched yet.
    pub fn new(name: impl Into<String>, at: KeysAt, fetch: Arc<dyn Fetch>) -> Self {
        Self {
            name: name.into(),
            also: Vec::new(),
            at,
            algorithms: ALGORITHMS.to_vec(),
            fetch: RwLock::new(fetch),
            keys: RwLock::default(),
            turn: tokio::sync::Mutex::new(()),
            discovered: Mutex::default(),
        }
    }

    /// Takes no other algorithms than these; those that are not in [`ALGORITHMS`] are never taken.
    #[must_use]
    pub fn only(mut self, algorithms: &[Algorithm]) -> Self {
        self.algorithms.retain(|known| algorithms.contains(known));
        self
    }

    /// Takes tokens with this in `iss` as well, by the same keys.
    #[must_use]
    pub fn also(mut self, name: impl Into<String>) -> Self {
        self.also.push(name.into());
        self
    }

    /// Fetches by another one from now on; the keys that are here stay.
    pub fn through(&self, fetch: Arc<dyn Fetch>) {
        *self.fetch.write().unwrap_or_else(PoisonError::into_inner) = fetch;
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What has to be waited for before [`Issuer::verify`] can judge this token.
    pub fn missing<'a>(&'a self, token: &str) -> Option<Pending<'a>> {
        let head = head(token, &self.algorithms).ok()?;
        let (due, here) = self.read(|keys| {
            let id = head.key.as_deref();
            (keys.is_due(id), keys.has(id))
        });
        // Who comes while the keys that it needs are on their way waits with the others.
        let coming = || !here && self.turn.try_lock().is_err();
        (due || coming()).then(|| -> Pending<'a> { Box::pin(self.renew(head.key, here)) })
    }

    /// Judges a token: signature, `iss`, `aud` (one of these), `exp`, `nbf`, `iat`.
    ///
    /// # Errors
    /// Where it is none of this issuer's for us, now.
    pub fn verify(
        &self,
        token: &str,
        audiences: &[String],
        now: SystemTime,
    ) -> Result<Claims, Refusal> {
        let head = head(token, &self.algorithms)?;
        let names = || std::iter::once(&self.name).chain(&self.also);
        let known = |name: &str| names().any(|known| known == name);
        self.read(|keys| judge(token, &head, keys, &known, audiences, now))
    }

    async fn renew(&self, id: Option<String>, here: bool) -> Result<(), Refusal> {
        let _turn = match here {
            // Only one waits for keys that are not needed yet.
            true => match self.turn.try_lock() {
                Ok(turn) => turn,
                Err(_) => return Ok(()),
            },
            false => self.turn.lock().await,
        };
        if !self.read(|keys| keys.is_due(id.as_deref())) {
            return Ok(());
        }
        self.write(KeySet::tried);
        match self.fetched(id.as_deref()).await {
            Ok((keys, fresh)) => self.write(|set| set.replace(keys, fresh)),
            // `verify` says what that means for the token.
            Err(error) => {
                tracing::warn!(issuer = self.name, %error, "the keys of an issuer were not fetched");
            }
        }
        Ok(())
    }

    /// The keys as they are published, for a token that names this one.
    async fn fetched(&self, id: Option<&str>) -> Result<Published, Error> {
        let url = match &self.at {
            KeysAt::Url(url) => return self.published(url).await,
            KeysAt::Discovery => self.known().clone(),
        };
        let Some(url) = url else {
            let url = self.discover().await?;
            return self.discovered(&url).await;
        };
        let (keys, fresh) = self.discovered(&url).await?;
        if !is_named(&keys, id) {
            // They may have moved, and what was there been left behind.
            match self.discover().await {
                Ok(now) if now != url => {
                    if let Ok(moved) = self.discovered(&now).await {
                        return Ok(moved);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(issuer = self.name, %error, "an issuer was not discovered anew");
                }
            }
        }
        Ok((keys, fresh))
    }

    /// The keys at the address that the issuer's document names.
    async fn discovered(&self, url: &str) -> Result<Published, Error> {
        let keys = self.published(url).await;
        if keys.is_err() {
            // They may have moved.
            *self.known() = None;
        }
        keys
    }

    async fn published(&self, url: &str) -> Result<Published, Error> {
        let document = self.fetch().get(url, BYTES_MAX).await?;
        let keys = read(&document.body)
            .map_err(|reason| Error::new(ErrorKind::Unavailable, "read keys", reason))?;
        Ok((keys, document.fresh))
    }

    /// Where the issuer's document says that its keys lie; noted.
    async fn discover(&self) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Document {
            issuer: String,
            jwks_uri: String,
        }
        let base = self.name.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let broken = |reason| Error::new(ErrorKind::Unavailable, "discover keys", reason);
        let document = self.fetch().get(&url, BYTES_MAX).await?;
        let document: Document =
            serde_json::from_slice(&document.body).map_err(|e| broken(e.to_string()))?;
        if document.issuer != self.name {
            return Err(broken(format!(
                "the document is of the issuer `{}`",
                document.issuer
            )));
        }
        *self.known() = Some(document.jwks_uri.clone());
        Ok(document.jwks_uri)
    }

    fn fetch(&self) -> Arc<dyn Fetch> {
        Arc::clone(&self.fetch.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.discovered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, what: impl FnOnce(&KeySet) -> T) -> T {
        what(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, what: impl FnOnce(&mut KeySet)) {
        what(&mut self.keys.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Issuer").field(&self.name).finish()
    }
}

/// Issuers by what they are made from, so that all who take the tokens of one share its keys.
#[derive(Debug, Default)]
pub struct Issuers(Mutex<HashMap<String, Arc<Issuer>>>);

impl Issuers {
    /// The one with this name, made where there is none.
    pub fn named(&self, name: &str, make: impl FnOnce() -> Issuer) -> Arc<Issuer> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that no configuration names any more.
        all.retain(|known, issuer| known == name || Arc::strong_count(issuer) > 1);
        let issuer = all
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(make()));
        Arc::clone(issuer)
    }
}
