//! Who gets in, and who does not: tokens of a real issuer, its keys rotated and out of reach, API keys
//! that are replaced and end, and what of all that stands in the log.

mod attacks;
pub(crate) mod oidc;
mod pushes;

use crate::gateway::Gateway;
use crate::{Options, Proved, load};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use oidc::{Ground, Oidc};
use pushes::Pushes;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What the cool-down of an issuer may be at most.
const ROTATED: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Figures {
    passed: u32,
    refused: u32,
    strangers: u64,
    fetches: u64,
    rotated: Duration,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} proofs passed, {} refused, {} unknown key ids in {} fetch(es), a rotated key after {:.1} s",
            self.passed,
            self.refused,
            self.strangers,
            self.fetches,
            self.rotated.as_secs_f64()
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
    let ground = Ground::new(&options.gateway).await?;
    let issuer = ground.start("k1").await?;
    let mut gateway = Gateway::new(&options.gateway, "  {}\n")?;
    let keys = [key("shop", 1), key("shop", 2), key("gone", 3)];
    let pushes = Pushes::start(&ground).await?;
    let sources = pushes.sources();
    configure(&gateway, &ground, &keys, &sources)?;
    gateway.start().await?;
    let mut shown = keys.to_vec();
    let mut door = Door {
        address: gateway.address,
        figures,
        body: None,
    };

    let good = issuer.token("client=shop&scope=publish").await?;
    door.passes("/jwt", &bearer(&good)).await?;
    for (what, proof) in attacks::tokens(&issuer, &good).await? {
        door.refuses(&what, "/jwt", &proof).await?;
        shown.push(proof.trim_start_matches("Bearer ").to_owned());
    }
    let elliptic = "client=till&scope=publish+read&resource=urn:tradewind:ec";
    let elliptic = bearer(&issuer.token(elliptic).await?);
    door.passes("/any", &elliptic).await?;
    door.refuses("an algorithm off the list", "/jwt", &elliptic)
        .await?;

    pushes.judge(&mut door, &ground, &mut shown).await?;
    strangers(&mut door, &issuer, &good, options.short).await?;
    let issuer = rotation(&mut door, &ground, issuer).await?;
    let current = issuer.token("client=shop&scope=publish").await?;
    issuer.stop().await?;
    // Nothing new can be fetched; what is here counts on, and strangers stay strangers.
    door.passes("/jwt", &bearer(&current)).await?;
    door.refuses("a key taken back", "/jwt", &bearer(&good))
        .await?;
    shown.extend([good, current.clone()]);
    if !options.short {
        outage(&mut door, &mut gateway, &ground, &current).await?;
    }
    api_keys(&mut door, &gateway, &ground, &keys, &sources).await?;

    let log = std::fs::read_to_string(gateway.beside("log")).map_err(|e| e.to_string())?;
    let secret = |proof: &String| proof.rsplit(['.', '_']).next().map(str::to_owned);
    for secret in shown.iter().filter_map(secret).filter(|s| s.len() > 20) {
        if log.contains(&secret) {
            return Err(format!("a credential stands in the log: ...{secret}"));
        }
    }
    match log.contains("unknown-key") && log.contains("expired") {
        true => Ok(()),
        false => Err("the log does not say why a proof was refused".into()),
    }
}

fn key(id: &str, n: u8) -> String {
    format!("tw_{id}_{}", format!("{n:02x}").repeat(24))
}

fn hash(key: &str) -> String {
    let digest = Sha256::digest(key);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn configure(
    gateway: &Gateway,
    ground: &Ground,
    keys: &[String],
    more: &str,
) -> Result<(), String> {
    let jwt = |more: &str| {
        format!(
            "auth: {{ jwt: {{ issuer: \"{}\", audience: \"urn:tradewind\", ca: \"{}\", allow-private: [127.0.0.0/8]{more} }} }}",
            ground.issuer(),
            ground.ca().display()
        )
    };
    let shop: Vec<String> = keys
        .iter()
        .filter(|key| key.contains("shop"))
        .map(|key| hash(key))
        .collect();
    let text = gateway
        .text("  {}\n")
        .replace("level: error", "level: trace");
    let text = text.replace(
        "sources:\n",
        &format!(
            "api-keys:\n  shop: {{ sha256: [{}] }}\n  gone: {{ sha256: {}, expires: 2020-01-01T00:00:00Z }}\nsources:\n  \
             jwt: {{ kind: http, path: /jwt, {} }}\n  any: {{ kind: http, path: /any, {} }}\n  \
             keys: {{ kind: http, path: /keys, auth: {{ api-keys: [shop, gone] }} }}\n{more}",
            shop.join(", "),
            hash(&key("gone", 3)),
            jwt(", algorithms: [RS256], claims: { scope: publish }"),
            jwt("")
        ),
    );
    gateway.write(&text)
}

/// Where proofs are shown.
struct Door<'a> {
    address: SocketAddr,
    figures: &'a mut Figures,
    /// What every refused sender is told.
    body: Option<Bytes>,
}

