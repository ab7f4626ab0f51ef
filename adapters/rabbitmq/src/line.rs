//! A connection with one channel, made when it is first needed and again after it broke.

use crate::access::Access;
use crate::failure;
use async_trait::async_trait;
use lapin::runtime::default_runtime;
use lapin::tcp::{AsyncTcpStream, RustlsConnector};
use lapin::uri::{AMQPAuthority, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, Connection, ConnectionProperties};
use rustls::ClientConfig;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tradewind_adapter::Error;

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// What a new channel is made ready for.
#[async_trait]
pub(crate) trait Prepare: Send + Sync + std::fmt::Debug {
    type Ready: Clone + Send;
    async fn prepare(&self, channel: &Channel) -> lapin::Result<Self::Ready>;
}

/// A channel, ready, and which one since the start it is: tags of messages hold within one only.
#[derive(Debug, Clone)]
pub(crate) struct Open<R> {
    pub(crate) channel: Channel,
    pub(crate) number: u64,
    pub(crate) ready: R,
}

#[derive(Debug)]
pub(crate) struct Line<P: Prepare> {
    access: Access,
    purpose: P,
    opened: AtomicU64,
    kept: Mutex<Option<(Connection, Open<P::Ready>)>>,
}

impl<P: Prepare> Line<P> {
    pub(crate) fn new(access: Access, purpose: P) -> Result<Self, Error> {
        access.check()?;
        Ok(Self {
            access,
            purpose,
            opened: AtomicU64::new(0),
            kept: Mutex::default(),
        })
    }

    pub(crate) async fn open(&self) -> Result<Open<P::Ready>, Error> {
        let mut kept = self.kept.lock().await;
        if let Some((connection, open)) = &*kept
            && connection.status().connected()
            && open.channel.status().connected()
        {
            return Ok(open.clone());
        }
        *kept = None;
        let made = tokio::time::timeout(CONNECTING, self.make()).await;
        let made = made.map_err(|_| failure::silent())?;
        let (connection, open) = made.map_err(|error| failure::error("connect", &error))?;
        *kept = Some((connection, open.clone()));
        Ok(open)
    }

    async fn make(&self) -> lapin::Result<(Connection, Open<P::Ready>)> {
        let tls = self.access.tls.as_ref().map(|tls| tls.client());
        let tls = tls.transpose().map_err(std::io::Error::other)?;
        let runtime = default_runtime()?;
        let properties = ConnectionProperties::default().with_connection_name("tradewind".into());
        let tls = tls.map(Arc::new);
        let dialled = Connection::connector(
            self.uri(),
            runtime,
            async move |uri, runtime| {
                let place = (uri.authority.host.clone(), uri.authority.port);
                let place = runtime.to_socket_addrs(place);
                let stream = AsyncTcpStream::connect(&runtime, place).await?;
                Ok(secure(stream, &uri, tls.clone()).await?)
            },
            properties,
        );
        let connection = dialled.await?;
        let channel = connection.create_channel().await?;
        let ready = self.purpose.prepare(&channel).await?;
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let open = Open {
            channel,
            number,
            ready,
        };
        Ok((connection, open))
    }

    fn uri(&self) -> AMQPUri {
        let Access {
            server,
            virtual_host,
            tls,
            username,
            password,
        } = &self.access;
        let guest = || "guest".to_owned();
        AMQPUri {
            scheme: match tls {
                Some(_) => AMQPScheme::AMQPS,
                None => AMQPScheme::AMQP,
            },
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo {
                    username: username.clone().unwrap_or_else(guest),
                    password: password
                        .as_ref()
                        .map_or_else(guest, |password| password.expose().to_owned()),
                },
                host: server.host().to_owned(),
                port: server.port(),
            },
            vhost: virtual_host.clone(),
            query: Default::default(),
        }
    }

    /// Lets go of a channel that is no good any more, unless there is another one already.
    pub(crate) async fn drop(&self, number: u64) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|(_, open)| open.number == number) {
            *kept = None;
        }
    }

    pub(crate) fn describe(&self) -> String {
        self.access.server.to_string()
    }
}

async fn secure<S>(
    stream: AsyncTcpStream<S>,
    uri: &AMQPUri,
    tls: Option<Arc<ClientConfig>>,
) -> std::io::Result<AsyncTcpStream<S>>
where
    S: futures_io::AsyncRead + futures_io::AsyncWrite + Send + Unpin + 'static,
{
    match tls {
        None => Ok(stream),
        Some(config) => {
            let connector = RustlsConnector::from(config);
            stream.into_rustls(&connector, &uri.authority.host).await
        }
    }
}
