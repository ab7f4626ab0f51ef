//! Streams whose figures can be read while the engine owns them.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tradewind_store::backup::StreamCut;
use tradewind_store::{Error, Finding, Settings, Stats, Stream, Streams};

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
    fn of_each<T>(&self, ask: impl Fn(&dyn Stream) -> T) -> BTreeMap<String, T> {
        self.opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        self.opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
