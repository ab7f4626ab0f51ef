//! From a checked configuration to what the engine and ingress run by.

use super::groups::{self, Decisions};
use super::pauses;
use crate::ingress::{Budget, Door, Limits, Rate, Site, Unmatched};
use crate::routes::{Route, Table};
use crate::telemetry::Telemetry;
use http::Method;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use tradewind_adapter::{BuiltSource, Sink};
use tradewind_config as config;
use tradewind_engine::{
    Breaker, Group, Ignored, Member, OnExhaustion, Pauses, Plan, Policy, Quotas, Retry, Shadow,
    Sight, Start, StreamPlan, SubscriptionPlan,
};
use tradewind_policy::{Kind, Principal};
use tradewind_schema::Schemas;
use tradewind_store::Durability;

/// Streams and subscriptions as a configuration has them, for the engine.
pub fn planned(checked: &config::Checked) -> Plan {
    let own = checked.schemas.iter();
    let own = own.map(|(name, schema)| (name, &schema.registered));
    let schemas = Arc::new(Schemas::new(own));
    plan(checked, None, &Decisions::default(), schemas)
}

/// Streams and subscriptions, for the engine; with what was decided of them at run time, and with all schemas that
/// events are held against: more than the configuration's own.
pub(crate) fn plan(
    checked: &config::Checked,
    telemetry: Option<&Arc<Telemetry>>,
    decisions: &Decisions,
    schemas: Arc<Schemas>,
) -> Plan {
    let traced = |sink: &Arc<dyn Sink>| match telemetry {
        Some(telemetry) => telemetry.sink(sink.clone()),
        None => sink.clone(),
    };
    let streams = checked
        .streams
        .iter()
        .map(|(name, stream)| {
            let plan = StreamPlan {
                space: stream.space.as_str().into(),
                settings: stream.settings.clone(),
                order_by: stream.order_by.clone(),
                dedupe_window: stream.dedupe_window,
            };
            (name.clone(), plan)
        })
        .collect();
    let subscriptions = checked
        .subscriptions
        .iter()
        .map(|(name, loaded)| {
            let plan = SubscriptionPlan {
                space: loaded.space.as_str().into(),
                stream: loaded.stream.clone(),
                filter: loaded.filter.clone(),
                definition: loaded.definition.clone(),
                sight: loaded.identity.as_deref().map(|identity| Sight {
                    who: Principal::new(Kind::Identity, identity),
                    policies: checked.policies.clone(),
                }),
                transform: loaded.transform.clone(),
                sink: traced(&loaded.sink),
                group: loaded.group.as_ref().map(|group| Group {
                    members: group
                        .members
                        .iter()
                        .map(|member| Member {
                            name: member.name.as_str().into(),
                            sink: traced(&member.sink),
                        })
                        .collect(),
                    split: groups::split(group, groups::decided(decisions, name, loaded)),
                }),
                start: match loaded.start {
                    config::Moment::Tip => Start::Tip,
                    config::Moment::Oldest => Start::Oldest,
                    config::Moment::Time(ms) => Start::Time(ms),
                },
                renamed_from: loaded.renamed_from.clone(),
                policy: policy(&loaded.policy),
                shadow: loaded.shadow.as_ref().map(shadow),
                paused: pauses::said(checked, decisions, name, loaded),
            };
            (name.clone(), plan)
        })
        .collect();
    let spaces = checked.spaces.iter().map(|(name, space)| {
        let quotas = Quotas {
            events_per_second: space.events_per_second,
            bytes_per_second: space.bytes_per_second,
            queued_bytes: space.queued_bytes,
            deliveries: space.deliveries,
        };
        (name.clone(), quotas)
    });
    Plan {
        spaces: spaces.collect(),
        policies: checked.policies.clone(),
        schemas,
        streams,
        subscriptions,
    }
}

fn shadow(from: &config::LoadedShadow) -> Shadow {
    Shadow {
        of: from.of.clone(),
        ignored: ignored(from).into(),
        within: from.within,
        examples_max: from.examples,
        bytes_max: from.bytes,
        keep: from.keep,
    }
}

/// What of replies is not compared. Pointers that are none were refused when the file was read.
pub(crate) fn ignored(from: &config::LoadedShadow) -> Ignored {
    let pointers = from.ignore.iter().map(String::as_str);
    let attributes = from.ignore_attributes.iter().map(String::as_str);
    Ignored::new(pointers, attributes).unwrap_or_default()
}

