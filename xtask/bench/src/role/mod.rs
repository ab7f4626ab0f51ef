//! The processes around the gateway, and the baselines in its place.

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
    #[command(hide = true)]
    RoleSink(Flavour),
    /// F: hands each request on and answers what came back.
    #[command(hide = true)]
    RoleForward {
        #[arg(long)]
        to: SocketAddr,
        #[command(flatten)]
        flavour: Flavour,
    },
    /// L: answers once a group of bodies is on disk.
    #[command(hide = true)]
    RoleLog {
        #[arg(long)]
        file: PathBuf,
        #[command(flatten)]
        flavour: Flavour,
    },
    /// Answers 204 as fast as possible and counts.
    #[command(hide = true)]
    RoleUpstream,
    /// Publishes.
    #[command(hide = true)]
    RoleLoad(load::Args),
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
        Role::RoleSink(flavour) => flavour.runtime().and_then(|r| r.block_on(sink::run())),
        Role::RoleForward { to, flavour } => {
            flavour.runtime().and_then(|r| r.block_on(forward::run(to)))
        }
        Role::RoleLog { file, flavour } => {
            flavour.runtime().and_then(|r| r.block_on(log::run(&file)))
        }
        Role::RoleUpstream => current_thread().and_then(|r| r.block_on(upstream::run())),
        Role::RoleLoad(args) => current_thread().and_then(|r| r.block_on(load::run(&args))),
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
