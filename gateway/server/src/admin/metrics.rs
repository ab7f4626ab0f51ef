//! Prometheus metrics: what the server counts itself, and the engine's accounts at each scrape.
//!
//! Labels are names from the configuration and codes from the source text: bounded by what the
//! operator wrote, never by what a sender sends.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use tradewind_engine::{Account, StreamAccount, SubscriptionView};
use tradewind_store::Stats;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    source: String,
    status: u16,
    code: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Source {
    source: String,
}

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

/// What the server counts itself.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Family<Source, Histogram, fn() -> Histogram>,
    connections_refused: Counter,
    pulled: Family<Source, Counter>,
    generation: Gauge,
    reload_failed: Counter,
    last_failed: Gauge,
}

fn latency() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
    ])
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("tradewind");
        let build = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "Version of this binary", Info::new(build));
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(latency),
            connections_refused: Counter::default(),
            pulled: Family::default(),
            generation: Gauge::default(),
            reload_failed: Counter::default(),
            last_failed: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register(
            "ingress_requests",
            "Requests answered, by source, status and code",
            metrics.requests.clone(),
        );
        registry.register(
            "ingress_request_duration_seconds",
            "Time from the head of a request to its answer",
            metrics.seconds.clone(),
        );
        registry.register(
            "ingress_connections_refused",
            "Connections closed because there were too many",
            metrics.connections_refused.clone(),
        );
        registry.register(
            "source_messages_pulled",
            "Messages received from pulled sources",
            metrics.pulled.clone(),
        );
        registry.register(
            "config_generation",
            "Configurations put in force since the start",
            metrics.generation.clone(),
        );
        registry.register(
            "config_reload_failed",
            "Configurations refused; the one before stays in force",
            metrics.reload_failed.clone(),
        );
        registry.register(
            "config_last_reload_failed",
            "1 while the file on disk is not the configuration in force",
            metrics.last_failed.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }
}

/// What is asked of the engine and the store at each scrape.
#[derive(Debug, Default)]
pub struct Scrape {
    /// Subscriptions with their accounts.
    pub subscriptions: Vec<SubscriptionView>,
    /// Streams with their accounts.
    pub streams: BTreeMap<String, StreamAccount>,
    /// Figures of the stores.
    pub stores: BTreeMap<String, Stats>,
    /// Whether every shard takes writes.
    pub ready: bool,
}

impl Metrics {
    /// Counts an answered request; `source` is empty where no source has the path.
    pub fn request(&self, source: &str, status: u16, code: &'static str, took_ms: u64) {
        let source = source.to_owned();
        self.requests
            .get_or_create(&Request {
                source: source.clone(),
                status,
                code,
            })
            .inc();
        self.seconds
            .get_or_create(&Source { source })
            .observe(took_ms as f64 / 1000.0);
    }
    /// Counts a connection above the limit.
    pub fn connection_refused(&self) {
        self.connections_refused.inc();
    }
    /// Counts messages of a pulled source.
    pub fn pulled(&self, source: &str, messages: u64) {
        let source = source.to_owned();
        self.pulled
            .get_or_create(&Source { source })
            .inc_by(messages);
    }
    /// Notes a configuration put in force.
    pub fn reloaded(&self, generation: u64) {
        self.generation
            .set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.last_failed.set(0);
    }
    /// Notes a configuration that was refused.
    pub fn reload_failed(&self) {
        self.reload_failed.inc();
        self.last_failed.set(1);
    }
    /// Everything, in the text format.
    pub fn render(&self, scrape: &Scrape) -> String {
        let mut text = String::with_capacity(16 << 10);
        let derived = derive(scrape);
        // Writing to a string cannot fail.
        let written = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &derived))
            .and_then(|()| encode_eof(&mut text));
        if written.is_err() {
            tracing::error!("metrics could not be written");
        }
        text
    }
}

fn derive(scrape: &Scrape) -> Registry {
    let mut registry = Registry::with_prefix("tradewind");
    let ready = Gauge::<i64>::default();
    ready.set(i64::from(scrape.ready));
    registry.register("ready", "1 while every shard takes writes", ready);
    subscriptions(&mut registry, &scrape.subscriptions);
    streams(&mut registry, &scrape.streams);
    stores(&mut registry, &scrape.stores);
    registry
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
    let gauges: [(&str, &str, Read<SubscriptionView>); 5] = [
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
            "subscription_circuit_open",
            "1 while the circuit breaker holds deliveries back",
            |v| u64::from(v.circuit == "open"),
        ),
        (
            "accounting_balanced",
            "1 while matched = accepted + dead-lettered + expired + cancelled + purged + pending",
            |v| u64::from(v.account.balances()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_is_shown_term_by_term() {
        let account = Account {
            matched: 5,
            accepted: 3,
            dead_lettered: 1,
            pending: 1,
            ..Account::default()
        };
        let view = |name: &str, account| SubscriptionView {
            name: name.into(),
            stream: "default".into(),
            state: "active".into(),
            circuit: "open".into(),
            sink: String::new(),
            account,
            cursors: Vec::new(),
            in_flight: 0,
        };
        let off = Account {
            matched: 6,
            ..account
        };
        let metrics = Metrics::default();
        metrics.request("api", 202, "taken", 3);
        metrics.reload_failed();
        let text = metrics.render(&Scrape {
            subscriptions: vec![view("a", account), view("b", off)],
            ready: true,
            ..Scrape::default()
        });
        for line in [
            r#"tradewind_subscription_matched_total{stream="default",subscription="a"} 5"#,
            r#"tradewind_subscription_accepted_total{stream="default",subscription="a"} 3"#,
            r#"tradewind_subscription_dead_lettered{stream="default",subscription="a"} 1"#,
            r#"tradewind_accounting_balanced{stream="default",subscription="a"} 1"#,
            r#"tradewind_accounting_balanced{stream="default",subscription="b"} 0"#,
            r#"tradewind_ingress_requests_total{source="api",status="202",code="taken"} 1"#,
            "tradewind_config_reload_failed_total 1",
            "tradewind_ready 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        assert_eq!(text.matches("# EOF").count(), 1);
    }
}
