//! A connection with one session and one link, made when it is first needed and again after it broke.

use crate::access::Access;
use crate::cut::Cuttable;
use crate::failure;
use async_trait::async_trait;
use fe2o3_amqp::connection::{Connection, ConnectionHandle};
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::session::{Session, SessionHandle};
use rustls::pki_types::ServerName;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_util::sync::{CancellationToken, DropGuard};
use tradewind_adapter::Error;
use tradewind_brokers::{invalid, unavailable, unique};

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(10);
/// Milliseconds after which a peer that says nothing is taken for gone. It is asked for a word within half of them.
const SILENT: u32 = 30_000;

/// What a new session is made ready for.
#[async_trait]
pub(crate) trait Attach: Send + Sync + std::fmt::Debug {
    type Link: Clone + Send + Sync;
    async fn attach(&self, session: &mut SessionHandle<()>) -> Result<Self::Link, Error>;
}

/// A link, and which one since the start it is: deliveries belong to one.
#[derive(Debug, Clone)]
pub(crate) struct Open<L> {
    pub(crate) link: L,
    pub(crate) number: u64,
}

/// What holds a link up. Its stream goes first.
struct Held<L> {
    _cut: DropGuard,
    connection: ConnectionHandle<()>,
    session: SessionHandle<()>,
    open: Open<L>,
}

pub(crate) struct Line<A: Attach> {
    access: Access,
    purpose: A,
    opened: AtomicU64,
    kept: Mutex<Option<Held<A::Link>>>,
}

impl<A: Attach> std::fmt::Debug for Line<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line")
            .field("access", &self.access)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

impl<A: Attach> Line<A> {
    pub(crate) fn new(access: Access, purpose: A) -> Result<Self, Error> {
        access.tls()?;
        Ok(Self {
            access,
            purpose,
            opened: AtomicU64::new(0),
            kept: Mutex::default(),
        })
    }

    pub(crate) async fn open(&self) -> Result<Open<A::Link>, Error> {
        let mut kept = self.kept.lock().await;
        if let Some(held) = &*kept
            && !held.connection.is_closed()
            && !held.session.is_ended()
        {
            return Ok(held.open.clone());
        }
        *kept = None;
        let made = tokio::time::timeout(CONNECTING, self.make()).await;
        let silent = || unavailable("connect", "no answer in time; hint: check `server`");
        let held = made.map_err(|_| silent())??;
        let open = held.open.clone();
        *kept = Some(held);
        Ok(open)
    }

    /// Lets go of a link that broke, unless there is another one already.
    pub(crate) async fn drop(&self, number: u64) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|held| held.open.number == number) {
            *kept = None;
        }
    }

    async fn make(&self) -> Result<Held<A::Link>, Error> {
        let server = &self.access.server;
        let stream = TcpStream::connect((server.host(), server.port()))
            .await
            .map_err(|error| failure::error("connect", &error))?;
        stream.set_nodelay(true).ok();
        let cut = CancellationToken::new();
        let stream = Cuttable::new(stream, cut.clone());
        let cut = cut.drop_guard();
        let sasl = match (&self.access.username, &self.access.password) {
            (Some(username), Some(password)) => SaslProfile::Plain {
                username: username.clone(),
                password: password.expose().to_owned(),
            },
            _ => SaslProfile::Anonymous,
        };
        let builder = Connection::builder()
            .container_id(format!("tradewind-{}", unique()))
            .hostname(server.host())
            .scheme("amqp")
            .idle_time_out(SILENT)
            .sasl_profile(sasl);
        let connected = match self.access.tls()? {
            None => builder.open_with_stream(stream).await,
            Some(config) => {
                let name = ServerName::try_from(server.host().to_owned());
                let name = name.map_err(|_| invalid("`server` has no name that TLS can check"))?;
                let secured = TlsConnector::from(config).connect(name, stream).await;
                let secured = secured.map_err(|error| failure::error("connect", &error))?;
                builder.open_with_stream(secured).await
            }
        };
        let mut connection = connected.map_err(|error| failure::error("connect", &error))?;
        let mut session = Session::begin(&mut connection)
            .await
            .map_err(|error| failure::error("connect", &error))?;
        let link = self.purpose.attach(&mut session).await?;
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Held {
            _cut: cut,
            connection,
            session,
            open: Open { link, number },
        })
    }

    pub(crate) fn describe(&self) -> String {
        self.access.server.to_string()
    }
}
