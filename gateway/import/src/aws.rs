//! Amazon EventBridge: rules of buses, and EventBridge Scheduler.

mod arn;
mod build;
mod export;
mod fields;
mod found;
mod home;
mod http;
mod intrinsic;
mod jsonata;
mod objects;
mod plan;
mod refer;
mod rule;
mod schedule;
mod subscriber;
mod target;
mod template;
mod terraform;

use crate::document::{self, Document, Fault, Input};
use crate::{Import, variables};
use build::Build;
use found::Inventory;
use serde_json::Value;
use std::collections::BTreeMap;
use tradewind_adapter::Registry;

/// What the files do not say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Values of parameters of templates.
    pub parameters: BTreeMap<String, String>,
    /// The region of what a template makes.
    pub region: Option<String>,
    /// The account of what a template makes.
    pub account: Option<String>,
    /// Who answers for what is written.
    pub owner: Option<String>,
}

/// Imports what tools of AWS have exported: answers of the CLI, templates of CloudFormation and SAM, states of
/// Terraform. `registry` says which sinks and sources there are.
///
/// # Errors
/// Files that cannot be read, or hold nothing of EventBridge's.
pub fn event_bridge(
    inputs: &[Input],
    options: &Options,
    registry: &Registry,
) -> Result<Import, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut inventory = Inventory::default();
    for input in inputs {
        match document::parse(input) {
            Err(fault) => faults.push(fault),
            Ok(documents) => {
                for mut document in documents {
                    document.value = variables::cleaned(&document.value);
                    if let Err(fault) = read(&document, options, &mut inventory) {
                        faults.push(fault);
                    }
                }
            }
        }
    }
    inventory.join(&mut faults);
    if faults.is_empty() && inventory.is_empty() {
        faults.push(Fault {
            file: inputs
                .first()
                .map_or(String::new(), |input| input.name.clone()),
            line: 0,
            path: String::new(),
            message: "nothing of EventBridge is in there".into(),
            hint: Some("see `tradewind import event-bridge --help` for what is read".into()),
        });
    }
    match faults.is_empty() {
        true => Ok(Build::new(options, registry, inventory).run()),
        false => Err(faults),
    }
}

fn read(document: &Document, options: &Options, inventory: &mut Inventory) -> Result<(), Fault> {
    let value = &document.value;
    let has = |key: &str| value.get(key).is_some_and(|value| !value.is_null());
    if value.get("Resources").is_some_and(Value::is_object) {
        template::read(document, options, inventory);
        return Ok(());
    }
    if has("terraform_version") || has("format_version") {
        terraform::read(document, inventory);
        return Ok(());
    }
    export::read(document, inventory)
}
