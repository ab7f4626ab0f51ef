//! Backups: make one now.

use super::endpoint::Endpoint;
use crate::ingress::Problem;
use crate::run::Gateway;
use crate::run::backups::explain;
use axum::Json;
use axum::extract::State;
use axum::routing::post;
use http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tradewind_backup::{Error, Report};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post(
            "/v1/backups",
            "Make a backup now, to where the configuration says; answered when it is complete",
            "Backup",
            post(create),
        )
        .recorded("back-up")
        .body("NewBackup"),
    ]
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct NewBackup {
    /// Copies also what an earlier backup has.
    full: bool,
}

async fn create(
    State(gateway): State<Arc<Gateway>>,
    Json(wanted): Json<NewBackup>,
) -> Result<Json<Report>, Problem> {
    gateway
        .back_up(wanted.full)
        .await
        .map(Json)
        .map_err(problem)
}

fn problem(error: Error) -> Problem {
    let detail = explain(&error);
    match error {
        Error::Invalid(_) => Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-request",
            "the request makes no sense",
        )
        .detail(detail),
        _ => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "backup-failed",
            "the backup failed; those before it are as they were",
        )
        .detail(detail)
        .after(Duration::from_secs(60)),
    }
}
