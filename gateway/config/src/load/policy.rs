//! Whether the keys of a subscription fit together.

use super::Loader;
use crate::checked::LoadedStream;
use crate::document::{Spot, child};
use crate::model::{Exhaustion, Period, Subscription};
use crate::policy::{Pauses, Policy};
use std::time::Duration;
use tradewind_adapter::Sink;

impl Loader<'_> {
    pub(crate) fn check_renamed(&mut self, base: &str, name: &str, keys: &Subscription) {
        let Some(old) = &keys.renamed_from else {
            return;
        };
        let place = child(base, "renamed-from");
        if old == name {
            let message = "a subscription cannot be renamed from itself";
            let found = self
                .document
                .error(&place, Spot::Value, "contradiction", message);
            self.out
                .push(found.hint("write the name that it had before, or remove the key"));
        } else if self.document.has(&child("/subscriptions", old)) {
            let message =
                format!("`{old}` is still a subscription, so nothing was renamed from it");
            let found = self
                .document
                .error(&place, Spot::Value, "contradiction", message);
            self.out
                .push(found.hint("remove `renamed-from`, or the old subscription"));
        }
    }

    pub(crate) fn check_policy(
        &mut self,
        base: &str,
        keys: &Subscription,
        stream: Option<&LoadedStream>,
    ) {
        self.check_ranges(base, keys);
        self.check_retry(base, keys);
        let policy = Policy::from(keys);
        let mut warn = |key: &str, code, message: String, hint: &str| {
            let place = child(base, key);
            let found = self.document.warning(&place, Spot::Value, code, message);
            self.out.push(found.hint(hint));
        };
        let ordered = stream.is_some_and(|s| s.order_by.is_some());
        if keys.on_exhaustion == Some(Exhaustion::Park) && !ordered {
            warn(
                "on-exhaustion",
                "no-effect",
                "nothing is parked: the stream has no `order-by`".into(),
                "give the stream `order-by`, or remove this key",
            );
        }
        if keys.parked_bytes_max.is_some() && !policy.park {
            warn(
                "parked-bytes-max",
                "no-effect",
                "nothing is parked: `on-exhaustion` is not `park`".into(),
                "write `on-exhaustion: park`, or remove this key",
            );
        }
        if keys.batch.wait.is_some() && policy.batch_max == 1 {
            warn(
                "batch",
                "no-effect",
                "`wait` waits for nothing: a batch holds one event".into(),
                "write `max`, too, or remove `wait`",
            );
        }
        let retries = keys.retry.max_age.is_some() || keys.retry.preset.is_some();
        if retries && policy.retry.max_age > policy.max_age {
            warn(
                "max-age",
                "cut-short",
                format!(
                    "retries may take {}, but events become dead letters after {}",
                    Period(policy.retry.max_age),
                    Period(policy.max_age),
                ),
                "raise `max-age`, or lower `retry.max-age`",
            );
        }
        if let Some(stream) = stream
            && keys.max_age.is_some()
            && policy.max_age > stream.settings.retention
        {
            warn(
                "max-age",
                "cut-short",
                format!(
                    "events are delivered up to an age of {}, but their stream keeps them for {}",
                    Period(policy.max_age),
                    Period(stream.settings.retention),
                ),
                "waiting events are copied out before they go; raise `retention` to keep them in place",
            );
        }
        if !self.document.has(&child(base, "owner")) {
            let message = "nobody owns this subscription";
            let found = self.document.warning(base, Spot::Key, "no-owner", message);
            self.out
                .push(found.hint("write `owner:`, so that others know whom to ask"));
        }
    }

    fn check_ranges(&mut self, base: &str, keys: &Subscription) {
        let mut refuse = |key: &str, message: String, hint: &str| {
            let place = key
                .split('.')
                .fold(base.to_string(), |at, key| child(&at, key));
            let found = self
                .document
                .error(&place, Spot::Value, "invalid-value", message);
            self.out.push(found.hint(hint));
        };
        let zero = |period: Option<Period>| period.is_some_and(|p| p.0.is_zero());
        for (key, period, default) in [
            ("timeout", keys.timeout, "15s"),
            ("max-age", keys.max_age, "24h"),
            ("dead-letter-retention", keys.dead_letter_retention, "30d"),
            ("retry.max-age", keys.retry.max_age, "24h"),
            ("breaker.cooldown", keys.breaker.cooldown, "10s"),
        ] {
            if zero(period) {
                let message = format!("`{}` must be longer than 0s", key.replace("retry.", ""));
                refuse(key, message, &format!("the default is {default}"));
            }
        }
        if keys.rate.is_some_and(|rate| rate <= 0.0) {
            let hint = "to stop deliveries, pause the subscription; for no limit, leave `rate` out";
            refuse("rate", "`rate` must be more than 0".into(), hint);
        }
        let policy = Policy::from(keys);
        if policy.delay >= policy.max_age {
            let message = format!(
                "nothing is ever delivered: `delay` is {}, and events become dead letters after {}",
                Period(policy.delay),
                Period(policy.max_age),
            );
            refuse("delay", message, "raise `max-age`, or lower `delay`");
        }
        if policy.breaker.cooldown > policy.breaker.cooldown_max {
            let message = "`cooldown` is longer than `cooldown-max`".into();
            refuse("breaker", message, "raise `cooldown-max`");
        }
    }

    fn check_retry(&mut self, base: &str, keys: &Subscription) {
        let base = child(base, "retry");
        let keys = &keys.retry;
        let mut refuse = |key: &str, message: &str, hint: &str| {
            let place = child(&base, key);
            let found = self
                .document
                .error(&place, Spot::Value, "contradiction", message);
            self.out.push(found.hint(hint));
        };
        if let Some(pauses) = &keys.pauses {
            if pauses.is_empty() {
                refuse(
                    "pauses",
                    "`pauses` is empty",
                    "write at least one, for instance [10s, 1m]",
                );
            }
            for (key, there) in [
                ("initial", keys.initial.is_some()),
                ("factor", keys.factor.is_some()),
                ("max", keys.max.is_some()),
            ] {
                if there {
                    let message = format!("`{key}` has no place beside `pauses`");
                    refuse(
                        key,
                        &message,
                        "write the pauses out, or let them grow: not both",
                    );
                }
            }
        } else if keys.factor.is_some_and(|factor| factor < 1.0) {
            refuse("factor", "`factor` must be 1 or more", "the default is 2");
        } else if let Pauses::Exponential { initial, max, .. } =
            crate::policy::Retry::from(keys).pauses
            && initial > max
        {
            let key = if keys.initial.is_some() {
                "initial"
            } else {
                "max"
            };
            refuse(
                key,
                "`initial` is longer than `max`",
                "raise `max`, or lower `initial`",
            );
        }
        let paused = keys.pauses.is_some() || keys.initial.is_some() || keys.max.is_some();
        if keys.max_attempts.is_some_and(|n| n.get() == 1) && paused {
            let place = child(&base, "max-attempts");
            let message = "one attempt is never followed by a pause";
            let found = self
                .document
                .warning(&place, Spot::Value, "no-effect", message);
            self.out
                .push(found.hint("raise `max-attempts`, or remove the pauses"));
        }
    }

    pub(crate) fn check_capability(
        &mut self,
        base: &str,
        keys: &Subscription,
        kind: &str,
        sink: &dyn Sink,
    ) {
        let capability = sink.capability();
        let wanted = keys.batch.max.map_or(1, |n| n.get() as usize);
        let taken = capability.deliver_batch_max.unwrap_or(1);
        if wanted > taken {
            let place = child(&child(base, "batch"), "max");
            let message = format!("this `{kind}` sink takes {taken} per attempt at most");
            let found = self
                .document
                .error(&place, Spot::Value, "contradiction", message);
            self.out
                .push(found.hint("lower `max`, or let the sink send batches"));
        }
        self.check_time(base, Policy::from(keys).timeout, kind, sink);
        if keys.reply_to.is_some() && !capability.deliver_reply {
            let place = child(base, "reply-to");
            let message = format!("this `{kind}` sink never returns an event");
            let found = self
                .document
                .warning(&place, Spot::Value, "no-effect", message);
            self.out
                .push(found.hint("remove `reply-to`, or see the settings of the sink"));
        }
    }

    /// Whoever waits longer than a function may run waits for what cannot come.
    pub(crate) fn check_time(
        &mut self,
        base: &str,
        timeout: Duration,
        kind: &str,
        sink: &dyn Sink,
    ) {
        let longest = sink.capability().deliver_time_max;
        let Some(longest) = longest.filter(|longest| timeout > *longest) else {
            return;
        };
        let message = format!(
            "the gateway waits for {}, but a function of `{kind}` is cut off after {}",
            Period(timeout),
            Period(longest),
        );
        let place = child(base, "timeout");
        let found = self
            .document
            .warning(&place, Spot::Value, "long-timeout", message);
        self.out
            .push(found.hint("lower `timeout`, or let the function work on after it has answered"));
    }
}
