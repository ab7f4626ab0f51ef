//! Shadows: how they compare with the targets that are in charge.

use super::endpoint::Endpoint;
use super::permit::Permit;
use super::scope::{self, Scope, reach};
use crate::ingress::Problem;
use crate::run::Gateway;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tradewind_adapter::Action;
use tradewind_engine::{Answered, Differing, Ignored, differences};
use tradewind_policy::Resource;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/subscriptions/{name}/compare",
            "How a shadow compares with its target: counts",
            "Comparison",
            get(counts),
        )
        .query(&[scope::QUERY]),
        Endpoint::get(
            "/v1/subscriptions/{name}/compare/examples",
            "Events on which a shadow and its target differ, with both replies, latest first",
            "[Differing]",
            get(examples),
        )
        .action(Action::ReadPayload)
        .recorded("read-comparison")
        .asks_later()
        .query(&[
            (
                "limit",
                "most entries, 10 unless said otherwise, at most 1000",
            ),
            scope::QUERY,
        ]),
        Endpoint::post(
            "/v1/subscriptions/{name}/compare/anew",
            "Forget what was compared so far, and count anew",
            "Comparison",
            post(anew),
        )
        .recorded("compare-anew")
        .query(&[scope::QUERY]),
    ]
}

async fn counts(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(scope): Query<Scope>,
) -> Result<Json<Value>, Problem> {
    let view = scope.of(&gateway.engine).compared(&name, 0).await?;
    Ok(Json(json!({
        "shadow": view.shadow,
        "of": view.of,
        "since-ms": view.since_ms,
        "compared": view.compared(),
        "same": view.same,
        "differing-status": view.status,
        "differing-reply": view.reply,
        "only-old": view.only_old,
        "only-new": view.only_new,
        "waiting": view.waiting,
        "agrees": view.agrees(),
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Most {
    limit: Option<usize>,
    #[serde(default)]
    here: bool,
}

async fn examples(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(most): Query<Most>,
    Extension(permit): Extension<Permit>,
) -> Result<Json<Vec<Value>>, Problem> {
    let limit = most.limit.unwrap_or(10);
    let engine = gateway.engine.reaching(reach(most.here));
    let view = engine.compared(&name, limit).await?;
    let ignored = ignored(&gateway, &view.shadow);
    let judged = permit.is_judged(&gateway);
    let mut shown = Vec::with_capacity(view.examples.len());
    for example in &view.examples {
        // Replies tell what the event said: who may not read the one reads neither.
        let resource = Resource::Subscription {
            name: &view.of,
            stream: &example.stream,
        };
        let may = match &example.event {
            Some(event) => permit.may_read(&gateway, resource, event),
            None => false,
        };
        if may || !judged {
            shown.push(told(example, &ignored)?);
        }
    }
    Ok(Json(shown))
}

/// By the configuration in force, as the next comparisons are made.
fn ignored(gateway: &Gateway, shadow: &str) -> Ignored {
    let config = gateway.config.load();
    let subscription = config.checked.subscriptions.get(shadow);
    let shadow = subscription.and_then(|subscription| subscription.shadow.as_ref());
    shadow.map(crate::run::ignored).unwrap_or_default()
}

fn told(example: &Differing, ignored: &Ignored) -> Result<Value, Problem> {
    let side = |answered: &Answered| {
        let reply = answered.reply.as_ref().map(crate::codec::to_json);
        Ok::<_, Problem>(json!({
            "outcome": answered.outcome,
            "status": answered.status,
            "reason": answered.reason,
            "attempts": answered.attempts,
            "took-ms": answered.took_ms,
            "replied": answered.replied,
            "reply": reply.transpose()?,
        }))
    };
    let found = match (&example.old.reply, &example.new.reply) {
        (Some(old), Some(new)) => differences(old, new, ignored),
        _ => Vec::new(),
    };
    Ok(json!({
        "stream": example.stream,
        "position": example.position,
        "id": example.id,
        "type": example.ty,
        "at-ms": example.at_ms,
        "differs": example.differs,
        "differences": found,
        "old": side(&example.old)?,
        "new": side(&example.new)?,
    }))
}

async fn anew(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(scope): Query<Scope>,
) -> Result<Json<Value>, Problem> {
    scope.of(&gateway.engine).compare_anew(&name).await?;
    counts(State(gateway), Path(name), Query(scope)).await
}
