//! What becomes of a registered schema later: it is deprecated, or removed as a whole or by version.

use super::kept::{self, Deprecated, Kept};
use super::register::{Trouble, catch_up, writable};
use super::{Key, Registrar};
use crate::run::Gateway;
use crate::run::changes::TRIES;
use serde::Deserialize;
use std::sync::Arc;
use tradewind_store::{Error as Store, Op};

/// What is said of a schema that is on its way out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Deprecation {
    /// Takes it back.
    pub(crate) withdraw: bool,
    /// The address of what takes its place.
    pub(crate) alternative: Option<String>,
    /// When it may be gone, RFC 3339.
    pub(crate) removal: Option<String>,
}

impl Registrar {
    /// Says that a schema is on its way out, or that it is not. Events are held against it as before.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(crate) async fn deprecate(
        &self,
        gateway: &Gateway,
        key: &Key,
        said: Deprecation,
    ) -> Result<(), Trouble> {
        let effective = stamp(gateway.clock.unix_ms());
        let deprecated = match said {
            Deprecation { withdraw: true, .. } => None,
            said => Some(Deprecated {
                effective: effective.clone(),
                removal: said
                    .removal
                    .map(|time| moment(&time, &effective))
                    .transpose()?,
                alternative: said.alternative.map(address).transpose()?,
            }),
        };
        self.change(gateway, key, |kept| {
            kept.head.deprecated = deprecated.clone();
            Ok(Vec::new())
        })
        .await
    }

    /// Removes one version. Its number is never given again.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(crate) async fn remove_version(
        &self,
        gateway: &Gateway,
        key: &Key,
        number: u32,
    ) -> Result<(), Trouble> {
        self.change(gateway, key, |kept| {
            let versions = &mut kept.registered.versions;
            let Some(at) = versions.iter().position(|v| v.number == number) else {
                return Err(Trouble::NotFound(format!(
                    "schema `{}` has no version {number}",
                    key.1
                )));
            };
            if versions.len() == 1 {
                return Err(Trouble::Wrong(format!(
                    "{number} is the only version of `{}`: delete the schema",
                    key.1
                )));
            }
            versions.remove(at);
            kept.created_ms.remove(at);
            Ok(vec![Op::Delete(kept::body_key(key, number))])
        })
        .await
    }

    /// Removes a schema with all its versions; gives how many there were.
    ///
    /// # Errors
    /// Nothing was changed.
    pub(crate) async fn remove(&self, gateway: &Gateway, key: &Key) -> Result<usize, Trouble> {
        let _turn = self.turn.lock().await;
        let mut left = TRIES;
        loop {
            match self.try_remove(gateway, key).await {
                Err(Trouble::Store(Store::Outdated)) if left > 0 => catch_up(gateway).await?,
                done => return done,
            }
            left -= 1;
        }
    }

    async fn try_remove(&self, gateway: &Gateway, key: &Key) -> Result<usize, Trouble> {
        let before = self.there(gateway, key)?;
        let _alone = gateway.reloading.lock().await;
        self.unchanged(key, Some(&before))?;
        self.changes.write(kept::forget(key)).await?;
        self.state().kept.remove(key);
        self.put_in_force(gateway);
        Ok(before.registered.versions.len())
    }

    async fn change(
        &self,
        gateway: &Gateway,
        key: &Key,
        change: impl Fn(&mut Kept) -> Result<Vec<Op>, Trouble>,
    ) -> Result<(), Trouble> {
        let _turn = self.turn.lock().await;
        let mut left = TRIES;
        loop {
            match self.try_change(gateway, key, &change).await {
                Err(Trouble::Store(Store::Outdated)) if left > 0 => catch_up(gateway).await?,
                done => return done,
            }
            left -= 1;
        }
    }

    async fn try_change(
        &self,
        gateway: &Gateway,
        key: &Key,
        change: impl Fn(&mut Kept) -> Result<Vec<Op>, Trouble>,
    ) -> Result<(), Trouble> {
        let before = self.there(gateway, key)?;
        let mut kept = Kept::clone(&before);
        let mut ops = change(&mut kept)?;
        kept.head.epoch += 1;
        kept.head.modified_ms = gateway.clock.unix_ms();
        ops.push(kept.head.put(key)?);
        let _alone = gateway.reloading.lock().await;
        self.unchanged(key, Some(&before))?;
        self.changes.write(ops).await?;
        self.state().kept.insert(key.clone(), Arc::new(kept));
        self.put_in_force(gateway);
        Ok(())
    }

    /// One that was registered; what only the configuration has cannot be changed here.
    fn there(&self, gateway: &Gateway, key: &Key) -> Result<Arc<Kept>, Trouble> {
        if let Some(kept) = self.state().kept.get(key) {
            return Ok(Arc::clone(kept));
        }
        writable(&gateway.config.load().checked, key)?;
        Err(Trouble::NotFound(format!("no schema `{}`", key.1)))
    }
}

/// RFC 3339 of milliseconds since the Unix epoch.
pub(crate) fn stamp(ms: u64) -> String {
    let time = i64::try_from(ms)
        .ok()
        .map(jiff::Timestamp::from_millisecond);
    time.and_then(Result::ok).unwrap_or_default().to_string()
}

fn moment(text: &str, effective: &str) -> Result<String, Trouble> {
    let time = text.parse::<jiff::Timestamp>();
    let from = effective.parse::<jiff::Timestamp>();
    match (time, from) {
        (Ok(time), Ok(from)) if time >= from => Ok(time.to_string()),
        (Ok(_), _) => Err(Trouble::Wrong("`removal` is in the past".into())),
        (Err(_), _) => Err(Trouble::Wrong(
            "`removal` is no time: write RFC 3339, for instance 2027-01-31T00:00:00Z".into(),
        )),
    }
}

fn address(text: String) -> Result<String, Trouble> {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    match text.contains("://") && text.len() <= 1024 && !text.contains(odd) {
        true => Ok(text),
        false => Err(Trouble::Wrong("`alternative` is no address".into())),
    }
}
