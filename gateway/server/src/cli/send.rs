//! `tradewind send`

use super::client::{collect, encode, exchange, problem};
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::term::Term;
use crate::codec;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, Uri};
use http_body_util::Full;
use serde_json::Value;
use std::io::Read;
use tokio::net::TcpStream;
use tradewind_event::Event;

/// Send an event, or a file of CloudEvents in JSON
///
/// Through the admin API as the operator; with --url through a source, as any sender.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind send --type order.placed --data '{\"total\":42}'\n  \
    tradewind send events.json --stream orders\n  \
    tradewind send - --url http://127.0.0.1:8080/events --api-key \"$KEY\" < event.json"
)]
pub(super) struct Args {
    /// File with one event or an array of them; - for stdin
    #[arg(required_unless_present = "ty", conflicts_with_all = ["ty", "data", "subject"])]
    file: Option<String>,
    /// Type of the event
    #[arg(long = "type", value_name = "TYPE")]
    ty: Option<String>,
    /// Data of the event
    #[arg(long, requires = "ty")]
    data: Option<String>,
    /// Content type of the data
    #[arg(long, default_value = "application/json")]
    content_type: String,
    /// Source of the event
    #[arg(long, default_value = "/tradewind/send")]
    source: String,
    /// Subject of the event
    #[arg(long)]
    subject: Option<String>,
    /// Id of the event [default: random]
    #[arg(long)]
    id: Option<String>,
    /// Stream
    #[arg(long, default_value = "default", conflicts_with = "url")]
    stream: String,
    /// URL of a source, instead of the admin API
    #[arg(long)]
    url: Option<Uri>,
    /// API key for --url
    #[arg(long, env = "TRADEWIND_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    #[command(flatten)]
    gateway: GatewayArgs,
}

/// Largest file that is sent, in bytes.
const FILE_MAX: u64 = 8 << 20;

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    let document = match &args.file {
        Some(file) => read(file)?,
        None => tradewind_event::json::encode(&event(&args)?),
    };
    let answer: Value = match &args.url {
        Some(url) => post(url, args.api_key.as_deref(), document).await?,
        None => {
            let path = format!("/v1/streams/{}/events", encode(&args.stream));
            args.gateway
                .client()?
                .call(Method::POST, &path, Some(document))
                .await?
        }
    };
    if term.json() {
        term.value(&answer)?;
        return Ok(());
    }
    let stream = answer["stream"].as_str().unwrap_or_default();
    for event in answer["events"].as_array().into_iter().flatten() {
        let text = |key: &str| event[key].as_str().unwrap_or_default();
        let again = match event["duplicate"].as_bool() {
            Some(true) => "  (was there already)",
            _ => "",
        };
        let at = match text("position") {
            "" => String::new(),
            position => format!("@{position}"),
        };
        term.line(&format!(
            "{}  {stream}{at}  matched {}{again}",
            text("id"),
            event["matched"]
        ))?;
    }
    Ok(())
}

fn read(file: &str) -> Result<Bytes, Failure> {
    let failed = |error| Failure::new(format!("cannot read {file}: {error}"));
    let mut document = Vec::new();
    let input: Box<dyn Read> = match file {
        "-" => Box::new(std::io::stdin()),
        path => Box::new(std::fs::File::open(path).map_err(failed)?),
    };
    input
        .take(FILE_MAX + 1)
        .read_to_end(&mut document)
        .map_err(failed)?;
    if document.len() as u64 > FILE_MAX {
        return Err(Failure::new(format!("{file} is larger than 8 MiB")).hint("send it in parts"));
    }
    let document = Bytes::from(document);
    // A mistake is told here, with its place, before anything is sent.
    codec::from_json(document.clone()).map_err(|error| Failure::new(format!("{file}: {error}")))?;
    Ok(document)
}

fn event(args: &Args) -> Result<Event, Failure> {
    let id = match &args.id {
        Some(id) => id.clone(),
        None => random_id()?,
    };
    let ty = args.ty.clone().unwrap_or_default();
    let mut builder = Event::builder(id, args.source.clone(), ty);
    if let Some(subject) = &args.subject {
        builder = builder.subject(subject.clone());
    }
    if let Some(data) = &args.data {
        builder = builder.data(args.content_type.clone(), data.clone());
    }
    builder
        .build()
        .map_err(|error| Failure::usage(error.to_string()))
}

fn random_id() -> Result<String, Failure> {
    let mut bytes = [0u8; 12];
    crate::run::random(&mut bytes).map_err(Failure::new)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn post(url: &Uri, api_key: Option<&str>, document: Bytes) -> Result<Value, Failure> {
    let Some(authority) = url.authority().filter(|_| url.scheme_str() == Some("http")) else {
        return Err(Failure::usage(format!("`{url}` is not a plain http URL"))
            .hint("for instance http://127.0.0.1:8080/events; use curl for https"));
    };
    let batch = document.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'[');
    let kind = if batch {
        "application/cloudevents-batch+json"
    } else {
        "application/cloudevents+json"
    };
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, kind);
    if let Some(key) = api_key {
        request = request.header(AUTHORIZATION, format!("Bearer {key}"));
    }
    let request = request
        .body(Full::from(document))
        .map_err(|error| Failure::usage(error.to_string()))?;
    let address = (authority.host(), authority.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| Failure::new(format!("no gateway at {authority}: {error}")))?;
    let response = exchange(stream, request).await?;
    let status = response.status();
    let body = collect(response).await?;
    if !status.is_success() {
        return Err(problem(status, &body));
    }
    serde_json::from_slice(&body)
        .map_err(|error| Failure::new(format!("the answer is not understood: {error}")))
}
