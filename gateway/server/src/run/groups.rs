//! What members of groups take: the file says it, operators say otherwise at run time, and for some groups the
//! gateway itself does when a member is in trouble.

use super::assemble::plan;
use super::audit::GATEWAY;
use super::changes::{Changes, DECISIONS, TRIES};
use super::gateway::Gateway;
use super::pauses::Pause;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tradewind_audit::Entry;
use tradewind_config::{Change, Checked, GroupMode as Mode, LoadedGroup, LoadedSubscription};
use tradewind_engine::{Error, MemberView, Split};
use tradewind_store::{Error as Store, Op};

/// How often members are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Most decisions that are read back.
const MOST: usize = 10_000;
/// Weights that are made here add up to it.
const WHOLE: u32 = 10_000;

/// What was decided for a subscription at run time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decided {
    /// Weights in place of those of the file; `None` where the file's hold.
    pub(crate) weights: Option<Vec<(String, u32)>>,
    /// Of a subscription that several nodes serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pause: Option<Pause>,
    /// Counts decisions that hold for what was pending, too; it never goes back.
    pub(crate) moves: u64,
    pub(crate) at_ms: u64,
    pub(crate) by: String,
    pub(crate) why: String,
}

/// Decisions by subscription.
pub(crate) type Decisions = BTreeMap<String, Decided>;

/// The decisions in force, as they are kept.
#[derive(Debug, Default)]
pub(crate) struct Groups(Mutex<Arc<Decisions>>);

/// What an operator wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// So many percent of the keys to this member; the others share the rest as they did.
    Percent(String, u32),
    /// What the file says.
    Back,
}

impl Groups {
    pub(super) async fn load(changes: &Changes) -> Result<Self, Store> {
        loop {
            let revision = changes.revision();
            let all = Self::read(changes).await?;
            if changes.has_read(revision) {
                return Ok(Self(Mutex::new(Arc::new(all))));
            }
        }
    }

    pub(super) async fn read(changes: &Changes) -> Result<Decisions, Store> {
        let mut all = Decisions::new();
        for (key, value) in changes.scan(DECISIONS.0, DECISIONS.1, MOST).await? {
            let name = String::from_utf8_lossy(&key[2..]).into_owned();
            match serde_json::from_slice(&value) {
                Ok(decided) => drop(all.insert(name, decided)),
                Err(error) => {
                    tracing::error!(%error, subscription = name, "what was decided at run time is not understood: the file holds");
                }
            }
        }
        Ok(all)
    }

    pub(crate) fn all(&self) -> Arc<Decisions> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the decisions those of a configuration that is in force: weights end where it names other members, and
    /// what was decided under an earlier name is found under the new one from now on.
    pub(super) async fn settle(
        &self,
        checked: &Checked,
        changes: &Changes,
        now_ms: u64,
    ) -> Result<(), Store> {
        let before = self.all();
        let all = settled(&before, checked, now_ms);
        let gone = before.keys().filter(|name| !all.contains_key(*name));
        let mut ops: Vec<Op> = gone.map(|name| Op::Delete(key(name))).collect();
        for (name, decided) in &all {
            if before.get(name) != Some(decided) {
                let value = serde_json::to_vec(decided).unwrap_or_default();
                ops.push(Op::Put(key(name), value.into()));
            }
        }
        if !ops.is_empty() {
            changes.write(ops).await?;
            self.store(all);
        }
        Ok(())
    }

    /// The same at a start, where others may change them at the same time.
    pub(super) async fn begin(
        checked: &Checked,
        changes: &Changes,
        now_ms: u64,
    ) -> Result<Self, Store> {
        for _ in 0..TRIES {
            let groups = Self::load(changes).await?;
            match groups.settle(checked, changes, now_ms).await {
                Err(Store::Outdated) => {}
                settled => return settled.map(|()| groups),
            }
        }
        Err(Store::Busy)
    }

    fn store(&self, all: Decisions) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(all);
    }
}

/// The row of a subscription's decision.
fn key(name: &str) -> Bytes {
    format!("w/{name}").into()
}

