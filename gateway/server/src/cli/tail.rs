//! `tradewind tail`

use super::client::encode;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::happening;
use super::term::Term;
use http::Method;
use http_body_util::BodyExt;
use tradewind_engine::Happening;

/// Print what happens, as it happens
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind tail\n  tradewind tail --what dead-lettered --output json"
)]
pub(super) struct Args {
    /// Only this, for instance received, attempt, dead-lettered, refused
    #[arg(long)]
    what: Option<String>,
    /// Only this stream
    #[arg(long)]
    stream: Option<String>,
    /// Only this subscription or source
    #[arg(long)]
    name: Option<String>,
    /// Only events with this id
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    gateway: GatewayArgs,
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    let only = [
        ("what", &args.what),
        ("stream", &args.stream),
        ("name", &args.name),
        ("id", &args.id),
    ];
    let query: Vec<String> = only
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", encode(value.as_deref()?))))
        .collect();
    let path = format!("/v1/tail?{}", query.join("&"));
    let response = args
        .gateway
        .client()?
        .send(Method::GET, &path, None)
        .await?;
    let mut body = response.into_body();
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::new(format!("the gateway hung up: {error}")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            match serde_json::from_str::<Happening>(text) {
                Ok(happening) if !term.json() => term.flow(&happening::line(&happening))?,
                _ => term.flow(text)?,
            }
        }
    }
    term.note("the gateway has stopped, or you may not follow it any more");
    Ok(())
}
