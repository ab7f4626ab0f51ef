//! What the service manager is told, over a socket of the test's own.

use crate::support::binary;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const YAML: &str = "durability: ephemeral\nsubscriptions:\n  all: { sink: { kind: memory } }\n";

fn heard(socket: &std::os::unix::net::UnixDatagram) -> String {
    let mut buffer = [0; 1024];
    let count = socket.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

fn until(socket: &std::os::unix::net::UnixDatagram, wanted: &str) -> String {
    loop {
        let said = heard(socket);
        if said.lines().any(|line| line.starts_with(wanted)) {
            return said;
        }
    }
}

fn signal(name: &str, child: &std::process::Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.unwrap().success());
}

fn write(config: &Path, text: &str) {
    std::fs::write(config, text).unwrap();
}

#[test]
fn the_manager_hears_ready_alive_reloading_and_stopping() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = dir.path().join("tradewind.yaml");
    write(&config, YAML);
    let path = dir.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    // Only a failing test waits that long.
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut child = Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .arg("--data-dir")
        .arg(dir.path().join("data"))
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "100000")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let first = heard(&socket);
    assert_eq!(first, "READY=1\nSTATUS=serving, configuration 1\n");
    until(&socket, "WATCHDOG=1");

    write(&config, "subscriptions: 3\n");
    signal("HUP", &child);
    assert!(until(&socket, "RELOADING=1").contains("\nMONOTONIC_USEC="));
    let refused = until(&socket, "READY=1");
    assert!(
        refused.contains("configuration 1; the file on disk is refused: "),
        "{refused}"
    );

    signal("TERM", &child);
    let stopping = until(&socket, "STOPPING=1");
    // The grace of 25 s, and 5 s for the end itself.
    assert!(
        stopping.contains("EXTEND_TIMEOUT_USEC=30000000"),
        "{stopping}"
    );
    assert!(child.wait().unwrap().success());
}