fn settled(before: &Decisions, checked: &Checked, now_ms: u64) -> Decisions {
    let mut all = before.clone();
    for (name, subscription) in &checked.subscriptions {
        let renamed = subscription.renamed_from.as_deref();
        if let Some(old) = renamed.filter(|old| !checked.subscriptions.contains_key(*old))
            && !all.contains_key(name)
            && let Some(decided) = all.remove(old)
        {
            all.insert(name.clone(), decided);
        }
        let Some(decided) = all.get_mut(name) else {
            continue;
        };
        let group = subscription.group.as_ref();
        let fits = group.is_some_and(|group| in_place(group, Some(&*decided)).is_some());
        if let Some(weights) = decided.weights.take_if(|_| !fits) {
            tracing::warn!(
                subscription = name,
                ?weights,
                why = decided.why,
                "weights that were put in force at run time have ended: the file names other members"
            );
            decided.at_ms = now_ms;
            decided.by = GATEWAY.into();
            decided.why = "the file names other members".into();
        }
    }
    all
}

/// What was decided for a subscription, under its name or its earlier one.
pub(crate) fn decided<'a>(
    all: &'a Decisions,
    name: &str,
    subscription: &LoadedSubscription,
) -> Option<&'a Decided> {
    let renamed = subscription.renamed_from.as_deref();
    all.get(name).or_else(|| all.get(renamed?))
}

/// The weights that were put in force at run time, where they fit the members of the file.
pub(crate) fn in_place<'a>(
    group: &LoadedGroup,
    decided: Option<&'a Decided>,
) -> Option<&'a Vec<(String, u32)>> {
    let weights = decided?.weights.as_ref()?;
    let said: BTreeSet<&str> = weights.iter().map(|(name, _)| name.as_str()).collect();
    let there: BTreeSet<&str> = group.members.iter().map(|m| m.name.as_str()).collect();
    (said == there).then_some(weights)
}

/// How a group splits keys.
pub(super) fn split(group: &LoadedGroup, decided: Option<&Decided>) -> Split {
    let own = group.members.iter().map(|m| (m.name.clone(), m.weight));
    let weight = |name: &str| {
        let run_time = in_place(group, decided)?.iter();
        run_time.clone().find(|(n, _)| n == name).map(|(_, w)| *w)
    };
    Split {
        // In the order of the file, so that equal weights are the same split.
        weights: own
            .map(|(name, own)| (weight(&name).unwrap_or(own), name))
            .map(|(weight, name)| (name, weight))
            .collect(),
        moves: decided.map_or(0, |decided| decided.moves),
    }
}

/// So many percent for one member; the others share the rest in proportion to what they have.
fn shifted(now: &Split, to: &str, percent: u32) -> Vec<(String, u32)> {
    let own = percent.min(100) * (WHOLE / 100);
    let rest = WHOLE - own;
    let others = now.weights.iter().filter(|(name, _)| name != to);
    let total: u64 = others.clone().map(|(_, weight)| u64::from(*weight)).sum();
    let mut left = rest;
    let mut weights: Vec<(String, u32)> = now
        .weights
        .iter()
        .map(|(name, weight)| {
            let part = match (name == to, total) {
                (true, _) => own,
                (false, 0) => 0,
                (false, total) => (u64::from(rest) * u64::from(*weight) / total) as u32,
            };
            if name != to {
                left -= part;
            }
            (name.clone(), part)
        })
        .collect();
    // What rounding left over, or all of it where the others have had nothing.
    let had = |name: &str| now.weights.iter().any(|(n, w)| n == name && *w > 0);
    let takes = weights.iter().position(|(name, _)| name != to && had(name));
    let first = weights.iter().position(|(name, _)| name != to);
    if let Some((_, weight)) = takes.or(first).and_then(|at| weights.get_mut(at)) {
        *weight += left;
    }
    weights
}

