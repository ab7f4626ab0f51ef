//! The gateway on this machine.

use super::child::{Child, free};
use crate::failure::Failure;
use base64::Engine;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Kinds of source that one secret makes whole, and that `tradewind simulate` can play.
pub(super) const SOURCES: [&str; 9] = [
    "bitbucket",
    "github",
    "gitlab",
    "shopify",
    "slack",
    "standard-webhooks",
    "stripe",
    "twitter",
    "zoom",
];
const PORT: u16 = 8080;
/// What `tradewind simulate` reads the secret from when nobody names another.
const SECRET: &str = "TRADEWIND_SIMULATE_SECRET";

/// What is asked of it.
pub(super) struct Wanted<'a> {
    pub(super) config: Option<&'a Path>,
    pub(super) sources: &'a [String],
    pub(super) listen: Option<SocketAddr>,
    pub(super) data: Option<&'a Path>,
    /// Where events go.
    pub(super) handler: SocketAddr,
    pub(super) json: bool,
}

/// A running gateway.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) child: Child,
    /// Lines to paste.
    pub(super) simulations: Vec<String>,
    _config: Option<tempfile::TempDir>,
}

/// The program, which has to be there.
pub(super) fn program(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let hint = "install a release, or `cargo install --path gateway/server` in a checkout; then name it by --gateway, \
                or go without it by --no-gateway";
    if let Some(path) = named {
        let is_file = path.is_file();
        return match is_file {
            true => Ok(path.to_owned()),
            false => Err(Failure::new(format!("{} is no program", path.display())).hint(hint)),
        };
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join("tradewind"))
        .find(|path| path.is_file())
        .ok_or_else(|| Failure::new("there is no program `tradewind` in the path").hint(hint))
}

impl Gateway {
    pub(super) async fn start(program: &Path, wanted: &Wanted<'_>) -> Result<Self, Failure> {
        let listen = match wanted.listen {
            Some(address) => address,
            None => free(Some(PORT))?,
        };
        let secret = secret();
        let (path, made) = match wanted.config {
            Some(path) => (path.to_owned(), None),
            None => {
                let folder = tempfile::tempdir().map_err(|e| Failure::new(e.to_string()))?;
                let path = folder.path().join("tradewind.yaml");
                // JSON is YAML.
                std::fs::write(&path, configuration(wanted).to_string())
                    .map_err(|e| Failure::at(&path, e))?;
                (path, Some(folder))
            }
        };
        let mut command = Command::new(program);
        command
            .args(["dev", "--config"])
            .arg(path)
            .args(["--listen", &listen.to_string()])
            .env("HANDLER_URL", format!("http://{}/", wanted.handler))
            .env(SECRET, &secret);
        if let Some(data) = wanted.data {
            command.arg("--data-dir").arg(data);
        }
        if wanted.json {
            command.args(["--output", "json"]);
        }
        let child = Child::start(command, "the gateway", listen).await?;
        let program = program.display();
        let line = |kind: &String| {
            format!("{SECRET}='{secret}' {program} simulate {kind} --url http://{listen}/in/{kind}")
        };
        Ok(Self {
            child,
            simulations: wanted.sources.iter().map(line).collect(),
            _config: made,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.child.address)
    }

    pub(super) async fn stop(self) {
        self.child.stop().await;
    }
}

/// Everything goes to the handler; what it replies lies in a stream of its own, or it would get that, too.
fn configuration(wanted: &Wanted<'_>) -> Value {
    let mut sources = Map::new();
    let open = json!({
        "kind": "http", "path": "/events", "auth": "none-i-understand",
        "raw": { "type": "dev.body", "source": "/dev" },
    });
    sources.insert("events".into(), open);
    for kind in wanted.sources {
        let secret = format!("${{env:{SECRET}}}");
        let source = json!({ "kind": kind, "path": format!("/in/{kind}"), "secrets": [secret] });
        sources.insert(kind.clone(), source);
    }
    let url = format!("http://{}/", wanted.handler);
    json!({
        "durability": "ephemeral",
        "streams": { "replies": {} },
        "sources": sources,
        "subscriptions": { "handler": {
            "reply-to": "replies",
            "sink": { "kind": "http", "url": url, "allow-private": ["127.0.0.0/8"] },
        }},
    })
}

/// One that no other run has, in the form that the pickiest sender wants.
fn secret() -> String {
    let bytes: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
        .take(24)
        .collect();
    format!(
        "whsec_{}",
        base64::engine::general_purpose::STANDARD.encode(bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_the_named_one_and_its_absence_has_a_hint() {
        let me = std::env::current_exe().unwrap();
        assert_eq!(program(Some(&me)).unwrap(), me);
        let failure = program(Some(Path::new("/none"))).unwrap_err();
        assert!(failure.to_string().contains("--no-gateway"), "{failure}");
    }

    #[test]
    fn secrets_differ() {
        assert_ne!(secret(), secret());
    }
}
