//! `tradewind serve`

use super::failure::Failure;
use super::gateway_args::default_config;
use super::log;
use super::term::Term;
use crate::run::{self, Error, Options, Running, Stop, Stops, supervisor};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tradewind_config::{Address, Admin, Checked};

/// Run the gateway
///
/// Flags stand above the environment, the environment above the file. SIGHUP and a change of the
/// file reload it; a bad file changes nothing. SIGTERM drains; a second one ends at once.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind serve --config tradewind.yaml\n  \
    PORT=8080 tradewind serve --config /etc/tradewind/config.yaml --data-dir /var/lib/tradewind"
)]
pub(super) struct Args {
    /// Configuration file, YAML or TOML [default: tradewind.yaml]
    #[arg(long, env = "TRADEWIND_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) above: Above,
}

/// What stands above the file.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Above {
    /// Address that takes events, for instance 127.0.0.1:8080
    #[arg(long, env = "TRADEWIND_LISTEN")]
    pub(super) listen: Option<Address>,
    /// Port on all interfaces, where no address is given
    #[arg(long, env = "PORT", hide = true)]
    pub(super) port: Option<u16>,
    /// Directory of all durable data
    #[arg(long, env = "TRADEWIND_DATA_DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// Admin API: path of a socket, a loopback address, or with `admin-tls` any address
    /// [default: admin.sock in the data directory]
    #[arg(long, env = "TRADEWIND_ADMIN")]
    pub(super) admin: Option<Admin>,
    /// Seconds between "not ready" and the end of taking requests, at a stop
    #[arg(long, env = "TRADEWIND_DRAIN_DELAY", default_value_t = 0)]
    pub(super) drain_delay: u64,
}

impl Above {
    pub(super) fn amend(&self, checked: &mut Checked) {
        let config = &mut checked.config;
        if let Some(listen) = self.listen {
            config.listen = listen;
        } else if let Some(port) = self.port {
            config.listen = Address(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
        }
        if let Some(dir) = &self.data_dir {
            if config.admin == Admin::Socket(config.data_dir.join("admin.sock")) {
                config.admin = Admin::Socket(dir.join("admin.sock"));
            }
            config.data_dir = dir.clone();
        }
        if let Some(admin) = &self.admin {
            config.admin = admin.clone();
        }
    }
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    let Some(path) = args.config.or_else(default_config) else {
        return Err(Failure::usage("no configuration")
            .hint("name one with --config, or try `tradewind dev`, which needs none"));
    };
    let above = args.above.clone();
    let amend = Arc::new(move |checked: &mut Checked| {
        above.amend(checked);
        // With the first configuration, before anything is told; the log that is there stays.
        log::install(&checked.config.log);
    });
    let stops = Stops::install()?;
    let running = run::start(Options {
        path: Some(path),
        text: String::new(),
        amend,
        drain_delay: Duration::from_secs(args.above.drain_delay),
    })
    .await
    .map_err(|error| failure(error, term))?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listen = %running.listen,
        admin = %running.admin,
        "serving"
    );
    supervisor::ready(&running.gateway.summary());
    // Also while it drains, which may take longer than the manager waits.
    tokio::spawn(supervisor::watchdog());
    until_stopped(running, stops, term).await
}

/// Serves until a signal, then drains; the second signal ends the process.
pub(super) async fn until_stopped(
    running: Running,
    mut stops: Stops,
    term: &Term,
) -> Result<(), Failure> {
    let stop = stops.next().await;
    tokio::select! {
        stopped = running.stop() => stopped.map_err(|error| failure(error, term)),
        again = stops.next() => {
            tracing::warn!(first = ?stop, second = ?again, "ended at once; what was accepted is on disk");
            std::process::exit(match again {
                Stop::Interrupt => 130,
                Stop::Terminate => 143,
            })
        }
    }
}

pub(super) fn failure(error: Error, term: &Term) -> Failure {
    match error {
        Error::Config(diagnostics) => Failure::invalid(&diagnostics, term),
        other => Failure::new(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_above_the_file() {
        let file = "listen: 127.0.0.1:1\ndata-dir: file\n";
        let listen = |text: &str| Some(text.parse::<Address>().unwrap());
        let cases = [
            (Above::default(), "127.0.0.1:1 file file/admin.sock"),
            (
                Above {
                    port: Some(2),
                    ..Above::default()
                },
                "0.0.0.0:2 file file/admin.sock",
            ),
            (
                Above {
                    listen: listen("127.0.0.1:3"),
                    port: Some(2),
                    data_dir: Some("flag".into()),
                    ..Above::default()
                },
                "127.0.0.1:3 flag flag/admin.sock",
            ),
            (
                Above {
                    data_dir: Some("flag".into()),
                    admin: Some("127.0.0.1:4".parse().unwrap()),
                    ..Above::default()
                },
                "127.0.0.1:1 flag 127.0.0.1:4",
            ),
        ];
        for (above, expected) in cases {
            let registry = crate::registry();
            let system = tradewind_config::System;
            let mut checked =
                tradewind_config::load_str("a.yaml", file, &registry, &system).unwrap();
            above.amend(&mut checked);
            let config = &checked.config;
            let found = format!(
                "{} {} {}",
                config.listen,
                config.data_dir.display(),
                config.admin
            );
            assert_eq!(found, expected);
        }
    }
}
