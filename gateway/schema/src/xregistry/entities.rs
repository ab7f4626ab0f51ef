//! Registry, groups, schemas and versions, as the specification serialises them.

use super::text;
use crate::{Action, Binding, Compatibility, FORMATS, Pattern, Registered, Version};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The version of the specification.
pub const SPEC: &str = "1.0-rc4";

/// A schema, and what is known of it besides.
#[derive(Debug, Clone)]
pub struct Entry<'r> {
    /// The group that it is shown in.
    pub group: String,
    /// Its name.
    pub name: &'r str,
    /// Its versions and the events that it is for. There is one at least.
    pub registered: &'r Registered,
    /// Who answers for it.
    pub owner: Option<&'r str>,
    /// What it is for.
    pub why: Option<&'r str>,
    /// When each of its versions came, RFC 3339.
    pub created: Vec<String>,
    /// When it was changed last, RFC 3339.
    pub modified: String,
    /// Grows with each change.
    pub epoch: u64,
    /// That it is on its way out, as the specification says it.
    pub deprecated: Option<Value>,
    /// Whether it cannot be changed over the interface.
    pub readonly: bool,
}

/// How entities name each other.
#[derive(Debug, Clone, Copy)]
pub enum View<'v> {
    /// By addresses below this one, which has no slash at its end.
    Api(&'v str),
    /// As places in one document.
    Document,
}

impl View<'_> {
    fn link(self, xid: &str) -> String {
        match self {
            Self::Api(base) => format!("{base}{xid}"),
            Self::Document => format!("#{xid}"),
        }
    }

    /// Of what is a document itself, unless its details are asked for.
    fn details(self, xid: &str) -> String {
        match self {
            Self::Api(base) => format!("{base}{xid}$details"),
            Self::Document => format!("#{xid}"),
        }
    }
}

type Groups<'e, 'r> = BTreeMap<&'e str, Vec<&'e Entry<'r>>>;

fn by_group<'e, 'r>(entries: &'e [Entry<'r>]) -> Groups<'e, 'r> {
    let mut groups = Groups::new();
    for entry in entries {
        groups.entry(&entry.group).or_default().push(entry);
    }
    groups
}

/// The registry itself.
pub fn registry(view: View<'_>, id: &str, entries: &[Entry<'_>], since: &str) -> Value {
    let modified = latest(entries.iter()).unwrap_or(since);
    json!({
        "specversion": SPEC,
        "registryid": id,
        "self": view.link("/"),
        "xid": "/",
        "epoch": epoch(entries.iter()),
        "createdat": since,
        "modifiedat": modified,
        "schemagroupsurl": view.link("/schemagroups"),
        "schemagroupscount": by_group(entries).len(),
    })
}

/// The whole registry in one document, which [`super::import`] reads.
pub fn export(id: &str, entries: &[Entry<'_>], since: &str) -> Value {
    let view = View::Document;
    let mut all = registry(view, id, entries, since);
    let mut shown = Map::new();
    for (name, members) in by_group(entries) {
        let mut group = group_of(view, name, &members);
        let schemas = members.iter().map(|entry| {
            let mut schema = resource(view, entry);
            schema["meta"] = meta(view, entry);
            schema["versions"] = versions(view, entry);
            (entry.name.to_owned(), schema)
        });
        group["schemas"] = Value::Object(schemas.collect());
        shown.insert(name.into(), group);
    }
    all["schemagroups"] = shown.into();
    all["capabilities"] = capabilities();
    all["modelsource"] = model();
    all
}

/// All groups.
pub fn groups(view: View<'_>, entries: &[Entry<'_>]) -> Value {
    let groups = by_group(entries);
    let shown = groups
        .iter()
        .map(|(name, members)| ((*name).to_owned(), group_of(view, name, members)));
    Value::Object(shown.collect())
}

/// One group; `None` where nothing is in it.
pub fn group(view: View<'_>, name: &str, entries: &[Entry<'_>]) -> Option<Value> {
    let groups = by_group(entries);
    groups
        .get(name)
        .map(|members| group_of(view, name, members))
}

fn group_of(view: View<'_>, name: &str, members: &[&Entry<'_>]) -> Value {
    let xid = format!("/schemagroups/{name}");
    let created = members.iter().filter_map(|entry| entry.created.first());
    json!({
        "schemagroupid": name,
        "self": view.link(&xid),
        "xid": xid,
        "epoch": epoch(members.iter().copied()),
        "createdat": created.min(),
        "modifiedat": latest(members.iter().copied()),
        "schemasurl": view.link(&format!("{xid}/schemas")),
        "schemascount": members.len(),
    })
}

