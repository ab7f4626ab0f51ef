//! Signals of the process. A signal that comes before its listener exists ends the process, so
//! listeners are installed before anybody can know that the gateway is there.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Why the process is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
}

/// Listens for SIGTERM and SIGINT.
#[derive(Debug)]
pub struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    /// Listens from now on.
    ///
    /// # Errors
    /// Where the handlers cannot be installed.
    pub fn install() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.terminate.recv() => Stop::Terminate,
            _ = self.interrupt.recv() => Stop::Interrupt,
        }
    }
}

/// Listens for SIGHUP.
#[derive(Debug)]
pub(super) struct Hangups(Signal);

impl Hangups {
    /// Listens from now on.
    pub(super) fn install() -> std::io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one; false when there will be none.
    pub(super) async fn next(&mut self) -> bool {
        self.0.recv().await.is_some()
    }
}
