//! What operators do.

use super::stream::{Reach, StreamHandle};
use super::{Error, Inner};
use crate::record::Job;
use crate::shard::{Answer, Chunk, Command, LaneView, Moved, Page};
use crate::{Account, DeadLetter, ReplayView, Start, SubscriptionView};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use tradewind_store::Position;

/// Most dead letters in one page.
const LETTERS_MAX: usize = 1000;

impl Inner {
    /// What the shards tell, and why one of them tells nothing: it has stopped. Nobody knows then
    /// what it has.
    async fn lanes(&self) -> (Vec<(Arc<StreamHandle>, LaneView)>, Option<Error>) {
        let (mut all, mut stopped) = (Vec::new(), None);
        for handle in self.streams.load_full().values() {
            for shard in &handle.shards {
                match shard.ask(Command::Lanes).await {
                    Ok(views) => all.extend(views.into_iter().map(|v| (Arc::clone(handle), v))),
                    // Its owner tells of it.
                    Err(Error::Store(tradewind_store::Error::Elsewhere(_))) => {}
                    Err(error) => stopped = Some(error),
                }
            }
        }
        (all, stopped)
    }

    pub(super) async fn subscriptions(&self) -> Vec<SubscriptionView> {
        let mut views: BTreeMap<(String, String), SubscriptionView> = BTreeMap::new();
        // A stopped shard is told of by `ready`.
        for (stream, lane) in self.lanes().await.0 {
            if lane.job.is_some() {
                continue;
            }
            let view = views
                .entry((lane.name.clone(), stream.name.to_string()))
                .or_insert_with(|| SubscriptionView {
                    name: lane.name.clone(),
                    stream: stream.name.to_string(),
                    state: lane.state.to_owned(),
                    circuit: lane.circuit.to_owned(),
                    sink: lane.sink.clone(),
                    account: Account::default(),
                    cursors: Vec::new(),
                    in_flight: 0,
                    behind_bytes: 0,
                    busy_keys: 0,
                    filter_errors: 0,
                    held_up: None,
                    owner: None,
                    why: None,
                    space: lane.space,
                    shadow: lane.shadow,
                    members: Vec::new(),
                });
            view.account.add(&lane.account);
            view.cursors
                .extend(Some(lane.cursor).filter(|cursor| !cursor.is_empty()));
            view.in_flight += lane.in_flight;
            view.behind_bytes += lane.behind;
            view.busy_keys += lane.busy_keys;
            view.filter_errors += lane.filter_errors;
            view.held_up = view.held_up.take().or(lane.held_up);
            for member in lane.members {
                match view.members.iter_mut().find(|m| m.name == member.name) {
                    Some(known) => known.add(&member),
                    None => view.members.push(member),
                }
            }
        }
        // What other nodes serve all of is there, too.
        let streams = self.streams.load_full();
        for handle in streams.values().filter(|handle| handle.is_shared()) {
            for (name, plan) in handle.subscriptions.load().iter() {
                let key = (name.clone(), handle.name.to_string());
                views.entry(key).or_insert_with(|| SubscriptionView {
                    name: name.clone(),
                    stream: handle.name.to_string(),
                    state: "elsewhere".into(),
                    circuit: "closed".into(),
                    sink: plan.sink.describe(),
                    account: Account::default(),
                    cursors: Vec::new(),
                    in_flight: 0,
                    behind_bytes: 0,
                    busy_keys: 0,
                    filter_errors: 0,
                    held_up: None,
                    owner: None,
                    why: None,
                    space: Some(plan.space.to_string()),
                    shadow: plan.shadow.as_ref().map(|shadow| shadow.of.clone()),
                    members: Vec::new(),
                });
            }
        }
        views.into_values().collect()
    }

    pub(super) async fn replays(&self) -> Vec<ReplayView> {
        let mut views: BTreeMap<String, ReplayView> = BTreeMap::new();
        for (_, lane) in self.lanes().await.0 {
            let Some(job) = lane.job else { continue };
            let state = match (job.cancelled, lane.finished) {
                (true, _) => "cancelled",
                (_, true) => "done",
                _ => "running",
            };
            let view = views.entry(job.id.clone()).or_insert_with(|| ReplayView {
                id: job.id,
                subscription: lane.name.clone(),
                state: state.to_owned(),
                account: Account::default(),
            });
            if view.state == "done" {
                view.state = state.to_owned();
            }
            view.account.add(&lane.account);
        }
        views.into_values().collect()
    }

    /// The stream of a subscription.
    pub(super) async fn home_of(&self, subscription: &str) -> Result<Arc<StreamHandle>, Error> {
        let mut suspended = None;
        let (lanes, stopped) = self.lanes().await;
        for (stream, lane) in lanes {
            if lane.name == subscription && lane.job.is_none() {
                if lane.state != "suspended" {
                    return Ok(stream);
                }
                suspended = Some(stream);
            }
        }
        let streams = self.streams.load_full();
        let configured = |handle: &&Arc<StreamHandle>| {
            handle.is_shared() && handle.subscriptions.load().contains_key(subscription)
        };
        if let Some(stream) = streams.values().find(configured) {
            return Ok(Arc::clone(stream));
        }
        let missing = || Error::NotFound(format!("no subscription `{subscription}`"));
        suspended.ok_or_else(|| stopped.unwrap_or_else(missing))
    }

