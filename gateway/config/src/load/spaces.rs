//! Spaces: their quotas, and that nothing of one refers to another's.

use super::Loader;
use crate::checked::{DEFAULT_SPACE, LoadedSpace, LoadedStream, LoadedSubscription};
use crate::document::{Spot, child};
use crate::model::{Size, Space};
use crate::phrase;
use serde_json::Value;
use std::collections::BTreeMap;
use tradewind_policy::Member;

/// Each has buckets, places and metrics of its own.
const SPACES_MAX: usize = 1000;

impl Loader<'_> {
    pub(crate) fn spaces(&mut self, map: BTreeMap<String, Value>) {
        self.spaces
            .insert(DEFAULT_SPACE.into(), LoadedSpace::default());
        if map.len() > SPACES_MAX {
            let message = format!("there are {} spaces, more than {SPACES_MAX}", map.len());
            let found = self
                .document
                .error("/spaces", Spot::Key, "invalid-value", message);
            self.out.push(found.hint("run more than one gateway"));
        }
        for entry in self.named("spaces", map) {
            let value = match entry.value {
                Value::Null => Value::Object(serde_json::Map::new()),
                value => value,
            };
            // Named even where it is not valid, so that its uses are no errors too.
            let decoded: Option<Space> = self.decode(&entry.base, value);
            let sound = decoded.is_some();
            let space = decoded.unwrap_or_default();
            let members = self.space_members(&entry.base, &space);
            let quotas = &space.quotas;
            let place = child(&entry.base, "quotas");
            for (key, size) in [
                ("bytes-per-second", quotas.bytes_per_second),
                ("queued-bytes", quotas.queued_bytes),
            ] {
                if size.is_some_and(|size| size.0 == 0) {
                    let message = format!("`{key}` must be more than 0B: nothing would be taken");
                    let place = child(&place, key);
                    let found = self
                        .document
                        .error(&place, Spot::Value, "invalid-value", message);
                    self.out.push(found.hint("leave it out for no limit"));
                }
            }
            let endless = quotas.events_per_second.is_none() && quotas.bytes_per_second.is_none();
            if sound && endless {
                let message = "this space may publish as much as it likes";
                let found = self
                    .document
                    .warning(&entry.base, Spot::Key, "no-quota", message);
                self.out
                    .push(found.hint("write for instance `quotas: { events-per-second: 1000 }`"));
            }
            let bytes = |size: Option<Size>| size.map(|size| size.0);
            let loaded = LoadedSpace {
                events_per_second: quotas.events_per_second.map(Into::into),
                bytes_per_second: bytes(quotas.bytes_per_second),
                queued_bytes: bytes(quotas.queued_bytes),
                subscriptions: quotas.subscriptions,
                deliveries: quotas.deliveries.map(|n| n.get() as usize),
                members,
                owner: space.owner,
                why: space.why,
            };
            self.spaces.insert(entry.name, loaded);
        }
    }

    fn space_members(&mut self, base: &str, space: &Space) -> Vec<Member> {
        let mut members = Vec::with_capacity(space.members.len());
        for (index, text) in space.members.iter().enumerate() {
            match Member::read(text) {
                Some(member) => members.push(member),
                None => {
                    let place = format!("{base}/members/{index}");
                    let message = format!("`{text}` is no principal");
                    let found = self
                        .document
                        .error(&place, Spot::Value, "invalid-value", message);
                    self.out.push(
                        found.hint("write `jwt:ISSUER#SUBJECT`, `certificate:uri:...`; an API key says `space` itself"),
                    );
                }
            }
        }
        members
    }

    /// The space of an object: that which it names, or `default`.
    pub(super) fn space_of(&mut self, base: &str, named: Option<String>) -> String {
        let Some(name) = named else {
            return DEFAULT_SPACE.into();
        };
        if !self.spaces.contains_key(&name) {
            let place = child(base, "space");
            let known: Vec<String> = self.spaces.keys().cloned().collect();
            let message = format!("no space is called `{name}`");
            let found = self
                .document
                .error(&place, Spot::Value, "unknown-space", message);
            let hint = phrase::choose(&name, &known, "spaces");
            self.out.push(found.hint(self.document.veil(&place, hint)));
        }
        name
    }

    /// Refuses what names an object of another space. What is unknown is told of elsewhere.
    pub(super) fn same_space(
        &mut self,
        place: &str,
        (mine, theirs): (&str, Option<&str>),
        what: &str,
        hint: &str,
    ) {
        let Some(theirs) = theirs.filter(|theirs| *theirs != mine) else {
            return;
        };
        let message = format!("{what} belongs to the space `{theirs}`, and this to `{mine}`");
        let found = self
            .document
            .error(place, Spot::Value, "other-space", message);
        self.out.push(found.hint(hint));
    }

    /// Refuses to append to a stream of another space.
    pub(super) fn appends_within(
        &mut self,
        place: &str,
        space: &str,
        stream: &str,
        streams: &BTreeMap<String, LoadedStream>,
    ) {
        let theirs = streams.get(stream).map(|stream| stream.space.as_str());
        let hint = "a space appends to its own streams only; a subscription may read one that is shared by `shared-with`";
        let what = format!("the stream `{stream}`");
        self.same_space(place, (space, theirs), &what, hint);
    }

    /// Refuses to read a stream of another space that is not shared with this one.
    pub(super) fn reads_within(
        &mut self,
        place: &str,
        space: &str,
        stream: &str,
        streams: &BTreeMap<String, LoadedStream>,
    ) {
        let theirs = streams
            .get(stream)
            .filter(|stream| !stream.shared_with.iter().any(|with| with == space))
            .map(|stream| stream.space.as_str());
        let hint = format!("its owner may write `shared-with: [{space}]` at the stream");
        let what = format!("the stream `{stream}`");
        self.same_space(place, (space, theirs), &what, &hint);
    }

    /// Refuses names in `shared-with` that nobody has.
    pub(super) fn check_shared(&mut self, base: &str, shared_with: &[String]) {
        for (index, name) in shared_with.iter().enumerate() {
            if self.spaces.contains_key(name) {
                continue;
            }
            let place = format!("{base}/shared-with/{index}");
            let known: Vec<String> = self.spaces.keys().cloned().collect();
            let message = format!("no space is called `{name}`");
            let found = self
                .document
                .error(&place, Spot::Value, "unknown-space", message);
            self.out
                .push(found.hint(phrase::choose(name, &known, "spaces")));
        }
    }

    /// Refuses more subscriptions than a space may have.
    pub(super) fn count_subscriptions(
        &mut self,
        subscriptions: &BTreeMap<String, LoadedSubscription>,
    ) {
        let mut counts = BTreeMap::<&str, u64>::new();
        for (name, subscription) in subscriptions {
            let space = subscription.space.as_str();
            let count = counts.entry(space).or_default();
            *count += 1;
            let quota = self.spaces.get(space).and_then(|space| space.subscriptions);
            if let Some(quota) = quota.filter(|quota| *count > *quota) {
                let place = child("/subscriptions", name);
                let message =
                    format!("one too many: the space `{space}` may have {quota} subscriptions");
                let found = self
                    .document
                    .error(&place, Spot::Key, "over-quota", message);
                self.out.push(found.hint(format!(
                    "remove one of them, or raise `spaces.{space}.quotas.subscriptions`"
                )));
            }
        }
    }
}
