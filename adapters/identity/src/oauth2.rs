//! Tokens by the grant of client credentials (RFC 6749, section 4.4).

use crate::bearer::Bearer;
use crate::config::{ClientMethod, OAuth2};
use crate::exchange::{Server, wall_clock};
use crate::kept::{Fresh, Origin};
use crate::{Place, invalid};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use tradewind_adapter::{Error, Identity, Reach, Unproved};

pub(crate) fn identity(settings: &OAuth2, place: &Place<'_>) -> Result<Arc<dyn Identity>, Error> {
    let client = Client::new(settings, place.reach, "auth.oauth2")?;
    Ok(Bearer::of("OAuth 2", client))
}

pub(crate) struct Client {
    pub(crate) server: Server,
    settings: OAuth2,
}

impl Client {
    /// `key` is where the settings stand.
    pub(crate) fn new(
        settings: &OAuth2,
        reach: &dyn Reach,
        key: &'static str,
    ) -> Result<Self, Error> {
        // A secret goes there.
        let https = settings.token_url.strip_prefix("https://");
        if https.is_none_or(|rest| rest.contains('@') || rest.contains('#')) {
            return Err(invalid(
                "`token-url` is no https:// URL without user and fragment",
            ));
        }
        if settings.client_id.is_empty() {
            return Err(invalid("`client-id` is empty"));
        }
        let exchange = reach.exchange(settings.ca.as_deref())?;
        let shown = settings.token_url.split('?').next().unwrap_or_default();
        let server = Server {
            exchange,
            name: format!("the token server {shown}"),
            hint: "check `client-id`, `client-secret` and `method`; the client needs the grant `client_credentials`, and leave for `scopes`, `audience` and `resource`",
            absent: format!(
                "check `{key}.token-url`, and `{key}.ca` where it has an authority of its own"
            ),
        };
        let settings = settings.clone();
        Ok(Self { server, settings })
    }
}

#[async_trait]
impl Origin<Arc<str>> for Client {
    async fn obtain(&self) -> Result<Fresh<Arc<str>>, Unproved> {
        let OAuth2 {
            token_url,
            client_id,
            client_secret,
            method,
            scopes,
            audience,
            resource,
            ..
        } = &self.settings;
        let secret = client_secret.expose();
        let mut basic = None;
        let (mut id, mut posted) = ("", "");
        match method {
            ClientMethod::Basic => {
                // Written as in a form before they are joined, since an id may have a colon.
                let write = |text: &str| {
                    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
                };
                let pair = format!("{}:{}", write(client_id), write(secret));
                basic = Some(format!("Basic {}", STANDARD.encode(pair)));
            }
            ClientMethod::Post => (id, posted) = (client_id, secret),
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", &scopes.join(" ")),
            ("audience", audience.as_deref().unwrap_or_default()),
            ("resource", resource.as_deref().unwrap_or_default()),
            ("client_id", id),
            ("client_secret", posted),
        ];
        let asked = self.server.post(token_url, &form, basic.as_deref());
        let answer = asked.await?;
        self.server.token(&answer, "access_token", wall_clock())
    }
}
