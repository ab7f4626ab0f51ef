//! A gateway that has the sinks of the binary, as far as their settings go.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Capability, Delivery, Registry, Report, Sink};
use tradewind_import::{Import, Input, Item, Options, event_bridge};

/// A sink whose settings are as they were given.
#[derive(Debug)]
struct Stub;

#[async_trait]
impl Sink for Stub {
    async fn deliver(&self, _: Vec<Delivery>, _: Report, _: CancellationToken) {}
    fn capability(&self) -> Capability {
        Capability::default()
    }
    fn describe(&self) -> String {
        "stub".into()
    }
}

#[derive(Deserialize, JsonSchema)]
struct Any(#[allow(dead_code, reason = "that it can be read says enough")] BTreeMap<String, Value>);

pub(crate) fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.source::<tradewind_schedule::Schedule>();
    for kind in [
        "aws-firehose",
        "aws-kinesis",
        "aws-lambda",
        "aws-sqs",
        "http",
    ] {
        sink(&mut registry, kind);
    }
    registry
}

fn sink(registry: &mut Registry, kind: &'static str) {
    registry.sink_as(kind, "", |_: Any, _| Ok(Arc::new(Stub) as Arc<dyn Sink>));
}

pub(crate) fn import(files: &[(&str, &str)], options: &Options) -> Import {
    import_by(&registry(), files, options)
}

/// Into a gateway that has one more kind of sink.
pub(crate) fn import_with(kind: &'static str, files: &[(&str, &str)], options: &Options) -> Import {
    let mut registry = registry();
    sink(&mut registry, kind);
    import_by(&registry, files, options)
}

fn import_by(registry: &Registry, files: &[(&str, &str)], options: &Options) -> Import {
    let inputs: Vec<Input> = files
        .iter()
        .map(|(name, text)| Input {
            name: (*name).into(),
            text: (*text).into(),
        })
        .collect();
    event_bridge(&inputs, options, registry).unwrap()
}

pub(crate) fn item<'a>(import: &'a Import, name: &str) -> &'a Item {
    import
        .report
        .items
        .iter()
        .find(|item| item.name == name)
        .unwrap_or_else(|| panic!("no `{name}` in\n{}", import.report.text()))
}

/// The lines of an object of the configuration.
pub(crate) fn object(import: &Import, name: &str) -> String {
    let head = format!("  {name}:\n");
    let (_, rest) = import
        .configuration
        .split_once(&head)
        .unwrap_or_else(|| panic!("no `{name}` in\n{}", import.configuration));
    let lines = rest.lines().take_while(|line| line.starts_with("    "));
    lines.fold(String::new(), |all, line| all + line.trim() + "\n")
}
