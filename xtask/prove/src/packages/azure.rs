//! The application as the host of Azure Functions starts it: the program of `host.json`, called by the names of its
//! functions, in the folder of the archive.

use super::Ground;
use crate::load;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
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
    let order = super::placed("tok_declined");
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
        let trigger = &function["bindings"][0];
        let (path, body) = match trigger["type"].as_str() {
            // A function that HTTP alone calls gets the request as it came.
            Some("httpTrigger") => (format!("/api/{name}"), order.clone()),
            Some(_) => {
                let binding = trigger["name"].as_str().ok_or("a binding without a name")?;
                let value = json!(order.to_string()).to_string();
                (
                    format!("/{name}"),
                    json!({ "Data": { binding: value }, "Metadata": {} }),
                )
            }
            None => return Err(format!("{name} has no trigger")),
        };
        let request = Request::post(path)
            .header("host", address.to_string())
            .header(
                "content-type",
                match trigger["type"] == "httpTrigger" {
                    true => "application/cloudevents+json",
                    false => "application/json",
                },
            )
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|e| e.to_string())?;
        let mut sender = load::connect(address)
            .await
            .ok_or("the handler does not listen")?;
        let answer = load::ask(&mut sender, request).await.ok_or("no answer")?;
        // The card was declined: the handler has read the order.
        if answer.status() != 422 {
            let said = String::from_utf8_lossy(answer.body()).into_owned();
            return Err(format!("{name} answers {}: {said}", answer.status()));
        }
        called.push(name);
    }
    called.sort();
    match called.len() {
        4 => Ok(format!(
            "azure: {} functions of the archive called",
            called.len()
        )),
        _ => Err(format!("not a function for each trigger: {called:?}")),
    }
}

fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", path.display()))
}
