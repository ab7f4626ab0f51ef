//! L: what putting 1 KiB on disk before the answer costs by itself.
//!
//! A zero-filled file, used again from its start when it is full; one thread that takes all that
//! waits, writes it with one call, syncs once and then wakes the senders.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

const FILE: u64 = 64 << 20;
const GROUP: usize = 1 << 20;
const RECORDS: usize = 4096;

type Record = (Bytes, oneshot::Sender<()>);

#[derive(Clone)]
struct Log {
    send: Sender<Record>,
    syncs: Arc<AtomicU64>,
}

pub(super) async fn run(path: &Path) -> std::io::Result<()> {
    let file = zeroed(path)?;
    let (send, records) = channel();
    let syncs = Arc::new(AtomicU64::new(0));
    let counted = syncs.clone();
    std::thread::spawn(move || write(&file, &records, &counted));
    let router = Router::new()
        .route("/events", post(take))
        .route("/syncs", get(count))
        .with_state(Log { send, syncs });
    super::serve(router).await
}

/// Extents and size are settled beforehand, so that a sync moves data only.
pub(crate) fn zeroed(path: &Path) -> std::io::Result<File> {
    let file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)?;
    let zeros = vec![0; GROUP];
    for at in (0..FILE).step_by(GROUP) {
        file.write_all_at(&zeros, at)?;
    }
    file.sync_all()?;
    Ok(file)
}

async fn take(State(log): State<Log>, body: Bytes) -> StatusCode {
    let (done, durable) = oneshot::channel();
    if log.send.send((body, done)).is_err() || durable.await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::ACCEPTED
}

async fn count(State(log): State<Log>) -> String {
    log.syncs.load(Ordering::Relaxed).to_string()
}

fn write(file: &File, records: &Receiver<Record>, syncs: &AtomicU64) {
    let mut at = 0;
    let mut group = Vec::with_capacity(2 * GROUP);
    let mut senders = Vec::with_capacity(RECORDS);
    while let Ok(first) = records.recv() {
        group.clear();
        let mut next = Some(first);
        while let Some((body, done)) = next {
            group.extend_from_slice(&(body.len() as u64).to_le_bytes());
            group.extend_from_slice(&body);
            senders.push(done);
            let full = group.len() >= GROUP || senders.len() >= RECORDS;
            next = if full { None } else { records.try_recv().ok() };
        }
        if at + group.len() as u64 > FILE {
            at = 0;
        }
        if file.write_all_at(&group, at).is_err() || file.sync_data().is_err() {
            return;
        }
        syncs.fetch_add(1, Ordering::Relaxed);
        at += group.len() as u64;
        for done in senders.drain(..) {
            done.send(()).ok();
        }
    }
}
