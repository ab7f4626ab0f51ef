//! What keeps streams: the data directory, and for those that say so a cluster elsewhere, side by side.

#[cfg(feature = "kafka")]
mod kafka;

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tradewind_adapter::{Registry, StreamEngine};
use tradewind_config::Checked;
use tradewind_store::backup::StreamCut;
use tradewind_store::{Error, Movable, Settings, SharedTable, Stream, Streams, holds_events};

/// Where all streams are.
pub(crate) const SPACE: &str = "default/";

/// Enters what this binary keeps streams with besides the data directory.
pub(crate) fn register(registry: &mut Registry) {
    #[cfg(feature = "kafka")]
    kafka::register(registry);
    #[cfg(not(feature = "kafka"))]
    let _ = registry;
}

/// Streams by name, wherever they lie.
#[derive(Debug)]
pub(crate) struct Engines {
    embedded: Arc<dyn Streams>,
    #[cfg(feature = "kafka")]
    kafka: kafka::Clusters,
    /// Those that do not lie in the data directory.
    elsewhere: Mutex<Places>,
}

/// What keeps the streams that do not lie in the data directory, by their names.
pub(crate) type Places = BTreeMap<String, Arc<dyn StreamEngine>>;

/// Refuses places that leave open where nodes share what they change at run time.
///
/// # Errors
/// Why, for people.
#[cfg_attr(not(feature = "kafka"), allow(unused_variables))]
pub(crate) fn check_places(places: &Places) -> Result<(), String> {
    #[cfg(feature = "kafka")]
    kafka::home(places).map_err(|error| error.to_string())?;
    Ok(())
}

/// Where the streams of a configuration lie.
pub(crate) fn places(checked: &Checked) -> Places {
    let streams = checked.streams.iter();
    let elsewhere = streams.filter_map(|(name, stream)| {
        let engine = stream.engine.as_ref()?;
        Some((name.clone(), Arc::clone(&engine.built)))
    });
    elsewhere.collect()
}

/// Streams where an engine keeps them, for whoever moves one. `node` is what others call this one; `data` is its directory.
///
/// # Errors
/// Nobody answers there, or nothing in this binary keeps streams there.
#[cfg_attr(not(feature = "kafka"), allow(unused_variables))]
pub(crate) async fn movable(
    engine: &dyn StreamEngine,
    (node, data): (String, &Path),
) -> Result<Arc<dyn Movable>, Error> {
    #[cfg(feature = "kafka")]
    {
        let clusters = kafka::Clusters::new(node, data.join("kafka"));
        if let Some(streams) = clusters.of(engine).await? {
            return Ok(streams);
        }
    }
    Err(nowhere(engine))
}

fn nowhere(engine: &dyn StreamEngine) -> Error {
    Error::Invalid(format!(
        "nothing in this binary keeps streams at {}",
        engine.describe()
    ))
}

impl Engines {
    /// `node` is what others call this one; `data` is its directory.
    pub(crate) fn new(
        embedded: Arc<dyn Streams>,
        #[cfg_attr(not(feature = "kafka"), allow(unused_variables))] (node, data): (String, &Path),
        places: Places,
    ) -> Self {
        Self {
            embedded,
            #[cfg(feature = "kafka")]
            kafka: kafka::Clusters::new(node, data.join("kafka")),
            elsewhere: Mutex::new(places),
        }
    }

    /// Streams that are opened from now on lie there; gives what was said before. Those that are open stay where they
    /// are.
    pub(crate) fn place(&self, places: Places) -> Places {
        std::mem::replace(&mut *self.places(), places)
    }

    fn places(&self) -> std::sync::MutexGuard<'_, Places> {
        self.elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What keeps a stream of this name, unless it is the data directory.
    pub(crate) fn of(&self, stream: &str) -> Option<Arc<dyn StreamEngine>> {
        self.places().get(stream).map(Arc::clone)
    }

    /// The same, of a name in the store.
    fn at(&self, name: &str) -> Option<Arc<dyn StreamEngine>> {
        self.of(name.strip_prefix(SPACE)?)
    }

    /// What nodes with this configuration share beside the streams that they share; `None` where they share none.
    ///
    /// # Errors
    /// `Invalid` where nobody says on which of several clusters it lies.
    pub(crate) async fn shared_table(&self) -> Result<Option<Arc<dyn SharedTable>>, Error> {
        #[cfg(feature = "kafka")]
        {
            let places = self.places().clone();
            if let Some(home) = kafka::home(&places)? {
                return self.kafka.table(home).await.map(Some);
            }
        }
        Ok(None)
    }

    /// Refuses to lose sight of events that lie in the data directory under the name of a stream that lies elsewhere.
    async fn refuse_left_behind(&self, name: &str) -> Result<(), Error> {
        let Some(settings) = self.embedded.settings(name).await? else {
            return Ok(());
        };
        let before = self.embedded.open(name, &settings).await?;
        let holds = holds_events(&*before).await;
        before.close().await?;
        match holds? {
            false => Ok(()),
            true => {
                let stream = name.strip_prefix(SPACE).unwrap_or(name);
                Err(Error::Invalid(format!(
                    "stream `{stream}` holds events in the data directory, so that `engine` cannot be changed; hint: \
                     `tradewind streams move {stream}` takes them along"
                )))
            }
        }
    }
}

#[async_trait]
impl Streams for Engines {
    async fn open(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Stream>, Error> {
        let Some(engine) = self.at(name) else {
            return self.embedded.open(name, settings).await;
        };
        self.refuse_left_behind(name).await?;
        #[cfg(feature = "kafka")]
        if let Some(streams) = self.kafka.of(&*engine).await? {
            return streams.open(name, settings).await;
        }
        Err(nowhere(&*engine))
    }

    /// Those of the data directory. What else lies on a cluster may be the business of other gateways, so that streams
    /// there are known by the configuration alone.
    async fn list(&self) -> Result<Vec<String>, Error> {
        let mut names = self.embedded.list().await?;
        names.retain(|name| self.at(name).is_none());
        Ok(names)
    }

    async fn settings(&self, name: &str) -> Result<Option<Settings>, Error> {
        match self.at(name) {
            None => self.embedded.settings(name).await,
            Some(_) => Ok(None),
        }
    }

    async fn cut(&self, name: &str) -> Result<Option<StreamCut>, Error> {
        match self.at(name) {
            None => self.embedded.cut(name).await,
            Some(_) => Ok(None),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        match self.at(name) {
            None => self.embedded.delete(name).await,
            Some(engine) => Err(Error::Invalid(format!(
                "what lies at {} is removed there",
                engine.describe()
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
