//! Servers as child processes.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tradewind_adapter::testkit::Behaviour;

/// Makes the command that starts it in a folder, on a port.
type Make = Box<dyn Fn(&Path, u16) -> Command + Send + Sync>;

/// Ends with the test that started it.
pub struct Server {
    child: Option<Child>,
    folder: TempDir,
    pub port: u16,
    command: Make,
    ending: Option<Command>,
}

impl Server {
    /// Starts what `command` makes of a folder and a port, and waits until the port answers. The program is the value
    /// of the variable `TRADEWIND_<NAME>`, or one in the path; `None`, with a word on stderr, where there is none.
    pub async fn start(
        name: &str,
        program: &str,
        command: impl Fn(&mut Command, &Path, u16) + Send + Sync + 'static,
    ) -> Option<Self> {
        let variable = format!("TRADEWIND_{}", name.to_uppercase());
        let named = std::env::var_os(&variable);
        let path = named.unwrap_or_else(|| program.into());
        let here = Path::new(&path).is_file() || in_path(&path);
        if !here {
            eprintln!(
                "skipped: no {program}; `cargo xtask test` installs it, {variable} names one"
            );
            return None;
        }
        let make = move |folder: &Path, port: u16| {
            let mut made = Command::new(&path);
            command(&mut made, folder, port);
            made
        };
        let mut server = Self {
            child: None,
            folder: tempfile::tempdir().unwrap(),
            port: free_port(),
            command: Box::new(make),
            ending: None,
        };
        server.resume().await;
        Some(server)
    }

    /// What to run when it has ended for good.
    #[must_use]
    pub fn ending(mut self, command: Command) -> Self {
        self.ending = Some(command);
        self
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it on the data that it left.
    pub async fn resume(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = (self.command)(self.folder.path(), self.port);
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        for _ in 0..1200 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port))
                .await
                .is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("log"));
        panic!("the server does not come up: {}", log.unwrap_or_default());
    }

    /// Asks it to end, for servers that may forget what they have confirmed when they are killed.
    pub fn stop(&mut self) {
        if let Some(child) = &self.child {
            let id = child.id().to_string();
            Command::new("kill").arg(id).status().unwrap();
        }
        if let Some(mut child) = self.child.take() {
            child.wait().unwrap();
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if let Some(ending) = &mut self.ending {
            ending.stdout(Stdio::null()).stderr(Stdio::null());
            ending.status().ok();
        }
    }
}

fn in_path(program: &OsStr) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Where a sink finds a target that behaves so, this server where it is to accept; `None` where it cannot be had.
pub async fn place(server: &Server, behaviour: Behaviour) -> Option<String> {
    match behaviour {
        Behaviour::Accept => Some(server.address()),
        Behaviour::Hang => Some(silent().await),
        Behaviour::Unreachable => Some(nobody()),
        _ => None,
    }
}

/// An address where nobody listens.
fn nobody() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// An address where somebody listens and says nothing.
async fn silent() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    address.to_string()
}
