//! Streams, and who names them.

use super::Loader;
use crate::checked::LoadedStream;
use crate::document::{Spot, child};
use crate::model::{Mode, Stream};
use crate::phrase;
use serde_json::Value;
use std::collections::BTreeMap;
use tradewind_store::{Durability, Settings};

/// Attributes that order nothing: all events share the first, no two the second.
const NO_ORDER: [&str; 3] = ["specversion", "id", "data"];

/// The stream that only the gateway appends to.
pub(super) const SYSTEM: &str = "system";
/// Most bytes of it, unless the file says otherwise.
const SYSTEM_BYTES: u64 = 64 << 20;

/// Every shard has a log, a table and a task of its own.
const SHARDS_MAX: u16 = 256;

impl Loader<'_> {
    pub(crate) fn streams(
        &mut self,
        map: BTreeMap<String, Value>,
        mode: Mode,
    ) -> BTreeMap<String, LoadedStream> {
        let durability = match mode {
            Mode::Fsync => Durability::Fsync,
            Mode::Os => Durability::Os,
            Mode::Ephemeral => Durability::Ephemeral,
        };
        if mode != Mode::Fsync {
            let (name, loses) = match mode {
                Mode::Os => ("os", "a power loss"),
                _ => ("ephemeral", "a restart"),
            };
            let message =
                format!("durability `{name}`: {loses} may lose events that were accepted");
            self.out.push(
                self.document
                    .warning("/durability", Spot::Value, "weak-durability", message)
                    .hint("leave `durability` out for fsync before every answer"),
            );
        }
        let plain = LoadedStream {
            settings: Settings {
                durability,
                ..Settings::default()
            },
            ..LoadedStream::default()
        };
        let mut system = plain.clone();
        system.settings.retention_bytes = Some(SYSTEM_BYTES);
        let mut streams = BTreeMap::from([
            ("default".to_string(), plain.clone()),
            (SYSTEM.to_string(), system),
        ]);
        for entry in self.named("streams", map) {
            // `orders:` alone is a stream with every default.
            let value = match entry.value {
                Value::Null => Value::Object(serde_json::Map::new()),
                value => value,
            };
            let (own, engine) = self.of_engine(&entry.base, value);
            let keys: Stream = self.decode(&entry.base, own).unwrap_or_default();
            self.check_stream(&entry.base, &keys);
            let engine =
                engine.and_then(|engine| self.engine((&entry.name, &entry.base), engine, &keys));
            self.check_shared(&entry.base, &keys.shared_with);
            let space = self.space_of(&entry.base, keys.space);
            let mut settings = plain.settings.clone();
            if let Some(period) = keys.retention {
                settings.retention = period.0;
            }
            let system = (entry.name == SYSTEM).then_some(SYSTEM_BYTES);
            settings.retention_bytes = keys.retention_bytes.map(|size| size.0).or(system);
            settings.shards = keys.shards.map_or(settings.shards, Into::into);
            if let Some(engine) = &engine {
                settings.dedupe_max = engine.built.capability().dedupe_max;
            }
            settings.dedupe_max = keys.dedupe_max.unwrap_or(settings.dedupe_max);
            let loaded = LoadedStream {
                engine,
                space,
                shared_with: keys.shared_with,
                settings,
                order_by: keys.order_by,
                dedupe_window: keys.dedupe_window.map(|period| period.0),
                owner: keys.owner,
                why: keys.why,
            };
            streams.insert(entry.name, loaded);
        }
        streams
    }

    fn check_stream(&mut self, base: &str, keys: &Stream) {
        let mut refuse = |key: &str, message: String, hint: &str| {
            let place = child(base, key);
            let found = self
                .document
                .error(&place, Spot::Value, "invalid-value", message);
            self.out.push(found.hint(hint));
        };
        if let Some(name) = &keys.order_by {
            let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            if name.is_empty() || !name.chars().all(legal) {
                refuse(
                    "order-by",
                    format!("`{name}` cannot be the name of an attribute"),
                    "attribute names have lower-case letters and digits only, for instance `subject`",
                );
            } else if NO_ORDER.contains(&name.as_str()) {
                refuse(
                    "order-by",
                    format!("`{name}` cannot be an ordering key"),
                    "order by what the events of one thing share, for instance `subject`",
                );
            }
        }
        if keys.retention.is_some_and(|period| period.0.is_zero()) {
            refuse(
                "retention",
                "`retention` must be longer than 0s".into(),
                "the default is 7d",
            );
        }
        if keys.shards.is_some_and(|n| n.get() > SHARDS_MAX) {
            let message = format!("`shards` must be {SHARDS_MAX} at most");
            refuse(
                "shards",
                message,
                "each shard is a log of its own; a few per core are plenty",
            );
        }
        if keys.retention_bytes.is_some_and(|size| size.0 < 1 << 20) {
            let message = "`retention-bytes` must be 1MiB at least".into();
            refuse("retention-bytes", message, "leave it out for no limit");
        }
        if keys
            .dedupe_max
            .is_some_and(|n| n > Settings::default().dedupe_max)
        {
            let message = "`dedupe-max` must be 10000000 at most".into();
            refuse("dedupe-max", message, "that is the default, too");
        }
    }

    /// Refuses the name of a stream that does not exist, or that only the gateway appends to.
    pub(crate) fn stream_takes(
        &mut self,
        place: &str,
        name: &str,
        streams: &BTreeMap<String, LoadedStream>,
    ) {
        self.stream_exists(place, name, streams);
        if name == SYSTEM {
            let message = format!("the stream `{SYSTEM}` takes the gateway's own events only");
            let found = self
                .document
                .error(place, Spot::Value, "reserved-stream", message);
            let hint = "subscriptions may read it; name another stream to append to";
            self.out.push(found.hint(hint));
        }
    }

    /// Refuses the name of a stream that does not exist.
    pub(crate) fn stream_exists(
        &mut self,
        place: &str,
        name: &str,
        streams: &BTreeMap<String, LoadedStream>,
    ) {
        if !streams.contains_key(name) {
            let known = streams.keys().filter(|name| *name != SYSTEM);
            let known: Vec<String> = known.cloned().collect();
            let message = format!("no stream is called `{name}`");
            let found = self
                .document
                .error(place, Spot::Value, "unknown-stream", message);
            let hint = phrase::choose(name, &known, "streams");
            self.out.push(found.hint(self.document.veil(place, hint)));
        }
    }
}
