//! The handlers in other languages that the guide shows, as it shows them: each with the CloudEvents SDK of its language,
//! behind the gateway, in both modes.

use crate::gateway::{Gateway, balance};
use crate::hosts::{free, listens};
use crate::{Options, Proved, load, tools};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::process::{Child, Command};

const GUIDE: &str = include_str!("../../../docs/guides/writing-handlers.md");
const NODE: &str = "cloudevents@10";
const PYTHON: &[&str] = &["cloudevents==2.*", "flask==3.*"];
const GO: &str = "module charge\n\ngo 1.23\n\nrequire github.com/cloudevents/sdk-go/v2 v2.16.2\n";
/// Steps of 100 ms until replies count as lost.
const PATIENCE: u32 = 600;

/// What came back: types and data of replies.
type Heard = Arc<Mutex<Vec<(String, Value)>>>;

pub(crate) async fn run(options: &Options) -> Proved {
    let mut shown = Vec::new();
    let outcome = every(options, &mut shown).await;
    let figures = shown.join(", ");
    outcome
        .map(|()| figures.clone())
        .map_err(|what| (figures, what))
}

async fn every(options: &Options, shown: &mut Vec<String>) -> Result<(), String> {
    let mut handlers = Vec::new();
    for (name, start) in [
        ("node", node(options).await?),
        ("python", python(options).await?),
        ("go", go(options).await?),
    ] {
        let Some(mut command) = start else {
            shown.push(format!("not {name}, which is not installed"));
            continue;
        };
        let address = free()?;
        let child = command
            .env("PORT", address.port().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("{name}: {e}"))?;
        listens(address).await.map_err(|e| format!("{name}: {e}"))?;
        handlers.push((name, address, child));
    }
    if handlers.is_empty() {
        return Err("none of the languages is installed".into());
    }
    delivered(options, &handlers).await?;
    let names: Vec<_> = handlers.iter().map(|(name, ..)| *name).collect();
    shown.insert(
        0,
        format!(
            "the handlers of the guide in {}, each in 2 modes: an order is charged and replied to, one is set aside at once, \
             one after it was tried again",
            names.join(", ")
        ),
    );
    Ok(())
}

/// The one block of the guide in this language.
fn block(language: &str) -> Result<&'static str, String> {
    let fence = format!("```{language}\n");
    let mut blocks = GUIDE.split(&fence).skip(1);
    match (blocks.next(), blocks.next()) {
        (Some(block), None) => block
            .split_once("```\n")
            .map(|(text, _)| text)
            .ok_or_else(|| format!("the block in {language} has no end")),
        _ => Err(format!("the guide has not one block in {language}")),
    }
}

async fn is_there(program: &str, argument: &str) -> bool {
    tools::run(Command::new(program).arg(argument))
        .await
        .is_ok()
}

