//! What is valid and probably not meant, or not safe.

mod unused;

use super::Loader;
use super::authority::{Authority, There};
use super::streams::SYSTEM;
use crate::checked::{LoadedStream, LoadedSubscription};
use crate::document::{Spot, child};
use crate::model::{Address, Network};
use serde_json::Value;
use std::net::IpAddr;
use tradewind_adapter::BuiltSource;
use tradewind_filter::{Formula, How, Path, Test, Text};
use tradewind_policy::{Action, Kind, Member, Principal, Role};
use tradewind_schema::SET_ASIDE;

/// Keys of settings that hold the URL of whom the gateway calls.
const TARGETS: [&str; 8] = [
    "url",
    "queue",
    "token-url",
    "keys-url",
    "issuer",
    "authority",
    "endpoint",
    "metadata",
];

impl Loader<'_> {
    pub(crate) fn lint(&mut self, there: &There<'_>, authority: &Authority) {
        self.transports();
        self.open_doors(there);
        self.limits(there);
        self.filters(there);
        self.blind(there, authority);
        self.wildcards(authority);
        self.unused(there, authority);
    }

    fn warn(&mut self, place: &str, spot: Spot, code: &'static str, message: String, hint: &str) {
        let found = self.document.warning(place, spot, code, message);
        self.out.push(found.hint(hint));
    }

    fn note(&mut self, place: &str, spot: Spot, code: &'static str, message: String, hint: &str) {
        let found = self.document.note(place, spot, code, message);
        self.out.push(found.hint(hint));
    }

    /// A listener that other machines reach, with nothing that ends TLS.
    pub(crate) fn lint_listener(&mut self, (listen, tls): (&Address, bool), proxies: &[Network]) {
        if !listen.0.ip().is_loopback() && !tls && proxies.is_empty() {
            let message = "other machines reach the gateway unencrypted".into();
            let hint =
                "write `tls`, or name the load balancer that ends TLS under `trusted-proxies`";
            self.warn("/listen", Spot::Value, "plain-listener", message, hint);
        }
    }

    /// Senders who are believed by a key of a file, whatever they publish.
    pub(crate) fn lint_simulated_keys(&mut self) {
        let mut places = Vec::new();
        if let Some(sources) = self.document.value.get("sources") {
            named(KEYS_FILE, sources, "/sources", &mut places);
        }
        for place in places {
            let message = "who has the key of this file is taken for the sender".into();
            let hint = "it is for simulations and emulators: serve without it, and the keys that the sender publishes count";
            self.warn(&place, Spot::Key, "simulated-keys", message, hint);
        }
    }

    /// Whom the gateway calls without TLS.
    fn transports(&mut self) {
        let mut plain = Vec::new();
        for section in ["schema-registries", "sources", "routes", "subscriptions"] {
            if let Some(all) = self.document.value.get(section) {
                plain_targets(all, &child("", section), &mut plain);
            }
        }
        for (place, hint) in plain {
            let message = "what is sent here travels unencrypted".into();
            self.warn(&place, Spot::Value, "no-tls", message, hint);
        }
    }

    fn open_doors(&mut self, there: &There<'_>) {
        for (name, source) in there.sources {
            let base = child("/sources", name);
            let auth = self.document.value.pointer(&child(&base, "auth"));
            let open = auth.and_then(Value::as_str) == Some(OPEN);
            if open && source.common.rate_limit.is_none() {
                let message = "strangers may publish as much as they like".into();
                let hint = "write for instance `rate-limit: { per-second: 10 }`";
                self.warn(&base, Spot::Key, "no-rate-limit", message, hint);
            }
        }
    }

    fn limits(&mut self, there: &There<'_>) {
        let can = |stream: &LoadedStream| {
            let engine = stream.engine.as_ref();
            engine.is_none_or(|engine| engine.built.capability().retention_bytes)
        };
        let bounded =
            |stream: &LoadedStream| stream.settings.retention_bytes.is_some() || !can(stream);
        for (name, stream) in there.streams {
            let place = child("/streams", name);
            if self.document.has(&place) && !bounded(stream) {
                let message = format!("only time bounds what `{name}` keeps on the disk");
                let hint = "write `retention-bytes`, below what the disk holds";
                self.note(&place, Spot::Key, "no-limit", message, hint);
            }
        }
        for (name, subscription) in there.subscriptions {
            let base = child("/subscriptions", name);
            let said = ["rate", "concurrency"].map(|key| self.document.has(&child(&base, key)));
            let billed = subscription.sink.capability().deliver_time_max.is_some();
            if billed && said == [false, false] {
                let message = "a function is called as often as events come".into();
                let hint = "write `rate`, the most calls in a second, or `concurrency`";
                self.note(&base, Spot::Key, "no-limit", message, hint);
            }
        }
    }

    fn filters(&mut self, there: &There<'_>) {
        let own = there
            .subscriptions
            .iter()
            .filter(|(_, s)| s.shadow.is_none());
        for (name, subscription) in own {
            let base = child("/subscriptions", name);
            let place = child(&base, "filter");
            let formula = subscription.filter.formula();
            let feeders = Feeders::of(&subscription.stream, there);
            if formula.never() {
                let message = "no event can pass this filter".into();
                let hint = "it asks for two things that no event is at once; `any` takes either";
                self.warn(&place, Spot::Key, "never-matches", message, hint);
            } else if let Some(claims) = feeders.claims
                && Formula::All(vec![formula.clone(), claims]).never()
            {
                let message = format!(
                    "no source of `{}` may claim a type that passes this filter: only what is published by the admin API, or was there before, could",
                    subscription.stream
                );
                let hint = "widen `may-claim` of the source, or mend the filter";
                self.note(&place, Spot::Key, "unclaimed-type", message, hint);
            } else if formula.always() && feeders.count > 1 {
                let stream = &subscription.stream;
                let message = format!(
                    "takes all that the {} feeders of `{stream}` append",
                    feeders.count
                );
                let hint = "say which events it is for: `filter: { exact: { type: ... } }`";
                let place = match subscription.definition.is_null() {
                    true => &base,
                    false => &place,
                };
                self.note(place, Spot::Key, "wildcard-filter", message, hint);
            }
        }
    }

    /// Subscriptions that ask as somebody whom no role lets see anything. What texts permit depends on the event.
    fn blind(&mut self, there: &There<'_>, authority: &Authority) {
        let decided = authority.policies.in_force() && authority.policies.scopes().is_empty();
        for (name, subscription) in there.subscriptions.iter().filter(|_| decided) {
            let Some(identity) = &subscription.identity else {
                continue;
            };
            let who = Principal::new(Kind::Identity, identity.as_str());
            let stream = &subscription.stream;
            let space = there.streams.get(stream).map(|stream| &stream.space);
            let sees = |role: &Role| {
                let mut members = role.members.iter().filter_map(|text| Member::read(text));
                let names = [
                    &role.spaces,
                    &role.streams,
                    &role.subscriptions,
                    &role.routes,
                ];
                let on = |names: &Option<Vec<String>>, name: Option<&String>| {
                    name.is_some_and(|name| names.as_ref().is_some_and(|all| all.contains(name)))
                };
                role.may.contains(&Action::Subscribe)
                    && members.any(|member| member.is(&who))
                    && (names.into_iter().all(Option::is_none)
                        || on(&role.streams, Some(stream))
                        || on(&role.spaces, space))
            };
            if !authority.roles.values().any(sees) {
                let message = format!("no role lets `{who}` see events of `{stream}`");
                let hint = "let one: `may: [subscribe]`, or remove `as`";
                let place = format!("/subscriptions/{name}/as");
                self.warn(&place, Spot::Key, "never-matches", message, hint);
            }
        }
    }

    fn wildcards(&mut self, authority: &Authority) {
        let hint = "name principals and places, or write a condition";
        for scope in authority.policies.scopes() {
            if scope.wildcard {
                let (text, _) = scope.policy.split_once('/').unwrap_or_default();
                let message = format!(
                    "policy `{}` leaves two of who, what and where open",
                    scope.policy
                );
                let place = child("/policies", text);
                self.warn(&place, Spot::Key, "wildcard-policy", message, hint);
            }
        }
        for (name, role) in &authority.roles {
            if role.wildcard() {
                let message = format!("role `{name}` leaves two of who, what and where open");
                let place = child("/roles", name);
                self.warn(&place, Spot::Key, "wildcard-policy", message, hint);
            }
        }
    }
}

