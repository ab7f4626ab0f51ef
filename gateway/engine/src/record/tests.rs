//! Every record reads back as it was written, and no bytes make a reader panic.

use super::*;
use crate::{Account, Attempt, Start};
use proptest::prelude::*;
use tradewind_adapter::Reason;

prop_compose! {
    fn attempt()(
        number in 1u32..200, at_ms: u64, took_ms: u64,
        outcome in prop::sample::select(vec!["accepted", "retry", "reject"]),
        reason in prop::option::of(("[a-z-]{0,9}", prop::option::of(any::<u16>()), ".{0,40}")),
        member in prop::option::of("[a-z]{1,5}"),
    ) -> Attempt {
        Attempt {
            number, at_ms, took_ms,
            outcome: outcome.to_owned(),
            member,
            reason: reason.map(|(code, status, detail)| {
                let mut reason = Reason::new(code, detail);
                reason.status = status;
                reason
            }),
        }
    }
}

prop_compose! {
    fn trail()(
        born_ms: u64, first_ms: Option<u64>, spent: u32,
        attempts in prop::collection::vec(attempt(), 0..4), skipped in 0u32..9,
        routed: Option<u64>,
    ) -> Trail {
        Trail { born_ms, first_ms, spent, attempts, skipped, routed }
    }
}

/// Earlier details are cut.
fn cut(mut trail: Trail) -> Trail {
    let n = trail.attempts.len();
    for attempt in trail.attempts.iter_mut().take(n.saturating_sub(1)) {
        if let Some(reason) = &mut attempt.reason {
            reason
                .detail
                .truncate(reason.detail.floor_char_boundary(128));
        }
    }
    trail
}