fn write(path: PathBuf, text: &str) -> Result<PathBuf, String> {
    std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

async fn node(options: &Options) -> Result<Option<Command>, String> {
    if !is_there("node", "--version").await || !is_there("npm", "--version").await {
        return Ok(None);
    }
    let folder = tools::npm(&options.gateway, "languages-node", NODE).await?;
    let mut command = Command::new("node");
    command.arg(write(folder.join("charge.mjs"), block("js")?)?);
    Ok(Some(command))
}

async fn python(options: &Options) -> Result<Option<Command>, String> {
    if !is_there("python3", "--version").await {
        return Ok(None);
    }
    let python = tools::python(&options.gateway, "languages-python", PYTHON).await?;
    let path = write(python.with_file_name("charge.py"), block("python")?)?;
    let mut command = Command::new(python);
    command.arg(path);
    Ok(Some(command))
}

async fn go(options: &Options) -> Result<Option<Command>, String> {
    if !is_there("go", "version").await {
        return Ok(None);
    }
    let folder = tools::folder(&options.gateway, "languages-go")?;
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    write(folder.join("main.go"), block("go")?)?;
    let sums = folder.join("go.sum");
    if !sums.exists() {
        write(folder.join("go.mod"), GO)?;
        tools::run(
            Command::new("go")
                .args(["mod", "tidy"])
                .current_dir(&folder),
        )
        .await?;
    }
    for arguments in [&["vet", "."][..], &["build", "-o", "charge", "."]] {
        tools::run(Command::new("go").args(arguments).current_dir(&folder)).await?;
    }
    Ok(Some(Command::new(folder.join("charge"))))
}

/// Three orders to each handler in each mode, and what the gateway knows of them then.
async fn delivered(
    options: &Options,
    handlers: &[(&str, SocketAddr, Child)],
) -> Result<(), String> {
    let heard = Heard::default();
    let ear = Router::new().fallback(hear).with_state(heard.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    tokio::spawn(async move { axum::serve(listener, ear).await });
    let near = "allow-http: true, allow-private: [127.0.0.0/8]";
    let mut subscriptions = format!(
        "  heard: {{ stream: replies, sink: {{ kind: http, url: \"http://{address}/\", {near} }} }}\n"
    );
    let mut names = Vec::new();
    for (name, address, _) in handlers {
        for mode in ["binary", "structured"] {
            subscriptions.push_str(&format!(
                "  {name}-{mode}:\n    sink: {{ kind: http, url: \"http://{address}/\", mode: {mode}, {near} }}\n    \
                 reply-to: replies\n    retry: {{ max-attempts: 2, retry-after-max: 1s }}\n"
            ));
            names.push(format!("{name}-{mode}"));
        }
    }
    let mut gateway = Gateway::new(&options.gateway, &subscriptions)?;
    gateway.settings = "streams: { replies: {} }\n".into();
    gateway.configure(&subscriptions)?;
    gateway.start().await?;
    for (id, total, card) in [
        ("good", 5, "tok_visa"),
        ("empty", 0, "tok_visa"),
        ("busy", 5, "tok_busy"),
    ] {
        let order = json!({ "id": id, "total": total, "card": card });
        publish(&gateway, id, &order).await?;
    }
    let quiet: Vec<&str> = names.iter().map(String::as_str).collect();
    let accounts = gateway.accounts(&quiet).await?;
    for name in &quiet {
        let found = accounts.iter().find(|(known, _)| known == name);
        let (_, account) = found.ok_or_else(|| format!("{name} is not listed"))?;
        balance(name, account)?;
        if account["accepted"] != 1 || account["dead_lettered"] != 2 {
            return Err(format!("{name}: {account}"));
        }
        let path = format!("/v1/subscriptions/{name}/dead-letters");
        let (_, letters) = gateway.admin("GET", &path).await?;
        let text = letters.to_string();
        for reason in ["422", "503"] {
            if !text.contains(reason) {
                return Err(format!(
                    "{name}: no dead letter tells of {reason}: {text:.2000}"
                ));
            }
        }
    }
    for _ in 0..PATIENCE {
        let replies = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if replies.len() < names.len() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        let right = |(ty, data): &(String, Value)| {
            ty == "shop.order.charged" && data["order"] == "good" && data["receipt"].is_string()
        };
        return match replies.len() == names.len() && replies.iter().all(right) {
            true => Ok(()),
            false => Err(format!("replies: {replies:?}")),
        };
    }
    Err("not every handler's reply came".into())
}

async fn hear(State(heard): State<Heard>, headers: HeaderMap, body: Bytes) {
    let ty = headers.get("ce-type").and_then(|ty| ty.to_str().ok());
    let data = serde_json::from_slice(&body).unwrap_or_default();
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    heard.push((ty.unwrap_or_default().into(), data));
}

async fn publish(gateway: &Gateway, id: &str, order: &Value) -> Result<(), String> {
    let request = Request::post("/events")
        .header("host", gateway.address.to_string())
        .header("ce-specversion", "1.0")
        .header("ce-id", id)
        .header("ce-source", "/prove")
        .header("ce-type", "shop.order.placed")
        .header("content-type", "application/json")
        .body(Full::new(order.to_string().into()))
        .map_err(|e| e.to_string())?;
    let sender = load::connect(gateway.address).await;
    let mut sender = sender.ok_or("the gateway is gone")?;
    let answer = load::ask(&mut sender, request).await;
    let answer = answer.ok_or("the gateway does not answer")?;
    match answer.status().is_success() {
        true => Ok(()),
        false => Err(format!("an order is answered {}", answer.status())),
    }
}
