//! Schemas: see all of them, register and remove those that are in no file.

use super::endpoint::Endpoint;
use super::permit::Permit;
use crate::ingress::Problem;
use crate::run::Gateway;
use crate::run::schemas::{Bound, Deprecation, Key, Shown, Trouble, Wanted, stamp};
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Json};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tradewind_engine::Error;
use tradewind_policy::{Action, Facts, Resource};
use tradewind_schema::{Binding, Pattern, Version};

const SPACE: &[(&str, &str)] = &[(
    "space",
    "the space whose events it is for; the caller's own unless told, for the operator those of all",
)];

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/schemas",
            "Schemas: of the configuration, of registries, and those that were registered",
            "[Schema]",
            get(list),
        )
        .narrows(),
        Endpoint::get(
            "/v1/schemas/{schema}",
            "One schema with the texts of its versions",
            "Schema",
            get(show).delete(remove),
        )
        .narrows()
        .query(SPACE),
        Endpoint::delete(
            "/v1/schemas/{schema}",
            "Remove a registered schema; its events are held against nothing from then on",
            "Count",
            MethodRouter::new(),
        )
        .recorded("delete-schema")
        .asks_later()
        .query(SPACE),
        Endpoint::post(
            "/v1/schemas/{schema}/versions",
            "Register a version, the first one with what is said of the schema as a whole; in force and durable once answered",
            "Registered",
            post(register),
        )
        .recorded("register-schema")
        .asks_later()
        .query(SPACE)
        .body("Registration"),
        Endpoint::post(
            "/v1/schemas/{schema}/deprecate",
            "Say that a registered schema is on its way out, or take that back; events are held against it as before",
            "Schema",
            post(deprecate),
        )
        .recorded("deprecate-schema")
        .asks_later()
        .query(SPACE)
        .body("Deprecation"),
        Endpoint::get(
            "/v1/schemas/{schema}/versions/{version}",
            "One version, by its number or as `latest`",
            "SchemaVersion",
            get(one).delete(remove_version),
        )
        .narrows()
        .query(SPACE),
        Endpoint::delete(
            "/v1/schemas/{schema}/versions/{version}",
            "Remove a version of a registered schema that has others",
            "Schema",
            MethodRouter::new(),
        )
        .recorded("delete-schema-version")
        .asks_later()
        .query(SPACE),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    space: Option<String>,
}

impl Where {
    /// Which schema is meant. Of a space that is another's, a bound caller is told no more than of one that is not
    /// there.
    fn key(self, permit: &Permit, name: String) -> Result<Key, Problem> {
        let own = permit.space.as_deref();
        let space = match (self.space, own) {
            (Some(asked), Some(own)) if asked != own => return Err(no_space(&asked)),
            (asked, own) => asked.or_else(|| own.map(str::to_owned)),
        };
        Ok((space, name))
    }
}

fn no_space(name: &str) -> Problem {
    Error::NotFound(format!("no space `{name}`")).into()
}

/// All that the caller sees.
pub(super) fn seen(gateway: &Gateway, permit: &Permit) -> Vec<Shown> {
    let mut all = gateway.schemas.all(&gateway.config.load().checked);
    all.retain(|shown| permit.sees(shown.registered.space.as_deref()));
    all
}

async fn list(
    State(gateway): State<Arc<Gateway>>,
    Extension(permit): Extension<Permit>,
) -> Json<Vec<Value>> {
    let all = seen(&gateway, &permit);
    Json(
        all.iter()
            .map(|shown| told(&gateway, shown, false))
            .collect(),
    )
}

fn find(gateway: &Gateway, permit: &Permit, key: &Key) -> Result<Shown, Problem> {
    let mut all = seen(gateway, permit);
    // The configured one counts where there are two.
    all.retain(|shown| (&shown.registered.space, &shown.name) == (&key.0, &key.1));
    match all.into_iter().next() {
        Some(shown) => Ok(shown),
        None => Err(Error::NotFound(format!("no schema `{}`", key.1)).into()),
    }
}

async fn show(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(at): Query<Where>,
    Extension(permit): Extension<Permit>,
) -> Result<Json<Value>, Problem> {
    let key = at.key(&permit, name)?;
    let shown = find(&gateway, &permit, &key)?;
    Ok(Json(told(&gateway, &shown, true)))
}

