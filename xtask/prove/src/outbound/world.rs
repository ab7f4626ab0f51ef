//! The functions and the servers of tokens, and subscriptions to them.

use super::{BEARER, CLIENT, KEY, PATIENCE};
use crate::authentication::oidc::Ground;
use crate::certificates::Authority;
use crate::load;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

const PROGRAM: &str = include_str!("world.mjs");

pub(super) struct World {
    functions: SocketAddr,
    mutual: SocketAddr,
    metadata: SocketAddr,
    steering: SocketAddr,
    folder: tempfile::TempDir,
    ca: String,
    _child: Child,
}

/// Subscriptions to functions that take what is shown.
pub(super) struct Good {
    pub(super) yaml: String,
    pub(super) paths: Vec<&'static str>,
    /// How many of them obtain tokens.
    pub(super) tokens: usize,
}

impl Good {
    pub(super) fn names(&self) -> Vec<&str> {
        self.paths.iter().map(|path| &path[1..]).collect()
    }
}

/// Subscriptions with something wrong, and what their dead letters say.
pub(super) struct Wrong {
    pub(super) yaml: String,
    pub(super) names: Vec<(&'static str, &'static str)>,
    pub(super) tokens: usize,
}

impl World {
    pub(super) async fn start(ground: &Ground, callers: &Authority) -> Result<Self, String> {
        let free = || {
            std::net::TcpListener::bind(("127.0.0.1", 0))
                .and_then(|listener| listener.local_addr())
                .map_err(|e| e.to_string())
        };
        let (functions, mutual, metadata, steering) = (free()?, free()?, free()?, free()?);
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        let copy = |name: &str| std::fs::copy(ground.beside(name), folder.path().join(name));
        let program = ground.program("world.mjs");
        std::fs::write(&program, PROGRAM)
            .and_then(|()| write("callers.pem", &callers.pem()))
            .and_then(|()| copy("key.pem").and_then(|_| copy("certificate.pem")))
            .map_err(|e| e.to_string())?;
        let secrets = serde_json::json!({ "key": KEY, "bearer": BEARER });
        let child = Command::new("node")
            .arg(&program)
            .args([functions, mutual, metadata, steering].map(|at| at.port().to_string()))
            .arg(folder.path())
            .arg(ground.issuer())
            .env("SECRETS", secrets.to_string())
            .env("NODE_EXTRA_CA_CERTS", ground.ca())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("node: {e}"))?;
        let world = Self {
            functions,
            mutual,
            metadata,
            steering,
            folder,
            ca: ground.ca().display().to_string(),
            _child: child,
        };
        for _ in 0..600 {
            if load::connect(steering).await.is_some() {
                return Ok(world);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the functions do not listen after 30 s".into())
    }

    /// Replaces a file of the folder at once.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let new = self.folder.path().join("new");
        std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(new, self.folder.path().join(name)))
            .map_err(|e| e.to_string())
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn sink(&self, kind: &str, path: &str, more: &str) -> String {
        let (functions, ca) = (self.functions, &self.ca);
        format!(
            "sink: {{ kind: {kind}, url: \"https://{functions}{path}\", allow-private: [127.0.0.0/8], tls: {{ ca: \"{ca}\" }}, auth: {{ {more} }} }}"
        )
    }

    fn oauth(&self, ground: &Ground, client: &str, secret: &str, more: &str) -> String {
        format!(
            "oauth2: {{ token-url: \"{}/token\", client-id: {client}, client-secret: \"{secret}\", scopes: [publish], resource: \"urn:tradewind\", ca: \"{}\"{more} }}",
            ground.issuer(),
            self.ca
        )
    }

    fn mutual(&self, certificate: &str, ca: &str) -> String {
        let file = self.file(certificate);
        format!(
            "sink: {{ kind: http, url: \"https://{}/mutual\", allow-private: [127.0.0.0/8], tls: {{ ca: \"{ca}\", certificate: \"${{file:{file}}}\", key: \"${{file:{file}}}\" }} }}",
            self.mutual
        )
    }