/// What may stand at `auth` instead of credentials.
const OPEN: &str = "none-i-understand";

/// What appends to a stream.
struct Feeders {
    count: usize,
    /// The types that they may claim, where all of them are held to some.
    claims: Option<Formula>,
}

impl Feeders {
    fn of(stream: &str, there: &There<'_>) -> Self {
        let replies = |subscription: &&LoadedSubscription| {
            subscription.policy.reply_to.as_deref() == Some(stream)
        };
        let records = there
            .routes
            .values()
            .filter(|route| route.record.as_deref() == Some(stream));
        let others = records.count() + there.subscriptions.values().filter(replies).count();
        let mut count = others + usize::from(stream == SYSTEM);
        let mut claims = (count == 0).then(Vec::new);
        let sources = there.sources.values();
        for source in sources.filter(|source| source.common.stream == stream) {
            count += 1;
            claims = match (&source.built, &source.common.may_claim.ty, claims) {
                (BuiltSource::Push(_), Some(types), Some(mut all)) => {
                    all.extend(types.iter().map(|ty| {
                        let test = Test::Text(Text::new(How::Prefix, ty.as_str()));
                        Formula::test(Path::attribute("type"), test)
                    }));
                    Some(all)
                }
                _ => None,
            };
        }
        // What breaks its schema may be set aside, under a type of the gateway's own.
        let own = Test::Text(Text::new(How::Exact, SET_ASIDE));
        let own = Formula::test(Path::attribute("type"), own);
        let claims = claims.filter(|claims| !claims.is_empty());
        Self {
            count,
            claims: claims.map(|all| Formula::Any(all.into_iter().chain([own]).collect())),
        }
    }
}

