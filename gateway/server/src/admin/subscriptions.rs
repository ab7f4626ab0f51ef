//! Subscriptions: see, pause, resume, discard.

use super::auth::{self, Caller};
use super::endpoint::Endpoint;
use super::permit::Permit;
use super::scope::{self, Scope};
use crate::ingress::Problem;
use crate::run::Gateway;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::sync::Arc;
use tradewind_engine::{Error, SubscriptionView};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/subscriptions",
            "Subscriptions with their accounts",
            "[Subscription]",
            get(list),
        )
        .narrows(),
        Endpoint::get(
            "/v1/subscriptions/{name}",
            "One subscription",
            "Subscription",
            get(show),
        ),
        Endpoint::post(
            "/v1/subscriptions/{name}/pause",
            "Stop starting attempts; survives restarts and reloads",
            "Subscription",
            post(pause),
        )
        .recorded("pause")
        .query(&[scope::QUERY]),
        Endpoint::post(
            "/v1/subscriptions/{name}/resume",
            "Deliver again, also after the sink said that it is gone",
            "Subscription",
            post(resume),
        )
        .recorded("resume")
        .query(&[scope::QUERY]),
        Endpoint::post(
            "/v1/subscriptions/{name}/discard",
            "Remove a suspended subscription and its backlog, counted as cancelled",
            "Count",
            post(discard),
        )
        .recorded("discard")
        .query(&[scope::QUERY]),
    ]
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(permit): Extension<Permit>,
) -> Json<Vec<SubscriptionView>> {
    let mut all = owned(&gateway).await;
    let config = gateway.config.load();
    all.retain(|view| permit.owns_subscription(&config.checked, &view.name));
    Json(all)
}

/// Subscriptions, with who answers for them.
async fn owned(gateway: &Gateway) -> Vec<SubscriptionView> {
    let mut all = gateway.engine.subscriptions().await;
    let config = gateway.config.load();
    for view in &mut all {
        if let Some(subscription) = config.checked.subscriptions.get(&view.name) {
            view.owner.clone_from(&subscription.owner);
            view.why.clone_from(&subscription.why);
        }
    }
    all
}

async fn show(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
) -> Result<Json<SubscriptionView>, Problem> {
    let all = owned(&gateway).await;
    match all.into_iter().find(|view| view.name == name) {
        Some(view) => Ok(Json(view)),
        None => Err(Error::NotFound(format!("no subscription `{name}`")).into()),
    }
}

async fn pause(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(scope): Query<Scope>,
    caller: Option<Extension<Caller>>,
) -> Result<Json<SubscriptionView>, Problem> {
    let by = auth::named(caller);
    gateway.pause(&name, true, scope.reach(), &by).await?;
    show(State(gateway), Path(name)).await
}

async fn resume(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(scope): Query<Scope>,
    caller: Option<Extension<Caller>>,
) -> Result<Json<SubscriptionView>, Problem> {
    let by = auth::named(caller);
    gateway.pause(&name, false, scope.reach(), &by).await?;
    show(State(gateway), Path(name)).await
}

async fn discard(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(scope): Query<Scope>,
) -> Result<Json<Value>, Problem> {
    let count = scope.of(&gateway.engine).discard(&name).await?;
    if let Err(error) = gateway.forget_pause(&name).await {
        tracing::warn!(subscription = name, %error, "one of this name that comes later begins as this one was left");
    }
    Ok(Json(json!({ "count": count })))
}
