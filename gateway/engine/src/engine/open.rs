//! Streams open, plans take effect.

use super::stream::{Actor, Counters, ShardHandle, StreamHandle, stopped};
use super::{Error, Inner, SPACE, keep};
use crate::hash::Hashes;
use crate::record::keys::ORDER_BY;
use crate::routes::Routes;
use crate::shard::{Command, FULL_PAUSE_MS, Gates, Shard, Subscriptions, Surroundings};
use crate::{Plan, StreamPlan, SubscriptionPlan};
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::try_join_all;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tradewind_store::{Error as Lack, Op, Stream, Sync, holds_events};

impl Inner {
    /// First plan: streams that are on disk and not in the plan stay suspended, as they were.
    pub(super) async fn begin(self: &Arc<Self>, mut plan: Plan) -> Result<(), Error> {
        // Held, so that they are recovered once.
        let mut held = Vec::new();
        for path in self.store.list().await? {
            let Some(name) = path.strip_prefix(&format!("{SPACE}/")) else {
                continue;
            };
            if !plan.streams.contains_key(name) && name != SPACE {
                let (log, stream) = self.left_behind(&path).await?;
                held.push(log);
                plan.streams.insert(name.to_owned(), stream);
            }
        }
        self.apply(plan).await
    }

    /// What a stream was, that no plan describes any more.
    async fn left_behind(&self, path: &str) -> Result<(Arc<dyn Stream>, StreamPlan), Error> {
        let settings = self.store.settings(path).await?.unwrap_or_default();
        let log = self.store.open(path, &settings).await?;
        let order_by = log.get(0, ORDER_BY).await?;
        let order_by = order_by.map(|name| String::from_utf8_lossy(&name).into_owned());
        let plan = StreamPlan {
            settings,
            order_by: order_by.filter(|name| !name.is_empty()),
            ..StreamPlan::default()
        };
        Ok((log, plan))
    }

