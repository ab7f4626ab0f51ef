//! What routes count: apart from events, since nothing of it is delivered later.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    route: Arc<str>,
    status: u16,
    code: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Name {
    route: Arc<str>,
}

/// The counters of all routes.
#[derive(Debug)]
pub struct Meters {
    requests: Family<Request, Counter>,
    seconds: Family<Name, Histogram, fn() -> Histogram>,
    under_way: Family<Name, Gauge>,
    cut_off: Family<Name, Counter>,
}

/// The counters of one route.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    pub(super) route: Arc<str>,
    requests: Family<Request, Counter>,
    seconds: Histogram,
    pub(super) under_way: Gauge,
    pub(super) cut_off: Counter,
}

impl Meters {
    /// Enters the counters in a registry.
    pub(crate) fn register(registry: &mut Registry, latency: fn() -> Histogram) -> Self {
        let meters = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(latency),
            under_way: Family::default(),
            cut_off: Family::default(),
        };
        registry.register(
            "route_requests",
            "Requests to routes, by route, status and code: answered, or why not",
            meters.requests.clone(),
        );
        registry.register(
            "route_request_duration_seconds",
            "Time from the head of a request to the head of its answer",
            meters.seconds.clone(),
        );
        registry.register(
            "route_requests_under_way",
            "Requests whose answer is not yet sent whole",
            meters.under_way.clone(),
        );
        registry.register(
            "route_answers_cut_off",
            "Answers that began and did not end: the function broke off, or paused too long",
            meters.cut_off.clone(),
        );
        meters
    }

    /// Something of everything, for tests.
    #[cfg(test)]
    pub(crate) fn sample(&self) {
        self.of(&"orders".into())
            .count(200, "answered", Duration::ZERO);
    }

    pub(super) fn of(&self, route: &Arc<str>) -> Meter {
        let name = Name {
            route: route.clone(),
        };
        Meter {
            route: route.clone(),
            requests: self.requests.clone(),
            seconds: self.seconds.get_or_create_owned(&name),
            under_way: self.under_way.get_or_create_owned(&name),
            cut_off: self.cut_off.get_or_create_owned(&name),
        }
    }
}

impl Meter {
    pub(super) fn count(&self, status: u16, code: &'static str, took: Duration) {
        let request = Request {
            route: self.route.clone(),
            status,
            code,
        };
        self.requests.get_or_create(&request).inc();
        self.seconds.observe(took.as_secs_f64());
    }
}
