//! Dead letters of a subscription: list, show, redrive, purge.

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
use tradewind_engine::{DeadLetter, Error};
use tradewind_policy::Resource;

/// Most dead letters of one page.
const PAGE_MAX: usize = 1000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/subscriptions/{name}/dead-letters",
            "Dead letters, oldest first",
            "DeadLetters",
            get(list),
        )
        .action(Action::ReadPayload)
        .recorded("list-dead-letters")
        .asks_later()
        .query(&[
            ("after", "the `next` of the page before"),
            (
                "limit",
                "most entries, 100 unless said otherwise, at most 1000",
            ),
            scope::QUERY,
        ]),
        Endpoint::get(
            "/v1/subscriptions/{name}/dead-letters/{shard}/{offset}",
            "One dead letter with its event",
            "DeadLetterWithEvent",
            get(show),
        )
        .action(Action::ReadPayload)
        .recorded("read-dead-letter")
        .asks_later(),
        Endpoint::post(
            "/v1/subscriptions/{name}/dead-letters/redrive",
            "Move dead letters back to pending",
            "Count",
            post(redrive),
        )
        .action(Action::Redrive)
        .recorded("redrive")
        .query(&[scope::QUERY])
        .body("Which"),
        Endpoint::post(
            "/v1/subscriptions/{name}/dead-letters/purge",
            "Remove dead letters for good, counted as purged",
            "Count",
            post(purge),
        )
        .action(Action::Redrive)
        .recorded("purge")
        .query(&[scope::QUERY])
        .body("Which"),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    after: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    here: bool,
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(page): Query<Page>,
    Extension(permit): Extension<Permit>,
) -> Result<Json<Value>, Problem> {
    let limit = page.limit.unwrap_or(100).clamp(1, PAGE_MAX);
    let (mut letters, next) = gateway
        .engine
        .reaching(reach(page.here))
        .dead_letters(&name, page.after.as_deref(), limit)
        .await?;
    if permit.is_judged(&gateway) {
        let mut seen = Vec::with_capacity(letters.len());
        for letter in letters {
            let event = gateway.engine.event(&letter.stream, &letter.position).await;
            let may = |event| permit.may_read(&gateway, resource(&name, &letter), event);
            if event.as_ref().is_ok_and(may) {
                seen.push(letter);
            }
        }
        letters = seen;
    }
    Ok(Json(json!({ "dead-letters": letters, "next": next })))
}

async fn show(
    State(gateway): State<Arc<Gateway>>,
    Path((name, shard, offset)): Path<(String, String, String)>,
    Extension(permit): Extension<Permit>,
) -> Result<Json<Value>, Problem> {
    let position = format!("{shard}/{offset}");
    let letter = find(&gateway, &name, &position).await?;
    let event = gateway.engine.event(&letter.stream, &position).await?;
    permit.read(&gateway, resource(&name, &letter), &event)?;
    Ok(Json(json!({
        "dead-letter": letter,
        "event": crate::codec::to_json(&event)?,
    })))
}

/// By the name of the subscription alone: those of its replays are its own.
fn resource<'a>(name: &'a str, letter: &'a DeadLetter) -> Resource<'a> {
    Resource::Subscription {
        name,
        stream: &letter.stream,
    }
}

async fn find(gateway: &Gateway, name: &str, position: &str) -> Result<DeadLetter, Problem> {
    let mut after: Option<String> = None;
    loop {
        let (letters, next) = gateway
            .engine
            .reaching(reach(true))
            .dead_letters(name, after.as_deref(), PAGE_MAX)
            .await?;
        if let Some(letter) = letters.into_iter().find(|l| l.position == position) {
            return Ok(letter);
        }
        if next.is_none() {
            let what = format!("no dead letter of `{name}` at {position}");
            return Err(Error::NotFound(what).into());
        }
        after = next;
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// `shard/offset`.
    position: Option<String>,
    /// In words, so that nobody moves everything by leaving out a field.
    #[serde(default)]
    all: bool,
}

impl Which {
    fn position(&self) -> Result<Option<&str>, Problem> {
        match (self.position.as_deref(), self.all) {
            (Some(position), false) => Ok(Some(position)),
            (None, true) => Ok(None),
            _ => Err(Error::Invalid("name one `position`, or say `all: true`".into()).into()),
        }
    }
}

async fn redrive(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(scope): Query<Scope>,
    Json(which): Json<Which>,
) -> Result<Json<Value>, Problem> {
    let engine = scope.of(&gateway.engine);
    let count = engine.redrive(&name, which.position()?).await?;
    Ok(Json(json!({ "count": count })))
}

async fn purge(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(scope): Query<Scope>,
    Json(which): Json<Which>,
) -> Result<Json<Value>, Problem> {
    let engine = scope.of(&gateway.engine);
    let count = engine.purge(&name, which.position()?).await?;
    Ok(Json(json!({ "count": count })))
}
