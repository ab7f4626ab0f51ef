//! API keys: whose they are, until when they count, when each secret was last shown. Never a secret.

use super::endpoint::Endpoint;
use super::permit::Permit;
use crate::run::Gateway;
use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::sync::Arc;
use tradewind_adapter::api_key::fingerprint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/api-keys",
            "API keys, and when each of their secrets was last shown",
            "[ApiKey]",
            get(list),
        )
        .narrows(),
    ]
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(permit): Extension<Permit>,
) -> Json<Vec<Value>> {
    let config = gateway.config.load();
    let space = |id: &String| config.checked.key_spaces.get(id).map(String::as_str);
    let keys = config.checked.config.api_keys.iter();
    let keys = keys.filter(|(id, _)| permit.sees(space(id)));
    let shown = keys.map(|(id, key)| {
        let secrets = key.sha256.iter().map(|hash| {
            let used = gateway.metrics.key_last_used(id, fingerprint(hash));
            json!({ "sha256": fingerprint(hash), "last-used-ms": used.map(|s| s * 1000) })
        });
        json!({
            "id": id,
            "owner": key.owner,
            "why": key.why,
            "space": space(id),
            "expires-ms": key.expires_ms,
            "scopes": key.scopes.as_deref(),
            "secrets": secrets.collect::<Vec<_>>(),
        })
    });
    Json(shown.collect())
}