/// What the gateway decides for a group, as its members stand: other weights, and why.
fn decide(mode: Mode, members: &[MemberView]) -> Option<(Vec<(String, u32)>, String)> {
    let down = |member: &MemberView| match member.gone {
        true => format!("`{}` said that it is gone", member.name),
        false => format!("the circuit of `{}` is open", member.name),
    };
    match mode {
        Mode::Weighted => None,
        Mode::FailOver => {
            let now = members.iter().find(|member| member.share > 0.0)?;
            let next = members
                .iter()
                .find(|m| m.name != now.name && !m.is_down())?;
            let weights = members.iter().map(|member| {
                let takes = member.name == next.name;
                (member.name.clone(), u32::from(takes))
            });
            let why = format!("{}: `{}` takes over", down(now), next.name);
            now.is_down().then(|| (weights.collect(), why))
        }
        Mode::Canary => {
            let (stable, canaries) = members.split_first()?;
            let failed = canaries.iter().find(|m| m.share > 0.0 && m.is_down())?;
            if stable.is_down() {
                return None;
            }
            let part = |member: &MemberView| (member.share * f64::from(WHOLE)).round() as u32;
            let weight = |member: &MemberView| {
                if member.name == failed.name {
                    0
                } else if member.name == stable.name {
                    part(stable) + part(failed)
                } else {
                    part(member)
                }
            };
            let weights = members.iter().map(|m| (m.name.clone(), weight(m)));
            let why = format!("{}: `{}` takes its keys back", down(failed), stable.name);
            Some((weights.collect(), why))
        }
    }
}

impl Gateway {
    /// Puts other weights in force, from the present end of the stream on; with `pending`, also for what is
    /// pending. Durable when it returns.
    ///
    /// # Errors
    /// There is no such group or member, or the store fails.
    pub(crate) async fn cut_over(
        &self,
        name: &str,
        wanted: &Wanted,
        pending: bool,
        by: &str,
    ) -> Result<(), Error> {
        let mut left = TRIES;
        loop {
            match self.try_cut_over(name, wanted, pending, by).await {
                Err(Error::Store(Store::Outdated)) if left > 0 => self.catch_up().await?,
                done => return done,
            }
            left -= 1;
        }
    }

    /// Whether other nodes serve some of a stream, or may.
    pub(super) fn shares(&self, stream: &str) -> bool {
        let engine = self.engines.of(stream);
        engine.is_some_and(|engine| engine.capability().shared)
    }

    async fn try_cut_over(
        &self,
        name: &str,
        wanted: &Wanted,
        pending: bool,
        by: &str,
    ) -> Result<(), Error> {
        let _alone = self.reloading.lock().await;
        let config = self.config.load_full();
        let (subscription, group) = grouped(&config.checked, name)?;
        if self.shares(&subscription.stream) && !self.changes.is_shared() {
            return Err(Error::Invalid(format!(
                "other nodes share the stream of `{name}`, and this one follows what they change only from its next \
                 start on: restart it"
            )));
        }
        let all = self.groups.all();
        let before = decided(&all, name, subscription);
        let (weights, why) = match wanted {
            Wanted::Back => (None, "back to the file".to_owned()),
            Wanted::Percent(member, percent) => {
                if !group.members.iter().any(|m| m.name == *member) {
                    let known: Vec<&str> = group.members.iter().map(|m| &*m.name).collect();
                    return Err(Error::Invalid(format!(
                        "the group of `{name}` has no member `{member}`: {}",
                        known.join(", ")
                    )));
                }
                if *percent > 100 {
                    return Err(Error::Invalid(format!("{percent} percent are too many")));
                }
                let weights = shifted(&split(group, before), member, *percent);
                (Some(weights), format!("{percent} % to {member}"))
            }
        };
        let decided = Decided {
            weights,
            pause: before.and_then(|before| before.pause.clone()),
            moves: before.map_or(0, |before| before.moves) + u64::from(pending),
            at_ms: self.clock.unix_ms(),
            by: by.to_owned(),
            why,
        };
        // Whoever says where keys go wants it tried there: else a member whose circuit is still open would lose
        // them again at the next look. Before that look can see the decision.
        self.engine.try_again(name).await?;
        self.decide(name, decided, &config.checked).await
    }

    /// Kept first: what was decided is found again.
    async fn decide(&self, name: &str, decided: Decided, checked: &Checked) -> Result<(), Error> {
        let why = decided.why.clone();
        self.keep_and_apply(name, decided, checked).await?;
        tracing::warn!(subscription = name, why, "a group is split otherwise");
        self.say("cut-over", format!("{name}: {why}"));
        Ok(())
    }

