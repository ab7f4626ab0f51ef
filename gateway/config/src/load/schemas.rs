//! Schemas: their files, their versions, and the events that they are for.

use super::Loader;
use crate::checked::{LoadedSchema, Origin};
use crate::diagnostic::Diagnostic;
use crate::document::{Spot, child};
use crate::model::{Bound, Compatibility, Contract, OnFailure, SchemaRegistry, Version};
use crate::phrase;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use tradewind_schema::{Action, Binding, Definition, FORMATS, InvalidSchema, Pattern, Registered};

impl Loader<'_> {
    pub(crate) fn schemas(
        &mut self,
        map: BTreeMap<String, Value>,
        registries: &BTreeMap<String, SchemaRegistry>,
    ) -> BTreeMap<String, LoadedSchema> {
        let mut schemas = BTreeMap::new();
        let mut ids = HashMap::new();
        for entry in self.named("schemas", map) {
            let base = &entry.base;
            let keys: Option<Contract> = self.decode(base, entry.value);
            let Some(keys) = keys else { continue };
            let Some(mut registered) = self.begin(base, &keys) else {
                continue;
            };
            if let Some(space) = keys.space {
                registered.space = Some(self.space_of(base, Some(space)));
            }
            let subject = keys.registry;
            if let Some(subject) = &subject {
                self.subject(&child(base, "registry"), subject, registries);
            }
            let named = subject.as_ref().and_then(|from| from.dataschema.as_ref());
            if let Some(id) = named {
                let place = child(&child(base, "registry"), "dataschema");
                self.own_id(&place, id, &entry.name, &mut ids);
            }
            for (index, version) in keys.versions.into_iter().enumerate() {
                let place = format!("{base}/versions/{index}");
                if let Some(id) = &version.dataschema {
                    let place = child(&place, "dataschema");
                    self.own_id(&place, id, &entry.name, &mut ids);
                }
                self.version(&place, version, &mut registered);
            }
            let unnamed = registered.versions.iter().all(|v| v.dataschema.is_none());
            if keys.events.is_empty() && unnamed && named.is_none() {
                let message = format!("no event is held against `{}`", entry.name);
                let found = self
                    .document
                    .warning(base, Spot::Key, "unused-schema", message);
                self.out
                    .push(found.hint("name a type under `events`, or a `dataschema` in a version"));
            }
            registered.bindings = keys
                .events
                .iter()
                .map(|bound| binding(bound, keys.on_failure))
                .collect();
            let from = subject.map(|subject| Origin {
                subject,
                format: keys.format.map(|_| registered.format),
            });
            let loaded = LoadedSchema {
                registered,
                from,
                owner: keys.owner,
                why: keys.why,
            };
            schemas.insert(entry.name, loaded);
        }
        schemas
    }

    fn begin(&mut self, base: &str, keys: &Contract) -> Option<Registered> {
        match (keys.versions.is_empty(), &keys.registry) {
            (true, None) => {
                let place = child(base, "versions");
                let message = "a schema needs one version at least".into();
                let hint = Some("- file: schemas/order.json");
                self.refuse_schema(&place, "invalid-value", message, hint);
            }
            (false, Some(_)) => {
                let place = child(base, "registry");
                let message = "a schema has either `versions` or `registry`".into();
                let hint = Some("remove one of them");
                self.refuse_schema(&place, "contradiction", message, hint);
            }
            _ => {}
        }
        let otherwise = match keys.registry {
            Some(_) => Compatibility::None,
            None => Compatibility::default(),
        };
        let by = match keys.compatibility.unwrap_or(otherwise) {
            Compatibility::Backward => tradewind_schema::Compatibility::Backward,
            Compatibility::Forward => tradewind_schema::Compatibility::Forward,
            Compatibility::Full => tradewind_schema::Compatibility::Full,
            Compatibility::None => tradewind_schema::Compatibility::None,
        };
        let format = keys.format.as_deref().unwrap_or("json-schema");
        match Registered::new(format, by, action(keys.on_failure)) {
            Ok(registered) => Some(registered),
            Err(invalid) => {
                let known = FORMATS.map(str::to_owned);
                let hint = phrase::choose(format, &known, "formats");
                let place = child(base, "format");
                self.refuse_schema(&place, "invalid-value", invalid.reason, Some(&hint));
                None
            }
        }
    }

    fn version(&mut self, place: &str, version: Version, registered: &mut Registered) {
        let Version {
            file,
            schema,
            message,
            dataschema,
        } = version;
        let (at, text) = match (file, schema) {
            (Some(path), None) => {
                let at = child(place, "file");
                match self.open(&at, &path) {
                    Ok((_, text)) => (at, text),
                    Err(error) => {
                        let message =
                            format!("cannot read `{}`: {error}", path.display()).to_lowercase();
                        let hint = "the path is relative to the folder of this file";
                        self.refuse_schema(&at, "unreadable-file", message, Some(hint));
                        return;
                    }
                }
            }
            (None, Some(Value::String(text))) => (child(place, "schema"), text),
            (None, Some(schema)) => (child(place, "schema"), schema.to_string()),
            _ => {
                let message = "a version has either `file` or `schema`".into();
                self.refuse_schema(
                    place,
                    "invalid-value",
                    message,
                    Some("file: schemas/order.json"),
                );
                return;
            }
        };
        if let Err(InvalidSchema { reason, hint }) = registered.add(
            Definition {
                text,
                message,
                ..Definition::default()
            },
            dataschema,
        ) {
            self.refuse_schema(&at, "invalid-schema", reason, hint.as_deref());
        }
    }

    /// Of one `dataschema`, there is one version.
    fn own_id(&mut self, place: &str, id: &str, name: &str, ids: &mut HashMap<String, String>) {
        if let Some(other) = ids.insert(id.to_owned(), name.to_owned()) {
            let message = format!("`{id}` is the dataschema of a version of `{other}` already");
            self.refuse_schema(place, "duplicate-id", message, None);
        }
    }

    pub(super) fn refuse_schema(
        &mut self,
        place: &str,
        code: &'static str,
        message: String,
        hint: Option<&str>,
    ) {
        let message = self.document.veil(place, message);
        let found: Diagnostic = self.document.error(place, Spot::Value, code, message);
        self.out.push(match hint {
            Some(hint) => found.hint(self.document.veil(place, hint.to_owned())),
            None => found,
        });
    }
}

fn binding(bound: &Bound, otherwise: OnFailure) -> Binding {
    Binding {
        ty: Pattern::read(&bound.ty),
        source: bound.source.as_deref().map(Pattern::read),
        on_failure: action(bound.on_failure.unwrap_or(otherwise)),
    }
}

fn action(from: OnFailure) -> Action {
    match from {
        OnFailure::Reject => Action::Reject,
        OnFailure::DeadLetter => Action::DeadLetter,
        OnFailure::Annotate => Action::Annotate,
        OnFailure::Off => Action::Off,
    }
}
