//! Prometheus metrics: what the server counts itself, and the engine's accounts at each scrape.
//!
//! Labels are names from the configuration, names of registered schemas, of which there are so many at most, and codes
//! from the source text: bounded by what the operator wrote, never by what a sender sends.

use super::accounts::{Scrape, derive};
use crate::ingress::Closed;
use crate::routes::Meters;
use crate::system::Troubles;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::time::Duration;
use tradewind_adapter::KeySecret;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    source: String,
    status: u16,
    code: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Unverified {
    source: String,
    cause: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Used {
    source: String,
    secret: u64,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Shown {
    key: String,
    secret: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Asked {
    registry: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Exported {
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Source {
    source: String,
}

/// What the server counts itself.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    unverified: Family<Unverified, Counter>,
    secrets: Family<Used, Gauge>,
    keys: Family<Shown, Gauge>,
    seconds: Family<Source, Histogram, fn() -> Histogram>,
    connections_refused: Counter,
    floods: Counter,
    pulled: Family<Source, Counter>,
    failures: Family<Source, Counter>,
    generation: Gauge,
    reload_failed: Counter,
    schemas_asked: Family<Asked, Counter>,
    traces: Family<Exported, Counter>,
    last_failed: Gauge,
    pub(crate) routes: Meters,
    pub(crate) troubles: Troubles,
}

/// Counts requests that one source has taken.
#[derive(Debug, Clone)]
pub struct Meter {
    requests: Counter,
    seconds: Histogram,
}

impl Meter {
    /// Counts one, answered 202.
    pub fn count(&self, took: Duration) {
        self.requests.inc();
        self.seconds.observe(took.as_secs_f64());
    }
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
            unverified: Family::default(),
            secrets: Family::default(),
            keys: Family::default(),
            seconds: Family::new_with_constructor(latency),
            connections_refused: Counter::default(),
            floods: Counter::default(),
            pulled: Family::default(),
            failures: Family::default(),
            generation: Gauge::default(),
            reload_failed: Counter::default(),
            schemas_asked: Family::default(),
            traces: Family::default(),
            last_failed: Gauge::default(),
            routes: Meters::register(&mut registry, latency),
            troubles: Troubles::default(),
            registry: Registry::default(),
        };
        registry.register(
            "ingress_requests",
            "Requests answered, by source, status and code",
            metrics.requests.clone(),
        );
        registry.register(
            "ingress_unverified",
            "Requests whose proof of the sender was refused, by source and cause",
            metrics.unverified.clone(),
        );
        registry.register(
            "ingress_secret_last_used_timestamp_seconds",
            "When a configured secret last showed who sends, by its place in `secrets` from 0; missing where it has not since the configuration was put in force",
            metrics.secrets.clone(),
        );
        registry.register(
            "api_key_last_used_timestamp_seconds",
            "When a secret of an API key was last shown, since the start; secrets by the first 8 digits of their SHA-256",
            metrics.keys.clone(),
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
            "ingress_floods",
            "Connections closed because of too many frames of HTTP/2 that bring nothing: PING, SETTINGS, PRIORITY",
            metrics.floods.clone(),
        );
        registry.register(
            "source_messages_pulled",
            "Messages received from pulled sources",
            metrics.pulled.clone(),
        );
        registry.register(
            "source_failures",
            "Times that a pulled source gave nothing because something failed",
            metrics.failures.clone(),
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
        registry.register(
            "schema_registry_questions",
            "Questions for schemas, by registry and outcome: for the latest version changed or unchanged, for one by number found, unknown or unreadable; failed",
            metrics.schemas_asked.clone(),
        );
        registry.register(
            "traces_exports",
            "Batches of spans sent to the collector, by outcome: taken, refused by its status, or failed without an answer",
            metrics.traces.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// Counts an answered request; `source` is empty where no source has the path.
    pub fn request(&self, source: &str, status: u16, code: &'static str, took: Duration) {
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
            .observe(took.as_secs_f64());
    }
    /// Counts a proof that was none.
    pub fn refused(&self, source: &str, cause: &'static str) {
        let source = source.to_owned();
        let label = Unverified { source, cause };
        self.unverified.get_or_create(&label).inc();
    }
    /// Notes which secret of a source somebody used, and when, in seconds since the Unix epoch.
    pub fn secret_used(&self, source: &str, secret: usize, at: u64) {
        let label = Used {
            source: source.to_owned(),
            secret: secret as u64,
        };
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        self.secrets.get_or_create(&label).set(at);
    }
    /// Notes that a secret of an API key was shown, and when, in seconds since the Unix epoch.
    pub fn key_used(&self, secret: &KeySecret, at: u64) {
        let label = Shown {
            key: secret.id.clone(),
            secret: secret.fingerprint.clone(),
        };
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        self.keys.get_or_create(&label).set(at);
    }
    /// When a secret of an API key was last shown since the start, in seconds since the Unix epoch.
    pub fn key_last_used(&self, key: &str, fingerprint: &str) -> Option<u64> {
        let label = Shown {
            key: key.to_owned(),
            secret: fingerprint.to_owned(),
        };
        let at = self.keys.get(&label)?.get();
        u64::try_from(at).ok()
    }
    /// Counters of requests that one source takes: looked up once, not at each request.
    pub fn taken(&self, source: &str) -> Meter {
        let source = source.to_owned();
        Meter {
            requests: self.requests.get_or_create_owned(&Request {
                source: source.clone(),
                status: 202,
                code: "taken",
            }),
            seconds: self.seconds.get_or_create_owned(&Source { source }),
        }
    }
    /// Counts a connection that was closed.
    pub fn connection_closed(&self, why: Closed) {
        match why {
            Closed::TooMany => self.connections_refused.inc(),
            Closed::Flood => self.floods.inc(),
        };
    }
    /// Counts messages of a pulled source.
    pub fn pulled(&self, source: &str, messages: u64) {
        let source = source.to_owned();
        self.pulled
            .get_or_create(&Source { source })
            .inc_by(messages);
    }
    /// Counts a failure of a pulled source.
    pub fn pull_failed(&self, source: &str) {
        self.failures_of(source).inc();
    }
    /// Shows the counters of a pulled source before anything is counted.
    pub fn pulls(&self, source: &str) {
        self.pulled(source, 0);
        self.failures_of(source);
    }
    fn failures_of(&self, source: &str) -> Counter {
        let source = source.to_owned();
        self.failures.get_or_create_owned(&Source { source })
    }
    /// Notes a configuration put in force.
    pub fn reloaded(&self, generation: u64) {
        // Places may have changed.
        self.secrets.clear();
        self.generation
            .set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.last_failed.set(0);
    }
    /// Notes a configuration that was refused.
    pub fn reload_failed(&self) {
        self.reload_failed.inc();
        self.last_failed.set(1);
    }
    /// Counts a question to a registry of schemas.
    pub fn schema_asked(&self, registry: &str, outcome: &'static str) {
        let registry = registry.to_owned();
        let label = Asked { registry, outcome };
        self.schemas_asked.get_or_create(&label).inc();
    }
    /// Counts a batch of spans.
    pub fn traces_exported(&self, outcome: &'static str) {
        self.traces.get_or_create(&Exported { outcome }).inc();
    }
    /// Everything, in the OpenMetrics format.
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

/// The same in the text format of Prometheus 0.0.4, for those who do not ask for OpenMetrics: there, a
/// family has the name of its samples, and there are neither units nor an end.
pub(super) fn plain(text: &str) -> String {
    let mut suffixes: std::collections::HashMap<&str, &str> = std::collections::HashMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' ')) {
            match kind {
                "counter" => suffixes.insert(name, "_total"),
                "info" => suffixes.insert(name, "_info"),
                _ => None,
            };
        }
    }
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("UNIT"), ..) | (Some("#"), Some("EOF"), ..) => continue,
            (Some("#"), Some(what @ ("HELP" | "TYPE")), Some(name), Some(rest)) => {
                let suffix = suffixes.get(name).copied().unwrap_or_default();
                let rest = match (what, rest) {
                    ("TYPE", "info") => "gauge",
                    (_, rest) => rest,
                };
                out.push_str(&format!("# {what} {name}{suffix} {rest}"));
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_engine::{Account, SubscriptionView};

    #[test]
    fn the_older_format_names_families_as_samples() {
        let text = "# HELP a Help.\n# TYPE a counter\n# UNIT a seconds\na_total 1\n# HELP b B.\n# TYPE b info\n\
                    b_info{v=\"1\"} 1\n# HELP c C.\n# TYPE c gauge\nc 2\n# EOF\n";
        let expected = "# HELP a_total Help.\n# TYPE a_total counter\na_total 1\n# HELP b_info B.\n\
                        # TYPE b_info gauge\nb_info{v=\"1\"} 1\n# HELP c C.\n# TYPE c gauge\nc 2\n";
        assert_eq!(plain(text), expected);
    }

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
            behind_bytes: 4096,
            busy_keys: 0,
            filter_errors: 0,
            held_up: None,
            owner: None,
            why: None,
            space: None,
            shadow: None,
            members: Vec::new(),
        };
        let off = Account {
            matched: 6,
            ..account
        };
        let metrics = Metrics::default();
        metrics.request("api", 202, "taken", Duration::from_millis(3));
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
            r#"tradewind_subscription_behind_bytes{stream="default",subscription="a"} 4096"#,
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
