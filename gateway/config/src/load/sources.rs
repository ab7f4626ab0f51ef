//! Sources: the gateway's own keys, the adapter's, and what they must not share.

use super::Loader;
use super::keys::ApiKeys;
use crate::checked::{LoadedSource, LoadedStream};
use crate::document::{Spot, child};
use crate::model::{Common, SOURCE_KEYS, SchemaRegistry};
use serde_json::Value;
use std::collections::BTreeMap;
use tradewind_adapter::BuiltSource;

/// Paths that the gateway answers itself.
pub(super) const RESERVED: [&str; 6] = [
    "/livez",
    "/readyz",
    "/healthz",
    "/startupz",
    "/metrics",
    "/openapi.json",
];

impl Loader<'_> {
    pub(crate) fn sources(
        &mut self,
        map: BTreeMap<String, Value>,
        (streams, registries): (
            &BTreeMap<String, LoadedStream>,
            &BTreeMap<String, SchemaRegistry>,
        ),
        keys: &ApiKeys,
    ) -> BTreeMap<String, LoadedSource> {
        let mut sources = BTreeMap::new();
        let mut paths: BTreeMap<String, String> = BTreeMap::new();
        for entry in self.named("sources", map) {
            let base = &entry.base;
            let (own, mut settings) = match entry.value {
                Value::Object(map) => {
                    let (own, settings) =
                        map.into_iter()
                            .partition::<serde_json::Map<_, _>, _>(|(key, _)| {
                                SOURCE_KEYS.contains(&key.as_str())
                            });
                    (Value::Object(own), Value::Object(settings))
                }
                other => (other, Value::Null),
            };
            if own.is_object() && !self.document.has(&child(base, "kind")) {
                let found =
                    self.document
                        .error(base, Spot::Key, "missing-key", "missing key `kind`");
                let kinds: Vec<_> = self.registry.source_kinds().collect();
                self.out
                    .push(found.hint(format!("kinds here: {}", kinds.join(", "))));
                continue;
            }
            let common: Option<Common> = self.decode(base, own);
            let Some(common) = common else { continue };
            let place = child(base, "stream");
            self.stream_takes(&place, &common.stream, streams);
            let space = self.space_of(base, common.space.clone());
            self.appends_within(&place, &space, &common.stream, streams);
            if let Some(path) = &common.path {
                self.check_path(&child(base, "path"), path, &entry.name, &mut paths);
            }
            if common.max_body.is_some_and(|size| size.0 == 0) {
                let place = child(base, "max-body");
                let message = "`max-body` must be more than 0B: nothing would be taken";
                let found = self
                    .document
                    .error(&place, Spot::Value, "invalid-value", message);
                self.out
                    .push(found.hint("leave it out to take what `limits.body` allows"));
            }
            for (key, beginnings) in [
                ("source", &common.may_claim.source),
                ("type", &common.may_claim.ty),
            ] {
                if beginnings.as_ref().is_some_and(Vec::is_empty) {
                    let place = child(&child(base, "may-claim"), key);
                    let message = "the list is empty: nothing would be taken";
                    let found = self
                        .document
                        .error(&place, Spot::Value, "invalid-value", message);
                    self.out
                        .push(found.hint("name a beginning, or remove this key"));
                }
            }
            self.check_auth(
                base,
                &settings,
                "everybody who reaches this source can publish",
            );
            if !self.resolve_keys((base, "/auth"), &mut settings, keys, Some(&space)) {
                continue;
            }
            let registry = self.registry;
            let kinds: Vec<_> = registry.source_kinds().collect();
            let build = self.lent(&entry.name, keys);
            let built = self.build(
                base,
                (&common.kind, &kinds),
                settings,
                &SOURCE_KEYS,
                |value| registry.build_source(&common.kind, value, &build),
            );
            let Some(built) = built else { continue };
            self.check_way(base, &common, &built);
            if let BuiltSource::Pull(source) = &built
                && let Some((key, name)) = source.schema_registry()
            {
                self.registry_there(&format!("{base}/{key}"), name, registries);
            }
            let loaded = LoadedSource {
                space,
                common,
                built,
            };
            sources.insert(entry.name, loaded);
        }
        sources
    }

    fn check_path(
        &mut self,
        place: &str,
        path: &str,
        name: &str,
        paths: &mut BTreeMap<String, String>,
    ) {
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        let trouble = if !path.starts_with('/') {
            Some((
                format!("path `{path}` does not start with `/`"),
                format!("write `/{path}`"),
            ))
        } else if !path.chars().all(legal) {
            let hint = "use letters, digits, `-`, `_`, `.`, `~` and `/`";
            Some((
                format!("path `{path}` holds characters that cannot be matched"),
                hint.into(),
            ))
        } else if path.len() > 1
            && path
                .split('/')
                .skip(1)
                .any(|s| matches!(s, "" | "." | ".."))
        {
            let hint = "write it without `//`, `.`, `..` and a `/` at its end";
            Some((format!("path `{path}` holds an empty step"), hint.into()))
        } else if RESERVED.contains(&path) || path.starts_with("/.well-known") {
            let hint = format!("the gateway answers there itself: take `/in/{name}`");
            Some((format!("path `{path}` is reserved"), hint))
        } else {
            None
        };
        if let Some((message, hint)) = trouble {
            let found = self.document.error(place, Spot::Value, "bad-path", message);
            self.out.push(found.hint(self.document.veil(place, hint)));
        } else if let Some(other) = paths.insert(path.into(), name.into()) {
            let message = format!("path `{path}` is taken by source `{other}`");
            let found = self
                .document
                .error(place, Spot::Value, "duplicate-path", message);
            self.out.push(found.hint(format!(
                "every source has a path of its own: take `/in/{name}`"
            )));
        }
    }

    /// Sources that are called need a path; those that ask have none.
    fn check_way(&mut self, base: &str, common: &Common, built: &BuiltSource) {
        match (built, &common.path) {
            (BuiltSource::Push(_), None) => {
                let message = format!(
                    "missing key `path`: a `{}` source is called over HTTP",
                    common.kind
                );
                let found = self.document.error(base, Spot::Key, "missing-key", message);
                let name = base.rsplit('/').next().unwrap_or_default();
                // A path that was refused is there.
                if !self.document.has(&child(base, "path")) {
                    self.out
                        .push(found.hint(format!("write `path: /in/{name}`")));
                }
            }
            (BuiltSource::Pull(_), _) => {
                for key in ["path", "max-body", "rate-limit", "may-claim"] {
                    let place = child(base, key);
                    if self.document.has(&place) {
                        let message = format!(
                            "a `{}` source is not called, so it has no `{key}`",
                            common.kind
                        );
                        let found = self
                            .document
                            .error(&place, Spot::Key, "unknown-key", message);
                        self.out.push(found.hint("remove it"));
                    }
                }
            }
            _ => {}
        }
    }

    /// Warns where nobody is asked who they are.
    pub(super) fn check_auth(&mut self, base: &str, settings: &Value, what: &str) {
        let open = "none-i-understand";
        let auth = settings.get("auth");
        let said = auth.and_then(Value::as_str) == Some(open)
            || auth.is_some_and(|a| a.get(open).is_some());
        if said {
            let place = child(base, "auth");
            let found = self
                .document
                .warning(&place, Spot::Value, "no-authentication", what);
            self.out
                .push(found.hint("demand API keys: `auth: { api-keys: [NAME] }`"));
        }
    }
}
