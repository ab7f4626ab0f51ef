//! Shadows: what they take over from the subscription that they look on.

use super::Loader;
use crate::checked::LoadedShadow;
use crate::document::{Spot, child};
use crate::model::{ShadowKeys, Subscription};
use crate::phrase;
use serde_json::Value;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::time::Duration;

/// What a shadow has from the other subscription, and cannot say itself.
const TAKEN: [&str; 4] = ["space", "stream", "filter", "as"];
/// What has no meaning for it.
const IDLE: [&str; 5] = [
    "reply-to",
    "on-exhaustion",
    "parked-bytes-max",
    "dead-letter-retention",
    "dead-letter-bytes-max",
];

impl Loader<'_> {
    /// Fills in what a shadow has from the subscription that it looks on, as it is written there. `None` where it
    /// looks on nothing.
    pub(super) fn beside(
        &mut self,
        base: &str,
        keys: &mut Subscription,
        all: &BTreeMap<String, Value>,
    ) -> Option<LoadedShadow> {
        let shadow = keys.shadow.clone()?;
        let place = child(base, "shadow");
        for key in TAKEN {
            let said = child(base, key);
            if self.document.has(&said) {
                let message =
                    format!("a shadow has `{key}` from the subscription that it looks on");
                let found = self
                    .document
                    .error(&said, Spot::Key, "contradiction", message);
                self.out
                    .push(found.hint("remove the key, or write a subscription of its own"));
            }
        }
        for key in IDLE {
            let said = child(base, key);
            if self.document.has(&said) {
                let message = "a shadow publishes no replies and has no dead letters";
                let found = self
                    .document
                    .warning(&said, Spot::Key, "no-effect", message);
                self.out.push(found.hint("remove the key"));
            }
        }
        self.check_ignored(&place, &shadow);
        let of = self.looks_on(&place, &shadow.of, all)?;
        let text = |key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
        keys.space = text("space");
        keys.stream = text("stream");
        keys.identity = text("as");
        keys.filter = of.get("filter").cloned().unwrap_or_default();
        if keys.transform.is_null() {
            keys.transform = of.get("transform").cloned().unwrap_or_default();
        }
        // What fails at a shadow is a finding, and not to be hidden by trying again.
        if !self.document.has(&child(base, "retry")) {
            keys.retry.max_attempts = NonZero::new(1);
        }
        let period = |period: Option<crate::model::Period>, default: u64| {
            period.map_or_else(|| Duration::from_secs(default), |p| p.0)
        };
        Some(LoadedShadow {
            within: period(shadow.within, 3600),
            examples: shadow.keep.examples.map_or(100, |n| n.get() as usize),
            bytes: shadow.keep.bytes.map_or(16 << 20, |size| size.0),
            keep: period(shadow.keep.age, 7 * 86_400),
            of: shadow.of,
            ignore: shadow.ignore,
            ignore_attributes: shadow.ignore_attributes,
        })
    }

    /// The subscription that is looked on, as it is written.
    fn looks_on(
        &mut self,
        place: &str,
        of: &str,
        all: &BTreeMap<String, Value>,
    ) -> Option<serde_json::Map<String, Value>> {
        let place = child(place, "of");
        match all.get(of).and_then(Value::as_object) {
            Some(there) if there.get("shadow").is_some_and(|s| !s.is_null()) => {
                let message = format!("`{of}` is a shadow itself");
                let found = self
                    .document
                    .error(&place, Spot::Value, "contradiction", message);
                self.out
                    .push(found.hint("name the subscription that is in charge"));
                None
            }
            Some(there) => Some(there.clone()),
            None if all.contains_key(of) => None,
            None => {
                let known: Vec<String> = all.keys().cloned().collect();
                let message = format!("no subscription is called `{of}`");
                let found =
                    self.document
                        .error(&place, Spot::Value, "unknown-subscription", message);
                let hint = phrase::choose(of, &known, "subscriptions");
                self.out.push(found.hint(self.document.veil(&place, hint)));
                None
            }
        }
    }

    fn check_ignored(&mut self, base: &str, shadow: &ShadowKeys) {
        let mut refuse = |place: String, message: String, hint: &str| {
            let found = self
                .document
                .error(&place, Spot::Value, "invalid-value", message);
            self.out.push(found.hint(hint));
        };
        for (index, pointer) in shadow.ignore.iter().enumerate() {
            if !pointer.starts_with('/') || pointer.len() < 2 {
                refuse(
                    format!("{}/{index}", child(base, "ignore")),
                    format!("`{pointer}` is no JSON pointer to a field"),
                    "write `/name`, or `/items/*/name`",
                );
            }
        }
        for (key, period) in [("within", shadow.within), ("keep", shadow.keep.age)] {
            if period.is_some_and(|p| p.0.is_zero()) {
                refuse(
                    child(base, key),
                    "nothing is compared in no time".into(),
                    "leave it out for the default",
                );
            }
        }
    }
}
