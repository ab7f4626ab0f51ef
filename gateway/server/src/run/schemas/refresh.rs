//! Registries are asked for the latest versions, each at its own pace.

use super::origin::{self, Asked, Subject};
use crate::run::Gateway;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tradewind_adapter::Fetch;
use tradewind_audit::Entry;
use tradewind_config::{LoadedSchema, SchemaOrigin, SchemaRegistry};
use tradewind_schema::Compatibility;

/// How often it is looked who is due.
const LOOK: Duration = Duration::from_secs(1);

/// One registry and what is asked of it. Its own, since answers may take minutes: who holds a configuration keeps its
/// sources connected.
struct Round {
    registry: String,
    settings: SchemaRegistry,
    latest: Vec<(String, LoadedSchema, SchemaOrigin)>,
}

impl Gateway {
    /// Never returns.
    pub(in crate::run) async fn keep_schemas(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let rounds = self.due_rounds();
            join_all(rounds.iter().map(|round| self.ask_registry(round))).await;
        }
    }

    /// Whom to ask now, and for what.
    fn due_rounds(&self) -> Vec<Round> {
        let config = self.config.load();
        let now = Instant::now();
        let due = config
            .checked
            .schema_registries
            .iter()
            .filter(|(name, at)| {
                let mut state = self.schemas.state();
                let last = *state.rounds.entry((*name).clone()).or_insert(now);
                let due = now.duration_since(last) >= at.refresh.0;
                if due {
                    state.rounds.insert((*name).clone(), now);
                }
                due
            });
        let rounds = due.map(|(name, settings)| {
            let schemas = config.checked.schemas.iter();
            let latest = schemas.filter_map(|(schema, loaded)| {
                let origin = loaded.from.clone()?;
                let latest = origin.subject.version.number().is_none();
                (origin.subject.name == *name && latest)
                    .then(|| (schema.clone(), loaded.clone(), origin))
            });
            Round {
                registry: name.clone(),
                settings: settings.clone(),
                latest: latest.collect(),
            }
        });
        rounds.collect()
    }

    async fn ask_registry(&self, round: &Round) {
        let (registry, settings) = (&*round.registry, &round.settings);
        let client = match origin::client(settings) {
            Ok(client) => client,
            Err(reason) => {
                tracing::warn!(registry, reason, "the registry of schemas cannot be asked");
                return;
            }
        };
        for (name, loaded, origin) in &round.latest {
            let asked = self.ask(&*client, settings, (name, loaded, origin)).await;
            let (outcome, failure, out) = match asked {
                Ok(true) => ("changed", None, false),
                Ok(false) => ("unchanged", None, false),
                Err(not) => ("failed", Some(not.reason), not.out),
            };
            self.metrics.schema_asked(registry, outcome);
            let asked = Asked {
                at_ms: self.clock.unix_ms(),
                failure: failure.clone(),
            };
            let before = self.schemas.state().asked.insert(name.clone(), asked);
            let told = before.and_then(|before| before.failure);
            match failure {
                // Once for each reason, and not at each question.
                Some(reason) if told.as_ref() != Some(&reason) => tracing::warn!(
                    registry,
                    schema = %name,
                    reason,
                    "what the registry said last stands"
                ),
                None if told.is_some() => {
                    tracing::info!(registry, schema = %name, "the registry answers again");
                }
                _ => {}
            }
            // One that is out would keep each schema waiting.
            if out {
                break;
            }
        }
    }

    /// Whether there is a new version, which is then in force.
    async fn ask(
        &self,
        client: &dyn Fetch,
        settings: &SchemaRegistry,
        (name, loaded, origin): (&String, &LoadedSchema, &SchemaOrigin),
    ) -> Result<bool, origin::NotRead> {
        let wrong = |reason: String| origin::NotRead { reason, out: false };
        let copy = origin::read(client, settings, origin, self.clock.unix_ms()).await?;
        let before = self.schemas.state().subjects.get(name).cloned();
        if before
            .as_ref()
            .is_some_and(|before| before.copy.same(&copy))
        {
            return Ok(false);
        }
        let (of, from, was) = (loaded.clone(), origin.clone(), before.clone());
        let made = tokio::task::spawn_blocking(move || {
            let was = was.as_ref().map(|was| &was.registered);
            origin::succeed(&of, &from, was, copy)
        });
        let subject = made.await.map_err(|error| wrong(error.to_string()))?;
        let subject = subject.map_err(wrong)?;
        self.take(
            name,
            loaded.registered.compatibility,
            origin,
            (before, subject),
        )
        .await
        .map_err(wrong)
    }

    async fn take(
        &self,
        name: &String,
        compatibility: Compatibility,
        origin: &SchemaOrigin,
        (before, mut subject): (Option<Arc<Subject>>, Subject),
    ) -> Result<bool, String> {
        let _alone = self.reloading.lock().await;
        // The registry may have taken minutes, and what the configuration says been changed since.
        let Some(loaded) = self.reads(name, origin) else {
            return Ok(false);
        };
        if loaded.registered.compatibility != compatibility {
            return Ok(false);
        }
        subject.registered.on_failure = loaded.registered.on_failure;
        subject
            .registered
            .bindings
            .clone_from(&loaded.registered.bindings);
        subject
            .registered
            .space
            .clone_from(&loaded.registered.space);
        let asked = &origin.subject;
        let entry = Entry {
            what: "change".into(),
            by: format!("schema registry {}", asked.name),
            object: Some(format!("schema {name}")),
            owner: loaded.owner,
            why: loaded.why,
            space: loaded.registered.space,
            detail: Some(serde_json::json!({
                "subject": asked.subject,
                "version": subject.copy.version,
                "was": before.map(|before| before.copy.version),
            })),
            ..Entry::default()
        };
        let recorded = self.audit.record(vec![entry]).await;
        recorded.map_err(|error| format!("the audit log: {error}"))?;
        self.schemas.keep(origin, &subject.copy).await?;
        let version = subject.copy.version;
        let subject = Arc::new(subject);
        self.schemas.state().subjects.insert(name.clone(), subject);
        self.schemas.put_in_force(self);
        tracing::info!(schema = %name, version, "the registry has another version, which is in force");
        Ok(true)
    }
}