fn epoch<'e>(entries: impl Iterator<Item = &'e Entry<'e>>) -> u64 {
    entries.map(|entry| entry.epoch).sum::<u64>().max(1)
}

fn latest<'e>(entries: impl Iterator<Item = &'e Entry<'e>>) -> Option<&'e str> {
    entries.map(|entry| entry.modified.as_str()).max()
}

/// All schemas of a group.
pub fn schemas(view: View<'_>, group: &str, entries: &[Entry<'_>]) -> Value {
    let members = entries.iter().filter(|entry| entry.group == group);
    let shown = members.map(|entry| (entry.name.to_owned(), schema(view, entry)));
    Value::Object(shown.collect())
}

/// A schema with the attributes of its newest version.
pub fn schema(view: View<'_>, entry: &Entry<'_>) -> Value {
    let mut shown = resource(view, entry);
    let newest = entry.registered.versions.last().zip(entry.created.last());
    if let (Value::Object(shown), Some((version, created))) = (&mut shown, newest) {
        let mut own = attributes(entry, version, created);
        shown.insert("versionid".into(), version.number.to_string().into());
        own.append(&mut std::mem::take(shown));
        *shown = own;
    }
    shown
}

fn xid(entry: &Entry<'_>) -> String {
    format!("/schemagroups/{}/schemas/{}", entry.group, entry.name)
}

/// A schema without its versions.
fn resource(view: View<'_>, entry: &Entry<'_>) -> Value {
    let xid = xid(entry);
    json!({
        "schemaid": entry.name,
        "self": view.details(&xid),
        "xid": xid,
        "metaurl": view.link(&format!("{xid}/meta")),
        "versionsurl": view.link(&format!("{xid}/versions")),
        "versionscount": entry.registered.versions.len(),
    })
}

/// What is said of a schema as a whole.
pub fn meta(view: View<'_>, entry: &Entry<'_>) -> Value {
    let (of, registered) = (xid(entry), entry.registered);
    let newest = registered
        .versions
        .last()
        .map_or(0, |version| version.number);
    let xid = format!("{of}/meta");
    let mut meta = json!({
        "schemaid": entry.name,
        "self": view.link(&xid),
        "xid": xid,
        "epoch": entry.epoch,
        "createdat": entry.created.first(),
        "modifiedat": entry.modified,
        "readonly": entry.readonly,
        "defaultversionid": newest.to_string(),
        "defaultversionurl": view.details(&format!("{of}/versions/{newest}")),
        "defaultversionsticky": false,
        "tradewind": ours(entry),
    });
    let rule = match registered.compatibility {
        Compatibility::Backward => Some("backward_transitive"),
        Compatibility::Forward => Some("forward_transitive"),
        Compatibility::Full => Some("full_transitive"),
        Compatibility::None => None,
    };
    if let Some(rule) = rule {
        meta["compatibility"] = rule.into();
    }
    if let Some(deprecated) = &entry.deprecated {
        meta["deprecated"] = deprecated.clone();
    }
    meta
}

/// What only Tradewind knows: as in the configuration.
fn ours(entry: &Entry<'_>) -> Value {
    let registered = entry.registered;
    let mut ours = Map::new();
    for (key, text) in [("owner", entry.owner), ("why", entry.why)] {
        if let Some(text) = text {
            ours.insert(key.into(), text.into());
        }
    }
    if let Some(space) = &registered.space {
        ours.insert("space".into(), space.as_str().into());
    }
    ours.insert("on-failure".into(), json!(registered.on_failure));
    let events = registered
        .bindings
        .iter()
        .map(|binding| bound(binding, registered.on_failure));
    ours.insert("events".into(), events.collect());
    ours.into()
}

/// Events as they are written under `events`.
fn bound(binding: &Binding, otherwise: Action) -> Value {
    let written = |pattern: &Pattern| match pattern {
        Pattern::Exact(text) => text.clone(),
        Pattern::Prefix(text) => format!("{text}*"),
    };
    let mut bound = json!({ "type": written(&binding.ty) });
    if let Some(source) = &binding.source {
        bound["source"] = written(source).into();
    }
    if binding.on_failure != otherwise {
        bound["on-failure"] = json!(binding.on_failure);
    }
    bound
}

