//! The reference of all keys, from the schema.

use crate::codes::CODES;
use crate::diagnostic::Severity;
use crate::model::Common;
use crate::schema::{resolve, schema, tidy};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use tradewind_adapter::Registry;

/// Nested maps whose keys are listed, dotted.
const DEPTH_MAX: usize = 5;

const INTRODUCTION: &str = "\
<!-- Generated from the types: TRADEWIND_UPDATE=1 cargo test -p tradewind-config -->
# Configuration

One file, YAML or TOML (by its ending `.toml`). Every key is optional unless it says otherwise, and
unknown keys are errors. Durations are a whole number and `ms`, `s`, `m`, `h` or `d`; sizes a whole
number and `B`, `KiB`, `MiB`, `GiB` or `TiB`. Names have 1 to 63 characters out of `a-z`, `0-9` and `-`.

Any text may hold references, resolved when the file is loaded and never shown in errors, logs or
diffs: `${env:NAME}`, `${env:NAME:-default}` (also for an empty variable), `${file:PATH}` (relative
to the file; one line break at its end is removed) and `${credential:NAME}` (the same, from the folder
`$CREDENTIALS_DIRECTORY` that systemd fills by `LoadCredential=`). `$${` is a plain `${`. A reference may stand for a
number or for true or false where those are expected.

A commented example is `gateway/config/example.yaml`; `tradewind config schema` prints the JSON Schema
for editors.
";

/// The reference as Markdown: every key with type, default and unit, then the settings of the kinds
/// in the registry.
pub fn reference(registry: &Registry) -> String {
    let root = schema(registry);
    let nothing = Map::new();
    let definitions = root["$defs"].as_object().unwrap_or(&nothing);
    let mut out = String::from(INTRODUCTION);
    let named = |name: &str| definitions.get(name).cloned().unwrap_or_default();
    let mut common = schemars::schema_for!(Common).to_value();
    tidy(&mut common);
    let own = common["$defs"].as_object().cloned().unwrap_or_default();
    section(&mut out, "## The gateway", &root, definitions);
    section(
        &mut out,
        "## `api-keys.NAME`",
        &named("ApiKey"),
        definitions,
    );
    section(&mut out, "## `spaces.NAME`", &named("Space"), definitions);
    section(&mut out, "## `streams.NAME`", &named("Stream"), definitions);
    section(
        &mut out,
        "## `schema-registries.NAME`",
        &named("SchemaRegistry"),
        definitions,
    );
    section(
        &mut out,
        "## `schemas.NAME`",
        &named("Contract"),
        definitions,
    );
    section(
        &mut out,
        "## `policies.NAME`",
        &named("PolicyText"),
        definitions,
    );
    section(&mut out, "## `roles.NAME`", &named("RoleKeys"), definitions);
    section(&mut out, "## `sources.NAME`", &common, &own);
    let keys = common["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    for variant in named("SourceKinds")["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let title = format!("### `sources.NAME` of kind `{}`", kind(variant));
        section(&mut out, &title, &without(variant, &keys), definitions);
    }
    section(
        &mut out,
        "## `subscriptions.NAME`",
        &named("Subscription"),
        definitions,
    );
    section(&mut out, "## `routes.NAME`", &named("Route"), definitions);
    let keys = Map::from_iter([("kind".to_string(), Value::Null)]);
    for variant in named("GroupKind")["oneOf"].as_array().into_iter().flatten() {
        let title = format!("### `sink` of kind `{}`, of subscriptions", kind(variant));
        section(&mut out, &title, &without(variant, &keys), definitions);
    }
    section(
        &mut out,
        "### `members[]` of a group",
        &named("MemberKeys"),
        definitions,
    );
    for variant in named("SinkKinds")["oneOf"].as_array().into_iter().flatten() {
        let title = format!("### `sink` of kind `{}`", kind(variant));
        section(&mut out, &title, &without(variant, &keys), definitions);
    }
    out.push_str("\nWhat `tradewind check` says of it: [codes](../errors/README.md).\n");
    out
}

const CODES_INTRODUCTION: &str = "\
<!-- Generated from gateway/config/src/codes.rs: TRADEWIND_UPDATE=1 cargo test -p tradewind-config -->
# What `tradewind check` finds

`tradewind check` reads a configuration as the gateway does, and says everything that is wrong with it and
everything that is probably not meant: each with a code, the place, and what to do. Codes are stable. `tradewind check
--explain CODE` prints the page of one.

An *error* is refused, also by the gateway. A *warning* makes `--deny warnings` fail, for pipelines; a *note* only
`--deny notes`. `--format sarif` writes SARIF 2.1.0, which code-scanning services read, `--format json` the same for
programs.

## Allowing what is meant

`--allow CODE` lets a code pass, but for errors. In the file it can be said for one place, with the reason:

