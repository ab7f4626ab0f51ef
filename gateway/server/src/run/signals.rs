//! Signals of the process.

use tokio::signal::unix::{SignalKind, signal};

/// Why the process is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
}

/// Resolves at the next SIGTERM or SIGINT.
///
/// # Errors
/// Where the handlers cannot be installed.
pub async fn stop_signal() -> std::io::Result<Stop> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => Stop::Terminate,
        _ = interrupt.recv() => Stop::Interrupt,
    })
}

/// Calls `reload` at each SIGHUP. Never returns but on failure.
pub(super) async fn on_hangup<F, R>(mut reload: F) -> std::io::Result<()>
where
    F: FnMut() -> R,
    R: Future<Output = ()>,
{
    let mut hangup = signal(SignalKind::hangup())?;
    while hangup.recv().await.is_some() {
        reload().await;
    }
    Ok(())
}
