//! Streams of shards: each is read in its order, a child after its parents, and how far it was read is remembered by the
//! gateway.

mod ledger;

use crate::Failure;
use async_trait::async_trait;
use futures_util::future::join_all;
use ledger::{Ledger, Position, Ready};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tradewind_adapter::{
    Capability, Error, ErrorKind, Ground, Memory, Permission, Received, Settlement, Source, Token,
};
use tradewind_event::Event;

/// Shards that are asked at once.
const TOGETHER: usize = 16;
/// Pause of a shard that had nothing. Each may be asked five times a second, by all readers together.
const IDLE: Duration = Duration::from_secs(1);
/// Pause of a shard that had something.
const BUSY: Duration = Duration::from_millis(200);
/// How often new shards are looked for.
const LOOK: Duration = Duration::from_secs(30);
/// What the positions are remembered under.
const KEY: &str = "shards";

/// A shard that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Its id.
    pub id: String,
    /// The shards that it came of.
    pub parents: Vec<String>,
    /// It takes no more records.
    pub closed: bool,
}

/// Where reading begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// With the oldest record that is there.
    Oldest,
    /// With the first one since then, in milliseconds since the Unix epoch.
    Since(u64),
    /// Behind this sequence number.
    After(String),
}

/// What one call gave.
#[derive(Debug)]
pub struct Page {
    /// Records: sequence number and events, in their order.
    pub records: Vec<(String, Result<Vec<Event>, Error>)>,
    /// Where the shard goes on; `None` where it has ended.
    pub next: Option<String>,
    /// There was no more at that time.
    pub caught_up: bool,
}

/// A service that has streams of shards.
#[async_trait]
pub trait Shards: Send + Sync + std::fmt::Debug {
    /// The stream, as positions in it are told from those in others: its ARN.
    fn stream(&self) -> &str;
    /// What it must be allowed to do.
    fn permission(&self) -> Permission;
    /// What the calls need, for failures.
    fn needs(&self, call: Ask) -> String;
    /// All shards of the stream.
    async fn list(&self) -> Result<Vec<Shard>, Failure>;
    /// Where a shard begins to be read.
    async fn iterator(&self, shard: &str, begin: &Begin) -> Result<String, Failure>;
    /// Up to `max` records.
    async fn read(&self, shard: &str, iterator: &str, max: usize) -> Result<Page, Failure>;
}

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// [`Shards::list`]
    List,
    /// [`Shards::iterator`]
    Iterator,
    /// [`Shards::read`]
    Read,
}

/// A source that reads a stream.
#[derive(Debug)]
pub struct Reader<S> {
    service: S,
    /// Only what comes from the first start on, instead of all that is there.
    latest: bool,
    ground: OnceLock<Ground>,
    ledger: Mutex<Option<Ledger>>,
}

impl<S: Shards> Reader<S> {
    /// A reader that begins with what is there, or with what comes.
    pub fn new(service: S, latest: bool) -> Self {
        Self {
            service,
            latest,
            ground: OnceLock::new(),
            ledger: Mutex::default(),
        }
    }

    fn locked(&self) -> MutexGuard<'_, Option<Ledger>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> Result<&Arc<dyn Memory>, Error> {
        let ground = self.ground.get();
        let ground = ground.ok_or_else(|| {
            Error::new(
                ErrorKind::Unexpected,
                "receive",
                "nothing remembers where it is",
            )
        })?;
        Ok(&ground.memory)
    }

    /// Does something with the ledger, which is read from memory first where that has not been.
    async fn with<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> Result<T, Error> {
        if self.locked().is_none() {
            let remembered = self.memory()?.get(KEY).await?;
            let now = self.ground.get().map(|ground| ground.clock.unix_ms());
            let begin = match self.latest {
                true => Position::Since(now.unwrap_or_default()),
                false => Position::Oldest,
            };
            let fresh = Ledger::read(remembered.as_deref(), self.service.stream(), begin)?;
            let written = fresh.write();
            if remembered.as_ref() != Some(&written) {
                self.memory()?.set(KEY, written).await?;
            }
            self.locked().get_or_insert(fresh);
        }
        let mut ledger = self.locked();
        let ledger = ledger.get_or_insert_with(Ledger::default);
        Ok(act(ledger))
    }

    /// Looks which shards there are, where it is time for that.
    async fn look(&self) -> Result<(), Error> {
        let now = Instant::now();
        if !self.with(|ledger| ledger.is_stale(now)).await? {
            return Ok(());
        }
        let listed = self.service.list().await;
        let listed = listed.map_err(|e| e.error("list shards", &self.service.needs(Ask::List)))?;
        let look = |ledger: &mut Ledger| {
            let new = ledger.listed(listed, Instant::now() + LOOK);
            new.then(|| ledger.write())
        };
        // Which shards were there at first still counts after a start.
        match self.with(look).await? {
            Some(positions) => self.memory()?.set(KEY, positions).await,
            None => Ok(()),
        }
    }

    async fn ask(&self, ready: &Ready, max: usize) -> Result<Page, (Ask, Failure)> {
        let iterator = match &ready.iterator {
            Some(iterator) => iterator.clone(),
            None => self.iterator(ready).await.map_err(|e| (Ask::Iterator, e))?,
        };
        match self.service.read(&ready.shard, &iterator, max.max(1)).await {
            // It was not used for five minutes: the place itself is known.
            Err(failure) if failure.is("ExpiredIteratorException") => {
                let iterator = self.iterator(ready).await.map_err(|e| (Ask::Iterator, e))?;
                let read = self.service.read(&ready.shard, &iterator, max.max(1));
                read.await.map_err(|e| (Ask::Read, e))
            }
            read => read.map_err(|e| (Ask::Read, e)),
        }
    }

    async fn iterator(&self, ready: &Ready) -> Result<String, Failure> {
        let made = self.service.iterator(&ready.shard, &ready.begin).await;
        match made {
            Err(failure) if failure.is("TrimmedDataAccessException") => {
                let shard = &ready.shard;
                tracing::warn!(
                    shard,
                    "records were gone before they were read: their time was up"
                );
                self.service.iterator(shard, &Begin::Oldest).await
            }
            Err(failure) if is_foreign(&failure) => {
                let (stream, shard) = (self.service.stream(), &ready.shard);
                tracing::warn!(
                    stream,
                    shard,
                    "the stream was made anew since it was read: the shard is read from its begin"
                );
                self.service.iterator(shard, &Begin::Oldest).await
            }
            made => made,
        }
    }
}

