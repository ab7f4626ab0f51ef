//! The audit log of the real binary: what was answered 2xx has its line, over kills too; a changed byte is found; with
//! no room for a line nothing is done.

use crate::gateway::Gateway;
use crate::oracle::Oracle;
use crate::{Options, Proved, load, sinks};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LETTERS: &str = "/v1/subscriptions/bad/dead-letters";

#[derive(Default)]
struct Figures {
    kills: u64,
    answered: u64,
    lines: u64,
    changed: u64,
    unseen: u64,
    full: Option<u64>,
}

pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Figures::default();
    let outcome = prove(options, &mut figures).await;
    let line = format!(
        "{} kills, {} actions answered, {} lines, {} bytes changed, {} unseen, {}",
        figures.kills,
        figures.answered,
        figures.lines,
        figures.changed,
        figures.unseen,
        match figures.full {
            Some(n) => format!("without room {n} actions refused and none done"),
            None => "no small disk can be mounted here".into(),
        }
    );
    match outcome {
        Ok(()) => Ok(line),
        Err(what) => Err((line, what)),
    }
}

async fn prove(options: &Options, figures: &mut Figures) -> Result<(), String> {
    let rounds = options.rounds.unwrap_or(if options.short { 4 } else { 40 });
    let sinks = sinks::start(Oracle::default()).await;
    let sinks = sinks.map_err(|e| e.to_string())?;
    let subscriptions = |owner: &str| {
        format!(
            "  bad: {{ owner: {owner}, why: to be refused, retry: {{ max-attempts: 1 }}, {} }}\n",
            sinks::at(sinks, "refuse", "bad")
        )
    };
    let mut gateway = Gateway::new(&options.gateway, &subscriptions("shop"))?;
    let mut kept = None;
    for round in 0..rounds {
        gateway.start().await?;
        let published = publish(&gateway, 20).await?;
        let answered = act(&mut gateway, &subscriptions, round).await?;
        if gateway.id().is_some() {
            gateway.kill().await?;
        }
        figures.kills += 1;
        figures.answered += answered.len() as u64 + published;
        let report = verified(&gateway, kept.as_deref()).await?;
        kept = report["head"].as_str().map(str::to_owned);
        figures.lines = report["records"].as_u64().unwrap_or_default();
        told(&gateway, &answered).await?;
    }
    changes(&gateway, options, figures).await?;
    figures.full = without_room(options, &subscriptions("shop")).await?;
    Ok(())
}

/// Events as the operator publishes them; gives how many were answered 200.
async fn publish(gateway: &Gateway, events: u64) -> Result<u64, String> {
    let mut done = 0;
    for n in 0..events {
        let id = format!("{:x}", fastrand::u64(..));
        let event = format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/prove","type":"t","data":{n}}}"#
        );
        let path = "/v1/streams/default/events";
        let (status, _) = gateway.call("POST", path, &event).await?;
        done += u64::from(status == 200);
    }
    Ok(done)
}

/// Does things in a random order until the gateway is killed in the middle of one; what was answered.
async fn act(
    gateway: &mut Gateway,
    subscriptions: &impl Fn(&str) -> String,
    round: u32,
) -> Result<Vec<&'static str>, String> {
    let mut answered = Vec::new();
    let until = fastrand::usize(5..25);
    loop {
        let last = answered.len() >= until;
        let actions: [(&'static str, &str, String, &str); 8] = [
            ("pause", "POST", "/v1/subscriptions/bad/pause".into(), ""),
            ("resume", "POST", "/v1/subscriptions/bad/resume".into(), ""),
            ("list-dead-letters", "GET", LETTERS.into(), ""),
            (
                "redrive",
                "POST",
                format!("{LETTERS}/redrive"),
                r#"{"all":true}"#,
            ),
            (
                "purge",
                "POST",
                format!("{LETTERS}/purge"),
                r#"{"all":true}"#,
            ),
            (
                "replay",
                "POST",
                "/v1/replays".into(),
                r#"{"subscription":"bad","from":"oldest"}"#,
            ),
            ("read-event", "GET", "/v1/events/default/0/0".into(), ""),
            ("reload", "POST", "/v1/config/reload".into(), ""),
        ];
        let (what, method, path, body) = &actions[fastrand::usize(..actions.len())];
        if *what == "reload" {
            let owner = format!("owner-{round}-{}", answered.len());
            gateway.configure(&subscriptions(&owner))?;
        }
        if last {
            // The call is under way when the process ends, or was never begun.
            let pause = Duration::from_micros(fastrand::u64(..3000));
            let call = gateway.call(method, path, body);
            let cut = tokio::time::timeout(pause, call).await;
            if let Ok(Ok((200, _))) = cut {
                answered.push(*what);
            }
            return Ok(answered);
        }
        let (status, said) = gateway.call(method, path, body).await?;
        match status {
            200 => answered.push(*what),
            404 => {}
            _ => return Err(format!("{what} was answered {status}: {said}")),
        }
    }
}

