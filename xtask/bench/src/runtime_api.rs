//! Lambda's Runtime API, as far as a function under measurement calls it: the same invocation over and over.

use crate::load::{moment, wire};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// How long the last step may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an invocation may take, as the function is told.
const DEADLINE_MS: u64 = 60_000;

/// What a function did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Asked for its first invocation, at this moment.
    Began(u64),
    /// Told the end of as many as it was to.
    Done,
    /// Said something else than that it was done.
    Failed(String),
}

/// A server for one function.
pub(crate) struct RuntimeApi {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    steps: Receiver<Step>,
}

struct State {
    payload: String,
    allowed: Mutex<Counts>,
    more: Condvar,
}

#[derive(Default)]
struct Counts {
    asked: u64,
    handed: u64,
    told: u64,
    most: u64,
}

impl RuntimeApi {
    /// Listens. Nothing is handed out before [`RuntimeApi::allow`].
    pub(crate) fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            payload: wire::event(),
            allowed: Mutex::default(),
            more: Condvar::new(),
        });
        let (sender, steps) = channel();
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, sender) = (shared.clone(), sender.clone());
                std::thread::spawn(move || serve(stream, &state, &sender));
            }
        });
        Ok(Self {
            address,
            state,
            steps,
        })
    }

    /// Waits for the next step.
    pub(crate) fn step(&self) -> Result<Step, String> {
        let step = self.steps.recv_timeout(PATIENCE);
        step.map_err(|_| "the function does nothing for a minute".to_owned())
    }

    /// Hands out so many more; the function is then done.
    pub(crate) fn allow(&self, invocations: u64) -> Result<(), String> {
        let mut counts = self.state.allowed.lock().map_err(|e| e.to_string())?;
        counts.most += invocations;
        self.state.more.notify_all();
        drop(counts);
        match self.step()? {
            Step::Done => Ok(()),
            step => Err(format!("the function: {step:?}")),
        }
    }
}

fn serve(mut stream: TcpStream, state: &State, steps: &Sender<Step>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut buffer = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        let message = loop {
            if let Some(message) = wire::message(&buffer) {
                break message;
            }
            match stream.read(&mut chunk).ok()? {
                0 => return None,
                read => buffer.extend(chunk.get(..read)?),
            }
        };
        let head = String::from_utf8_lossy(buffer.get(..message.head)?).into_owned();
        let body = String::from_utf8_lossy(buffer.get(message.head..message.whole)?).into_owned();
        buffer.drain(..message.whole);
        let target = head.split(' ').nth(1)?;
        let answer = if target.ends_with("/invocation/next") {
            next(state, steps)?
        } else if target.ends_with("/response") {
            told(state, steps)?;
            answer("202 Accepted", "", r#"{"status":"OK"}"#)
        } else if target.ends_with("/extension/register") {
            answer("200 OK", "lambda-extension-identifier: bench\r\n", "{}")
        } else if target.ends_with("/event/next") {
            // Nothing ever happens.
            std::thread::park();
            return None;
        } else {
            steps.send(Step::Failed(format!("{target}: {body}"))).ok()?;
            answer("202 Accepted", "", "{}")
        };
        stream.write_all(answer.as_bytes()).ok()?;
    }
}

fn next(state: &State, steps: &Sender<Step>) -> Option<String> {
    let mut counts = state.allowed.lock().ok()?;
    if counts.asked == 0 {
        steps.send(Step::Began(moment())).ok()?;
    }
    counts.asked += 1;
    while counts.handed == counts.most {
        counts = state.more.wait(counts).ok()?;
    }
    counts.handed += 1;
    let nth = counts.handed;
    drop(counts);
    let deadline = unix_ms() + DEADLINE_MS;
    let headers = format!(
        "lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-{nth:012x}\r\n\
         lambda-runtime-deadline-ms: {deadline}\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-1:123456789012:function:orders\r\n\
         lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1\r\n\
         content-type: application/json\r\n"
    );
    Some(answer("200 OK", &headers, &state.payload))
}

fn told(state: &State, steps: &Sender<Step>) -> Option<()> {
    let mut counts = state.allowed.lock().ok()?;
    counts.told += 1;
    if counts.told == counts.most {
        steps.send(Step::Done).ok()?;
    }
    Some(())
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

// Deadlines are moments of the world's clock.
#[allow(clippy::disallowed_methods)]
fn unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
