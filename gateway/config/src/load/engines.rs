//! Streams that lie elsewhere than in the data directory: what keeps them, and what it cannot do.

use super::Loader;
use super::streams::SYSTEM;
use crate::document::{Spot, child};
use crate::engine::LoadedEngine;
use crate::model::{EMBEDDED, STREAM_KEYS, Stream};
use serde_json::{Map, Value};

impl Loader<'_> {
    /// The keys of a stream that are the gateway's own, and those of its engine; of no engine without one.
    pub(super) fn of_engine(&self, base: &str, value: Value) -> (Value, Option<(String, Value)>) {
        let Value::Object(keys) = value else {
            return (value, None);
        };
        let name = match keys.get("engine") {
            Some(Value::String(name)) if name != EMBEDDED => name.clone(),
            // Left out because its reference was refused: nobody knows whose the other keys are.
            None if self.document.has(&child(base, "engine")) => String::new(),
            _ => return (Value::Object(keys), None),
        };
        let (own, settings) = keys
            .into_iter()
            .partition::<Map<_, _>, _>(|(key, _)| STREAM_KEYS.contains(&key.as_str()));
        (Value::Object(own), Some((name, Value::Object(settings))))
    }

    pub(super) fn engine(
        &mut self,
        (stream, base): (&str, &str),
        (name, settings): (String, Value),
        keys: &Stream,
    ) -> Option<LoadedEngine> {
        if name.is_empty() {
            return None;
        }
        let place = child(base, "engine");
        let registry = self.registry;
        let engines: Vec<&'static str> = registry.engines().collect();
        if !engines.contains(&name.as_str()) {
            let failure = registry.build_engine(&name, &settings).err()?;
            let known = [&[EMBEDDED], engines.as_slice()].concat();
            let message = failure.error.message();
            self.unknown_kind(&place, &name, message, (&known, "engines"));
            return None;
        }
        if stream == SYSTEM {
            let message = format!("the stream `{SYSTEM}` lies in the data directory of each node");
            let found = self
                .document
                .error(&place, Spot::Value, "reserved-stream", message);
            let hint = "leave `engine` out: each node tells of itself";
            self.out.push(found.hint(hint));
            return None;
        }
        let built = self.build(
            base,
            (&name, &engines),
            settings,
            &STREAM_KEYS,
            |settings| registry.build_engine(&name, settings),
        )?;
        let can = built.capability();
        if keys.retention_bytes.is_some() && !can.retention_bytes {
            let message = format!("the engine `{name}` cannot keep `retention-bytes`");
            let place = child(base, "retention-bytes");
            let found = self
                .document
                .error(&place, Spot::Key, "contradiction", message);
            self.out
                .push(found.hint("leave it out: `retention` bounds the stream by time"));
        }
        if keys.dedupe_max.is_some_and(|n| n > can.dedupe_max) {
            let most = can.dedupe_max;
            let message = format!("`dedupe-max` must be {most} at most with the engine `{name}`");
            let place = child(base, "dedupe-max");
            let found = self
                .document
                .error(&place, Spot::Value, "invalid-value", message);
            self.out.push(found.hint("that is the default, too"));
        }
        if let Some(weak) = can.weak {
            let message = format!("{weak} may lose events that were accepted by `{stream}`");
            let found = self
                .document
                .warning(&place, Spot::Value, "weak-durability", message);
            self.out
                .push(found.hint("let the engine keep more than one copy"));
        }
        Some(LoadedEngine { name, built })
    }
}
