//! The process around the handler.

use crate::crew::Crew;
use crate::error::chain;
use crate::hosts::openwhisk::action_loop;
use crate::http::{Dialect, InvalidOptions, Options, serve_dialect};
use crate::worker::Worker;
use crate::{App, Handler, Host};
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// What `main` returns.
pub type Exit = Result<(), Failure>;

/// Why the process could not start. `?` makes one of any error; printed, it is one line.
pub struct Failure(Box<dyn StdError + Send + Sync>);

impl<E: StdError + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(&*self.0))
    }
}

/// As `Display`: it is what the standard library prints when `main` returns an error.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The address cannot be listened on.
#[derive(Debug)]
struct Unavailable {
    address: String,
    error: std::io::Error,
    hint: &'static str,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            error,
            hint,
        } = self;
        write!(f, "cannot listen on {address}: {error} ({hint})")
    }
}

impl StdError for Unavailable {}

/// Runs a handler on the platform that the process finds itself on (see [`Host`]) until SIGTERM or SIGINT.
/// Deliveries under way are finished first; a second signal ends the process at once.
///
/// The platform is the one that `--host NAME` among the arguments names, else `TRADEWIND_HOST`, else the
/// one whose variables are set, else plain HTTP. Settings are those of [`Options`].
///
/// # Errors
/// An environment variable that cannot be right, an address that cannot be listened on, or a platform
/// that does not answer.
///
/// With `--manifest`, or `TRADEWIND_MANIFEST=json`, it prints what the handlers declare, and that is all.
pub fn run(handler: impl Handler) -> Exit {
    App::new(handler).run()
}

/// Runs a handler on this platform, whatever the arguments and the environment say.
///
/// # Errors
/// As [`run`].
pub fn run_on(host: Host, handler: impl Handler) -> Exit {
    App::new(handler).run_on(host)
}

/// Where the program is to run.
pub(crate) fn chosen_host(workers: &[Arc<dyn Worker>]) -> Result<Host, InvalidOptions> {
    let named = chosen(std::env::args().skip(1), variable, workers)?;
    match named {
        Some(host) => Ok(host),
        None => found(variable, workers),
    }
}

pub(crate) fn start(app: &App, host: Host) -> Exit {
    let options = Options::from_variables(variable)?;
    let crew = Crew::new(app.handler.clone(), host, &options);
    let options = Options {
        requests: crew.requests,
        ..options
    };
    let mut runtime = match host {
        // One invocation at a time, on a fraction of a core.
        Host::Lambda => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    runtime.block_on(async {
        let asked = stop_asked()?;
        serve(app, host, crew, options, asked).await
    })
}

async fn serve(
    app: &App,
    host: Host,
    crew: Crew,
    options: Options,
    asked: impl Future<Output = ()>,
) -> Exit {
    match host {
        Host::Stdin => return crate::hosts::stdin::run(&crew, &options, asked).await,
        Host::Worker(name) => return pull(app, name, crew, options, asked).await,
        _ => {}
    }
    if host == Host::OpenWhisk && variable(action_loop::SIGN).is_some() {
        return action_loop::run(crew, options, variable, asked).await;
    }
    let declared = app.handler.describe();
    let Some(dialect) = crate::hosts::dialect(host, variable, &declared)? else {
        return crate::hosts::lambda::run(crew, options, variable, asked).await;
    };
    if host == Host::Fn {
        let listener = crate::hosts::listen(variable)?;
        serve_dialect(crew, listener, options, dialect, asked).await;
        return Ok(());
    }
    let options = options.listening_on(host, variable)?;
    over_tcp(crew, options, dialect, asked).await
}

/// By the worker of this name.
async fn pull(
    app: &App,
    name: &'static str,
    crew: Crew,
    options: Options,
    asked: impl Future<Output = ()>,
) -> Exit {
    let worker = app.workers.iter().find(|worker| worker.name() == name);
    let worker = worker.ok_or_else(|| lacking("TRADEWIND_HOST", name))?;
    let pull = worker.open(&variable).await?;
    crate::worker::run(crew, options, pull, asked).await
}

fn lacking(variable: &'static str, name: &str) -> InvalidOptions {
    InvalidOptions {
        variable,
        reason: format!(
            "this program has no worker `{name}`; add one to it: `tradewind::App::new(handler).worker(…)`"
        ),
    }
}

/// The platform whose variables are set, else the worker, else plain HTTP.
fn found(
    get: impl Fn(&str) -> Option<String>,
    workers: &[Arc<dyn Worker>],
) -> Result<Host, InvalidOptions> {
    let set = |name: &str| get(name).is_some_and(|value| !value.is_empty());
    let host = Host::of_environment(&get);
    if host != Host::Http {
        return Ok(host);
    }
    if let Some(worker) = workers.iter().find(|worker| set(worker.sign())) {
        return Ok(Host::Worker(worker.name()));
    }
    // A queue that nobody reads because the program was built without its worker is nobody's wish.
    match crate::host::WORKERS.iter().find(|(sign, _)| set(sign)) {
        Some((sign, name)) => Err(lacking(sign, name)),
        None => Ok(Host::Http),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into())
}

/// The platform that somebody named.
fn chosen(
    mut args: impl Iterator<Item = String>,
    get: impl Fn(&str) -> Option<String>,
    workers: &[Arc<dyn Worker>],
) -> Result<Option<Host>, InvalidOptions> {
    let flag = args.find_map(|arg| match arg.strip_prefix("--host") {
        Some("") => Some(("--host", None)),
        Some(rest) => Some(("--host", Some(rest.strip_prefix('=')?.to_owned()))),
        None => None,
    });
    let named = match flag {
        Some((flag, value)) => Some((flag, value.or_else(|| args.next()).unwrap_or_default())),
        None => get("TRADEWIND_HOST")
            .filter(|name| !name.is_empty())
            .map(|name| ("TRADEWIND_HOST", name)),
    };
    let Some((variable, name)) = named else {
        return Ok(None);
    };
    if let Some(worker) = workers.iter().find(|worker| worker.name() == name) {
        return Ok(Some(Host::Worker(worker.name())));
    }
    if crate::host::WORKERS.iter().any(|(_, known)| *known == name) {
        return Err(lacking(variable, &name));
    }
    let known = || {
        let hosts = Host::ALL.into_iter().map(Host::name);
        let names = hosts.chain(workers.iter().map(|worker| worker.name()));
        names.collect::<Vec<_>>().join(", ")
    };
    Host::named(&name).map(Some).ok_or_else(|| InvalidOptions {
        variable,
        reason: format!("`{name}` is no host; there are {}", known()),
    })
}

async fn over_tcp(
    crew: Crew,
    options: Options,
    dialect: Arc<dyn Dialect>,
    asked: impl Future<Output = ()>,
) -> Exit {
    let address = options.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Unavailable {
            address: address.to_string(),
            error,
            hint: "set TRADEWIND_LISTEN or PORT",
        })?;
    let name = crew.name();
    eprintln!("handler {name} listens on {}", listener.local_addr()?);
    serve_dialect(crew, listener, options, dialect, asked).await;
    Ok(())
}

