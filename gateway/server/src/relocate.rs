//! A stream goes from the data directory to where else it can lie, or back, while nobody serves it.
//!
//! The source is read and nothing else until the copy was opened again and read beside it. Then the source is marked as
//! gone, and only then the copy as what is to be served: at no moment are there two that a gateway would serve. Killed at
//! any moment, the same again begins anew, or finds that it is done.

#[cfg(test)]
mod mortal;
#[cfg(test)]
mod tests;

use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use tradewind_engine::moving::{self, Content, Copied};
use tradewind_store::{Error as Store, Movable, Settings, Standing, Stream, holds_events};

/// One of the two places.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) streams: Arc<dyn Movable>,
    /// Where that is, for people.
    pub(crate) place: String,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Order {
    /// The stream, as stores call it.
    pub(crate) name: String,
    pub(crate) from: End,
    pub(crate) to: End,
    /// Of the stream where it goes.
    pub(crate) settings: Settings,
}

/// A shard, and what there is of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shard {
    pub(crate) shard: u16,
    #[serde(flatten)]
    pub(crate) content: Content,
}

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refused {
    message: String,
    pub(crate) hint: Option<String>,
}

impl Refused {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }
    fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// A hint may stand in the words of a store.
fn split(words: &str) -> Refused {
    match words.split_once("; hint: ") {
        Some((message, hint)) => Refused::new(message).hint(hint),
        None => Refused::new(words),
    }
}

impl From<Store> for Refused {
    fn from(error: Store) -> Self {
        match error {
            Store::Fenced => Self::new("somebody else has taken a shard over meanwhile")
                .hint("stop every gateway that serves the stream"),
            error => split(&error.to_string()),
        }
    }
}

impl From<moving::Error> for Refused {
    fn from(error: moving::Error) -> Self {
        match error {
            moving::Error::Store(error) => error.into(),
            error @ moving::Error::Damaged { .. } => Self::new(error.to_string()).hint(
                "a stream is moved whole: it can be when retention has given up that part of its log",
            ),
            error => Self::new(error.to_string()),
        }
    }
}

/// How it stands with a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It lies at the source.
    AtSource,
    /// It was moved before.
    Moved,
}

/// What was done, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) found: Found,
    pub(crate) shards: Vec<Shard>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// So many events of a shard are copied.
    Copying(u16, u64),
    /// A shard was read back from the copy.
    Read(u16, Content),
    /// All of the copy is as it should be.
    Whole,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copying(shard, events) => write!(f, "shard {shard}: {events} events copied"),
            Self::Read(shard, Content { events, rows, .. }) => {
                write!(
                    f,
                    "shard {shard}: {events} events and {rows} rows of state read back"
                )
            }
            Self::Whole => f.write_str("the copy is whole and takes the place of the source"),
        }
    }
}

/// Hears how far it is.
pub(crate) type Told<'a> = &'a (dyn Fn(Step) + Send + Sync);

impl Order {
    fn called(&self) -> &str {
        let name = self.name.split_once('/');
        name.map_or(self.name.as_str(), |(_, stream)| stream)
    }

    /// How both places stand; refuses what would cost something.
    async fn found(&self) -> Result<Found, Refused> {
        let (name, stream) = (&self.name, self.called());
        let (from, to) = (&self.from, &self.to);
        let source = from.streams.standing(name).await?;
        let target = to.streams.standing(name).await?;
        match (&source, &target) {
            (Some(Standing::Gone(_)), Some(Standing::Here)) if self.is_same().await? => {
                return Ok(Found::Moved);
            }
            (Some(Standing::Here), _) => {}
            (Some(Standing::Gone(_)), Some(Standing::Coming(_))) => {}
            (Some(Standing::Gone(at)), _) => {
                return Err(Refused::new(format!(
                    "stream `{stream}` was moved from {} to {at}, and is not whole at {}",
                    from.place, to.place
                ))
                .hint("what was left behind is older than that: name the place where it lies"));
            }
            (Some(Standing::Coming(at)), _) => {
                return Err(Refused::new(format!(
                    "stream `{stream}` is not whole at {}: it is being moved there from {at}",
                    from.place
                ))
                .hint("end that first, with the other `--to`"));
            }
            (None, Some(Standing::Here)) => {
                return Err(Refused::new(format!(
                    "stream `{stream}` lies at {} already, and nothing of it at {}",
                    to.place, from.place
                )));
            }
            (None, _) => {
                return Err(Refused::new(format!(
                    "there is no stream `{stream}` at {}",
                    from.place
                )));
            }
        }
        for end in [from, to] {
            self.refuse_users(end).await?;
        }
        Ok(Found::AtSource)
    }

    /// Whether what lies at both places is, or was, one stream.
    async fn is_same(&self) -> Result<bool, Refused> {
        let (source, target) = (self.lift(&self.from).await?, self.lift(&self.to).await?);
        let same = source.hash_key() == target.hash_key();
        source.close().await?;
        target.close().await?;
        Ok(same)
    }

    async fn refuse_users(&self, end: &End) -> Result<(), Refused> {
        let mut users = end.streams.users(&self.name).await?;
        users.sort_unstable();
        users.dedup();
        match users.is_empty() {
            true => Ok(()),
            false => Err(Refused::new(format!(
                "stream `{}` is in use at {}, by {}",
                self.called(),
                end.place,
                users.join(", ")
            ))
            .hint("stop these gateways first; one that was killed counts for 6 s more")),
        }
    }

    async fn lift(&self, end: &End) -> Result<Arc<dyn Stream>, Refused> {
        let lifted = end.streams.lift(&self.name).await?;
        lifted.ok_or_else(|| {
            Refused::new(format!(
                "there is no stream `{}` at {}",
                self.called(),
                end.place
            ))
        })
    }

