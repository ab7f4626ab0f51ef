//! The configuration file: hostile or half written, it is answered.

use crate::Target;
use crate::input::Cut;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tradewind_adapter::Registry;
use tradewind_config::{Env, load_str};
use tradewind_server::run;

const SECRET: &str = "swordfish-7731";

/// `toml` or anything else on the first line, then the file.
pub(super) const CONFIG: Target = Target {
    words: &[
        "toml\n",
        "sources:",
        "subscriptions:",
        "streams:",
        "api-keys:",
        "limits:",
        "retry:",
        "pauses: [1s, 5m]",
        "filter:",
        "exact: {type: t}",
        "kind: github",
        "kind: standard-webhooks",
        "kind: gitlab",
        "kind: slack",
        "kind: twilio",
        "kind: webhook",
        "kind: memory",
        "secrets: [\"${env:HOOK}\"]",
        "${file:a}",
        "$${",
        ":-default}",
        "path: /in",
        "order-by: subject",
        "start: oldest",
        "2018-04-05T17:31:00Z",
        "10MiB",
        "&a ",
        "*a",
        "<<: *a",
        "? ",
        "!!str ",
        "---\n",
        "[[a]]",
        "\u{feff}",
    ],
    longest: 2048,
    // Aliases may make 100,000 values of a few lines, and errors repeat the lines that they are about.
    memory: 64 << 20,
    growth: 4096,
    ..Target::new("config", config)
};

struct Fake;

impl Env for Fake {
    fn var(&self, name: &str) -> Option<String> {
        (name == "HOOK").then(|| SECRET.to_owned())
    }
    fn read(&self, path: &Path) -> io::Result<String> {
        match path.ends_with("a") {
            true => Ok(format!("{SECRET}\n")),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn config(input: &[u8]) {
    let mut input = Cut(input);
    let name = match input.line() {
        "toml" => "tradewind.toml",
        _ => "tradewind.yaml",
    };
    let Ok(text) = std::str::from_utf8(input.rest()) else {
        return;
    };
    // Not the HTTP sink: it reads the certificates of the machine.
    let mut registry = Registry::default();
    tradewind_webhooks::register(&mut registry, Arc::new(tradewind_http::Fetcher::default()));
    registry
        .webhook::<tradewind_http::HttpSource>()
        .source::<tradewind_memory::MemorySource>()
        .sink::<tradewind_memory::MemorySink>();
    let shown = match load_str(name, text, &registry, &Fake) {
        Ok(checked) => {
            run::planned(&checked);
            run::site(&checked);
            let again = load_str(name, text, &registry, &Fake).unwrap();
            assert_eq!(tradewind_config::diff(&checked, &again), []);
            checked.warnings.to_string()
        }
        Err(found) => {
            assert!(!found.is_empty());
            found.to_string()
        }
    };
    assert!(
        text.contains("swordfish") || !shown.contains("swordfish"),
        "a secret is shown: {shown}"
    );
}
