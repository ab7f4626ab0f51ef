//! Groups: their members, built, and whether somebody takes something.

use super::{Loader, is_name};
use crate::checked::{LoadedGroup, LoadedStream};
use crate::document::{Spot, child};
use crate::group::{LoadedMember, Together};
use crate::model::{GROUP, GroupKeys, GroupMode as Mode, Subscription};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use tradewind_adapter::Sink;

impl Loader<'_> {
    /// The sink of a subscription, and its group where it is one.
    pub(super) fn sink_or_group(
        &mut self,
        base: &str,
        name: &str,
        value: Value,
    ) -> Option<(String, Arc<dyn Sink>, Option<LoadedGroup>)> {
        if value.get("kind").and_then(Value::as_str) != Some(GROUP) {
            let (kind, sink) = self.sink(base, name, value)?;
            return Some((kind, sink, None));
        }
        let mut settings = value;
        if let Some(settings) = settings.as_object_mut() {
            settings.remove("kind");
        }
        let keys: GroupKeys = self.decode_with(base, settings, &["kind"])?;
        let group = self.group(base, name, keys)?;
        let together: Arc<dyn Sink> = Arc::new(Together(group.members.clone()));
        Some((GROUP.to_owned(), together, Some(group)))
    }

    fn group(&mut self, base: &str, name: &str, keys: GroupKeys) -> Option<LoadedGroup> {
        let place = child(base, "members");
        let mut members = Vec::new();
        let mut names = BTreeSet::new();
        let wanted = keys.members.len();
        for (index, member) in keys.members.into_iter().enumerate() {
            let at = format!("{place}/{index}");
            let said = child(&at, "name");
            if !names.insert(member.name.clone()) {
                let message = format!("two members are called `{}`", member.name);
                self.refuse(
                    &said,
                    "contradiction",
                    message,
                    "give each a name of its own",
                );
            }
            if !is_name(&member.name) {
                let message = format!("`{}` cannot be the name of a member", member.name);
                let hint = "names have `a-z`, `0-9` and `-`, at most 63 of them";
                self.refuse(&said, "bad-name", message, hint);
            }
            if keys.mode == Mode::FailOver && member.weight.is_some() {
                let message = "with `fail-over` the first member takes all".into();
                let hint = "remove `weight`, and put the members in order";
                self.refuse(&child(&at, "weight"), "contradiction", message, hint);
            }
            let within = child(&at, "sink");
            if member.sink.get("kind").and_then(Value::as_str) == Some(GROUP) {
                let message = "a member cannot be a group".into();
                self.refuse(
                    &within,
                    "contradiction",
                    message,
                    "name the members one by one",
                );
                continue;
            }
            let built = self.sink(&within, &format!("{name}/{}", member.name), member.sink);
            let weight = match (keys.mode, index) {
                (Mode::FailOver, 0) => 1,
                (Mode::FailOver, _) => 0,
                _ => member.weight.unwrap_or(1),
            };
            members.extend(built.map(|(sink_kind, sink)| LoadedMember {
                name: member.name,
                weight,
                sink_kind,
                sink,
            }));
        }
        if wanted < 2 {
            let message = "a group has two members at least".into();
            let hint = "name another one, or write the sink itself";
            self.refuse(&place, "invalid-value", message, hint);
            return None;
        }
        if members.len() < wanted {
            return None;
        }
        if members.iter().all(|member| member.weight == 0) {
            let message = "every member has the weight 0: nobody would take anything".into();
            self.refuse(
                &place,
                "invalid-value",
                message,
                "give one of them a weight",
            );
            return None;
        }
        Some(LoadedGroup {
            mode: keys.mode,
            members,
        })
    }

    /// Whether the other keys of a subscription fit to its group.
    pub(super) fn check_group(
        &mut self,
        base: &str,
        keys: &Subscription,
        group: Option<&LoadedGroup>,
        stream: Option<&LoadedStream>,
    ) {
        let Some(group) = group else { return };
        if group.mode != Mode::Weighted && keys.breaker.failures == Some(0) {
            let message =
                "without a circuit breaker no member is ever known to be in trouble".into();
            let hint = "remove `failures: 0`, or write `mode: weighted`";
            self.refuse(&child(base, "breaker"), "contradiction", message, hint);
        }
        if group.mode != Mode::FailOver && stream.is_some_and(|stream| stream.order_by.is_none()) {
            let message = "each event is a key of its own: the stream has no `order-by`";
            let place = child(base, "sink");
            let found = self.document.note(&place, Spot::Key, "split-keys", message);
            let hint = "give the stream `order-by`, so that two members never act on one thing; where events have nothing to do with each other, allow it";
            self.out.push(found.hint(hint));
        }
    }

    fn refuse(&mut self, place: &str, code: &'static str, message: String, hint: &str) {
        let found = self.document.error(place, Spot::Value, code, message);
        self.out.push(found.hint(hint));
    }
}
