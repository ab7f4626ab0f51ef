//! The platforms, as far as they can be had here.

use super::action_loop::ActionLoop;
use super::replies::{KEY, Replies};
use crate::{Options, load, tools};
use http_body_util::Full;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tradewind::{Bytes, Host};

/// Seconds that a handler has.
const TIMEOUT: &str = "1";
/// Steps of 50 ms until something that starts or stops counts as stuck.
const PATIENCE: u32 = 600;
/// AWS's own emulator of Lambda, which Go builds.
const EMULATOR: &str = "github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie@v0.0.0-20261030222936-bef5c4ba774d";
/// What images of OpenFaaS begin with, built from its source: no registry has it.
const WATCHDOG: &str = "fwatchdog";
const CARGO_LAMBDA: &str = "cargo-lambda==1.9.*";

/// Something that calls handlers.
pub(crate) struct Platform {
    pub(crate) name: &'static str,
    pub(crate) host: Host,
    by: By,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// A client of our own over TCP; the variable that names the port, and others that the platform sets.
    Tcp(&'static str, &'static [(&'static str, &'static str)]),
    Socket,
    CargoLambda,
    Emulator,
    /// OpenFaaS' own watchdog, before a server.
    Watchdog,
    /// The pipes of OpenWhisk's proxy.
    ActionLoop,
    /// A process for each that is asked.
    Stdin,
}

pub(crate) const PLATFORMS: &[Platform] = &[
    Platform {
        name: "http",
        host: Host::Http,
        by: By::Tcp("PORT", &[]),
    },
    Platform {
        name: "openfaas",
        host: Host::Http,
        by: By::Watchdog,
    },
    Platform {
        name: "cargo-lambda",
        host: Host::Lambda,
        by: By::CargoLambda,
    },
    Platform {
        name: "aws-lambda-rie",
        host: Host::Lambda,
        by: By::Emulator,
    },
    Platform {
        name: "google",
        host: Host::Google,
        by: By::Tcp("PORT", &[("FUNCTION_TARGET", "orders")]),
    },
    Platform {
        name: "knative",
        host: Host::Knative,
        by: By::Tcp("PORT", &[("K_SERVICE", "orders")]),
    },
    Platform {
        name: "azure",
        host: Host::Azure,
        by: By::Tcp("FUNCTIONS_CUSTOMHANDLER_PORT", &[]),
    },
    Platform {
        name: "openwhisk",
        host: Host::OpenWhisk,
        by: By::Tcp("PORT", &[("__OW_API_HOST", "http://127.0.0.1:3233")]),
    },
    Platform {
        name: "openwhisk-loop",
        host: Host::OpenWhisk,
        by: By::ActionLoop,
    },
    Platform {
        name: "fn",
        host: Host::Fn,
        by: By::Socket,
    },
    Platform {
        name: "dapr",
        host: Host::Dapr,
        by: By::Tcp("APP_PORT", &[("DAPR_HTTP_PORT", "3500")]),
    },
    Platform {
        name: "stdin",
        host: Host::Stdin,
        by: By::Stdin,
    },
];