/// Completes when the process is asked to stop; the second time it is asked, it ends.
fn stop_asked() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut asked = async move || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(async move {
        asked().await;
        tokio::spawn(async move {
            asked().await;
            std::process::exit(1);
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_above_the_environment_and_a_flag_above_a_name() {
        let get = |variables: &'static [(&str, &str)]| {
            move |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            }
        };
        let args = |text: &'static str| text.split_whitespace().map(str::to_owned);
        let named: &[(&str, &str)] = &[("TRADEWIND_HOST", "azure")];
        for (text, variables, expected) in [
            ("", &[][..], Ok(None)),
            ("serve --hosts x", &[], Ok(None)),
            ("", named, Ok(Some(Host::Azure))),
            ("--host lambda", named, Ok(Some(Host::Lambda))),
            ("-v --host=fn", named, Ok(Some(Host::Fn))),
            (
                "--host",
                named,
                Err("--host: `` is no host; there are http, lambda,"),
            ),
            (
                "",
                &[("TRADEWIND_HOST", "aws")],
                Err("TRADEWIND_HOST: `aws` is no host"),
            ),
        ] {
            let found = chosen(args(text), get(variables), &[]).map_err(|e| e.to_string());
            match (found, expected) {
                (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{found}"),
                (found, expected) => {
                    assert_eq!(found.as_ref().ok(), expected.as_ref().ok(), "{text}")
                }
            }
        }
        for (variables, expected) in [
            (&[][..], Host::Http),
            (&[("PORT", "80")], Host::Http),
            (&[("AWS_LAMBDA_RUNTIME_API", "")], Host::Http),
            (
                &[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")],
                Host::Lambda,
            ),
            (
                &[("K_SERVICE", "s"), ("FUNCTION_TARGET", "f")],
                Host::Google,
            ),
            (&[("K_SERVICE", "s"), ("PORT", "80")], Host::Knative),
            (&[("FUNCTIONS_HTTPWORKER_PORT", "7")], Host::Azure),
            (&[("FN_LISTENER", "unix:/tmp/s")], Host::Fn),
            (&[("__OW_API_HOST", "h")], Host::OpenWhisk),
            (&[("__OW_PROXY_VERSION", "1.26")], Host::OpenWhisk),
        ] {
            assert_eq!(Host::of_environment(get(variables)), expected);
        }
    }
}