async fn one(
    State(gateway): State<Arc<Gateway>>,
    Path((name, version)): Path<(String, String)>,
    Query(at): Query<Where>,
    Extension(permit): Extension<Permit>,
) -> Result<Json<Value>, Problem> {
    let key = at.key(&permit, name)?;
    let shown = find(&gateway, &permit, &key)?;
    let versions = &shown.registered.versions;
    let place = match version.as_str() {
        "latest" => versions.len().checked_sub(1),
        number => number
            .parse()
            .ok()
            .and_then(|number: u32| versions.iter().position(|v| v.number == number)),
    };
    match place {
        Some(place) => Ok(Json(of_version(&shown, place, true))),
        None => {
            let what = format!("schema `{}` has no version `{version}`", key.1);
            Err(Error::NotFound(what).into())
        }
    }
}

async fn register(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(at): Query<Where>,
    Extension(permit): Extension<Permit>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let key = at.key(&permit, name)?;
    may(&gateway, &permit, &key)?;
    let wanted: Wanted = read(&body)?;
    let outcome = gateway.schemas.register(&gateway, &key, wanted).await;
    let outcome = outcome.map_err(problem)?;
    Ok(Json(json!({
        "name": key.1,
        "space": key.0,
        "version": outcome.version,
        "created": outcome.created,
    })))
}

async fn deprecate(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(at): Query<Where>,
    Extension(permit): Extension<Permit>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let key = at.key(&permit, name)?;
    may(&gateway, &permit, &key)?;
    let said = match body.is_empty() {
        true => Deprecation::default(),
        false => read(&body)?,
    };
    let done = gateway.schemas.deprecate(&gateway, &key, said).await;
    done.map_err(problem)?;
    let shown = find(&gateway, &permit, &key)?;
    Ok(Json(told(&gateway, &shown, true)))
}

async fn remove(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    Query(at): Query<Where>,
    Extension(permit): Extension<Permit>,
) -> Result<Json<Value>, Problem> {
    let key = at.key(&permit, name)?;
    may(&gateway, &permit, &key)?;
    let count = gateway.schemas.remove(&gateway, &key).await;
    Ok(Json(json!({ "count": count.map_err(problem)? })))
}

async fn remove_version(
    State(gateway): State<Arc<Gateway>>,
    Path((name, version)): Path<(String, String)>,
    Query(at): Query<Where>,
    Extension(permit): Extension<Permit>,
) -> Result<Json<Value>, Problem> {
    let key = at.key(&permit, name)?;
    may(&gateway, &permit, &key)?;
    let number = version.parse().map_err(|_| {
        Problem::from(Error::Invalid(format!(
            "`{version}` is no number of a version"
        )))
    })?;
    let done = gateway.schemas.remove_version(&gateway, &key, number).await;
    done.map_err(problem)?;
    let shown = find(&gateway, &permit, &key)?;
    Ok(Json(told(&gateway, &shown, true)))
}

fn may(gateway: &Gateway, permit: &Permit, (space, name): &Key) -> Result<(), Problem> {
    if let Some(space) = space
        && !gateway.config.load().checked.spaces.contains_key(space)
    {
        return Err(no_space(space));
    }
    let space = space.as_deref();
    let resource = Resource::Schema { name, space };
    permit.check(gateway, Action::Configure, resource, Facts::default())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // The error names key, line and column.
    let wrong = |error: serde_json::Error| Problem::from(Error::Invalid(error.to_string()));
    serde_json::from_slice(body).map_err(wrong)
}

fn told(gateway: &Gateway, shown: &Shown, with_texts: bool) -> Value {
    let registered = &shown.registered;
    let versions = (0..registered.versions.len()).map(|at| of_version(shown, at, with_texts));
    let deprecated = shown.kept.as_ref().map(|kept| &kept.head.deprecated);
    let registry = shown.subject.as_ref().map(|subject| {
        let asked = gateway.schemas.asked(&shown.name);
        json!({
            "url": subject.copy.url,
            "version": subject.copy.version,
            "references": subject.copy.references.len(),
            "fetched-ms": subject.copy.fetched_ms,
            "asked-ms": asked.as_ref().map(|asked| asked.at_ms),
            "failure": asked.and_then(|asked| asked.failure),
        })
    });
    let events = registered.bindings.iter().map(bound);
    json!({
        "name": shown.name,
        "space": registered.space,
        "from": shown.from,
        "shadowed": shown.shadowed,
        "format": registered.format,
        "compatibility": registered.compatibility,
        "on-failure": registered.on_failure,
        "events": events.collect::<Vec<_>>(),
        "owner": shown.owner,
        "why": shown.why,
        "deprecated": deprecated,
        "registry": registry,
        "versions": versions.collect::<Vec<_>>(),
    })
}

