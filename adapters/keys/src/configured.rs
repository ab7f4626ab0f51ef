//! Issuers that the configuration names.

use crate::token::ALGORITHMS;
use crate::{Algorithm, Issuer, Issuers, KeysAt};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::SystemTime;
use tradewind_adapter::{Error, ErrorKind, Fetch, Jwt, Pending, Refusal, Tokens};

/// What fetches the keys of an issuer with these settings.
type Reach = dyn Fn(&Jwt) -> Result<Arc<dyn Fetch>, Error> + Send + Sync;

/// Issuers by their settings. What uses the same ones shares keys, and a reload keeps them.
pub struct Configured {
    reach: Box<Reach>,
    issuers: Issuers,
}

impl Configured {
    /// Those whose keys are fetched by what `reach` gives.
    pub fn new(
        reach: impl Fn(&Jwt) -> Result<Arc<dyn Fetch>, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            reach: Box::new(reach),
            issuers: Issuers::default(),
        }
    }
}

impl std::fmt::Debug for Configured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Configured").field(&self.issuers).finish()
    }
}

impl tradewind_adapter::Issuers for Configured {
    fn issuer(&self, settings: &Jwt) -> Result<Arc<dyn Tokens>, Error> {
        let algorithms = algorithms(&settings.algorithms)?;
        let at = match &settings.keys_url {
            None => KeysAt::Discovery,
            Some(url) if url.starts_with("https://") => KeysAt::Url(url.clone()),
            Some(_) => return Err(invalid("`auth.jwt.keys-url` is no https:// URL".into())),
        };
        let fetch = (self.reach)(settings)?;
        let Jwt {
            issuer,
            ca,
            allow_private,
            ..
        } = settings;
        let name = format!("{:?}", (issuer, &at, &algorithms, ca, allow_private));
        let made = self.issuers.named(&name, || {
            Issuer::new(issuer.clone(), at, Arc::clone(&fetch)).only(&algorithms)
        });
        // The file of authorities may have changed since it was made.
        made.through(fetch);
        Ok(made)
    }
}

fn algorithms(names: &[String]) -> Result<Vec<Algorithm>, Error> {
    if names.is_empty() {
        return Ok(ALGORITHMS.to_vec());
    }
    let known = |name: &String| {
        let algorithm = name.parse().ok();
        algorithm
            .filter(|algorithm| ALGORITHMS.contains(algorithm))
            .ok_or_else(|| {
                let all: Vec<String> = ALGORITHMS
                    .iter()
                    .map(|known| format!("{known:?}"))
                    .collect();
                invalid(format!(
                    "`auth.jwt.algorithms`: `{name}` is never taken (hint: there are {})",
                    all.join(", ")
                ))
            })
    };
    names.iter().map(known).collect()
}

impl Tokens for Issuer {
    fn missing<'a>(&'a self, token: &str) -> Option<Pending<'a>> {
        Issuer::missing(self, token)
    }

    fn verify(
        &self,
        token: &str,
        audiences: &[String],
        now: SystemTime,
    ) -> Result<Map<String, Value>, Refusal> {
        Issuer::verify(self, token, audiences, now).map(|claims| claims.all().clone())
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "auth", message)
}
