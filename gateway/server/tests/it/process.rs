//! The real binary: signals, drain, restart.

use crate::support::handler::Handler;
use crate::support::{binary, event, eventually, http};
use std::net::SocketAddr;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::{Child, Command};

pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) dir: TempDir,
    pub(crate) listen: SocketAddr,
}

/// Starts `tradewind serve` with this configuration.
fn spawn(dir: &TempDir, yaml: &str) -> Child {
    let config = dir.path().join("tradewind.yaml");
    std::fs::write(&config, format!("durability: ephemeral\n{yaml}")).unwrap();
    Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .arg("--data-dir")
        .arg(dir.path().join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(dir.path().join("log")).unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Starts `tradewind serve` with this configuration and waits until it is ready.
pub(crate) async fn serve(dir: TempDir, yaml: &str) -> Process {
    let child = spawn(&dir, yaml);
    let socket = dir.path().join("data/admin.sock");
    eventually("the gateway is ready", || async {
        match tokio::net::UnixStream::connect(&socket).await {
            Ok(_) => http::unix(&socket, "GET", "/readyz", "").await.status == 200,
            Err(_) => false,
        }
    })
    .await;
    let status = http::unix(&socket, "GET", "/v1/status", "").await.json();
    let listen = status["listen"].as_str().unwrap().parse().unwrap();
    Process { child, dir, listen }
}

/// What `tradewind serve` says that does not start with this configuration.
#[cfg(feature = "kafka")]
pub(crate) async fn refused(dir: TempDir, yaml: &str) -> String {
    let status = spawn(&dir, yaml).wait().await.unwrap();
    assert!(!status.success());
    std::fs::read_to_string(dir.path().join("log")).unwrap()
}

impl Process {
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .unwrap();
        assert!(sent.success());
    }
    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }
}

fn config(handler: &Handler) -> String {
    format!(
        "sources:\n  events: {{ kind: http, path: /events, auth: none-i-understand }}\n\
         subscriptions:\n  all: {{ sink: {} }}\n",
        handler.sink()
    )
}

#[tokio::test]
async fn a_signal_drains_and_a_restart_goes_on() {
    let mut handler = Handler::start(&[503]).await;
    // With jitter the retry could come before the signal.
    let patient = "{ retry: { initial: 3s, jitter: none }, sink:";
    let yaml = config(&handler).replace("{ sink:", patient);
    let mut process = serve(
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
        &yaml,
    )
    .await;
    let taken = http::raw(process.listen, &event("/events", "p-1", "t", "{}")).await;
    assert_eq!(taken.status, 202);
    handler.next().await;
    process.signal("TERM");
    let status = process.child.wait().await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", process.log());
    let log = process.log();
    for line in log.lines() {
        assert!(line.starts_with('{'), "not a terminal, so JSON: {line}");
    }
    assert!(log.contains("\"draining\""), "{log}");
    assert!(!process.dir.path().join("data/admin.sock").exists());

    let process = serve(process.dir, &yaml).await;
    let delivered = handler.next().await;
    assert_eq!(delivered.header("ce-id"), "p-1");
    assert_eq!(delivered.header("tradewind-attempt"), "2");
    // What one process took, the next one recognises.
    let again = http::raw(process.listen, &event("/events", "p-1", "t", "{}")).await;
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn a_killed_gateway_starts_again_and_loses_nothing() {
    let mut handler = Handler::start(&[]).await;
    let yaml = config(&handler);
    let mut process = serve(
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
        &yaml,
    )
    .await;
    for n in 0..20 {
        let request = event("/events", &format!("k-{n}"), "t", "{}");
        assert_eq!(http::raw(process.listen, &request).await.status, 202);
    }
    process.child.start_kill().unwrap();
    process.child.wait().await.unwrap();
    let _process = serve(process.dir, &yaml).await;
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 20 {
        seen.insert(handler.next().await.header("ce-id").to_owned());
    }
}

#[tokio::test]
async fn hangup_reloads() {
    let handler = Handler::start(&[]).await;
    let yaml = config(&handler);
    let process = serve(
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
        &yaml,
    )
    .await;
    let config = process.dir.path().join("tradewind.yaml");
    let next = format!(
        "durability: ephemeral\n{}",
        yaml.replace("/events", "/other")
    );
    std::fs::write(config, next).unwrap();
    process.signal("HUP");
    eventually("the other path is open", || async {
        http::raw(process.listen, &event("/other", "h-1", "t", "{}"))
            .await
            .status
            != 404
    })
    .await;
}

#[tokio::test]
async fn a_second_gateway_on_the_same_data_is_refused() {
    let handler = Handler::start(&[]).await;
    let process = serve(
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
        &config(&handler),
    )
    .await;
    let second = Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(process.dir.path().join("tradewind.yaml"))
        .arg("--data-dir")
        .arg(process.dir.path().join("data"))
        .output()
        .await
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        said.contains("error: cannot open the data directory"),
        "{said}"
    );
    // The first one is still there.
    let socket = process.dir.path().join("data/admin.sock");
    assert_eq!(http::unix(&socket, "GET", "/readyz", "").await.status, 200);
}

#[tokio::test]
async fn a_data_directory_that_is_refused_is_not_made() {
    // A tmpfs on every Linux that has one.
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        println!("skipped: no /dev/shm");
        return;
    };
    let config = memory.path().join("tradewind.yaml");
    std::fs::write(
        &config,
        "subscriptions: { all: { sink: { kind: memory } } }\n",
    )
    .unwrap();
    let refused = Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .arg("--data-dir")
        .arg(memory.path().join("var/data"))
        .output()
        .await
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("in memory (tmpfs)") && said.contains("`ephemeral`"),
        "{said}"
    );
    assert!(!memory.path().join("var").exists());
}

/// Takes connections and never answers.
async fn black_hole() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    address
}

async fn stuck(grace: &str) -> Process {
    let hole = black_hole().await;
    let yaml = format!(
        "shutdown-grace: {grace}\n\
         sources:\n  events: {{ kind: http, path: /events, auth: none-i-understand }}\n\
         subscriptions:\n  all:\n    timeout: 1h\n    \
         sink: {{ kind: http, url: \"http://{hole}/\", allow-private: [127.0.0.0/8] }}\n"
    );
    let process = serve(
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
        &yaml,
    )
    .await;
    let taken = http::raw(process.listen, &event("/events", "s-1", "t", "{}")).await;
    assert_eq!(taken.status, 202);
    let socket = process.dir.path().join("data/admin.sock");
    eventually("the attempt is under way", || async {
        http::unix(&socket, "GET", "/v1/subscriptions/all", "")
            .await
            .json()["in_flight"]
            == 1
    })
    .await;
    process
}

#[tokio::test]
async fn a_sink_that_never_answers_does_not_hold_up_the_exit() {
    let mut process = stuck("1s").await;
    process.signal("TERM");
    let status = process.child.wait().await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", process.log());
}

#[tokio::test]
async fn not_ready_at_once_and_a_second_signal_ends_it() {
    let mut process = stuck("1h").await;
    process.signal("TERM");
    let socket = process.dir.path().join("data/admin.sock");
    eventually("it is not ready", || async {
        let answer = http::unix(&socket, "GET", "/readyz", "").await;
        answer.status == 503 && answer.text() == "draining\n"
    })
    .await;
    process.signal("INT");
    let status = process.child.wait().await.unwrap();
    assert_eq!(status.code(), Some(130), "{}", process.log());
}