fn policy(from: &config::Policy) -> Policy {
    Policy {
        concurrency: from.concurrency,
        rate_per_second: from.rate_per_second,
        timeout: from.timeout,
        retry: Retry {
            max_attempts: from.retry.max_attempts,
            max_age: from.retry.max_age,
            pauses: match &from.retry.pauses {
                config::Pauses::Exponential {
                    initial,
                    factor,
                    max,
                } => Pauses::Exponential {
                    initial: *initial,
                    factor: *factor,
                    max: *max,
                },
                config::Pauses::Listed(pauses) => Pauses::Listed(pauses.clone()),
            },
            full_jitter: from.retry.full_jitter,
            retry_after_max: from.retry.retry_after_max,
        },
        breaker: Breaker {
            failures: from.breaker.failures,
            cooldown: from.breaker.cooldown,
            cooldown_max: from.breaker.cooldown_max,
        },
        max_age: from.max_age,
        backlog_max: from.backlog_max,
        batch_max: from.batch_max,
        batch_wait: from.batch_wait,
        delay: from.delay,
        on_exhaustion: if from.park {
            OnExhaustion::Park
        } else {
            OnExhaustion::Continue
        },
        parked_bytes_max: from.parked_bytes_max,
        hops_max: from.hops_max,
        reply_to: from.reply_to.clone(),
        dead_letter_retention: from.dead_letter_retention,
        dead_letter_bytes_max: from.dead_letter_bytes_max,
    }
}

/// Sources and routes that are called, for ingress.
pub fn site(checked: &config::Checked) -> Site {
    let mut doors = HashMap::new();
    for (name, source) in &checked.sources {
        let (BuiltSource::Push(webhook), Some(path)) = (&source.built, &source.common.path) else {
            continue;
        };
        let limits = &checked.config.limits;
        let body_max = source.common.max_body.unwrap_or(limits.body).0;
        let door = Door {
            name: name.as_str().into(),
            webhook: webhook.clone(),
            stream: source.common.stream.as_str().into(),
            unmatched: match source.common.unmatched {
                config::Unmatched::Accept => Unmatched::Accept,
                config::Unmatched::Reject => Unmatched::Reject,
            },
            body_max: usize::try_from(body_max).unwrap_or(usize::MAX),
            body_timeout: limits.body_timeout.0,
            batch_max: limits.batch.get() as usize,
            meter: OnceLock::new(),
            sender: Default::default(),
            may_claim: source.common.may_claim.clone(),
            rate: source
                .common
                .rate_limit
                .as_ref()
                .map(|rate| Arc::new(Rate::new(rate.per_second.get(), rate.burst().get()))),
        };
        doors.insert(path.clone(), door);
    }
    let durability = checked
        .streams
        .iter()
        .map(|(name, stream)| (name.clone(), durability(stream)))
        .collect();
    Site {
        doors,
        routes: table(checked),
        durability,
        tls: None,
        limits: limits(&checked.config),
        admin_tls: None,
        admin_limits: admin_limits(&checked.config),
        budget: Budget::new(
            usize::try_from(checked.config.limits.body_memory.0).unwrap_or(usize::MAX),
        ),
    }
}

fn durability(stream: &config::LoadedStream) -> &'static str {
    match (&stream.engine, stream.settings.durability) {
        (Some(engine), _) => engine.built.capability().durability,
        (None, Durability::Fsync) => "fsync",
        (None, Durability::Os) => "os",
        (None, Durability::Ephemeral) => "ephemeral",
    }
}

fn table(checked: &config::Checked) -> Table {
    Table::new(checked.routes.iter().map(|(name, route)| {
        let methods = route.methods.iter().map(|verb| verb.as_str().parse());
        let methods: Vec<Method> = methods.filter_map(Result::ok).collect();
        (
            route.path.as_str(),
            methods,
            Arc::new(Route::new(name, route)),
        )
    }))
}

/// Limits of the admin API: those of the listener, for fewer. Operators are few, and each has one connection or two.
fn admin_limits(config: &config::Config) -> Limits {
    let same = limits(config);
    Limits {
        connections: same.connections.min(256),
        connections_per_peer: same.connections_per_peer.min(256),
        requests: same.requests.min(256),
        // Who stops watching a tail has gone.
        half_closed: false,
        ..same
    }
}

/// Limits of the listener.
fn limits(config: &config::Config) -> Limits {
    let from = &config.limits;
    Limits {
        connections: from.connections.get() as usize,
        connections_per_peer: from.connections_per_peer.get() as usize,
        trusted_proxies: config.trusted_proxies.clone(),
        header_fields: usize::from(from.header_count.get()),
        header_bytes: usize::try_from(from.headers.0).unwrap_or(usize::MAX),
        header_timeout: from.header_timeout.0,
        keep_alive: from.keep_alive.0,
        ..Limits::default()
    }
}
