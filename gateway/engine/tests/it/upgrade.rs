//! Data directories that earlier formats wrote, read by this version.
//!
//! A fixture holds every file of a directory as text: `file <path> <length>`, then lines of an offset
//! and the bytes there, `ff*<count>` for many ones; what no line names is zero. A new format gets a new fixture:
//! `TRADEWIND_WRITE_FIXTURE=2 cargo test -p tradewind-engine --test it upgrade`. Those of earlier
//! formats stay as they are.

use crate::support::*;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tradewind_engine::{Engine, Plan, PublishError};
use tradewind_event::Event;
use tradewind_store::disk::{Disk, DiskFile, Open};
use tradewind_store::testkit::{SeededRandom, SimDisk, restore};
use tradewind_store::{Embedded, Params, Streams};

const HOUR: Duration = Duration::from_secs(3600);
/// Bytes in a line.
const LINE: usize = 32;

fn fixture(format: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    folder.join(format!("format-{format}.txt"))
}

fn dump(disk: &SimDisk) -> String {
    let mut text = String::new();
    for (path, len) in disk.files() {
        writeln!(text, "file {} {len}", path.display()).unwrap();
        let file = disk.open(&path, Open::Existing).unwrap();
        let mut content = vec![0; len as usize];
        file.read_at(0, &mut content).unwrap();
        let mut at = 0;
        while at < content.len() {
            let rest = &content[at..];
            let ones = rest.iter().take_while(|byte| **byte == 0xff).count();
            let line = &rest[..rest.len().min(LINE)];
            if ones > LINE {
                writeln!(text, "{at:x} ff*{ones}").unwrap();
                at += ones;
                continue;
            }
            if let Some(last) = line.iter().rposition(|byte| *byte != 0) {
                let bytes: String = line[..=last].iter().map(|b| format!("{b:02x}")).collect();
                writeln!(text, "{at:x} {bytes}").unwrap();
            }
            at += line.len();
        }
    }
    text
}

fn load(text: &str) -> SimDisk {
    let disk = SimDisk::new();
    let mut file: Option<Arc<dyn DiskFile>> = None;
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["file", path, len] = words[..] {
            let path = Path::new(path);
            for folder in path.ancestors().skip(1).collect::<Vec<_>>().iter().rev() {
                disk.create_dir(folder).unwrap();
            }
            let made = disk.open(path, Open::Empty).unwrap();
            made.set_len(len.parse().unwrap()).unwrap();
            file = Some(made);
        } else if let [at, bytes] = words[..] {
            let bytes: Vec<u8> = match bytes.strip_prefix("ff*") {
                Some(count) => vec![0xff; count.parse().unwrap()],
                None => (0..bytes.len())
                    .step_by(2)
                    .map(|i| u8::from_str_radix(&bytes[i..i + 2], 16).unwrap())
                    .collect(),
            };
            let at = u64::from_str_radix(at, 16).unwrap();
            file.as_ref().unwrap().write_at(at, &bytes).unwrap();
        }
    }
    disk
}

/// Sizes at which a few events make segments, checkpoints and runs.
fn store(disk: &SimDisk, clock: &Arc<SimClock>) -> Arc<Embedded> {
    let params = Params {
        segment_bytes: 4 << 10,
        chunk_bytes: 4 << 10,
        overlay_bytes: 1 << 10,
        identities: 4,
        reserve_bytes: 0,
        ..Params::default()
    };
    let random = Arc::new(SeededRandom::new(1));
    let disk = Arc::new(disk.clone());
    let store = Embedded::open_on(disk, "data", clock.clone(), random, params);
    Arc::new(store.unwrap().inline())
}

fn subscriptions(sink: &Arc<ScriptedSink>, paused: &Arc<ScriptedSink>) -> Plan {
    plan([("s", subscription(sink)), ("paused", subscription(paused))])
}

fn ids() -> Vec<String> {
    let ids = (0..6).map(|i| format!("{}{i}", ["accepted", "retried", "dead"][i % 3]));
    ids.collect()
}

