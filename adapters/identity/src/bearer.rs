//! Tokens that are obtained, shown as `authorization: Bearer`.

use crate::kept::{Kept, Origin};
use async_trait::async_trait;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::sync::Arc;
use tradewind_adapter::{Credential, Identity, Unproved};

pub(crate) struct Bearer {
    kept: Kept<Arc<str>>,
    /// For people: whose tokens.
    name: &'static str,
}

impl Bearer {
    pub(crate) fn of(name: &'static str, origin: impl Origin<Arc<str>>) -> Arc<dyn Identity> {
        Arc::new(Self {
            kept: Kept::new(origin),
            name,
        })
    }
}

#[async_trait]
impl Identity for Bearer {
    async fn prove(&self, request: &mut Parts, _: &[u8]) -> Result<Credential, Unproved> {
        let token = self.kept.get().await?;
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Unproved::unavailable("the token is no header"))?;
        value.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, value);
        Ok(Credential::new([token]))
    }

    fn refused(&self, credential: &Credential) {
        self.kept
            .refused(|token| credential.secrets().any(|shown| *shown == **token));
    }
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bearer").field(&self.name).finish()
    }
}
