//! An OTLP receiver on loopback.

use crate::tools;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const PACKAGE: &str = "@elastic/mockotlpserver@0";
/// Prints where it listens, then every span, a line each.
const PROGRAM: &str = "
const {MockOtlpServer, normalizeTrace} = require('@elastic/mockotlpserver');
const show = (request) => {
  for (const {resource, scopeSpans} of normalizeTrace(request).resourceSpans)
    for (const {spans} of scopeSpans)
      for (const span of spans) console.log(JSON.stringify({...span, resource}));
};
const server = new MockOtlpServer({
  logLevel: 'error', services: ['http'], httpHostname: '127.0.0.1', httpPort: 0, onTrace: show,
});
server.start().then(() => console.log(JSON.stringify({listening: server.httpUrl.href})));
";

pub(super) struct Receiver {
    pub(super) endpoint: String,
    spans: Arc<Mutex<Vec<Value>>>,
    /// Ends with it.
    _child: Child,
}

impl Receiver {
    pub(super) async fn start(gateway: &Path) -> Result<Self, String> {
        let folder = tools::npm(gateway, "otlp", PACKAGE).await?;
        let mut child = Command::new("node")
            .args(["-e", PROGRAM])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("node: {e}"))?;
        let stdout = child.stdout.take().ok_or("it has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await;
        let first = first
            .map_err(|_| "it does not listen after 30 s")?
            .map_err(|e| e.to_string())?
            .ok_or("it ended at once")?;
        let first: Value = serde_json::from_str(&first).map_err(|e| e.to_string())?;
        let endpoint = first["listening"]
            .as_str()
            .ok_or("it does not say where it listens")?;
        let spans = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&spans);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(span) = serde_json::from_str(&line) {
                    let mut all = received.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push(span);
                }
            }
        });
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            spans,
            _child: child,
        })
    }

    /// What was received so far.
    pub(super) fn spans(&self) -> Vec<Value> {
        self.spans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
