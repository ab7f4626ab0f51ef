//! Subscriptions: their filter, their sink, and whether the keys fit together.

use super::refusal::Refusal;
use super::{Loader, filter, transform};
use crate::checked::{LoadedStream, LoadedSubscription};
use crate::document::{Spot, child};
use crate::model::Subscription;
use crate::policy::Policy;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use tradewind_adapter::{Build, Sink};
use tradewind_filter::{Filter, Limits, Snapshot};
use tradewind_transform::Transform;

/// The filters of a stream, held against the limits that the gateway matches them under.
struct FilterSet {
    index: Snapshot,
    /// Equal definitions share one place.
    known: HashSet<String>,
}

impl Default for FilterSet {
    fn default() -> Self {
        Self {
            index: Snapshot::new(Limits::default()),
            known: HashSet::new(),
        }
    }
}

impl FilterSet {
    fn add(
        &mut self,
        definition: &Value,
        filter: &Filter,
    ) -> Result<(), tradewind_filter::Refused> {
        if !self.known.insert(definition.to_string()) {
            return Ok(());
        }
        self.index.add(self.known.len() as u64, filter.formula())
    }
}

impl Loader<'_> {
    pub(crate) fn subscriptions(
        &mut self,
        map: BTreeMap<String, Value>,
        streams: &BTreeMap<String, LoadedStream>,
    ) -> BTreeMap<String, LoadedSubscription> {
        let mut subscriptions = BTreeMap::new();
        let written = map.clone();
        let mut sets = HashMap::<String, FilterSet>::new();
        for entry in self.named("subscriptions", map) {
            let base = &entry.base;
            let keys: Option<Subscription> = self.decode(base, entry.value);
            let Some(mut keys) = keys else { continue };
            let shadow = self.beside(base, &mut keys, &written);
            if shadow.is_none() && keys.shadow.is_some() {
                continue;
            }
            let stream = keys.stream.clone().unwrap_or_else(|| "default".into());
            let place = child(base, "stream");
            self.stream_exists(&place, &stream, streams);
            let space = self.space_of(base, keys.space.clone());
            self.reads_within(&place, &space, &stream, streams);
            if let Some(reply_to) = &keys.reply_to {
                let place = child(base, "reply-to");
                self.stream_takes(&place, reply_to, streams);
                self.appends_within(&place, &space, reply_to, streams);
            }
            self.check_renamed(base, &entry.name, &keys);
            self.check_policy(base, &keys, streams.get(&stream));
            self.check_identity(base, keys.identity.as_deref());
            let place = child(base, "filter");
            // What is wrong with a filter that a shadow has from elsewhere is told of there.
            let filter = match &shadow {
                Some(_) => tradewind_filter::compile(&keys.filter).ok(),
                None => self.filter(&place, &keys.filter),
            };
            if let Some(filter) = &filter {
                let set = sets.entry(stream.clone()).or_default();
                if let Err(refused) = set.add(&keys.filter, filter) {
                    let refusal = Refusal {
                        code: "invalid-filter",
                        place,
                        spot: Spot::Key,
                        offset: None,
                        reason: &refused.to_string(),
                        hint: None,
                    };
                    self.out.push(refusal.locate(self.document));
                }
            }
            let transform = match &shadow {
                Some(_) if !self.document.has(&child(base, "transform")) => {
                    compiled(&keys.transform)
                }
                _ => self.transform(&child(base, "transform"), &keys.transform),
            };
            let sink = self.sink_or_group(&child(base, "sink"), &entry.name, keys.sink.clone());
            let (Some(filter), Some(transform), Some((sink_kind, sink, group))) =
                (filter, transform, sink)
            else {
                continue;
            };
            self.check_capability(base, &keys, &sink_kind, &*sink);
            self.check_group(base, &keys, group.as_ref(), streams.get(&stream));
            let loaded = LoadedSubscription {
                space,
                stream,
                policy: Policy::from(&keys),
                owner: keys.owner,
                why: keys.why,
                filter,
                identity: keys.identity,
                definition: canonical(keys.filter),
                transform,
                sink_kind,
                sink,
                start: keys.start.unwrap_or_default(),
                renamed_from: keys.renamed_from,
                group,
                shadow,
            };
            subscriptions.insert(entry.name, loaded);
        }
        self.count_subscriptions(&subscriptions);
        subscriptions
    }

    fn check_identity(&mut self, base: &str, identity: Option<&str>) {
        if identity.is_some_and(str::is_empty) {
            let place = child(base, "as");
            let message = "`as` names nobody";
            let found = self
                .document
                .error(&place, Spot::Value, "invalid-value", message);
            self.out
                .push(found.hint("write a name, for instance that of the team"));
        }
    }

    fn filter(&mut self, base: &str, definition: &Value) -> Option<Arc<Filter>> {
        match tradewind_filter::compile(definition) {
            Ok(filter) => Some(filter),
            Err(invalid) => {
                let found = filter::refused(self.document, base, &invalid);
                self.out.push(found);
                None
            }
        }
    }

    /// `Some(None)` where there is none.
    fn transform(&mut self, base: &str, definition: &Value) -> Option<Option<Arc<Transform>>> {
        if definition.is_null() {
            return Some(None);
        }
        match tradewind_transform::compile(definition) {
            Ok(transform) => Some(Some(Arc::new(transform))),
            Err(invalid) => {
                let found = transform::refused(self.document, base, &invalid);
                self.out.push(found);
                None
            }
        }
    }

    pub(super) fn sink(
        &mut self,
        base: &str,
        name: &str,
        value: Value,
    ) -> Option<(String, Arc<dyn Sink>)> {
        let registry = self.registry;
        let kinds: Vec<_> = registry.sink_kinds().collect();
        let Value::Object(mut settings) = value else {
            let message = "expected a map with the key `kind`";
            let found = self
                .document
                .error(base, Spot::Value, "wrong-type", message);
            self.out
                .push(found.hint(format!("kinds here: {}", kinds.join(", "))));
            return None;
        };
        let place = child(base, "kind");
        let kind = match settings.remove("kind") {
            Some(Value::String(kind)) => kind,
            Some(_) => {
                let found =
                    self.document
                        .error(&place, Spot::Value, "wrong-type", "expected a text");
                self.out
                    .push(found.hint(format!("kinds here: {}", kinds.join(", "))));
                return None;
            }
            // Left out because its reference was refused.
            None if self.document.has(&place) => return None,
            None => {
                let message = "missing key `kind`";
                let found = self
                    .document
                    .error(base, Spot::Value, "missing-key", message);
                self.out
                    .push(found.hint(format!("kinds here: {}", kinds.join(", "))));
                return None;
            }
        };
        let build = Build {
            name: name.into(),
            signers: registry.signers(),
            reach: registry.reach(),
            ..Build::default()
        };
        let sink = self.build(
            base,
            (&kind, &kinds),
            Value::Object(settings),
            &["kind"],
            |value| registry.build_sink(&kind, value, &build),
        )?;
        Some((kind, sink))
    }
}

/// A transform from elsewhere; what is wrong with it is told of there.
fn compiled(definition: &Value) -> Option<Option<Arc<Transform>>> {
    if definition.is_null() {
        return Some(None);
    }
    let compiled = tradewind_transform::compile(definition).ok()?;
    Some(Some(Arc::new(compiled)))
}

/// A definition whose keys are written in another order is the same one to the log.
fn canonical(mut definition: Value) -> Value {
    definition.sort_all_objects();
    definition
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_of_filters_beyond_its_limits_is_refused() {
        let limits = Limits {
            paths: 2,
            ..Limits::default()
        };
        let mut set = FilterSet {
            index: Snapshot::new(limits),
            known: HashSet::new(),
        };
        let mut add = |name: &str| {
            let definition = json!({ "exact": { (name): "v" } });
            set.add(
                &definition,
                &tradewind_filter::compile(&definition).unwrap(),
            )
        };
        // The second asks what the first does, and takes no further place.
        assert_eq!([add("a"), add("a"), add("b")], [Ok(()), Ok(()), Ok(())]);
        assert_eq!(add("c"), Err(tradewind_filter::Refused::Paths(2)));
    }
}
