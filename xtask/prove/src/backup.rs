//! Backups under load, kill -9, also in the middle of one, and a restore elsewhere: nothing that was
//! acknowledged before the stated point may be missing, and what is damaged must be noticed.

mod s3;

use crate::gateway::{Gateway, balance};
use crate::load::Load;
use crate::oracle::Oracle;
use crate::{Options, Proved, kill, sinks};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What came of all rounds at one place.
#[derive(Default)]
struct Figures {
    backups: u64,
    cut_short: u64,
    restores: u64,
    /// Acknowledged before a stated point, and looked for after its restore.
    looked_for: u64,
    bytes: u64,
    copied: u64,
    damaged: u64,
    slowest_ms: u64,
}

/// Runs it against a folder, and against an S3 server where one can be had.
pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Vec::new();
    let folder = rounds(options, None).await;
    let mut outcome = tell("folder", folder, &mut figures);
    match s3::Server::start(&options.gateway).await {
        Ok(server) => {
            let s3 = rounds(options, Some(&server)).await;
            let told = tell("S3", s3, &mut figures);
            outcome = outcome.and(told);
        }
        Err(why) => {
            println!("SKIPPED: object storage: no S3 server can be had: {why}");
            figures.push("S3: skipped".to_owned());
        }
    }
    let figures = figures.join("; ");
    outcome
        .map(|()| figures.clone())
        .map_err(|what| (figures, what))
}

fn tell(
    place: &str,
    found: (Figures, Result<(), String>),
    figures: &mut Vec<String>,
) -> Result<(), String> {
    let (f, outcome) = found;
    figures.push(format!(
        "{place}: {} backups under load (slowest {} ms), {} more cut short by kill -9, {} restores, {} looked for of what was acknowledged before the stated points, 0 may be missing or altered, {} of {} MiB copied, {} damaged backups noticed",
        f.backups,
        f.slowest_ms,
        f.cut_short,
        f.restores,
        f.looked_for,
        f.copied >> 20,
        f.bytes >> 20,
        f.damaged,
    ));
    outcome.map_err(|what| format!("{place}: {what}"))
}

async fn rounds(options: &Options, s3: Option<&s3::Server>) -> (Figures, Result<(), String>) {
    let mut figures = Figures::default();
    let outcome = all(options, s3, &mut figures).await;
    (figures, outcome)
}

struct Ground<'a> {
    options: &'a Options,
    oracle: Oracle,
    sinks: SocketAddr,
    place: String,
    gateway: Gateway,
}

async fn all(
    options: &Options,
    s3: Option<&s3::Server>,
    figures: &mut Figures,
) -> Result<(), String> {
    let oracle = Oracle::default();
    let sinks = sinks::start(oracle.clone())
        .await
        .map_err(|e| e.to_string())?;
    let subscriptions = kill::subscriptions(sinks);
    let mut gateway = Gateway::new(&options.gateway, &subscriptions)?;
    let place = match s3 {
        Some(server) => server.place(),
        None => gateway.beside("backups").display().to_string(),
    };
    gateway.settings = format!("backup: {{ to: \"{place}\", every: 1d, keep: 1000 }}\n");
    gateway.environment = s3.map(s3::Server::environment).unwrap_or_default();
    gateway.configure(&subscriptions)?;
    gateway.start().await?;
    let mut ground = Ground {
        options,
        oracle,
        sinks,
        place,
        gateway,
    };
    let rounds = options.rounds.unwrap_or(if options.short { 2 } else { 8 });
    for round in 1..=rounds {
        ground
            .round(round, figures)
            .await
            .map_err(|e| format!("round {round}: {e}"))?;
    }
    if s3.is_none() {
        ground.damage(figures).await?;
    }
    Ok(())
}

