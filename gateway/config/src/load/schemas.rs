//! Schemas: their files, their versions, and the events that they are for.

use super::Loader;
use crate::checked::LoadedSchema;
use crate::diagnostic::Diagnostic;
use crate::document::{Spot, child};
use crate::model::{Bound, Compatibility, Contract, OnFailure, Version};
use crate::phrase;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use tradewind_schema::{Action, Binding, Definition, FORMATS, InvalidSchema, Pattern, Registered};

impl Loader<'_> {
    pub(crate) fn schemas(
        &mut self,
        map: BTreeMap<String, Value>,
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
            for (index, version) in keys.versions.into_iter().enumerate() {
                let place = format!("{base}/versions/{index}");
                if let Some(id) = &version.dataschema
                    && let Some(other) = ids.insert(id.clone(), entry.name.clone())
                {
                    let message =
                        format!("`{id}` is the dataschema of a version of `{other}` already");
                    self.refuse_schema(&child(&place, "dataschema"), "duplicate-id", message, None);
                }
                self.version(&place, version, &mut registered);
            }
            if keys.events.is_empty() && registered.versions.iter().all(|v| v.dataschema.is_none())
            {
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
            let loaded = LoadedSchema {
                registered,
                owner: keys.owner,
                why: keys.why,
            };
            schemas.insert(entry.name, loaded);
        }
        schemas
    }

    fn begin(&mut self, base: &str, keys: &Contract) -> Option<Registered> {
        if keys.versions.is_empty() {
            let place = child(base, "versions");
            let message = "a schema needs one version at least".into();
            self.refuse_schema(
                &place,
                "invalid-value",
                message,
                Some("- file: schemas/order.json"),
            );
        }
        let by = match keys.compatibility {
            Compatibility::Backward => tradewind_schema::Compatibility::Backward,
            Compatibility::Forward => tradewind_schema::Compatibility::Forward,
            Compatibility::Full => tradewind_schema::Compatibility::Full,
            Compatibility::None => tradewind_schema::Compatibility::None,
        };
        match Registered::new(&keys.format, by, action(keys.on_failure)) {
            Ok(registered) => Some(registered),
            Err(invalid) => {
                let known = FORMATS.map(str::to_owned);
                let hint = phrase::choose(&keys.format, &known, "formats");
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
        if let Err(InvalidSchema { reason, hint }) =
            registered.add(Definition { text, message }, dataschema)
        {
            self.refuse_schema(&at, "invalid-schema", reason, hint.as_deref());
        }
    }

    fn refuse_schema(
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
