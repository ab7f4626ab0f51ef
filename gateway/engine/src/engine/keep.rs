//! Shards that come and go: of a stream that several nodes share, each serves those that are assigned to it.

use super::Inner;
use super::stream::StreamHandle;
use crate::shard::Command;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use tokio::sync::{oneshot, watch};

/// Pause before a shard that could not be taken over, or was lost, is tried again.
const AGAIN_MS: u64 = 1000;
/// How long attempts under way may take when a shard goes elsewhere.
const GRACE_MS: u64 = 2000;

/// Serves a shard whenever it is assigned here, until the engine stops or the stream is closed.
pub(super) async fn keep(
    inner: Weak<Inner>,
    stream: Weak<StreamHandle>,
    shard: u16,
    mut assigned: watch::Receiver<BTreeSet<u16>>,
) {
    while assigned.wait_for(|own| own.contains(&shard)).await.is_ok() {
        let Some((engine, handle)) = inner.upgrade().zip(stream.upgrade()) else {
            return;
        };
        if engine.stopping.load(Ordering::Acquire) {
            return;
        }
        let (time, log) = (engine.time.clone(), Arc::clone(&handle.log));
        let taken = engine.take_over(&handle, shard).await;
        // Neither is kept from going while the shard is served.
        drop((engine, handle));
        let mut trouble = None;
        match taken {
            Ok(actor) => {
                tracing::info!(shard, "a shard is taken over");
                let mut running = tokio::spawn(actor.run());
                let over = tokio::select! {
                    _ = &mut running => true,
                    _ = assigned.wait_for(|own| !own.contains(&shard)) => false,
                };
                let Some(handle) = stream.upgrade() else {
                    return;
                };
                let Some(owned) = handle.shards.get(usize::from(shard)) else {
                    return;
                };
                if over {
                    let health = owned.actor().map(|actor| actor.health.borrow().clone());
                    trouble = health.and_then(Result::err);
                } else {
                    let (done, is_done) = oneshot::channel();
                    if owned.tell(Command::Drain(time.now() + GRACE_MS, done)) {
                        // One that fails meanwhile has nothing to wait for.
                        is_done.await.ok();
                    }
                    running.await.ok();
                }
                owned.serve(None);
            }
            Err(error) => trouble = Some(error.to_string()),
        }
        if let Err(error) = log.release(shard).await {
            trouble.get_or_insert_with(|| error.to_string());
        }
        drop(log);
        let stopping = |engine: Arc<Inner>| engine.stopping.load(Ordering::Acquire);
        if inner.upgrade().is_none_or(stopping) {
            return;
        }
        if let Some(error) = trouble {
            tracing::warn!(shard, %error, "a shard that is assigned here is not served for now");
            let now = time.now();
            time.sleep_until(now + AGAIN_MS).await;
        }
    }
}
