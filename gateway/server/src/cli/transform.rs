//! `tradewind transform`

use super::failure::Failure;
use super::input::Input;
use super::term::{Term, now_ms};
use super::written;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tradewind_config::System;
use tradewind_event::{Event, json as format};
use tradewind_transform::{About, Failed, Transform};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Test(TestArgs),
}

/// Show what a transform makes of an event
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind transform test --transform '{ set: { type: order.v2 } }' --event event.json\n  \
    tradewind transform test --transform transform.yaml --event - < event.json\n  \
    tradewind transform test --transform '{ input-path: $.detail }' --event '{\"detail-type\":\"Order\",\"source\":\"shop\",\"detail\":{\"total\":1}}'\n\n\
    An event is a CloudEvent, an EventBridge event or an Event Grid event in JSON, or a list of them.\n\
    Exit code 1: it cannot be made of an event, which would be a dead letter."
)]
pub(super) struct TestArgs {
    /// Transform as under `transform:` in the configuration: a file, - for stdin, or the text itself
    #[arg(long)]
    transform: String,
    /// Event: a file, - for stdin, or the text itself
    #[arg(long)]
    event: String,
    /// Name of the subscription, for `<aws.events.rule-name>`
    #[arg(long, default_value = "test")]
    subscription: String,
    /// Name of its stream
    #[arg(long, default_value = "default")]
    stream: String,
}

pub(super) fn run(command: &Command, term: &Term) -> Result<(), Failure> {
    let Command::Test(args) = command;
    if args.transform == "-" && args.event == "-" {
        return Err(Failure::usage(
            "only one of --transform and --event is stdin",
        ));
    }
    let definition = Input::read("transform", &args.transform)?;
    let transform = tradewind_config::transform(&definition.name, &definition.text, &System)
        .map_err(|findings| Failure::invalid(&findings, term))?;
    let input = Input::read("event", &args.event)?;
    let (events, list) = written::events(&input.text)
        .map_err(|reason| Failure::new(format!("{}: {reason}", input.name)))?;
    let results: Vec<_> = events
        .iter()
        .map(|event| (event.id(), made(&transform, event, args)))
        .collect();
    if term.json() {
        let told = results.iter().map(|(id, result)| told(id, result));
        let mut told = told.collect::<Result<Vec<_>, _>>()?;
        match list {
            true => term.value(&told)?,
            false => term.value(&told.pop())?,
        }
    } else {
        for (_, result) in &results {
            if let Ok(event) = result {
                term.line(&String::from_utf8_lossy(&format::encode(event)))?;
            }
        }
    }
    let failures = results.iter().filter_map(|(id, result)| {
        let failed = result.as_ref().err()?;
        Some(format!("{id}: {failed}"))
    });
    let failures: Vec<_> = failures.collect();
    match failures.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(match term.json() {
            true => String::new(),
            false => failures.join("\n"),
        })),
    }
}

fn made(transform: &Transform, event: &Event, args: &TestArgs) -> Result<Event, Failed> {
    let about = About {
        stream: &args.stream,
        subscription: &args.subscription,
        appended_ms: now_ms(),
    };
    transform.apply(event, &about)
}

fn told(id: &str, result: &Result<Event, Failed>) -> Result<Value, Failure> {
    Ok(match result {
        Ok(event) => {
            let text = format::encode(event);
            let event: Box<RawValue> = serde_json::from_slice(&text)
                .map_err(|error| Failure::new(format!("{id}: {error}")))?;
            json!({ "id": id, "event": event })
        }
        Err(failed) => json!({ "id": id, "failed": failed.to_string() }),
    })
}