    pub(super) async fn pause(
        &self,
        subscription: &str,
        pause: bool,
        reach: Reach,
    ) -> Result<(), Error> {
        let stream = self.home_of(subscription).await?;
        for shard in stream.reached(reach).await? {
            shard
                .ask(|answer| Command::Pause(subscription.to_owned(), pause, answer))
                .await?;
        }
        Ok(())
    }

    pub(super) async fn try_again(&self, subscription: &str) -> Result<(), Error> {
        let stream = self.home_of(subscription).await?;
        // Each node has members' circuits of its own.
        for shard in stream.reached(Reach::Here).await? {
            shard
                .ask(|answer| Command::TryAgain(subscription.to_owned(), answer))
                .await?;
        }
        Ok(())
    }

    pub(super) async fn discard(&self, subscription: &str, reach: Reach) -> Result<u64, Error> {
        // Removed from the configuration first: a subscription that moved streams has two homes.
        let _changing = self.changing.lock().await;
        let mut homes: Vec<Arc<StreamHandle>> = Vec::new();
        let mut configured = false;
        let (lanes, stopped) = self.lanes().await;
        if let Some(stopped) = stopped {
            return Err(stopped);
        }
        for (stream, lane) in lanes {
            if lane.name == subscription && lane.job.is_none() {
                if lane.state != "suspended" {
                    configured = true;
                } else if !homes.iter().any(|h| Arc::ptr_eq(h, &stream)) {
                    homes.push(stream);
                }
            }
        }
        if homes.is_empty() && configured {
            return Err(Error::Invalid(format!(
                "subscription `{subscription}` is configured: remove it from the configuration first"
            )));
        }
        if homes.is_empty() {
            return Err(Error::NotFound(format!("no subscription `{subscription}`")));
        }
        let mut cancelled = 0;
        let mut reached = Vec::new();
        for stream in &homes {
            reached.push(stream.reached(reach).await?);
        }
        for shards in reached {
            for shard in shards {
                cancelled += shard
                    .ask(|answer| Command::Discard(subscription.to_owned(), answer))
                    .await?;
            }
        }
        Ok(cancelled)
    }

    pub(super) async fn dead_letters(
        &self,
        subscription: &str,
        after: Option<&str>,
        limit: usize,
        reach: Reach,
    ) -> Result<(Vec<DeadLetter>, Option<String>), Error> {
        let stream = self.home_of(subscription).await?;
        let shards = stream.reached(reach).await?;
        let limit = limit.clamp(1, LETTERS_MAX);
        let (first, mut cursor) = match after {
            Some(text) => {
                let (shard, lane, offset) = cursor(text)?;
                (shard, Some((lane, offset)))
            }
            None => (0, None),
        };
        let mut letters = Vec::new();
        for shard in shards.into_iter().filter(|shard| shard.number() >= first) {
            // A page goes on in the shard that it ended in, if that is still served here.
            let page = Page {
                subscription: subscription.to_owned(),
                after: cursor.take().filter(|_| shard.number() == first),
                limit: limit - letters.len(),
            };
            let (more, next) = shard.ask(|answer| Command::Letters(page, answer)).await?;
            letters.extend(more);
            if next.is_some() {
                return Ok((letters, next));
            }
        }
        Ok((letters, None))
    }

    pub(super) async fn redrive(
        &self,
        subscription: &str,
        position: Option<&str>,
        reach: Reach,
    ) -> Result<u64, Error> {
        self.letters_at(subscription, position, reach, Command::Redrive)
            .await
    }

    pub(super) async fn purge(
        &self,
        subscription: &str,
        position: Option<&str>,
        reach: Reach,
    ) -> Result<u64, Error> {
        self.letters_at(subscription, position, reach, Command::Purge)
            .await
    }

    async fn letters_at(
        &self,
        subscription: &str,
        position: Option<&str>,
        reach: Reach,
        command: fn(Chunk, Answer<Moved>) -> Command,
    ) -> Result<u64, Error> {
        let stream = self.home_of(subscription).await?;
        let at = position
            .map(|p| p.parse::<Position>())
            .transpose()
            .map_err(|e| Error::Invalid(e.to_string()))?;
        let shards = match at {
            Some(at) => stream.shard(at.shard).await?.into_iter().collect(),
            None => stream.reached(reach).await?,
        };
        let mut n = 0;
        for shard in shards {
            let mut chunk = Chunk {
                subscription: subscription.to_owned(),
                offset: at.map(|p| p.offset),
                after: None,
            };
            loop {
                let (count, next) = shard.ask(|answer| command(chunk.clone(), answer)).await?;
                n += count;
                if next.is_none() {
                    break;
                }
                chunk.after = next;
            }
        }
        match position {
            Some(position) if n == 0 => Err(Error::NotFound(format!(
                "no dead letter of `{subscription}` at {position}"
            ))),
            _ => Ok(n),
        }
    }

