//! Metrics as Prometheus sees them.

use crate::Options;
use crate::gateway::Gateway;
use crate::load::{self, Load};
use crate::oracle::Oracle;
use crate::{kill, sinks, tools};
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// `None` where there is no promtool.
pub(super) async fn run(options: &Options) -> Result<Option<String>, String> {
    let promtool = match tools::promtool(&options.gateway).await {
        Ok(promtool) => promtool,
        Err(why) => {
            println!("SKIPPED: metrics: no promtool can be had: {why}");
            return Ok(None);
        }
    };
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let rules = deploy.join("prometheus");
    tools::run(
        Command::new(&promtool)
            .args(["check", "rules", "alerts.yaml"])
            .current_dir(&rules),
    )
    .await?;
    tools::run(
        Command::new(&promtool)
            .args(["test", "rules", "alerts_test.yaml"])
            .current_dir(&rules),
    )
    .await?;
    let alerts = std::fs::read_to_string(rules.join("alerts.yaml")).map_err(|e| e.to_string())?;
    let tests =
        std::fs::read_to_string(rules.join("alerts_test.yaml")).map_err(|e| e.to_string())?;
    let alerts_tested = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .map(
            |name| match tests.contains(&format!("name: {name} fires")) {
                true => Ok(()),
                false => Err(format!("the alert {name} has no test")),
            },
        )
        .collect::<Result<Vec<()>, String>>()?
        .len();

    let oracle = Oracle::default();
    let sinks = sinks::start(oracle.clone())
        .await
        .map_err(|e| e.to_string())?;
    let subscriptions = kill::subscriptions(sinks);
    let mut gateway = Gateway::new(&options.gateway, &subscriptions)?;
    let admin = free()?;
    gateway.settings = format!(
        "admin: {admin}\nbackup: {{ to: {} }}\n",
        gateway.beside("backups").display()
    );
    gateway.sources = "  queue: { kind: memory, queue: prove }\n".into();
    gateway.configure(&subscriptions)?;
    gateway.start().await?;
    let load = Load::start(&oracle, gateway.address, 4, kill::TYPES);
    tokio::time::sleep(Duration::from_secs(2)).await;
    load.stop().await;
    let text = get(admin, "/metrics").await?;
    let linted = lint(&promtool, &gateway.beside("metrics"), &text).await?;
    let prometheus = Prometheus::start(&promtool, &gateway, admin).await?;
    let known = prometheus.names().await?;
    let mut queries = 0;
    for (title, query) in queries_of(&deploy.join("grafana/tradewind.json"))? {
        let query = query
            .replace("$instance", ".*")
            .replace("$__rate_interval", "1m");
        prometheus
            .query(&query)
            .await
            .map_err(|e| format!("panel `{title}`: {e}"))?;
        unknown(&query, &known).map_err(|e| format!("panel `{title}`: {e}"))?;
        queries += 1;
    }
    unknown(&alerts, &known).map_err(|e| format!("alert rules: {e}"))?;
    Ok(Some(format!(
        "{linted} metrics linted by promtool and scraped by Prometheus, {alerts_tested} alert rules tested, {queries} queries of the dashboard answered, all of metrics that exist"
    )))
}

fn free() -> Result<SocketAddr, String> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|e| e.to_string())
}

async fn get(address: SocketAddr, path: &str) -> Result<String, String> {
    let mut sender = load::connect(address).await.ok_or("no connection")?;
    let request = Request::get(path)
        .header("host", address.to_string())
        .body(Full::default())
        .map_err(|e| e.to_string())?;
    let answer = load::ask(&mut sender, request).await.ok_or("no answer")?;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    match answer.status().is_success() {
        true => Ok(text),
        false => Err(format!("{path} is answered {}: {text}", answer.status())),
    }
}

/// `promtool check metrics`; how many there are.
async fn lint(promtool: &Path, file: &Path, text: &str) -> Result<usize, String> {
    std::fs::write(file, text).map_err(|e| e.to_string())?;
    let input = std::fs::File::open(file).map_err(|e| e.to_string())?;
    let output = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(input)
        .output()
        .await
        .map_err(|e| e.to_string())?;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    match output.status.success() && said.trim().is_empty() {
        true => Ok(text
            .lines()
            .filter(|line| line.starts_with("# TYPE "))
            .count()),
        false => Err(format!("promtool check metrics: {said}")),
    }
}

/// Titles and queries of a dashboard.
fn queries_of(path: &Path) -> Result<Vec<(String, String)>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let dashboard: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let panels = dashboard["panels"].as_array().ok_or("no panels")?;
    let mut queries = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap_or_default();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().ok_or("a target without a query")?;
            queries.push((title.to_owned(), query.to_owned()));
        }
    }
    Ok(queries)
}

/// Names of metrics in a text that no scrape has shown.
fn unknown(text: &str, known: &BTreeSet<String>) -> Result<(), String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut ours = words.filter(|word| word.starts_with("tradewind_"));
    match ours.find(|word| !known.contains(*word)) {
        Some(word) => Err(format!("there is no metric {word}")),
        None => Ok(()),
    }
}

struct Prometheus {
    address: SocketAddr,
    /// Ends with it.
    _child: Child,
}

impl Prometheus {
    /// Starts the one beside promtool, and waits until it has scraped.
    async fn start(promtool: &Path, gateway: &Gateway, admin: SocketAddr) -> Result<Self, String> {
        let program: PathBuf = promtool.with_file_name("prometheus");
        let config = gateway.beside("prometheus.yaml");
        let text = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: tradewind\n    static_configs: [{{ targets: [\"{admin}\"] }}]\n"
        );
        std::fs::write(&config, text).map_err(|e| e.to_string())?;
        let address = free()?;
        let child = Command::new(&program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                gateway.beside("tsdb").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        let prometheus = Self {
            address,
            _child: child,
        };
        for _ in 0..300 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let ready = prometheus.query("tradewind_ready == 1").await;
            if ready.is_ok_and(|found| !found.is_empty()) {
                // A rate takes two scrapes.
                tokio::time::sleep(Duration::from_secs(2)).await;
                return Ok(prometheus);
            }
        }
        let up = prometheus.query("up").await;
        Err(format!(
            "Prometheus has not scraped the gateway after 30 s: {up:?}"
        ))
    }

    async fn api(&self, path: &str) -> Result<Value, String> {
        let answer: Value =
            serde_json::from_str(&get(self.address, path).await?).map_err(|e| e.to_string())?;
        match answer["status"] == "success" {
            true => Ok(answer["data"].clone()),
            false => Err(answer.to_string()),
        }
    }

    async fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        let encoded: String = query
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect();
        let data = self.api(&format!("/api/v1/query?query={encoded}")).await?;
        data["result"]
            .as_array()
            .cloned()
            .ok_or_else(|| data.to_string())
    }

    async fn names(&self) -> Result<BTreeSet<String>, String> {
        let data = self.api("/api/v1/label/__name__/values").await?;
        let names = data.as_array().into_iter().flatten();
        Ok(names
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect())
    }
}
