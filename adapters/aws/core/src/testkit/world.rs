//! What the gateway lends to sources.

use async_trait::async_trait;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tradewind_adapter::{Clock, Error, Ground, Memory};

/// A memory that outlives its sources.
#[derive(Debug, Default)]
pub struct World(Mutex<HashMap<String, Bytes>>);

impl World {
    /// As a source is lent it.
    pub fn ground(self: &Arc<Self>) -> Ground {
        Ground {
            clock: self.clone(),
            memory: self.clone(),
            frames: None,
        }
    }
}

#[async_trait]
impl Clock for World {
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap().as_millis() as u64
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[async_trait]
impl Memory for World {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn set(&self, key: &str, value: Bytes) -> Result<(), Error> {
        self.0.lock().unwrap().insert(key.to_owned(), value);
        Ok(())
    }
}