    pub(super) async fn replay(
        &self,
        subscription: &str,
        from: Start,
        rate_per_second: Option<f64>,
        reach: Reach,
    ) -> Result<ReplayView, Error> {
        if rate_per_second.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            return Err(Error::Invalid("a rate must be above 0 per second".into()));
        }
        let stream = self.home_of(subscription).await?;
        let _changing = self.changing.lock().await;
        let known: Vec<String> = self.replays().await.into_iter().map(|r| r.id).collect();
        let mut stamp = self.time.now();
        while known.contains(&format!("{stamp:x}")) {
            stamp += 1;
        }
        let id = format!("{stamp:x}");
        let milli_rate = rate_per_second.map_or(0, |r| ((r * 1000.0) as u64).max(1));
        let shards = stream.shards.len() as u64;
        for shard in stream.reached(reach).await? {
            let job = Job {
                id: id.clone(),
                milli_rate: milli_rate.div_ceil(shards),
                ..Job::default()
            };
            shard
                .ask(|answer| Command::Replay(subscription.to_owned(), from, job, answer))
                .await?;
        }
        let view = self.replays().await.into_iter().find(|r| r.id == id);
        view.ok_or_else(|| Error::NotFound(format!("no replay `{id}`")))
    }

    pub(super) async fn cancel_replay(&self, id: &str, reach: Reach) -> Result<(), Error> {
        let (mut found, mut elsewhere) = (false, None);
        for handle in self.streams.load_full().values() {
            let shards = match handle.reached(reach).await {
                Ok(shards) => shards,
                Err(error) => {
                    elsewhere = Some(error);
                    continue;
                }
            };
            for shard in shards {
                found |= shard
                    .ask(|answer| Command::CancelReplay(id.to_owned(), answer))
                    .await?;
            }
        }
        match (found, elsewhere) {
            (true, _) => Ok(()),
            (false, Some(error)) => Err(error),
            (false, None) => Err(Error::NotFound(format!("no replay `{id}`"))),
        }
    }

    pub(super) fn ready(&self) -> Result<(), String> {
        if self.stopping.load(Ordering::Acquire) {
            return Err("the gateway is stopping".into());
        }
        for handle in self.streams.load().values() {
            let health = handle.log.health();
            health.map_err(|why| format!("stream `{}`: {why}", handle.name))?;
            for (shard, owned) in handle.shards.iter().enumerate() {
                let Some(actor) = owned.actor() else { continue };
                let failed = |why: &str| format!("stream `{}`, shard {shard}: {why}", handle.name);
                actor.health.borrow().as_ref().map_err(|why| failed(why))?;
                if actor.commands.is_closed() {
                    return Err(failed("stopped"));
                }
            }
        }
        Ok(())
    }

    pub(super) async fn quiesced(&self) {
        loop {
            let before = self.appended();
            for handle in self.streams.load_full().values() {
                for shard in &handle.shards {
                    let (quiet, is_quiet) = oneshot::channel();
                    if shard.tell(Command::Quiet(quiet)) {
                        // A shard that stops meanwhile is quiet for good.
                        is_quiet.await.ok();
                    }
                }
            }
            // A reply may have gone into a stream that was asked before.
            if self.appended() == before {
                return;
            }
        }
    }

    fn appended(&self) -> u64 {
        let streams = self.streams.load();
        streams.values().map(|s| s.log.stats().appended).sum()
    }

    pub(super) async fn drain(&self, grace: Duration) -> Result<(), Error> {
        self.stopping.store(true, Ordering::Release);
        let _changing = self.changing.lock().await;
        let deadline = self
            .time
            .now()
            .saturating_add(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
        let streams = self.streams.load_full();
        let mut waiting = Vec::new();
        for shard in streams.values().flat_map(|s| &s.shards) {
            let (done, is_done) = oneshot::channel();
            if shard.tell(Command::Drain(deadline, done)) {
                waiting.push(is_done);
            }
        }
        for is_done in waiting {
            // A shard that failed has nothing to wait for.
            is_done.await.ok();
        }
        // One that cannot be closed keeps no other one open.
        let mut closed = Ok(());
        for stream in streams.values() {
            closed = closed.and(stream.log.close().await);
        }
        Ok(closed?)
    }
}

fn cursor(text: &str) -> Result<(usize, u32, u64), Error> {
    let mut parts = text.splitn(3, '/');
    let mut part = || parts.next().and_then(|p| p.parse::<u64>().ok());
    match (part(), part(), part()) {
        (Some(shard), Some(lane), Some(offset)) => Ok((shard as usize, lane as u32, offset)),
        _ => Err(Error::Invalid(format!(
            "`{text}` is not the cursor of an earlier page"
        ))),
    }
}
