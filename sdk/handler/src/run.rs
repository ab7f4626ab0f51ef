//! The process around the server.

use super::{Options, serve};
use crate::Handler;
use crate::error::chain;
use std::error::Error as StdError;
use std::fmt;
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
    address: std::net::SocketAddr,
    error: std::io::Error,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot listen on {}: {} (set TRADEWIND_LISTEN or PORT)",
            self.address, self.error
        )
    }
}

impl StdError for Unavailable {}

/// Runs a handler as the environment says (see [`Options`]) until SIGTERM or SIGINT. Deliveries under
/// way are finished first; a second signal ends the process at once.
///
/// # Errors
/// An environment variable that cannot be right, or an address that cannot be listened on.
pub fn run(handler: impl Handler) -> Exit {
    let options = Options::from_env()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let address = options.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| Unavailable { address, error })?;
        let name = handler.name();
        eprintln!("handler {name} listens on {}", listener.local_addr()?);
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut asked = async move || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        let asked = async move {
            asked().await;
            tokio::spawn(async move {
                asked().await;
                std::process::exit(1);
            });
        };
        serve(handler, listener, options, asked).await;
        Ok(())
    })
}
