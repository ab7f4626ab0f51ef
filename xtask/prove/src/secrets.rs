//! Secrets that are like no other text, at every place that can hold one: what the gateway says of them at TRACE, to
//! callers, operators, targets of traces and in its files.

mod asked;
mod canary;
mod echo;
mod setting;
mod told;

use crate::authorisation::wire::text;
use crate::certificates::Authority;
use crate::gateway::Gateway;
use crate::{Options, Proved};
use asked::Callers;
use canary::Canaries;
use echo::Echo;
use rustix::process::Signal;
use setting::{Place, Setting};
use std::process::Stdio;
use std::time::Duration;
use told::{Command, Told};

/// Ways to spoil a line of the file.
const WAYS: usize = 9;

#[derive(Default)]
struct Figures {
    slots: usize,
    said: usize,
    spoilt: usize,
    log: usize,
    leaks: usize,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} secrets, {} spoilt configurations, {} answers, outputs and files with {} MiB of log at TRACE, {} that show one",
            self.slots,
            self.spoilt,
            self.said,
            self.log >> 20,
            self.leaks
        )
    }
}

pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Figures::default();
    match steps(options, &mut figures).await {
        Ok(leaks) if leaks.is_empty() => Ok(figures.to_string()),
        Ok(leaks) => Err((figures.to_string(), leaks.join("\n"))),
        Err(what) => Err((figures.to_string(), what)),
    }
}

