//! What of a consumer that is there must be as the source needs it; the rest is its operator's.

use async_nats::jetstream::consumer::{AckPolicy, Config};
use std::collections::BTreeSet;
use tradewind_adapter::{Error, ErrorKind};

/// Whether a source may read by this consumer, of which `subjects` are wanted: none stands for those that it has.
///
/// # Errors
/// It would lose messages, or give others than those.
pub(crate) fn fit(there: &Config, subjects: &[String]) -> Result<(), Error> {
    let refused = |why: String| Err(Error::new(ErrorKind::ConfigInvalid, "consume", why));
    // The others settle what was never durable: all that was sent, or all before what is settled.
    if there.ack_policy != AckPolicy::Explicit {
        return refused(format!(
            "the consumer that is there has the ack policy {:?}, by which messages are lost; \
             hint: make it with `explicit`, or name another as `consumer`",
            there.ack_policy
        ));
    }
    let one = Some(&there.filter_subject).filter(|subject| !subject.is_empty());
    let has: BTreeSet<_> = there.filter_subjects.iter().chain(one).collect();
    if !subjects.is_empty() && has != subjects.iter().collect() {
        return refused(format!(
            "the consumer that is there filters by {has:?}, and not by `subjects`; \
             hint: leave `subjects` out, give the consumer the same ones, or name another as `consumer` \
             (servers before 2.10 know one subject only)"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_settles_what_is_not_durable_or_filters_otherwise_does_not_fit() {
        use AckPolicy::{All, Explicit, None as Never};
        for (policy, one, several, subjects, refused) in [
            (Never, "", &[][..], &[][..], Some("ack policy None")),
            (All, "", &[], &[], Some("ack policy All")),
            (Explicit, "", &[], &[], None),
            // An operator's filters count where the configuration has none.
            (Explicit, "a", &[], &[], None),
            (Explicit, "", &["a", "b"], &[], None),
            (Explicit, "a", &[], &["a"], None),
            (Explicit, "", &["a"], &["a"], None),
            (Explicit, "", &["a", "b"], &["b", "a"], None),
            (Explicit, "", &[], &["a"], Some("filters by {},")),
            (Explicit, "b", &[], &["a"], Some("filters by {\"b\"},")),
            (
                Explicit,
                "",
                &["a", "b"],
                &["a"],
                Some("filters by {\"a\", \"b\"},"),
            ),
        ] {
            let owned = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
            let there = Config {
                ack_policy: policy,
                filter_subject: one.into(),
                filter_subjects: owned(several),
                ..Config::default()
            };
            match (refused, fit(&there, &owned(subjects))) {
                (None, Ok(())) => {}
                (Some(what), Err(error)) => {
                    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
                    let text = error.to_string();
                    assert!(text.contains(what) && text.contains("hint: "), "{text}");
                }
                (_, got) => panic!("{there:?} {subjects:?}: {got:?}"),
            }
        }
    }
}
