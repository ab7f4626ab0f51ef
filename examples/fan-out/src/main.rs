//! Three handlers of one event, in one process for convenience: each has a port of its own.

mod handlers;

use handlers::{Prices, bill, confirm, ship};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tradewind::{Exit, Handler, Options};

#[tokio::main]
async fn main() -> Exit {
    let prices = Prices::from_list(&std::env::var("CURRENCIES").unwrap_or_else(|_| "EUR".into()));
    tokio::try_join!(
        serve(8091, ship),
        serve(8092, confirm),
        serve(8093, bill.with_state(prices)),
    )?;
    Ok(())
}

/// What `tradewind::run` does for a process with one handler.
async fn serve(port: u16, handler: impl Handler) -> Exit {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("{} listens on {}", handler.name(), listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tradewind::serve(handler, listener, Options::default(), stop).await;
    Ok(())
}
