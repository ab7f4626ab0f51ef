//! Registries of schemas, and the subjects that schemas name in them.

use super::Loader;
use crate::document::{Spot, child};
use crate::model::{FromRegistry, RegistryAuth, SchemaRegistry};
use crate::phrase;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often a registry is asked.
const REFRESH: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(7 * 24 * 3600));
/// Longest time of one question.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Longest name of a subject, in bytes.
const SUBJECT_MAX: usize = 512;

impl Loader<'_> {
    pub(crate) fn schema_registries(
        &mut self,
        map: BTreeMap<String, Value>,
    ) -> BTreeMap<String, SchemaRegistry> {
        let mut registries = BTreeMap::new();
        for entry in self.named("schema-registries", map) {
            let base = &entry.base;
            let decoded: Option<SchemaRegistry> = self.decode(base, entry.value);
            let Some(mut registry) = decoded else {
                continue;
            };
            self.check_registry(base, &registry);
            registry.url = registry.url.trim_end_matches('/').to_owned();
            registries.insert(entry.name, registry);
        }
        registries
    }

    fn check_registry(&mut self, base: &str, registry: &SchemaRegistry) {
        let mut refuse = |key: &str, message: &str, hint: &str| {
            let place = child(base, key);
            self.refuse_schema(&place, "invalid-value", message.into(), Some(hint));
        };
        let secure = registry.url.strip_prefix("https://");
        let rest = secure.or_else(|| registry.url.strip_prefix("http://"));
        let sound = rest.is_some_and(|rest| {
            let host = rest.split('/').next().unwrap_or_default();
            let odd = |c: char| c.is_whitespace() || c.is_control() || "?#@\\".contains(c);
            !host.is_empty() && !host.starts_with(':') && !rest.contains(odd)
        });
        if !sound {
            refuse(
                "url",
                "this is no address of a registry",
                "write a URL without user, query and fragment: https://registry.example.com",
            );
        } else if secure.is_none() && !registry.allow_http {
            refuse(
                "url",
                "the registry would be asked without TLS",
                "write https, or say `allow-http: true`",
            );
        }
        if !(REFRESH.0..=REFRESH.1).contains(&registry.refresh.0) {
            refuse(
                "refresh",
                "a registry is asked at least once in 7d, and not more often than every 5s",
                "write for instance 5m",
            );
        }
        let timeout = registry.timeout.0;
        if timeout.is_zero() || timeout > TIMEOUT_MAX {
            refuse(
                "timeout",
                "one question takes some time, and at most 60s",
                "write for instance 10s",
            );
        }
        let unfit = |text: &str| text.contains(|c: char| c.is_control() || !c.is_ascii());
        match &registry.auth {
            Some(RegistryAuth::Basic { username, .. })
                if username.contains(':') || unfit(username) =>
            {
                refuse(
                    "auth/basic/username",
                    "this cannot be a user name",
                    "it is ASCII, without colons",
                );
            }
            Some(RegistryAuth::Bearer(token)) if unfit(token.expose()) => {
                refuse(
                    "auth/bearer",
                    "this cannot be a token",
                    "it is one line of ASCII",
                );
            }
            _ => {}
        }
    }

    pub(super) fn subject(
        &mut self,
        base: &str,
        subject: &FromRegistry,
        registries: &BTreeMap<String, SchemaRegistry>,
    ) {
        let place = child(base, "name");
        self.registry_there(&place, &subject.name, registries);
        let name = &subject.subject;
        if name.is_empty() || name.len() > SUBJECT_MAX || name.contains(char::is_control) {
            let place = child(base, "subject");
            let message = "this is no name of a subject".into();
            let hint = Some("1 to 512 bytes, as the registry lists it");
            self.refuse_schema(&place, "invalid-value", message, hint);
        }
    }

    /// Refuses the name of a registry that is not there.
    pub(super) fn registry_there(
        &mut self,
        place: &str,
        name: &str,
        registries: &BTreeMap<String, SchemaRegistry>,
    ) {
        // One that is there and not valid is no unknown one.
        if registries.contains_key(name) || self.document.has(&child("/schema-registries", name)) {
            return;
        }
        let known: Vec<String> = registries.keys().cloned().collect();
        let message = format!("no schema registry is called `{name}`");
        let found = self
            .document
            .error(place, Spot::Value, "unknown-value", message);
        let hint = match known.is_empty() {
            true => "enter it under `schema-registries`".into(),
            false => phrase::choose(name, &known, "registries"),
        };
        self.out.push(found.hint(self.document.veil(place, hint)));
    }
}