    /// One for each way to prove who the gateway is.
    pub(super) fn good(&self, ground: &Ground) -> Good {
        let (metadata, ca) = (self.metadata, &self.ca);
        let authority = format!("authority: \"https://{}\", ca: \"{ca}\"", self.functions);
        let entra = |more: String| format!("entra: {{ resource: \"api://function\", {more} }}");
        let account = self.file("account.json");
        let workload = self.file("workload");
        let http = |path, auth: String| (path, self.sink("http", path, &auth));
        let azure = |path, auth: String| (path, self.sink("azure-function", path, &auth));
        let with_tokens = [
            http("/oauth-basic", self.oauth(ground, "shop", CLIENT, "")),
            http(
                "/oauth-post",
                self.oauth(ground, "mill", CLIENT, ", method: post"),
            ),
            (
                "/cloud-run",
                self.sink(
                    "gcp-cloud-run",
                    "/cloud-run",
                    &format!("id-token: {{ metadata: \"http://{metadata}\" }}"),
                ),
            ),
            (
                "/function",
                self.sink(
                    "gcp-function",
                    "/function",
                    &format!(
                        "id-token: {{ service-account: \"${{file:{account}}}\", ca: \"{ca}\" }}"
                    ),
                ),
            ),
            azure(
                "/managed",
                entra(format!("metadata: \"http://{metadata}\"")),
            ),
            azure(
                "/workload",
                entra(format!(
                    "client-id: app, federated-token-file: \"{workload}\", {authority}"
                )),
            ),
            azure(
                "/client",
                entra(format!(
                    "client-id: app, client-secret: \"{KEY}\", {authority}"
                )),
            ),
        ];
        let tokens = with_tokens.len();
        let always = [
            azure("/function-key", format!("function-key: \"{KEY}\"")),
            http("/header", format!("api-key: {{ key: \"{KEY}\" }}")),
            http(
                "/query",
                format!("api-key: {{ key: \"{KEY}\", query: code }}"),
            ),
            http(
                "/basic",
                format!("basic: {{ username: user, password: \"{KEY}\" }}"),
            ),
            http("/bearer", format!("bearer: \"{BEARER}\"")),
            ("/mutual", self.mutual("mutual.pem", &self.ca)),
        ];
        let all: Vec<_> = with_tokens.into_iter().chain(always).collect();
        let line = |(path, sink): &(&'static str, String)| {
            let name = &path[1..];
            format!(
                "  {name}: {{ retry: {{ initial: 200ms, max: 1s, max-attempts: 1000 }}, breaker: {{ cooldown: 500ms, cooldown-max: 1s }}, {sink} }}\n"
            )
        };
        Good {
            yaml: all.iter().map(line).collect(),
            paths: all.iter().map(|(path, _)| *path).collect(),
            tokens,
        }
    }

    /// One for each thing that can be wrong.
    pub(super) fn wrong(&self, ground: &Ground) -> Wrong {
        let (metadata, ca) = (self.metadata, &self.ca);
        let http = |path, auth: &str| self.sink("http", path, auth);
        let authority = format!("authority: \"https://{}\", ca: \"{ca}\"", self.functions);
        let strangers = self.file("strangers.pem");
        let with_tokens = [
            (
                "wrong-secret",
                "check `client-id`, `client-secret`",
                http("/oauth-basic", &self.oauth(ground, "shop", "canary-wrong", "")),
            ),
            (
                "unknown-client",
                "check `client-id`, `client-secret`",
                http("/oauth-post", &self.oauth(ground, "nobody", CLIENT, ", method: post")),
            ),
            (
                "wrong-resource",
                "401",
                http("/oauth-basic", &self.oauth(ground, "shop", CLIENT, "").replace("urn:tradewind", "urn:other")),
            ),
            (
                "unknown-authority",
                "auth.oauth2.ca",
                http("/oauth-basic", &self.oauth(ground, "shop", CLIENT, "").replace(ca.as_str(), &strangers)),
            ),
            (
                "wrong-audience",
                "roles/run.servicesInvoker",
                self.sink("gcp-cloud-run", "/cloud-run", &format!("id-token: {{ audience: \"https://other.example\", metadata: \"http://{metadata}\" }}")),
            ),
            (
                "wrong-tenant-secret",
                "client-secret` has ended",
                self.sink("azure-function", "/client", &format!("entra: {{ resource: \"api://function\", client-id: app, client-secret: canary-wrong, {authority} }}")),
            ),
        ];
        let tokens = with_tokens.len();
        let always = [
            (
                "wrong-key",
                "auth.function-key",
                self.sink(
                    "azure-function",
                    "/function-key",
                    "function-key: canary-wrong",
                ),
            ),
            (
                "nothing-shown",
                "401",
                self.sink("http", "/bearer", "bearer: canary-wrong"),
            ),
            ("mutual-expired", "tls", self.mutual("expired.pem", ca)),
            ("mutual-stranger", "tls", self.mutual("stranger.pem", ca)),
            (
                "wrong-authority",
                "tls",
                self.mutual("mutual.pem", &strangers),
            ),
            (
                "wrong-host",
                "tls",
                self.mutual("mutual.pem", ca)
                    .replace("https://127.0.0.1:", "https://localhost:"),
            ),
        ];
        let all: Vec<_> = with_tokens.into_iter().chain(always).collect();
        let line = |(name, _, sink): &(&str, &str, String)| {
            format!(
                "  {name}: {{ retry: {{ max-attempts: 1 }}, concurrency: 4, breaker: {{ failures: 0 }}, {sink} }}\n"
            )
        };
        Wrong {
            yaml: all.iter().map(line).collect(),
            names: all.iter().map(|(name, hint, _)| (*name, *hint)).collect(),
            tokens,
        }
    }