/// All versions of a schema. In a document they hold their texts.
pub fn versions(view: View<'_>, entry: &Entry<'_>) -> Value {
    let all = entry.registered.versions.iter();
    let shown = all.map(|version| {
        let one = version_of(view, entry, version);
        (version.number.to_string(), one)
    });
    Value::Object(shown.collect())
}

/// One version; `None` where there is none of this number.
pub fn version(view: View<'_>, entry: &Entry<'_>, number: u32) -> Option<Value> {
    let mut all = entry.registered.versions.iter();
    let version = all.find(|version| version.number == number)?;
    Some(version_of(view, entry, version))
}

fn version_of(view: View<'_>, entry: &Entry<'_>, version: &Version) -> Value {
    let number = version.number;
    let mut all = entry.registered.versions.iter();
    let at = all.position(|one| one.number == number).unwrap_or_default();
    let created = entry.created.get(at).unwrap_or(&entry.modified);
    let xid = format!("{}/versions/{number}", xid(entry));
    let mut shown = attributes(entry, version, created);
    shown.insert("schemaid".into(), entry.name.into());
    shown.insert("versionid".into(), number.to_string().into());
    shown.insert("self".into(), view.details(&xid).into());
    shown.insert("xid".into(), xid.into());
    let ours = [
        ("dataschema", &version.dataschema),
        ("message", &version.definition.message),
    ];
    let ours: Map<String, Value> = ours
        .into_iter()
        .filter_map(|(key, text)| Some((key.to_owned(), text.as_deref()?.into())))
        .collect();
    if !ours.is_empty() {
        shown.insert("tradewind".into(), ours.into());
    }
    if matches!(view, View::Document) {
        text::put(
            &mut shown,
            entry.registered.format,
            &version.definition.text,
        );
    } else {
        shown.insert("formatvalidated".into(), true.into());
    }
    Value::Object(shown)
}

/// Attributes of a version that its schema shows too, where it is the newest.
fn attributes(entry: &Entry<'_>, version: &Version, created: &str) -> Map<String, Value> {
    let versions = &entry.registered.versions;
    let earlier = versions.iter().take_while(|v| v.number < version.number);
    let ancestor = earlier.last().unwrap_or(version).number;
    let newest = versions.last().map(|newest| newest.number);
    let mut shown = Map::new();
    shown.insert("epoch".into(), 1.into());
    shown.insert("isdefault".into(), (newest == Some(version.number)).into());
    shown.insert("createdat".into(), created.into());
    shown.insert("modifiedat".into(), created.into());
    shown.insert("ancestorid".into(), ancestor.to_string().into());
    let kind = text::content_type(entry.registered.format);
    shown.insert("contenttype".into(), kind.into());
    let format = text::format(entry.registered, &version.definition);
    shown.insert("format".into(), format.into());
    shown
}

/// What the interface can do.
pub fn capabilities() -> Value {
    let fixed = json!({ "mutable": false });
    let rules = [
        "backward_transitive",
        "forward_transitive",
        "full_transitive",
    ];
    let names = FORMATS.map(|format| match format {
        "avro" => "Avro/*",
        "protobuf" => "Protobuf/*",
        _ => "JsonSchema/*",
    });
    let compatibilities = names.map(|name| (name.to_owned(), json!(rules)));
    json!({
        "available": {
            "capabilities": fixed, "entities": fixed, "export": fixed, "model": fixed,
            "modelsource": fixed,
        },
        "compatibilities": compatibilities.into_iter().collect::<Map<_, _>>(),
        "flags": [],
        "formats": names,
        "ignores": [],
        "pagination": false,
        "shortself": false,
        "specversions": [SPEC],
    })
}

/// The model: the specification's of schemas, and what only Tradewind knows.
pub fn model() -> Value {
    json!({
        "groups": { "schemagroups": {
            "singular": "schemagroup",
            "resources": { "schemas": {
                "singular": "schema",
                "maxversions": 0,
                "setversionid": false,
                "setdefaultversionsticky": false,
                "hasdocument": true,
                "validateformat": true,
                "validatecompatibility": true,
                "strictvalidation": true,
                "attributes": {
                    "format": { "type": "string", "required": true },
                    "tradewind": { "type": "object", "attributes": {
                        "dataschema": { "type": "uri" },
                        "message": { "type": "string" },
                    } },
                },
                "metaattributes": {
                    "tradewind": { "type": "any" },
                },
            } },
        } },
    })
}