async fn verified(gateway: &Gateway, kept: Option<&str>) -> Result<Value, String> {
    let mut command = vec!["audit", "verify"];
    if let Some(kept) = kept {
        command.extend(["--head", kept]);
    }
    gateway.ask(&command).await
}

/// Since the last start there are lines for all of these, asked and ended.
async fn told(gateway: &Gateway, answered: &[&'static str]) -> Result<(), String> {
    let all = gateway.ask(&["audit", "list", "--limit", "100000"]).await?;
    let all = all.as_array().ok_or("the lines are no array")?;
    let since = all.iter().rposition(|line| line["what"] == "start");
    let mut ended: HashMap<&str, u64> = HashMap::new();
    for line in &all[since.unwrap_or_default()..] {
        if line["outcome"] == "200" && line["by"] == "operator" {
            *ended
                .entry(line["what"].as_str().unwrap_or_default())
                .or_default() += 1;
        }
    }
    for what in answered {
        let wanted = answered.iter().filter(|other| *other == what).count() as u64;
        let found = ended.get(what).copied().unwrap_or_default();
        if found < wanted {
            return Err(format!(
                "{wanted} times {what} was answered, {found} times it is told"
            ));
        }
    }
    Ok(())
}

/// Bytes of a stopped gateway's log are changed one by one; each is found and put back.
async fn changes(
    gateway: &Gateway,
    options: &Options,
    figures: &mut Figures,
) -> Result<(), String> {
    let folder = gateway.data().join("audit");
    let files: Vec<_> = std::fs::read_dir(&folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| e.to_string())?;
    for _ in 0..if options.short { 60 } else { 1000 } {
        let path = files[fastrand::usize(..files.len())].path();
        let mut bytes = std::fs::read(&path).map_err(|e| e.to_string())?;
        let at = fastrand::usize(..bytes.len());
        let was = bytes[at];
        bytes[at] ^= fastrand::u8(1..);
        std::fs::write(&path, &bytes).map_err(|e| e.to_string())?;
        figures.changed += 1;
        if verified(gateway, None).await.is_ok() {
            figures.unseen += 1;
        }
        bytes[at] = was;
        std::fs::write(&path, &bytes).map_err(|e| e.to_string())?;
    }
    verified(gateway, None).await?;
    match figures.unseen {
        0 => Ok(()),
        unseen => Err(format!("{unseen} changed bytes were not found")),
    }
}

/// A small file system of its own for the log: once that is full, actions are refused and nothing is done.
/// Gives how many, or `None` where none can be mounted.
async fn without_room(options: &Options, subscriptions: &str) -> Result<Option<u64>, String> {
    let mut gateway = Gateway::new(&options.gateway, subscriptions)?;
    let at = gateway.data().join("audit");
    std::fs::create_dir_all(&at).map_err(|e| e.to_string())?;
    let Ok(_small) = Small::mount(&at) else {
        return Ok(None);
    };
    gateway.start().await?;
    let pause = "/v1/subscriptions/bad/pause";
    let resume = "/v1/subscriptions/bad/resume";
    let mut refused = 0;
    let mut state = String::from("active");
    for n in 0..2000 {
        let (path, wanted) = if n % 2 == 0 {
            (pause, "paused")
        } else {
            (resume, "active")
        };
        let (status, said) = gateway.call("POST", path, "").await?;
        match status {
            200 => state = wanted.into(),
            503 if said["type"] == "urn:tradewind:problem:audit-failed" => refused += 1,
            _ => return Err(format!("{path} was answered {status}: {said}")),
        }
        let (_, seen) = gateway.call("GET", "/v1/subscriptions/bad", "").await?;
        if seen["state"] != state.as_str() {
            return Err(format!(
                "{path} was answered {status}, and it is {}",
                seen["state"]
            ));
        }
        if refused == 20 {
            break;
        }
    }
    // Events are taken all the same.
    let mut sender = load::connect(gateway.address)
        .await
        .ok_or("the gateway takes no connection")?;
    let event = hyper::Request::post("/events")
        .header("host", "localhost")
        .header("ce-specversion", "1.0")
        .header("ce-id", "1")
        .header("ce-source", "/prove")
        .header("ce-type", "t")
        .body(http_body_util::Full::default())
        .map_err(|e| e.to_string())?;
    let taken = load::ask(&mut sender, event)
        .await
        .map(|answer| answer.status().as_u16());
    gateway.kill().await?;
    match (refused, taken) {
        (20, Some(202)) => Ok(Some(refused)),
        (20, other) => Err(format!(
            "an event was answered {other:?} beside a full audit log"
        )),
        _ => Err("the small disk did not fill".into()),
    }
}

/// A file system of a few pages.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn mount(at: &'a Path) -> Result<Self, String> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(at)
            .status();
        match mounted {
            Ok(status) if status.success() => Ok(Self(at)),
            other => Err(format!("{other:?}")),
        }
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // Lazily: whatever still has a file open there is about to end.
        let gone = Command::new("umount").arg("--lazy").arg(self.0).status();
        if !gone.is_ok_and(|status| status.success()) {
            println!("left mounted: {}", self.0.display());
        }
    }
}
