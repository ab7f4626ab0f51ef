//! The engine's accounts and the stores' figures as metrics, made anew at each scrape.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use tradewind_engine::{
    Account, ComparisonView, Denied, Quota, ReplayView, SpaceView, StreamAccount, SubscriptionView,
    Violated, imbalances,
};
use tradewind_store::{Finding, Loss, Stats};

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Subscription {
    stream: String,
    subscription: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct State {
    stream: String,
    subscription: String,
    state: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Stream {
    stream: String,
}

/// What is asked of the engine and the store at each scrape.
#[derive(Debug, Default)]
pub struct Scrape {
    /// Subscriptions with their accounts.
    pub subscriptions: Vec<SubscriptionView>,
    /// When the oldest event was appended that a subscription has not settled, milliseconds since the
    /// Unix epoch, by name.
    pub oldest: BTreeMap<String, u64>,
    /// Now, likewise.
    pub now_ms: u64,
    /// Bytes free in the file system of the data directory, and its size.
    pub disk: Option<(u64, u64)>,
    /// Comparisons of shadows.
    pub compared: Vec<ComparisonView>,
    /// Replays with theirs.
    pub replays: Vec<ReplayView>,
    /// Streams with their accounts.
    pub streams: BTreeMap<String, StreamAccount>,
    /// Figures of the stores.
    pub stores: BTreeMap<String, Stats>,
    /// What is wrong on disk, by stream.
    pub damage: BTreeMap<String, Vec<Finding>>,
    /// Events that broke their schema.
    pub violated: Vec<Violated>,
    /// What policies denied.
    pub denied: Vec<Denied>,
    /// Spaces with what they take of their quotas.
    pub spaces: BTreeMap<String, SpaceView>,
    /// Backups.
    #[cfg(feature = "backup")]
    pub backups: crate::run::backups::Seen,
    /// Whether every shard takes writes.
    pub ready: bool,
}

pub(super) fn derive(scrape: &Scrape) -> Registry {
    let mut registry = Registry::with_prefix("tradewind");
    let ready = Gauge::<i64>::default();
    ready.set(i64::from(scrape.ready));
    registry.register("ready", "1 while every shard takes writes", ready);
    subscriptions(&mut registry, &scrape.subscriptions);
    compared(&mut registry, &scrape.compared);
    members(&mut registry, &scrape.subscriptions);
    oldest(&mut registry, scrape);
    disk(&mut registry, scrape.disk);
    streams(&mut registry, &scrape.streams);
    balanced(&mut registry, scrape);
    stores(&mut registry, &scrape.stores);
    damage(&mut registry, &scrape.damage);
    violations(&mut registry, &scrape.violated);
    denials(&mut registry, &scrape.denied);
    spaces(&mut registry, &scrape.spaces);
    belongings(&mut registry, scrape);
    #[cfg(feature = "backup")]
    backups(&mut registry, &scrape.backups);
    registry
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Compared {
    subscription: String,
    of: String,
    result: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfMember {
    subscription: String,
    member: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ended {
    subscription: String,
    member: String,
    outcome: &'static str,
}

/// What members of groups take, and what became of it.
fn members(registry: &mut Registry, views: &[SubscriptionView]) {
    let attempts = Family::<Ended, Counter>::default();
    let shares = Family::<OfMember, Gauge<f64, AtomicU64>>::default();
    let circuits = Family::<OfMember, Gauge>::default();
    for view in views {
        for member in &view.members {
            let (subscription, name) = (view.name.clone(), member.name.clone());
            for (outcome, count) in [
                ("accepted", member.accepted),
                ("retry", member.retried),
                ("reject", member.rejected),
            ] {
                let label = Ended {
                    subscription: subscription.clone(),
                    member: name.clone(),
                    outcome,
                };
                attempts.get_or_create(&label).inc_by(count);
            }
            let label = OfMember {
                subscription,
                member: name,
            };
            shares.get_or_create(&label).set(member.share);
            let open = member.gone || member.circuit == "open";
            circuits.get_or_create(&label).set(i64::from(open));
        }
    }
    registry.register(
        "member_attempts",
        "Attempts at members of groups, by what came of them",
        attempts,
    );
    registry.register(
        "member_share",
        "What a member of a group takes of the keys, of 1",
        shares,
    );
    registry.register(
        "member_circuit_open",
        "1 while the circuit breaker of a member, or its own word that it is gone, holds deliveries back",
        circuits,
    );
}

/// What shadows and their targets made of the same events.
fn compared(registry: &mut Registry, views: &[ComparisonView]) {
    let family = Family::<Compared, Counter>::default();
    for view in views {
        for (result, count) in [
            ("same", view.same),
            ("status", view.status),
            ("reply", view.reply),
            ("only-old", view.only_old),
            ("only-new", view.only_new),
        ] {
            let label = Compared {
                subscription: view.shadow.clone(),
                of: view.of.clone(),
                result,
            };
            family.get_or_create(&label).inc_by(count);
        }
    }
    registry.register(
        "shadow_compared",
        "Events that a shadow and its target settled, by what came of the comparison",
        family,
    );
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Space {
    space: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Refused {
    space: String,
    quota: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Belonging {
    space: String,
    stream: String,
    subscription: String,
}

/// What each space takes. Gauges only where there is a quota to hold them against.
fn spaces(registry: &mut Registry, views: &BTreeMap<String, SpaceView>) {
    let (events, bytes) = (
        Family::<Space, Counter>::default(),
        Family::<Space, Counter>::default(),
    );
    let refused = Family::<Refused, Counter>::default();
    let (queued, deliveries) = (
        Family::<Space, Gauge>::default(),
        Family::<Space, Gauge>::default(),
    );
    for (name, view) in views {
        let label = Space {
            space: name.clone(),
        };
        events.get_or_create(&label).inc_by(view.events);
        bytes.get_or_create(&label).inc_by(view.bytes);
        for quota in Quota::ALL {
            let label = Refused {
                space: name.clone(),
                quota: quota.name(),
            };
            let count = view.refused[quota as usize];
            refused.get_or_create(&label).inc_by(count);
        }
        let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        if let Some(bytes) = view.queued_bytes {
            queued.get_or_create(&label).set(whole(bytes));
        }
        if let Some(taken) = view.deliveries {
            deliveries.get_or_create(&label).set(whole(taken as u64));
        }
    }
    registry.register("space_events", "Events accepted, each once", events);
    registry.register("space_bytes", "Bytes of them, as they are stored", bytes);
    registry.register(
        "space_refused",
        "Requests refused and pulls put off because a quota was used up",
        refused,
    );
    registry.register(
        "space_queued_bytes",
        "Bytes that its subscriptions have still to settle, where that has a quota",
        queued,
    );
    registry.register(
        "space_deliveries",
        "Attempts under way, where these have a quota",
        deliveries,
    );
}

/// To join with whatever has the label of a stream or a subscription.
fn belongings(registry: &mut Registry, scrape: &Scrape) {
    let family = Family::<Belonging, Gauge>::default();
    for view in &scrape.subscriptions {
        let Some(space) = &view.space else { continue };
        let belonging = Belonging {
            space: space.clone(),
            stream: view.stream.clone(),
            subscription: view.name.clone(),
        };
        family.get_or_create(&belonging).set(1);
    }
    registry.register(
        "space_subscription",
        "1 for each subscription of a space",
        family,
    );
}

/// Only where backups are wanted, so that an alert on their age cannot fire where they are not.
#[cfg(feature = "backup")]
fn backups(registry: &mut Registry, seen: &crate::run::backups::Seen) {
    if seen.to.is_none() {
        return;
    }
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let point = Gauge::<i64>::default();
    point.set(
        seen.last
            .as_ref()
            .map_or(0, |last| whole(last.point_ms / 1000)),
    );
    registry.register(
        "backup_recovery_point_timestamp_seconds",
        "All that was acknowledged before this is in the last complete backup, seconds since 1970; 0 before the first",
        point,
    );
    let took = Gauge::<f64, AtomicU64>::default();
    let ms = seen
        .last
        .as_ref()
        .map_or(0, |last| last.finished_ms.saturating_sub(last.point_ms));
    took.set(ms as f64 / 1000.0);
    registry.register(
        "backup_duration_seconds",
        "Time that the last backup took",
        took,
    );
    for (name, help, value) in [
        ("backup_failures", "Backups that failed", seen.failed),
        (
            "backup_copied_bytes",
            "Bytes copied to the repository",
            seen.copied_bytes,
        ),
    ] {
        let counter = Counter::<u64>::default();
        counter.inc_by(value);
        registry.register(name, help, counter);
    }
}

fn oldest(registry: &mut Registry, scrape: &Scrape) {
    let family = Family::<Subscription, Gauge<f64, AtomicU64>>::default();
    for view in &scrape.subscriptions {
        let appended_ms = scrape.oldest.get(&view.name).copied();
        let age_ms = appended_ms.map_or(0, |at| scrape.now_ms.saturating_sub(at));
        family
            .get_or_create(&Subscription {
                stream: view.stream.clone(),
                subscription: view.name.clone(),
            })
            .set(age_ms as f64 / 1000.0);
    }
    registry.register(
        "subscription_oldest_unsettled_seconds",
        "Age of the oldest event that is neither delivered nor given up; 0 where there is none",
        family,
    );
}

fn disk(registry: &mut Registry, room: Option<(u64, u64)>) {
    let Some((free, size)) = room else { return };
    for (name, help, bytes) in [
        (
            "disk_free_bytes",
            "Room left in the file system of the data directory",
            free,
        ),
        (
            "disk_size_bytes",
            "Size of the file system of the data directory",
            size,
        ),
    ] {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
}

/// The engine says what does not balance, by the same rules that its simulation asserts.
fn balanced(registry: &mut Registry, scrape: &Scrape) {
    let family = Family::<Subscription, Gauge>::default();
    let set = |stream: &str, subscription: &str, to| {
        let (stream, subscription) = (stream.to_owned(), subscription.to_owned());
        family
            .get_or_create(&Subscription {
                stream,
                subscription,
            })
            .set(to);
    };
    for view in &scrape.subscriptions {
        set(&view.stream, &view.name, 1);
    }
    for stream in scrape.streams.keys() {
        set(stream, "", 1);
    }
    for off in imbalances(&scrape.subscriptions, &scrape.replays, &scrape.streams) {
        tracing::error!(?off, "an account does not balance");
        set(
            &off.stream,
            off.subscription.as_deref().unwrap_or_default(),
            0,
        );
    }
    let help = "1 while matched = accepted + dead-lettered + expired + cancelled + purged + pending; \
                without a subscription, 1 while admitted = appended + duplicates";
    registry.register("accounting_balanced", help, family.clone());
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Damage {
    stream: String,
    loss: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Violation {
    schema: String,
    done: &'static str,
}

fn violations(registry: &mut Registry, violated: &[Violated]) {
    let family = Family::<Violation, Counter>::default();
    for found in violated {
        let labels = Violation {
            schema: found.schema.to_string(),
            done: found.done,
        };
        family.get_or_create(&labels).inc_by(found.events);
    }
    let help = "Events whose data broke their schema, by what was done with them: rejected, set-aside or annotated";
    registry.register("schema_violations", help, family);
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Denial {
    action: &'static str,
    cause: &'static str,
}

fn denials(registry: &mut Registry, denied: &[Denied]) {
    let family = Family::<Denial, Counter>::default();
    for found in denied {
        let labels = Denial {
            action: found.action,
            cause: found.cause,
        };
        family.get_or_create(&labels).inc_by(found.count);
    }
    let help = "What policies denied, by what was asked for and why: not-permitted, forbidden, failed or too-long; a batch counts by its events";
    registry.register("policy_denied", help, family);
}

type Read<T> = fn(&T) -> u64;

fn subscriptions(registry: &mut Registry, views: &[SubscriptionView]) {
    let labels = |view: &SubscriptionView| Subscription {
        stream: view.stream.clone(),
        subscription: view.name.clone(),
    };
    let counters: [(&str, &str, Read<Account>); 7] = [
        ("matched", "Deliveries that routing made", |a| a.matched),
        ("accepted", "Deliveries taken by the sink", |a| a.accepted),
        ("expired", "Deliveries past their expirytime", |a| a.expired),
        (
            "cancelled",
            "Deliveries discarded with their subscription",
            |a| a.cancelled,
        ),
        ("purged", "Dead letters removed", |a| a.purged),
        ("filtered", "Events that the filter turned away", |a| {
            a.filtered
        }),
        ("attempts", "Attempts made", |a| a.attempts),
    ];
    for (name, help, read) in counters {
        let family = Family::<Subscription, Counter>::default();
        for view in views {
            family
                .get_or_create(&labels(view))
                .inc_by(read(&view.account));
        }
        registry.register(format!("subscription_{name}"), help, family);
    }
    let family = Family::<Subscription, Counter>::default();
    for view in views {
        family
            .get_or_create(&labels(view))
            .inc_by(view.filter_errors);
    }
    registry.register(
        "subscription_filter_errors",
        "Events on which the filter ended in an error, since the start: an event that it did not match, \
        or matched for another reason",
        family,
    );
    let gauges: [(&str, &str, Read<SubscriptionView>); 7] = [
        (
            "subscription_dead_lettered",
            "Dead letters there are now",
            |v| v.account.dead_lettered,
        ),
        (
            "subscription_pending",
            "Deliveries waiting, scheduled, parked or under way",
            |v| v.account.pending,
        ),
        ("subscription_in_flight", "Attempts under way", |v| {
            v.in_flight
        }),
        (
            "subscription_behind_bytes",
            "Bytes of log not read yet: the backlog beyond what is pending",
            |v| v.behind_bytes,
        ),
        (
            "subscription_busy_keys",
            "Ordering keys that have something pending",
            |v| v.busy_keys,
        ),
        (
            "subscription_held_up",
            "1 while it reads no further until somebody does something",
            |v| u64::from(v.held_up.is_some()),
        ),
        (
            "subscription_circuit_open",
            "1 while the circuit breaker holds deliveries back",
            // Nobody waits for a shadow.
            |v| u64::from(v.circuit == "open" && v.shadow.is_none()),
        ),
    ];
    for (name, help, read) in gauges {
        let family = Family::<Subscription, Gauge>::default();
        for view in views {
            family
                .get_or_create(&labels(view))
                .set(i64::try_from(read(view)).unwrap_or(i64::MAX));
        }
        registry.register(name, help, family);
    }
    let family = Family::<State, Gauge>::default();
    for view in views {
        let state = State {
            stream: view.stream.clone(),
            subscription: view.name.clone(),
            state: view.state.clone(),
        };
        family.get_or_create(&state).set(1);
    }
    registry.register("subscription_state", "1 for the present state", family);
}

fn streams(registry: &mut Registry, accounts: &BTreeMap<String, StreamAccount>) {
    let counters: [(&str, &str, Read<StreamAccount>); 4] = [
        ("admitted", "Events that passed admission", |a| a.admitted),
        ("appended", "Events written", |a| a.appended),
        ("duplicates", "Events recognised as duplicates", |a| {
            a.duplicates
        }),
        ("unmatched", "Events that matched no subscription", |a| {
            a.unmatched
        }),
    ];
    for (name, help, read) in counters {
        counter_per_stream(registry, &format!("stream_{name}"), help, accounts, read);
    }
}

fn stores(registry: &mut Registry, stats: &BTreeMap<String, Stats>) {
    let counters: [(&str, &str, Read<Stats>); 4] = [
        ("store_commits", "Group commits", |s| s.commits),
        ("store_syncs", "Calls of fdatasync on the log", |s| s.syncs),
        (
            "store_conflicts",
            "Events refused: same source and id, other content",
            |s| s.conflicts,
        ),
        (
            "store_dedupe_evicted",
            "Identities forgotten before their window ended",
            |s| s.dedupe_evicted,
        ),
    ];
    for (name, help, read) in counters {
        counter_per_stream(registry, name, help, stats, read);
    }
    let family = Family::<Stream, Gauge>::default();
    for (stream, stats) in stats {
        family
            .get_or_create(&Stream {
                stream: stream.clone(),
            })
            .set(i64::try_from(stats.log_bytes).unwrap_or(i64::MAX));
    }
    registry.register("store_log_bytes", "Bytes of log on disk", family);
}

fn damage(registry: &mut Registry, found: &BTreeMap<String, Vec<Finding>>) {
    let findings = Family::<Damage, Gauge>::default();
    let lost = Family::<Stream, Gauge>::default();
    for (stream, all) in found {
        for loss in [Loss::Nothing, Loss::Unclear, Loss::Certain] {
            let count = all.iter().filter(|finding| finding.loss == loss).count();
            findings
                .get_or_create(&Damage {
                    stream: stream.clone(),
                    loss: loss.as_str(),
                })
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let certain = all.iter().filter(|finding| finding.loss == Loss::Certain);
        let events: u64 = certain.filter_map(|finding| finding.events).sum();
        lost.get_or_create(&Stream {
            stream: stream.clone(),
        })
        .set(i64::try_from(events).unwrap_or(i64::MAX));
    }
    registry.register(
        "store_damage",
        "Findings of damage on disk, by what they cost; `tradewind status` tells each",
        findings,
    );
    registry.register(
        "store_lost_events",
        "Events known to lie in damaged stretches of the log",
        lost,
    );
}

fn counter_per_stream<T>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    of: &BTreeMap<String, T>,
    read: Read<T>,
) {
    let family = Family::<Stream, Counter>::default();
    for (stream, value) in of {
        family
            .get_or_create(&Stream {
                stream: stream.clone(),
            })
            .inc_by(read(value));
    }
    registry.register(name, help, family);
}
