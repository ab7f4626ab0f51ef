//! Replays: start, list, cancel.

use super::endpoint::Endpoint;
use super::permit::Permit;
use super::scope::{self, Scope};
use crate::ingress::Problem;
use crate::run::Gateway;
use axum::extract::{Path, Query, State};
use axum::routing::{delete, get};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tradewind_adapter::Action;
use tradewind_engine::{Error, ReplayView, Start};
use tradewind_policy as policy;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/replays",
            "Replay jobs",
            "[Replay]",
            get(list).post(start),
        )
        .narrows(),
        Endpoint::post(
            "/v1/replays",
            "Deliver events to a subscription again; live deliveries are not touched",
            "Replay",
            axum::routing::MethodRouter::new(),
        )
        .action(Action::Replay)
        .recorded("replay")
        .asks_later()
        .query(&[scope::QUERY])
        .body("NewReplay"),
        Endpoint::delete(
            "/v1/replays/{id}",
            "Cancel a replay job",
            "Count",
            delete(cancel),
        )
        .action(Action::Replay)
        .recorded("cancel-replay")
        .query(&[scope::QUERY])
        .asks_later(),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NewReplay {
    subscription: String,
    /// `oldest`, or milliseconds since the Unix epoch.
    from: From,
    rate_per_second: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum From {
    Time(u64),
    Word(String),
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(permit): Extension<Permit>,
) -> Json<Vec<ReplayView>> {
    let mut all = gateway.engine.replays().await;
    let config = gateway.config.load();
    all.retain(|job| permit.owns_subscription(&config.checked, &job.subscription));
    Json(all)
}

async fn start(
    State(gateway): State<Arc<Gateway>>,
    Extension(permit): Extension<Permit>,
    Query(scope): Query<Scope>,
    Json(wanted): Json<NewReplay>,
) -> Result<Json<ReplayView>, Problem> {
    let from = match wanted.from {
        From::Time(ms) => Start::Time(ms),
        From::Word(word) if word == "oldest" => Start::Oldest,
        From::Word(word) => {
            let what = format!("`{word}` is no start: `oldest`, or milliseconds since 1970");
            return Err(Error::Invalid(what).into());
        }
    };
    if wanted
        .rate_per_second
        .is_some_and(|rate| rate.is_nan() || rate <= 0.0)
    {
        return Err(Error::Invalid("`rate-per-second` must be above 0".into()).into());
    }
    permit
        .on_subscription(&gateway, policy::Action::Replay, &wanted.subscription)
        .await?;
    let view = scope
        .of(&gateway.engine)
        .replay(&wanted.subscription, from, wanted.rate_per_second)
        .await?;
    Ok(Json(view))
}

async fn cancel(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    Query(scope): Query<Scope>,
    Extension(permit): Extension<Permit>,
) -> Result<Json<Value>, Problem> {
    if permit.is_judged(&gateway) {
        let replays = gateway.engine.replays().await;
        let config = gateway.config.load_full();
        // Another's is as one that is not there: its subscription is not named.
        let own = replays.into_iter().find(|job| {
            job.id == id && permit.owns_subscription(&config.checked, &job.subscription)
        });
        let Some(job) = own else {
            return Err(Error::NotFound(format!("no replay `{id}`")).into());
        };
        permit
            .on_subscription(&gateway, policy::Action::Replay, &job.subscription)
            .await?;
    }
    scope.of(&gateway.engine).cancel_replay(&id).await?;
    Ok(Json(json!({ "count": 1 })))
}
