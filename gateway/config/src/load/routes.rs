//! Routes: their path, their function, and whether the keys fit together.

use super::Loader;
use super::keys::ApiKeys;
use super::paths::{Taken, rewrite};
use crate::checked::{DEFAULT_SPACE, LoadedRoute, LoadedSource, LoadedStream};
use crate::document::{Spot, child};
use crate::model::{Exchange, Limits, Origin, Period, Route, Verb};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{Auth, Sink};

/// Longest `timeout` and `idle-timeout`.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);

/// Headers of a request that no function sees unless `forward` names them: credentials that were
/// shown to the gateway, and what a stranger may claim about where a request came from.
pub const WITHHELD: [&str; 5] = [
    "authorization",
    "cookie",
    "forwarded",
    "x-api-key",
    "x-real-ip",
];

/// As [`WITHHELD`], for every header that begins so.
pub const WITHHELD_PREFIX: &str = "x-forwarded-";

impl Loader<'_> {
    pub(crate) fn routes(
        &mut self,
        map: BTreeMap<String, serde_json::Value>,
        (sources, streams): (
            &BTreeMap<String, LoadedSource>,
            &BTreeMap<String, LoadedStream>,
        ),
        keys: &ApiKeys,
        limits: &Limits,
    ) -> BTreeMap<String, LoadedRoute> {
        let mut routes = BTreeMap::new();
        let mut taken = Taken::new(sources);
        for mut entry in self.named("routes", map) {
            let base = &entry.base;
            let named = entry.value.get("space").and_then(Value::as_str);
            let named = named.unwrap_or(DEFAULT_SPACE).to_owned();
            let auth = (base.as_str(), "/auth");
            let known = self.resolve_keys(auth, &mut entry.value, keys, Some(&named));
            let open = "everybody who reaches the gateway can call this route";
            self.check_auth(base, &entry.value, open);
            let route: Option<Route> = self.decode(base, entry.value);
            let Some(route) = route else { continue };
            let space = self.space_of(base, route.space.clone());
            let parameters = self.check_route_path(base, &entry.name, &route, &mut taken);
            self.check_route(base, &route);
            let stream = route.stream.clone().unwrap_or_else(|| "default".into());
            let place = child(base, "stream");
            self.stream_takes(&place, &stream, streams);
            if route.record {
                self.appends_within(&place, &space, &stream, streams);
            }
            let place = child(base, "auth");
            let callers = known.then(|| self.callers(&place, route.auth.as_ref(), keys));
            let sink_base = child(base, "sink");
            let sink = self.sink(&sink_base, &entry.name, route.sink.clone());
            let Some((kind, sink)) = sink else { continue };
            self.check_function(&sink_base, &route, &kind, &*sink);
            let timeout = route.timeout.map_or(Duration::from_secs(30), |p| p.0);
            self.check_time(base, timeout, &kind, &*sink);
            let rewrite = self.check_rewrite(base, &route, parameters.as_deref());
            let (Some(Some(callers)), Some(_)) = (callers, parameters) else {
                continue;
            };
            let loaded = LoadedRoute {
                space,
                path: route.path,
                methods: route.methods,
                callers: Arc::new(callers),
                mode: route.mode,
                sink_kind: kind,
                sink,
                rewrite,
                timeout,
                idle_timeout: route.idle_timeout.map_or(Duration::from_secs(60), |p| p.0),
                max_body: route.max_body.unwrap_or(limits.body).0,
                body_timeout: limits.body_timeout.0,
                concurrency: route.concurrency.map_or(256, |n| n.get()),
                forward: route.forward.into_iter().map(|name| name.0).collect(),
                cors: route.cors,
                record: route.record.then_some(stream),
                owner: route.owner,
                why: route.why,
            };
            routes.insert(entry.name, loaded);
        }
        routes
    }

    /// Whether the keys of the route itself fit together.
    fn check_route(&mut self, base: &str, route: &Route) {
        let mut say = |key: &str, spot, (code, warn): (_, bool), message: String, hint: &str| {
            let place = child(base, key);
            let found = match warn {
                true => self.document.warning(&place, spot, code, message),
                false => self.document.error(&place, spot, code, message),
            };
            self.out.push(found.hint(hint));
        };
        let (refused, unfit, idle) = (
            ("invalid-value", false),
            ("contradiction", false),
            ("no-effect", true),
        );
        if route.methods.is_empty() {
            let message = "`methods` is empty: the route would answer nothing".into();
            let hint = "write for instance `methods: [GET, POST]`";
            say("methods", Spot::Value, refused, message, hint);
        }
        for (key, period) in [
            ("timeout", route.timeout),
            ("idle-timeout", route.idle_timeout),
        ] {
            let Some(Period(time)) = period else { continue };
            if time.is_zero() || time > TIMEOUT_MAX {
                let message = format!("`{key}` must be more than 0s and at most 24h");
                say(
                    key,
                    Spot::Value,
                    refused,
                    message,
                    "leave it out for the default",
                );
            }
        }
        if route.max_body.is_some_and(|size| size.0 == 0) {
            let message = "`max-body` must be more than 0B".into();
            let hint = "leave it out to take what `limits.body` allows";
            say("max-body", Spot::Value, refused, message, hint);
        }
        if route.stream.is_some() && !route.record {
            let message = "nothing is appended: `record` is not true".into();
            let hint = "write `record: true`, or remove this key";
            say("stream", Spot::Value, idle, message, hint);
        }
        // What an authorizer is shown is withheld, too.
        let shown = match &route.auth {
            Some(Auth::Proofs(proofs)) => proofs.authorizer.as_ref().map(|asked| &asked.headers),
            _ => None,
        };
        let is_shown = |name: &str| {
            let mut shown = shown.into_iter().flatten();
            shown.any(|header| header.eq_ignore_ascii_case(name))
        };
        for name in &route.forward {
            let withheld = WITHHELD.contains(&name.0.as_str())
                || name.0.starts_with(WITHHELD_PREFIX)
                || is_shown(name.0.as_str());
            if !withheld {
                let message = format!("`{name}` is not withheld, so that this changes nothing");
                let hint = "authorization, cookie, x-api-key, forwarded, x-real-ip and x-forwarded-... are withheld; headers of the connection never go further";
                say("forward", Spot::Value, idle, message, hint);
            }
        }
        let Some(cors) = &route.cors else { return };
        if route.methods.contains(&Verb::Options) {
            let message = "with `cors`, the gateway answers OPTIONS itself".into();
            say(
                "methods",
                Spot::Value,
                unfit,
                message,
                "remove `OPTIONS`, or `cors`",
            );
        }
        if cors.origins.is_empty() {
            let message = "`origins` is empty: no page could call".into();
            let hint = "name one, for instance https://app.example.com, or remove `cors`";
            say("cors", Spot::Value, refused, message, hint);
        }
        if cors.credentials && cors.origins.contains(&Origin::Any) {
            let message =
                "with `credentials`, `*` would let every page act as the user who visits it";
            let hint = "name the origins that may call";
            say("cors", Spot::Value, unfit, message.into(), hint);
        }
    }

    /// Whether the sink can answer, and in this mode.
    fn check_function(&mut self, base: &str, route: &Route, kind: &str, sink: &dyn Sink) {
        let trouble = match (sink.invoke(), route.mode) {
            (None, _) => Some((
                "kind",
                format!("a `{kind}` sink takes events and gives no answer"),
                "take a kind that answers, for instance `http`".to_owned(),
            )),
            (Some(_), Exchange::Event) => sink.capability().deliver_batch_max.map(|_| {
                (
                    "mode",
                    "a route hands over one event at a time, and this sink takes batches".into(),
                    "write `mode: binary` or `mode: structured`".into(),
                )
            }),
            (Some(function), Exchange::Proxy) => function.passes().err().map(|why| {
                let (why, hint) = why.split_once(" (hint: ").unwrap_or((&why, ""));
                let hint = match hint.strip_suffix(')') {
                    Some(hint) => hint.to_owned(),
                    None => "write `mode: event`".into(),
                };
                ("", format!("requests cannot be passed on: {why}"), hint)
            }),
        };
        if let Some((key, message, hint)) = trouble {
            let place = match key {
                "" => base.to_owned(),
                key => child(base, key),
            };
            let found = self
                .document
                .error(&place, Spot::Value, "contradiction", message);
            self.out.push(found.hint(hint));
        }
    }

    fn check_rewrite(
        &mut self,
        base: &str,
        route: &Route,
        parameters: Option<&[String]>,
    ) -> Option<Vec<super::paths::Piece>> {
        let template = route.rewrite.as_deref()?;
        let place = child(base, "rewrite");
        if route.mode != Exchange::Proxy {
            let message = "nothing is rewritten: `mode` is not `proxy`";
            let found = self
                .document
                .warning(&place, Spot::Value, "no-effect", message);
            self.out
                .push(found.hint("write `mode: proxy`, or remove this key"));
        }
        match rewrite(template, parameters?) {
            Ok(pieces) => Some(pieces),
            Err((message, hint)) => {
                let found = self
                    .document
                    .error(&place, Spot::Value, "bad-path", message);
                self.out.push(found.hint(self.document.veil(&place, hint)));
                None
            }
        }
    }
}
