//! Strangers who mean no good, one attack after the other, while good clients publish: right
//! answers, bounded memory, good clients unharmed, and nothing left behind.
//!
//! The attacker shares the machine with the gateway. Its thread has a low priority, and before each
//! attack the same thread sends ordinary requests as fast as they are answered: an attack may cost
//! the good clients no more than twice what that costs them. So the figure is what the gateway does
//! with its time, not who gets the processor. The log is written without a sync (`durability: os`):
//! the disk is not what is attacked.

mod admin;
mod bodies;
mod crowds;
mod good;
mod ground;
mod h2;
mod heads;

use crate::gateway::{Gateway, balance};
use crate::oracle::Oracle;
use crate::{Options, Proved, sinks};
use good::Good;
use ground::Ground;
use rustix::process::{Resource, getrlimit};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

type Attack = fn(Ground) -> Pin<Box<dyn Future<Output = Result<String, String>>>>;

const ATTACKS: &[(&str, Attack)] = &[
    ("a header of 1 MiB", |g| Box::pin(heads::giant_header(g))),
    ("100,000 headers", |g| Box::pin(heads::many_headers(g))),
    ("request smuggling", |g| Box::pin(heads::smuggling(g))),
    ("endless chunk extensions", |g| {
        Box::pin(heads::extensions(g))
    }),
    ("10 GiB in chunks", |g| Box::pin(bodies::endless_chunks(g))),
    ("the largest bodies at once", |g| {
        Box::pin(bodies::all_at_once(g))
    }),
    ("decompression bombs", |g| Box::pin(bodies::bombs(g))),
    ("hostile JSON", |g| Box::pin(bodies::json(g))),
    ("huge batches", |g| Box::pin(bodies::batches(g))),
    ("a tenant above its rate", |g| {
        Box::pin(bodies::above_rate(g))
    }),
    ("pipelined floods", |g| Box::pin(crowds::pipelined(g))),
    ("half-closed sockets", |g| Box::pin(crowds::half_closed(g))),
    ("TLS and noise on the plain port", |g| {
        Box::pin(crowds::garbage(g))
    }),
    ("h2 rapid reset", |g| Box::pin(h2::rapid_reset(g))),
    ("h2 CONTINUATION flood", |g| Box::pin(h2::continuation(g))),
    ("h2 empty CONTINUATION flood", |g| {
        Box::pin(h2::empty_continuation(g))
    }),
    ("h2 empty DATA flood", |g| Box::pin(h2::empty_data(g))),
    ("h2 DATA of one byte", |g| Box::pin(h2::tiny_data(g))),
    ("h2 SETTINGS flood", |g| Box::pin(h2::settings(g))),
    ("h2 PING flood", |g| Box::pin(h2::pings(g))),
    ("h2 PRIORITY flood", |g| Box::pin(h2::priorities(g))),
    ("h2 a million open streams", |g| Box::pin(h2::streams(g))),
    ("h2 100,000 requests", |g| Box::pin(h2::requests(g))),
    ("h2 windows", |g| Box::pin(h2::windows(g))),
    ("h2 header table bomb", |g| Box::pin(h2::header_table(g))),
    ("h2 stalled streams", |g| Box::pin(h2::stalled(g))),
    ("a body of a byte a second", |g| {
        Box::pin(bodies::trickle(g))
    }),
    ("slow heads", |g| Box::pin(heads::slow_heads(g))),
    ("nearly full heads", |g| Box::pin(heads::full_heads(g))),
    ("slow bodies", |g| Box::pin(heads::slow_bodies(g))),
    ("idle connections", |g| Box::pin(crowds::idle(g))),
    ("idle after a request", |g| Box::pin(crowds::idle_after(g))),
    ("h2 idle connections", |g| Box::pin(h2::idle(g))),
    ("admin socket: too large", |g| Box::pin(admin::large(g))),
    ("admin socket: too slow", |g| Box::pin(admin::slow(g))),
];

/// What memory may grow by.
const GROWTH: u64 = 64 << 20;
/// Latencies beside ordinary requests below this are taken for this: the machine itself is no steadier.
const FLOOR: Duration = Duration::from_millis(5);

/// Runs the attacks; `--short` is a few connections each, short limits, and no verdict on latency.
pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Figures::default();
    let outcome = attacked(options, &mut figures).await;
    let text = format!(
        "{} attacks, {} events of good clients acknowledged and delivered, memory grew by {} MiB at most, p99 of the good clients {:.1} times that beside ordinary requests at worst",
        figures.attacks,
        figures.acknowledged,
        figures.growth >> 20,
        figures.slowdown,
    );
    outcome.map(|()| text.clone()).map_err(|what| (text, what))
}

#[derive(Default)]
struct Figures {
    attacks: usize,
    acknowledged: usize,
    growth: u64,
    slowdown: f64,
}

fn configuration(gateway: &Gateway, sinks: SocketAddr, short: bool) -> String {
    let digest = |key: &str| {
        let digest = Sha256::digest(key.as_bytes());
        digest
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    };
    let limits = if short {
        "limits: { header-timeout: 1s, body-timeout: 1s }\n"
    } else {
        ""
    };
    format!(
        "listen: {}\ndata-dir: {}\ndurability: os\nshutdown-grace: 5s\nlog: {{ level: error }}\n{limits}\
         api-keys:\n  good: {{ sha256: {} }}\n  tenant: {{ sha256: {} }}\n\
         sources:\n  api: {{ kind: http, path: /api, auth: {{ api-keys: [good, tenant] }} }}\n  \
         limited: {{ kind: http, path: /limited, rate-limit: {{ per-second: 20 }}, auth: {{ api-keys: [tenant] }} }}\n  \
         github: {{ kind: github, path: /github, secrets: [prove-prove-prove-prove] }}\n\
         subscriptions:\n  good: {{ concurrency: 64, filter: {{ exact: {{ type: prove.good }} }}, sink: {{ kind: http, url: \"http://{sinks}/sink/good\", allow-http: true, allow-private: [127.0.0.0/8] }} }}\n",
        gateway.address,
        gateway.data().display(),
        digest(good::KEY),
        digest(ground::KEY),
    )
}

