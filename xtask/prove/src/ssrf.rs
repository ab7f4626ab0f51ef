//! Nobody outside makes the gateway connect where its configuration does not: a trap listens on every address of
//! this machine, strangers name it in every field and spelling, targets redirect to it, sinks lead to it.
//!
//! Only addresses of this machine are named here, so that a gateway that is led astray sends nothing off it; all
//! other special addresses, and names that change their answer, are tried beside the guard (`tradewind-http`).

mod doors;
mod hosts;

use crate::authorisation::wire::{post, send, text};
use crate::gateway::Gateway;
use crate::{Options, Proved};
use doors::{DOORS, Named, TOPIC};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

#[derive(Default)]
struct Figures {
    requests: usize,
    redirects: usize,
    sinks: usize,
    connections: usize,
    with_leave: usize,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} requests of strangers, {} redirects and {} sinks that lead to a trap, {} connections; {} of the \
             sinks once they may",
            self.requests, self.redirects, self.sinks, self.connections, self.with_leave
        )
    }
}

pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Figures::default();
    match steps(options, &mut figures).await {
        Ok(()) if figures.connections == 0 => Ok(figures.to_string()),
        Ok(()) => Err((figures.to_string(), "somebody came to the trap".into())),
        Err(what) => Err((figures.to_string(), what)),
    }
}

async fn steps(options: &Options, figures: &mut Figures) -> Result<(), String> {
    let trap = Trap::start().await?;
    let urls = hosts::urls(trap.port);
    let target = Redirector::start(urls.clone()).await?;
    let mut gateway = Gateway::new(&options.gateway, "  {}\n")?;
    let sinks = sinks(&gateway, &urls, figures).await?;
    gateway.settings = settings(&target);
    gateway.sources = SOURCES.replace("TOPIC", TOPIC);
    gateway.configure(&subscriptions(&target, &sinks, ""))?;
    gateway.start().await?;

    for (what, door) in DOORS {
        let before = trap.met();
        for url in &urls {
            #[allow(clippy::disallowed_methods, reason = "senders sign the time of day")]
            let now = SystemTime::now();
            send(gateway.address, &door(&Named { url, now })).await?;
            figures.requests += 1;
        }
        if trap.met() > before {
            println!("the trap was reached by: {what}");
        }
    }
    for _ in &urls {
        publish(gateway.address, "redirect").await?;
    }
    publish(gateway.address, "lead").await?;
    figures.redirects = urls.len() * REDIRECTS.len();
    target.wait(figures.redirects).await?;
    let subscriptions_: Vec<String> = (0..sinks.len()).map(|n| format!("sink-{n}")).collect();
    let names: Vec<&str> = subscriptions_.iter().map(String::as_str).collect();
    for (name, account) in gateway.accounts(&names).await? {
        if name.starts_with("sink-") && account["dead_lettered"] != 1 {
            return Err(format!("{name} has not given up: {account}"));
        }
    }
    figures.connections = trap.met();

    // The trap is where all this leads: with leave the same sinks reach it.
    let leave = ", allow-private: [127.0.0.0/8, \"::1/128\"]";
    gateway.configure(&subscriptions(&target, &sinks, leave))?;
    let (status, _) = gateway.admin("POST", "/v1/config/reload").await?;
    if status != 200 {
        return Err(format!("the reload was answered {status}"));
    }
    publish(gateway.address, "lead").await?;
    gateway.accounts(&names).await?;
    figures.with_leave = trap.met() - figures.connections;
    if figures.with_leave == 0 {
        return Err("nobody comes to the trap with leave: it shows nothing".into());
    }
    gateway.said_no_panic()
}

/// Issuers and senders that need nothing from outside to be configured.
const SOURCES: &str = r#"  sns: { kind: aws-sns, path: /sns, topics: ["TOPIC"] }
  paypal: { kind: paypal, path: /paypal, webhook-id: 8PT597110X687430L }
  grid: { kind: azure-event-grid, path: /grid, secrets: [0123456789abcdef] }
  consenting: { kind: http, path: /consenting, auth: none-i-understand, allowed-origins: [sender.example] }
  jwt: { kind: http, path: /jwt, auth: { jwt: { issuer: "https://127.0.0.1:9443", audience: "urn:tradewind" } } }
"#;

fn settings(target: &Redirector) -> String {
    format!(
        "schemas:\n  bound:\n    format: json-schema\n    versions: [{{ dataschema: \"urn:bound\", schema: {{ type: object }} }}]\n    events: [{{ type: bound }}]\n\
         routes:\n  ask:\n    path: /ask/{{*rest}}\n    methods: [POST]\n    auth: none-i-understand\n    mode: proxy\n    sink: {{ kind: http, url: \"http://127.0.0.1:{}/ok\", allow-http: true, allow-private: [127.0.0.0/8] }}\n",
        target.port
    )
}

