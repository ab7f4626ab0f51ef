//! `cargo tradewind dev`

mod child;
mod gateway;
mod relay;
mod watch;

use crate::build;
use crate::failure::Failure;
use crate::project::{Project, Which, cargo};
use crate::term::Term;
use child::{Child, free};
use gateway::Gateway;
use relay::Relay;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Run the handler behind a gateway on this machine, and reload it when a file changes
///
/// What does not compile is shown, and the handler that runs goes on; a new one takes over when it listens, and the old
/// one finishes what it has begun. Data is not meant to last.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo tradewind dev\n  cargo tradewind dev --source github      and a source for `tradewind simulate github`\n  \
    cargo tradewind dev --config tradewind.yaml     its sinks find the handler at ${env:HANDLER_URL}"
)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// The program `tradewind` [default: the one in the path]
    #[arg(long, value_name = "FILE", env = "TRADEWIND_GATEWAY")]
    gateway: Option<PathBuf>,
    /// The handler alone
    #[arg(long, conflicts_with_all = ["gateway", "config", "source"])]
    no_gateway: bool,
    /// Configuration of the gateway, instead of one that delivers everything to the handler
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    config: Option<PathBuf>,
    /// A source at /in/KIND with a secret made for this run; may be given again
    #[arg(long, value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(gateway::SOURCES))]
    source: Vec<String>,
    /// Where the gateway takes events [default: 127.0.0.1:8080, or a free port where that is taken]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where the gateway keeps its data [default: a temporary directory]
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_gateway")]
    data_dir: Option<PathBuf>,
    /// Build for release
    #[arg(long, short)]
    release: bool,
}

type Building = Pin<Box<dyn Future<Output = Result<PathBuf, Failure>>>>;

pub(crate) fn run(args: &Args, term: &Term) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::new(format!("no runtime: {e}")))?;
    let ended = runtime.block_on(serve(args, term));
    // A watcher may hold a thread.
    runtime.shutdown_background();
    ended
}

async fn serve(args: &Args, term: &Term) -> Result<(), Failure> {
    let project = Project::find(&args.which)?;
    let program = match args.no_gateway {
        true => None,
        false => Some(gateway::program(args.gateway.as_deref())?),
    };
    let mut asked = asked_to_stop()?;
    let built = tokio::select! {
        built = building(&project, args.release) => built?,
        () = &mut asked => return Ok(()),
    };
    let mut changes = watch::files(&project)?;
    let relay = Relay::start().await?;
    let handler = start(&built).await?;
    relay.to(handler.address);
    let gateway = match &program {
        None => None,
        Some(program) => {
            let wanted = gateway::Wanted {
                config: args.config.as_deref(),
                sources: &args.source,
                listen: args.listen,
                data: args.data_dir.as_deref(),
                handler: relay.address,
                json: term.json(),
            };
            Some(Gateway::start(program, &wanted).await?)
        }
    };
    welcome(&project, gateway.as_ref(), &relay, term);

    let mut scene = Scene {
        handler: Some(handler),
        leaving: Vec::new(),
        gateway,
        relay,
    };
    let mut next: Option<Building> = None;
    let ended = loop {
        tokio::select! {
            biased;
            () = &mut asked => break Ok(()),
            Some(()) = changes.recv() => {
                // What is half built is of no use any more.
                next = Some(building(&project, args.release));
                tell(term, "building", "a file changed: building");
            }
            built = done(&mut next) => {
                next = None;
                scene.replace(built, term).await;
            }
            status = over(&mut scene.handler) => {
                scene.handler = None;
                tell(term, "ended", &format!("the handler ended: {status}; waiting for a change"));
            }
            status = gone(&mut scene.gateway) => {
                break Err(Failure::new(format!("the gateway ended: {status}")));
            }
        }
    };
    tell(term, "stopping", "stopping");
    // Nobody waits for what is half built.
    drop(next);
    scene.stop().await;
    ended
}

/// What runs.
struct Scene {
    handler: Option<Child>,
    /// Those that finish what they have begun.
    leaving: Vec<tokio::task::JoinHandle<()>>,
    gateway: Option<Gateway>,
    relay: Relay,
}

