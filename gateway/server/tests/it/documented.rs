//! What the documents show as configuration: it is valid, and nothing in it is warned of without being meant.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use tradewind_config::{CODES, Diagnostics, Env, Severity, load_str};

/// Every variable is set and every file there, with what it should hold by its name. What is not there is called so.
struct Whole;

/// 64 hexadecimal digits: a secret, and a digest.
const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

impl Env for Whole {
    fn var(&self, name: &str) -> Option<String> {
        // No two keys have one secret.
        let lead = name.bytes().map(u32::from).sum::<u32>() % 0xffff;
        (!name.starts_with("UNSET")).then(|| format!("{lead:04x}{}", &HEX[4..]))
    }
    fn read(&self, path: &Path) -> io::Result<String> {
        if path.starts_with("missing") {
            return Err(io::ErrorKind::NotFound.into());
        }
        let ending = path.extension().and_then(|ending| ending.to_str());
        Ok(match ending {
            Some("whsec") => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(),
            Some("json") => "{}".into(),
            Some("avsc") => r#"{"type":"record","name":"R","fields":[]}"#.into(),
            Some("proto") => r#"syntax = "proto3"; message Order {}"#.into(),
            Some("cedar") => "permit(principal, action == Action::\"publish\", resource) when { context.type == \"a\" };".into(),
            _ => HEX.into(),
        })
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn found(name: &str, text: &str) -> Diagnostics {
    match load_str(name, text, &tradewind_server::registry(), &Whole) {
        Ok(checked) => checked.warnings,
        Err(errors) => errors,
    }
}

/// A block of YAML in a document, and what the comment before it says that `check` finds in it:
/// `<!-- check: CODE, CODE -->`, or `<!-- check: part -->` where it is no whole configuration.
struct Block {
    place: String,
    section: String,
    text: String,
    meant: BTreeSet<String>,
}

fn blocks(path: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut section, mut meant) = (String::new(), BTreeSet::new());
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line) {
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), line) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, "```yaml") => {
                open = Some(Block {
                    place: format!("{path}:{}", number + 1),
                    section: section.clone(),
                    text: String::new(),
                    meant: std::mem::take(&mut meant),
                });
            }
            (None, line) => {
                if let Some(title) = line.strip_prefix("## ") {
                    section = title.into();
                }
                let said = line.strip_prefix("<!-- check: ");
                if let Some(said) = said.and_then(|said| said.strip_suffix(" -->")) {
                    meant = said.split(", ").map(str::to_owned).collect();
                }
            }
        }
    }
    blocks
}

/// Whether all keys at the top are keys of a configuration.
fn is_configuration(text: &str) -> bool {
    let schema = tradewind_config::schema(&tradewind_server::registry());
    let keys = schema["properties"].as_object().unwrap();
    match tradewind_config::value("a.yaml", text) {
        Ok(serde_json::Value::Object(map)) => map.keys().all(|key| keys.contains_key(key)),
        _ => false,
    }
}

fn markdown(folder: &str, all: &mut Vec<String>) {
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{folder}/{name}");
        if root().join(&path).is_dir() && path != "docs/errors" {
            markdown(&path, all);
        } else if path.ends_with(".md") {
            all.push(path);
        }
    }
}

#[test]
fn each_code_has_an_example_that_shows_it_and_a_fix_that_does_not() {
    // What no page can hold.
    let without = ["empty-file", "too-deep", "too-large"];
    let mut wrong = String::new();
    for code in CODES {
        let blocks = blocks(&format!("docs/errors/{}.md", code.name), code.page);
        for block in &blocks {
            let found = found("a.yaml", &block.text);
            let shows = found.iter().any(|one| one.code == code.name);
            let right = match block.section.as_str() {
                "Example" => shows,
                _ => !shows && found.iter().all(|one| one.severity == Severity::Note),
            };
            if !right {
                let said = found.render_all(false);
                writeln!(wrong, "{}, {}:\n{said}\n", block.place, block.section).unwrap();
            }
        }
        let examples = blocks.iter().filter(|block| block.section == "Example");
        if examples.count() != usize::from(!without.contains(&code.name)) {
            writeln!(wrong, "{}: no example, or several\n", code.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn documented_configuration_is_valid_and_warns_of_nothing_that_is_not_meant() {
    let mut files = vec!["README.md".to_owned(), "docs/errors/README.md".to_owned()];
    for folder in ["docs", "deploy", "examples", "adapters", "gateway"] {
        markdown(folder, &mut files);
    }
    let (mut wrong, mut count) = (String::new(), 0);
    for path in files {
        for block in blocks(&path, &read(&path)) {
            if block.meant.contains("part") || !is_configuration(&block.text) {
                continue;
            }
            count += 1;
            let found = found("a.yaml", &block.text);
            let told: BTreeSet<String> = found
                .iter()
                .filter(|one| one.severity != Severity::Note)
                .map(|one| one.code.to_owned())
                .collect();
            if told != block.meant {
                let said = found.render_all(false);
                writeln!(wrong, "{}: meant {:?}\n{said}\n", block.place, block.meant).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count > 30, "only {count} blocks");
}

#[test]
fn shipped_configuration_warns_of_nothing() {
    for path in [
        "gateway/config/example.yaml",
        "deploy/config.yaml",
        "deploy/debian/config.yaml",
        "examples/fan-out/tradewind.yaml",
        "examples/webhook-to-handler/tradewind.yaml",
    ] {
        let found = found("a.yaml", &read(path));
        assert!(found.is_empty(), "{path}:\n{}", found.render_all(false));
    }
    // The one that stands within another file.
    let manifest = read("deploy/kubernetes/tradewind.yaml");
    let inside = manifest.split("config.yaml: |\n").nth(1).unwrap();
    let lines = inside
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    let text: String = lines
        .map(|line| format!("{}\n", line.get(4..).unwrap_or_default()))
        .collect();
    let found = found("a.yaml", &text);
    assert!(found.is_empty(), "{}", found.render_all(false));
}

/// A key that both know is read by the gateway, and never reaches the adapter.
#[test]
fn no_setting_of_a_source_is_one_of_the_gateways_own() {
    let own = [
        "space",
        "kind",
        "path",
        "stream",
        "owner",
        "why",
        "unmatched",
        "max-body",
        "rate-limit",
        "may-claim",
    ];
    let mut generator = schemars::SchemaGenerator::default();
    let all = tradewind_server::registry().source_schemas(&mut generator);
    assert!(all.len() > 20);
    for (kind, schema) in all {
        let schema = schema.to_value();
        let name = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next());
        let schema = match name {
            Some(name) => generator.definitions()[name].clone(),
            None => schema,
        };
        for key in own {
            assert!(schema["properties"].get(key).is_none(), "{kind}: {key}");
        }
    }
}

#[test]
fn sources_of_brokers_are_not_dropped_in_silence() {
    let text = "sources:\n  \
        r: { kind: redis, connection: { server: \"127.0.0.1:1\" }, key: jobs }\n  \
        n: { kind: nats, cluster: { servers: [\"127.0.0.1:1\"] }, jetstream: ORDERS }\n";
    let checked = load_str("a.yaml", text, &tradewind_server::registry(), &Whole).unwrap();
    assert_eq!(checked.sources.len(), 2);
}