/// Whether a sequence number is of an earlier stream of that name.
fn is_foreign(failure: &Failure) -> bool {
    failure.is("InvalidArgumentException")
        && failure.detail.contains("did not come from this stream")
}

#[async_trait]
impl<S: Shards> Source for Reader<S> {
    fn lend(&self, ground: Ground) {
        // A source is lent its ground once; another one would have another memory.
        self.ground.set(ground).ok();
    }

    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let until = Instant::now() + wait;
        loop {
            self.look().await?;
            let now = Instant::now();
            let (ready, next) = self
                .with(|ledger| ledger.ready(now, max.min(TOGETHER)))
                .await?;
            let share = max / ready.len().max(1);
            let asked = join_all(ready.iter().map(|ready| self.ask(ready, share))).await;
            let (mut received, mut trouble) = (Vec::new(), None);
            for (ready, page) in ready.iter().zip(asked) {
                match page {
                    Ok(page) => {
                        let read =
                            |ledger: &mut Ledger| ledger.read_page(ready, page, Instant::now());
                        received.extend(self.with(read).await?);
                    }
                    Err((ask, failure)) => {
                        let pause = Instant::now() + IDLE;
                        self.with(|ledger| ledger.pause(&ready.shard, pause))
                            .await?;
                        let error = failure.error("receive", &self.service.needs(ask));
                        trouble.get_or_insert_with(|| {
                            error.with_context("shard", ready.shard.clone())
                        });
                    }
                }
            }
            match (received.is_empty(), trouble) {
                (true, Some(error)) => return Err(error),
                (false, Some(error)) => tracing::debug!(%error, "a shard gave nothing"),
                (_, None) => {}
            }
            if !received.is_empty() || Instant::now() >= until {
                return Ok(received);
            }
            sleep_until(
                next.unwrap_or(until)
                    .min(until)
                    .max(Instant::now() + Duration::from_millis(1)),
            )
            .await;
        }
    }

    /// What is done is remembered, and then counts; where it could not be, the records come again.
    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        let now = Instant::now();
        let settle = |ledger: &mut Ledger| {
            let mut changed = false;
            for (token, settlement) in &settlements {
                changed |= match settlement {
                    Settlement::Ack => ledger.done(token),
                    Settlement::Nack { delay } => {
                        ledger.again(token, now + delay.unwrap_or_default());
                        false
                    }
                };
            }
            changed.then(|| ledger.write())
        };
        match self.with(settle).await? {
            Some(positions) => self.memory()?.set(KEY, positions).await,
            None => Ok(()),
        }
    }

    fn permissions(&self) -> Vec<Permission> {
        vec![self.service.permission()]
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.receive_nack = true;
        capability.receive_ordered = true;
        capability
    }

    /// Asks which shards there are.
    async fn health(&self) -> Result<(), Error> {
        let listed = self.service.list().await;
        let needs = self.service.needs(Ask::List);
        listed
            .map(drop)
            .map_err(|failure| failure.error("look at the stream", &needs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Knows no sequence number, and says so.
    #[derive(Debug)]
    struct Service(&'static str, &'static str);

    #[async_trait]
    impl Shards for Service {
        fn stream(&self) -> &str {
            "A"
        }

        fn permission(&self) -> Permission {
            panic!("nobody asks for it")
        }

        fn needs(&self, _: Ask) -> String {
            String::new()
        }

        async fn list(&self) -> Result<Vec<Shard>, Failure> {
            Ok(Vec::new())
        }

        async fn iterator(&self, _: &str, begin: &Begin) -> Result<String, Failure> {
            match begin {
                Begin::Oldest => Ok("oldest".into()),
                _ => Err(Failure::of_entry(self.0, true, Some(self.1))),
            }
        }

        async fn read(&self, _: &str, _: &str, _: usize) -> Result<Page, Failure> {
            Err(Failure::unreachable("nothing is read"))
        }
    }

    #[tokio::test]
    async fn what_is_not_there_any_more_is_no_place_to_wait_at() {
        let foreign = "StartingSequenceNumber 7 used in GetShardIterator on shard a in stream A under account 1 is \
                       invalid because it did not come from this stream.";
        for (code, message, oldest) in [
            ("TrimmedDataAccessException", "gone", true),
            ("InvalidArgumentException", foreign, true),
            ("InvalidArgumentException", "something else", false),
        ] {
            let reader = Reader::new(Service(code, message), false);
            let ready = Ready {
                shard: "a".into(),
                iterator: None,
                begin: Begin::After("7".into()),
            };
            assert_eq!(reader.iterator(&ready).await.is_ok(), oldest, "{message}");
        }
    }
}
