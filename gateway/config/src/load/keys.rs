//! API keys, and places that name them.

use super::{Loader, Named};
use crate::checked::DEFAULT_SPACE;
use crate::document::{Spot, child};
use crate::model::{Admin, ApiKey, Time};
use crate::phrase;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tradewind_adapter::api_key::{self, SECRETS_MAX};
use tradewind_adapter::{Auth, Build, Callers};

/// The configured API keys.
pub(crate) struct ApiKeys {
    /// Key id by name.
    pub(super) ids: BTreeMap<String, String>,
    /// Space by name; of those that name none, `None`.
    spaces: BTreeMap<String, Option<String>>,
    /// By id.
    pub(crate) keys: Arc<BTreeMap<String, tradewind_adapter::ApiKey>>,
}

impl ApiKeys {
    /// Spaces of those that name one, by id.
    pub(crate) fn bound(&self) -> BTreeMap<String, String> {
        let bound = self.ids.iter().filter_map(|(name, id)| {
            let space = self.spaces.get(name)?.clone()?;
            Some((id.clone(), space))
        });
        bound.collect()
    }

    fn space(&self, name: &str) -> &str {
        let space = self.spaces.get(name).and_then(Option::as_deref);
        space.unwrap_or(DEFAULT_SPACE)
    }
}

