//! `tradewind schema`

use super::client::encode;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::input::Input;
use super::registered;
use super::term::{Term, plain};
use super::written;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::path::Path;
use tradewind_config::Moment;
use tradewind_event::Event;
use tradewind_schema::{
    Action, Binding, Compatibility, Definition, InvalidSchema, Pattern, Registered, Schemas, infer,
    xregistry,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Test(TestArgs),
    Compare(CompareArgs),
    Infer(Box<InferArgs>),
    Import(ImportArgs),
    #[command(flatten)]
    Registered(Box<registered::Command>),
}

/// The language of a schema, and which part of it is meant
#[derive(Debug, clap::Args)]
struct Language {
    /// Language: json-schema, avro or protobuf; by default that of the file's ending
    #[arg(long)]
    format: Option<String>,
    /// Full name of the message, where a Protobuf file has several
    #[arg(long)]
    message: Option<String>,
}

/// Hold events against a schema
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind schema test --schema order.json --event event.json\n  \
    tradewind schema test --schema '{ \"type\": \"object\" }' --event - < events.json\n\n\
    An event is a CloudEvent in JSON, or a list of them. Exit code 1 if one breaks the schema."
)]
pub(super) struct TestArgs {
    /// Schema: a file, - for stdin, or the text itself
    #[arg(long)]
    schema: String,
    /// Event: a file, - for stdin, or the text itself
    #[arg(long)]
    event: String,
    #[command(flatten)]
    language: Language,
}

/// Tell whether a new version of a schema is compatible with an old one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tradewind schema compare --old order.1.json --new order.2.json\n\n\
    Backward: who reads by the new one takes what was written by the old one. Forward: the other way round. \
    Exit code 1 if it is neither."
)]
pub(super) struct CompareArgs {
    /// Old version: a file, or the text itself
    #[arg(long)]
    old: String,
    /// New version: a file, or the text itself
    #[arg(long)]
    new: String,
    #[command(flatten)]
    language: Language,
}

/// Propose a JSON Schema for the data of recorded events: those of a stream of a running gateway, or of a file
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind schema infer --type com.acme.order.placed > schemas/order.json\n  \
    tradewind schema infer --type com.acme.order.* --stream orders --since 2026-05-01T00:00:00Z\n  \
    tradewind schema infer --event recorded.json\n\n\
    A member that every event has is required; texts that repeat are taken for a set of words. Read it \
    before you use it: it knows only what it was shown."
)]
pub(super) struct InferArgs {
    /// Type of the events in the stream, or how it begins: com.acme.*
    #[arg(long = "type", value_name = "TYPE", required_unless_present = "event")]
    ty: Option<String>,
    /// Source of these events, or how it begins
    #[arg(long)]
    source: Option<String>,
    /// Stream that they are in
    #[arg(long, default_value = "default")]
    stream: String,
    /// None before this RFC 3339 time
    #[arg(long, value_parser = since)]
    since: Option<u64>,
    /// Most events, the newest, up to 1000
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Events in place of a stream's: a file, - for stdin, or the text itself
    #[arg(long, conflicts_with_all = ["ty", "source", "stream", "since", "limit"])]
    event: Option<String>,
    #[command(flatten)]
    gateway: GatewayArgs,
}

fn since(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(Moment::Time(ms)) => Ok(ms),
        _ => Err("write an RFC 3339 time like 2026-05-01T00:00:00Z".into()),
    }
}

/// Write the schemas of an xRegistry document as configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tradewind schema import shop.xreg.json >> tradewind.yaml")]
pub(super) struct ImportArgs {
    /// Document: a file, or - for stdin
    document: String,
}

pub(super) async fn run(command: Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::Test(args) => test(&args, term),
        Command::Compare(args) => compare(&args, term),
        Command::Infer(args) => propose(*args, term).await,
        Command::Import(args) => import(&args, term),
        Command::Registered(command) => registered::run(*command, term).await,
    }
}

fn test(args: &TestArgs, term: &Term) -> Result<(), Failure> {
    if args.schema == "-" && args.event == "-" {
        return Err(Failure::usage("only one of --schema and --event is stdin"));
    }
    let input = Input::read("schema", &args.schema)?;
    let mut registered = one(&args.language, &input, Compatibility::None)?;
    add(&mut registered, &args.language, &input)?;
    registered.bindings.push(Binding {
        ty: Pattern::read("*"),
        source: None,
        on_failure: Action::Reject,
    });
    let schemas = Schemas::new([(&input.name, &registered)]);
    let input = Input::read("event", &args.event)?;
    let (events, list) = written::events(&input.text)
        .map_err(|reason| Failure::new(format!("{}: {reason}", input.name)))?;
    let mut told: Vec<Value> = Vec::new();
    let mut broken = 0;
    for event in &events {
        let judgement = schemas.judge(event);
        let violations = judgement
            .map(|judged| judged.violations)
            .unwrap_or_default();
        broken += usize::from(!violations.is_empty());
        if term.json() {
            let violations: Vec<Value> = violations
                .iter()
                .map(|v| json!({ "path": v.path, "rule": v.rule, "expected": v.expected, "found": v.found }))
                .collect();
            told.push(json!({ "id": event.id(), "valid": violations.is_empty(), "violations": violations }));
            continue;
        }
        let valid = violations.is_empty();
        let verdict = term.mark(valid, if valid { "valid" } else { "breaks the schema" });
        term.line(&format!("{}  {verdict}", plain(event.id())))?;
        for violation in violations {
            term.line(&format!("  {}", plain(&violation.to_string())))?;
        }
    }
    if term.json() {
        match list {
            true => term.value(&told)?,
            false => term.value(&told.pop())?,
        }
    }
    match broken {
        0 => Ok(()),
        n => Err(Failure::new(format!(
            "{n} of {} events break the schema",
            events.len()
        ))),
    }
}

