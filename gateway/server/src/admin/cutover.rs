//! Groups: who takes what, from now on.

use super::auth::{self, Caller};
use super::endpoint::Endpoint;
use crate::ingress::Problem;
use crate::run::{Gateway, Wanted};
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tradewind_engine::Error;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post(
            "/v1/subscriptions/{name}/cutover",
            "Put other weights of a group in force, or go back to those of the file",
            "CutOver",
            post(cut_over),
        )
        .recorded("cut-over")
        .body("NewCutOver"),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    to: Option<String>,
    percent: Option<u32>,
    #[serde(default)]
    back: bool,
    /// It holds for what is pending, too.
    #[serde(default)]
    pending: bool,
}

async fn cut_over(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    caller: Option<Extension<Caller>>,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, Problem> {
    let wanted = match (asked.to, asked.percent, asked.back) {
        (Some(to), Some(percent), false) => Wanted::Percent(to, percent),
        (None, None, true) => Wanted::Back,
        _ => {
            let why = "name a member by `to` with its `percent`, or say `back: true`";
            return Err(Error::Invalid(why.into()).into());
        }
    };
    let by = auth::named(caller);
    gateway.cut_over(&name, &wanted, asked.pending, &by).await?;
    let views = gateway.engine.subscriptions().await;
    let view = views.into_iter().find(|view| view.name == name);
    let members = view.map(|view| view.members).unwrap_or_default();
    let run_time = gateway.at_run_time().remove(&name);
    Ok(Json(json!({
        "subscription": name,
        "members": members,
        "at-run-time": run_time.map(|decided| json!({
            "why": decided.why, "by": decided.by, "at-ms": decided.at_ms,
        })),
    })))
}
