//! Schedules and their upcoming runs.

use super::endpoint::Endpoint;
use crate::run::Gateway;
use crate::schedules::{Schedule, schedules};
use axum::Json;
use axum::extract::{Query, State};
use axum::routing::get;
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
) -> Json<Vec<Schedule>> {
    let after = asked.after_ms.unwrap_or_else(|| gateway.clock.unix_ms());
    let upcoming = asked.upcoming.unwrap_or(1).min(UPCOMING_MAX);
    Json(schedules(&gateway.config.load().checked, after, upcoming))
}
