//! The same for arm64: built across, and run under qemu, which is another's.

use super::Ground;
use crate::hosts::{free, listens};
use crate::{load, tools};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

const TARGET: &str = "aarch64-unknown-linux-musl";

pub(super) async fn run(ground: &Ground<'_>) -> Result<String, String> {
    tools::run(Command::new("rustup").args(["target", "add", TARGET])).await?;
    let folder = ground.folder.path().join("lambda-arm");
    let manifest = ground.manifest.display().to_string();
    ground
        .build(
            &[
                "--for",
                "lambda",
                "--arch",
                "aarch64",
                "--manifest",
                &manifest,
            ],
            &folder,
        )
        .await?;
    let template = read(&folder.join("template.json"))?;
    let architectures = &template["Resources"]["Function"]["Properties"]["Architectures"];
    if architectures != &json!(["arm64"]) {
        return Err(format!("the function is for {architectures}"));
    }
    let unpacked = ground.folder.path().join("bootstrap-arm");
    super::unzip(&folder.join("bootstrap.zip"), &unpacked).await?;
    let program = unpacked.join("bootstrap");
    let qemu = tools::debian(
        ground.gateway(),
        "qemu-user-static",
        "usr/bin/qemu-aarch64-static",
    )
    .await?;
    let said = tools::run(
        Command::new(&qemu)
            .arg(&program)
            .env_clear()
            .env("TRADEWIND_MANIFEST", "json"),
    )
    .await?;
    let said: Value = serde_json::from_str(&said).map_err(|e| format!("{e}: {said}"))?;
    if said["name"] != "orders" {
        return Err(format!("the program for arm64 declares {said}"));
    }
    charges(&qemu, &program).await?;
    for host in ["container", "knative", "openwhisk"] {
        image(ground, host, &program).await?;
    }
    Ok("arm64: the archive for Lambda takes an order under qemu, three images say what they are for".into())
}

/// It takes an order as what it was built as.
async fn charges(qemu: &Path, program: &Path) -> Result<(), String> {
    let address = free()?;
    let _handler = Command::new(qemu)
        .arg(program)
        .env_clear()
        .env("TRADEWIND_LISTEN", address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("qemu: {e}"))?;
    listens(address).await?;
    let order = super::placed("tok_visa").to_string();
    let request = Request::post("/")
        .header("host", address.to_string())
        .header("content-type", "application/cloudevents+json")
        .body(Full::new(Bytes::from(order)))
        .map_err(|e| e.to_string())?;
    let sender = load::connect(address).await;
    let mut sender = sender.ok_or("the program for arm64 does not listen")?;
    let answer = load::ask(&mut sender, request).await;
    let answer = answer.ok_or("the program for arm64 does not answer")?;
    match answer.headers().get("ce-type") {
        Some(ty) if ty == "shop.order.charged" => Ok(()),
        _ => Err(format!("the program for arm64 answers {}", answer.status())),
    }
}

async fn image(ground: &Ground<'_>, host: &str, program: &Path) -> Result<(), String> {
    let binary = program.display().to_string();
    let image = ["--name", "orders", "--image", "registry.example/orders:1"];
    let name = format!("{host}-arm");
    let (folder, _) = ground.pack_as(&name, host, &binary, &image).await?;
    let index = read(&folder.join("image/index.json"))?;
    let platform = &index["manifests"][0]["platform"];
    if platform["architecture"] != "arm64" {
        return Err(format!("{host}: the image is for {platform}"));
    }
    // OpenWhisk's image that runs archives is for x86-64.
    match folder.join("action.zip").exists() {
        true => Err("openwhisk: an archive that nobody can run".into()),
        false => Ok(()),
    }
}

fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", path.display()))
}
