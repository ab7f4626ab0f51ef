//! `tradewind schema`, of a running gateway

use super::client::encode;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::input::Input;
use super::term::{Term, plain};
use http::Method;
use serde_json::{Map, Value, json};
use std::path::Path;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the schemas of a running gateway: configured, registered, and read from registries
    #[command(after_help = "Example:\n  tradewind schema list --output json")]
    List {
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Show a schema of a running gateway, or the text of one version
    #[command(
        after_help = "Examples:\n  tradewind schema get order\n  tradewind schema get order latest > order.json"
    )]
    Get(GetArgs),
    Register(RegisterArgs),
    /// Say that a registered schema is on its way out; events are held against it as before
    #[command(
        after_help = "Examples:\n  tradewind schema deprecate order --removal 2027-01-31T00:00:00Z\n  \
        tradewind schema deprecate order --withdraw"
    )]
    Deprecate(DeprecateArgs),
    /// Remove a registered schema, or one version of it
    #[command(
        after_help = "Examples:\n  tradewind schema delete order\n  tradewind schema delete order 1"
    )]
    Delete(DeleteArgs),
    /// Print all schemas of a running gateway as an xRegistry document
    #[command(
        after_help = "Example:\n  tradewind schema export > shop.xreg.json\n\n\
        `tradewind schema import` makes a configuration of it."
    )]
    Export {
        #[command(flatten)]
        gateway: GatewayArgs,
    },
}

