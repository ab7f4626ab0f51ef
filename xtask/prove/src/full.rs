//! A disk that fills up under load: publishers are told to come back, what was accepted is delivered
//! and dead-lettered all the same, and all goes on by itself once there is room.

use crate::gateway::Gateway;
use crate::load::Load;
use crate::oracle::Oracle;
use crate::{Options, Proved, kill, sinks};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Size of the file system.
const DISK: u64 = 256 << 20;
/// What the gateway sets aside.
const RESERVE: u64 = 64 << 20;
/// Room left for the load, beside the reserve.
const ROOM: u64 = 8 << 20;

/// A file system in a file, mounted; both go with the value.
struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Disk {
    fn mount(at: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(at).map_err(|e| e.to_string())?;
        let image = at.with_extension("image");
        std::fs::File::create(&image)
            .and_then(|file| file.set_len(DISK))
            .map_err(|e| e.to_string())?;
        run("mkfs.ext4", |c| c.args(["-q", "-F", "-m", "0"]).arg(&image))?;
        run("mount", |c| c.args(["-o", "loop"]).arg(&image).arg(at))?;
        Ok(Self {
            image,
            at: at.to_owned(),
        })
    }

    fn ballast(&self) -> PathBuf {
        self.at.join("ballast")
    }

    /// Takes all room but `left` bytes.
    fn fill(&self, left: u64) -> Result<(), String> {
        let stat = rustix::fs::statvfs(&self.at).map_err(|e| e.to_string())?;
        let free = stat.f_bavail * stat.f_frsize;
        let file = std::fs::File::create(self.ballast()).map_err(|e| e.to_string())?;
        let flags = rustix::fs::FallocateFlags::empty();
        rustix::fs::fallocate(&file, flags, 0, free.saturating_sub(left)).map_err(|e| e.to_string())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whatever still has a file open there is about to end.
        if let Err(why) = run("umount", |c| c.arg("--lazy").arg(&self.at)) {
            println!("left mounted: {why}");
        }
        std::fs::remove_file(&self.image).ok();
    }
}

fn run(program: &str, arguments: impl Fn(&mut Command) -> &mut Command) -> Result<(), String> {
    let output = arguments(&mut Command::new(program)).output();
    let output = output.map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", said.trim()))
}

/// What is measured.
#[derive(Default)]
struct Figures {
    acknowledged: usize,
    while_full: usize,
    backlog: usize,
    refused: u64,
    resumed: Duration,
}

/// Runs it once.
pub(crate) async fn prove(options: &Options) -> Proved {
    let seconds = u64::from(options.rounds.unwrap_or(60));
    let oracle = Oracle::default();
    let mut figures = Figures::default();
    let begun = async {
        let sinks = sinks::start(oracle.clone())
            .await
            .map_err(|e| e.to_string())?;
        Gateway::new(&options.gateway, &kill::subscriptions(sinks))
    };
    let mut gateway = begun.await.map_err(|what| (String::new(), what))?;
    let disk = match Disk::mount(&gateway.data()) {
        Ok(disk) => disk,
        Err(why) => {
            return Ok(format!(
                "skipped on a real disk, since none can be mounted ({why})"
            ));
        }
    };
    let outcome = fill(&mut gateway, &disk, &oracle, seconds, &mut figures).await;
    if gateway.id().is_some() {
        gateway.kill().await.ok();
    }
    let Figures {
        acknowledged,
        while_full,
        backlog,
        refused,
        resumed,
    } = figures;
    let text = format!(
        "an ext4 of {} MiB full for {seconds} s: {refused} publishes refused with 507 or 503 and \
         Retry-After, a backlog of {backlog} deliveries and dead letters worked off meanwhile, \
         {while_full} events taken meanwhile, first 2xx {} ms after there was room, {acknowledged} \
         events acknowledged, 0 may be lost",
        DISK >> 20,
        resumed.as_millis(),
    );
    outcome.map(|()| text.clone()).map_err(|what| (text, what))
}

#[allow(
    clippy::disallowed_methods,
    reason = "measures the process from outside"
)]
async fn fill(
    gateway: &mut Gateway,
    disk: &Disk,
    oracle: &Oracle,
    seconds: u64,
    figures: &mut Figures,
) -> Result<(), String> {
    gateway.start().await?;
    let reserve = std::fs::metadata(gateway.data().join("reserve")).map_err(|e| e.to_string())?;
    if reserve.len() < RESERVE {
        return Err(format!("only {} bytes are set aside", reserve.len()));
    }
    // So that there is something to go on with when the disk is full.
    for name in ["all", "some", "refused"] {
        gateway.ask(&["subscriptions", "pause", name]).await?;
    }
    disk.fill(ROOM)?;
    let load = Load::start(oracle, gateway.address, 16, kill::TYPES);
    until("the disk is not full after a minute", || {
        load.refused().total() > 0
    })
    .await?;
    let before = oracle.acknowledgements();
    for name in ["all", "some", "refused"] {
        gateway.ask(&["subscriptions", "resume", name]).await?;
    }
    let begun = Instant::now();
    kill::settled(gateway, oracle).await?;
    figures.backlog = usize::try_from(oracle.arrivals()).unwrap_or_default();
    let status = gateway.ask(&["status"]).await?;
    let why = status["not-ready-because"].as_str().unwrap_or_default();
    if !why.contains("full") {
        return Err(format!("the disk is full, and status says `{why}`"));
    }
    let rest = Duration::from_secs(seconds).saturating_sub(begun.elapsed());
    tokio::time::sleep(rest).await;
    let refusals = load.refused();
    figures.refused = refusals.total();
    let full = oracle.acknowledgements();
    figures.while_full = full - before;
    let others = refusals.statuses.keys().any(|s| !matches!(s, 503 | 507));
    if others || refusals.without_retry_after > 0 {
        return Err(format!("publishes are refused in other ways: {refusals:?}"));
    }
    std::fs::remove_file(disk.ballast()).map_err(|e| e.to_string())?;
    let begun = Instant::now();
    until("nothing is taken a minute after there is room", || {
        oracle.acknowledgements() > full
    })
    .await?;
    figures.resumed = begun.elapsed();
    if figures.resumed > Duration::from_secs(5) {
        return Err("events are taken later than 5 s after there is room".into());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    load.stop().await;
    kill::settled(gateway, oracle).await?;
    gateway.kill().await?;
    gateway.start().await?;
    kill::settled(gateway, oracle).await?;
    figures.acknowledged = oracle.acknowledgements();
    Ok(())
}

/// Waits until something shows outside.
async fn until(otherwise: &str, holds: impl Fn() -> bool) -> Result<(), String> {
    for _ in 0..6000 {
        if holds() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(otherwise.into())
}