impl Door<'_> {
    async fn show(&self, path: &str, proof: &str) -> Result<Response<Bytes>, String> {
        let mut sender = load::connect(self.address).await.ok_or("no connection")?;
        let request = self.request(path, proof)?;
        let answer = load::ask(&mut sender, request).await;
        answer.ok_or_else(|| "no answer".to_owned())
    }

    fn request(&self, path: &str, proof: &str) -> Result<Request<Full<Bytes>>, String> {
        Request::post(path)
            .header("host", self.address.to_string())
            .header("authorization", proof)
            .header("ce-specversion", "1.0")
            .header("ce-id", fastrand::u64(..).to_string())
            .header("ce-source", "/prove")
            .header("ce-type", "t")
            .body(Full::new(body(path).into()))
            .map_err(|e| e.to_string())
    }

    async fn passes(&mut self, path: &str, proof: &str) -> Result<(), String> {
        let answer = self.show(path, proof).await?;
        if answer.status() != 202 {
            let body = String::from_utf8_lossy(answer.body()).into_owned();
            return Err(format!(
                "a good proof at {path}: {} {body}",
                answer.status()
            ));
        }
        self.figures.passed += 1;
        Ok(())
    }

    /// 401, a challenge, and one body for every cause.
    async fn refuses(&mut self, what: &str, path: &str, proof: &str) -> Result<(), String> {
        let answer = self.show(path, proof).await?;
        let challenged = answer.headers().contains_key("www-authenticate");
        let body = answer.body().clone();
        let same = *self.body.get_or_insert_with(|| body.clone()) == body;
        if answer.status() != 401 || !challenged || !same {
            let body = String::from_utf8_lossy(&body).into_owned();
            return Err(format!("{what} at {path}: {} {body}", answer.status()));
        }
        self.figures.refused += 1;
        Ok(())
    }
}

/// What the sender of a source says.
fn body(path: &str) -> String {
    let id = fastrand::u64(..);
    match path {
        "/push" => format!(
            r#"{{"message":{{"data":"aGk=","messageId":"{id}"}},"subscription":"projects/p/subscriptions/s"}}"#
        ),
        "/grid" => format!(
            r#"[{{"id":"{id}","topic":"/t","subject":"s","eventType":"Microsoft.Storage.BlobCreated","eventTime":"2030-01-01T00:00:00Z","dataVersion":"1"}}]"#
        ),
        _ => String::new(),
    }
}

/// Unknown key ids from eight connections at once: one fetch, and a good token passes meanwhile.
async fn strangers(
    door: &mut Door<'_>,
    issuer: &Oidc,
    good: &str,
    short: bool,
) -> Result<(), String> {
    // Until the cool-down of the fetch for the tokens above is over, there would be none.
    tokio::time::sleep(Duration::from_secs(21)).await;
    let (before, count) = (issuer.asked().await?, if short { 2_000 } else { 10_000 });
    let each = count / 8;
    let proofs: Vec<String> = (0..count).map(|n| attacks::unknown_key(good, n)).collect();
    let asking = &*door;
    let crowd = proofs.chunks(each as usize).map(async |proofs: &[String]| {
        let mut sender = load::connect(asking.address).await.ok_or("no connection")?;
        for proof in proofs {
            let answer = load::ask(&mut sender, asking.request("/jwt", proof)?).await;
            if answer.is_none_or(|answer| answer.status() != 401) {
                return Err("an unknown key id was not refused".to_owned());
            }
        }
        Ok(())
    });
    for ended in futures_util::future::join_all(crowd).await {
        ended?;
    }
    door.figures.strangers = count;
    door.figures.fetches = issuer.asked().await? - before;
    door.passes("/jwt", &bearer(good)).await?;
    match door.figures.fetches {
        1 => Ok(()),
        n => Err(format!("{count} unknown key ids made {n} fetches")),
    }
}

/// The issuer comes back with other keys: a token by them passes after the cool-down at the latest.
#[allow(
    clippy::disallowed_methods,
    reason = "measures the process from outside"
)]
async fn rotation(door: &mut Door<'_>, ground: &Ground, issuer: Oidc) -> Result<Oidc, String> {
    issuer.stop().await?;
    let issuer = ground.start("k2").await?;
    let token = bearer(&issuer.token("client=shop&scope=publish").await?);
    let began = Instant::now();
    while door.show("/jwt", &token).await?.status() != 202 {
        if began.elapsed() > ROTATED {
            return Err(format!("a rotated key is unknown after {ROTATED:?}"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    door.figures.rotated = began.elapsed();
    Ok(issuer)
}

/// A gateway that starts while the issuer is out of reach says so, and not that the sender is a stranger.
#[allow(
    clippy::disallowed_methods,
    reason = "measures the process from outside"
)]
async fn outage(
    door: &mut Door<'_>,
    gateway: &mut Gateway,
    ground: &Ground,
    token: &str,
) -> Result<(), String> {
    gateway.kill().await?;
    gateway.start().await?;
    let answer = door.show("/jwt", &bearer(token)).await?;
    if answer.status() != 503 || !answer.headers().contains_key("retry-after") {
        return Err(format!("without keys: {}", answer.status()));
    }
    let issuer = ground.start("k3").await?;
    let token = bearer(&issuer.token("client=shop&scope=publish").await?);
    let began = Instant::now();
    while door.show("/jwt", &token).await?.status() != 202 {
        if began.elapsed() > ROTATED {
            return Err("the issuer is back, and its tokens are not taken".into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Two secrets of one key, one of them taken out, and a key that has ended.
async fn api_keys(
    door: &mut Door<'_>,
    gateway: &Gateway,
    ground: &Ground,
    keys: &[String; 3],
    sources: &str,
) -> Result<(), String> {
    let [new, old, gone] = keys;
    for good in [new, old] {
        door.passes("/keys", &bearer(good)).await?;
    }
    door.refuses("an ended key", "/keys", &bearer(gone)).await?;
    for (what, proof) in attacks::keys(new) {
        door.refuses(&what, "/keys", &proof).await?;
    }
    configure(gateway, ground, std::slice::from_ref(new), sources)?;
    let (status, _) = gateway.admin("POST", "/v1/config/reload").await?;
    if status != 200 {
        return Err(format!("the reload was answered {status}"));
    }
    door.passes("/keys", &bearer(new)).await?;
    door.refuses("a secret taken out", "/keys", &bearer(old))
        .await
}
