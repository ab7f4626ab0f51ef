//! Streams whose figures can be read while the engine owns them.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tradewind_engine::SubscriptionView;
use tradewind_store::backup::StreamCut;
use tradewind_store::{Error, Finding, Position, Settings, Stats, Stream, Streams};

/// Where all streams are.
const SPACE: &str = "default";

/// Remembers every stream that was opened, without keeping it open.
#[derive(Debug)]
pub struct Watched {
    inner: Arc<dyn Streams>,
    opened: Mutex<BTreeMap<String, Weak<dyn Stream>>>,
}

impl Watched {
    /// Watches `inner`.
    pub fn new(inner: Arc<dyn Streams>) -> Self {
        Self {
            inner,
            opened: Mutex::default(),
        }
    }
    /// Figures of the streams that are open, by name without the space.
    pub fn stats(&self) -> BTreeMap<String, Stats> {
        self.of_each(|stream| stream.stats())
    }
    /// What is wrong on disk with the streams that are open, by name without the space.
    pub fn findings(&self) -> BTreeMap<String, Vec<Finding>> {
        self.of_each(|stream| stream.findings())
    }
    /// When the oldest event was appended that each subscription has not settled, milliseconds since
    /// the Unix epoch, by name; none where it has settled all.
    pub async fn oldest(&self, subscriptions: &[&SubscriptionView]) -> BTreeMap<String, u64> {
        let mut oldest = BTreeMap::new();
        for view in subscriptions {
            let name = format!("{SPACE}/{}", view.stream);
            let stream = self.opened().get(&name).and_then(Weak::upgrade);
            let Some(stream) = stream else { continue };
            for cursor in &view.cursors {
                let Ok(at) = cursor.parse::<Position>() else {
                    continue;
                };
                if at.offset >= stream.bounds(at.shard).end {
                    continue;
                }
                // One that cannot be read now is shown at the next scrape.
                let Ok(batch) = stream.read(at.shard, at.offset, 1).await else {
                    continue;
                };
                if let Some(item) = batch.items.first() {
                    let oldest = oldest.entry(view.name.clone()).or_insert(item.appended_ms);
                    *oldest = item.appended_ms.min(*oldest);
                }
            }
        }
        oldest
    }
    fn opened(&self) -> MutexGuard<'_, BTreeMap<String, Weak<dyn Stream>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn of_each<T>(&self, ask: impl Fn(&dyn Stream) -> T) -> BTreeMap<String, T> {
        self.opened()
            .iter()
            .filter_map(|(name, stream)| {
                let name = name.split_once('/').map_or(name.as_str(), |(_, name)| name);
                Some((name.to_owned(), ask(&*stream.upgrade()?)))
            })
            .collect()
    }
}

#[async_trait]
impl Streams for Watched {
    async fn open(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Stream>, Error> {
        let stream = self.inner.open(name, settings).await?;
        self.opened()
            .insert(name.to_owned(), Arc::downgrade(&stream));
        Ok(stream)
    }
    async fn list(&self) -> Result<Vec<String>, Error> {
        self.inner.list().await
    }
    async fn settings(&self, name: &str) -> Result<Option<Settings>, Error> {
        self.inner.settings(name).await
    }
    async fn cut(&self, name: &str) -> Result<Option<StreamCut>, Error> {
        self.inner.cut(name).await
    }
    async fn delete(&self, name: &str) -> Result<(), Error> {
        self.inner.delete(name).await
    }
}