/// Key of a source's settings that takes the place of what its sender publishes.
const KEYS_FILE: &str = "keys-file";

/// The places of a key that is set.
fn named(wanted: &str, settings: &Value, at: &str, places: &mut Vec<String>) {
    for (key, value) in settings.as_object().into_iter().flatten() {
        let place = child(at, key);
        match key == wanted && value.is_string() {
            true => places.push(place),
            false => named(wanted, value, &place, places),
        }
    }
}

/// Keys of settings that hold the addresses of brokers, whose connections are secured by `tls` beside them.
const BROKERS: [&str; 3] = ["brokers", "servers", "server"];

/// The places of targets without TLS in settings, each with what to do.
fn plain_targets(settings: &Value, at: &str, plain: &mut Vec<(String, &'static str)>) {
    match settings {
        Value::Object(map) => {
            let secured = map.get("tls").is_some_and(|tls| !tls.is_null());
            for key in BROKERS.into_iter().filter(|_| !secured) {
                if map.get(key).is_some_and(has_far_broker) {
                    plain.push((
                        child(at, key),
                        "write `tls: {}`, or what it needs, beside it",
                    ));
                }
            }
            for (key, value) in map {
                let place = child(at, key);
                match value.as_str().and_then(|url| url.strip_prefix("http://")) {
                    Some(rest) if TARGETS.contains(&key.as_str()) && !near(host(rest)) => {
                        plain.push((place, "use https"));
                    }
                    Some(_) => {}
                    None => plain_targets(value, &place, plain),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                plain_targets(item, &format!("{at}/{index}"), plain);
            }
        }
        _ => {}
    }
}

/// Whether an address, or one of a list, is another machine's: `host:port`.
fn has_far_broker(addresses: &Value) -> bool {
    let all = addresses
        .as_array()
        .map_or_else(|| std::slice::from_ref(addresses), Vec::as_slice);
    let mut all = all.iter().filter_map(Value::as_str);
    all.any(|address| address.contains(':') && !near(host(address)))
}

/// The host of what follows `http://`.
fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Whether nobody is on the way there: this machine, or the metadata server of its host.
fn near(host: &str) -> bool {
    let local = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        v6 => v6.is_loopback(),
    };
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(local)
}