fn bound(binding: &Binding) -> Bound {
    let written = |pattern: &Pattern| match pattern {
        Pattern::Exact(text) => text.clone(),
        Pattern::Prefix(text) => format!("{text}*"),
    };
    Bound {
        ty: written(&binding.ty),
        source: binding.source.as_ref().map(written),
        on_failure: Some(binding.on_failure),
    }
}

fn of_version(shown: &Shown, place: usize, with_text: bool) -> Value {
    let Some(version) = shown.registered.versions.get(place) else {
        return Value::Null;
    };
    let Version {
        number,
        definition,
        dataschema,
        ..
    } = version;
    let mut told = json!({
        "version": number,
        "message": definition.message,
        "dataschema": dataschema,
        "created-ms": created_ms(shown, place),
    });
    if with_text {
        told["text"] = definition.text.as_str().into();
    }
    told
}

/// When a version came, where that is known.
fn created_ms(shown: &Shown, place: usize) -> Option<u64> {
    let kept = shown
        .kept
        .as_ref()
        .and_then(|kept| kept.created_ms.get(place));
    let fetched = shown
        .subject
        .as_ref()
        .map(|subject| subject.copy.fetched_ms);
    kept.copied().or(fetched)
}

/// The same as RFC 3339; of what stands in files, the start of the gateway.
pub(super) fn created(gateway: &Gateway, shown: &Shown, place: usize) -> String {
    stamp(created_ms(shown, place).unwrap_or(gateway.started_ms))
}

fn problem(trouble: Trouble) -> Problem {
    let conflict = |code, title| Problem::new(StatusCode::CONFLICT, code, title);
    match trouble {
        Trouble::NotFound(what) => Error::NotFound(what).into(),
        Trouble::Wrong(what) => Error::Invalid(what).into(),
        Trouble::ReadOnly(from) => conflict(
            "schema-read-only",
            "the schema is one of the configuration; nothing was changed",
        )
        .detail(match from {
            "registry" => "the configuration reads it from a registry",
            _ => "the configuration has a schema of this name",
        })
        .hint("change the configuration, or take another name"),
        Trouble::Differs(key) => conflict(
            "schema-differs",
            "the schema says something else of itself; nothing was changed",
        )
        .detail(format!("`{key}` is not what it was with the first version"))
        .hint("leave the key out, take another name, or delete the schema and register it anew"),
        Trouble::Incompatible(violations) => {
            let mut problem = conflict(
                "schema-incompatible",
                "the version breaks what it owes to earlier ones; nothing was changed",
            )
            .detail(violations.first().cloned().unwrap_or_default())
            .hint("register it as a schema of another name, for a new event type");
            problem.violations = violations;
            problem
        }
        Trouble::Taken(what) => conflict(
            "duplicate-dataschema",
            "another version has this dataschema; nothing was changed",
        )
        .detail(what),
        Trouble::Full(what) => conflict(
            "too-many-schemas",
            "there are as many schemas as there may be; nothing was changed",
        )
        .detail(what)
        .hint("delete what nobody needs"),
        Trouble::Invalid(invalid) => {
            let problem = Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid-schema",
                "the schema does not compile, or costs too much; nothing was changed",
            )
            .detail(invalid.reason);
            match invalid.hint {
                Some(hint) => problem.hint(hint),
                None => problem,
            }
        }
        Trouble::Store(error) => Error::Store(error).into(),
        Trouble::Failed(what) => {
            tracing::error!(reason = what, "a schema was not changed");
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "failed",
                "something failed; nothing was changed",
            )
            .after(Duration::from_secs(5))
        }
    }
}
