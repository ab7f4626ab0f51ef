//! Processes under measurement, and what the system accounts to them.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A child that ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Another role of this program; its first line says where it listens.
    pub(crate) fn role(arguments: &[&str]) -> Result<Self, String> {
        let mut child = this(arguments)?
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{arguments:?}: {e}"))?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("a child without output")?;
        let read = BufReader::new(stdout).read_line(&mut line);
        let address = read
            .map_err(|e| e.to_string())
            .and_then(|_| line.trim().parse().map_err(|e| format!("{e}: {line}")));
        match address {
            Ok(address) => Ok(Self { child, address }),
            Err(error) => {
                end(&mut child);
                Err(format!("{arguments:?} did not start: {error}"))
            }
        }
    }

    /// A program that is told where to listen.
    pub(crate) fn listening(command: &mut Command, address: SocketAddr) -> Result<Self, String> {
        let child = command
            .spawn()
            .map_err(|e| format!("{}: {e}", command.get_program().display()))?;
        Ok(Self { child, address })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Why it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(status.to_string())
    }

    /// Waits until it takes connections.
    pub(crate) fn ready(&mut self) -> Result<(), String> {
        for _ in 0..30_000 {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.ended() {
                return Err(format!("it ended while starting: {status}"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err("it does not listen after half a minute".into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    child.kill().ok();
    child.wait().ok();
}

/// This program in another role.
pub(crate) fn this(arguments: &[&str]) -> Result<Command, String> {
    let me = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(me);
    command.args(arguments).stdin(Stdio::null());
    Ok(command)
}

/// User and system time of a process so far, ended threads included; exact to two clock ticks.
pub(crate) fn cpu(id: u32) -> Result<Duration, String> {
    let path = format!("/proc/{id}/stat");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    // The name in parentheses may hold anything; after it come the state and the numbers.
    let (_, rest) = text.rsplit_once(") ").ok_or("no name in stat")?;
    let field = |at: usize| rest.split(' ').nth(at)?.parse::<u64>().ok();
    let ticks = field(11).zip(field(12)).map(|(user, system)| user + system);
    let ticks = ticks.ok_or("no times in stat")? as f64;
    let second = rustix::param::clock_ticks_per_second() as f64;
    Ok(Duration::from_secs_f64(ticks / second))
}

/// Time on a processor of the threads that a process has, to the nanosecond.
pub(crate) fn on_cpu(id: u32) -> Result<Duration, String> {
    let path = format!("/proc/{id}/task");
    let threads = std::fs::read_dir(&path).map_err(|e| format!("{path}: {e}"))?;
    let time = |thread: std::io::Result<std::fs::DirEntry>| {
        // A thread that is gone meanwhile has no time any more.
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    Ok(Duration::from_nanos(threads.filter_map(time).sum()))
}

/// Resident memory of a process in KiB: all, and what no file backs.
pub(crate) fn resident(id: u32) -> Result<(u64, u64), String> {
    let path = format!("/proc/{id}/status");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    let figure = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    figure("VmRSS:")
        .zip(figure("RssAnon:"))
        .ok_or_else(|| format!("no memory figures in {path}"))
}
