//! Whether brokers answer: asked again and again, so that a node that takes no events says so before somebody sends one.

use crate::cluster::{ANSWER, Cluster};
use crate::reach;
use rdkafka::consumer::Consumer;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Pause between questions.
const EVERY: Duration = Duration::from_secs(2);

/// Until the cluster is used no longer.
pub(crate) async fn watch(cluster: Weak<Cluster>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(cluster) = cluster.upgrade() else {
            return;
        };
        let asker = Arc::clone(&cluster.asker);
        let topic = cluster.topic("streams");
        let asked =
            tokio::task::spawn_blocking(move || match asker.fetch_metadata(Some(&topic), ANSWER) {
                Ok(_) => {
                    reach::answered(&asker);
                    Ok(())
                }
                Err(error) => Err(reach::why(&asker, &error).0),
            });
        let away = match asked.await {
            Ok(Ok(())) | Err(_) => None,
            Ok(Err(why)) => Some(format!("no broker answers: {why}")),
        };
        cluster.away.send_if_modified(|before| {
            match (&before, &away) {
                (None, Some(why)) => tracing::warn!(why, "the brokers are away"),
                (Some(_), None) => tracing::info!("the brokers answer again"),
                _ => {}
            }
            let changed = *before != away;
            *before = away;
            changed
        });
    }
}