/// Writes a fixture when asked to.
#[tokio::test(start_paused = true)]
async fn write() {
    let Ok(format) = std::env::var("TRADEWIND_WRITE_FIXTURE") else {
        return;
    };
    let (clock, disk) = (SimClock::new(), SimDisk::new());
    let sink = ScriptedSink::new(|delivery| match delivery.event.id() {
        id if id.starts_with("accepted") => Act::Accept,
        id if id.starts_with("retried") => Act::Retry(Some(HOUR)),
        _ => Act::Reject,
    });
    let engine = Engine::start(
        subscriptions(&sink, &ScriptedSink::accepting()),
        store(&disk, &clock),
        clock.clone(),
    )
    .await
    .unwrap();
    engine.pause("paused").await.unwrap();
    for id in ids() {
        publish(&engine, [event(&id)]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    std::fs::write(fixture(&format), dump(&disk)).unwrap();
}

async fn reads(text: &str) {
    let (clock, disk) = (SimClock::new(), load(text));
    clock.jump(60_000);
    let (sink, paused) = (ScriptedSink::accepting(), ScriptedSink::accepting());
    let engine = Engine::start(
        subscriptions(&sink, &paused),
        store(&disk, &clock),
        clock.clone(),
    )
    .await
    .unwrap();
    let before = account(&engine, "s").await;
    assert_eq!((before.matched, before.accepted), (6, 2));
    assert_eq!((before.dead_lettered, before.pending), (2, 2));
    let (letters, _) = engine.dead_letters("s", None, 100).await.unwrap();
    let mut dead: Vec<_> = letters.iter().map(|l| l.id.as_str()).collect();
    dead.sort_unstable();
    assert_eq!(dead, ["dead2", "dead5"]);
    assert!(letters.iter().all(|letter| letter.attempts.len() == 1));
    for letter in &letters {
        let kept = engine.event("default", &letter.position).await.unwrap();
        assert_eq!(kept, event(&letter.id), "byte for byte");
    }
    // The window of the identities has not ended.
    publish(&engine, [event("accepted0")]).await;
    assert_eq!(engine.streams().await["default"].duplicates, 1);
    assert!(sink.ids().is_empty(), "what was accepted is not sent again");
    tokio::time::sleep(2 * HOUR).await;
    let mut retried = sink.ids();
    retried.sort_unstable();
    assert_eq!(retried, ["retried1", "retried4"]);
    assert!(sink.seen().iter().all(|seen| seen.attempt == 2));
    assert!(paused.ids().is_empty(), "the pause is kept");
    engine.resume("paused").await.unwrap();
    engine.quiesced().await;
    assert_eq!(paused.ids(), ids());
    assert_eq!(engine.redrive("s", None).await.unwrap(), 2);
    engine.quiesced().await;
    assert_eq!(account(&engine, "s").await.accepted, 6);
}

#[tokio::test(start_paused = true)]
async fn format_1_is_read() {
    reads(&std::fs::read_to_string(fixture("1")).unwrap()).await;
}

/// Contents were hashed otherwise once. An event that comes again is a duplicate all the same, also in a batch of which
/// the rest is new; one that differs is in conflict.
#[tokio::test(start_paused = true)]
async fn what_format_1_holds_comes_again() {
    let (clock, disk) = (
        SimClock::new(),
        load(&std::fs::read_to_string(fixture("1")).unwrap()),
    );
    clock.jump(60_000);
    let (sink, paused) = (ScriptedSink::accepting(), ScriptedSink::accepting());
    let plan = subscriptions(&sink, &paused);
    let engine = Engine::start(plan, store(&disk, &clock), clock.clone());
    let engine = engine.await.unwrap();
    let other = Event::builder("dead2", "/shop", "other").build().unwrap();
    let batch = vec![event("accepted0"), event("new"), other];
    let refused = engine.publish("default", &origin(), batch).await;
    let Err(PublishError::Conflict(conflicts)) = refused else {
        panic!("{refused:?}")
    };
    let indexes: Vec<_> = conflicts.iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, [2]);
    for new in [true, false] {
        let batch = [event("accepted0"), event("new"), event("retried1")];
        let receipts = publish(&engine, batch).await;
        let duplicates: Vec<_> = receipts.iter().map(|receipt| receipt.duplicate).collect();
        assert_eq!(duplicates, [true, !new, true]);
    }
    let streams = engine.streams().await;
    let account = &streams["default"];
    assert_eq!((account.appended, account.duplicates), (1, 5));
}

/// A backup of an earlier format's directory, restored, is that directory: the way back from an upgrade.
#[tokio::test(start_paused = true)]
async fn format_1_is_read_from_a_backup() {
    let disk = load(&std::fs::read_to_string(fixture("1")).unwrap());
    let store = store(&disk, &SimClock::new());
    let names = store.list().await.unwrap();
    let mut cuts = Vec::new();
    for name in &names {
        cuts.push((name.as_str(), store.cut(name).await.unwrap().unwrap()));
    }
    let cuts: Vec<_> = cuts.iter().map(|(name, cut)| (*name, cut)).collect();
    let elsewhere = SimDisk::new();
    let restored = restore(&cuts, Arc::new(elsewhere.clone()), "data");
    restored.finish().unwrap();
    reads(&dump(&elsewhere)).await;
}

/// The first directories had neither a copy nor a checksum of their metadata.
#[tokio::test(start_paused = true)]
async fn format_1_is_read_as_it_was_first() {
    let text = std::fs::read_to_string(fixture("1")).unwrap();
    let disk = load(&text);
    for (path, _) in disk.files() {
        match path.file_name().and_then(|name| name.to_str()) {
            Some("stream.copy") => disk.remove(&path).unwrap(),
            Some("stream.json" | "FORMAT") => {
                let file = disk.open(&path, Open::Existing).unwrap();
                let mut content = vec![0; file.len().unwrap() as usize];
                file.read_at(0, &mut content).unwrap();
                let mut fields: serde_json::Value = serde_json::from_slice(&content).unwrap();
                fields.as_object_mut().unwrap().remove("check").unwrap();
                let content = fields.to_string();
                file.set_len(content.len() as u64).unwrap();
                file.write_at(0, content.as_bytes()).unwrap();
            }
            _ => {}
        }
    }
    reads(&dump(&disk)).await;
}