    pub(super) async fn steer(&self, path: &str) -> Result<Value, String> {
        let gone = "the functions are gone";
        let mut sender = load::connect(self.steering).await.ok_or(gone)?;
        let request = Request::get(path)
            .header("host", "steering")
            .body(Full::new(Bytes::new()))
            .map_err(|e| e.to_string())?;
        let answer = load::ask(&mut sender, request).await.ok_or(gone)?;
        serde_json::from_slice(answer.body()).map_err(|e| e.to_string())
    }

    /// Questions to servers of tokens, and requests refused.
    pub(super) async fn figures(&self) -> Result<(u64, u64), String> {
        let figures = self.steer("/figures").await?;
        let of = |name: &str| figures[name].as_u64().unwrap_or_default();
        Ok((of("asked"), of("refused")))
    }

    pub(super) async fn arrivals(&self, path: &str) -> Result<Vec<String>, String> {
        let all = self.steer("/arrived").await?;
        let ids = all[path].as_array().cloned().unwrap_or_default();
        let text = |id: &Value| id.as_str().unwrap_or_default().to_owned();
        Ok(ids.iter().map(text).collect())
    }

    /// How many came more than once.
    pub(super) async fn repeated(&self, paths: &[&str]) -> Result<usize, String> {
        let mut again = 0;
        for path in paths {
            let all = self.arrivals(path).await?;
            again += all.len() - all.iter().collect::<BTreeSet<_>>().len();
        }
        Ok(again)
    }

    /// Waits until all of them are at all of these.
    #[allow(
        clippy::disallowed_methods,
        reason = "measures the process from outside"
    )]
    pub(super) async fn arrived(&self, paths: &[&str], ids: &[String]) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let mut missing = Vec::new();
            for path in paths {
                let there: BTreeSet<String> = self.arrivals(path).await?.into_iter().collect();
                let left = ids.iter().filter(|id| !there.contains(*id)).count();
                if left > 0 {
                    missing.push(format!("{left} at {path}"));
                }
            }
            if missing.is_empty() {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!(
                    "missing after {PATIENCE:?}: {}",
                    missing.join(", ")
                ));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Signatures of all tokens that were given out, and the lines of the key of the service account.
    pub(super) async fn secrets(&self) -> Result<Vec<String>, String> {
        let issued = self.steer("/issued").await?;
        let signature = |token: &Value| token.as_str()?.rsplit('.').next().map(str::to_owned);
        let issued = issued.as_array().cloned().unwrap_or_default();
        let mut all: Vec<String> = issued.iter().filter_map(signature).collect();
        let account = std::fs::read(self.file("account.json")).map_err(|e| e.to_string())?;
        let account: Value = serde_json::from_slice(&account).map_err(|e| e.to_string())?;
        let key = account["private_key"].as_str().unwrap_or_default();
        all.extend(key.lines().map(str::to_owned));
        all.retain(|text| text.len() > 40);
        Ok(all)
    }
}