impl Scene {
    /// A new handler takes the place of the old one, if it is one.
    async fn replace(&mut self, built: Result<PathBuf, Failure>, term: &Term) {
        let started = match built {
            Ok(program) => start(&program).await,
            Err(failure) => Err(failure),
        };
        match started {
            Ok(handler) => {
                self.relay.to(handler.address);
                if let Some(old) = self.handler.replace(handler) {
                    self.leaving.retain(|leaving| !leaving.is_finished());
                    self.leaving.push(tokio::spawn(old.stop()));
                }
                tell(term, "reloaded", "reloaded");
            }
            Err(failure) => {
                failure.print(term);
                let runs = match self.handler {
                    Some(_) => "the handler from before goes on",
                    None => "no handler runs",
                };
                tell(term, "kept", runs);
            }
        }
    }

    /// The gateway first: what it has delivered is answered.
    async fn stop(self) {
        if let Some(gateway) = self.gateway {
            gateway.stop().await;
        }
        if let Some(handler) = self.handler {
            handler.stop().await;
        }
        for leaving in self.leaving {
            leaving.await.ok();
        }
    }
}

fn building(project: &Project, release: bool) -> Building {
    let mut command = Command::new(cargo());
    command
        .arg("build")
        .args(release.then_some("--release"))
        .args(project.arguments());
    let bin = project.bin.clone();
    Box::pin(async move { build::apart(&mut command, &bin).await })
}

async fn start(program: &std::path::Path) -> Result<Child, Failure> {
    let address = free(None)?;
    let mut command = Command::new(program);
    command
        .env("TRADEWIND_HOST", "http")
        .env("TRADEWIND_LISTEN", address.to_string());
    Child::start(command, "the handler", address).await
}

/// What there is to try, beside what the gateway says of itself.
fn welcome(project: &Project, gateway: Option<&Gateway>, relay: &Relay, term: &Term) {
    let handler = format!("http://{}/", relay.address);
    if term.json() {
        let ready = json!({
            "dev": "ready", "program": project.bin, "handler": handler,
            "gateway": gateway.map(Gateway::url),
            "simulate": gateway.map(|gateway| gateway.simulations.clone()),
        });
        term.line(&ready.to_string());
        return;
    }
    let name = &project.bin;
    term.note(&format!(
        "handler {name} at {handler}, reloaded when a file changes\n"
    ));
    match gateway {
        None => term.note(&format!(
            "try, in another terminal:\n\n  curl -i {handler} -H 'ce-specversion: 1.0' -H 'ce-id: 1' -H 'ce-source: /shop' \\\n    \
             -H 'ce-type: order.placed' -H 'content-type: application/json' -d '{{\"total\":42}}'\n"
        )),
        Some(gateway) if !gateway.simulations.is_empty() => {
            term.note("what a provider sends, signed:\n");
            for line in &gateway.simulations {
                term.note(&format!("  {line}"));
            }
            term.note("");
        }
        Some(_) => {}
    }
}

fn tell(term: &Term, word: &str, text: &str) {
    match term.json() {
        true => term.line(&json!({ "dev": word, "text": text }).to_string()),
        false => term.note(&format!("{} {text}", term.bold("dev:"))),
    }
}

async fn done(next: &mut Option<Building>) -> Result<PathBuf, Failure> {
    match next {
        Some(building) => building.await,
        None => std::future::pending().await,
    }
}

async fn over(handler: &mut Option<Child>) -> String {
    match handler {
        Some(handler) => handler.ended().await,
        None => std::future::pending().await,
    }
}

async fn gone(gateway: &mut Option<Gateway>) -> String {
    match gateway {
        Some(gateway) => gateway.child.ended().await,
        None => std::future::pending().await,
    }
}

/// Completes at the first Ctrl-C or SIGTERM; the second one ends the process.
fn asked_to_stop() -> Result<Pin<Box<dyn Future<Output = ()>>>, Failure> {
    let no_signal = |e: std::io::Error| Failure::new(format!("no signals: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signal)?;
    let mut asked = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    Ok(Box::pin(async move {
        asked().await;
        tokio::spawn(async move {
            asked().await;
            std::process::exit(1);
        });
    }))
}
