//! A server that runs as a child: started when it listens, asked to stop before it is made to.

use crate::failure::Failure;
use rustix::process::{Pid, Signal, kill_process};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

/// How often it is asked whether it listens, and how often it is asked in all: half a minute.
const PAUSE: Duration = Duration::from_millis(20);
const TRIES: u32 = 1500;
/// How long it may take to finish what it has begun.
const GRACE: Duration = Duration::from_secs(20);

/// A server. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Child {
    process: tokio::process::Child,
    pub(crate) address: SocketAddr,
}

impl Child {
    /// Starts it, and waits until it takes connections. It is in a process group of its own: Ctrl-C is for us.
    pub(crate) async fn start(
        mut command: Command,
        what: &str,
        address: SocketAddr,
    ) -> Result<Self, Failure> {
        let program = command.as_std().get_program().to_owned();
        let process = command
            .stdin(std::process::Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| Failure::new(format!("{what}, {}: {e}", program.display())))?;
        let mut child = Self { process, address };
        for _ in 0..TRIES {
            if let Ok(Some(status)) = child.process.try_wait() {
                return Err(Failure::new(format!(
                    "{what} ended while starting: {status}"
                )));
            }
            if TcpStream::connect(address).await.is_ok() {
                return Ok(child);
            }
            sleep(PAUSE).await;
        }
        Err(Failure::new(format!(
            "{what} does not listen on {address} after 30 s"
        )))
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> String {
        match self.process.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Asks it to stop, and waits for it.
    pub(crate) async fn stop(mut self) {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id.and_then(Pid::from_raw) {
            kill_process(id, Signal::TERM).ok();
        }
        if timeout(GRACE, self.process.wait()).await.is_err() {
            self.process.kill().await.ok();
        }
    }
}

/// This address on loopback if nobody has it, else one that nobody has.
pub(crate) fn free(wanted: Option<u16>) -> Result<SocketAddr, Failure> {
    let listen = |port| TcpListener::bind(("127.0.0.1", port));
    let listener = match wanted.map(listen) {
        Some(Ok(listener)) => Ok(listener),
        _ => listen(0),
    };
    listener
        .and_then(|listener| listener.local_addr())
        .map_err(|e| Failure::new(format!("no port is free: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_left_alone() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(free(Some(port)).unwrap().port(), port);
    }

    #[tokio::test]
    async fn what_ends_while_starting_is_told_and_what_runs_is_stopped() {
        let address = free(None).unwrap();
        let failure = Child::start(Command::new("false"), "it", address)
            .await
            .unwrap_err();
        assert!(
            failure
                .to_string()
                .contains("it ended while starting: exit status: 1")
        );
        let failure = Child::start(Command::new("/none"), "it", address)
            .await
            .unwrap_err();
        assert!(failure.to_string().contains("it, /none"), "{failure}");
        // Somebody listens; that it is not the child is of no interest here.
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut sleeping = Command::new("sleep");
        sleeping.arg("600");
        let address = listener.local_addr().unwrap();
        let child = Child::start(sleeping, "it", address).await.unwrap();
        let id = child.process.id().unwrap();
        child.stop().await;
        assert!(!std::path::Path::new(&format!("/proc/{id}/exe")).exists());
    }
}
