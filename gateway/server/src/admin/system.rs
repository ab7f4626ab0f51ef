//! The gateway itself: health, metrics, status, streams, configuration.

use super::auth::Caller;
use super::endpoint::Endpoint;
use super::metrics::plain;
use super::permit::Permit;
use crate::ingress::Problem;
use crate::run::{Gateway, Phase, Refusal};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tradewind_config::{Change, Object};
use tradewind_engine::StreamAccount;
use tradewind_store::Finding;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/livez", "Whether the process answers", "text", get(livez)),
        Endpoint::get("/readyz", "Whether it takes events", "text", get(readyz)),
        Endpoint::get("/metrics", "Prometheus metrics", "text", get(metrics)),
        Endpoint::get(
            "/v1/status",
            "The gateway at a glance",
            "Status",
            get(status),
        )
        .narrows(),
        Endpoint::get(
            "/v1/streams",
            "Streams with their accounts",
            "Streams",
            get(streams),
        )
        .narrows(),
        Endpoint::get(
            "/v1/objects",
            "Every configured object, who answers for it and what it is for",
            "[Object]",
            get(objects),
        )
        .narrows(),
        Endpoint::post(
            "/v1/config/reload",
            "Put the configuration file in force now; a bad one changes nothing",
            "Reloaded",
            post(reload),
        )
        .recorded("reload"),
        Endpoint::post(
            "/v1/config/diff",
            "What a configuration would change, and what would follow",
            "Diff",
            post(diff),
        )
        .recorded_bare("diff")
        .body("Candidate"),
    ]
}

async fn livez() -> &'static str {
    "ok\n"
}

async fn readyz(State(gateway): State<Arc<Gateway>>) -> Response {
    match gateway.ready() {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn metrics(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    let text = gateway.metrics.render(&gateway.scrape().await);
    let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let open = accepts.is_some_and(|accept| accept.contains("application/openmetrics-text"));
    match open {
        true => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        false => ([(CONTENT_TYPE, PLAIN)], plain(&text)).into_response(),
    }
}

async fn status(
    State(gateway): State<Arc<Gateway>>,
    Extension(permit): Extension<Permit>,
) -> Json<Value> {
    let config = gateway.config.load();
    let ready = gateway.ready();
    let phase = match gateway.phase() {
        Phase::Serving => "serving",
        Phase::Draining => "draining",
    };
    let sources: Vec<Value> = config
        .checked
        .sources
        .iter()
        .filter(|(_, source)| permit.sees(Some(&source.space)))
        .map(|(name, source)| {
            json!({
                "name": name,
                "kind": source.common.kind,
                "path": source.common.path,
                "stream": source.common.stream,
                "space": source.space,
                "owner": source.common.owner,
                "why": source.common.why,
            })
        })
        .collect();
    if let Some(space) = &permit.space {
        return Json(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "phase": phase,
            "ready": ready.is_ok(),
            "space": &**space,
            "sources": sources,
        }));
    }
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "phase": phase,
        "ready": ready.is_ok(),
        "not-ready-because": ready.err(),
        "started-ms": gateway.started_ms,
        "listen": gateway.listen.map(|address| address.to_string()),
        "data-dir": config.checked.config.data_dir,
        "config": {
            "path": gateway.path,
            "generation": config.generation,
            "last-failure": gateway.last_failure(),
        },
        "sources": sources,
        "groups": groups(&gateway).await,
        "delayed": gateway.front.delayed(),
        "damage": damage(&gateway),
        "backup": backup(&gateway),
        "audit": { "head": gateway.audit.head().to_string() },
    }))
}

/// Backups, where any are wanted: where they go, and up to where they are.
fn backup(gateway: &Gateway) -> Value {
    #[cfg(feature = "backup")]
    {
        let seen = gateway.backups.seen();
        if seen.to.is_some() {
            return json!(seen);
        }
    }
    let _ = gateway;
    Value::Null
}

