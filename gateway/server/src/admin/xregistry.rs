//! The same schemas, as an xRegistry shows them: to be read by its clients.

use super::endpoint::Endpoint;
use super::permit::Permit;
use super::schemas::{created, seen};
use crate::ingress::Problem;
use crate::run::Gateway;
use crate::run::schemas::{Shown, stamp};
use axum::Json;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use axum::routing::get as routed;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use tradewind_schema::xregistry::{self, Entry, View};

/// Where it begins.
const BASE: &str = "/xregistry";
/// The group of what is for the events of all spaces. No space can be called so.
const ALL: &str = "_gateway";
/// What the registry is called.
const ID: &str = "tradewind";
/// Asks for what is known of a document instead of the document.
const DETAILS: &str = "$details";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let shown =
        |path, summary, handler| Endpoint::get(path, summary, "Document", handler).narrows();
    vec![
        shown(
            "/xregistry",
            "Schemas as a registry (xRegistry 1.0-rc4)",
            routed(root),
        ),
        // Clients put a slash behind the base that they are given.
        shown("/xregistry/", "The same", routed(root)),
        shown(
            "/xregistry/capabilities",
            "What the registry can do",
            routed(|| async { Json(xregistry::capabilities()) }),
        ),
        shown(
            "/xregistry/model",
            "What there is in the registry",
            routed(|| async { Json(xregistry::model()) }),
        ),
        shown(
            "/xregistry/modelsource",
            "The same, as it was said",
            routed(|| async { Json(xregistry::model()) }),
        ),
        shown(
            "/xregistry/export",
            "The whole registry in one document, as `tradewind schema import` reads it",
            routed(export),
        ),
        shown(
            "/xregistry/schemagroups",
            "Groups of schemas: one of each space, and one for all",
            routed(groups),
        ),
        shown(
            "/xregistry/schemagroups/{group}",
            "One group",
            routed(group),
        ),
        shown(
            "/xregistry/schemagroups/{group}/schemas",
            "Schemas of a group",
            routed(schemas),
        ),
        shown(
            "/xregistry/schemagroups/{group}/schemas/{schema}",
            "The newest version of a schema; with `$details` at the end, what is known of it",
            routed(schema),
        ),
        shown(
            "/xregistry/schemagroups/{group}/schemas/{schema}/meta",
            "What is said of a schema as a whole",
            routed(meta),
        ),
        shown(
            "/xregistry/schemagroups/{group}/schemas/{schema}/versions",
            "Versions of a schema",
            routed(versions),
        ),
        shown(
            "/xregistry/schemagroups/{group}/schemas/{schema}/versions/{version}",
            "A version of a schema; with `$details` at the end, what is known of it",
            routed(version),
        ),
    ]
}

/// What a question is about, and who asks.
struct Asked {
    gateway: Arc<Gateway>,
    shown: Vec<Shown>,
    base: String,
}

impl<S> axum::extract::FromRequestParts<S> for Asked
where
    S: Send + Sync,
    Arc<Gateway>: axum::extract::FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        state: &S,
    ) -> Result<Self, Problem> {
        let gateway: Arc<Gateway> = axum::extract::FromRef::from_ref(state);
        let flags = Query::<HashMap<String, String>>::try_from_uri(&parts.uri);
        let flags = flags.map(|Query(flags)| flags).unwrap_or_default();
        if let Some(flag) = flags.keys().min() {
            return Err(wrong(
                StatusCode::BAD_REQUEST,
                "bad-flag",
                "the registry has no such flag",
            )
            .detail(format!("`?{flag}`"))
            .hint("GET /xregistry/capabilities lists what there is; /xregistry/export has all in one document"));
        }
        let permit = parts.extensions.get::<Permit>();
        let mut shown = match permit {
            Some(permit) => seen(&gateway, permit),
            None => Vec::new(),
        };
        shown.retain(|shown| !shown.shadowed && !shown.registered.versions.is_empty());
        let base = base(
            &parts.uri,
            &parts.headers,
            parts
                .extensions
                .get()
                .is_some_and(|_: &crate::ingress::Encrypted| true),
        );
        Ok(Self {
            gateway,
            shown,
            base,
        })
    }
}

/// What every address begins with, as the caller wrote it.
fn base(uri: &Uri, headers: &HeaderMap, encrypted: bool) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = uri.authority().map(|host| host.as_str()).or(host);
    let scheme = if encrypted { "https" } else { "http" };
    format!("{scheme}://{}{BASE}", host.unwrap_or("localhost"))
}

impl Asked {
    fn view(&self) -> View<'_> {
        View::Api(&self.base)
    }

    fn entries(&self) -> Vec<Entry<'_>> {
        let entry = |shown| entry(&self.gateway, shown);
        self.shown.iter().map(entry).collect()
    }

    fn since(&self) -> String {
        stamp(self.gateway.started_ms)
    }
}

