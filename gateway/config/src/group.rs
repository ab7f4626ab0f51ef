//! What all members of a group can do.

use async_trait::async_trait;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Capability, Delivery, Error, Permission, Report, Sink};

/// A member, built.
#[derive(Debug, Clone)]
pub struct LoadedMember {
    /// Its name.
    pub name: String,
    /// What it takes, by the file.
    pub weight: u32,
    /// The sink's kind.
    pub sink_kind: String,
    /// The sink, built.
    pub sink: Arc<dyn Sink>,
}

/// The members as one sink: what it can do is what each of them can. It is asked, and not delivered to: the
/// engine chooses a member for each event.
#[derive(Debug)]
pub(crate) struct Together(pub(crate) Vec<LoadedMember>);

#[async_trait]
impl Sink for Together {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        if let Some(first) = self.0.first() {
            first.sink.deliver(batch, report, cancel).await;
        }
    }

    fn permissions(&self) -> Vec<Permission> {
        let all = self.0.iter();
        all.flat_map(|member| member.sink.permissions()).collect()
    }

    fn capability(&self) -> Capability {
        let all: Vec<Capability> = self.0.iter().map(|m| m.sink.capability()).collect();
        let mut capability = Capability::default();
        // One that takes none at once takes one.
        let batches = all.iter().map(|c| c.deliver_batch_max.unwrap_or(1));
        capability.deliver_batch_max = batches.min().filter(|most| *most > 1);
        capability.deliver_bytes_max = all.iter().filter_map(|c| c.deliver_bytes_max).min();
        capability.deliver_time_max = all.iter().filter_map(|c| c.deliver_time_max).min();
        capability.deliver_reply = all.iter().any(|c| c.deliver_reply);
        capability
    }

    fn describe(&self) -> String {
        let each = self.0.iter();
        let each: Vec<String> = each
            .map(|member| format!("{} {}", member.name, member.sink.describe()))
            .collect();
        format!("group of {}", each.join(", "))
    }

    async fn health(&self) -> Result<(), Error> {
        for member in &self.0 {
            member.sink.health().await?;
        }
        Ok(())
    }
}
