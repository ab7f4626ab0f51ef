//! Pauses of subscriptions whose stream several nodes serve: said once, and in force wherever a shard is served. Pauses
//! of others lie in the state of their stream, and nowhere else.

use super::changes::TRIES;
use super::gateway::Gateway;
use super::groups::{Decided, Decisions, decided, elsewhere_is_well};
use serde::{Deserialize, Serialize};
use tradewind_config::{Checked, LoadedSubscription};
use tradewind_engine::{Error, Reach};
use tradewind_store::Error as Store;

/// What an operator said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Pause {
    pub(crate) paused: bool,
    pub(crate) at_ms: u64,
    pub(crate) by: String,
}

/// What was said of a subscription for all nodes, if its stream is one that they share.
pub(super) fn said(
    checked: &Checked,
    decisions: &Decisions,
    name: &str,
    subscription: &LoadedSubscription,
) -> Option<bool> {
    let stream = checked.streams.get(&subscription.stream)?;
    let shared = stream.engine.as_ref()?.built.capability().shared;
    let pause = decided(decisions, name, subscription)?.pause.as_ref()?;
    shared.then_some(pause.paused)
}

impl Gateway {
    /// Stops starting attempts of a subscription, or starts them again. Of a stream that nodes share, it is said for all
    /// of them; they follow.
    ///
    /// # Errors
    /// There is no such subscription, the store fails, or only this node was asked for where it cannot be said alone.
    pub(crate) async fn pause(
        &self,
        name: &str,
        paused: bool,
        reach: Reach,
        by: &str,
    ) -> Result<(), Error> {
        let shared = {
            let config = self.config.load();
            let subscription = config.checked.subscriptions.get(name);
            subscription.is_some_and(|s| self.shares(&s.stream))
        };
        if !shared || !self.changes.is_shared() {
            let engine = self.engine.reaching(reach);
            return match paused {
                true => engine.pause(name).await,
                false => engine.resume(name).await,
            };
        }
        if reach == Reach::Here {
            return Err(Error::Invalid(format!(
                "`{name}` is paused and resumed on all nodes that share its stream: leave `here` out"
            )));
        }
        let mut left = TRIES;
        loop {
            match self.try_pause(name, paused, by).await {
                Err(Error::Store(Store::Outdated)) if left > 0 => self.catch_up().await?,
                done => return done,
            }
            left -= 1;
        }
    }

    async fn try_pause(&self, name: &str, paused: bool, by: &str) -> Result<(), Error> {
        let _alone = self.reloading.lock().await;
        let config = self.config.load_full();
        let missing = || Error::NotFound(format!("no subscription `{name}`"));
        let subscription = config.checked.subscriptions.get(name);
        let all = self.groups.all();
        let before = decided(&all, name, subscription.ok_or_else(missing)?);
        let pause = Pause {
            paused,
            at_ms: self.clock.unix_ms(),
            by: by.to_owned(),
        };
        let decided = Decided {
            pause: Some(pause.clone()),
            ..before.cloned().unwrap_or_default()
        };
        self.keep_and_apply(name, decided, &config.checked).await?;
        self.resume_here(name, &pause).await
    }

    /// A subscription that comes later under the name of one that was discarded begins as any other.
    pub(crate) async fn forget_pause(&self, name: &str) -> Result<(), Error> {
        let mut left = TRIES;
        loop {
            match self.try_forget_pause(name).await {
                Err(Error::Store(Store::Outdated)) if left > 0 => self.catch_up().await?,
                done => return done,
            }
            left -= 1;
        }
    }

    async fn try_forget_pause(&self, name: &str) -> Result<(), Error> {
        let _alone = self.reloading.lock().await;
        let config = self.config.load_full();
        let all = self.groups.all();
        let Some(before) = all.get(name).filter(|decided| decided.pause.is_some()) else {
            return Ok(());
        };
        let decided = Decided {
            pause: None,
            ..before.clone()
        };
        self.keep_and_apply(name, decided, &config.checked).await
    }

    /// Starts attempts again also where the sink said that it is gone: to the plan, that is no pause.
    pub(super) async fn resume_here(&self, name: &str, pause: &Pause) -> Result<(), Error> {
        match pause.paused {
            true => Ok(()),
            false => elsewhere_is_well(self.engine.reaching(Reach::Here).resume(name).await),
        }
    }
}