enum Door {
    Tcp(SocketAddr),
    Socket(PathBuf),
    /// An emulator, and the name that it calls the function by.
    Lambda(SocketAddr, &'static str),
    ActionLoop(ActionLoop),
    /// The binary, and where replies go.
    Stdin(PathBuf, String),
}

/// The handler's process, what calls it, and where.
pub(crate) struct Running {
    door: Door,
    /// The one that is asked to stop comes first.
    processes: Vec<(&'static str, Child)>,
    _folder: tempfile::TempDir,
}

impl Platform {
    /// Starts the binary; or says why this platform is not to be had.
    pub(crate) async fn start(
        &self,
        options: &Options,
        binary: &Path,
        replies: &Replies,
    ) -> Result<Result<Running, String>, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut handler = Command::new(binary);
        settings(&mut handler, &replies.url());
        let mut processes = Vec::new();
        let mut behind = None;
        let door = match self.by {
            By::Tcp(variable, others) => {
                let address = free()?;
                handler.env(variable, address.port().to_string());
                handler.envs(others.iter().copied());
                Door::Tcp(address)
            }
            By::Socket => {
                let path = folder.path().join("fn.sock");
                handler.env("FN_LISTENER", format!("unix:{}", path.display()));
                handler.env("FN_FORMAT", "http-stream");
                Door::Socket(path)
            }
            By::CargoLambda => {
                let python =
                    tools::python(&options.gateway, "cargo-lambda", &[CARGO_LAMBDA]).await?;
                let address = free()?;
                project(folder.path())?;
                let mut emulator = Command::new(python.with_file_name("cargo-lambda"));
                emulator
                    .args([
                        "lambda",
                        "watch",
                        "--only-lambda-apis",
                        "-A",
                        "127.0.0.1",
                        "-P",
                    ])
                    .arg(address.port().to_string())
                    .current_dir(folder.path());
                processes.push(("cargo-lambda", spawn(&mut emulator)?));
                listens(address).await?;
                let api = format!("http://{address}/.rt");
                handler.env("AWS_LAMBDA_RUNTIME_API", api);
                Door::Lambda(address, "_")
            }
            By::Emulator => {
                let Some(program) = emulator(options).await? else {
                    return Ok(Err("no Go to build it".into()));
                };
                let (address, api) = (free()?, free()?);
                handler = Command::new(program);
                settings(&mut handler, &replies.url());
                handler
                    .env("AWS_LAMBDA_FUNCTION_TIMEOUT", TIMEOUT)
                    .args(["--runtime-interface-emulator-address", &address.to_string()])
                    .args(["--runtime-api-address", &api.to_string()])
                    .arg(binary);
                Door::Lambda(address, "function")
            }
            By::Watchdog => {
                let version = tools::run(Command::new(WATCHDOG).arg("--version")).await;
                if version.is_err() {
                    return Ok(Err(format!("no {WATCHDOG} in the path")));
                }
                let (address, server) = (free()?, free()?);
                handler = Command::new(WATCHDOG);
                settings(&mut handler, &replies.url());
                handler
                    .env("mode", "http")
                    .env("port", address.port().to_string())
                    .env("fprocess", binary)
                    .env("upstream_url", format!("http://{server}"))
                    .env("PORT", server.port().to_string())
                    .env("healthcheck_interval", "1s");
                behind = Some(server);
                Door::Tcp(address)
            }
            By::ActionLoop => {
                let replies = replies.url();
                let (process, told) =
                    ActionLoop::start(binary, |command| settings(command, &replies)).await?;
                processes.push((self.name, process));
                return Ok(Ok(Running {
                    door: Door::ActionLoop(told),
                    processes,
                    _folder: folder,
                }));
            }
            By::Stdin => {
                return Ok(Ok(Running {
                    door: Door::Stdin(binary.to_owned(), replies.url()),
                    processes,
                    _folder: folder,
                }));
            }
        };
        processes.insert(0, (self.name, spawn(&mut handler)?));
        let mut running = Running {
            door,
            processes,
            _folder: folder,
        };
        running.opens().await?;
        if let Some(server) = behind {
            listens(server).await?;
        }
        if self.host == Host::OpenWhisk {
            let init = Request::post("/init").body(Bytes::from_static(b"{\"value\":{}}"));
            let mut statuses = Vec::new();
            for _ in 0..2 {
                let init = init.as_ref().map_err(|e| e.to_string())?.clone();
                statuses.push(running.ask(init).await?.status().as_u16());
            }
            if statuses != [200, 403] {
                return Err(format!("openwhisk: /init is answered {statuses:?}"));
            }
        }
        Ok(Ok(running))
    }

    /// Whether it calls by paths.
    pub(crate) fn has_paths(&self) -> bool {
        self.by != By::ActionLoop
    }
}

pub(super) fn settings(command: &mut Command, replies: &str) {
    command
        .env("TRADEWIND_TIMEOUT", TIMEOUT)
        .env("TRADEWIND_REPLY_URL", replies)
        .env("TRADEWIND_REPLY_KEY", KEY)
        .env("TRADEWIND_BATCH_FAILURES", "report")
        .env("RUST_BACKTRACE", "0");
}

/// What it says is of no interest: how it behaves is.
pub(super) fn spawn(command: &mut Command) -> Result<Child, String> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("{:?}: {e}", command.as_std().get_program()))
}

pub(crate) fn free() -> Result<SocketAddr, String> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|e| e.to_string())
}

pub(crate) async fn listens(address: SocketAddr) -> Result<(), String> {
    for _ in 0..PATIENCE {
        if load::connect(address).await.is_some() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!("nothing listens on {address} after 30 s"))
}

/// cargo-lambda wants to stand in a project.
fn project(folder: &Path) -> Result<(), String> {
    let manifest =
        "[package]\nname = \"orders\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    let write = |path: &str, text: &str| std::fs::write(folder.join(path), text);
    std::fs::create_dir(folder.join("src"))
        .and_then(|()| write("Cargo.toml", manifest))
        .and_then(|()| write("src/main.rs", "fn main() {}\n"))
        .map_err(|e| e.to_string())
}