    /// Keeps what was decided of a subscription, and puts it in force here. The caller has the lock of reloads.
    pub(super) async fn keep_and_apply(
        &self,
        name: &str,
        decided: Decided,
        checked: &Checked,
    ) -> Result<(), Error> {
        let before = self.groups.all();
        let value = Bytes::from(serde_json::to_vec(&decided).unwrap_or_default());
        self.changes.write(vec![Op::Put(key(name), value)]).await?;
        let mut all = Decisions::clone(&before);
        all.insert(name.to_owned(), decided);
        let applied = self.apply_decisions(&all, checked).await;
        match applied {
            // Others have it in force by now, and this node tries on.
            Err(error) if self.changes.is_shared() => {
                self.changes.outdate();
                return Err(error);
            }
            Err(error) => {
                let undo = match before.get(name) {
                    Some(before) => {
                        let before = serde_json::to_vec(before).unwrap_or_default();
                        Op::Put(key(name), before.into())
                    }
                    None => Op::Delete(key(name)),
                };
                self.changes.write(vec![undo]).await?;
                return Err(error);
            }
            Ok(()) => {}
        }
        self.groups.store(all);
        Ok(())
    }

    async fn apply_decisions(&self, all: &Decisions, checked: &Checked) -> Result<(), Error> {
        let schemas = self.schemas.held(checked);
        let plan = plan(checked, self.telemetry.as_ref(), all, schemas);
        self.engine.apply(plan).await
    }

    /// Puts in force here what other nodes have decided. The caller has the lock of reloads.
    pub(super) async fn follow_decisions(
        &self,
        all: Decisions,
        checked: &Checked,
    ) -> Result<(), Error> {
        let before = self.groups.all();
        if all != *before {
            self.follow(&all, &before, checked).await?;
            self.groups.store(all);
        }
        Ok(())
    }

    async fn follow(
        &self,
        all: &Decisions,
        before: &Decisions,
        checked: &Checked,
    ) -> Result<(), Error> {
        let changed = |name: &str, subscription: &LoadedSubscription| {
            let decided = |all| decided(all, name, subscription).cloned();
            let (now, then) = (decided(all), decided(before));
            (now != then).then_some((now.unwrap_or_default(), then.unwrap_or_default()))
        };
        let subscriptions = checked.subscriptions.iter();
        let changed = subscriptions.filter_map(|(name, s)| Some((name, changed(name, s)?)));
        let changed: Vec<_> = changed.collect();
        for (name, (now, then)) in &changed {
            if now.weights != then.weights || now.moves != then.moves {
                // As where it was decided: a member whose circuit is open here may be tried again.
                elsewhere_is_well(self.engine.try_again(name).await)?;
                let (why, by) = (&now.why, &now.by);
                tracing::warn!(
                    subscription = name,
                    why,
                    by,
                    "a group is split otherwise, by another node"
                );
                self.say("cut-over", format!("{name}: {why}"));
            }
        }
        self.apply_decisions(all, checked).await?;
        for (name, (now, then)) in &changed {
            if now.pause != then.pause
                && let Some(pause) = &now.pause
            {
                let (paused, by) = (pause.paused, &pause.by);
                tracing::info!(
                    subscription = name,
                    paused,
                    by,
                    "paused or resumed by another node"
                );
                self.resume_here(name, pause).await?;
            }
        }
        Ok(())
    }

