//! From nothing to a serving gateway, and back.

use super::admin_door::bind_admin;
use super::assemble::{plan, site};
use super::audit::Audit;
use super::changes::Changes;
use super::delays::Front;
use super::gateway::{Gateway, InForce, Origin};
use super::groups::Groups;
use super::notes::Notes;
use super::schemas::Registrar;
use super::{SystemClock, Watched, signals, supervisor};
use crate::admin::{Metrics, router};
use crate::engines::{self, Engines};
use crate::ingress::{Ingress, Listener, Site, Tls, accept};
use crate::telemetry::Telemetry;
use arc_swap::ArcSwap;
use http::Request;
use hyper::service::service_fn;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tradewind_config::{Admin, Checked, Diagnostics};
use tradewind_engine::{Clock, Engine};
use tradewind_store::{Durability, Embedded};

/// Connections that may wait to be taken.
const BACKLOG: u32 = 1024;
/// What the end of the process may take beyond the grace.
const CLOSING: Duration = Duration::from_secs(5);

/// What a gateway is started with.
pub struct Options {
    /// The configuration file; `None` for `text`.
    pub path: Option<PathBuf>,
    /// The configuration where there is no file, YAML.
    pub text: String,
    /// Puts flags and environment above the file, at each load.
    pub amend: Arc<dyn Fn(&mut Checked) + Send + Sync>,
    /// After the signal to stop, requests are taken for this long, so that a load balancer can
    /// notice.
    pub drain_delay: Duration,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Why a gateway did not start, or did not stop well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is not valid.
    #[error("{}", .0.render(false))]
    Config(Diagnostics),
    /// Something on the machine is in the way.
    #[error("cannot {what}: {source}")]
    Machine {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store does not open.
    #[error("cannot open the data directory {}: {source}", path.display())]
    Store {
        /// The data directory.
        path: PathBuf,
        /// What the store said.
        source: tradewind_store::Error,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] tradewind_engine::Error),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

pub(super) fn machine(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
    let what = what.into();
    move |source| Error::Machine { what, source }
}

/// A serving gateway. Dropping it stops nothing: call [`Running::stop`].
#[derive(Debug)]
pub struct Running {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Where events are taken.
    pub listen: SocketAddr,
    /// Where the admin API listens.
    pub admin: Admin,
    stop_ingress: CancellationToken,
    ingress_task: JoinHandle<()>,
    admin_task: JoinHandle<()>,
    background: Vec<JoinHandle<()>>,
    drain_delay: Duration,
}

/// Starts a gateway; it serves when this returns.
pub async fn start(options: Options) -> Result<Running, Error> {
    // A second start in one process finds it installed.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    let fetch = crate::registry::fetcher();
    let registry = crate::registry_with(fetch.clone());
    let origin = Origin {
        path: options.path.clone(),
        text: options.text,
        amend: options.amend,
    };
    let (checked, fingerprint) = origin.load(&registry).map_err(Error::Config)?;
    let secured = supported(&checked).map_err(Error::Other)?;
    for warning in checked.warnings.warnings() {
        tracing::warn!("{warning}");
    }
    let address = checked.config.listen.0;
    // Claimed first, so that a taken port is found before anything else is done; connections are
    // taken only when everything else stands.
    let socket = claim(address).map_err(machine(format!("listen on {address}")))?;
    let listen = socket
        .local_addr()
        .map_err(machine("read the listen address"))?;
    let hangups = signals::Hangups::install().map_err(machine("listen for SIGHUP"))?;

    let data = checked.config.data_dir.clone();
    let lasting = checked
        .streams
        .values()
        .any(|stream| stream.settings.durability != Durability::Ephemeral);
    let embedded = open(&data, lasting).await?;
    let node = node(listen);
    let engines = Engines::new(embedded, (node, &data), engines::places(&checked));
    let engines = Arc::new(engines);
    let streams = Arc::new(Watched::new(engines.clone()));
    let durability = durability(&checked);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let metrics = Arc::new(Metrics::default());
    let telemetry = Telemetry::from_env(&metrics).map_err(Error::Other)?;
    let stored = |source| Error::Store {
        path: data.clone(),
        source,
    };
    // Before the engine, which holds the first event against what was registered.
    let notes = Notes::open(streams.as_ref(), durability).await;
    let notes = notes.map_err(stored)?;
    let shared = engines.shared_table().await;
    let shared = shared.map_err(|why| Error::Other(format!("what nodes share: {why}")))?;
    let changes = Changes::open(&notes, shared).await.map_err(stored)?;
    let changes = Arc::new(changes);
    let schemas = Registrar::open(notes.clone(), changes.clone()).await;
    let schemas = schemas.map_err(stored)?;
    schemas.keep_named(&checked).await.map_err(stored)?;
    let subjects = schemas.resolve(&checked, clock.unix_ms(), true).await;
    schemas.adopt(subjects.map_err(Error::Other)?);
    // What was decided at run time holds from the first attempt on.
    let groups = Groups::begin(&checked, &changes, clock.unix_ms()).await;
    let groups = groups.map_err(stored)?;
    let plan = plan(
        &checked,
        telemetry.as_ref(),
        &groups.all(),
        schemas.held(&checked),
    );
    let engine = Engine::start(plan, streams.clone(), clock.clone()).await?;
    let front = Front::open(
        engine.clone(),
        clock.clone(),
        notes.clone(),
        engines.clone(),
    )
    .await;
    let front = front.map_err(stored)?;
    let (admin, guard, admin_listener) = bind_admin(&checked.config.admin, &data).await?;

    let keep = checked.config.audit.keep.0;
    let audit = Audit::open(&data, keep, clock.clone(), &fingerprint.to_string())
        .await
        .map_err(|error| Error::Other(format!("the audit log: {error}")))?;
    metrics.reloaded(1);
    let live: Arc<ArcSwap<Site>> = Arc::new(ArcSwap::from_pointee(Site {
        tls: secured.events,
        admin_tls: secured.admin,
        ..site(&checked)
    }));
    let limits = live.load().limits.clone();
    let gateway = Arc::new(Gateway {
        engine,
        clock: clock.clone(),
        metrics: metrics.clone(),
        path: options.path,
        listen: Some(listen),
        started_ms: clock.unix_ms(),
        stop: CancellationToken::new(),
        telemetry: telemetry.clone(),
        site: live.clone(),
        stores: streams,
        engines,
        registry,
        origin,
        #[cfg(feature = "backup")]
        backups: Default::default(),
        pulls: Default::default(),
        front: front.clone(),
        notes,
        changes,
        groups,
        schemas,
        audit,
        news: Default::default(),
        draining: Default::default(),
        reloading: Default::default(),
        failure: Default::default(),
        config: ArcSwap::from_pointee(InForce {
            generation: 1,
            fingerprint,
            checked,
        }),
    });
    gateway
        .pulls
        .replace(&gateway, &gateway.config.load().checked)
        .await;

    let ingress = Ingress::new(
        Arc::new(front),
        clock,
        live.clone(),
        metrics.clone(),
        &limits,
    );
    let ingress = Arc::new(ingress.traced(telemetry).visiting(fetch));
    let stop_ingress = CancellationToken::new();
    let service = move |peer| {
        let ingress = ingress.clone();
        service_fn(move |request: Request<hyper::body::Incoming>| {
            let ingress = ingress.clone();
            async move { Ok::<_, Infallible>(ingress.handle(peer, request).await) }
        })
    };
    let [secured, admin_site, admin_secured] = [live.clone(), live.clone(), live.clone()];
    // Before the admin API can say that the gateway is ready.
    let listener = socket
        .listen(BACKLOG)
        .map_err(machine(format!("listen on {address}")))?;
    let admin_service = TowerToHyperService::new(router(gateway.clone(), guard));
    // A socket speaks no TLS, whatever a configuration says of the address to come.
    let on_address = matches!(admin_listener, Listener::Tcp(_));
    let admin_task = tokio::spawn(accept(
        admin_listener,
        (
            move || admin_site.load().admin_limits.clone(),
            move || {
                let tls = admin_secured.load().admin_tls.clone();
                tls.filter(|_| on_address)
            },
        ),
        move |_| admin_service.clone(),
        gateway.stop.clone(),
        |_| (),
    ));
    let ingress_task = tokio::spawn(accept(
        Listener::Tcp(listener),
        (
            move || live.load().limits.clone(),
            move || secured.load().tls.clone(),
        ),
        service,
        stop_ingress.clone(),
        move |why| metrics.connection_closed(why),
    ));
    let background = background(&gateway, hangups);
    Ok(Running {
        gateway,
        listen,
        admin,
        stop_ingress,
        ingress_task,
        admin_task,
        background,
        drain_delay: options.drain_delay,
    })
}

/// What speaks TLS, by listener.
pub(super) struct Secured {
    pub(super) events: Option<Tls>,
    pub(super) admin: Option<Tls>,
}

/// Refuses what this binary was built without, certificates that are none, and an admin API that strangers could
/// listen to; gives what speaks TLS.
pub(super) fn supported(checked: &Checked) -> Result<Secured, String> {
    if checked.config.backup.is_some() && cfg!(not(feature = "backup")) {
        return Err("`backup` is set, and this binary has no backups; hint: build it with the feature `backup`".into());
    }
    engines::check_places(&engines::places(checked))?;
    let config = &checked.config;
    // Flags and the environment name addresses, too.
    if config.admin.is_public() && config.admin_tls.is_none() {
        let admin = &config.admin;
        return Err(format!(
            "the admin API would be reached at {admin} without TLS; hint: write `admin-tls`, or take a socket or a loopback address"
        ));
    }
    let tls = |at, settings: &Option<tradewind_config::Tls>| {
        settings.as_ref().map(|tls| Tls::new(at, tls)).transpose()
    };
    Ok(Secured {
        events: tls("tls", &config.tls)?,
        admin: tls("admin-tls", &config.admin_tls)?,
    })
}

/// Of what the gateway itself remembers: the strongest that one of the streams has.
fn durability(checked: &Checked) -> Durability {
    let has = |wanted| {
        checked
            .streams
            .values()
            .any(|s| s.settings.durability == wanted)
    };
    match (has(Durability::Fsync), has(Durability::Os)) {
        (true, _) => Durability::Fsync,
        (false, true) => Durability::Os,
        (false, false) => Durability::Ephemeral,
    }
}

/// Binds without listening. A port whose last owner has just gone can be taken again.
fn claim(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn background(gateway: &Arc<Gateway>, mut hangups: signals::Hangups) -> Vec<JoinHandle<()>> {
    let watcher = gateway.clone();
    let hangup = gateway.clone();
    let keeper = gateway.clone();
    let teller = gateway.clone();
    let asker = gateway.clone();
    let releaser = gateway.clone();
    let judge = gateway.clone();
    let follower = gateway.clone();
    vec![
        #[cfg(feature = "backup")]
        tokio::spawn(gateway.clone().keep_backed_up()),
        tokio::spawn(async move { watcher.watch().await }),
        tokio::spawn(async move { keeper.keep_notes().await }),
        tokio::spawn(async move { asker.keep_schemas().await }),
        tokio::spawn(async move { releaser.front.release().await }),
        tokio::spawn(async move { judge.watch_groups().await }),
        tokio::spawn(async move { follower.follow_changes().await }),
        tokio::spawn(async move { teller.tell_of_itself().await }),
        tokio::spawn(async move {
            while hangups.next().await {
                supervisor::reloading();
                // Its outcome is logged and counted there.
                hangup.reload("SIGHUP").await.ok();
                supervisor::ready(&hangup.summary());
            }
        }),
    ]
}

/// What other nodes call this one: the name of the machine, and the port.
fn node(listen: SocketAddr) -> String {
    let machine = rustix::system::uname();
    let machine = machine.nodename().to_string_lossy().into_owned();
    format!("{machine}:{}", listen.port())
}

/// Opens the data directory, making it with its parents. One that is refused is not made.
async fn open(data: &Path, lasting: bool) -> Result<Arc<dyn tradewind_store::Streams>, Error> {
    let path = data.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        if lasting && let Err(source) = Embedded::accepts(&path) {
            return Err(Error::Store { path, source });
        }
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(machine(format!(
                "make the data directory {}",
                path.display()
            )))?;
        Embedded::open(&path).map_err(|source| Error::Store { path, source })
    });
    match opened.await {
        Ok(opened) => Ok(Arc::new(opened?)),
        Err(error) => Err(Error::Other(error.to_string())),
    }
}