/// The program, built once; nothing without Go.
async fn emulator(options: &Options) -> Result<Option<PathBuf>, String> {
    let folder = tools::folder(&options.gateway, "aws-lambda-rie")?;
    let program = folder.join("aws-lambda-rie");
    if !program.exists() {
        if tools::run(Command::new("go").arg("version")).await.is_err() {
            return Ok(None);
        }
        tools::run(
            Command::new("go")
                .args(["install", EMULATOR])
                .env("GOBIN", &folder),
        )
        .await?;
    }
    Ok(Some(program))
}

impl Running {
    async fn opens(&mut self) -> Result<(), String> {
        match &self.door {
            Door::Tcp(address) | Door::Lambda(address, _) => listens(*address).await?,
            Door::Socket(path) => {
                for _ in 0..PATIENCE {
                    if tokio::net::UnixStream::connect(path).await.is_ok() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            Door::ActionLoop(_) | Door::Stdin(..) => {}
        }
        self.is_alive()
    }

    /// Everything that was started still runs.
    pub(crate) fn is_alive(&mut self) -> Result<(), String> {
        for (name, process) in &mut self.processes {
            if let Ok(Some(status)) = process.try_wait() {
                return Err(format!("{name} ended: {status}"));
            }
        }
        Ok(())
    }

    /// Hands a request over, and gives the handler's answer to it.
    pub(crate) async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        if let Door::Stdin(binary, replies) = &self.door {
            return line(binary, replies, request.into_body()).await;
        }
        if let Door::ActionLoop(told) = &self.door {
            let asking = told.ask(request.body());
            let answer = tokio::time::timeout(Duration::from_secs(30), asking).await;
            return answer.unwrap_or_else(|_| Err("no answer".into()));
        }
        let mut request = request.map(Full::new);
        if let Door::Lambda(_, function) = &self.door {
            let path = format!("/2015-03-31/functions/{function}/invocations");
            *request.uri_mut() = path.parse().map_err(|e| format!("{path}: {e}"))?;
            // An emulator sets those of the Runtime API itself.
            request.headers_mut().clear();
        }
        let host = hyper::header::HeaderValue::from_static("127.0.0.1");
        request.headers_mut().insert("host", host);
        let asking = async {
            match &self.door {
                Door::Tcp(address) | Door::Lambda(address, _) => {
                    let mut sender = load::connect(*address).await?;
                    load::ask(&mut sender, request).await
                }
                Door::Socket(path) => {
                    let stream = tokio::net::UnixStream::connect(path).await.ok()?;
                    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
                    let (mut sender, connection) = shaken.ok()?;
                    tokio::spawn(connection);
                    load::ask(&mut sender, request).await
                }
                Door::ActionLoop(_) | Door::Stdin(..) => None,
            }
        };
        let answer = tokio::time::timeout(Duration::from_secs(30), asking).await;
        let mut answer = answer.ok().flatten().ok_or("no answer")?;
        if let Door::Lambda(..) = &self.door
            && is_error(&answer)
        {
            // The emulators differ in the status; the document is the same.
            *answer.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        }
        Ok(answer)
    }

    /// Asks the handler to stop, which it does by itself and with success.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        if self.processes.is_empty() {
            return Ok(());
        }
        let (name, process) = self.processes.remove(0);
        let status = stop(name, process).await?;
        // The interface emulator ends as it likes.
        match status.success() || name == "aws-lambda-rie" {
            true => Ok(()),
            false => Err(format!("{name} ended: {status}")),
        }
    }
}

/// SIGTERM, and how it ended after that.
pub(super) async fn stop(name: &str, mut process: Child) -> Result<ExitStatus, String> {
    let id = process.id().and_then(|id| i32::try_from(id).ok());
    let id = id.and_then(Pid::from_raw).ok_or("no process id")?;
    kill_process(id, Signal::TERM).map_err(|e| e.to_string())?;
    let ended = tokio::time::timeout(Duration::from_secs(30), process.wait()).await;
    let status = ended.map_err(|_| format!("{name} does not end"))?;
    status.map_err(|e| e.to_string())
}

/// What is printed about a line of input.
async fn line(binary: &Path, replies: &str, line: Bytes) -> Result<Response<Bytes>, String> {
    let mut command = Command::new(binary);
    settings(&mut command, replies);
    let mut process = command
        .args(["--host", "stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("stdin: {e}"))?;
    let mut input = process.stdin.take().ok_or("no standard input")?;
    // It may end before it has read all.
    let writing = tokio::spawn(async move { input.write_all(&line).await.ok() });
    let output = tokio::time::timeout(Duration::from_secs(30), process.wait_with_output()).await;
    let output = output.map_err(|_| "stdin does not end")?;
    writing.abort();
    Ok(Response::new(
        output.map_err(|e| e.to_string())?.stdout.into(),
    ))
}

fn is_error(answer: &Response<Bytes>) -> bool {
    let document: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    document["errorType"].is_string() && document["errorMessage"].is_string()
}
