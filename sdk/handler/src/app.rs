//! A program: a handler, and the workers that may fetch for it.

use crate::run::{Exit, chosen_host, start};
use crate::worker::Worker;
use crate::{Handler, Host, manifest};
use std::fmt;
use std::io::Write;
use std::sync::Arc;

/// A program with what [`run`](crate::run) has not: workers that fetch from queues and logs.
///
/// ```no_run
/// # #[tradewind::handler]
/// # async fn charge(event: tradewind::Event) {}
/// # use tradewind::worker::Worker;
/// fn start(queue: impl Worker) -> tradewind::Exit {
///     tradewind::App::new(charge).worker(queue).run()
/// }
/// ```
pub struct App {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) workers: Vec<Arc<dyn Worker>>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workers: Vec<_> = self.workers.iter().map(|worker| worker.name()).collect();
        f.debug_struct("App")
            .field("handler", &self.handler.name())
            .field("workers", &workers)
            .finish()
    }
}

impl App {
    /// This handler, on the hosts that need nothing else.
    pub fn new(handler: impl Handler) -> Self {
        Self {
            handler: Arc::new(handler),
            workers: Vec::new(),
        }
    }

    /// And where this worker fetches. It runs where its variable is set and no platform is there, or by its name.
    #[must_use]
    pub fn worker(mut self, worker: impl Worker) -> Self {
        self.workers.push(Arc::new(worker));
        self
    }

    /// As [`run`](crate::run).
    ///
    /// # Errors
    /// As [`run`](crate::run).
    pub fn run(self) -> Exit {
        self.begin(None)
    }

    /// As [`run_on`](crate::run_on).
    ///
    /// # Errors
    /// As [`run`](crate::run).
    pub fn run_on(self, host: Host) -> Exit {
        self.begin(Some(host))
    }

    /// On this host, else on the one that is named or found.
    fn begin(&self, host: Option<Host>) -> Exit {
        if asked_for_manifest(
            std::env::args().skip(1),
            std::env::var("TRADEWIND_MANIFEST").ok(),
        ) {
            return self.print();
        }
        let host = match host {
            Some(host) => host,
            None => chosen_host(&self.workers)?,
        };
        start(self, host)
    }

    /// What `--manifest` prints: the handlers, and what each host cannot express of what they declare.
    pub fn manifest(&self) -> serde_json::Value {
        manifest::document(self.handler.as_ref(), &self.workers)
    }

    fn print(&self) -> Exit {
        let document = self.manifest();
        writeln!(std::io::stdout().lock(), "{document:#}")?;
        Ok(())
    }
}

fn asked_for_manifest(mut args: impl Iterator<Item = String>, variable: Option<String>) -> bool {
    args.any(|arg| arg == "--manifest") || variable.is_some_and(|value| value == "json")
}
