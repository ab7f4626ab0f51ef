//! moto, which answers as most services of AWS do.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A server; it ends with the value, and forgets everything.
#[derive(Debug)]
pub struct Moto {
    _server: Child,
    pub endpoint: String,
}

impl Moto {
    pub async fn start() -> Self {
        let program = std::env::var("TRADEWIND_MOTO").unwrap_or_else(|_| "moto_server".into());
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let server = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|e| {
                panic!("{program}: {e}; hint: `cargo xtask test` installs it, or pip install moto[server]")
            });
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self {
            _server: server,
            endpoint: format!("http://127.0.0.1:{port}"),
        }
    }
}
