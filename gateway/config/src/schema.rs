//! JSON Schema of the whole file, one variant for each kind of source and sink.

use crate::model::{Common, EMBEDDED, File, GROUP, GroupKeys, Route, Stream, Subscription};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use tradewind_adapter::Registry;

/// The JSON Schema (draft 2020-12) of a configuration file, for editors and the reference.
pub fn schema(registry: &Registry) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut root = generator.root_schema_for::<File>().to_value();
    let sources = variants(registry.source_schemas(&mut generator), &mut generator);
    let sinks = variants(registry.sink_schemas(&mut generator), &mut generator);
    let common = generator.subschema_for::<Common>().to_value();
    let common = resolve(&common, generator.definitions())
        .cloned()
        .unwrap_or_default();
    let with_sinks = [
        (
            "Subscription",
            generator.subschema_for::<Subscription>().to_value(),
        ),
        ("Route", generator.subschema_for::<Route>().to_value()),
    ]
    .map(|(name, schema)| (name, resolve(&schema, generator.definitions()).cloned()));
    let stream = generator.subschema_for::<Stream>().to_value();
    let stream = resolve(&stream, generator.definitions()).cloned();
    let engines = variants(registry.engine_schemas(&mut generator), &mut generator);
    let group = variants(
        vec![(GROUP, generator.subschema_for::<GroupKeys>())],
        &mut generator,
    );
    let mut definitions = generator.take_definitions(true);
    if let Some(member) = definitions.get_mut("MemberKeys") {
        let sink = json!({ "$ref": "#/$defs/SinkKinds", "description": member["properties"]["sink"]["description"] });
        set(member, "/properties/sink", sink);
    }
    definitions.insert("GroupKind".into(), one_of("kind", &json!({}), group));
    definitions.insert(
        "SubscriptionSink".into(),
        json!({ "type": "object", "anyOf": [{ "$ref": "#/$defs/SinkKinds" }, { "$ref": "#/$defs/GroupKind" }] }),
    );
    definitions.insert("SourceKinds".into(), one_of("kind", &common, sources));
    definitions.insert("SinkKinds".into(), one_of("kind", &json!({}), sinks));
    for (name, schema) in with_sinks {
        let Some(mut schema) = schema else { continue };
        set(
            &mut schema,
            "/properties/sink/$ref",
            json!(match name {
                "Subscription" => "#/$defs/SubscriptionSink",
                _ => "#/$defs/SinkKinds",
            }),
        );
        definitions.insert(name.into(), schema);
    }
    set(
        &mut root,
        "/properties/sources/additionalProperties",
        json!({ "$ref": "#/$defs/SourceKinds" }),
    );
    if let Some(stream) = stream.filter(|_| !engines.is_empty()) {
        let mut variants = one_of("engine", &stream, engines);
        let mut embedded = stream;
        set(&mut embedded, "/properties/engine/const", json!(EMBEDDED));
        if let Some(Value::Array(variants)) = variants.get_mut("oneOf") {
            variants.push(embedded);
        }
        set(
            &mut root,
            "/properties/streams/additionalProperties",
            json!({ "$ref": "#/$defs/StreamEngines" }),
        );
        definitions.insert("StreamEngines".into(), variants);
    }
    let name = json!({ "pattern": "^[a-z0-9-]{1,63}$" });
    for section in [
        "api-keys",
        "spaces",
        "streams",
        "schema-registries",
        "schemas",
        "policies",
        "roles",
        "sources",
        "routes",
        "subscriptions",
    ] {
        set(
            &mut root,
            &format!("/properties/{section}/propertyNames"),
            name.clone(),
        );
    }
    set(&mut root, "/$defs", definitions.into());
    set(&mut root, "/title", json!("Tradewind configuration"));
    tidy(&mut root);
    prune(&mut root);
    root
}

/// Keys that may be left out are not therefore `null`, and comments are not broken into lines.
pub(crate) fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("default").is_some_and(Value::is_null) {
                map.remove("default");
            }
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|ty| ty != "null");
                if let [ty] = types.as_slice() {
                    map["type"] = ty.clone();
                }
            }
            if let Some(Value::Array(any)) = map.get_mut("anyOf") {
                any.retain(|schema| schema["type"] != "null");
                if let [Value::Object(only)] = any.as_mut_slice() {
                    let only = std::mem::take(only);
                    map.remove("anyOf");
                    for (key, value) in only {
                        map.entry(key).or_insert(value);
                    }
                }
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Drops definitions that nothing refers to.
fn prune(root: &mut Value) {
    loop {
        let text = root.to_string();
        let Some(Value::Object(definitions)) = root.get_mut("$defs") else {
            return;
        };
        let before = definitions.len();
        definitions.retain(|name, _| text.contains(&format!("\"#/$defs/{name}\"")));
        if definitions.len() == before {
            return;
        }
    }
}

/// Kinds with the schemas of their settings, references to a whole schema followed.
fn variants(
    schemas: Vec<(&'static str, Schema)>,
    generator: &mut SchemaGenerator,
) -> Vec<(&'static str, Value)> {
    schemas
        .into_iter()
        .map(|(kind, schema)| {
            let schema = schema.to_value();
            let whole = resolve(&schema, generator.definitions()).cloned();
            (kind, whole.unwrap_or(schema))
        })
        .collect()
}

/// What a `$ref` to a definition names; anything else is itself.
pub(crate) fn resolve<'a>(
    schema: &'a Value,
    definitions: &'a Map<String, Value>,
) -> Option<&'a Value> {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => definitions.get(reference.strip_prefix("#/$defs/")?),
        None => Some(schema),
    }
}

/// One closed object per kind, which stands at `key`: the keys of `common` and those of the kind.
fn one_of(key: &str, common: &Value, kinds: Vec<(&'static str, Value)>) -> Value {
    let variants: Vec<Value> = kinds
        .into_iter()
        .map(|(kind, settings)| {
            let mut variant = settings.clone();
            let mut properties = common["properties"]
                .as_object()
                .cloned()
                .unwrap_or_default();
            properties.insert(
                key.into(),
                json!({ "const": kind, "description": "The adapter." }),
            );
            if let Some(own) = settings["properties"].as_object() {
                properties.extend(own.clone());
            }
            let mut required = vec![json!(key)];
            required.extend(
                settings["required"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
            set(&mut variant, "/type", json!("object"));
            set(&mut variant, "/title", json!(kind));
            set(&mut variant, "/properties", properties.into());
            set(&mut variant, "/required", required.into());
            variant
        })
        .collect();
    json!({ "oneOf": variants })
}

/// Sets the value at a pointer; the maps on the way to it exist or are made.
fn set(root: &mut Value, pointer: &str, value: Value) {
    let mut at = root;
    for step in pointer.split('/').skip(1) {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[step];
    }
    *at = value;
}