proptest! {
    #[test]
    fn pending_deliveries(offset: u64, key: Option<u64>, bytes: u64, trail in trail()) {
        let pendant = Pendant { offset, key, bytes, trail };
        let bytes = pendant.encode();
        let expected = Pendant { trail: cut(pendant.trail.clone()), ..pendant };
        prop_assert_eq!(Pendant::decode(&bytes).unwrap(), expected);
    }

    #[test]
    fn dead_letters(at_ms: u64, key: Option<u64>, bytes: u64, trail in trail()) {
        for cause in [Cause::Exhausted, Cause::Backlog, Cause::Damaged] {
            let buried = Buried { at_ms, cause, key, bytes, trail: cut(trail.clone()) };
            prop_assert_eq!(Buried::decode(&buried.encode()).unwrap(), buried);
        }
    }

    #[test]
    fn lanes(
        name in "[a-z-]{1,9}", low in 0u64..1 << 40, steps in prop::collection::vec(1u64..9999, 0..9),
        counts: [u64; 9], flags: [bool; 2], job in prop::option::of(("[a-f0-9]{1,9}", any::<u64>(), prop::option::of(".{1,9}"))),
    ) {
        let mut at = low;
        let done = steps.iter().map(|step| { at += step; at }).collect();
        let [matched, accepted, dead_lettered, expired, cancelled, purged, pending, filtered, attempts] = counts;
        let record = LaneRecord {
            space: format!("of-{name}"), name, begins: low / 2, low, done,
            account: Account {
                matched, accepted, dead_lettered, expired, cancelled, purged, pending, filtered, attempts,
            },
            sequence: counts[0], waiting_bytes: counts[1], dead_bytes: counts[4], scheduled_bytes: counts[5], paused: flags[0], disabled: flags[1],
            at_ms: counts[2],
            job: job.map(|(id, until, split)| Job {
                id, until, split, definition: "null".into(), milli_rate: counts[3], cancelled: flags[1],
            }),
        };
        prop_assert_eq!(&LaneRecord::decode(&record.encode()).unwrap(), &record);
        // Before it counted whose it was.
        let earlier = LaneRecord { space: String::new(), ..record };
        let bytes = earlier.encode();
        prop_assert_eq!(LaneRecord::decode(&bytes[..bytes.len() - 1]).unwrap(), earlier);
    }

    #[test]
    fn acceptances(all in prop::collection::vec((any::<[u64; 3]>(), any::<u32>(), prop::option::of(".{1,9}"), prop::option::of(("[a-z]{1,9}", ".{0,9}", any::<Option<u16>>())), prop::option::of("[a-z]{1,4}")), 1..5)) {
        let all: Vec<Accepted> = all.into_iter().map(|(numbers, lane, note, reason, member)| Accepted {
            offset: numbers[0], lane, began_ms: numbers[1], took_ms: numbers[2], note, member,
            reason: reason.map(|(code, detail, status)| Reason { status, ..Reason::new(code, detail) }),
        }).collect();
        prop_assert_eq!(accepted::decode(&accepted::encode(&all)).unwrap(), all);
    }

    #[test]
    fn acceptances_share_their_words(count in 1usize..50, kinds in 1usize..12) {
        let all: Vec<Accepted> = (0..count).map(|n| Accepted {
            offset: n as u64, lane: 3, began_ms: 7, took_ms: 1, note: None, member: None,
            reason: Some(Reason::new("receipt", format!("{}", n % kinds))),
        }).collect();
        let bytes = accepted::encode(&all);
        prop_assert_eq!(accepted::decode(&bytes).unwrap(), all);
        prop_assert!(kinds > 8 || bytes.len() <= 8 + 14 * kinds + 5 * count, "{}", bytes.len());
    }

    #[test]
    fn answers(
        numbers: [u64; 2], attempts: u32, accepted: bool, status: Option<u16>, note in ".{0,60}",
        digest: Option<u128>, reply: Option<Vec<u8>>, counts: [u64; 6], replies: bool,
    ) {
        let [at_ms, took_ms] = numbers;
        let answer = Answer {
            at_ms, took_ms, attempts, accepted, status, note, digest, reply: reply.map(Into::into),
        };
        prop_assert_eq!(Answer::decode(&answer.encode()).unwrap(), answer);
        let [since_ms, same, status, reply, only_old, only_new] = counts;
        let tally = Tally { since_ms, same, status, reply, only_old, only_new };
        prop_assert_eq!(Tally::decode(&tally.encode()).unwrap(), tally);
        let verdict = if replies { Verdict::Reply } else { Verdict::Status };
        let differing = Differing { at_ms, bytes: took_ms, verdict };
        prop_assert_eq!(Differing::decode(&differing.encode()).unwrap(), differing);
    }

    #[test]
    fn generations(names in prop::collection::vec(("[a-z]{1,9}", prop::option::of("[a-z]{1,9}"), ".{0,30}", any::<u64>(), prop::option::of(".{0,9}")), 0..4)) {
        let ruled = |lane: usize, definition: &str, split: &Option<String>| {
            (lane as u32, Ruled { definition: definition.to_owned(), split: split.clone() })
        };
        let lanes = names.iter().enumerate();
        let in_force = InForce { lanes: lanes.map(|(n, (_, _, d, _, s))| ruled(n, d, s)).collect() };
        prop_assert_eq!(InForce::decode(&in_force.encode()).unwrap(), in_force);
        let generation = Generation {
            subscriptions: names.into_iter().map(|(name, renamed_from, definition, time, split)| Declared {
                space: format!("space-{name}"), name, renamed_from, definition, split,
                start: [Start::Tip, Start::Oldest, Start::Time(time)][(time % 3) as usize],
            }).collect(),
        };
        prop_assert_eq!(&Generation::decode(&generation.encode()).unwrap(), &generation);
        let mut earlier = generation;
        earlier.subscriptions.iter_mut().for_each(|declared| declared.space.clear());
        let bytes = earlier.encode();
        let spaces = earlier.subscriptions.len();
        prop_assert_eq!(Generation::decode(&bytes[..bytes.len() - spaces]).unwrap(), earlier);
    }

    #[test]
    fn acceptances_of_the_earlier_version(members: bool) {
        let mut bytes = vec![1, 40, 100, 2];
        bytes.extend(*b"\x00\x05\x01\x09\x00\x01\x07receipt\x01\xcc\x01\x00");
        bytes.extend(*b"\x02\x06\x00\x03\x04note\x00");
        if members {
            bytes.extend(*b"\x01m\x00");
        }
        let receipt = Reason { status: Some(204), ..Reason::new("receipt", "") };
        let one = |offset, lane, began_ms, took_ms| Accepted {
            offset, lane, began_ms, took_ms, note: None, reason: None, member: None,
        };
        let expected = vec![
            Accepted { reason: Some(receipt), member: members.then(|| "m".into()), ..one(40, 5, 101, 9) },
            Accepted { note: Some("note".into()), ..one(42, 6, 100, 3) },
        ];
        prop_assert_eq!(accepted::decode(&bytes).unwrap(), expected);
    }

    #[test]
    fn hostile_bytes_are_errors(mut bytes: Vec<u8>, version in prop::option::weighted(0.9, 1u8..=2)) {
        if let (Some(first), Some(version)) = (bytes.first_mut(), version) {
            *first = version;
        }
        Pendant::decode(&bytes).ok();
        Buried::decode(&bytes).ok();
        Final::decode(&bytes).ok();
        LaneRecord::decode(&bytes).ok();
        accepted::decode(&bytes).ok();
        Generation::decode(&bytes).ok();
        InForce::decode(&bytes).ok();
        Answer::decode(&bytes).ok();
        Tally::decode(&bytes).ok();
        Differing::decode(&bytes).ok();
        let bytes = bytes::Bytes::from(bytes);
        Envelope::decode(&bytes).ok();
        let at = tradewind_store::Position { shard: 0, offset: 0 };
        Stored::kept(at, &bytes).ok();
    }

    #[test]
    fn keys_order_as_their_parts(a: (u32, u64, u64), b: (u32, u64, u64)) {
        let key = |k: (u32, u64, u64)| keys::scheduled(k.0, k.1, k.2);
        prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        let (from, to) = keys::under(&keys::of_lane(b'q', a.0));
        prop_assert!(from <= key(a) && key(a) < to);
        prop_assert_eq!(keys::number(&key(a), keys::FIRST), a.1);
        prop_assert_eq!(keys::number(&key(a), keys::SECOND), a.2);
        prop_assert_eq!(keys::lane_at(&key(a), 1), a.0);
    }
}

#[test]
fn a_newer_version_is_refused_with_a_reason() {
    let mut bytes = Pendant::default().encode().to_vec();
    bytes[0] = 9;
    assert_eq!(
        Pendant::decode(&bytes).unwrap_err().to_string(),
        "unreadable pending delivery: written by a newer release"
    );
}
