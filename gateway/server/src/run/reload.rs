//! A new configuration is put in force whole, or not at all.

use super::assemble::{plan, site};
use super::audit::changed;
use super::files::Fingerprint;
use super::gateway::{Applied, Gateway, InForce, Refusal};
use crate::engines;
use crate::ingress::Site;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tradewind_audit::Entry;
use tradewind_config::{Change, Diagnostic, Diagnostics, System};
use tradewind_engine::Error;

/// How often the files are looked at.
const POLL: Duration = Duration::from_secs(1);
/// Looks until a reload is repeated that failed for no fault of the files; doubled up to this.
const LOOKS_MAX: u32 = 32;
/// Who asks for a reload where files have changed.
const FILES: &str = "configuration files";

impl Gateway {
    /// Loads the configuration again and puts it in force. `by` asks for it. What is wrong with it is returned,
    /// logged and counted; then the one before stays.
    pub async fn reload(&self, by: &str) -> Result<Applied, Refusal> {
        let _alone = self.reloading.lock().await;
        let result = self.replace(by).await;
        let failure = result.as_ref().err().cloned();
        if let Some(failure) = &failure {
            self.metrics.reload_failed();
            tracing::error!(reason = %failure, "configuration refused, the one before stays in force");
            let text = failure.to_string();
            let first = text.lines().next().unwrap_or_default();
            self.say("reloaded", format!("refused, nothing changed: {first}"));
        }
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        result
    }

    async fn replace(&self, by: &str) -> Result<Applied, Refusal> {
        let invalid = |diagnostics| Refusal::Invalid(lines(diagnostics));
        let (checked, fingerprint) = self.origin.load(&self.registry).map_err(invalid)?;
        let secured = super::serve::supported(&checked).map_err(Refusal::Invalid)?;
        // Not held any longer: with the one before, its sources are closed.
        let (generation, changes) = {
            let before = self.config.load();
            let changes = tradewind_config::diff(&before.checked, &checked);
            (before.generation, changes)
        };
        if changes.is_empty() {
            self.metrics.reloaded(generation);
            return Ok(Applied {
                generation,
                changes,
            });
        }
        if let Some(change) = changes.iter().find(|change| change.blocked) {
            let why = format!("cannot be applied to stored events: {change}");
            return Err(Refusal::Invalid(why));
        }
        let now_ms = self.clock.unix_ms();
        let subjects = self.schemas.resolve(&checked, now_ms, false).await;
        let subjects = subjects.map_err(Refusal::Failed)?;
        let generation = generation + 1;
        let of = self
            .audit
            .record(changed(by, generation, &changes))
            .await
            .map_err(|error| Refusal::Failed(format!("the audit log: {error}")))?;
        let ended = |outcome: String| {
            let asked = Entry {
                what: "configure".into(),
                by: by.into(),
                ..Entry::default()
            };
            self.audit.ended(of, asked, outcome)
        };
        // The engine first: from then on every new path leads somewhere. A request that still meets
        // the old ones is answered by the old ones, or told to come again.
        let plan = plan(
            &checked,
            self.telemetry.as_ref(),
            &self.groups.all(),
            self.schemas.held_with(&checked, &subjects),
        );
        let places = engines::places(&checked);
        if !self.changes.is_shared() && places.values().any(|e| e.capability().shared) {
            tracing::warn!(
                "what other nodes change at run time is followed from the next start on: streams are shared only since this reload"
            );
        }
        let places = self.engines.place(places);
        if let Err(error) = self.engine.apply(plan).await {
            self.engines.place(places);
            ended(format!("refused: {error}")).await;
            return Err(match error {
                Error::Store(_) => Refusal::Failed(error.to_string()),
                error => Refusal::Invalid(error.to_string()),
            });
        }
        self.schemas.adopt(subjects);
        // Were this lost, the next start or reload does it: until then the file holds all the same.
        let settled = self.groups.settle(&checked, &self.changes, now_ms).await;
        if let Err(error) = settled {
            tracing::error!(%error, "what was decided for groups is not noted anew");
        }
        self.site.store(Arc::new(Site {
            tls: secured.events,
            // The address is taken until the next start, and may be one that strangers listen to.
            admin_tls: secured.admin.or_else(|| self.site.load().admin_tls.clone()),
            ..site(&checked)
        }));
        self.audit.keep(checked.config.audit.keep.0);
        self.pulls.replace(self, &checked).await;
        for warning in checked.warnings.warnings() {
            tracing::warn!("{warning}");
        }
        self.config.store(Arc::new(InForce {
            generation,
            fingerprint,
            checked,
        }));
        ended(format!("generation {generation} in force")).await;
        self.metrics.reloaded(generation);
        self.news.changed(&changes);
        for change in &changes {
            tracing::info!(generation, "{}", change.to_string().trim_end());
        }
        self.say(
            "reloaded",
            format!("generation {generation}, {} change(s)", changes.len()),
        );
        Ok(Applied {
            generation,
            changes,
        })
    }

    /// What a configuration would change. `name` decides the syntax. It may name any file of this machine, so of
    /// other files nothing is told but where they are wrong.
    pub fn compare(&self, name: &str, text: &str) -> Result<Vec<Change>, String> {
        let told = |found: Diagnostics| {
            // What other files hold is not for who may name any of them.
            let own = |one: &Diagnostic| one.file == name && !one.path.ends_with(".file");
            let each = found.iter().map(|one| match own(one) {
                true => one.render(false),
                false => format!("{}:{}:{}: {}", one.file, one.line, one.column, one.code),
            });
            each.collect::<Vec<_>>().join("\n\n")
        };
        let mut checked =
            tradewind_config::load_str(name, text, &self.registry, &System).map_err(told)?;
        (self.origin.amend)(&mut checked);
        let mut changes = tradewind_config::diff(&self.config.load().checked, &checked);
        for change in &mut changes {
            change.effects.extend(self.overridden(change, &checked));
        }
        Ok(changes)
    }

    /// Reloads when the files' content has changed and has then stayed the same for a moment, so
    /// that a file that is just being written is not taken for a short one. What failed for no fault
    /// of the files is tried again. Never returns.
    pub(super) async fn watch(&self) {
        if self.path.is_none() {
            return;
        }
        // What was read at the start: a file may have changed since.
        let mut taken = Some(self.config.load().fingerprint);
        let mut seen = None;
        let (mut patience, mut looks) = (1, 0);
        loop {
            let now = Some(Fingerprint::now(&self.files()));
            if now != taken {
                patience = 1;
            }
            looks += 1;
            let again = looks >= patience && matches!(self.failure(), Some(Refusal::Failed(_)));
            if now == seen && (now != taken || again) {
                taken = now;
                (patience, looks) = ((patience * 2).min(LOOKS_MAX), 0);
                // Its outcome is logged and counted there.
                self.reload(FILES).await.ok();
            }
            seen = now;
            tokio::time::sleep(POLL).await;
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        self.config.load().checked.files.clone()
    }
}

fn lines(diagnostics: Diagnostics) -> String {
    diagnostics.render(false)
}