    /// Looks after members where the configuration leaves that to the gateway. Never returns.
    pub(super) async fn watch_groups(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let modes = self.watched_groups();
            if modes.is_empty() {
                continue;
            }
            let seen = self.groups.all();
            for view in self.engine.subscriptions().await {
                let mode = modes.get(&view.name).filter(|_| view.state == "active");
                if let Some((weights, why)) = mode.and_then(|mode| decide(*mode, &view.members))
                    && let Err(error) = self.step_in(&view.name, weights, why, &seen).await
                {
                    tracing::error!(subscription = view.name, %error, "a group in trouble is left as it is");
                }
            }
        }
    }

    fn watched_groups(&self) -> BTreeMap<String, Mode> {
        let config = self.config.load();
        let all = config.checked.subscriptions.iter();
        let groups = all.filter_map(|(name, s)| Some((name.clone(), s.group.as_ref()?.mode)));
        groups.filter(|(_, mode)| *mode != Mode::Weighted).collect()
    }

    async fn step_in(
        &self,
        name: &str,
        weights: Vec<(String, u32)>,
        why: String,
        seen: &Decisions,
    ) -> Result<(), Error> {
        let _alone = self.reloading.lock().await;
        let all = self.groups.all();
        if all.get(name) != seen.get(name) {
            // Somebody else has decided since: that is looked at first.
            return Ok(());
        }
        let entry = Entry {
            what: "cut-over".into(),
            by: GATEWAY.into(),
            object: Some(format!("subscription {name}")),
            detail: Some(json!({ "why": why, "weights": weights })),
            ..Entry::default()
        };
        let recorded = self.audit.record(vec![entry.clone()]).await;
        let of = recorded.map_err(|error| Error::Invalid(format!("the audit log: {error}")))?;
        let config = self.config.load_full();
        let (subscription, _) = grouped(&config.checked, name)?;
        let before = decided(&all, name, subscription);
        let decided = Decided {
            weights: Some(weights),
            pause: before.and_then(|before| before.pause.clone()),
            moves: before.map_or(0, |before| before.moves) + 1,
            at_ms: self.clock.unix_ms(),
            by: GATEWAY.into(),
            why,
        };
        let done = match self.decide(name, decided, &config.checked).await {
            // Another node was first: what it did is looked at first.
            Err(Error::Store(Store::Outdated)) => {
                let outcome = "another node was first".to_owned();
                self.audit.ended(of, entry, outcome).await;
                return Ok(());
            }
            done => done,
        };
        let outcome = match &done {
            Ok(()) => "done".to_owned(),
            Err(error) => error.to_string(),
        };
        self.audit.ended(of, entry, outcome).await;
        done
    }

    /// What a file that changes a group is told of weights that were put in force at run time.
    pub(super) fn overridden(&self, change: &Change, new: &Checked) -> Option<String> {
        if change.object != "subscription" || !change.keys.iter().any(|k| k.key.starts_with("sink"))
        {
            return None;
        }
        let decided = self.at_run_time().remove(&change.name)?;
        let name = &change.name;
        let group = new.subscriptions.get(name)?.group.as_ref();
        Some(
            match group.and_then(|group| in_place(group, Some(&decided))) {
                Some(_) => format!(
                    "the weights of the file do not hold: {}, by {}, until `tradewind cutover {name} --back`",
                    decided.why, decided.by
                ),
                None => format!(
                    "ends what was put in force at run time ({}): it has other members",
                    decided.why
                ),
            },
        )
    }

    /// Groups whose weights are not those of the file: by subscription, what was decided.
    pub(crate) fn at_run_time(&self) -> BTreeMap<String, Decided> {
        let config = self.config.load();
        let all = self.groups.all();
        let mut found = BTreeMap::new();
        for (name, subscription) in &config.checked.subscriptions {
            let Some(group) = &subscription.group else {
                continue;
            };
            let decided = decided(&all, name, subscription);
            if in_place(group, decided).is_some() {
                found.extend(decided.map(|decided| (name.clone(), decided.clone())));
            }
        }
        found
    }
}

/// Nothing of it is served here.
pub(super) fn elsewhere_is_well(done: Result<(), Error>) -> Result<(), Error> {
    match done {
        Err(Error::Elsewhere(_) | Error::Store(Store::Elsewhere(_))) => Ok(()),
        done => done,
    }
}

