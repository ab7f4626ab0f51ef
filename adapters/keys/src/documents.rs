//! Documents by address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tradewind_adapter::{Cause, Fetch, Refusal};

/// How a document is read.
type Read<V> = fn(&[u8]) -> Result<V, String>;

/// Documents that were fetched and read, by address. Whose address it is was checked before.
pub struct Documents<V> {
    fetch: Arc<dyn Fetch>,
    read: Read<V>,
    bytes_max: usize,
    shelf: Mutex<Shelf<V>>,
    /// One fetch at a time: whoever comes second finds what the first has fetched.
    turn: tokio::sync::Mutex<()>,
}

struct Shelf<V> {
    entries: HashMap<String, Entry<V>>,
    /// Until when what may be fetched is used up, at one in [`Documents::FETCH_EVERY`].
    spent: Instant,
}

struct Entry<V> {
    value: Option<Arc<V>>,
    /// From then on it is fetched again, at the next request for it.
    until: Instant,
    /// From then on it counts no more.
    end: Instant,
}

impl<V: Send + Sync + 'static> Documents<V> {
    /// Most documents kept.
    const ENTRIES_MAX: usize = 256;
    /// Most fetches at once of what is not here: strangers may name addresses that lead to nothing.
    const FETCHES_MAX: u32 = 30;
    /// How often there is one more of these.
    const FETCH_EVERY: Duration = Duration::from_secs(2);
    /// Between two tries of an address.
    const COOL_DOWN: Duration = Duration::from_secs(30);
    /// How long one is kept, whatever its publisher says.
    const FRESH: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(24 * 3600));
    /// How much longer while it cannot be fetched.
    const STALE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

    /// An empty shelf.
    pub fn new(fetch: Arc<dyn Fetch>, bytes_max: usize, read: Read<V>) -> Self {
        Self {
            fetch,
            read,
            bytes_max,
            shelf: Mutex::new(Shelf {
                entries: HashMap::new(),
                spent: Instant::now(),
            }),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// The document at this address, where it is here.
    pub fn get(&self, url: &str) -> Option<Arc<V>> {
        let shelf = self.shelf();
        let entry = shelf.entries.get(url)?;
        entry.value.clone().filter(|_| Instant::now() < entry.end)
    }

    /// Whether [`Documents::obtain`] has something to do.
    pub fn is_due(&self, url: &str) -> bool {
        let shelf = self.shelf();
        let entry = shelf.entries.get(url);
        entry.is_none_or(|entry| entry.until <= Instant::now())
    }

    /// Fetches a document that is not here, or not fresh.
    ///
    /// # Errors
    /// Where it cannot be got now, and none is kept.
    pub async fn obtain(&self, url: &str) -> Result<(), Refusal> {
        let _turn = self.turn.lock().await;
        if !self.is_due(url) {
            let here = self.get(url).is_some();
            return match here {
                true => Ok(()),
                false => Err(unavailable(url, "it was tried just now")),
            };
        }
        // What is here was good once: strangers cannot name more of these, nor hold up that they are renewed.
        if self.get(url).is_none() && !self.shelf().admit() {
            // Nothing is known of it, so nothing is kept: it may be the one that counts.
            return Err(unavailable(url, "too many were fetched just now"));
        }
        let found = match self.fetch.get(url, self.bytes_max).await {
            Ok(fetched) => (self.read)(&fetched.body).map(|value| (value, fetched.fresh)),
            Err(error) => Err(error.to_string()),
        };
        let (now, mut shelf) = (Instant::now(), self.shelf());
        match found {
            Ok((value, fresh)) => {
                let fresh = fresh.unwrap_or(Self::FRESH.1);
                let until = now + fresh.clamp(Self::FRESH.0, Self::FRESH.1);
                let entry = Entry {
                    value: Some(Arc::new(value)),
                    until,
                    end: until + Self::STALE_MAX,
                };
                shelf.put(url, entry);
                Ok(())
            }
            Err(why) => {
                tracing::warn!(url, reason = why, "a document was not fetched");
                let kept = shelf.entries.get_mut(url).filter(|entry| now < entry.end);
                let until = now + Self::COOL_DOWN;
                if let Some(entry) = kept {
                    entry.until = until;
                    return match entry.value {
                        Some(_) => Ok(()),
                        None => Err(unavailable(url, &why)),
                    };
                }
                let entry = Entry {
                    value: None,
                    until,
                    end: until,
                };
                shelf.put(url, entry);
                Err(unavailable(url, &why))
            }
        }
    }

    /// Says that the document at this address is of no use: it is fetched again, though not at once.
    pub fn doubt(&self, url: &str) {
        let soon = Instant::now() + Self::COOL_DOWN;
        if let Some(entry) = self.shelf().entries.get_mut(url) {
            entry.until = entry.until.min(soon);
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf<V>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(url: &str, why: &str) -> Refusal {
    Refusal::unverified(Cause::Unavailable, format!("cannot get {url}: {why}"))
}

impl<V> Shelf<V> {
    /// Whether one more may be fetched: a few at once, then one at a time, so that a burst of strangers holds up who
    /// comes behind it for seconds, and not until a minute is over.
    fn admit(&mut self) -> bool
    where
        V: Send + Sync + 'static,
    {
        let (now, every) = (Instant::now(), Documents::<V>::FETCH_EVERY);
        let spent = self.spent.max(now) + every;
        let admitted = spent - now <= every * Documents::<V>::FETCHES_MAX;
        if admitted {
            self.spent = spent;
        }
        admitted
    }

    /// Keeps one; the one that ends first makes room.
    fn put(&mut self, url: &str, entry: Entry<V>)
    where
        V: Send + Sync + 'static,
    {
        if self.entries.len() >= Documents::<V>::ENTRIES_MAX && !self.entries.contains_key(url) {
            let first = self.entries.iter().min_by_key(|(_, entry)| entry.end);
            if let Some(url) = first.map(|(url, _)| url.clone()) {
                self.entries.remove(&url);
            }
        }
        self.entries.insert(url.to_owned(), entry);
    }
}

impl<V> std::fmt::Debug for Documents<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents").finish_non_exhaustive()
    }
}
