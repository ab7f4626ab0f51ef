//! The application as the host of Azure Functions starts it: the program of `host.json`, called by the names of its
//! functions, in the folder of the archive.

use super::Ground;
use crate::load;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

pub(super) async fn run(ground: &Ground<'_>) -> Result<String, String> {
    let (folder, _) = ground.pack("azure", &[]).await?;
    let app = ground.folder.path().join("azure-app");
    super::unzip(&folder.join("app.zip"), &app).await?;
    let host = read(&app.join("host.json"))?;
    let program = host["customHandler"]["description"]["defaultExecutablePath"].as_str();
    let program = app.join(program.ok_or("host.json names no program")?);
    let address = std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|e| e.to_string())?;
    let _handler = Command::new(program)
        .current_dir(&app)
        .env_clear()
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", address.port().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| e.to_string())?;
    for _ in 0..600 {
        if load::connect(address).await.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut called = Vec::new();
    for entry in std::fs::read_dir(&app)
        .map_err(|e| e.to_string())?
        .flatten()
    {
        let file = entry.path().join("function.json");
        if !file.is_file() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let function = read(&file)?;
        // The card was declined: the handler has read the order. A timer brings none.
        let (status, said) = ask(address, &name, &function, "tok_declined").await?;
        if status != 422 {
            return Err(format!("{name} answers {status}: {said}"));
        }
        let kind = &function["bindings"][0]["type"];
        if kind != "httpTrigger" && kind != "timerTrigger" {
            let (status, said) = ask(address, &name, &function, "tok_visa").await?;
            let output = function["bindings"][1]["name"].as_str();
            let output = output.ok_or("no output binding")?;
            if status != 200 || said["Outputs"][output]["type"] != "shop.order.charged" {
                return Err(format!(
                    "{name} does not reply into its binding: {status} {said}"
                ));
            }
        }
        called.push(name);
    }
    called.sort();
    match called.len() {
        5 => Ok(format!(
            "azure: {} functions of the archive called, replies in their output bindings",
            called.len()
        )),
        _ => Err(format!("not a function for each trigger: {called:?}")),
    }
}

/// Calls a function as the host does, with an order to be charged to this card.
async fn ask(
    address: SocketAddr,
    name: &str,
    function: &Value,
    card: &str,
) -> Result<(u16, Value), String> {
    let order = super::placed(card);
    let trigger = &function["bindings"][0];
    let binding = trigger["name"].as_str().ok_or("a binding without a name")?;
    let invocation = |value: Value| json!({ "Data": { binding: value }, "Metadata": {} });
    let (path, content_type, body) = match trigger["type"].as_str() {
        // A function that HTTP alone calls gets the request as it came.
        Some("httpTrigger") => (
            format!("/api/{name}"),
            "application/cloudevents+json",
            order,
        ),
        Some("timerTrigger") => {
            let info = json!({ "IsPastDue": false, "ScheduleStatus": null });
            (format!("/{name}"), "application/json", invocation(info))
        }
        Some(_) => {
            let value = json!(order.to_string()).to_string();
            let body = invocation(value.into());
            (format!("/{name}"), "application/json", body)
        }
        None => return Err(format!("{name} has no trigger")),
    };
    let request = Request::post(path)
        .header("host", address.to_string())
        .header("content-type", content_type)
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(|e| e.to_string())?;
    let sender = load::connect(address).await;
    let mut sender = sender.ok_or("the handler does not listen")?;
    let answer = load::ask(&mut sender, request).await.ok_or("no answer")?;
    let said = serde_json::from_slice(answer.body()).unwrap_or_default();
    Ok((answer.status().as_u16(), said))
}

fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", path.display()))
}
