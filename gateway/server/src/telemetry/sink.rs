//! A sink whose attempts have spans.

use super::Telemetry;
use async_trait::async_trait;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Capability, Delivery, Error, Invoke, Outcome, Permission, Report, Sink};

#[derive(Debug)]
pub(super) struct Traced {
    inner: Arc<dyn Sink>,
    telemetry: Arc<Telemetry>,
}

impl Traced {
    pub(super) fn new(inner: Arc<dyn Sink>, telemetry: Arc<Telemetry>) -> Self {
        Self { inner, telemetry }
    }
}

#[async_trait]
impl Sink for Traced {
    async fn deliver(&self, mut batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        let mut span = self.telemetry.attempt(&batch);
        let trace = span.context();
        for delivery in &mut batch {
            delivery.trace.clone_from(&trace);
        }
        let (inner, mut outcomes) = Report::channel();
        let deliver = self.inner.deliver(batch, inner, cancel);
        let watch = async {
            while let Some((index, outcome)) = outcomes.recv().await {
                if let Outcome::Retry { reason, .. } | Outcome::Reject { reason, .. } = &outcome {
                    span.fail(reason);
                }
                report.settle(index, outcome);
            }
        };
        tokio::join!(deliver, watch);
    }

    fn capability(&self) -> Capability {
        self.inner.capability()
    }

    fn permissions(&self) -> Vec<Permission> {
        self.inner.permissions()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn invoke(&self) -> Option<&dyn Invoke> {
        self.inner.invoke()
    }

    async fn health(&self) -> Result<(), Error> {
        self.inner.health().await
    }
}