impl Running {
    /// Stops in order: not ready, no new requests, requests under way, attempts under way, store.
    /// Each step leaves the next ones a part of the grace.
    pub async fn stop(self) -> Result<(), Error> {
        self.gateway.draining.store(true, Ordering::Relaxed);
        tracing::info!("draining");
        let grace = self.gateway.config.load().checked.config.shutdown_grace;
        supervisor::stopping(self.drain_delay + grace + CLOSING);
        if !self.drain_delay.is_zero() {
            tokio::time::sleep(self.drain_delay).await;
        }
        let began = Instant::now();
        self.stop_ingress.cancel();
        let ingress = timeout_at(began + grace / 2, self.ingress_task).await;
        if ingress.is_err() {
            tracing::warn!("some requests were not done in time; their senders got no answer");
        }
        for task in self.background {
            task.abort();
        }
        let pulls = timeout_at(began + grace * 3 / 4, self.gateway.pulls.stop()).await;
        if pulls.is_err() {
            tracing::warn!("some pulled messages were not settled in time; they come again");
        }
        let left = (grace * 9 / 10).saturating_sub(began.elapsed());
        let drained = timeout_at(began + grace, self.gateway.engine.drain(left)).await;
        if let Some(telemetry) = &self.gateway.telemetry {
            // Spans are not worth more than the grace.
            timeout_at(began + grace, telemetry.shut_down()).await.ok();
        }
        self.gateway.stop.cancel();
        // What a client of the admin API still reads must not hold up the exit.
        timeout_at(began + grace, self.admin_task).await.ok();
        if let Admin::Socket(path) = &self.admin {
            std::fs::remove_file(path).ok();
        }
        // What is acknowledged is on the disk already; the rest is found again at the next start.
        if let Err(error) = self.gateway.notes.close().await {
            tracing::warn!(%error, "what the gateway remembers is not closed");
        }
        self.gateway.audit.stopped().await;
        drained.map_err(|_| Error::Other("the store did not close within the grace".into()))??;
        tracing::info!("stopped");
        Ok(())
    }
}