fn compare(args: &CompareArgs, term: &Term) -> Result<(), Failure> {
    let (old, new) = (
        Input::read("old", &args.old)?,
        Input::read("new", &args.new)?,
    );
    let mut told = serde_json::Map::new();
    let mut reasons = Vec::new();
    for (word, by) in [
        ("backward", Compatibility::Backward),
        ("forward", Compatibility::Forward),
    ] {
        let mut registered = one(&args.language, &old, by)?;
        add(&mut registered, &args.language, &old)?;
        let verdict = registered.add(definition(&args.language, &new), None);
        told.insert(word.into(), verdict.is_ok().into());
        match verdict {
            Ok(()) if !term.json() => {
                term.line(&format!("{word}: {}", term.mark(true, "compatible")))?
            }
            Err(InvalidSchema { reason, .. }) => {
                if !term.json() {
                    term.line(&format!("{word}: {}", term.mark(false, "not compatible")))?;
                    term.line(&format!("  {}", plain(&reason)))?;
                }
                reasons.push(reason);
            }
            Ok(()) => {}
        }
    }
    if term.json() {
        told.insert("reasons".into(), json!(reasons));
        term.value(&told)?;
    }
    match reasons.len() {
        2 => Err(Failure::new(
            "the new version is compatible in neither direction",
        )),
        _ => Ok(()),
    }
}

async fn propose(args: InferArgs, term: &Term) -> Result<(), Failure> {
    let (name, text) = match &args.event {
        Some(event) => {
            let input = Input::read("event", event)?;
            (input.name, input.text)
        }
        None => recorded(&args).await?,
    };
    let (events, _) =
        written::events(&text).map_err(|reason| Failure::new(format!("{name}: {reason}")))?;
    let data: Vec<Value> = events.iter().filter_map(Event::data_json).collect();
    if data.is_empty() {
        return Err(Failure::new(format!("{name}: no event has JSON data")));
    }
    let without = match events.len() - data.len() {
        0 => String::new(),
        count => format!("; {count} more have no JSON data"),
    };
    term.note(&format!("by the data of {} events{without}", data.len()));
    term.value(&infer(&data))?;
    Ok(())
}

/// The events of a stream, and what they are called.
async fn recorded(args: &InferArgs) -> Result<(String, String), Failure> {
    let limit = args.limit.to_string();
    let since = args.since.map(|ms| ms.to_string());
    let query: Vec<String> = [
        ("type", args.ty.as_ref()),
        ("source", args.source.as_ref()),
        ("since", since.as_ref()),
        ("limit", Some(&limit)),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some(format!("{key}={}", encode(value?))))
    .collect();
    let stream = &args.stream;
    let path = format!("/v1/streams/{}/events?{}", encode(stream), query.join("&"));
    let all: Box<RawValue> = args.gateway.client()?.get(&path).await?;
    match all.get() {
        "[]" => Err(
            Failure::new(format!("the stream {stream} has no such events"))
                .hint("`tradewind tail` shows which types come; --type com.acme.* takes all that begin so"),
        ),
        text => Ok((format!("stream {stream}"), text.to_owned())),
    }
}

fn import(args: &ImportArgs, term: &Term) -> Result<(), Failure> {
    let input = Input::read("document", &args.document)?;
    let document: Value = serde_json::from_str(&input.text)
        .map_err(|error| Failure::new(format!("{}: {error}", input.name)))?;
    let imported = xregistry::import(&document)
        .map_err(|reason| Failure::new(format!("{}: {reason}", input.name)))?;
    for reason in &imported.left_out {
        term.note(&format!("left out: {}", plain(reason)));
    }
    // JSON is YAML.
    term.value(&json!({ "schemas": imported.schemas }))?;
    Ok(())
}

/// A schema without versions, in the language of the file.
fn one(language: &Language, input: &Input, by: Compatibility) -> Result<Registered, Failure> {
    let ending = Path::new(&input.name)
        .extension()
        .and_then(|ending| ending.to_str());
    let format = match (&language.format, ending) {
        (Some(format), _) => format,
        (None, Some("avsc")) => "avro",
        (None, Some("proto")) => "protobuf",
        _ => "json-schema",
    };
    Registered::new(format, by, Action::Reject).map_err(|invalid| refused("--format", invalid))
}

fn definition(language: &Language, input: &Input) -> Definition {
    Definition {
        text: input.text.clone(),
        message: language.message.clone(),
        ..Definition::default()
    }
}

fn add(registered: &mut Registered, language: &Language, input: &Input) -> Result<(), Failure> {
    let added = registered.add(definition(language, input), None);
    added.map_err(|invalid| refused(&input.name, invalid))
}

fn refused(name: &str, invalid: InvalidSchema) -> Failure {
    let failure = Failure::new(format!("{name}: {}", invalid.reason));
    match invalid.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
