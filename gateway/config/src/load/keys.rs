//! API keys, and sources that name them.

use super::Loader;
use crate::document::{Spot, child};
use crate::model::ApiKey;
use crate::phrase;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The configured API keys.
pub(crate) struct ApiKeys {
    /// Key id by name.
    ids: BTreeMap<String, String>,
    /// SHA-256 by key id.
    pub(crate) digests: Arc<BTreeMap<String, String>>,
}

impl Loader<'_> {
    pub(crate) fn api_keys(&mut self, map: BTreeMap<String, Value>) -> ApiKeys {
        let mut ids = BTreeMap::new();
        let mut digests = BTreeMap::new();
        for entry in self.named("api-keys", map) {
            let key: Option<ApiKey> = self.decode(&entry.base, entry.value);
            // Named even where it is not valid, so that its uses are no errors too.
            let id = key
                .as_ref()
                .and_then(|key| key.id.clone())
                .unwrap_or_else(|| entry.name.clone());
            ids.insert(entry.name.clone(), id.clone());
            let Some(key) = key else { continue };
            let place = child(&entry.base, if key.id.is_some() { "id" } else { "" });
            let place = place.trim_end_matches('/');
            if id.is_empty()
                || id.len() > 63
                || !id
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            {
                let message = format!("`{id}` cannot be the id of a key");
                let found = self.document.error(place, Spot::Value, "bad-name", message);
                self.out.push(
                    found.hint("it is the part of `tw_<id>_<secret>` between the underscores, of a-z, 0-9 and -"),
                );
            }
            if key.sha256.len() != 64 || !key.sha256.chars().all(|c| c.is_ascii_hexdigit()) {
                let place = child(&entry.base, "sha256");
                let message = "not a SHA-256: expected 64 hexadecimal digits";
                let found = self
                    .document
                    .error(&place, Spot::Value, "invalid-value", message);
                self.out.push(found.hint("printf %s \"$KEY\" | sha256sum"));
            }
            if digests
                .insert(id.clone(), key.sha256.to_ascii_lowercase())
                .is_some()
            {
                let message = format!("two keys have the id `{id}`");
                self.out.push(
                    self.document
                        .error(place, Spot::Value, "duplicate-id", message),
                );
            }
        }
        ApiKeys {
            ids,
            digests: Arc::new(digests),
        }
    }

    /// Sources name keys (`auth.api-keys`); adapters know them by id. False where one is unknown.
    pub(crate) fn resolve_keys(
        &mut self,
        base: &str,
        settings: &mut Value,
        keys: &ApiKeys,
    ) -> bool {
        let Some(Value::Array(names)) = settings.pointer_mut("/auth/api-keys") else {
            return true;
        };
        let mut all = true;
        for (i, value) in names.iter_mut().enumerate() {
            let Some(name) = value.as_str() else { continue };
            match keys.ids.get(name) {
                Some(id) => *value = Value::String(id.clone()),
                None => {
                    all = false;
                    let known: Vec<String> = keys.ids.keys().cloned().collect();
                    let place = format!("{base}/auth/api-keys/{i}");
                    let message = format!("no API key is called `{name}`");
                    let found =
                        self.document
                            .error(&place, Spot::Value, "unknown-api-key", message);
                    self.out.push(match known.is_empty() {
                        true => found.hint("enter it under `api-keys`, with its SHA-256"),
                        false => found.hint(phrase::choose(name, &known, "keys")),
                    });
                }
            }
        }
        all
    }
}
