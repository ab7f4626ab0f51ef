//! `tradewind simulate`

mod answer;
mod issued;
mod providers;
mod request;
mod samples;

use super::client::{collect, exchange};
use super::failure::Failure;
use super::term::{Term, now_ms};
use answer::Answered;
use http::Uri;
use http_body_util::Full;
use providers::{Event, Provider};
use request::{Made, Tamper};
use serde_json::json;
use std::io::Read;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpStream;
use tradewind_adapter::Secret;

/// Send what a provider would send: signed byte by byte as it signs, handshakes included
///
/// For trying a gateway or a handler offline. The events are made up; --file sends one of your own.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  export GITHUB_SECRET=... && tradewind simulate github push --secret env:GITHUB_SECRET\n  \
    tradewind simulate stripe invoice.paid --url http://127.0.0.1:8080/in/pay --secret file:/run/secrets/stripe\n  \
    tradewind simulate slack challenge --secret env:SLACK\n  \
    tradewind simulate github push --secret env:GITHUB_SECRET --tamper    expects 401\n  \
    tradewind simulate aws-sns notification --keys ./simulated --set topic=arn:aws:sns:eu-west-1:123456789012:orders\n  \
    tradewind simulate --list\n\n\
    The secret is the one that the provider has: for discord the private key (32 bytes in hexadecimal), for\n\
    sendgrid a private key of P-256 (PKCS#8 in base64). aws-sns, paypal, google-pubsub-push and\n\
    azure-event-grid-token sign with a key in the folder --keys, and the source takes what lies beside it:\n\
    keys-file: FOLDER/aws-sns.pem, FOLDER/google-pubsub-push.json. Exit code 0: every answer was the expected one."
)]
pub(super) struct Args {
    /// Provider, a `kind` of source
    #[arg(required_unless_present = "list")]
    provider: Option<String>,
    /// Event or handshake; without it the provider's first
    event: Option<String>,
    /// What there is to simulate
    #[arg(long)]
    list: bool,
    /// Where to send it [default: http://127.0.0.1:8080/in/PROVIDER]
    #[arg(long)]
    url: Option<Uri>,
    /// Permits an address that is not this machine
    #[arg(long)]
    allow_remote: bool,
    /// Folder with the key of a simulated sender that publishes its keys, made where it is not there
    #[arg(long, value_name = "FOLDER")]
    keys: Option<PathBuf>,
    /// What such a sender knows of the source: topic, webhook-id, audience, service-account, tenant, application
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Where the secret is: env:NAME or file:PATH
    #[arg(long, value_name = "env:NAME|file:PATH")]
    secret: Option<String>,
    /// Address that is signed, where the provider signs it (square, twilio) [default: the URL]
    #[arg(long)]
    public_url: Option<String>,
    /// File with the body, instead of the made-up one
    #[arg(long)]
    file: Option<PathBuf>,
    /// How often, each time with another id
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    times: u32,
    /// Spoil it after it was signed, and expect 401
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "secret")]
    tamper: Option<Tamper>,
    /// Write the request instead of sending it, for `tradewind sources test`; in JSON with --output json
    #[arg(long)]
    print: bool,
    /// Longest wait for an answer, in seconds
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3600))]
    timeout: u16,
}

/// Largest file that is sent, in bytes.
const FILE_MAX: u64 = 8 << 20;

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    if args.list {
        return list(term);
    }
    let name = args.provider.as_deref().unwrap_or_default();
    let provider = providers::find(name)?;
    let event = provider.event(args.event.as_deref())?;
    let url = match &args.url {
        Some(url) => url.clone(),
        None => format!("http://127.0.0.1:8080/in/{name}")
            .parse()
            .map_err(|_| Failure::usage(format!("`{name}` is no provider")))?,
    };
    let address = address(&url, args.allow_remote, term)?;
    let longest = Duration::from_secs(args.timeout.into());
    let (secret, keys) = match provider.issued() {
        None if !args.set.is_empty() || args.keys.is_some() => {
            return Err(Failure::usage(format!(
                "{name} has a secret, and no keys to --set"
            )));
        }
        None => (Some(secret(args.secret.as_deref())?), None),
        Some(issued) => (None, keys(&args, name, issued)?),
    };
    let file = args.file.as_deref().map(read).transpose()?;
    let public_url = args.public_url.clone().unwrap_or_else(|| url.to_string());
    let mut unexpected = 0;
    for nth in 0..args.times {
        let made = request::make(&request::Order {
            provider,
            event,
            url: &url,
            public_url: &public_url,
            secret: secret.as_ref(),
            keys: keys.as_ref(),
            body: file.as_deref(),
            tamper: args.tamper,
            now_ms: now_ms(),
            unique: unique(nth)?,
        })?;
        if args.print {
            match term.json() {
                true => term.line(&made.json().to_string())?,
                false => term.line(&made.text())?,
            }
            continue;
        }
        let answered = match tokio::time::timeout(longest, send(&made, &address)).await {
            Ok(answered) => answered?,
            Err(_) => {
                let (host, port) = &address;
                let what = format!("no answer from {host}:{port} within {} s", args.timeout);
                return Err(Failure::new(what).hint("--timeout waits longer"));
            }
        };
        let good = answered.judge(event, &made, args.tamper.is_some());
        unexpected += u32::from(good.is_err());
        tell(provider, event, &args, &answered, &good, term)?;
    }
    match unexpected {
        0 => Ok(()),
        1 if args.times == 1 => Err(Failure::new("the answer is not the expected one")),
        n => Err(Failure::new(format!(
            "{n} of {} answers are not the expected ones",
            args.times
        ))),
    }
}

