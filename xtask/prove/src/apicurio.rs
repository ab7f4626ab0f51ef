//! A registry of schemas that others wrote, by the interface of Confluent's: Apicurio.

use crate::{Options, load, tools};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// The last release for Java 17.
pub(crate) const VERSION: &str = "2.6.13.Final";
const NAME: &str = "apicurio-registry-app";
/// Where it speaks as Confluent's registry does.
pub(crate) const BASE: &str = "/apis/ccompat/v7";

/// A server; it ends with the value, and forgets everything.
pub(crate) struct Apicurio {
    pub(crate) address: SocketAddr,
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
    /// `None` where it cannot be had.
    pub(crate) async fn start(options: &Options) -> Result<Option<Self>, String> {
        let Some(folder) = fetched(options).await? else {
            return Ok(None);
        };
        let address = std::net::TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|e| e.to_string())?;
        let child = Command::new("java")
            .args([
                "-Xmx400m",
                "-Dquarkus.http.host=127.0.0.1",
                &format!("-Dquarkus.http.port={}", address.port()),
                "-jar",
                &format!("{NAME}-{VERSION}-runner.jar"),
            ])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| e.to_string())?;
        let started = Self { address, child };
        for _ in 0..1200 {
            if started.ask("GET", "/subjects", "").await.is_ok() {
                return Ok(Some(started));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("Apicurio does not answer after two minutes".into())
    }

    /// The address of the interface.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{BASE}", self.address)
    }

    pub(crate) async fn kill(&mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|e| e.to_string())
    }

    /// Stops answering, without losing anything; or goes on.
    pub(crate) fn halt(&self, halt: bool) -> Result<(), String> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(Pid::from_raw).ok_or("Apicurio is gone")?;
        let signal = if halt { Signal::STOP } else { Signal::CONT };
        kill_process(id, signal).map_err(|e| e.to_string())
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
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

    pub(crate) async fn register(
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
