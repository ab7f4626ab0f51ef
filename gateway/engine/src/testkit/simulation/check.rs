//! What must hold when everything has come to rest.

use super::model::{BESIDE, Replayed, Slot, State};
use super::world::World;
use crate::record::keys;
use crate::testkit::Seen;
use crate::{DeadLetter, Engine};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

type Ids<'a> = BTreeSet<&'a str>;

fn must(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

impl World {
    pub(super) async fn check(&mut self) -> Result<(), String> {
        let engine = self.engine().await?;
        let broken = engine.imbalances().await;
        must(broken.is_empty(), || format!("accounts: {broken:?}"))?;
        let mut digest = DefaultHasher::new();
        for nth in 0..self.model.slots.len() {
            let slot = &self.model.slots[nth];
            let seen = slot.seen();
            self.figures.deliveries += seen.len() as u64;
            self.figures.repeated += repeated(&seen);
            for s in &seen {
                (&s.delivery, s.attempt, self.clock.ms_of(s.at)).hash(&mut digest);
            }
            self.unaltered(slot, &seen)?;
            self.in_order(slot, &seen)?;
            self.one_at_a_time(slot)?;
            self.faithful(slot)?;
            if slot.state == State::Configured {
                self.subscription(&engine, slot, &seen).await?;
            }
        }
        for replayed in &self.model.replays {
            self.replayed(&engine, replayed).await?;
        }
        self.explained(&engine).await?;
        self.looked_on(&engine).await?;
        self.figures.digest = digest.finish();
        self.figures.acknowledged = self.model.sent.len() as u64;
        self.tables().await?;
        self.remembered(engine).await
    }

    /// I2 and I4: what was delivered was accepted, to this subscription, byte for byte.
    fn unaltered(&self, slot: &Slot, seen: &[Seen]) -> Result<(), String> {
        for s in seen {
            let (name, id) = (&slot.name, &s.id);
            must(!self.model.refused.contains(id), || {
                format!("{name} got {id}, which was refused")
            })?;
            let Some(sent) = self.model.sent.get(id) else {
                return Err(format!("{name} got {id}, which nobody sent"));
            };
            must(s.event.data() == sent.event.data(), || {
                format!("{name} got {id} with other bytes")
            })?;
            must(s.replay.is_some() || self.model.takes(slot, sent), || {
                format!("{name} got {id}, which is not for it")
            })?;
            let at = sent
                .position
                .map(|(shard, offset)| format!("{shard}/{offset}"));
            must(at.as_deref() == Some(&s.position), || {
                format!("{name} got {id} from {}, it lies at {at:?}", s.position)
            })?;
        }
        Ok(())
    }

    /// I3: first deliveries of a key are in the order of the log.
    fn in_order(&self, slot: &Slot, seen: &[Seen]) -> Result<(), String> {
        if !self.model.ordered || slot.unordered {
            return Ok(());
        }
        let mut first = HashSet::new();
        let mut last: HashMap<&str, u64> = HashMap::new();
        for s in seen.iter().filter(|s| s.replay.is_none()) {
            if !first.insert(&s.id) {
                continue;
            }
            let sent = &self.model.sent[&s.id];
            let offset = sent.position.map_or(0, |(_, offset)| offset);
            let before = last.insert(&sent.key, offset);
            must(before.is_none_or(|before| before < offset), || {
                format!(
                    "{} got {} of {} after a later one",
                    slot.name, s.id, sent.key
                )
            })?;
        }
        Ok(())
    }

    /// I7: no key is acted on by two members of a group at once, whatever was decided and whatever broke. What was
    /// cut off may go on until its time is over.
    fn one_at_a_time(&self, slot: &Slot) -> Result<(), String> {
        let Some(other) = slot.other.as_ref().filter(|_| self.model.ordered) else {
            return Ok(());
        };
        let until = |s: &Seen| match (s.ended, s.cut_off) {
            (Some(ended), false) => ended,
            (Some(ended), true) => ended.max(s.at + slot.policy.timeout),
            (None, _) => s.at + slot.policy.timeout,
        };
        let mut by_key: HashMap<&str, Vec<Seen>> = HashMap::new();
        for seen in other.seen() {
            let key = &self.model.sent[&seen.id].key;
            by_key.entry(key).or_default().push(seen);
        }
        for one in slot.sink.seen() {
            let key = self.model.sent[&one.id].key.as_str();
            for other in by_key.get(key).into_iter().flatten() {
                let (first, then) = match one.nth < other.nth {
                    true => (&one, other),
                    false => (other, &one),
                };
                must(until(first) <= then.at, || {
                    format!(
                        "{}: {} ({}) was at one member while {} ({}) of {key} went to the other, \
                         {:?} before {:?} (cut off: {})",
                        slot.name,
                        first.id,
                        first.delivery,
                        then.id,
                        then.delivery,
                        then.at,
                        until(first),
                        first.cut_off,
                    )
                })?;
            }
        }
        Ok(())
    }

    /// I8: all attempts at an event go to one member, unless it was decided otherwise for what is pending.
    fn faithful(&self, slot: &Slot) -> Result<(), String> {
        let Some(other) = &slot.other else {
            return Ok(());
        };
        if slot.split.moves > 0 || slot.redriven {
            return Ok(());
        }
        let had: HashSet<String> = other.seen().into_iter().map(|s| s.delivery).collect();
        let both = slot
            .sink
            .seen()
            .into_iter()
            .find(|s| had.contains(&s.delivery));
        must(both.is_none(), || {
            format!("{}: both members got {both:?}", slot.name)
        })
    }

    /// I9: what a shadow cannot deliver is no dead letter, and each event is compared once at most.
    async fn looked_on(&self, engine: &Engine) -> Result<(), String> {
        let Some(sink) = &self.model.shadow else {
            return Ok(());
        };
        let views = engine.subscriptions().await;
        let Some(view) = views.iter().find(|view| view.name == BESIDE) else {
            return Ok(());
        };
        must(view.account.dead_lettered == 0, || format!("{view:?}"))?;
        let compared = engine.compared(BESIDE, 10).await;
        let compared = compared.map_err(|error| format!("compare: {error}"))?;
        let seen: HashSet<String> = sink.seen().into_iter().map(|s| s.id).collect();
        let told = compared.compared() + compared.only_new;
        must(told <= seen.len() as u64, || {
            format!("of {} events: {compared:?}", seen.len())
        })
    }

    /// I1 and I5: all that was acknowledged was delivered, or lies in the dead letters, or left a
    /// record; and the account says so.
    async fn subscription(
        &self,
        engine: &Engine,
        slot: &Slot,
        seen: &[Seen],
    ) -> Result<(), String> {
        let name = &slot.name;
        let letters = letters(engine, name).await?;
        let own = letters.iter().filter(|l| l.subscription == *name);
        let dead: Ids = own.clone().map(|l| l.id.as_str()).collect();
        must(dead.len() == own.count(), || {
            format!("{name} has a dead letter twice")
        })?;
        let seen = seen.iter().filter(|s| s.replay.is_none());
        let delivered: Ids = seen.clone().map(|s| s.id.as_str()).collect();
        let accepted: Ids = seen.filter(|s| s.accepted).map(|s| s.id.as_str()).collect();
        let sent = self.model.sent.iter();
        let wanted: Ids = sent
            .filter(|(_, s)| self.model.takes(slot, s))
            .map(|(id, _)| id.as_str())
            .collect();
        let views = engine.subscriptions().await;
        let Some(view) = views.iter().find(|v| v.name == *name) else {
            return Err(format!("{name} is gone"));
        };
        let a = view.account;
        let now = crate::testkit::EPOCH_MS + self.clock.elapsed_ms();
        let missing: Vec<&str> = wanted
            .iter()
            .filter(|id| !delivered.contains(*id) && !dead.contains(*id))
            .filter(|id| self.model.sent[**id].expires_ms.is_none_or(|at| at > now))
            .copied()
            .collect();
        // What was retired before it began is not owed to it.
        if !slot.began_late {
            must(missing.len() as u64 <= a.purged + a.cancelled, || {
                format!(
                    "{name} never got {missing:?}: {a:?}, {}",
                    self.model.shown()
                )
            })?;
            must(a.matched == wanted.len() as u64, || {
                format!(
                    "{name} is owed {}: {a:?}, {}",
                    wanted.len(),
                    self.model.shown()
                )
            })?;
        }
        must(a.matched <= wanted.len() as u64, || {
            format!("{name} has too much: {a:?}")
        })?;
        must(a.pending == 0, || format!("{name} is not at rest: {a:?}"))?;
        must(a.dead_lettered == dead.len() as u64, || {
            format!("{name} has {} dead letters: {a:?}", dead.len())
        })?;
        must(a.accepted <= accepted.len() as u64, || {
            format!("the sink of {name} took {}: {a:?}", accepted.len())
        })?;
        let expirable = wanted
            .iter()
            .filter(|id| self.model.sent[**id].expires_ms.is_some());
        must(a.expired <= expirable.count() as u64, || {
            format!("{name} expired too much: {a:?}")
        })
    }

    async fn replayed(&self, engine: &Engine, replayed: &Replayed) -> Result<(), String> {
        let slot = &self.model.slots[replayed.slot];
        if slot.state != State::Configured || self.model.trims {
            return Ok(());
        }
        let id = &replayed.id;
        let views = engine.replays().await;
        let Some(view) = views.iter().find(|v| v.id == *id) else {
            return Err(format!("replay {id} is gone"));
        };
        must(view.state == "done", || format!("{view:?} is not done"))?;
        let letters = letters(engine, &slot.name).await?;
        let of_it = format!("{} (replay {id})", slot.name);
        let letters = letters.iter().filter(|l| l.subscription == of_it);
        let seen = slot.seen();
        let seen = seen.iter().filter(|s| s.replay.as_ref() == Some(id));
        let mut there: Ids = seen.map(|s| s.id.as_str()).collect();
        there.extend(letters.map(|l| l.id.as_str()));
        let wanted = replayed.wanted.iter();
        let missing = wanted.filter(|id| !there.contains(id.as_str())).count() as u64;
        must(
            missing <= view.account.purged + view.account.expired,
            || format!("replay {id} lacks {missing} events: {view:?}"),
        )
    }

    /// The journeys of some events say the same.
    async fn explained(&self, engine: &Engine) -> Result<(), String> {
        if self.model.trims {
            return Ok(());
        }
        for (id, sent) in self.model.sent.iter().step_by(13) {
            let journeys = engine
                .explain(id)
                .await
                .map_err(|e| format!("explain {id}: {e}"))?;
            must(journeys.len() == 1, || {
                format!("{id} has journeys {journeys:?}")
            })?;
            for slot in self
                .model
                .slots
                .iter()
                .filter(|s| s.state == State::Configured)
            {
                let stop = journeys[0]
                    .subscriptions
                    .iter()
                    .find(|s| s.subscription == slot.name);
                let state = stop.map_or("", |stop| stop.state.as_str());
                let fits = match self.model.takes(slot, sent) {
                    true => ["accepted", "dead-lettered", "expired", "purged"].contains(&state),
                    false => ["", "filtered"].contains(&state),
                };
                must(fits, || {
                    format!("{id} for {}: {stop:?}, {}", slot.name, self.model.shown())
                })?;
            }
        }
        Ok(())
    }

    /// Nothing pending is left in the tables, and no event is kept for nothing.
    async fn tables(&mut self) -> Result<(), String> {
        let streams = self
            .ground
            .open(&self.clock, self.seed)
            .map_err(|e| e.to_string())?;
        let open = streams.open("default/default", self.model.settings()).await;
        let stream = open.map_err(|e| e.to_string())?;
        for shard in 0..stream.shards() {
            for tag in [b'q', b'k', b'b', b'p'] {
                let (from, to) = keys::under(&[tag]);
                let rows = stream.scan(shard, &from, &to, usize::MAX).await;
                for (key, value) in rows.map_err(|e| e.to_string())? {
                    let lane = keys::lane_at(&key, 1);
                    let offset = match tag {
                        b'b' => keys::number(&value, 0),
                        _ => keys::number(&key, keys::FIRST),
                    };
                    let letter = stream.get(shard, &keys::dead(lane, offset)).await;
                    let letter = letter.map_err(|e| e.to_string())?.is_some();
                    let needed = matches!(tag, b'p' | b'b') && letter;
                    must(needed, || {
                        let tag = char::from(tag);
                        format!("{tag}/{lane}/{offset} is left in shard {shard}, for nothing")
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Accounts are what they were after a stop in good order.
    async fn remembered(&mut self, engine: Engine) -> Result<(), String> {
        let accounts = |views: Vec<crate::SubscriptionView>| {
            let of = views.into_iter().map(|v| (v.name, v.account));
            of.collect::<Vec<_>>()
        };
        let before = accounts(self.views().await?);
        let drained = engine.drain(std::time::Duration::ZERO).await;
        drained.map_err(|error| format!("drain: {error}"))?;
        drop(engine);
        self.engine = None;
        self.ground.leave();
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        self.engine().await?.quiesced().await;
        let after = accounts(self.views().await?);
        must(before == after, || {
            format!("{before:?} became {after:?} in a restart")
        })
    }
}

/// I6: first attempts at what the sink had accepted before.
fn repeated(seen: &[Seen]) -> u64 {
    let mut accepted = HashSet::new();
    let mut n = 0;
    for s in seen {
        n += u64::from(accepted.contains(&s.delivery));
        if s.accepted {
            accepted.insert(&s.delivery);
        }
    }
    n
}

async fn letters(engine: &Engine, name: &str) -> Result<Vec<DeadLetter>, String> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = engine.dead_letters(name, after.as_deref(), 100).await;
        let (letters, next) = page.map_err(|error| format!("dead letters of {name}: {error}"))?;
        all.extend(letters);
        after = next;
        if after.is_none() {
            return Ok(all);
        }
    }
}