    pub(super) async fn apply(self: &Arc<Self>, mut plan: Plan) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        plan.streams.entry(SPACE.to_owned()).or_default();
        self.check(&plan)?;
        let streams = BTreeMap::clone(&self.streams.load());
        let mut by_stream: BTreeMap<&str, Subscriptions> = BTreeMap::new();
        for (name, subscription) in &plan.subscriptions {
            by_stream
                .entry(&subscription.stream)
                .or_default()
                .insert(name.clone(), Arc::new(subscription.clone()));
        }
        // Whatever can be refused is refused before anything changes.
        let (known, new): (Vec<_>, Vec<_>) = plan
            .streams
            .iter()
            .partition(|(name, _)| streams.contains_key(*name));
        for (name, stream) in known {
            if let Some(handle) = streams.get(name) {
                self.check_order(&handle.log, name, stream).await?;
            }
        }
        let opening = new.into_iter().map(async |(name, stream)| {
            let path = format!("{SPACE}/{name}");
            let log = self.store.open(&path, &stream.settings).await?;
            self.check_order(&log, name, stream).await?;
            Ok::<_, Error>((name.clone(), log, stream.clone()))
        });
        let opened = try_join_all(opening).await?;
        let of_streams = plan.streams.values().map(|stream| &*stream.space);
        let of_subscriptions = plan.subscriptions.values().map(|s| &*s.space);
        let named = of_streams.chain(of_subscriptions);
        let earlier = self.spaces.in_force();
        self.spaces.apply(&plan.spaces, named, self.time.now());
        let changed = self.change(&plan, streams, opened, by_stream).await;
        if changed.is_err() {
            self.spaces.put_back(earlier, self.time.now());
        }
        changed
    }

    /// Opens new streams, and tells every shard of the plan.
    async fn change(
        self: &Arc<Self>,
        plan: &Plan,
        mut streams: BTreeMap<String, Arc<StreamHandle>>,
        opened: Vec<(String, Arc<dyn Stream>, StreamPlan)>,
        mut by_stream: BTreeMap<&str, Subscriptions>,
    ) -> Result<(), Error> {
        // Together: each waits for its disk several times.
        let opening = opened.into_iter().map(async |(name, log, stream)| {
            let subscriptions = by_stream.get(name.as_str()).cloned().unwrap_or_default();
            let handle = self.open(&name, log, stream, subscriptions).await?;
            Ok::<_, Error>((name, handle))
        });
        streams.extend(try_join_all(opening).await?);
        let mut begun = false;
        for (name, handle) in &mut streams {
            let subscriptions = by_stream.remove(name.as_str()).unwrap_or_default();
            if let Some(stream) = plan.streams.get(name) {
                handle.plan.store(Arc::new(stream.clone()));
                if handle.order_by.as_deref() != stream.order_by.as_deref() {
                    // It holds no events, so nothing is ordered by the old attribute yet.
                    *handle = self.reopen(handle, stream.clone()).await?;
                }
            }
            let mut routes = Routes::default();
            // Who publishes is told of those that are in charge.
            for plan in subscriptions.values().filter(|plan| plan.shadow.is_none()) {
                routes.add(&plan.filter);
            }
            // What is taken over from now on begins with them.
            handle.subscriptions.store(Arc::new(subscriptions.clone()));
            for shard in &handle.shards {
                let _moving = shard.moving.lock().await;
                while let Err(error) = shard
                    .ask(|answer| Command::Apply(subscriptions.clone(), answer))
                    .await
                {
                    // Once begun, a plan is put in force everywhere, as soon as there is room.
                    match error {
                        Error::Store(Lack::Elsewhere(_)) => break,
                        // Lost in this moment: whoever takes it over begins with them, here, too.
                        Error::Store(Lack::Fenced | Lack::Closed) if handle.is_shared() => break,
                        Error::Store(lack) if begun && lack.is_temporary() => {
                            let now = self.time.now();
                            self.time.sleep_until(now + FULL_PAUSE_MS).await;
                        }
                        error => return Err(error),
                    }
                }
                begun = true;
            }
            handle.routes.store(Arc::new(routes));
        }
        self.streams.store(Arc::new(streams));
        self.authority.store(plan.policies.clone());
        self.contracts.store(Arc::clone(&plan.schemas));
        self.announcer
            .plain("reloaded", SPACE, None, "a plan is in force".into());
        Ok(())
    }

    fn check(&self, plan: &Plan) -> Result<(), Error> {
        let open = self.streams.load();
        for (name, subscription) in &plan.subscriptions {
            self.check_shadow(plan, name, subscription)?;
            check_group(name, subscription)?;
            let places = [
                Some(&subscription.stream),
                subscription.policy.reply_to.as_ref(),
            ];
            for stream in places.into_iter().flatten() {
                if !plan.streams.contains_key(stream) {
                    return Err(Error::Invalid(format!(
                        "subscription `{name}` names the stream `{stream}`, which does not exist"
                    )));
                }
            }
        }
        for (name, stream) in &plan.streams {
            let shards = stream.settings.shards.max(1);
            if let Some(handle) = open.get(name).filter(|h| h.log.shards() != shards) {
                return Err(Error::Invalid(format!(
                    "stream `{name}` has {} shard(s), which cannot be changed",
                    handle.log.shards()
                )));
            }
        }
        Ok(())
    }

    fn check_shadow(
        &self,
        plan: &Plan,
        name: &str,
        subscription: &SubscriptionPlan,
    ) -> Result<(), Error> {
        let Some(shadow) = &subscription.shadow else {
            return Ok(());
        };
        let why = match plan.subscriptions.get(&shadow.of) {
            None => "does not exist",
            Some(of) if of.shadow.is_some() => "is a shadow itself",
            Some(of) if of.stream != subscription.stream => "reads another stream",
            Some(_) => return Ok(()),
        };
        Err(Error::Invalid(format!(
            "subscription `{name}` is to be the shadow of `{}`, which {why}",
            shadow.of
        )))
    }

    /// Refuses another ordering attribute for a stream that holds events.
    async fn check_order(
        &self,
        log: &Arc<dyn Stream>,
        name: &str,
        stream: &StreamPlan,
    ) -> Result<(), Error> {
        let recorded = match log.get(0, ORDER_BY).await {
            // Its owner looks.
            Err(Lack::Elsewhere(_)) => return Ok(()),
            recorded => recorded?,
        };
        let Some(recorded) = recorded else {
            return Ok(());
        };
        let wanted = stream.order_by.as_deref().unwrap_or_default();
        if recorded == wanted.as_bytes() || !holds_events(&**log).await? {
            return Ok(());
        }
        let show = |s: &str| match s {
            "" => "nothing".to_owned(),
            s => format!("`{s}`"),
        };
        Err(Error::Invalid(format!(
            "stream `{name}` holds events ordered by {}, so `order-by` cannot become {}: make a new stream",
            show(&String::from_utf8_lossy(&recorded)),
            show(wanted),
        )))
    }

    async fn reopen(
        self: &Arc<Self>,
        handle: &Arc<StreamHandle>,
        stream: StreamPlan,
    ) -> Result<Arc<StreamHandle>, Error> {
        if handle.log.assigned().is_some() {
            return Err(Error::Invalid(format!(
                "stream `{}` is shared with other nodes, so `order-by` cannot be changed: make a new stream",
                handle.name
            )));
        }
        for shard in &handle.shards {
            let (done, is_done) = tokio::sync::oneshot::channel();
            if !shard.tell(Command::Drain(0, done)) {
                return Err(stopped());
            }
            is_done.await.map_err(|_| stopped())?;
        }
        self.open(
            &handle.name,
            Arc::clone(&handle.log),
            stream,
            Subscriptions::new(),
        )
        .await
    }

    async fn open(
        self: &Arc<Self>,
        name: &str,
        log: Arc<dyn Stream>,
        plan: StreamPlan,
        subscriptions: Subscriptions,
    ) -> Result<Arc<StreamHandle>, Error> {
        let handle = Arc::new(StreamHandle {
            name: name.into(),
            hashes: Hashes::new(log.hash_key()),
            order_by: plan.order_by.as_deref().map(Arc::from),
            plan: Arc::new(ArcSwap::from_pointee(plan)),
            subscriptions: ArcSwap::from_pointee(subscriptions),
            routes: ArcSwap::default(),
            gates: Arc::new(Gates::new(log.shards())),
            shards: (0..log.shards()).map(ShardHandle::new).collect(),
            counters: Counters::default(),
            log,
        });
        if let Some(assigned) = handle.log.assigned() {
            for shard in 0..handle.log.shards() {
                let (inner, stream) = (Arc::downgrade(self), Arc::downgrade(&handle));
                tokio::spawn(keep::keep(inner, stream, shard, assigned.clone()));
            }
            return Ok(handle);
        }
        let mut actors = Vec::new();
        for shard in 0..handle.log.shards() {
            actors.push(self.take_over(&handle, shard).await?);
        }
        // Only now: a shard may have recorded that the sink is gone, or an operator's pause.
        for actor in actors {
            tokio::spawn(actor.run());
        }
        Ok(handle)
    }

    /// Recovers a shard; it is served from here on, once what is returned runs.
    pub(super) async fn take_over(
        self: &Arc<Self>,
        handle: &StreamHandle,
        shard: u16,
    ) -> Result<Shard, Error> {
        let owned = handle.shards.get(usize::from(shard)).ok_or_else(stopped)?;
        let _moving = owned.moving.lock().await;
        let (commands, received) = mpsc::unbounded_channel();
        let (health, healthy) = watch::channel(Ok(()));
        let around = Surroundings {
            plan: Arc::clone(&handle.plan),
            spaces: Arc::clone(&self.spaces),
            backlog: Arc::clone(&owned.backlog),
            stream: Arc::clone(&handle.name),
            shard,
            log: Arc::clone(&handle.log),
            time: self.time.clone(),
            announcer: self.announcer.clone(),
            engine: Arc::downgrade(self),
            order_by: handle.order_by.clone(),
            hashes: handle.hashes,
            gates: Arc::clone(&handle.gates),
        };
        let subscriptions = Subscriptions::clone(&handle.subscriptions.load());
        let actor = Shard::recover(around, subscriptions, received, health).await?;
        if shard == 0 {
            let order_by = handle.order_by.as_deref();
            actor.remember(ORDER_BY, order_by).await?;
        }
        owned.serve(Some(Actor {
            commands,
            health: healthy,
        }));
        Ok(actor)
    }
}

impl Shard {
    async fn remember(&self, key: &'static [u8], text: Option<&str>) -> Result<(), Error> {
        let value = Bytes::copy_from_slice(text.unwrap_or_default().as_bytes());
        let op = Op::Put(Bytes::from_static(key), value);
        let around = &self.around;
        around
            .log
            .record(around.shard, self.epoch(), vec![op], Sync::Durable)
            .await?;
        Ok(())
    }
}

fn check_group(name: &str, subscription: &SubscriptionPlan) -> Result<(), Error> {
    let Some(group) = &subscription.group else {
        return Ok(());
    };
    let named = |name: &str| group.members.iter().filter(|m| &*m.name == name).count();
    let known = group
        .split
        .weights
        .iter()
        .all(|(member, _)| named(member) == 1);
    if !known || group.split.member(0).is_none() {
        return Err(Error::Invalid(format!(
            "the group of subscription `{name}` is split among members that it does not have, or none takes anything"
        )));
    }
    Ok(())
}