/// A `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=');
    let (name, value) = pair.ok_or("write NAME=VALUE, for instance topic=arn:aws:sns:…")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn keys(args: &Args, name: &str, issued: issued::Issued) -> Result<Option<issued::Keys>, Failure> {
    let known = issued.settings();
    if let Some((wrong, _)) = args
        .set
        .iter()
        .find(|(set, _)| known.iter().all(|(k, _)| k != set))
    {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        return Err(Failure::usage(format!("{name} has no `{wrong}` to --set"))
            .hint(format!("there are: {}", names.join(", "))));
    }
    let settings = args.set.iter().cloned().collect();
    let at = |folder: &PathBuf| issued::Keys::at(folder, name, issued, settings);
    args.keys.as_ref().map(at).transpose()
}

fn tell(
    provider: &Provider,
    event: &Event,
    args: &Args,
    answered: &Answered,
    good: &Result<String, String>,
    term: &Term,
) -> Result<(), Failure> {
    let (text, why) = match good {
        Ok(text) => (text.as_str(), None),
        Err(why) => (why.as_str(), Some(why.as_str())),
    };
    if term.json() {
        let line = json!({
            "provider": provider.kind, "event": event.name, "tampered": args.tamper.is_some(),
            "status": answered.status.as_u16(), "ok": good.is_ok(), "unexpected": why,
            "answer": String::from_utf8_lossy(&answered.body),
        });
        term.line(&line.to_string())?;
    } else {
        let mark = term.mark(good.is_ok(), answered.status.as_str());
        term.line(&format!("{mark}  {} {}  {text}", provider.kind, event.name))?;
    }
    Ok(())
}

fn list(term: &Term) -> Result<(), Failure> {
    let all = || {
        let pairs =
            |provider: &'static Provider| provider.events.iter().map(move |e| (provider, e));
        providers::ALL.iter().flat_map(pairs)
    };
    if term.json() {
        for (provider, event) in all() {
            let line = json!({ "provider": provider.kind, "event": event.name, "handshake": event.asks.is_some() });
            term.line(&line.to_string())?;
        }
        return Ok(());
    }
    let rows: Vec<Vec<String>> = all()
        .map(|(provider, event)| {
            let what = match event.asks {
                Some(_) => "handshake",
                None => "event",
            };
            vec![provider.kind.into(), event.name.into(), what.into()]
        })
        .collect();
    Ok(term.table(&["provider", "event", ""], &rows)?)
}

/// Host and port, where it may be spoken to.
fn address(url: &Uri, remote: bool, term: &Term) -> Result<(String, u16), Failure> {
    let Some(authority) = url.authority().filter(|_| url.scheme_str() == Some("http")) else {
        return Err(Failure::usage(format!("`{url}` is not a plain http URL"))
            .hint("for instance http://127.0.0.1:8080/in/github"));
    };
    let host = authority.host().trim_matches(['[', ']']);
    let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if !local && !remote {
        return Err(Failure::usage(format!("{host} is not this machine"))
            .hint("--allow-remote sends simulated, signed requests there all the same"));
    }
    if !local {
        term.note(&format!(
            "warning: {host} is not this machine, and takes what is sent for genuine"
        ));
    }
    Ok((host.to_owned(), authority.port_u16().unwrap_or(80)))
}

/// Never from the command line itself: other users of the machine can read that.
fn secret(place: Option<&str>) -> Result<Secret, Failure> {
    let place = place.unwrap_or("env:TRADEWIND_SIMULATE_SECRET");
    let hint = "write --secret env:NAME or --secret file:PATH";
    let text = match place.split_once(':') {
        Some(("env", name)) => std::env::var(name)
            .map_err(|_| Failure::usage(format!("the variable {name} is not set")).hint(hint))?,
        Some(("file", path)) => std::fs::read_to_string(path)
            .map_err(|error| Failure::new(format!("cannot read {path}: {error}")))?,
        _ => return Err(Failure::usage("--secret names a place, not the secret").hint(hint)),
    };
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::usage(format!("the secret at {place} is empty"))),
        text => Ok(Secret::new(text)),
    }
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    let name = path.display();
    let failed = |error| Failure::new(format!("cannot read {name}: {error}"));
    let mut body = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(FILE_MAX + 1)
        .read_to_end(&mut body)
        .map_err(failed)?;
    match body.len() as u64 > FILE_MAX {
        true => Err(Failure::new(format!("{name} is larger than 8 MiB"))),
        false => Ok(body),
    }
}

/// No two deliveries of any run have the same id.
fn unique(nth: u32) -> Result<String, Failure> {
    let mut bytes = [0u8; 8];
    crate::run::random(&mut bytes).map_err(Failure::new)?;
    let random = u64::from_be_bytes(bytes) >> 24;
    Ok(format!("{}", (u128::from(random) << 20) + u128::from(nth)))
}

async fn send(made: &Made, (host, port): &(String, u16)) -> Result<Answered, Failure> {
    let stream = TcpStream::connect((host.as_str(), *port))
        .await
        .map_err(|error| {
            Failure::new(format!("nobody at {host}:{port}: {error}"))
                .hint("start the gateway, or say with --url where its source listens")
        })?;
    let request = made.request().map(Full::from);
    let response = exchange(stream, request).await?;
    let status = response.status();
    let headers = response.headers().clone();
    Ok(Answered {
        status,
        headers,
        body: collect(response).await?,
    })
}
