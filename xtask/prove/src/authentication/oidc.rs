//! An issuer of tokens that others wrote, on loopback: npm's `oidc-provider`.

use crate::{load, tools};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

const PACKAGE: &str = "oidc-provider@9";
const PROGRAM: &str = include_str!("oidc.mjs");

/// Where it runs, and its certificate.
pub(crate) struct Ground {
    program: PathBuf,
    folder: tempfile::TempDir,
    address: SocketAddr,
}

/// One that runs; it ends with the value.
pub(crate) struct Oidc {
    address: SocketAddr,
    steering: SocketAddr,
    child: Child,
}

impl Ground {
    pub(crate) async fn new(gateway: &Path) -> Result<Self, String> {
        let tool = tools::npm(gateway, "oidc", PACKAGE).await?;
        let program = tool.join("oidc.mjs");
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let write = |path: PathBuf, text: String| std::fs::write(path, text);
        let ground = Self {
            program: program.clone(),
            address: free()?,
            folder,
        };
        let (authority, certificate, key) = certificate().map_err(|e| e.to_string())?;
        write(program, PROGRAM.to_owned())
            .and_then(|()| write(ground.ca(), authority))
            .and_then(|()| write(ground.folder.path().join("certificate.pem"), certificate))
            .and_then(|()| write(ground.folder.path().join("key.pem"), key))
            .map_err(|e| e.to_string())?;
        Ok(ground)
    }

    pub(crate) fn issuer(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Another program that finds the packages of this one.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.program.with_file_name(name)
    }

    /// A file of its certificate: `certificate.pem`, `key.pem`.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The authority of its certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Starts it with fresh keys of this name.
    pub(crate) async fn start(&self, kid: &str) -> Result<Oidc, String> {
        self.run(kid, self.address, &[]).await
    }

    /// Starts another one, which calls itself so and puts these claims into every token.
    pub(crate) async fn start_as(
        &self,
        kid: &str,
        name: &str,
        claims: &str,
    ) -> Result<Oidc, String> {
        self.run(kid, free()?, &[name, claims]).await
    }

    /// Starts one with fresh keys in the place of such another one.
    pub(crate) async fn follow(
        &self,
        before: Oidc,
        kid: &str,
        name: &str,
        claims: &str,
    ) -> Result<Oidc, String> {
        let address = before.address;
        before.stop().await?;
        self.run(kid, address, &[name, claims]).await
    }

    async fn run(&self, kid: &str, address: SocketAddr, more: &[&str]) -> Result<Oidc, String> {
        let steering = free()?;
        let child = Command::new("node")
            .arg(&self.program)
            .arg(address.port().to_string())
            .arg(self.folder.path().join("key.pem"))
            .arg(self.folder.path().join("certificate.pem"))
            .args([kid, &steering.port().to_string()])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("node: {e}"))?;
        for _ in 0..600 {
            if load::connect(steering).await.is_some() {
                return Ok(Oidc {
                    address,
                    steering,
                    child,
                });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the issuer does not listen after 30 s".into())
    }
}

impl Oidc {
    /// A token for a client, by its grant of client credentials.
    pub(crate) async fn token(&self, query: &str) -> Result<String, String> {
        let text = self.ask(&format!("/token?{query}")).await?;
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let token = answer["access_token"].as_str();
        Ok(token.ok_or_else(|| format!("no token: {text}"))?.to_owned())
    }

    /// Where its public keys lie.
    pub(crate) fn keys_url(&self) -> String {
        format!("https://{}/jwks", self.address)
    }

    /// How often its keys were asked for.
    pub(crate) async fn asked(&self) -> Result<u64, String> {
        let text = self.ask("/asked").await?;
        text.parse().map_err(|_| text)
    }

    pub(crate) async fn stop(mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|e| e.to_string())
    }

    async fn ask(&self, path: &str) -> Result<String, String> {
        let gone = "the issuer is gone";
        let mut sender = load::connect(self.steering).await.ok_or(gone)?;
        let request = Request::get(path)
            .header("host", "steering")
            .body(Full::new(Bytes::new()))
            .map_err(|e| e.to_string())?;
        let answer = load::ask(&mut sender, request).await.ok_or(gone)?;
        Ok(String::from_utf8_lossy(answer.body()).into_owned())
    }
}

fn free() -> Result<SocketAddr, String> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|e| e.to_string())
}

/// An authority, a certificate by it for loopback, and its key.
fn certificate() -> Result<(String, String, String), rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Programs that tell who has signed by name take one with the name of its authority for its own.
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "authority of a proof");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;
    Ok((authority.pem(), own.pem(), key.serialize_pem()))
}