```yaml
check:
  allow:
    - { code: no-authentication, at: sources.events, why: the port is published on loopback only }
sources:
  events: { kind: http, path: /events, auth: none-i-understand, rate-limit: { per-second: 10 } }
```

In SARIF such a finding is there as a suppressed one, with its reason. An allowance that nothing needs any more is told
as `unused-allowance`.

## Codes
";

/// The table of codes as Markdown, beside their pages.
pub fn codes() -> String {
    let mut out = String::from(CODES_INTRODUCTION);
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let name = severity.name();
        out.push_str(&format!("\n| {name} | |\n|---|---|\n"));
        for code in CODES.iter().filter(|code| code.severity == severity) {
            let (name, means) = (code.name, code.means);
            out.push_str(&format!("| [`{name}`]({name}.md) | {means} |\n"));
        }
    }
    out
}

fn kind(variant: &Value) -> &str {
    variant["title"].as_str().unwrap_or_default()
}

fn without(variant: &Value, keys: &Map<String, Value>) -> Value {
    let mut variant = variant.clone();
    if let Some(Value::Object(properties)) = variant.get_mut("properties") {
        properties.retain(|key, _| !keys.contains_key(key));
    }
    variant
}

fn section(out: &mut String, title: &str, schema: &Value, definitions: &Map<String, Value>) {
    out.push_str(&format!("\n{title}\n"));
    if let Some(text) = schema["description"].as_str() {
        out.push_str(&format!("\n{text}\n"));
    }
    let mut rows = Vec::new();
    Rows {
        definitions,
        rows: &mut rows,
    }
    .keys("", schema, None, 0);
    match rows.is_empty() {
        true => out.push_str("\nNo settings.\n"),
        false => out.push_str(&format!(
            "\n| Key | Value | |\n|---|---|---|\n{}",
            rows.concat()
        )),
    }
}

struct Rows<'a> {
    definitions: &'a Map<String, Value>,
    rows: &'a mut Vec<String>,
}

impl Rows<'_> {
    /// One row per key; `choice` is the meaning of a variant that consists of these keys.
    fn keys(&mut self, prefix: &str, schema: &Value, choice: Option<&str>, depth: usize) {
        let required: BTreeSet<_> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, value) in schema["properties"].as_object().into_iter().flatten() {
            let key = format!("{prefix}{name}");
            let target = resolve(value, self.definitions).unwrap_or(value);
            let own = value["description"].as_str().or(choice);
            let text = own
                .or_else(|| target["description"].as_str())
                .unwrap_or_default();
            let mut text = text.replace('|', "\\|");
            for (name, meaning) in choices(target) {
                if !meaning.is_empty() {
                    text.push_str(&format!("<br>`{name}`: {meaning}"));
                }
            }
            if required.contains(name.as_str()) && choice.is_none() {
                text.push_str(" **Required.**");
            }
            let ty = self.describe(value);
            self.rows.push(format!("| `{key}` | {ty} | {text} |\n"));
            if depth < DEPTH_MAX {
                let prefix = format!("{key}.");
                self.keys(&prefix, target, None, depth + 1);
                for variant in target["oneOf"].as_array().into_iter().flatten() {
                    let choice = variant["description"].as_str().unwrap_or("One of these.");
                    self.keys(&prefix, variant, Some(choice), depth + 1);
                }
            }
        }
    }

    fn describe(&self, schema: &Value) -> String {
        match schema["$ref"]
            .as_str()
            .map(|r| r.trim_start_matches("#/$defs/"))
        {
            Some("Period") => return "duration".into(),
            Some("Size") => return "size".into(),
            Some("Secret") => return "secret".into(),
            Some("Texts") => return "text, or list: text".into(),
            _ => {}
        }
        let schema = resolve(schema, self.definitions).unwrap_or(schema);
        let names: Vec<String> = choices(schema)
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        match schema["type"].as_str() {
            _ if !names.is_empty() => {
                let maps = schema["oneOf"].as_array().into_iter().flatten();
                let or = maps
                    .into_iter()
                    .any(|variant| variant["properties"].is_object());
                names.join(", ") + if or { " or a map" } else { "" }
            }
            Some("array") => format!("list: {}", self.describe(&schema["items"])),
            Some("object") if schema["additionalProperties"].is_object() => "map by name".into(),
            Some("object") => "map".into(),
            Some("string") => "text".into(),
            Some("integer") => "whole number".into(),
            Some("boolean") => "`true` or `false`".into(),
            Some(other) => other.into(),
            None if schema["oneOf"].is_array() => "map".into(),
            None => "see the guide".into(),
        }
    }
}

/// The named values of an enum, with what they mean.
fn choices(schema: &Value) -> Vec<(&str, &str)> {
    let documented = schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|variant| {
            Some((
                variant["const"].as_str()?,
                variant["description"].as_str().unwrap_or_default(),
            ))
        });
    let plain = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    documented.chain(plain.map(|name| (name, ""))).collect()
}
