//! What a package does to a machine: a throwaway one, which systemd boots in a container over this
//! machine's files, without a network. And what tools say of the files in `deploy/`.

mod lint;
mod machine;

use crate::{dist, shell};
use machine::Machine;
use std::path::Path;
use std::time::Duration;

const UNIT: &str = "tradewind.service";
const CONFIG: &str = "/etc/tradewind/config.yaml";
const SECRET: &str = "/etc/tradewind/credentials/github";
const DROP_IN: &str = "/etc/systemd/system/tradewind.service.d";
/// Exposure that `systemd-analyze security` may find, out of 10.
const EXPOSURE_MAX: f32 = 2.0;

/// What the administrator of the throwaway machine writes.
const SOURCES: &str = "\
listen: 127.0.0.1:8080
data-dir: /var/lib/tradewind
sources:
  github:
    kind: github
    path: /in/github
    secrets: [\"${credential:github}\"]
subscriptions:
  kept: { owner: me, why: to see it arrive, sink: { kind: memory } }
";

/// Runs it all; lints first, since they are quick.
pub(super) fn run() -> Result<(), String> {
    let mut figures = Figures::default();
    let outcome = all(&mut figures);
    let line = format!(
        "install: {} checks: package installed, served, reloaded, restarted by the watchdog, upgraded, \
         stopped and purged under systemd as PID 1; exposure {} of 10; {} lints",
        figures.checks, figures.exposure, figures.lints
    );
    match outcome {
        Ok(()) => {
            println!("{line}: holds");
            Ok(())
        }
        Err(e) => Err(format!("{e}\n{line}: falls short")),
    }
}

#[derive(Default)]
struct Figures {
    checks: u32,
    exposure: f32,
    lints: usize,
}

impl Figures {
    fn check(&mut self, what: &str, holds: bool, found: &str) -> Result<(), String> {
        if !holds {
            return Err(format!("not so: {what}: {}", found.trim()));
        }
        println!("ok: {what}");
        self.checks += 1;
        Ok(())
    }
}

fn all(figures: &mut Figures) -> Result<(), String> {
    machine::possible()?;
    let package = dist::package()?;
    figures.lints = lint::all(&package, &dist::Arch::host()?.binary())?;
    let machine = Machine::boot(&package)?;
    let before = machine.named_like_us()?;
    installed(&machine, figures)?;
    unit(&machine, figures)?;
    let event = served(&machine, figures)?;
    reloaded(&machine, figures)?;
    watched(&machine, figures)?;
    upgraded(&machine, figures, &event)?;
    stopped(&machine, figures, &event)?;
    purged(&machine, figures, &before)
}

fn installed(machine: &Machine, figures: &mut Figures) -> Result<(), String> {
    machine.install()?;
    let state = machine.show("ActiveState,StatusText,User,Type")?;
    let serves = ["ActiveState=active", "StatusText=serving, configuration 1"];
    let right = serves.iter().all(|line| state.contains(line));
    figures.check("installed, and it says that it is ready", right, &state)?;
    let enabled = machine.run(&["systemctl", "is-enabled", UNIT])?;
    figures.check("enabled", enabled.trim() == "enabled", &enabled)?;
    let owner = machine.run(&["stat", "--format=%U %a", "/var/lib/tradewind"])?;
    let right = owner.trim() == "tradewind 700";
    figures.check("the data is its own user's alone", right, &owner)?;
    let page = machine.run(&["man", "--where", "tradewind-serve"])?;
    figures.check("man pages", page.contains("tradewind-serve.1"), &page)
}

fn unit(machine: &Machine, figures: &mut Figures) -> Result<(), String> {
    let said = machine.run(&["systemd-analyze", "verify", "--man=yes", UNIT])?;
    figures.check("systemd-analyze verify", said.trim().is_empty(), &said)?;
    let said = machine.run(&["systemd-analyze", "security", "--no-pager", UNIT])?;
    let exposure = said
        .lines()
        .find_map(|line| {
            line.split_once("Overall exposure level for")?
                .1
                .split(':')
                .nth(1)
        })
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    figures.exposure = exposure.ok_or_else(|| format!("no exposure in: {said}"))?;
    let right = figures.exposure <= EXPOSURE_MAX;
    figures.check(
        "systemd-analyze security",
        right,
        &figures.exposure.to_string(),
    )
}

/// A secret as a credential, a signed webhook, its delivery; returns the event's position.
fn served(machine: &Machine, figures: &mut Figures) -> Result<String, String> {
    machine.write(SECRET, "only-for-trying-it-out\n")?;
    machine.run(&["chmod", "0600", SECRET])?;
    let credential = format!("[Service]\nLoadCredential=github:{SECRET}\n");
    machine.write(&format!("{DROP_IN}/credential.conf"), &credential)?;
    machine.write(CONFIG, SOURCES)?;
    machine.run(&["systemctl", "daemon-reload"])?;
    machine.run(&["systemctl", "restart", UNIT])?;
    let story = shell::root().join("examples/webhook-to-handler");
    let answer = machine.run(&[
        "sh",
        "-c",
        &format!("cd '{}' && sh send-webhook.sh", story.display()),
    ])?;
    let accepted = answer.starts_with("HTTP/1.1 202");
    figures.check("a signed webhook, by its credential", accepted, &answer)?;
    let event = crate::newcomer::position(&answer)?;
    delivered(machine, figures, "delivered", &event)?;
    let ready = machine.run(&["tradewind", "status", "--ready"])?;
    figures.check("status, without naming it", ready.contains("ready"), &ready)?;
    Ok(event)
}

fn delivered(
    machine: &Machine,
    figures: &mut Figures,
    what: &str,
    event: &str,
) -> Result<(), String> {
    let journey = machine.until(&["tradewind", "explain", event], "delivered")?;
    figures.check(what, true, &journey)
}

fn reloaded(machine: &Machine, figures: &mut Figures) -> Result<(), String> {
    let more =
        format!("{SOURCES}  more: {{ owner: me, why: a change, sink: {{ kind: memory }} }}\n");
    machine.write(CONFIG, &more)?;
    machine.run(&["systemctl", "reload", UNIT])?;
    let state = machine.until_shown("StatusText", "configuration 2")?;
    figures.check("reloaded", true, &state)?;
    machine.write(CONFIG, "subscriptions: 3\n")?;
    machine.run(&["systemctl", "reload", UNIT])?;
    let state = machine.until_shown("StatusText,ActiveState", "the file on disk is refused")?;
    let runs_on = state.contains("ActiveState=active");
    figures.check("a file with mistakes changes nothing", runs_on, &state)?;
    machine.write(CONFIG, SOURCES)
}

/// A process that no longer turns is replaced.
fn watched(machine: &Machine, figures: &mut Figures) -> Result<(), String> {
    let quick = "[Service]\nWatchdogSec=1\nTimeoutAbortSec=1\n";
    machine.write(&format!("{DROP_IN}/quick.conf"), quick)?;
    machine.run(&["systemctl", "daemon-reload"])?;
    machine.run(&["systemctl", "restart", UNIT])?;
    // Three periods of silence are not noticed where it beats.
    std::thread::sleep(Duration::from_secs(3));
    let state = machine.show("NRestarts")?;
    let beats = state.contains("NRestarts=0");
    figures.check("the watchdog hears it", beats, &state)?;
    machine.run(&["systemctl", "kill", "--signal=STOP", UNIT])?;
    let state = machine.until_shown("NRestarts,ActiveState", "NRestarts=1")?;
    figures.check("a stopped process is replaced", true, &state)?;
    machine.run(&["rm", &format!("{DROP_IN}/quick.conf")])?;
    machine.run(&["systemctl", "daemon-reload"])?;
    let state = machine.until_shown("ActiveState", "ActiveState=active")?;
    figures.check("and serves", true, &state)
}

fn upgraded(machine: &Machine, figures: &mut Figures, event: &str) -> Result<(), String> {
    let before = machine.show("MainPID")?;
    machine.install()?;
    let after = machine.show("MainPID,ActiveState")?;
    let new = after.contains("ActiveState=active") && !after.contains(before.trim());
    figures.check("upgraded over itself, and restarted", new, &after)?;
    let config = machine.run(&["cat", CONFIG])?;
    figures.check("the configuration is kept", config == SOURCES, &config)?;
    delivered(machine, figures, "the event is kept", event)?;
    // What the administrator has stopped stays stopped.
    machine.run(&["systemctl", "stop", UNIT])?;
    machine.install()?;
    let state = machine.show("ActiveState")?;
    let stopped = state.contains("ActiveState=inactive");
    figures.check(
        "an upgrade starts nothing that was stopped",
        stopped,
        &state,
    )?;
    machine.run(&["systemctl", "start", UNIT]).map(drop)
}

fn stopped(machine: &Machine, figures: &mut Figures, event: &str) -> Result<(), String> {
    machine.run(&["systemctl", "stop", UNIT])?;
    let state = machine.show("Result,ExecMainStatus,ActiveState")?;
    let lines = ["Result=success", "ExecMainStatus=0", "ActiveState=inactive"];
    let clean = lines.iter().all(|line| state.contains(line));
    figures.check("stopped cleanly", clean, &state)?;
    machine.run(&["dpkg", "--remove", "tradewind"])?;
    let kept = machine.run(&["ls", "/var/lib/tradewind", CONFIG])?;
    let right = kept.contains("config.yaml") && kept.lines().count() > 3;
    figures.check("removed: data and configuration are kept", right, &kept)?;
    machine.install()?;
    delivered(
        machine,
        figures,
        "installed again: the event is there",
        event,
    )
}

fn purged(machine: &Machine, figures: &mut Figures, before: &str) -> Result<(), String> {
    machine.run(&["rm", "--recursive", DROP_IN])?;
    machine.run(&["dpkg", "--purge", "tradewind"])?;
    let after = machine.named_like_us()?;
    figures.check("purged: no file is left", after == before, &after)?;
    let user = machine.run(&[
        "sh",
        "-c",
        "getent passwd tradewind || getent group tradewind || echo none",
    ])?;
    figures.check("nor the user", user.trim() == "none", &user)
}

/// A path as an argument of a command.
fn text(path: &Path) -> Result<&str, String> {
    path.to_str()
        .ok_or_else(|| format!("not UTF-8: {}", path.display()))
}
