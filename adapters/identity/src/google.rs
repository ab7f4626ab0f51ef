//! ID tokens of Google: by the metadata server of the machine, or by the key of a service account.

use crate::assertion::Key;
use crate::bearer::Bearer;
use crate::config::IdToken;
use crate::exchange::{Server, expiry, wall_clock};
use crate::kept::{Fresh, Origin};
use crate::{Place, invalid, server_alone};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tradewind_adapter::{Error, Identity, Unproved};

const METADATA: &str = "http://169.254.169.254";
const IDENTITY: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(crate) fn identity(settings: &IdToken, place: &Place<'_>) -> Result<Arc<dyn Identity>, Error> {
    let exchange = place.reach.exchange(settings.ca.as_deref())?;
    let audience = settings.audience.as_deref().unwrap_or(place.origin);
    let Some(key) = &settings.service_account else {
        if settings.token_url.is_some() {
            return Err(invalid(
                "`token-url` is for `service-account`, which is not set",
            ));
        }
        let host = (place.environment)("GCE_METADATA_HOST").filter(|host| !host.is_empty());
        let host = host.map(|host| format!("http://{host}"));
        let base = settings.metadata.clone().or(host);
        let base = base.unwrap_or_else(|| METADATA.into());
        server_alone(&base)?;
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("audience", audience)
            .append_pair("format", "full")
            .finish();
        let server = Server {
            exchange,
            name: "the metadata server of Google".into(),
            hint: "the machine needs a service account; an audience that it does not take is set by `auth.id-token.audience`",
            absent: "outside of Google Cloud set `auth.id-token.service-account`".into(),
        };
        return Ok(Bearer::of(
            "metadata server of Google",
            Machine {
                server,
                url: format!("{}{IDENTITY}?{query}", base.trim_end_matches('/')),
            },
        ));
    };
    if settings.metadata.is_some() {
        return Err(invalid("`metadata` or `service-account`: not both"));
    }
    let account: Account = serde_json::from_str(key.expose())
        .map_err(|_| invalid("`service-account` is no key of a service account (hint: \"${file:key.json}\", the JSON file as Google gives it)"))?;
    let url = settings.token_url.clone();
    let url = url.unwrap_or_else(|| account.token_uri.clone());
    if !url.starts_with("https://") {
        return Err(invalid("`token-url` is no https:// URL"));
    }
    let server = Server {
        exchange,
        name: "the token server of Google".into(),
        hint: "the service account must exist and be enabled, its key not be deleted, and the clock of this machine be right",
        absent: "check the network, or set `auth.id-token.token-url`".into(),
    };
    Ok(Bearer::of(
        "service account of Google",
        ServiceAccount {
            key: Key::read(&account.private_key, &account.private_key_id)?,
            email: account.client_email,
            audience: audience.to_owned(),
            issued: account.token_uri,
            server,
            url,
        },
    ))
}

/// The identity of the machine.
struct Machine {
    server: Server,
    url: String,
}

#[async_trait]
impl Origin<Arc<str>> for Machine {
    async fn obtain(&self) -> Result<Fresh<Arc<str>>, Unproved> {
        let answer = self.server.get(&self.url, ("metadata-flavor", "Google"));
        let answer = answer.await?;
        let token = String::from_utf8_lossy(&answer);
        let token = token.trim();
        self.server.text(token, expiry(token, wall_clock()))
    }
}

/// What Google's file says.
#[derive(Deserialize)]
struct Account {
    client_email: String,
    #[serde(default)]
    private_key_id: String,
    private_key: String,
    #[serde(default = "token_uri")]
    token_uri: String,
}

fn token_uri() -> String {
    "https://oauth2.googleapis.com/token".into()
}

/// A key that is exchanged.
struct ServiceAccount {
    key: Key,
    email: String,
    audience: String,
    /// Whom assertions are for, wherever they are sent.
    issued: String,
    server: Server,
    url: String,
}

impl ServiceAccount {
    fn assertion(&self, now: SystemTime) -> Option<String> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.key.sign(&json!({
            "iss": self.email,
            "sub": self.email,
            "aud": self.issued,
            "iat": now,
            "exp": now + 3600,
            "target_audience": self.audience,
        }))
    }
}

#[async_trait]
impl Origin<Arc<str>> for ServiceAccount {
    async fn obtain(&self) -> Result<Fresh<Arc<str>>, Unproved> {
        let now = wall_clock();
        let assertion = self
            .assertion(now)
            .ok_or_else(|| Unproved::unavailable("the key of the service account cannot sign"))?;
        let form = [("grant_type", GRANT), ("assertion", &assertion)];
        let answer = self.server.post(&self.url, &form, None).await?;
        self.server.token(&answer, "id_token", now)
    }
}
