//! How a server is reached, for source and sink alike.

use crate::failure;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, RedisError,
    TlsCertificates,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::Mutex;
use tradewind_adapter::{Error, Secret};
use tradewind_brokers::{Address, Tls, guard_password, invalid};

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(5);

/// A server and how to get in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Access {
    /// The server, `host:port`. Since 0.1.
    pub server: Address,
    /// Number of the database. Default 0. Since 0.1.
    #[serde(default)]
    pub database: u16,
    /// TLS to the server. Default: none. Since 0.1.
    pub tls: Option<Tls>,
    /// User name of an ACL. Default: that of the server's `default` user. Since 0.1.
    pub username: Option<String>,
    /// Password. Default: none. Since 0.1.
    pub password: Option<Secret>,
}

impl Access {
    /// # Errors
    /// Settings that cannot be right.
    fn client(&self) -> Result<Client, Error> {
        if self.username.is_some() && self.password.is_none() {
            return Err(invalid("`username` needs a `password`"));
        }
        if self.password.is_some() {
            guard_password(std::iter::once(&self.server), self.tls.is_some())?;
        }
        let broken = |error: RedisError| invalid(error.to_string());
        let (host, port) = (self.server.host().to_owned(), self.server.port());
        let address = match &self.tls {
            None => ConnectionAddr::Tcp(host, port),
            Some(_) => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: false,
                tls_params: None,
            },
        };
        let info = address.into_connection_info().map_err(broken)?;
        let mut redis = info.redis_settings().clone().set_db(self.database.into());
        if let Some(username) = &self.username {
            redis = redis.set_username(username);
        }
        if let Some(password) = &self.password {
            redis = redis.set_password(password.expose());
        }
        let info = info.set_redis_settings(redis);
        match &self.tls {
            None => Client::open(info).map_err(broken),
            Some(tls) => {
                // Says what is wrong with them better than the client does.
                tls.client()?;
                Client::build_with_tls(info, certificates(tls)).map_err(broken)
            }
        }
    }
}

fn certificates(tls: &Tls) -> TlsCertificates {
    let bytes = |text: &String| text.as_bytes().to_vec();
    let own = tls.certificate.as_ref().zip(tls.key.as_ref());
    TlsCertificates {
        client_tls: own.map(|(certificate, key)| ClientTlsConfig {
            client_cert: bytes(certificate),
            client_key: key.expose().as_bytes().to_vec(),
        }),
        root_cert: tls.ca.as_ref().map(bytes),
    }
}

/// A connection that is made when it is first needed, and again after it broke.
#[derive(Debug)]
pub(crate) struct Line {
    client: Client,
    server: Address,
    kept: Mutex<Option<MultiplexedConnection>>,
}

impl Line {
    pub(crate) fn new(access: &Access) -> Result<Self, Error> {
        Ok(Self {
            client: access.client()?,
            server: access.server.clone(),
            kept: Mutex::default(),
        })
    }

    pub(crate) async fn open(&self) -> Result<MultiplexedConnection, RedisError> {
        let mut kept = self.kept.lock().await;
        if let Some(connection) = &*kept {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            // Each call says itself how long it waits.
            .set_response_timeout(None);
        let client = &self.client;
        let made = client.get_multiplexed_async_connection_with_config(&config);
        let made = made.await?;
        *kept = Some(made.clone());
        Ok(made)
    }

    /// Asks, and lets go of a connection that broke or gives no answer.
    pub(crate) async fn ask(
        &self,
        command: &redis::Cmd,
        within: Duration,
    ) -> Result<redis::Value, RedisError> {
        let asked = async {
            let mut connection = self.open().await?;
            command.query_async(&mut connection).await
        };
        let silent = || RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let answer = tokio::time::timeout(within, asked).await;
        let answer = answer.unwrap_or_else(|_| Err(silent()));
        if let Err(error) = &answer
            && (error.is_io_error() || error.is_unrecoverable_error())
        {
            *self.kept.lock().await = None;
        }
        answer
    }

    pub(crate) async fn health(&self) -> Result<(), Error> {
        let answer = self.ask(&redis::cmd("PING"), CONNECTING).await;
        answer
            .map(drop)
            .map_err(|error| failure::error("health", &error))
    }

    pub(crate) fn describe(&self) -> String {
        self.server.to_string()
    }
}