    /// What is at the target goes, if nobody misses it: a copy that was not ended, or one that was left behind when the
    /// stream was moved from there, or a stream that never had an event.
    async fn clear(&self, source: &dyn Stream) -> Result<(), Refused> {
        let (name, to) = (&self.name, &self.to);
        let Some(standing) = to.streams.standing(name).await? else {
            return Ok(());
        };
        let there = self.lift(to).await?;
        let same = there.hash_key() == source.hash_key();
        let needed = match standing {
            Standing::Coming(_) | Standing::Gone(_) => !same,
            Standing::Here => holds(&*there).await?,
        };
        there.close().await?;
        drop(there);
        if needed {
            return Err(Refused::new(format!(
                "there is another stream `{}` at {}",
                self.called(),
                to.place
            ))
            .hint("nothing is written over; remove it there, or give one of them another name"));
        }
        Ok(to.streams.delete(name).await?)
    }

    /// What there is to move.
    ///
    /// # Errors
    /// What would keep it from being moved.
    pub(crate) async fn look(&self) -> Result<Done, Refused> {
        let found = self.found().await?;
        let mut shards = Vec::new();
        if found == Found::AtSource {
            let source = self.lift(&self.from).await?;
            let looked = self.looked(&*source).await;
            source.close().await?;
            shards = looked?;
        }
        Ok(Done { found, shards })
    }

    async fn looked(&self, source: &dyn Stream) -> Result<Vec<Shard>, Refused> {
        self.check_shards(source)?;
        let mut shards = Vec::new();
        for shard in 0..source.shards() {
            let content = moving::look(source, shard).await?;
            shards.push(Shard { shard, content });
        }
        Ok(shards)
    }

    fn check_shards(&self, source: &dyn Stream) -> Result<(), Refused> {
        let (has, wanted) = (source.shards(), self.settings.shards.max(1));
        match has == wanted {
            true => Ok(()),
            false => Err(Refused::new(format!(
                "stream `{}` has {has} shard(s), and the configuration says {wanted}",
                self.called()
            ))
            .hint(format!("the number is fixed: write `shards: {has}`"))),
        }
    }

    /// Moves it, unless that was done before.
    ///
    /// # Errors
    /// Why it was not moved. Whatever they are, the stream is whole at the source.
    pub(crate) async fn run(&self, told: Told<'_>) -> Result<Done, Refused> {
        let found = self.found().await?;
        if found == Found::Moved {
            let shards = Vec::new();
            return Ok(Done { found, shards });
        }
        let source = self.lift(&self.from).await?;
        let moved = self.moved(&*source, told).await;
        let closed = source.close().await;
        let shards = moved?;
        closed?;
        Ok(Done { found, shards })
    }

    async fn moved(&self, source: &dyn Stream, told: Told<'_>) -> Result<Vec<Shard>, Refused> {
        let (name, from, to) = (&self.name, &self.from, &self.to);
        self.check_shards(source)?;
        self.clear(source).await?;
        let made = to
            .streams
            .make(name, &self.settings, source.hash_key(), &from.place);
        made.await?;
        let copied = self.copied(source, told).await?;
        told(Step::Whole);

        let before = from.streams.standing(name).await?.unwrap_or_default();
        from.streams
            .stand(name, Standing::Gone(to.place.clone()))
            .await?;
        // Nobody can begin to serve it from here on; whether somebody did before is seen now.
        if let Err(refused) = self.quiet(source, &copied).await {
            from.streams.stand(name, before).await?;
            return Err(refused);
        }
        to.streams.stand(name, Standing::Here).await?;
        let shards = copied.into_iter().map(|copied| Shard {
            shard: copied.shard,
            content: copied.content,
        });
        Ok(shards.collect())
    }

    /// A copy that was opened again and read.
    async fn copied(&self, source: &dyn Stream, told: Told<'_>) -> Result<Vec<Copied>, Refused> {
        let target = self.lift(&self.to).await?;
        let mut copied = Vec::new();
        for shard in 0..source.shards() {
            let progress = |events| told(Step::Copying(shard, events));
            copied.push(moving::copy(source, &*target, shard, &progress).await?);
        }
        target.close().await?;
        drop(target);
        let target = self.lift(&self.to).await?;
        for copied in &copied {
            let shard = copied.shard;
            target.recover(shard).await?;
            moving::verify(source, &*target, copied).await?;
            told(Step::Read(shard, copied.content));
        }
        target.close().await?;
        Ok(copied)
    }

    async fn quiet(&self, source: &dyn Stream, copied: &[Copied]) -> Result<(), Refused> {
        self.refuse_users(&self.from).await?;
        for copied in copied {
            if !moving::is_unchanged(source, copied).await? {
                return Err(Refused::new(format!(
                    "somebody has written to stream `{}` while it was copied; nothing was moved",
                    self.called()
                ))
                .hint("stop every gateway that serves it, and begin again"));
            }
        }
        Ok(())
    }

    /// Removes what was left behind at the source. Nothing is, where it is what is served.
    ///
    /// # Errors
    /// It is not left behind, or the store fails.
    pub(crate) async fn remove_source(&self) -> Result<(), Refused> {
        match self.from.streams.standing(&self.name).await? {
            Some(Standing::Gone(_)) => Ok(self.from.streams.delete(&self.name).await?),
            _ => Err(Refused::new(format!(
                "stream `{}` was not moved from {}",
                self.called(),
                self.from.place
            ))),
        }
    }
}

/// Whether a stream has an event; takes it over to look.
async fn holds(stream: &dyn Stream) -> Result<bool, Refused> {
    for shard in 0..stream.shards() {
        stream.recover(shard).await?;
    }
    Ok(holds_events(stream).await?)
}
