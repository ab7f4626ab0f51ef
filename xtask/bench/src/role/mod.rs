//! The processes around the gateway, and the baselines in its place.

#[cfg(feature = "kafka")]
mod consume;
mod forward;
mod log;
mod sink;
mod upstream;

pub(crate) use log::zeroed;

use crate::load;
use axum::Router;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Started by the scenarios, not by people.
#[derive(clap::Subcommand)]
pub(crate) enum Role {
    /// S: reads a body and answers 204.
    Sink(Flavour),
    /// F: hands each request on and answers what came back.
    Forward {
        #[arg(long)]
        to: SocketAddr,
        #[command(flatten)]
        flavour: Flavour,
    },
    /// L: answers once a group of bodies is on disk.
    Log {
        #[arg(long)]
        file: PathBuf,
        #[command(flatten)]
        flavour: Flavour,
    },
    /// C: reads a topic and posts each record; with `--publish` also takes what it reads, over HTTP.
    #[cfg(feature = "kafka")]
    Consume(consume::Args),
    /// Answers 204 as fast as possible and counts.
    Upstream,
    /// Publishes.
    Load(load::Args),
}

/// The runtime of a baseline. What a competent author takes is tokio's default: one worker per core.
#[derive(clap::Args, Clone, Copy)]
pub(crate) struct Flavour {
    #[arg(long)]
    current_thread: bool,
}

impl Flavour {
    fn runtime(self) -> std::io::Result<Runtime> {
        if self.current_thread {
            current_thread()
        } else {
            Builder::new_multi_thread().enable_all().build()
        }
    }
}

fn current_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

pub(crate) fn play(role: Role) -> ExitCode {
    let ended = match role {
        Role::Sink(flavour) => flavour.runtime().and_then(|r| r.block_on(sink::run())),
        Role::Forward { to, flavour } => {
            flavour.runtime().and_then(|r| r.block_on(forward::run(to)))
        }
        Role::Log { file, flavour } => flavour.runtime().and_then(|r| r.block_on(log::run(&file))),
        #[cfg(feature = "kafka")]
        Role::Consume(args) => Flavour {
            current_thread: false,
        }
        .runtime()
        .and_then(|r| r.block_on(consume::run(&args))),
        Role::Upstream => current_thread().and_then(|r| r.block_on(upstream::run())),
        Role::Load(args) => current_thread().and_then(|r| r.block_on(load::run(&args))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Listens on loopback and says where.
async fn listen() -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    Ok(listener)
}

async fn serve(router: Router) -> std::io::Result<()> {
    use axum::serve::ListenerExt;
    let listener = listen().await?.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    axum::serve(listener, router).await
}
