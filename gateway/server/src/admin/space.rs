//! Callers that are bound to a space: they see and do what is that space's, and nothing else.

use super::endpoint::Endpoint;
use super::permit::Permit;
use crate::ingress::Problem;
use crate::run::Gateway;
use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use tradewind_config::Checked;
use tradewind_engine::{Happening, Quota};
use tradewind_policy::{Kind, Principal, Resource};

/// Endpoints that show a caller no more than what is its space's.
pub(super) type Narrow = HashSet<(&'static str, &'static str)>;

/// Those of a list. All others that are about the gateway as a whole are closed to callers that are bound.
pub(super) fn narrow(endpoints: &[Endpoint]) -> Narrow {
    let narrow = endpoints.iter().filter(|e| e.narrows || e.asks_later);
    narrow.map(|e| (e.path, e.method)).collect()
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/spaces",
            "Spaces with their quotas and what they take of them",
            "[Space]",
            get(list),
        )
        .narrows(),
    ]
}

/// What a caller is bound to.
///
/// # Errors
/// Several spaces call it theirs.
pub(crate) fn of_caller(checked: &Checked, who: &Principal) -> Result<Option<Arc<str>>, Problem> {
    let key = (who.kind == Kind::Key)
        .then(|| checked.key_spaces.get(&*who.id))
        .flatten();
    let member = checked.spaces.iter().filter(|(_, space)| {
        let mut members = space.members.iter();
        members.any(|member| member.is(who))
    });
    let all: BTreeSet<&String> = key
        .into_iter()
        .chain(member.map(|(name, _)| name))
        .collect();
    match all.first() {
        Some(_) if all.len() > 1 => {
            Err(Problem::denied(format!("{who} is bound to several spaces")))
        }
        first => Ok(first.map(|space| space.as_str().into())),
    }
}

/// Whether something belongs to whom a caller is bound to (`own`). What is no longer configured belongs to nobody.
pub(crate) fn owns(checked: &Checked, own: Option<&str>, resource: Resource<'_>) -> bool {
    let space = match resource {
        Resource::Schema { space, .. } => return sees(own, space),
        Resource::Stream(name) => checked.streams.get(name).map(|s| &s.space),
        Resource::Subscription { name, .. } => checked.subscriptions.get(name).map(|s| &s.space),
        Resource::Route(name) => checked.routes.get(name).map(|r| &r.space),
        Resource::Gateway => None,
    };
    sees(own, space.map(String::as_str))
}

/// Who is bound to nothing sees everything.
fn sees(own: Option<&str>, space: Option<&str>) -> bool {
    own.is_none() || space == own
}

impl Permit {
    /// Whether something belongs to whom the caller is bound to.
    pub(super) fn owns(&self, checked: &Checked, resource: Resource<'_>) -> bool {
        owns(checked, self.space.as_deref(), resource)
    }

    /// Whether the caller sees what is a space's; `None` is what is nobody's.
    pub(super) fn sees(&self, space: Option<&str>) -> bool {
        sees(self.space.as_deref(), space)
    }

    /// As [`Permit::owns`], for a subscription.
    pub(super) fn owns_subscription(&self, checked: &Checked, name: &str) -> bool {
        let resource = Resource::Subscription { name, stream: "" };
        self.owns(checked, resource)
    }

    /// Whether it happens in the caller's space. A subscription to a shared stream is its own space's.
    pub(super) fn concerns(&self, checked: &Checked, happening: &Happening) -> bool {
        let name = happening.name.as_deref();
        let by_source = ["received", "duplicate", "unmatched", "refused"];
        let of_source = by_source.contains(&happening.what.as_str());
        let space = match (name, happening.stream.as_deref()) {
            (Some(name), _) if !of_source => checked.subscriptions.get(name).map(|s| &s.space),
            (_, Some(stream)) => checked.streams.get(stream).map(|s| &s.space),
            (Some(name), None) => checked.sources.get(name).map(|s| &s.space),
            (None, None) => None,
        };
        self.sees(space.map(String::as_str))
    }
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(permit): Extension<Permit>,
) -> Json<Vec<Value>> {
    let config = gateway.config.load();
    let checked = &config.checked;
    let views = gateway.engine.spaces();
    let seen = checked
        .spaces
        .iter()
        .filter(|(name, _)| permit.sees(Some(name)));
    let shown = seen.map(|(name, space)| {
        let view = views.get(name).cloned().unwrap_or_default();
        let mine = |of: &String| of == name;
        let refused = Quota::ALL.map(|quota| (quota.name(), view.refused[quota as usize]));
        json!({
            "name": name,
            "owner": space.owner,
            "why": space.why,
            "quotas": {
                "events-per-second": space.events_per_second,
                "bytes-per-second": space.bytes_per_second,
                "queued-bytes": space.queued_bytes,
                "subscriptions": space.subscriptions,
                "deliveries": space.deliveries,
            },
            "accepted": { "events": view.events, "bytes": view.bytes },
            "refused": refused.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "queued-bytes": view.queued_bytes,
            "deliveries": view.deliveries,
            "subscriptions": checked.subscriptions.values().filter(|s| mine(&s.space)).count(),
        })
    });
    Json(shown.collect())
}
