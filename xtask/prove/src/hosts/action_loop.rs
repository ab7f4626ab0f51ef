//! OpenWhisk's action loop, as its proxy speaks it: an activation a line, a result a line from descriptor 3.

use hyper::{Response, StatusCode};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;
use tradewind::Bytes;

/// What a program in the loop is started with: descriptor 3 is the pipe, and what it prints goes to its log.
const WITH_RESULTS: &str = "exec \"$0\" 3>&1 1>&2";

/// The ends of the pipes to a program that was started.
pub(crate) struct ActionLoop {
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl ActionLoop {
    /// Starts it, and waits for its word that it is ready.
    pub(crate) async fn start(
        binary: &Path,
        variables: impl FnOnce(&mut Command),
    ) -> Result<(Child, Self), String> {
        let mut command = Command::new("sh");
        command.args(["-c", WITH_RESULTS]).arg(binary);
        variables(&mut command);
        let mut program = command
            .env("__OW_PROXY_VERSION", "1.25.0")
            .env("__OW_WAIT_FOR_ACK", "1")
            .env("__OW_API_HOST", "http://127.0.0.1:3233")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("{}: {e}", binary.display()))?;
        let input = program.stdin.take().ok_or("no standard input")?;
        let results = program.stdout.take().ok_or("no results")?;
        let told = Self {
            pipes: Mutex::new((input, BufReader::new(results))),
        };
        let ready = told.line().await?;
        let ready: Value = serde_json::from_slice(&ready).unwrap_or_default();
        match ready["ok"] == true {
            true => Ok((program, told)),
            false => Err(format!("the loop does not begin with its word: {ready}")),
        }
    }

    /// Hands an activation over. What is no object is none of the program's results; one with `error` is a failure,
    /// as OpenWhisk takes it.
    pub(crate) async fn ask(&self, activation: &[u8]) -> Result<Response<Bytes>, String> {
        let mut line: Vec<u8> = activation.to_vec();
        line.retain(|byte| *byte != b'\n');
        line.push(b'\n');
        let writing = self.pipes.lock().await.0.write_all(&line).await;
        writing.map_err(|e| format!("the input is closed: {e}"))?;
        let told = self.line().await?;
        let document: Value = serde_json::from_slice(&told).unwrap_or_default();
        let failed = !document.is_object() || !document["error"].is_null();
        let mut answer = Response::new(told.into());
        if failed {
            *answer.status_mut() = StatusCode::BAD_GATEWAY;
        }
        Ok(answer)
    }

    async fn line(&self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        let results = &mut self.pipes.lock().await.1;
        let read = results.read_until(b'\n', &mut line).await;
        match read {
            Ok(1..) if line.ends_with(b"\n") => Ok(line),
            read => Err(format!("the results end: {read:?}")),
        }
    }
}