fn entry<'s>(gateway: &Gateway, shown: &'s Shown) -> Entry<'s> {
    let head = shown.kept.as_ref().map(|kept| &kept.head);
    let places = 0..shown.registered.versions.len();
    let created: Vec<String> = places.map(|place| created(gateway, shown, place)).collect();
    let modified = head.map(|head| stamp(head.modified_ms));
    Entry {
        group: shown.registered.space.clone().unwrap_or_else(|| ALL.into()),
        name: &shown.name,
        registered: &shown.registered,
        owner: shown.owner.as_deref(),
        why: shown.why.as_deref(),
        modified: modified
            .or_else(|| created.last().cloned())
            .unwrap_or_default(),
        created,
        epoch: head.map_or(1, |head| head.epoch),
        deprecated: head
            .and_then(|head| head.deprecated.as_ref())
            .and_then(|deprecated| serde_json::to_value(deprecated).ok()),
        readonly: shown.kept.is_none(),
    }
}

fn wrong(status: StatusCode, code: &'static str, title: &'static str) -> Problem {
    Problem::new(status, code, title)
}

fn nothing(uri: &Uri) -> Problem {
    wrong(StatusCode::NOT_FOUND, "not-found", "there is no such thing")
        .detail(format!("`{}`", uri.path()))
}

async fn root(asked: Asked) -> Json<Value> {
    let (view, since) = (asked.view(), asked.since());
    Json(xregistry::registry(view, ID, &asked.entries(), &since))
}

async fn export(asked: Asked) -> Json<Value> {
    Json(xregistry::export(ID, &asked.entries(), &asked.since()))
}

async fn groups(asked: Asked) -> Json<Value> {
    Json(xregistry::groups(asked.view(), &asked.entries()))
}

async fn group(asked: Asked, uri: Uri, Path(group): Path<String>) -> Result<Json<Value>, Problem> {
    let shown = xregistry::group(asked.view(), &group, &asked.entries());
    shown.map(Json).ok_or_else(|| nothing(&uri))
}

async fn schemas(
    asked: Asked,
    uri: Uri,
    Path(group): Path<String>,
) -> Result<Json<Value>, Problem> {
    let entries = asked.entries();
    match entries.iter().any(|entry| entry.group == group) {
        true => Ok(Json(xregistry::schemas(asked.view(), &group, &entries))),
        false => Err(nothing(&uri)),
    }
}

fn find<'e, 'r>(
    entries: &'e [Entry<'r>],
    uri: &Uri,
    (group, name): (&str, &str),
) -> Result<&'e Entry<'r>, Problem> {
    let mut entries = entries.iter();
    let found = entries.find(|entry| entry.group == group && entry.name == name);
    found.ok_or_else(|| nothing(uri))
}

async fn schema(
    asked: Asked,
    uri: Uri,
    Path((group, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let entries = asked.entries();
    let (name, details) = split(&name);
    let entry = find(&entries, &uri, (&group, name))?;
    let shown = xregistry::schema(asked.view(), entry);
    let newest = entry.registered.versions.last();
    match (details, newest) {
        (false, Some(newest)) => Ok(document(entry, &newest.definition.text, &shown)),
        _ => Ok(Json(shown).into_response()),
    }
}

async fn meta(
    asked: Asked,
    uri: Uri,
    Path((group, name)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let entries = asked.entries();
    let entry = find(&entries, &uri, (&group, &name))?;
    Ok(Json(xregistry::meta(asked.view(), entry)))
}

async fn versions(
    asked: Asked,
    uri: Uri,
    Path((group, name)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let entries = asked.entries();
    let entry = find(&entries, &uri, (&group, &name))?;
    Ok(Json(xregistry::versions(asked.view(), entry)))
}

async fn version(
    asked: Asked,
    uri: Uri,
    Path((group, name, version)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let entries = asked.entries();
    let entry = find(&entries, &uri, (&group, &name))?;
    let (number, details) = split(&version);
    // As it is written there: `01` is no version.
    let mut versions = entry.registered.versions.iter();
    let found = versions.find(|version| version.number.to_string() == number);
    let found = found.ok_or_else(|| nothing(&uri))?;
    let shown = xregistry::version(asked.view(), entry, found.number);
    let shown = shown.ok_or_else(|| nothing(&uri))?;
    match details {
        true => Ok(Json(shown).into_response()),
        false => Ok(document(entry, &found.definition.text, &shown)),
    }
}

fn split(id: &str) -> (&str, bool) {
    match id.strip_suffix(DETAILS) {
        Some(id) => (id, true),
        None => (id, false),
    }
}

/// The text of a schema, byte for byte, with what is known of it as headers.
fn document(entry: &Entry<'_>, text: &str, shown: &Value) -> Response {
    let mut response = text.to_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(xregistry::content_type(entry.registered.format)),
    );
    if let Ok(name) = HeaderValue::try_from(entry.name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    for (key, value) in shown.as_object().into_iter().flatten() {
        let text = match value {
            Value::String(text) if key != "contenttype" => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => continue,
        };
        let name = HeaderName::try_from(format!("xregistry-{key}"));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(text)) {
            headers.insert(name, value);
        }
    }
    response
}