async fn attacked(options: &Options, figures: &mut Figures) -> Result<(), String> {
    let short = options.short;
    let oracle = Oracle::default();
    let sinks = sinks::start(oracle.clone())
        .await
        .map_err(|e| e.to_string())?;
    let mut gateway = Gateway::new(&options.gateway, "")?;
    gateway.write(&configuration(&gateway, sinks, short))?;
    gateway.start().await?;
    let soft = getrlimit(Resource::Nofile).current.unwrap_or(1 << 20);
    let seconds = |short_s, full_s| Duration::from_secs(if short { short_s } else { full_s });
    let ground = Ground {
        address: gateway.address,
        admin: gateway.data().join("admin.sock"),
        short,
        header_timeout: seconds(1, 10),
        body_timeout: seconds(1, 30),
        sockets: usize::try_from(soft).unwrap_or(1 << 20).saturating_sub(500),
    };
    let good = Good::start(&oracle, gateway.address);
    // What grows once, by being used, is no growth.
    good.publish_for(seconds(1, 5)).await;
    let descriptors = gateway.descriptors()?;
    let start = gateway.memory()?.resident;
    let mut faults = Vec::new();
    let wanted = |name: &str| {
        options
            .attack
            .as_ref()
            .is_none_or(|a| name.contains(a.as_str()))
    };
    for (name, attack) in ATTACKS.iter().filter(|(name, _)| wanted(name)) {
        good.clear();
        if !short {
            under(&gateway, ground.clone(), |g| Box::pin(crowds::harmless(g)))
                .await?
                .0?;
        }
        let quiet = good.p99();
        let before = gateway.memory()?.resident;
        good.clear();
        let (said, most) = under(&gateway, ground.clone(), *attack).await?;
        let during = good.p99();
        let growth = most.saturating_sub(before);
        let slowdown = during.as_secs_f64() / quiet.max(FLOOR).as_secs_f64();
        figures.attacks += 1;
        figures.growth = figures.growth.max(growth);
        figures.slowdown = figures.slowdown.max(slowdown);
        println!(
            "{name}: {}; memory {} + {} MiB; good clients p99 {:.1} ms, beside ordinary requests {:.1} ms",
            said.as_ref().unwrap_or_else(|fault| fault),
            before >> 20,
            growth >> 20,
            during.as_secs_f64() * 1e3,
            quiet.as_secs_f64() * 1e3,
        );
        let mut fault = |what: String| faults.push(format!("{name}: {what}"));
        if let Err(what) = said {
            fault(what);
        }
        if growth > GROWTH {
            fault(format!("memory grew by {} MiB", growth >> 20));
        }
        if !short && slowdown > 2.0 {
            fault(format!("good clients became {slowdown:.1} times slower"));
        }
        if let Err(what) = settled(&gateway, descriptors).await {
            fault(what);
        }
    }
    let refused = good.stop().await;
    let end = gateway.memory()?.resident;
    println!(
        "memory at the start {} MiB, at the end {} MiB",
        start >> 20,
        end >> 20
    );
    if refused > 0 {
        faults.push(format!("{refused} requests of good clients failed"));
    }
    crate::hostile::delivered(&gateway, &oracle).await?;
    figures.acknowledged = oracle.acknowledgements();
    match faults.as_slice() {
        [] => Ok(()),
        faults => Err(faults.join("\n")),
    }
}

/// Makes an attack on a thread of its own, of low priority; returns what it says and the most
/// memory that the gateway took meanwhile.
async fn under(
    gateway: &Gateway,
    ground: Ground,
    attack: Attack,
) -> Result<(Result<String, String>, u64), String> {
    let (done, mut is_done) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Of this thread alone. Without it the attack is only fiercer.
        rustix::process::nice(10).ok();
        let said = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| e.to_string())
            .and_then(|runtime| runtime.block_on(attack(ground)));
        done.send(said).ok();
    });
    let mut most = 0;
    loop {
        most = most.max(gateway.memory()?.resident);
        match tokio::time::timeout(Duration::from_millis(20), &mut is_done).await {
            Ok(said) => return Ok((said.map_err(|_| "the attack panicked")?, most)),
            Err(_) => continue,
        }
    }
}

/// The gateway has let go of everything that the attack held.
async fn settled(gateway: &Gateway, descriptors: usize) -> Result<(), String> {
    let mut now = 0;
    for _ in 0..700 {
        now = gateway.descriptors()?;
        // The sink's pool breathes, and keeps what it does not need for 50 s.
        if now <= descriptors + 8 {
            return gateway.said_no_panic();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!(
        "{now} descriptors are open, {descriptors} were before"
    ))
}

/// Everything acknowledged has arrived, nothing else has, and the account balances.
async fn delivered(gateway: &Gateway, oracle: &Oracle) -> Result<(), String> {
    for (name, account) in gateway.accounts(&["good"]).await? {
        balance(&name, &account)?;
    }
    let streams = gateway.ask(&["streams", "list"]).await?;
    println!("streams: {streams}");
    match oracle.missing("good", |_| true).as_slice() {
        [] => {}
        missing => return Err(format!("{} acknowledged events are missing", missing.len())),
    }
    match oracle.faults().as_slice() {
        [] => Ok(()),
        faults => Err(faults.join("\n")),
    }
}
