//! Who the gateway is to its targets: tokens of a real OAuth 2 issuer, of servers in the forms of Google and
//! Entra, signatures of AWS, keys and certificates; rotated, refused and out of reach; and what of all that
//! stands in the log.

mod sigv4;
mod world;

use crate::authentication::oidc;
use crate::certificates::Authority;
use crate::gateway::{Gateway, balance};
use crate::{Options, Proved, load};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use world::World;

/// What every function that asks for one takes, and every server of tokens that wants a secret.
const KEY: &str = "canary & key / 0123456789";
/// A token that is always the same.
const BEARER: &str = "bearer-canary-0123456789";
/// The secret of the clients of the issuer.
const CLIENT: &str = "correct horse battery staple";
/// Longest time until deliveries go on.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Default)]
struct Figures {
    identities: usize,
    events: usize,
    again: usize,
    asked: u64,
    refused: usize,
    rotated: Duration,
    resumed: Duration,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} events to each of {} functions by their own proof ({} again), {} questions to servers of tokens, {} wrong proofs set aside, deliveries {:.1} s after a rotation and {:.1} s after an outage",
            self.events,
            self.identities,
            self.again,
            self.asked,
            self.refused,
            self.rotated.as_secs_f64(),
            self.resumed.as_secs_f64()
        )
    }
}

pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Figures::default();
    match steps(options, &mut figures).await {
        Ok(()) => Ok(figures.to_string()),
        Err(what) => Err((figures.to_string(), what)),
    }
}

async fn steps(options: &Options, figures: &mut Figures) -> Result<(), String> {
    let ground = oidc::Ground::new(&options.gateway).await?;
    let issuer = ground.start("k1").await?;
    let (callers, strangers) = (Authority::new()?, Authority::new()?);
    let world = World::start(&ground, &callers).await?;
    let aws = sigv4::start(&options.gateway).await?;
    let mut gateway = Gateway::new(&options.gateway, "  {}\n")?;
    world.write("mutual.pem", &callers.caller(false)?)?;
    world.write("expired.pem", &callers.caller(true)?)?;
    world.write("stranger.pem", &strangers.caller(false)?)?;
    world.write("strangers.pem", &strangers.pem())?;
    let good = world.good(&ground);
    let wrong = world.wrong(&ground);
    let subscriptions = format!("{}{}{}", good.yaml, wrong.yaml, aws.yaml());
    gateway.environment = vec![("AZURE_TENANT_ID", "tenant".into())];
    let text = gateway.text(&subscriptions);
    gateway.write(&text.replace("level: error", "level: trace"))?;
    gateway.start().await?;

    let count = if options.short { 20 } else { 200 };
    let mut publisher = Publisher {
        gateway: &gateway,
        sent: Vec::new(),
    };
    publisher.publish(count).await?;
    world.arrived(&good.paths, &publisher.sent).await?;
    let (asked, _) = world.figures().await?;
    // One each; wrong ones are asked for again after a pause.
    if asked > (good.tokens + 4 * wrong.tokens) as u64 {
        return Err(format!("{asked} questions for {} tokens", good.tokens));
    }
    set_aside(&gateway, &wrong.names, count, figures).await?;
    let accounts = gateway.accounts(&aws.names()).await?;
    aws.took(&accounts, count as u64)?;

    figures.rotated = rotation(&world, &good.paths, &mut publisher, count).await?;
    let sent = publisher.sent;
    let issuer = outage(
        &mut gateway,
        (&world, &ground, issuer),
        &good.paths,
        sent,
        figures,
        count,
    )
    .await?;
    certificate(&gateway, &world, &callers, figures).await?;

    // Those that are signed wrongly have one attempt each, and the others every event.
    let accounts = gateway.accounts(&aws.names()).await?;
    aws.took(&accounts, figures.events as u64)?;
    figures.identities = good.paths.len() + 1;
    (figures.asked, _) = world.figures().await?;
    for (name, account) in gateway.accounts(&good.names()).await? {
        balance(&name, &account)?;
        if good.names().contains(&name.as_str()) && account["dead_lettered"] != 0 {
            return Err(format!("{name} has dead letters: {account}"));
        }
    }
    gateway.said_no_panic()?;
    nothing_shows(&gateway, (&world, &aws), &callers).await?;
    issuer.stop().await
}

/// Publishes events with ids of their own.
struct Publisher<'a> {
    gateway: &'a Gateway,
    sent: Vec<String>,
}

impl Publisher<'_> {
    async fn publish(&mut self, count: usize) -> Result<(), String> {
        let address = self.gateway.address;
        let mut sender = load::connect(address).await.ok_or("no connection")?;
        for _ in 0..count {
            let id = format!("event-{}", fastrand::u64(..));
            let request = Request::post("/events")
                .header("host", address.to_string())
                .header("ce-specversion", "1.0")
                .header("ce-id", &id)
                .header("ce-source", "/prove")
                .header("ce-type", "prove.identity")
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from_static(b"{\"a\": 1}")))
                .map_err(|e| e.to_string())?;
            let answer = load::ask(&mut sender, request).await;
            match answer.map(|answer| answer.status().as_u16()) {
                Some(202) => self.sent.push(id),
                other => return Err(format!("a publisher was answered {other:?}")),
            }
        }
        Ok(())
    }
}