fn grouped<'a>(
    checked: &'a Checked,
    name: &str,
) -> Result<(&'a LoadedSubscription, &'a LoadedGroup), Error> {
    let subscription = checked.subscriptions.get(name);
    let missing = || Error::NotFound(format!("no subscription `{name}`"));
    let subscription = subscription.ok_or_else(missing)?;
    let group = subscription.group.as_ref();
    let none = || Error::Invalid(format!("the sink of `{name}` is no group"));
    Ok((subscription, group.ok_or_else(none)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(weights: &[(&str, u32)]) -> Split {
        let named = weights
            .iter()
            .map(|(name, weight)| (name.to_string(), *weight));
        Split {
            weights: named.collect(),
            moves: 0,
        }
    }

    #[test]
    fn the_others_share_the_rest_as_they_did() {
        // as they are, to whom, percent, as they become
        let table: &[(&[u32], u32, &[u32])] = &[
            (&[100, 0], 10, &[9000, 1000]),
            (&[9000, 1000], 100, &[0, 10_000]),
            (&[0, 10_000], 30, &[7000, 3000]),
            (&[0, 1], 0, &[10_000, 0]),
            (&[2, 0, 1], 10, &[6000, 1000, 3000]),
            (&[1, 0, 1, 1], 1, &[3300, 100, 3300, 3300]),
            (&[1, 0, 1, 1], 0, &[3334, 0, 3333, 3333]),
        ];
        for (before, percent, after) in table {
            let names = ["a", "b", "c", "d"];
            let before: Vec<_> = names.into_iter().zip(before.iter().copied()).collect();
            let shifted = shifted(&now(&before), "b", *percent);
            let weights: Vec<u32> = shifted.iter().map(|(_, weight)| *weight).collect();
            assert_eq!(weights, *after, "{before:?} {percent}");
            assert_eq!(weights.iter().sum::<u32>(), WHOLE);
        }
    }

    fn member(name: &str, share: f64, circuit: &str, in_flight: u64) -> MemberView {
        MemberView {
            name: name.into(),
            sink: String::new(),
            share,
            circuit: circuit.into(),
            gone: false,
            in_flight,
            accepted: 0,
            retried: 0,
            rejected: 0,
        }
    }

    #[test]
    fn the_gateway_steps_in_once_trouble_is_certain() {
        use Mode::{Canary, FailOver, Weighted};
        let ([open, closed], [some, none]) = (["open", "closed"], [1, 0]);
        let gone = MemberView {
            gone: true,
            ..member("a", 1.0, closed, 0)
        };
        let of = |weights: &[u32]| Some(weights.to_vec());
        let table = [
            (
                FailOver,
                vec![member("a", 1.0, open, none), member("b", 0.0, closed, none)],
                of(&[0, 1]),
            ),
            (
                FailOver,
                vec![gone, member("b", 0.0, closed, none)],
                of(&[0, 1]),
            ),
            // Something is under way there.
            (
                FailOver,
                vec![member("a", 1.0, open, some), member("b", 0.0, closed, none)],
                None,
            ),
            (
                FailOver,
                vec![
                    member("a", 1.0, "half-open", none),
                    member("b", 0.0, closed, none),
                ],
                None,
            ),
            (
                FailOver,
                vec![member("a", 1.0, open, none), member("b", 0.0, open, none)],
                None,
            ),
            // It does not go back by itself.
            (
                FailOver,
                vec![
                    member("a", 0.0, closed, none),
                    member("b", 1.0, closed, none),
                ],
                None,
            ),
            (
                FailOver,
                vec![member("a", 0.0, closed, none), member("b", 1.0, open, none)],
                of(&[1, 0]),
            ),
            (
                Canary,
                vec![member("a", 0.9, closed, some), member("b", 0.1, open, none)],
                of(&[10_000, 0]),
            ),
            (
                Canary,
                vec![member("a", 0.9, open, none), member("b", 0.1, closed, none)],
                None,
            ),
            (
                Canary,
                vec![member("a", 0.9, open, none), member("b", 0.1, open, none)],
                None,
            ),
            (
                Canary,
                vec![member("a", 1.0, closed, none), member("b", 0.0, open, none)],
                None,
            ),
            (
                Weighted,
                vec![member("a", 0.5, open, none), member("b", 0.5, closed, none)],
                None,
            ),
        ];
        for (mode, members, expected) in table {
            let decided = decide(mode, &members);
            let weights =
                decided.map(|(all, _)| all.into_iter().map(|(_, w)| w).collect::<Vec<_>>());
            assert_eq!(weights, expected, "{mode:?} {members:?}");
        }
    }
}
