//! What a run beside a server that others wrote costs: time, and CPU on either side.

use crate::load::wire;
use crate::process::cpu;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// What one run showed.
pub(super) struct Sample {
    pub(super) per_second: f64,
    /// Of what is measured, all its processes together.
    pub(super) cpu_us: f64,
    pub(super) server_us: f64,
    /// Shares of a core.
    pub(super) busy: f64,
    pub(super) server_busy: f64,
}

/// Processes before a run.
pub(super) struct Begun {
    at: Instant,
    ours: Vec<u32>,
    server: u32,
    spent: Duration,
    server_spent: Duration,
}

impl Begun {
    #[allow(clippy::disallowed_methods, reason = "measures processes from outside")]
    pub(super) fn now(ours: &[u32], server: u32) -> Result<Self, String> {
        Ok(Self {
            at: Instant::now(),
            ours: ours.to_vec(),
            server,
            spent: sum(ours)?,
            server_spent: cpu(server)?,
        })
    }

    pub(super) fn ended(self, events: u64) -> Result<Sample, String> {
        let elapsed = self.at.elapsed().as_secs_f64();
        let ours = (sum(&self.ours)? - self.spent).as_secs_f64();
        let server = (cpu(self.server)? - self.server_spent).as_secs_f64();
        let events = events as f64;
        Ok(Sample {
            per_second: events / elapsed,
            cpu_us: ours * 1e6 / events,
            server_us: server * 1e6 / events,
            busy: ours / elapsed,
            server_busy: server / elapsed,
        })
    }
}

fn sum(processes: &[u32]) -> Result<Duration, String> {
    processes.iter().map(|process| cpu(*process)).sum()
}

pub(super) fn until(what: &str, done: impl Fn() -> Result<bool, String>) -> Result<(), String> {
    let pause = Duration::from_millis(20);
    for _ in 0..PATIENCE.as_millis() / pause.as_millis() {
        if done()? {
            return Ok(());
        }
        std::thread::sleep(pause);
    }
    Err(format!("{what} after {} s", PATIENCE.as_secs()))
}

/// Requests that the target of deliveries has seen.
pub(super) fn counted(upstream: SocketAddr) -> Result<u64, String> {
    let answer = exchange(
        upstream,
        &format!("GET /counted HTTP/1.1\r\nhost: {upstream}\r\n\r\n"),
    )?;
    let told: Value = serde_json::from_str(&answer).map_err(|e| format!("{answer}: {e}"))?;
    told["requests"]
        .as_u64()
        .ok_or_else(|| format!("no count: {told}"))
}

/// The body of an answer that tells its length.
pub(super) fn exchange(address: SocketAddr, request: &str) -> Result<String, String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(request.as_bytes())?;
        let (mut all, mut buffer) = (Vec::new(), [0; 16 << 10]);
        loop {
            if let Some(message) = wire::message(&all) {
                let body = all.get(message.head..message.whole).unwrap_or_default();
                return Ok(String::from_utf8_lossy(body).into_owned());
            }
            match stream.read(&mut buffer)? {
                0 => return Ok(String::from_utf8_lossy(&all).into_owned()),
                n => all.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            }
        }
    };
    ask().map_err(|e| format!("{address}: {e}"))
}