/// Groups, with what their members take and who says so.
async fn groups(gateway: &Gateway) -> Vec<Value> {
    let run_time = gateway.at_run_time();
    let views = gateway.engine.subscriptions().await;
    let grouped = views.iter().filter(|view| !view.members.is_empty());
    grouped
        .map(|view| {
            let decided = run_time.get(&view.name);
            json!({
                "subscription": view.name,
                "members": view.members,
                "at-run-time": decided.map(|decided| json!({
                    "why": decided.why, "by": decided.by, "at-ms": decided.at_ms,
                })),
            })
        })
        .collect()
}

/// What is wrong on disk: empty where all is well.
fn damage(gateway: &Gateway) -> Vec<Value> {
    let damage = gateway.damage();
    let of_stream = |(stream, findings): (String, Vec<Finding>)| {
        findings.into_iter().map(move |finding| {
            let range = finding.range.as_ref();
            json!({
                "stream": stream,
                "shard": finding.shard,
                "loss": finding.loss.as_str(),
                "from": range.map(|range| range.start),
                "to": range.map(|range| range.end).filter(|end| *end < u64::MAX),
                "events": finding.events,
                "text": finding.to_string(),
            })
        })
    };
    damage.into_iter().flat_map(of_stream).collect()
}

#[derive(Debug, Serialize)]
struct Owned {
    #[serde(flatten)]
    account: StreamAccount,
    owner: Option<String>,
    why: Option<String>,
    /// `None` where it is no longer configured.
    space: Option<String>,
}

async fn streams(
    State(gateway): State<Arc<Gateway>>,
    Extension(permit): Extension<Permit>,
) -> Json<BTreeMap<String, Owned>> {
    let config = gateway.config.load();
    let all = gateway.engine.streams().await.into_iter();
    let owned = all.map(|(name, account)| {
        let stream = config.checked.streams.get(&name);
        let owned = Owned {
            account,
            owner: stream.and_then(|s| s.owner.clone()),
            why: stream.and_then(|s| s.why.clone()),
            space: stream.map(|s| s.space.clone()),
        };
        (name, owned)
    });
    let seen = owned.filter(|(_, owned)| permit.sees(owned.space.as_deref()));
    Json(seen.collect())
}

async fn objects(
    State(gateway): State<Arc<Gateway>>,
    Extension(permit): Extension<Permit>,
) -> Json<Vec<Object>> {
    let mut all = gateway.config.load().checked.objects();
    all.retain(|object| permit.sees(object.space.as_deref()));
    Json(all)
}

async fn reload(
    State(gateway): State<Arc<Gateway>>,
    caller: Option<Extension<Caller>>,
) -> Result<Json<Value>, Problem> {
    let by = caller.map(|Extension(Caller(principal))| principal);
    let by = by.as_deref().unwrap_or("operator");
    let report = gateway.reload(by).await.map_err(|refusal| {
        let (status, code, title) = match refusal {
            Refusal::Invalid(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid-config",
                "the configuration is not valid; the one before stays in force",
            ),
            Refusal::Failed(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "reload-failed",
                "the configuration could not be put in force; the one before stays, and it is tried again",
            ),
        };
        Problem::new(status, code, title).detail(refusal.to_string())
    })?;
    Ok(Json(json!({
        "generation": report.generation,
        "changes": report.changes,
        "text": text(&report.changes),
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Candidate {
    /// Decides the syntax, and where relative references start.
    name: String,
    text: String,
}

async fn diff(
    State(gateway): State<Arc<Gateway>>,
    Json(candidate): Json<Candidate>,
) -> Result<Json<Value>, Problem> {
    let changes = gateway
        .compare(&candidate.name, &candidate.text)
        .map_err(|failure| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid-config",
                "the configuration is not valid",
            )
            .detail(failure)
        })?;
    Ok(Json(json!({ "text": text(&changes), "changes": changes })))
}

fn text(changes: &[Change]) -> String {
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    changes.join("\n")
}
