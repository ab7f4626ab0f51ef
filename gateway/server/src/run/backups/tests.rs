//! A backup takes long, and what is reloaded meanwhile does not wait for it.

use crate::run::{Options, Running, start};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tradewind_adapter::{BuiltSource, Source};
use tradewind_config::{Address, Admin, Checked};
use tradewind_store::Durability;

/// Longest wait; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

fn text(folder: &Path, queue: &str) -> String {
    format!(
        "backup: {{ to: {} }}\nsources: {{ queue: {{ kind: memory, queue: {queue} }} }}\n",
        folder.join("backups").display()
    )
}

async fn gateway(folder: &Path) -> Running {
    let file = folder.join("tradewind.yaml");
    std::fs::write(&file, text(folder, "backups-one")).unwrap();
    let data = folder.join("data");
    let amend = move |checked: &mut Checked| {
        checked.config.listen = Address("127.0.0.1:0".parse().unwrap());
        checked.config.admin = Admin::Socket(data.join("admin.sock"));
        checked.config.data_dir = data.clone();
        for stream in checked.streams.values_mut() {
            stream.settings.durability = Durability::Ephemeral;
        }
    };
    let options = Options {
        path: Some(file),
        text: String::new(),
        amend: Arc::new(amend),
        drain_delay: Duration::ZERO,
    };
    start(options).await.unwrap()
}

/// The connection of the source that is in force.
fn driver(running: &Running) -> Weak<dyn Source> {
    let config = running.gateway.config.load();
    match &config.checked.sources["queue"].built {
        BuiltSource::Pull(driver) => Arc::downgrade(driver),
        other => panic!("{other:?}"),
    }
}

async fn until(done: impl Fn() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

#[tokio::test]
async fn a_backup_keeps_no_source_of_an_earlier_configuration_connected() {
    let folder = tempfile::tempdir().unwrap();
    let running = gateway(folder.path()).await;
    let gateway = running.gateway.clone();
    // One that is being made, and does not end: the clock's and an operator's wait for it.
    let making = gateway.backups.making.lock().await;
    until(|| gateway.backups.seen().to.is_some()).await;
    let asked = tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.back_up(false).await }
    });
    tokio::task::yield_now().await;
    let before = driver(&running);
    assert!(before.upgrade().is_some());
    let file = folder.path().join("tradewind.yaml");
    std::fs::write(file, text(folder.path(), "backups-two")).unwrap();
    gateway.reload("test").await.unwrap();
    until(|| before.upgrade().is_none()).await;
    assert!(!asked.is_finished());
    drop(making);
    asked.await.unwrap().unwrap();
    running.stop().await.unwrap();
}