impl Loader<'_> {
    pub(crate) fn api_keys(&mut self, map: BTreeMap<String, Value>) -> ApiKeys {
        let mut ids = BTreeMap::new();
        let mut spaces = BTreeMap::new();
        let mut keys = BTreeMap::new();
        for mut entry in self.named("api-keys", map) {
            let value = std::mem::take(&mut entry.value);
            let key: Option<ApiKey> = self.decode(&entry.base, value);
            // Named even where it is not valid, so that its uses are no errors too.
            let id = key
                .as_ref()
                .and_then(|key| key.id.clone())
                .unwrap_or_else(|| entry.name.clone());
            ids.insert(entry.name.clone(), id.clone());
            let space = key.as_ref().and_then(|key| key.space.clone());
            let space = space.map(|space| self.space_of(&entry.base, Some(space)));
            spaces.insert(entry.name.clone(), space);
            let Some(key) = key else { continue };
            let place = child(&entry.base, if key.id.is_some() { "id" } else { "" });
            let place = place.trim_end_matches('/').to_owned();
            self.check_key(&entry, &place, &id, &key);
            let lower = key.sha256.0.iter().map(|hash| hash.to_ascii_lowercase());
            let loaded = tradewind_adapter::ApiKey {
                sha256: lower.collect(),
                expires_ms: key.expires.map(|Time(ms)| ms),
                scopes: key.scopes.map(Into::into),
                owner: key.owner,
                why: key.why,
            };
            if keys.insert(id.clone(), loaded).is_some() {
                let message = format!("two keys have the id `{id}`");
                self.out.push(
                    self.document
                        .error(&place, Spot::Value, "duplicate-id", message),
                );
            }
        }
        ApiKeys {
            ids,
            spaces,
            keys: Arc::new(keys),
        }
    }

    fn check_key(&mut self, entry: &Named, place: &str, id: &str, key: &ApiKey) {
        let mut refuse = |place: &str, code, message: String, hint: &str| {
            let found = self.document.error(place, Spot::Value, code, message);
            self.out.push(found.hint(hint));
        };
        if !api_key::is_id(id) {
            refuse(
                place,
                "bad-name",
                format!("`{id}` cannot be the id of a key"),
                "it is the part of `tw_<id>_<secret>` between the underscores, of a-z, 0-9 and -",
            );
        }
        let hashes = child(&entry.base, "sha256");
        let hex = |hash: &String| hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit());
        if !key.sha256.0.iter().all(hex) || key.sha256.0.is_empty() {
            refuse(
                &hashes,
                "invalid-value",
                "not a SHA-256: expected 64 hexadecimal digits".into(),
                "printf %s \"$KEY\" | sha256sum",
            );
        } else if key.sha256.0.len() > SECRETS_MAX {
            refuse(
                &hashes,
                "invalid-value",
                format!("more than {SECRETS_MAX} secrets count at a time"),
                "remove those that nobody shows any more: `tradewind api-keys list`",
            );
        }
        if key.scopes.as_ref().is_some_and(Vec::is_empty) {
            refuse(
                &child(&entry.base, "scopes"),
                "invalid-value",
                "`scopes` is empty: the key would be good for nothing".into(),
                "write for instance `scopes: [publish]`, or remove this key",
            );
        }
    }

    /// Places name keys (`auth.api-keys`, `auth.basic`); adapters know them by id. False where one is
    /// unknown. `at` is where the proofs stand in `settings`; with a `space`, keys of others are refused.
    pub(crate) fn resolve_keys(
        &mut self,
        (base, at): (&str, &str),
        settings: &mut Value,
        keys: &ApiKeys,
        space: Option<&str>,
    ) -> bool {
        let mut all = true;
        for kind in ["api-keys", "basic"] {
            let Some(Value::Array(names)) = settings.pointer_mut(&format!("{at}/{kind}")) else {
                continue;
            };
            for (i, value) in names.iter_mut().enumerate() {
                let Some(name) = value.as_str() else { continue };
                if let Some(id) = keys.ids.get(name) {
                    if let Some(space) = space {
                        let place = format!("{base}{at}/{kind}/{i}");
                        let sides = (space, Some(keys.space(name)));
                        let what = format!("the API key `{name}`");
                        let hint = "take a key of the same space, or enter another one for it";
                        self.same_space(&place, sides, &what, hint);
                    }
                    *value = Value::String(id.clone());
                    continue;
                }
                all = false;
                let known: Vec<String> = keys.ids.keys().cloned().collect();
                let place = format!("{base}{at}/{kind}/{i}");
                let message = format!("no API key is called `{name}`");
                let found = self
                    .document
                    .error(&place, Spot::Value, "unknown-api-key", message);
                self.out.push(match known.is_empty() {
                    true => found.hint("enter it under `api-keys`, with its SHA-256"),
                    false => found.hint(phrase::choose(name, &known, "keys")),
                });
            }
        }
        all
    }

    /// Who may call, by the proofs at this place.
    pub(crate) fn callers(
        &mut self,
        place: &str,
        auth: Option<&Auth>,
        keys: &ApiKeys,
    ) -> Option<Callers> {
        // `/routes/NAME/auth`, `/admin-auth`
        let name = place.split('/').nth(2).unwrap_or("admin").to_owned();
        match Callers::new(auth, &self.lent(&name, keys)) {
            Ok(callers) => Some(callers),
            // An `auth` that was refused is there, or a proof in it.
            Err(_) if auth.is_none() && self.document.has(place) => None,
            Err(_) if self.lost_proofs(place, auth) => None,
            Err(error) => {
                let message = error.message();
                let (message, hint) = message.split_once(" (hint: ").unwrap_or((message, ""));
                let code = match auth {
                    None => "missing-key",
                    Some(_) => "invalid-value",
                };
                let found = self.document.error(place, Spot::Value, code, message);
                self.out.push(match hint.strip_suffix(')') {
                    Some(hint) => found.hint(hint),
                    None => found,
                });
                None
            }
        }
    }

    /// Refuses doors that ask for certificates which nobody is asked for.
    pub(crate) fn check_certificates(&mut self, asked: bool, asked_by_admin: bool) {
        let mut places = Vec::new();
        places.extend((!asked_by_admin).then(|| "/admin-auth/certificates".to_owned()));
        for section in ["sources", "routes"] {
            let entries = self.document.value.get(section).and_then(Value::as_object);
            for (name, _) in entries.into_iter().flatten() {
                let entry = child(&child("", section), name);
                places.extend((!asked).then(|| format!("{entry}/auth/certificates")));
            }
        }
        for place in places.iter().filter(|place| self.document.has(place)) {
            let message = "nobody who comes here is asked for a certificate";
            let found = self
                .document
                .error(place, Spot::Key, "contradiction", message);
            self.out.push(match place.starts_with("/admin-auth") {
                true => found.hint(
                    "write `admin-tls: { certificate: ..., key: ..., client-ca: \"${file:PATH}\" }`, and an address under `admin`",
                ),
                false => found.hint(
                    "write `tls: { certificate: ..., key: ..., client-ca: \"${file:PATH}\" }` for the listener",
                ),
            });
        }
    }

    /// Whether all proofs that stand there were refused.
    fn lost_proofs(&self, place: &str, auth: Option<&Auth>) -> bool {
        let written = self.document.value.pointer(place);
        let written = written.and_then(Value::as_object);
        matches!(auth, Some(Auth::Proofs(proofs)) if proofs.is_empty())
            && written.is_some_and(|written| !written.is_empty())
    }

    /// Who may use the admin API besides the holder of its token.
    pub(crate) fn admin_callers(
        &mut self,
        value: Option<Value>,
        admin: Option<&Admin>,
        keys: &ApiKeys,
    ) -> Option<Arc<Callers>> {
        let mut value = value?;
        let place = "/admin-auth";
        if !self.resolve_keys((place, ""), &mut value, keys, None) {
            return None;
        }
        let auth: Auth = self.decode(place, value)?;
        if auth == Auth::NoneIUnderstand {
            let message = "the admin API is never open to everybody";
            let found = self
                .document
                .error(place, Spot::Value, "invalid-value", message);
            self.out.push(found.hint("name proofs, for instance `{ api-keys: [ops] }`, or remove this key: the token is always there"));
            return None;
        }
        if !matches!(admin, Some(Admin::Tcp(_))) {
            let message = "the admin API listens on a socket, where the file system decides";
            let found = self
                .document
                .warning(place, Spot::Key, "no-effect", message);
            self.out
                .push(found.hint("write `admin: 127.0.0.1:9090`, or remove this key"));
        }
        self.callers(place, Some(&auth), keys).map(Arc::new)
    }

    /// What constructors may ask for.
    pub(crate) fn lent(&self, name: &str, keys: &ApiKeys) -> Build {
        Build {
            name: name.into(),
            api_keys: keys.keys.clone(),
            issuers: self.registry.issuers(),
            signers: self.registry.signers(),
            reach: self.registry.reach(),
            sinks: self.registry.lent_sinks(),
        }
    }
}
