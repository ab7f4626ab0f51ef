//! `tradewind sources`

use super::check::named;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::term::{Term, now_ms};
use bytes::Bytes;
use clap::Subcommand;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tradewind_adapter::{BuiltSource, Parts, Refusal, Webhook};
use tradewind_config::{Moment, System};

/// Commands of `tradewind sources`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the sources of a running gateway
    #[command(after_help = "Example:\n  tradewind sources list")]
    List {
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Show what a source would make of a saved request, without sending it anywhere
    ///
    /// The request is a file as HTTP/1.1 has it (request line, headers, empty line, body), or
    /// headers and body in a file each.
    #[command(
        after_help = "Examples:\n  tradewind sources test github push.http --config tradewind.yaml\n  \
        tradewind sources test github --headers h.txt --body b.json --at 2026-05-01T12:00:00Z"
    )]
    Test(TestArgs),
}

/// Arguments of `tradewind sources test`.
#[derive(Debug, clap::Args)]
pub(super) struct TestArgs {
    /// Source of the configuration
    source: String,
    /// Saved request
    #[arg(required_unless_present = "body", conflicts_with_all = ["headers", "body"])]
    request: Option<PathBuf>,
    /// File with one header per line
    #[arg(long)]
    headers: Option<PathBuf>,
    /// File with the body
    #[arg(long)]
    body: Option<PathBuf>,
    /// When it arrives, for signatures with a time: an RFC 3339 time [default: now]
    #[arg(long, value_parser = arrival)]
    at: Option<u64>,
    /// Configuration file [default: tradewind.yaml, else /etc/tradewind/config.yaml]
    #[arg(long, env = "TRADEWIND_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) async fn run(command: Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::List { gateway } => {
            let status: Value = gateway.client()?.get("/v1/status").await?;
            list(&status["sources"], term)
        }
        Command::Test(args) => test(args, term),
    }
}

const COLUMNS: [&str; 6] = ["name", "kind", "path", "stream", "owner", "why"];

fn list(sources: &Value, term: &Term) -> Result<(), Failure> {
    if term.json() {
        term.value(sources)?;
        return Ok(());
    }
    let rows: Vec<Vec<String>> = sources
        .as_array()
        .into_iter()
        .flatten()
        .map(|source| {
            COLUMNS
                .map(|key| source[key].as_str().unwrap_or("-").to_owned())
                .to_vec()
        })
        .collect();
    term.table(&COLUMNS, &rows)?;
    Ok(())
}

fn test(args: TestArgs, term: &Term) -> Result<(), Failure> {
    let config = named(args.config.clone())?;
    let checked = tradewind_config::load(&config, &crate::registry(), &System)
        .map_err(|e| Failure::invalid(&e, term))?;
    let Some(source) = checked.sources.get(&args.source) else {
        let names: Vec<&str> = checked.sources.keys().map(String::as_str).collect();
        return Err(Failure::usage(format!("no source `{}`", args.source))
            .hint(format!("there are: {}", names.join(", "))));
    };
    let BuiltSource::Push(webhook) = &source.built else {
        return Err(Failure::usage(format!(
            "source `{}` is not called, so there is no request to test",
            args.source
        )));
    };
    let path = source.common.path.as_deref().unwrap_or("/");
    let (parts, body) = match &args.request {
        Some(file) => parse(&read(file)?, path)?,
        None => {
            let head = args.headers.as_deref().map(read).transpose()?;
            let headers = headers(&String::from_utf8_lossy(&head.unwrap_or_default()))?;
            let body = args.body.as_deref().map(read).transpose()?;
            (post(path, headers)?, body.unwrap_or_default().into())
        }
    };
    let at = args.at.unwrap_or_else(now_ms);
    match judge(webhook.as_ref(), &parts, body, at) {
        Ok(verdict) => tell(&verdict, term),
        Err(refusal) => {
            if term.json() {
                term.value(&json!({
                    "refused": refusal.status.as_u16(),
                    "code": refusal.code,
                    "reason": refusal.reason,
                }))?;
            }
            Err(Failure::new(format!(
                "refused with {} ({}): {}",
                refusal.status.as_u16(),
                refusal.code,
                refusal.reason
            )))
        }
    }
}

/// Milliseconds since the Unix epoch.
fn arrival(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(Moment::Time(ms)) => Ok(ms),
        _ => Err(format!(
            "`{text}` is not a time; hint: write an RFC 3339 time like 2026-05-01T00:00:00Z"
        )),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))
}

