//! How servers are reached, for source and sink alike.

use crate::failure;
use async_nats::{Client, ConnectOptions, Event};
use futures_util::StreamExt;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tradewind_adapter::{Error, Secret};
use tradewind_brokers::{Address, Tls, guard_password, invalid, unavailable};

/// How long the first connection may take, for each server.
const CONNECTING: Duration = Duration::from_secs(5);

/// Messages of a subscription that wait in memory; the server is slowed down beyond.
const BUFFER: usize = 1024;

/// Servers and how to get in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Access {
    /// Servers to begin with, `host:port` each; the others of the cluster are learnt from them. Since 0.1.
    pub servers: Vec<Address>,
    /// TLS to the servers. Default: none. Since 0.1.
    pub tls: Option<Tls>,
    /// Who we are. Default: nobody. Since 0.1.
    pub auth: Option<Auth>,
}

/// Who we are: one of these ways.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Auth {
    /// User name, with `password`. Since 0.1.
    pub username: Option<String>,
    /// Password, with `username`. Since 0.1.
    pub password: Option<Secret>,
    /// Token. Since 0.1.
    pub token: Option<Secret>,
    /// Seed of a key of our own (`SU…`); it signs and is not sent. Since 0.1.
    pub nkey: Option<Secret>,
    /// Content of a credentials file, a JWT with its seed: `${file:PATH}`. Since 0.1.
    pub credentials: Option<Secret>,
}

impl Auth {
    /// Whether what is sent can be used again by who sees it.
    fn is_bare(&self) -> bool {
        self.password.is_some() || self.token.is_some()
    }

    fn set(&self, options: ConnectOptions) -> Result<ConnectOptions, Error> {
        let Self {
            username,
            password,
            token,
            nkey,
            credentials,
        } = self;
        match (username, password, token, nkey, credentials) {
            (Some(user), Some(password), None, None, None) => {
                Ok(options.user_and_password(user.clone(), password.expose().to_owned()))
            }
            (None, None, Some(token), None, None) => Ok(options.token(token.expose().to_owned())),
            (None, None, None, Some(seed), None) => Ok(options.nkey(seed.expose().to_owned())),
            (None, None, None, None, Some(text)) => {
                options.credentials(text.expose()).map_err(|_| {
                    invalid("`auth.credentials` is no credentials file (hint: \"${file:PATH}\")")
                })
            }
            _ => Err(invalid(
                "`auth` is one of: `username` with `password`, `token`, `nkey`, `credentials`",
            )),
        }
    }
}

impl Access {
    /// # Errors
    /// Settings that cannot be right.
    pub(crate) fn options(&self) -> Result<ConnectOptions, Error> {
        if self.servers.is_empty() {
            return Err(invalid(
                "`servers` is empty; hint: name at least one, `host:port`",
            ));
        }
        let mut options = ConnectOptions::new()
            .name("tradewind")
            .connection_timeout(CONNECTING)
            // Each call says itself how long it waits.
            .request_timeout(None)
            .subscription_capacity(BUFFER);
        if let Some(tls) = &self.tls {
            options = options.require_tls(true).tls_client_config(tls.client()?);
        }
        if let Some(auth) = &self.auth {
            if auth.is_bare() {
                guard_password(self.servers.iter(), self.tls.is_some())?;
            }
            if auth.is_bare() && self.tls.is_none() {
                // Others of the cluster may be on other machines.
                options = options.ignore_discovered_servers();
            }
            options = auth.set(options)?;
        }
        Ok(options)
    }

    fn servers(&self) -> Vec<String> {
        self.servers.iter().map(Address::to_string).collect()
    }

    fn describe(&self) -> String {
        self.servers().join(",")
    }
}

/// A connection that is made when it is first needed, and comes back by itself.
#[derive(Debug)]
pub(crate) struct Line {
    access: Access,
    client: Mutex<Option<Client>>,
    /// How often the server has refused something: it says so of nothing in particular.
    refusals: Arc<AtomicU64>,
}

impl Line {
    pub(crate) fn new(access: Access) -> Result<Self, Error> {
        access.options()?;
        Ok(Self {
            access,
            client: Mutex::default(),
            refusals: Arc::default(),
        })
    }

    pub(crate) async fn client(&self) -> Result<Client, Error> {
        let mut kept = self.client.lock().await;
        if let Some(client) = &*kept {
            return Ok(client.clone());
        }
        let refusals = Arc::clone(&self.refusals);
        let options = self.access.options()?.event_callback(move |event| {
            let refusals = Arc::clone(&refusals);
            async move {
                match event {
                    // Of a publication or subscription; it is told nowhere else.
                    Event::ServerError(error) => {
                        refusals.fetch_add(1, Ordering::Relaxed);
                        tracing::warn!(%error, "NATS refuses something");
                    }
                    event => tracing::debug!(%event, "the connection to NATS"),
                }
            }
        });
        let made = options.connect(self.access.servers()).await;
        let made = made.map_err(|error| failure::connect(&error))?;
        *kept = Some(made.clone());
        Ok(made)
    }

    pub(crate) fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// Whether a server answers.
    pub(crate) async fn health(&self) -> Result<Client, Error> {
        let client = self.client().await?;
        match tokio::time::timeout(CONNECTING, there_and_back(&client)).await {
            Ok(answered) => answered.map(|()| client),
            Err(_) => Err(unavailable("connect", "no answer")),
        }
    }

    pub(crate) fn describe(&self) -> String {
        self.access.describe()
    }
}

/// Waits until the server has done what was asked of it before: it does things in order, and gives back what is published
/// to ourselves.
///
/// # Errors
/// A connection that broke meanwhile.
pub(crate) async fn there_and_back(client: &Client) -> Result<(), Error> {
    let broken = |error: &dyn std::fmt::Display| unavailable("connect", error);
    let inbox = client.new_inbox();
    let heard = client.subscribe(inbox.clone()).await;
    let mut heard = heard.map_err(|error| broken(&error))?;
    let sent = client.publish(inbox, bytes::Bytes::new()).await;
    sent.map_err(|error| broken(&error))?;
    client.flush().await.map_err(|error| broken(&error))?;
    match heard.next().await {
        Some(_) => Ok(()),
        None => Err(unavailable("connect", "the connection ended")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_be_right_are_refused() {
        for (settings, part) in [
            (r#"{"servers":["a:4222"]}"#, None),
            (r#"{"servers":[]}"#, Some("servers")),
            (
                r#"{"servers":["a:4222"],"auth":{"token":"t"}}"#,
                Some("tls"),
            ),
            (
                r#"{"servers":["127.0.0.1:4222","localhost:4222"],"auth":{"token":"t"}}"#,
                None,
            ),
            (
                r#"{"servers":["127.0.0.1:1"],"auth":{"token":"t","username":"u","password":"p"}}"#,
                Some("one of"),
            ),
            (
                r#"{"servers":["127.0.0.1:1"],"auth":{"username":"u"}}"#,
                Some("one of"),
            ),
            (
                r#"{"servers":["a:1"],"auth":{"credentials":"x"}}"#,
                Some("credentials"),
            ),
            (r#"{"servers":["a:1"],"tls":{"ca":"x"}}"#, Some("tls.ca")),
        ] {
            let access: Access = serde_json::from_str(settings).unwrap();
            let error = access.options().err().map(|error| error.to_string());
            let found = error.as_deref().unwrap_or_default();
            assert_eq!(error.is_some(), part.is_some(), "{settings}: {found}");
            assert!(found.contains(part.unwrap_or_default()), "{found}");
        }
    }
}
