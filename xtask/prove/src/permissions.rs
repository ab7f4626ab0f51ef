//! Every adapter of AWS at work, with a recorder between it and moto: the policy that `tradewind permissions` writes allows
//! what was called, and nothing else. Programs of others look at the policy.

mod calls;
mod recorder;
mod setting;

use crate::gateway::Gateway;
use crate::moto::Moto;
use crate::{Options, Proved, load, tools};
use bytes::Bytes;
use calls::Call;
use http_body_util::Full;
use hyper::Request;
use recorder::Recorder;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

const LINTERS: [&str; 2] = ["parliament==1.6.4", "cloudsplaining==0.9.1"];
/// Looks, a tenth of a second apart, after which a call is not waited for any more.
const PATIENCE: u32 = 600;

#[derive(Default)]
struct Figures {
    calls: usize,
    actions: BTreeSet<String>,
    statements: usize,
}

/// Runs it once.
pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Figures::default();
    let outcome = prove(options, &mut figures).await;
    let told = format!(
        "{} calls of {} actions by every AWS adapter, a policy of {} statements allows these and no other; \
         parliament and cloudsplaining find nothing",
        figures.calls,
        figures.actions.len(),
        figures.statements,
    );
    match outcome {
        Ok(()) => Ok(told),
        Err(what) => Err((told, what)),
    }
}

async fn prove(options: &Options, figures: &mut Figures) -> Result<(), String> {
    let moto = Moto::start(&options.gateway).await?;
    let recorder = Recorder::start(moto.address).await?;
    let changes = setting::prepare(&moto).await?;
    let (sources, subscriptions) = setting::configuration(recorder.address, &changes);
    let mut gateway = Gateway::new(&options.gateway, &subscriptions)?;
    gateway.sources = sources;
    gateway.configure(&subscriptions)?;
    let granted = granted(&gateway, figures).await?;
    gateway.start().await?;
    publish(&gateway).await?;
    setting::feed(&moto).await?;
    for look in 0.. {
        let missing: Vec<String> = granted
            .iter()
            .filter(|grant| !recorder.calls().iter().any(|call| grant.covers(call)))
            .map(|grant| format!("{} on {}", grant.action, grant.resource))
            .collect();
        if missing.is_empty() {
            break;
        }
        if look == PATIENCE {
            return Err(format!("granted and never called: {}", missing.join(", ")));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let called = recorder.calls();
    figures.calls = called.len();
    figures.actions = called.iter().map(|call| call.action.clone()).collect();
    let beyond: BTreeSet<String> = called
        .iter()
        .filter(|call| !granted.iter().any(|grant| grant.covers(call)))
        .map(|call| format!("{} on {}", call.action, call.resource))
        .collect();
    if !beyond.is_empty() {
        let beyond: Vec<String> = beyond.into_iter().collect();
        return Err(format!("called and not granted: {}", beyond.join(", ")));
    }
    gateway.said_no_panic()?;
    look_over(options, &policy(&gateway).await?).await
}

/// Events for every subscription; one has more data than a message holds.
async fn publish(gateway: &Gateway) -> Result<(), String> {
    let mut sender = load::connect(gateway.address)
        .await
        .ok_or("no connection")?;
    for (id, bytes) in [("small", 10), ("large", 300_000)] {
        let data = json!({ "text": "x".repeat(bytes) }).to_string();
        let request = Request::post("/events")
            .header("host", gateway.address.to_string())
            .header("ce-specversion", "1.0")
            .header("ce-id", id)
            .header("ce-source", "/prove")
            .header("ce-type", format!("order.{id}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(data)))
            .map_err(|e| e.to_string())?;
        let answer = load::ask(&mut sender, request).await;
        if answer.is_none_or(|answer| answer.status() != 202) {
            return Err(format!("the event {id} was not taken"));
        }
    }
    Ok(())
}

/// An action that is allowed on a resource.
struct Grant {
    action: String,
    resource: String,
}

impl Grant {
    /// As IAM compares: `*` is anything.
    fn covers(&self, call: &Call) -> bool {
        let mut parts = self.resource.split('*');
        let begin = parts.next().unwrap_or_default();
        let Some(mut rest) = call.resource.strip_prefix(begin) else {
            return false;
        };
        let mut open = false;
        for part in parts {
            open = true;
            let Some(at) = rest.find(part) else {
                return false;
            };
            rest = rest.get(at + part.len()..).unwrap_or_default();
            open &= part.is_empty();
        }
        self.action == call.action && (rest.is_empty() || open)
    }
}

async fn policy(gateway: &Gateway) -> Result<Value, String> {
    let output = gateway
        .command(&["permissions", "--cloud", "aws", "--format", "policy"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .await
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())
}

async fn granted(gateway: &Gateway, figures: &mut Figures) -> Result<Vec<Grant>, String> {
    let policy = policy(gateway).await?;
    let statements = policy["Statement"].as_array().ok_or("no statements")?;
    figures.statements = statements.len();
    let mut all = Vec::new();
    for statement in statements {
        let resource = statement["Resource"].as_str().ok_or("several resources")?;
        for action in statement["Action"].as_array().ok_or("no actions")? {
            all.push(Grant {
                action: action.as_str().unwrap_or_default().to_owned(),
                resource: resource.to_owned(),
            });
        }
    }
    Ok(all)
}

/// What linters of others say of the policy.
async fn look_over(options: &Options, policy: &Value) -> Result<(), String> {
    let python = tools::python(&options.gateway, "policies", &LINTERS).await?;
    let policy = policy.to_string();
    let mut parliament = Command::new(python.with_file_name("parliament"));
    let said = tools::run(parliament.args(["--json", "--string", &policy])).await?;
    if !said.trim().is_empty() {
        return Err(format!("parliament: {said}"));
    }
    let file = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    std::fs::write(file.path(), &policy).map_err(|e| e.to_string())?;
    let said = splained(&python, file.path()).await?;
    match said.contains("no results found") {
        true => Ok(()),
        false => Err(format!("cloudsplaining: {said}")),
    }
}

async fn splained(python: &Path, file: &Path) -> Result<String, String> {
    let mut scan = Command::new(python.with_file_name("cloudsplaining"));
    scan.args(["scan-policy-file", "--input-file"]).arg(file);
    tools::run(&mut scan).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_cover_what_iam_would_allow() {
        let covers = |resource: &str, called: &str| {
            let grant = Grant {
                action: "a:B".into(),
                resource: resource.into(),
            };
            grant.covers(&Call {
                action: "a:B".into(),
                resource: called.into(),
            })
        };
        for (resource, called, expected) in [
            ("arn:x", "arn:x", true),
            ("arn:x", "arn:xy", false),
            ("arn:x/*", "arn:x/y/z", true),
            ("arn:x/*", "arn:y", false),
            ("arn:x/*/end", "arn:x/a/end", true),
            ("arn:x/*/end", "arn:x/a/end2", false),
        ] {
            assert_eq!(covers(resource, called), expected, "{resource} {called}");
        }
    }
}
