//! Schedules and their upcoming runs.

use super::endpoint::Endpoint;
use super::permit::Permit;
use crate::run::Gateway;
use crate::schedules::{Schedule, schedules};
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Extension, Json};
use serde::Deserialize;
use std::sync::Arc;

/// Most upcoming runs of each schedule.
const UPCOMING_MAX: usize = 1000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/schedules",
            "Schedules with their upcoming runs",
            "[Schedule]",
            get(list),
        )
        .narrows()
        .query(&[
            ("upcoming", "runs of each, 1 unless told, at most 1000"),
            (
                "after-ms",
                "runs after this time, milliseconds since the Unix epoch; default now",
            ),
        ]),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Asked {
    upcoming: Option<usize>,
    after_ms: Option<u64>,
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Query(asked): Query<Asked>,
    Extension(permit): Extension<Permit>,
) -> Json<Vec<Schedule>> {
    let after = asked.after_ms.unwrap_or_else(|| gateway.clock.unix_ms());
    let upcoming = asked.upcoming.unwrap_or(1).min(UPCOMING_MAX);
    let config = gateway.config.load();
    let mut all = schedules(&config.checked, after, upcoming);
    let space = |name: &String| config.checked.sources.get(name).map(|s| s.space.as_str());
    all.retain(|schedule| permit.sees(space(&schedule.name)));
    Json(all)
}
