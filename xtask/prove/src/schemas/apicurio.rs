//! A registry that others wrote, by the interface of Confluent's: Apicurio.

use super::expect;
use crate::gateway::Gateway;
use crate::{Options, load, tools};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// The last release for Java 17.
const VERSION: &str = "2.6.13.Final";
const NAME: &str = "apicurio-registry-app";
/// Where it speaks as Confluent's registry does.
const BASE: &str = "/apis/ccompat/v7";

struct Apicurio {
    address: SocketAddr,
    child: Child,
}

/// The folder of it; `None` where this machine has no Java or Maven, or where fetching it takes too long.
async fn fetched(options: &Options) -> Result<Option<PathBuf>, String> {
    for program in ["java", "mvn"] {
        if tools::run(Command::new(program).arg("-version"))
            .await
            .is_err()
        {
            return Ok(None);
        }
    }
    let folder = tools::folder(&options.gateway, "apicurio")?;
    let done = folder.join("installed");
    if !done.exists() {
        // 142 MB.
        if options.short {
            return Ok(None);
        }
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let at = folder.display();
        tools::run(Command::new("mvn").args([
            "--quiet",
            "--batch-mode",
            "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
            &format!("-Dartifact=io.apicurio:{NAME}:{VERSION}:tar.gz:all"),
            &format!("-DoutputDirectory={at}"),
        ]))
        .await?;
        let archive = folder.join(format!("{NAME}-{VERSION}-all.tar.gz"));
        tools::run(
            Command::new("tar")
                .args(["--extract", "--directory"])
                .arg(&folder)
                .arg("--file")
                .arg(&archive),
        )
        .await?;
        std::fs::remove_file(&archive).map_err(|e| e.to_string())?;
        std::fs::write(&done, VERSION).map_err(|e| e.to_string())?;
    }
    Ok(Some(folder))
}

