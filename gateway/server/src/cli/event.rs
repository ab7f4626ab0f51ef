//! `tradewind event`

use super::failure::Failure;
use super::input::Input;
use super::term::Term;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::value::RawValue;
use tradewind_adapter::Foreign;
use tradewind_event::json;
use tradewind_formats::Message;
use tradewind_formats::outward::{TARGETS, Target};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Read(ReadArgs),
    Render(RenderArgs),
}

/// Show the CloudEvents that a provider's payload becomes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tradewind event read notification.json\n  \
    tradewind event read push.json --format github --header x-github-event:push --header x-github-delivery:1\n  \
    tradewind event read - < sqs.json | jq .type\n\n\
    Formats: docs/reference/formats.md. With `auto`, messages within messages are read, too.")]
pub(super) struct ReadArgs {
    /// Payload: a file, - for stdin, or the text itself
    payload: String,
    /// Format, as at a source
    #[arg(long, default_value = "auto")]
    format: String,
    /// Header of the request that brought it, NAME:VALUE
    #[arg(long = "header", value_name = "NAME:VALUE")]
    headers: Vec<String>,
}

/// Show an event in the envelope of a provider, as a sink with `render` sends it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind event render --to azure-event-grid --event event.json\n  \
    tradewind event render --to aws-sqs --resource arn:aws:sqs:eu-west-1:1:q --event - < event.json\n\n\
    An event is a CloudEvent in JSON, a list of them, or a payload that `tradewind event read` knows.\n\
    Exit code 1: an envelope cannot hold an event, which would be a dead letter."
)]
pub(super) struct RenderArgs {
    /// Envelope
    #[arg(long, value_parser = target)]
    to: &'static Target,
    /// What it is said to come from: an ARN, or the name of a subscription
    #[arg(long)]
    resource: Option<String>,
    /// Event: a file, - for stdin, or the text itself
    #[arg(long)]
    event: String,
}

fn target(name: &str) -> Result<&'static Target, String> {
    Target::named(name).ok_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        format!("there are: {}", names.join(", "))
    })
}

pub(super) fn run(command: &Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::Read(args) => read(args, term),
        Command::Render(args) => render(args, term),
    }
}

fn read(args: &ReadArgs, term: &Term) -> Result<(), Failure> {
    let mut headers = HeaderMap::new();
    for header in &args.headers {
        let wrong = || Failure::usage(format!("`{header}` is no header; write NAME:VALUE"));
        let (name, value) = header.split_once(':').ok_or_else(wrong)?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| wrong())?;
        headers.insert(
            name,
            HeaderValue::try_from(value.trim()).map_err(|_| wrong())?,
        );
    }
    let format = Foreign::new(Some(&args.format), None)
        .map_err(|error| Failure::usage(error.message()))?
        .ok_or_else(|| Failure::usage("no format"))?;
    let input = Input::read("payload", &args.payload)?;
    let events = format
        .events(&headers, &Bytes::from(input.text))
        .map_err(|error| Failure::new(format!("{}: {error}", input.name)))?;
    for event in &events {
        term.line(&String::from_utf8_lossy(&json::encode(event)))?;
    }
    Ok(())
}

fn render(args: &RenderArgs, term: &Term) -> Result<(), Failure> {
    let input = Input::read("event", &args.event)?;
    let headers = HeaderMap::new();
    let body = Bytes::from(input.text);
    let message = Message {
        headers: &headers,
        body: &body,
    };
    let events = tradewind_formats::decode(&message)
        .map_err(|reason| Failure::new(format!("{}: {reason}", input.name)))?;
    for event in &events {
        let document = args
            .to
            .render(event, args.resource.as_deref())
            .map_err(|why| Failure::new(format!("{}: {why}", event.id())))?;
        match term.json() {
            true => {
                let document: Box<RawValue> = serde_json::from_slice(&document)
                    .map_err(|error| Failure::new(error.to_string()))?;
                term.value(&document)?;
            }
            false => term.line(&String::from_utf8_lossy(&document))?,
        }
    }
    Ok(())
}