/// What has a wrong proof lies in the dead letters with a reason that says what to change, and no secret.
async fn set_aside(
    gateway: &Gateway,
    names: &[(&str, &str)],
    count: usize,
    figures: &mut Figures,
) -> Result<(), String> {
    let quiet: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let accounts = gateway.accounts(&quiet).await?;
    for (name, hint) in names {
        let account = accounts.iter().find(|(known, _)| known == name);
        let lettered = account.and_then(|(_, account)| account["dead_lettered"].as_u64());
        if lettered != Some(count as u64) {
            return Err(format!("{name}: {account:?}"));
        }
        let (_, letters) = gateway
            .admin("GET", &format!("/v1/subscriptions/{name}/dead-letters"))
            .await?;
        let text = letters.to_string();
        if !text.contains(hint) {
            return Err(format!("{name} does not say `{hint}`: {text:.2000}"));
        }
        if text.contains("canary") || text.contains("battery") {
            return Err(format!("a dead letter of {name} shows a secret"));
        }
        figures.refused += count;
    }
    Ok(())
}

/// Functions take tokens by other keys only: the first refusal brings another token.
#[allow(
    clippy::disallowed_methods,
    reason = "measures the process from outside"
)]
async fn rotation(
    world: &World,
    paths: &[&str],
    publisher: &mut Publisher<'_>,
    count: usize,
) -> Result<Duration, String> {
    world.steer("/rotate").await?;
    let began = Instant::now();
    publisher.publish(count).await?;
    world.arrived(paths, &publisher.sent).await?;
    Ok(began.elapsed())
}

/// Servers of tokens are gone while the gateway starts again, without any token: events wait, and arrive when
/// the servers are back, the issuer with other keys.
#[allow(
    clippy::disallowed_methods,
    reason = "measures the process from outside"
)]
async fn outage(
    gateway: &mut Gateway,
    (world, ground, issuer): (&World, &oidc::Ground, oidc::Oidc),
    paths: &[&str],
    sent: Vec<String>,
    figures: &mut Figures,
    count: usize,
) -> Result<oidc::Oidc, String> {
    gateway.kill().await?;
    world.steer("/down").await?;
    issuer.stop().await?;
    gateway.start().await?;
    let mut publisher = Publisher { gateway, sent };
    publisher.publish(count).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let waiting: BTreeSet<&String> = publisher.sent.iter().rev().take(count).collect();
    let arrived = world.arrivals("/cloud-run").await?;
    if arrived.iter().any(|id| waiting.contains(id)) {
        return Err("an event arrived without a token".into());
    }
    let issuer = ground.start("k2").await?;
    world.steer("/up").await?;
    let began = Instant::now();
    world.arrived(paths, &publisher.sent).await?;
    figures.resumed = began.elapsed();
    figures.events = publisher.sent.len();
    figures.again = world.repeated(paths).await?;
    Ok(issuer)
}

/// An expired certificate is replaced in its file: deliveries pass without a restart.
async fn certificate(
    gateway: &Gateway,
    world: &World,
    callers: &Authority,
    figures: &mut Figures,
) -> Result<(), String> {
    let mut publisher = Publisher {
        gateway,
        sent: Vec::new(),
    };
    world.write("mutual.pem", &callers.caller(true)?)?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    publisher.publish(1).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = world.arrivals("/mutual").await?;
    if before.contains(&publisher.sent[0]) {
        return Err("an expired certificate was taken".into());
    }
    world.write("mutual.pem", &callers.caller(false)?)?;
    world.arrived(&["/mutual"], &publisher.sent).await?;
    figures.events += 1;
    Ok(())
}

/// No secret, no token and no key in anything that the gateway has written at TRACE.
async fn nothing_shows(
    gateway: &Gateway,
    (world, aws): (&World, &sigv4::Aws),
    callers: &Authority,
) -> Result<(), String> {
    let log = std::fs::read_to_string(gateway.beside("log")).map_err(|e| e.to_string())?;
    let mut shown = vec![KEY.to_owned(), BEARER.to_owned(), CLIENT.to_owned()];
    shown.extend([KEY, CLIENT].map(|text| text.replace(' ', "+")));
    shown.extend([KEY, CLIENT].map(|text| text.replace(' ', "%20")));
    shown.extend(world.secrets().await?);
    shown.push(aws.secret().to_owned());
    shown.extend(callers.keys());
    if log.len() < 100_000 {
        return Err("the log is too short to prove anything".into());
    }
    match shown.iter().find(|secret| log.contains(secret.as_str())) {
        Some(secret) => Err(format!("a credential stands in the log: {secret:.20}...")),
        None => Ok(()),
    }
}