async fn steps(options: &Options, figures: &mut Figures) -> Result<Vec<String>, String> {
    canary::self_test()?;
    let mut canaries = Canaries::default();
    let mut told = Told::default();
    let mut gateway = Gateway::new(&options.gateway, "  {}\n")?;
    let (authority, strangers) = (Authority::new()?, Authority::new()?);
    let own = authority.server()?;
    let [shop, ops] = [
        authority.named("spiffe://acme/shop")?,
        authority.named("spiffe://acme/ops")?,
    ];
    let echo = Echo::start(&own).await?;
    for (name, content) in [
        ("ca.pem", authority.pem()),
        ("callers.pem", authority.pem()),
        ("own.pem", own.pem.clone()),
        ("caller.pem", shop.pem.clone()),
        (
            "checked.json",
            r#"{"type":"object","required":["number"],"properties":{"text":{"maxLength":3}}}"#
                .into(),
        ),
    ] {
        std::fs::write(gateway.beside(name), content).map_err(text)?;
    }
    let admin = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr());
    let admin = admin.map_err(text)?;
    let place = Place {
        gateway: &gateway,
        echo: &echo,
        admin,
    };
    let setting = Setting::new(&place, &mut canaries);
    setting.write_secrets(&gateway)?;
    gateway.environment.clone_from(&setting.environment);
    gateway.settings.clone_from(&setting.settings);
    gateway.sources.clone_from(&setting.sources);
    let marked = gateway
        .text(&setting.subscriptions)
        .replace("level: error", "level: trace");
    let configuration = setting.fill(&marked, false);
    gateway.write(&configuration)?;
    gateway.start().await?;

    let stranger = strangers.named("spiffe://acme/shop")?;
    let callers = Callers {
        address: gateway.address,
        admin,
        keys: setting.keys.clone(),
        plain: authority.client(None, None)?,
        shop: authority.client(Some(&shop), None)?,
        ops: authority.client(Some(&ops), None)?,
        nobody: authority.client(Some(&stranger), None)?,
        second: authority.client(None, Some("h2"))?,
    };
    canaries.keys(authority.keys());
    canaries.keys(strangers.keys());
    let tail = gateway
        .command(&["tail"])
        .args(["--output", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(text)?;
    callers.publish(&mut told).await?;
    callers
        .strangers(options.short, &mut canaries, &mut told)
        .await?;
    settle(&gateway, &setting).await?;

    let written_out = setting.fill(&marked, true);
    let moved = written_out.replace("/500/", "/503/");
    let unfit = written_out.replace("kind: http", "kind: htttp");
    let name = gateway.beside("candidate.yaml").display().to_string();
    let candidates = [written_out, moved, unfit.clone()];
    callers
        .administer((&name, &candidates), &mut canaries, &mut told)
        .await?;
    told.run(
        &gateway,
        commands(&gateway, &setting, options.short, &mut canaries),
    )
    .await?;
    // What cannot be put in force is told of in the log and by the status.
    gateway.write(&unfit)?;
    gateway.signal(Signal::HUP)?;
    told.run(
        &gateway,
        spoilt(&gateway, &setting, &marked, options.short, figures)?,
    )
    .await?;
    gateway.write(&configuration)?;
    told.run(
        &gateway,
        vec![
            with_config(&gateway, &["status"]),
            with_config(&gateway, &["audit", "list"]),
        ],
    )
    .await?;

    gateway.signal(Signal::TERM)?;
    gateway.ended().await?;
    let tail = tokio::time::timeout(Duration::from_secs(10), tail.wait_with_output()).await;
    let tail = tail
        .map_err(|_| "`tail` does not end with the gateway")?
        .map_err(text)?;
    // As the operator sees it: with what targets said.
    told.say(
        "tradewind tail",
        String::from_utf8_lossy(&tail.stdout).into_owned(),
        true,
    );
    gateway.said_no_panic()?;
    read_files(&gateway, &echo, &canaries, &mut told, figures)
}

/// Waits until every subscription has set its events aside.
async fn settle(gateway: &Gateway, setting: &Setting) -> Result<(), String> {
    let names = names(&setting.subscriptions);
    for _ in 0..240 {
        let listed = gateway.ask(&["subscriptions", "list"]).await?;
        let waiting = listed.as_array().into_iter().flatten().filter(|one| {
            let name = one["name"].as_str().unwrap_or_default();
            names.contains(&name) && one["account"]["pending"] != 0
        });
        if waiting.count() == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Err("deliveries are still pending after a minute".into())
}

/// The names of what stands in a part of the file.
fn names(part: &str) -> Vec<&str> {
    let lines = part.lines().filter_map(|line| line.strip_prefix("  "));
    lines
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect()
}

fn with_config(gateway: &Gateway, args: &[&str]) -> Command {
    let config = gateway.config().display().to_string();
    Command::new(&[args, &["--config", &config]].concat())
}

/// What operators ask, well and badly.
fn commands(
    gateway: &Gateway,
    setting: &Setting,
    short: bool,
    canaries: &mut Canaries,
) -> Vec<Command> {
    let mut all = Vec::new();
    let asked: [&[&str]; 13] = [
        &["status"],
        &["sources", "list"],
        &["streams", "list"],
        &["subscriptions", "list"],
        &["schedules", "list"],
        &["schema", "list"],
        &["api-keys", "list"],
        &["audit", "list"],
        &["explain", "known-event"],
        &["explain", "nothing"],
        &["check"],
        &["check", "--owners"],
        &["check", "--format", "sarif"],
    ];
    for args in asked {
        all.push(with_config(gateway, args));
        all.push(with_config(
            gateway,
            &[args, &["--output", "json"]].concat(),
        ));
    }
    all.push(with_config(gateway, &["permissions", "--cloud", "aws"]));
    all.push(with_config(gateway, &["diff"]));
    all.push(Command::new(&[
        "backup",
        "list",
        "--from",
        "s3://bucket/place",
    ]));
    let data = gateway.data().display().to_string();
    all.push(Command::new(&["audit", "verify", "--data-dir", &data]));
    let every = if short { 3 } else { 1 };
    for name in names(&setting.subscriptions).into_iter().step_by(every) {
        all.push(with_config(
            gateway,
            &["dead-letters", "list", name, "--output", "json"],
        ));
    }
    for args in [&["status"], &["diff"]] {
        let wrong = with_config(gateway, args);
        all.push(wrong.with(
            "TRADEWIND_ADMIN_TOKEN",
            canaries.secret("a token of the command line"),
        ));
    }
    let address = format!(
        "https://u:{}@127.0.0.1:9",
        canaries.secret("an address of the command line")
    );
    let mut status = Command::new(&["status"]).with("TRADEWIND_ADMIN", address);
    status.what = "tradewind status at an address with a password".into();
    all.push(status);
    all.push(Command::new(&[
        "serve",
        "--config",
        "/nowhere/tradewind.yaml",
    ]));
    for source in ["twilio", "square", "github", "standard", "stripe", "gitlab"] {
        let file = gateway.beside(&format!("{source}.http"));
        let signature = canaries.secret("a saved request");
        let saved = format!(
            "POST /{source}?k={signature} HTTP/1.1\nhost: x\nx-gitlab-token: {signature}\nx-twilio-signature: {signature}\nauthorization: Bearer {signature}\n\n{}",
            payload()
        );
        std::fs::write(&file, saved).ok();
        let file = file.display().to_string();
        all.push(with_config(gateway, &["sources", "test", source, &file]));
    }
    all
}

/// `check`, `serve` and `diff` of files with one thing wrong at each secret.
fn spoilt(
    gateway: &Gateway,
    setting: &Setting,
    marked: &str,
    short: bool,
    figures: &mut Figures,
) -> Result<Vec<Command>, String> {
    let mut all = Vec::new();
    let formats = ["text", "json", "sarif"];
    let valid = gateway.beside("valid.yaml");
    std::fs::write(&valid, setting.fill(marked, false)).map_err(text)?;
    let valid = valid.display().to_string();
    for number in 0..setting.len() {
        let ways: Vec<usize> = match short {
            true => vec![fastrand::usize(..WAYS)],
            false => (0..WAYS).collect(),
        };
        for way in ways {
            let Some(spoilt) = Setting::spoil(marked, number, way) else {
                continue;
            };
            let written_out = (number + way) % 2 == 0;
            let name = format!("spoilt-{number}-{way}.yaml");
            let path = gateway.beside(&name);
            std::fs::write(&path, setting.fill(&spoilt, written_out)).map_err(text)?;
            let path = path.display().to_string();
            let args: &[&str] = match (way, all.len()) {
                // That one is never valid, or it would serve.
                (7, _) => &["serve", "--config", &path],
                (1, _) => &["diff", &path, "--against", &valid],
                (_, n) => &["check", &path, "--format", formats[n % 3]],
            };
            all.push(Command::new(args));
            figures.spoilt += 1;
        }
    }
    Ok(all)
}

/// The log, the data, what traces told, and all that was said.
fn read_files(
    gateway: &Gateway,
    echo: &Echo,
    canaries: &Canaries,
    told: &mut Told,
    figures: &mut Figures,
) -> Result<Vec<String>, String> {
    let (requests, traces) = echo.told();
    if requests < 50 || traces.is_empty() {
        return Err(format!(
            "{requests} requests to targets and {} bytes of traces: they show nothing",
            traces.len()
        ));
    }
    told.say("a trace", traces, false);
    let log = std::fs::read_to_string(gateway.beside("log")).map_err(text)?;
    figures.log = log.len();
    if log.len() < 1 << 20 {
        return Err("the log is too short to prove anything".into());
    }
    let token = std::fs::read_to_string(gateway.data().join("admin.token")).map_err(text)?;
    if log.contains(token.trim()) {
        return Err("the token of the admin API stands in the log".into());
    }
    let folder = gateway.config();
    let folder = folder.parent().ok_or("no folder")?;
    told.files(folder, &|name| {
        let secret = name.ends_with(".pem") || name.starts_with("secret-") || name == "admin.token";
        secret || name.ends_with(".yaml") || name.ends_with(".http")
    })?;
    figures.slots = canaries.count();
    figures.said = told.count();
    let leaks = told.leaks(canaries);
    figures.leaks = leaks.len();
    Ok(leaks)
}

fn payload() -> String {
    Canaries::payload()
}

/// An event of this type, with data.
fn event(ty: &str, data: &str) -> String {
    named(&fastrand::u64(..).to_string(), ty, data)
}

fn named(id: &str, ty: &str, data: &str) -> String {
    serde_json::json!({
        "specversion": "1.0", "id": id, "source": "/shop/1", "type": ty,
        "datacontenttype": "application/json", "data": { "text": data },
    })
    .to_string()
}