/// Which schema
#[derive(Debug, clap::Args)]
struct Which {
    /// Name of the schema
    name: String,
    /// Space whose events it is for [default: the caller's, for the operator those of all]
    #[arg(long)]
    space: Option<String>,
    #[command(flatten)]
    gateway: GatewayArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct GetArgs {
    #[command(flatten)]
    which: Which,
    /// Print the text of this version: a number, or latest
    number: Option<String>,
}

/// Register a version of a schema with a running gateway
///
/// It is held against what it owes to earlier versions; once registered it is durable and in force.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind schema register order --schema order.1.json --type shop.order.placed\n  \
    tradewind schema register order --schema order.2.json\n\n\
    Format, compatibility, events and so on are said with the first version. Exit code 1 where the version is \
    refused, with what it breaks."
)]
pub(super) struct RegisterArgs {
    /// Schema: a file, - for stdin, or the text itself
    #[arg(long)]
    schema: String,
    /// Language: json-schema, avro or protobuf; by default that of the file's ending, or that of the first version
    #[arg(long)]
    format: Option<String>,
    /// Full name of the message, where a Protobuf file has several
    #[arg(long)]
    message: Option<String>,
    /// `dataschema` of the events that are held against this version
    #[arg(long)]
    dataschema: Option<String>,
    /// What versions owe to earlier ones: backward, forward, full or none
    #[arg(long)]
    compatibility: Option<String>,
    /// Type of the events that it is for, or how it begins: com.example.*
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Source of these events, or how it begins
    #[arg(long, requires = "types")]
    source: Option<String>,
    /// What happens to events that break it: reject, dead-letter, annotate or off
    #[arg(long)]
    on_failure: Option<String>,
    /// Who answers for it
    #[arg(long)]
    owner: Option<String>,
    /// What it is for
    #[arg(long)]
    why: Option<String>,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
pub(super) struct DeprecateArgs {
    /// Take it back
    #[arg(long, conflicts_with_all = ["removal", "alternative"])]
    withdraw: bool,
    /// When it may be gone, an RFC 3339 time
    #[arg(long)]
    removal: Option<String>,
    /// Address of what takes its place
    #[arg(long)]
    alternative: Option<String>,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
pub(super) struct DeleteArgs {
    #[command(flatten)]
    which: Which,
    /// Remove this version only
    number: Option<u32>,
}

pub(super) async fn run(command: Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::List { gateway } => {
            let all: Vec<Value> = gateway.client()?.get("/v1/schemas").await?;
            list(&all, term)
        }
        Command::Get(args) => show(args, term).await,
        Command::Register(args) => register(args, term).await,
        Command::Deprecate(args) => deprecate(args, term).await,
        Command::Delete(args) => delete(args, term).await,
        Command::Export { gateway } => {
            let document: Value = gateway.client()?.get("/xregistry/export").await?;
            Ok(term.value(&document)?)
        }
    }
}

impl Which {
    /// The path of something below the schema.
    fn path(&self, below: &str) -> String {
        let query = self
            .space
            .as_ref()
            .map(|space| format!("?space={}", encode(space)));
        let name = encode(&self.name);
        format!("/v1/schemas/{name}{below}{}", query.unwrap_or_default())
    }
}

fn text(value: &Value) -> String {
    plain(value.as_str().unwrap_or("-"))
}

fn list(all: &[Value], term: &Term) -> Result<(), Failure> {
    if term.json() {
        return Ok(term.value(&all)?);
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|schema| {
            let numbers = schema["versions"].as_array().into_iter().flatten();
            let numbers: Vec<String> = numbers.map(|v| v["version"].to_string()).collect();
            let types = schema["events"].as_array().into_iter().flatten();
            let types: Vec<String> = types.map(|bound| text(&bound["type"])).collect();
            let state = match schema {
                _ if schema["shadowed"] == true => "shadowed",
                _ if schema["registry"]["failure"].is_string() => "stale",
                _ if schema["deprecated"].is_object() => "deprecated",
                _ => "in force",
            };
            vec![
                text(&schema["name"]),
                text(&schema["space"]),
                text(&schema["from"]),
                text(&schema["format"]),
                text(&schema["compatibility"]),
                numbers.join(", "),
                types.join(", "),
                state.into(),
                text(&schema["owner"]),
            ]
        })
        .collect();
    let header = [
        "name",
        "space",
        "from",
        "format",
        "compatibility",
        "versions",
        "events",
        "state",
        "owner",
    ];
    term.table(&header, &rows)?;
    for schema in all {
        if let Some(reason) = schema["registry"]["failure"].as_str() {
            let name = text(&schema["name"]);
            term.note(&format!(
                "{}: {name} is as the registry said it last: {}",
                term.bold("note"),
                plain(reason)
            ));
        }
    }
    Ok(())
}

async fn show(args: GetArgs, term: &Term) -> Result<(), Failure> {
    let client = args.which.gateway.client()?;
    let Some(version) = &args.number else {
        let schema: Value = client.get(&args.which.path("")).await?;
        return Ok(term.value(&schema)?);
    };
    let path = args.which.path(&format!("/versions/{}", encode(version)));
    let version: Value = client.get(&path).await?;
    if term.json() {
        return Ok(term.value(&version)?);
    }
    // As it was registered: it may be piped into a file.
    Ok(term.line(version["text"].as_str().unwrap_or_default())?)
}

async fn register(args: RegisterArgs, term: &Term) -> Result<(), Failure> {
    let input = Input::read("schema", &args.schema)?;
    let ending = Path::new(&input.name)
        .extension()
        .and_then(|ending| ending.to_str());
    let by_ending = match ending {
        Some("avsc") => Some("avro".to_owned()),
        Some("proto") => Some("protobuf".to_owned()),
        _ => None,
    };
    let mut wanted = Map::new();
    wanted.insert("schema".into(), input.text.into());
    for (key, said) in [
        ("message", args.message),
        ("dataschema", args.dataschema),
        ("format", args.format.or(by_ending)),
        ("compatibility", args.compatibility),
        ("on-failure", args.on_failure),
        ("owner", args.owner),
        ("why", args.why),
    ] {
        if let Some(said) = said {
            wanted.insert(key.into(), said.into());
        }
    }
    if !args.types.is_empty() {
        let events = args.types.iter().map(|ty| match &args.source {
            Some(source) => json!({ "type": ty, "source": source }),
            None => json!({ "type": ty }),
        });
        wanted.insert("events".into(), events.collect());
    }
    let path = args.which.path("/versions");
    let client = args.which.gateway.client()?;
    let done: Value = client.post(&path, wanted.into()).await?;
    if term.json() {
        return Ok(term.value(&done)?);
    }
    let (name, version) = (text(&done["name"]), &done["version"]);
    let what = match done["created"] == true {
        true => "is registered and in force",
        false => "was registered before",
    };
    Ok(term.line(&format!("{name}/{version} {what}"))?)
}

async fn deprecate(args: DeprecateArgs, term: &Term) -> Result<(), Failure> {
    let mut said = json!({ "withdraw": args.withdraw });
    for (key, value) in [("removal", args.removal), ("alternative", args.alternative)] {
        if let Some(value) = value {
            said[key] = value.into();
        }
    }
    let path = args.which.path("/deprecate");
    let schema: Value = args.which.gateway.client()?.post(&path, said).await?;
    if term.json() {
        return Ok(term.value(&schema)?);
    }
    let what = match schema["deprecated"].is_object() {
        true => "is deprecated",
        false => "is not deprecated",
    };
    Ok(term.line(&format!("{} {what}", text(&schema["name"])))?)
}

async fn delete(args: DeleteArgs, term: &Term) -> Result<(), Failure> {
    let below = args.number.map(|version| format!("/versions/{version}"));
    let path = args.which.path(&below.unwrap_or_default());
    let client = args.which.gateway.client()?;
    let done: Value = client.call(Method::DELETE, &path, None).await?;
    if term.json() {
        return Ok(term.value(&done)?);
    }
    let name = plain(&args.which.name);
    match args.number {
        Some(version) => term.line(&format!("{name}/{version} is removed"))?,
        None => term.line(&format!(
            "{name} is removed with {} version(s)",
            done["count"]
        ))?,
    }
    Ok(())
}