/// What ingress would do, step by step.
fn judge(webhook: &dyn Webhook, parts: &Parts, body: Bytes, at_ms: u64) -> Result<Value, Refusal> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(at_ms);
    let seen = if webhook.verifies_head() { &[] } else { &*body };
    let verified = webhook.verify(parts, seen, now)?;
    if let Some(answer) = webhook.challenge(parts, &body) {
        return Ok(json!({
            "principal": verified.principal,
            "verified-by": verified.method,
            "handshake": { "status": answer.status.as_u16(), "body": String::from_utf8_lossy(&answer.body) },
        }));
    }
    let events: Vec<Value> = webhook
        .decode(parts, body, &verified)?
        .iter()
        .filter_map(|event| crate::codec::to_json(event).ok())
        .collect();
    Ok(json!({
        "principal": verified.principal,
        "verified-by": verified.method,
        "events": events,
    }))
}

fn tell(verdict: &Value, term: &Term) -> Result<(), Failure> {
    if term.json() {
        term.value(verdict)?;
        return Ok(());
    }
    let text = |key: &str| verdict[key].as_str().unwrap_or_default();
    term.note(&format!(
        "verified by {}, principal {}",
        text("verified-by"),
        text("principal")
    ));
    if !verdict["handshake"].is_null() {
        term.value(&verdict["handshake"])?;
        return Ok(());
    }
    let events = verdict["events"].as_array();
    if events.is_none_or(Vec::is_empty) {
        term.note("no event in it");
    }
    for event in events.into_iter().flatten() {
        term.value(event)?;
    }
    Ok(())
}

fn post(path: &str, headers: HeaderMap) -> Result<Parts, Failure> {
    let uri: Uri = path
        .parse()
        .map_err(|_| Failure::usage(format!("`{path}` is not a path")))?;
    Ok(Parts {
        method: Method::POST,
        uri,
        headers,
        peer: None,
    })
}

fn headers(text: &str) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let bad = || Failure::usage(format!("`{line}` is not a header"));
        let (name, value) = line.split_once(':').ok_or_else(bad)?;
        let name: HeaderName = name.trim().parse().map_err(|_| bad())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| bad())?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// A request as HTTP/1.1 has it; lines may end without a carriage return, the request line may be
/// left out.
fn parse(file: &[u8], path: &str) -> Result<(Parts, Bytes), Failure> {
    let (head, body) = split(file);
    let head = String::from_utf8_lossy(head);
    let first = head.lines().next().unwrap_or_default();
    let words: Vec<&str> = first.split_ascii_whitespace().collect();
    let (parts, rest) = match words.as_slice() {
        [method, target, version] if version.starts_with("HTTP/") => {
            let method = method
                .parse()
                .map_err(|_| Failure::usage(format!("`{method}` is not a method")))?;
            let rest = head.split_once('\n').map_or("", |(_, rest)| rest);
            let mut parts = post(target, HeaderMap::new())?;
            parts.method = method;
            (parts, rest.to_owned())
        }
        _ => (post(path, HeaderMap::new())?, head.clone().into_owned()),
    };
    let headers = headers(&rest)?;
    Ok((Parts { headers, ..parts }, Bytes::copy_from_slice(body)))
}

/// At the first empty line. The body is kept byte for byte: signatures cover it.
fn split(file: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < file.len() {
        let end = file[at..]
            .iter()
            .position(|b| *b == b'\n')
            .map_or(file.len(), |n| at + n + 1);
        if matches!(&file[at..end], b"\n" | b"\r\n") {
            return (&file[..at], &file[end..]);
        }
        at = end;
    }
    (file, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_request_arrives() {
        assert_eq!(arrival("1970-01-01T00:00:01Z"), Ok(1000));
        for wrong in ["yesterday", "oldest"] {
            let message = arrival(wrong).unwrap_err();
            assert!(
                message.contains("RFC 3339") && !message.contains("tip"),
                "{message}"
            );
        }
    }

    #[test]
    fn saved_requests() {
        let cases: [(&[u8], &str, usize, &[u8]); 4] = [
            (
                b"POST /in/x HTTP/1.1\r\na: 1\r\nb: 2\r\n\r\n{}\r\n",
                "/in/x",
                2,
                b"{}\r\n",
            ),
            (b"a: 1\n\nbody\n\nmore\n", "/else", 1, b"body\n\nmore\n"),
            (b"POST /q?a=1 HTTP/2\na: 1\n", "/q?a=1", 1, b""),
            (b"\n\xff\x00", "/else", 0, b"\xff\x00"),
        ];
        for (file, uri, count, body) in cases {
            let (parts, found) = parse(file, "/else").unwrap();
            assert_eq!(parts.uri.to_string(), uri);
            assert_eq!(parts.headers.len(), count);
            assert_eq!(&found[..], body);
        }
        assert!(parse(b"no header\n\n", "/").is_err());
    }
}