fn subscriptions(target: &Redirector, sinks: &[String], leave: &str) -> String {
    let once = "retry: { max-attempts: 1 }, breaker: { failures: 0 }, timeout: 5s";
    let mut text = String::new();
    for status in REDIRECTS {
        text.push_str(&format!(
            "  to-{status}: {{ {once}, filter: {{ exact: {{ type: redirect }} }}, sink: {{ kind: http, \
             url: \"http://127.0.0.1:{}/{status}\", allow-http: true, allow-private: [0.0.0.0/0, \"::/0\"] }} }}\n",
            target.port
        ));
    }
    for (n, url) in sinks.iter().enumerate() {
        text.push_str(&format!(
            "  sink-{n}: {{ {once}, filter: {{ exact: {{ type: lead }} }}, sink: {{ kind: http, \
             url: '{url}', allow-http: true{leave} }} }}\n"
        ));
    }
    text
}

/// Those of the addresses that a configuration may hold; all others are refused by `check`, each by its line.
async fn sinks(
    gateway: &Gateway,
    urls: &[String],
    figures: &mut Figures,
) -> Result<Vec<String>, String> {
    let mut text = String::new();
    for (n, url) in urls.iter().enumerate() {
        text.push_str(&format!(
            "  sink-{n}:\n    sink: {{ kind: http, url: '{url}', allow-http: true }}\n"
        ));
    }
    gateway.configure(&text)?;
    let output = gateway
        .command(&["check", "--output", "json"])
        .stdout(Stdio::piped())
        .output()
        .await
        .map_err(crate::authorisation::wire::text)?;
    let said: Value =
        serde_json::from_slice(&output.stdout).map_err(crate::authorisation::wire::text)?;
    let findings = said["findings"].as_array().into_iter().flatten();
    let refused: BTreeSet<usize> = findings
        .filter(|finding| finding["severity"] == "error")
        .filter_map(|finding| {
            let path = finding["path"]
                .as_str()?
                .strip_prefix("subscriptions.sink-")?;
            path.split('.').next()?.parse().ok()
        })
        .collect();
    if refused.is_empty() {
        return Err("`check` refuses none of the sinks".into());
    }
    figures.sinks = urls.len();
    let kept = urls
        .iter()
        .enumerate()
        .filter(|(n, _)| !refused.contains(n))
        .map(|(_, url)| url.clone());
    Ok(kept.collect())
}

async fn publish(gateway: SocketAddr, ty: &str) -> Result<(), String> {
    let id = fastrand::u64(..).to_string();
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", id.as_str()),
        ("ce-source", "/prove"),
        ("ce-type", ty),
    ];
    match send(gateway, &post("/events", &headers, "")).await?.status {
        202 => Ok(()),
        status => Err(format!("an event was answered {status}")),
    }
}

/// A listener on every address of this machine that counts who comes, and says nothing.
struct Trap {
    port: u16,
    met: Arc<AtomicUsize>,
}

impl Trap {
    async fn start() -> Result<Self, String> {
        // Both families, where there are two.
        let listener = match TcpListener::bind("[::]:0").await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind("0.0.0.0:0").await.map_err(text)?,
        };
        let port = listener.local_addr().map_err(text)?.port();
        let met = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&met);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self { port, met })
    }

    fn met(&self) -> usize {
        self.met.load(Ordering::SeqCst)
    }
}

/// A target that sends its callers on to one address after the other, by the status in the path.
struct Redirector {
    port: u16,
    served: Arc<AtomicUsize>,
}

impl Redirector {
    async fn start(to: Vec<String>) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
        let port = listener.local_addr().map_err(text)?.port();
        let served = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&served);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                    match stream.read_buf(&mut head).await {
                        Ok(1..) if head.len() < 64 << 10 => {}
                        _ => break,
                    }
                }
                let path = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
                let status = String::from_utf8_lossy(path.get(1..).unwrap_or_default());
                let status: u16 = status.parse().unwrap_or(200);
                let mut location = String::new();
                if status != 200 {
                    let n = counter.fetch_add(1, Ordering::SeqCst);
                    location = to[n % to.len()].clone();
                }
                let answer = format!(
                    "HTTP/1.1 {status} Answer\r\nlocation: {location}\r\ncontent-location: {location}\r\n\
                     refresh: 0; url={location}\r\nlink: <{location}>; rel=\"preload\"\r\ncontent-length: 0\r\n\
                     connection: close\r\n\r\n"
                );
                stream.write_all(answer.as_bytes()).await.ok();
            }
        });
        Ok(Self { port, served })
    }

    /// Until it has sent so many on.
    async fn wait(&self, count: usize) -> Result<(), String> {
        for _ in 0..600 {
            if self.served.load(Ordering::SeqCst) >= count {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let served = self.served.load(Ordering::SeqCst);
        Err(format!("{served} redirects of {count} after a minute"))
    }
}