impl Ground<'_> {
    async fn round(&mut self, round: u32, figures: &mut Figures) -> Result<(), String> {
        let load = Load::start(&self.oracle, self.gateway.address, 16, kill::TYPES);
        let pause = || tokio::time::sleep(Duration::from_millis(fastrand::u64(200..900)));
        pause().await;
        // Acknowledged before the backup is asked for, so before the point that it states.
        let before = self.oracle.acknowledged_ids();
        let report = self.gateway.ask(&["backup"]).await?;
        let number = |key: &str| report[key].as_u64().unwrap_or_default();
        figures.backups += 1;
        figures.bytes += number("bytes");
        figures.copied += number("copied-bytes");
        let took = number("finished-ms").saturating_sub(number("point-ms"));
        figures.slowest_ms = figures.slowest_ms.max(took);
        pause().await;
        if round.is_multiple_of(2) {
            // One that does not end leaves those before it as they are.
            let begun = self.gateway.command(&["backup"]).spawn();
            let begun = begun.map_err(|e| e.to_string())?;
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..120))).await;
            self.gateway.kill().await?;
            drop(begun);
            figures.cut_short += 1;
        } else {
            self.gateway.kill().await?;
        }
        load.stop().await;
        let id = report["id"].as_str().ok_or("a backup without a name")?;
        let verified = self.gateway.ask(&["backup", "verify", id]).await?;
        if verified["faults"] != Value::Array(Vec::new()) {
            return Err(format!("a fresh backup has faults: {verified}"));
        }
        self.restored(id, &report, &before, figures).await?;
        self.gateway.start().await?;
        Ok(())
    }

    /// A gateway elsewhere, made of the backup, with one more subscription that reads all of its log.
    async fn restored(
        &self,
        id: &str,
        report: &Value,
        before: &[String],
        figures: &mut Figures,
    ) -> Result<(), String> {
        let audit = format!("audit-{id}");
        let subscriptions = format!(
            "{}  audit: {{ start: oldest, concurrency: 64, {} }}\n",
            kill::subscriptions(self.sinks),
            sinks::at(self.sinks, "sink", &audit),
        );
        let mut elsewhere = Gateway::new(&self.options.gateway, &subscriptions)?;
        elsewhere.environment = self.gateway.environment.clone();
        let data = elsewhere.data().display().to_string();
        let restore = ["restore", id, "--from", &self.place, "--data-dir", &data];
        let restored = elsewhere.ask(&restore).await?;
        if restored["findings"] != Value::Array(Vec::new()) {
            return Err(format!("what was restored has damage: {restored}"));
        }
        if restored["restored"]["points"] != report["points"] {
            return Err(format!(
                "another point was restored than was stated: {restored}"
            ));
        }
        let again = elsewhere.ask(&restore).await;
        if !again.is_err_and(|why| why.contains("is not empty")) {
            return Err("a restore went into a directory that holds something".into());
        }
        elsewhere.start().await?;
        let mut still = 0;
        let mut missing = before.len();
        while still < 500 {
            let absent = self.oracle.absent(&audit, before);
            if absent.is_empty() {
                break;
            }
            still = if absent.len() == missing {
                still + 1
            } else {
                0
            };
            missing = absent.len();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if let Some(one) = self.oracle.absent(&audit, before).first() {
            return Err(format!(
                "{missing} events acknowledged before the point of {id} are not in it, for instance {one}"
            ));
        }
        for (name, wants) in [("all", None), ("some", Some("prove.some"))] {
            let of_type = self.oracle.of_type(before, wants);
            let absent = self.oracle.absent(name, &of_type);
            if let Some(one) = absent.first() {
                return Err(format!("{one} of {id} was never delivered to `{name}`"));
            }
        }
        let dead = self.oracle.of_type(before, Some("prove.refused")).len() as u64;
        for (name, account) in elsewhere
            .accounts(&["all", "some", "refused", "audit"])
            .await?
        {
            balance(&name, &account)?;
            let figure = |key: &str| account[key].as_u64().unwrap_or_default();
            if name == "refused" && figure("dead_lettered") < dead {
                return Err(format!("{dead} dead letters are expected: {account}"));
            }
        }
        if let Some(fault) = self.oracle.faults().first() {
            return Err(fault.clone());
        }
        elsewhere.kill().await?;
        figures.restores += 1;
        figures.looked_for += before.len() as u64;
        Ok(())
    }

    /// One flipped bit, one cut and one missing blob: `verify` and `restore` must notice each.
    async fn damage(&self, figures: &mut Figures) -> Result<(), String> {
        let report = self.gateway.ask(&["backup"]).await?;
        let id = report["id"].as_str().ok_or("a backup without a name")?;
        let named =
            std::fs::read_to_string(Path::new(&self.place).join(format!("backups/{id}.manifest")));
        let named = named.map_err(|e| e.to_string())?;
        let mut blobs = files(&Path::new(&self.place).join("blobs"))?;
        blobs.retain(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| named.contains(name))
        });
        for (number, harm) in ["flip", "cut", "remove"].iter().cycle().take(6).enumerate() {
            let path = blobs
                .get(fastrand::usize(..blobs.len().max(1)))
                .ok_or("no blobs")?;
            let kept = std::fs::read(path).map_err(|e| e.to_string())?;
            let harmed = match *harm {
                "flip" => {
                    let mut content = kept.clone();
                    let at = fastrand::usize(..content.len());
                    if let Some(byte) = content.get_mut(at) {
                        *byte ^= 1 << fastrand::u8(..8);
                    }
                    std::fs::write(path, content)
                }
                "cut" => std::fs::write(path, kept.get(1..).unwrap_or_default()),
                _ => std::fs::remove_file(path),
            };
            harmed.map_err(|e| e.to_string())?;
            let data = self
                .gateway
                .beside(&format!("harmed-{number}"))
                .display()
                .to_string();
            for command in [
                &["backup", "verify", id][..],
                &["restore", id, "--from", &self.place, "--data-dir", &data],
            ] {
                if let Ok(answer) = self.gateway.ask(command).await {
                    return Err(format!(
                        "{harm} of {} went unnoticed: {answer}",
                        path.display()
                    ));
                }
            }
            std::fs::write(path, kept).map_err(|e| e.to_string())?;
            figures.damaged += 1;
        }
        self.gateway.ask(&["backup", "verify", id]).await.map(drop)
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| e.to_string())? {
        let path = entry.map_err(|e| e.to_string())?.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    found.sort();
    Ok(found)
}