impl Apicurio {
    /// Starts one that forgets everything when it ends.
    async fn start(folder: &Path, address: SocketAddr) -> Result<Self, String> {
        let child = Command::new("java")
            .args([
                "-Xmx400m",
                "-Dquarkus.http.host=127.0.0.1",
                &format!("-Dquarkus.http.port={}", address.port()),
                "-jar",
                &format!("{NAME}-{VERSION}-runner.jar"),
            ])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| e.to_string())?;
        let started = Self { address, child };
        for _ in 0..1200 {
            if started.ask("GET", "/subjects", "").await.is_ok() {
                return Ok(started);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("Apicurio does not answer after two minutes".into())
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let gone = "Apicurio is gone";
        let mut sender = load::connect(self.address).await.ok_or(gone)?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"))
            .header("host", "localhost")
            .header("content-type", "application/vnd.schemaregistry.v1+json")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .map_err(|e| e.to_string())?;
        let answer = load::ask(&mut sender, request).await.ok_or(gone)?;
        match answer.status().is_success() {
            true => Ok(serde_json::from_slice(answer.body()).unwrap_or_default()),
            false => Err(format!(
                "Apicurio answered {} to {path}: {}",
                answer.status(),
                String::from_utf8_lossy(answer.body())
            )),
        }
    }

    async fn register(
        &self,
        subject: &str,
        language: &str,
        text: &str,
        to: &[(&str, &str)],
    ) -> Result<(), String> {
        let references = to
            .iter()
            .map(|(name, subject)| json!({ "name": name, "subject": subject, "version": 1 }));
        let body = json!({
            "schemaType": language,
            "schema": text,
            "references": references.collect::<Vec<_>>(),
        });
        let path = format!("/subjects/{subject}/versions");
        self.ask("POST", &path, &body.to_string()).await.map(drop)
    }
}

const DRAFT: &str = r#""$schema":"http://json-schema.org/draft-07/schema#""#;

/// What of a registry was shown.
pub(super) async fn prove(options: &Options) -> Result<String, String> {
    let Some(folder) = fetched(options).await? else {
        return Ok("not here (no Java or Maven, or with --short not fetched before)".into());
    };
    let address = std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|e| e.to_string())?;
    let mut apicurio = Apicurio::start(&folder, address).await?;
    let money = format!(r#"{{{DRAFT},"type":"number","maximum":10}}"#);
    let order = |extra: &str| {
        format!(
            r#"{{{DRAFT},"type":"object","properties":{{"total":{{"$ref":"money.json"}}}}{extra}}}"#
        )
    };
    apicurio.register("money", "JSON", &money, &[]).await?;
    apicurio
        .register("order", "JSON", &order(""), &[("money.json", "money")])
        .await?;
    let address_of = r#"{"type":"record","name":"Address","namespace":"shop","fields":[{"name":"city","type":"string"}]}"#;
    let parcel = r#"{"type":"record","name":"Parcel","namespace":"shop","fields":[{"name":"to","type":"shop.Address"}]}"#;
    apicurio
        .register("address", "AVRO", address_of, &[])
        .await?;
    apicurio
        .register("parcel", "AVRO", parcel, &[("shop.Address", "address")])
        .await?;
    let unit = r#"syntax = "proto3"; package shop; message Unit { int64 n = 1; }"#;
    let stock = r#"syntax = "proto3"; package shop; import "unit.proto"; message Stock { Unit units = 1; }"#;
    apicurio.register("unit", "PROTOBUF", unit, &[]).await?;
    apicurio
        .register("stock", "PROTOBUF", stock, &[("unit.proto", "unit")])
        .await?;

    let mut gateway = Gateway::new(
        &options.gateway,
        "  all: { owner: shop, why: to be held, sink: { kind: memory } }\n",
    )?;
    let schema = |name: &str, more: &str| {
        format!(
            "  {name}: {{ registry: {{ name: shared, subject: {name}{more} }}, events: [{{ type: prove.{name} }}] }}\n"
        )
    };
    gateway.settings = format!(
        "schema-registries:\n  shared:\n    url: http://{address}{BASE}\n    allow-http: true\n    \
         allow-private: [127.0.0.1/32]\n    refresh: 5s\nschemas:\n{}{}{}",
        schema("order", ""),
        schema("parcel", ", version: 1"),
        schema("stock", ", version: 1"),
    );
    gateway.configure("  all: { owner: shop, why: to be held, sink: { kind: memory } }\n")?;
    gateway.start().await?;
    let held = async |gateway: &Gateway, extra: u16| {
        expect(gateway, "prove.order", r#"{"total":10}"#, extra).await?;
        expect(gateway, "prove.order", r#"{"total":11}"#, 422).await?;
        // JSON is neither Avro nor Protobuf.
        expect(gateway, "prove.parcel", "{}", 422).await?;
        expect(gateway, "prove.stock", "{}", 422).await
    };
    held(&gateway, 202).await?;

    let stricter = order(r#","required":["id"]"#);
    apicurio
        .register("order", "JSON", &stricter, &[("money.json", "money")])
        .await?;
    wait(&gateway, |schema| schema["versions"][0]["version"] == 2).await?;
    held(&gateway, 422).await?;
    expect(&gateway, "prove.order", r#"{"id":1,"total":10}"#, 202).await?;

    apicurio.child.kill().await.map_err(|e| e.to_string())?;
    wait(&gateway, |schema| schema["registry"]["failure"].is_string()).await?;
    held(&gateway, 422).await?;
    gateway.kill().await?;
    gateway.start().await?;
    held(&gateway, 422).await?;
    gateway.kill().await?;
    Ok(format!(
        "Apicurio {VERSION} in three languages with references, another version, out, and out over a restart"
    ))
}

/// Waits until the gateway says so of the schema `order`.
async fn wait(gateway: &Gateway, done: impl Fn(&Value) -> bool) -> Result<(), String> {
    let mut seen = Value::Null;
    for _ in 0..600 {
        (_, seen) = gateway.admin("GET", "/v1/schemas/order").await?;
        if done(&seen) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("after a minute the schema is still {seen}"))
}
