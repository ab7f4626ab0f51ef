//! The shared suite of sinks, with a worker as the target.

use crate::ends;
use crate::worker::Worker;
use async_trait::async_trait;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tradewind_adapter::Sink;
use tradewind_adapter::testkit::{Behaviour, SinkHarness, sink};
use tradewind_event::Event;

#[derive(Default)]
struct Harness {
    queues: AtomicU32,
    worker: Mutex<Option<Worker>>,
}

#[async_trait]
impl SinkHarness for Harness {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        let number = self.queues.fetch_add(1, Ordering::Relaxed);
        let (near, far) = ends(&format!("suite-{number}"));
        let worker = match behaviour {
            Behaviour::Accept => Some(Worker::start(far, Some("ack"))),
            Behaviour::Fail => Some(Worker::start(far, Some("retry"))),
            Behaviour::Refuse => Some(Worker::start(far, Some("reject"))),
            Behaviour::Hang => Some(Worker::start(far, None)),
            Behaviour::Unreachable => None,
            _ => return None,
        };
        *self.worker.lock().unwrap() = worker;
        Some(Arc::new(near))
    }

    async fn received(&self) -> Vec<Event> {
        let worker = self.worker.lock().unwrap();
        let taken = worker.as_ref().map(|worker| worker.taken.lock().unwrap());
        taken.map(|taken| taken.clone()).unwrap_or_default()
    }
}

/// In simulated time: nobody waits for twenty seconds to see that no worker comes.
#[tokio::test(start_paused = true)]
async fn holds() {
    let summary = sink(&Harness::default()).await;
    println!("{summary:?}");
    assert!(summary.failed.is_empty(), "{:?}", summary.failed);
}
