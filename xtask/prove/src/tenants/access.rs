//! Each action of the admin API, done by a key of one space to what is its own and to what is another's.

use crate::Options;
use crate::authorisation::wire::{Answer, request, send, text};
use crate::gateway::Gateway;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::time::Duration;

const SPACES: [&str; 2] = ["acme", "bolt"];

/// Method, path, body, and the status where it is the caller's own. `SPACE` is also the name of the space's stream and
/// subscription; `OFFSET` and `KEPT` name a dead letter of it, `REPLAY` a replay. In order: what is purged comes last.
const ACTIONS: &[(&str, &str, &str, u16)] = &[
    ("GET", "/v1/subscriptions/SPACE", "", 200),
    ("POST", "/v1/subscriptions/SPACE/pause", "", 200),
    ("POST", "/v1/subscriptions/SPACE/resume", "", 200),
    // It is still configured; another's is not even there.
    ("POST", "/v1/subscriptions/SPACE/discard", "", 400),
    ("GET", "/v1/subscriptions/SPACE/dead-letters", "", 200),
    (
        "GET",
        "/v1/subscriptions/SPACE/dead-letters/0/OFFSET",
        "",
        200,
    ),
    ("GET", "/v1/events/SPACE/0/OFFSET", "", 200),
    ("GET", "/v1/streams/SPACE/events", "", 200),
    ("GET", "/v1/explain?event=SPACE@0/OFFSET", "", 200),
    ("GET", "/v1/explain?event=KEPT", "", 200),
    ("POST", "/v1/streams/SPACE/events", "EVENT", 200),
    (
        "POST",
        "/v1/replays",
        r#"{"subscription":"SPACE","from":"oldest"}"#,
        200,
    ),
    ("DELETE", "/v1/replays/REPLAY", "", 200),
    (
        "POST",
        "/v1/schemas/SPACE/versions?space=SPACE",
        r#"{"schema":"{}"}"#,
        200,
    ),
    ("GET", "/v1/schemas/SPACE?space=SPACE", "", 200),
    ("GET", "/v1/schemas/SPACE/versions/1?space=SPACE", "", 200),
    ("POST", "/v1/schemas/SPACE/deprecate?space=SPACE", "", 200),
    // It has no second one.
    (
        "DELETE",
        "/v1/schemas/SPACE/versions/2?space=SPACE",
        "",
        404,
    ),
    (
        "GET",
        "/xregistry/schemagroups/SPACE/schemas/SPACE",
        "",
        200,
    ),
    (
        "POST",
        "/v1/subscriptions/SPACE/dead-letters/redrive",
        r#"{"all":true}"#,
        200,
    ),
    (
        "POST",
        "/v1/subscriptions/SPACE/dead-letters/purge",
        r#"{"all":true}"#,
        200,
    ),
];

/// What shows a caller its own space only.
const LISTS: &[&str] = &[
    "/v1/status",
    "/v1/streams",
    "/v1/objects",
    "/v1/subscriptions",
    "/v1/replays",
    "/v1/schedules",
    "/v1/api-keys",
    "/v1/spaces",
    "/v1/schemas",
    "/xregistry/schemagroups",
    "/xregistry/export",
];

/// What is about the gateway as a whole.
const WHOLE: &[(&str, &str, &str)] = &[
    ("POST", "/v1/config/reload", ""),
    (
        "POST",
        "/v1/config/diff",
        r#"{"name":"a.yaml","text":"{}"}"#,
    ),
    ("GET", "/v1/backups", ""),
    ("GET", "/v1/nothing", ""),
];

struct Ground {
    admin: SocketAddr,
    token: String,
}

/// Runs it; returns how many answers were as told.
pub(super) async fn table(options: &Options) -> Result<usize, String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(text)?;
    let admin = listener.local_addr().map_err(text)?;
    drop(listener);
    let mut gateway = Gateway::new(&options.gateway, "  {}\n")?;
    gateway.write(&configuration(&gateway, admin))?;
    gateway.start().await?;
    let token = std::fs::read_to_string(gateway.data().join("admin.token")).map_err(text)?;
    let ground = Ground {
        admin,
        token: token.trim().to_owned(),
    };
    let mut cells = 0;
    for who in SPACES {
        for of in SPACES {
            cells += ground.actions(who, of).await?;
        }
        cells += ground.lists(who).await?;
        cells += ground.whole(who).await?;
        cells += ground.tail(who).await?;
    }
    named_in_audit(&gateway)?;
    gateway.said_no_panic()?;
    Ok(cells)
}

fn key(id: &str) -> String {
    format!("tw_{id}_{}", "5a".repeat(24))
}

fn configuration(gateway: &Gateway, admin: SocketAddr) -> String {
    let (mut keys, mut spaces, mut streams) = (String::new(), String::new(), String::new());
    let (mut sources, mut subscriptions) = (String::new(), String::new());
    // Nobody listens there, and one attempt is all there is: every event becomes a dead letter.
    let sink = "retry: { max-attempts: 1 }, breaker: { failures: 0 }, sink: { kind: http, url: \"http://127.0.0.1:9/\", \
                allow-http: true, allow-private: [127.0.0.0/8], allow-ports: [9] }";
    for name in SPACES {
        let digest = Sha256::digest(key(name));
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        keys.push_str(&format!("  {name}: {{ space: {name}, sha256: {hash} }}\n"));
        spaces.push_str(&format!("  {name}: {{ owner: {name} }}\n"));
        streams.push_str(&format!("  {name}: {{ space: {name} }}\n"));
        sources.push_str(&format!(
            "  {name}: {{ space: {name}, kind: http, path: /{name}, stream: {name}, auth: {{ api-keys: [{name}] }} }}\n\
             \x20 job-{name}: {{ space: {name}, kind: schedule, when: '0 0 1 1 *', stream: {name} }}\n"
        ));
        subscriptions.push_str(&format!(
            "  {name}: {{ space: {name}, owner: {name}, stream: {name}, {sink} }}\n"
        ));
    }
    let head = format!(
        "admin: {admin}\nadmin-auth: {{ api-keys: [acme, bolt] }}\napi-keys:\n{keys}spaces:\n{spaces}streams:\n{streams}"
    );
    let text = gateway.text(&subscriptions);
    text.replace("sources:\n", &format!("{head}sources:\n{sources}"))
}

impl Ground {
    async fn ask(&self, who: &str, method: &str, path: &str, body: &str) -> Result<Answer, String> {
        let proof = match who {
            "operator" => format!("Bearer {}", self.token),
            id => format!("Bearer {}", key(id)),
        };
        let headers = [
            ("authorization", proof.as_str()),
            ("content-type", "application/json"),
        ];
        send(self.admin, &request(method, path, &headers, body)).await
    }

    /// Stores an event of a space as the operator and waits until it is a dead letter; returns its id and offset.
    async fn keep(&self, space: &str) -> Result<(String, String), String> {
        let id = format!("kept-{space}-{}", fastrand::u64(..));
        let event = event(&id);
        let path = format!("/v1/streams/{space}/events");
        let told = self.ask("operator", "POST", &path, &event).await?.json();
        let position = told["events"][0]["position"].as_str();
        let offset = position.and_then(|position| position.split_once('/'));
        let offset = offset.ok_or_else(|| format!("nothing was kept: {told}"))?.1;
        let letter = format!("/v1/subscriptions/{space}/dead-letters/0/{offset}");
        for _ in 0..200 {
            if self.ask("operator", "GET", &letter, "").await?.status == 200 {
                return Ok((id, offset.to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let told = self.ask("operator", "GET", &letter, "").await?;
        Err(format!("no dead letter at {letter}: {}", told.json()))
    }

    async fn actions(&self, who: &str, of: &str) -> Result<usize, String> {
        let (kept, offset) = self.keep(of).await?;
        let replay = format!(r#"{{"subscription":"{of}","from":"oldest"}}"#);
        let replay = self.ask("operator", "POST", "/v1/replays", &replay).await?;
        let replay = replay.json()["id"].as_str().unwrap_or_default().to_owned();
        let before = self.appended(of).await?;
        for (method, path, body, own) in ACTIONS {
            let path = path
                .replace("SPACE", of)
                .replace("OFFSET", &offset)
                .replace("KEPT", &kept)
                .replace("REPLAY", &replay);
            let id = fastrand::u64(..).to_string();
            let body = body.replace("SPACE", of).replace("EVENT", &event(&id));
            let answer = self.ask(who, method, &path, &body).await?;
            let status = if who == of { *own } else { 404 };
            if answer.status != status {
                let (was, told) = (answer.status, answer.json());
                return Err(format!(
                    "{who}: {method} {path}: {was} and not {status}: {told}"
                ));
            }
        }
        let appended = self.appended(of).await? - before;
        match appended == u64::from(who == of) {
            true => Ok(ACTIONS.len()),
            false => Err(format!("{who} appended {appended} events to {of}")),
        }
    }

    async fn appended(&self, stream: &str) -> Result<u64, String> {
        let streams = self.ask("operator", "GET", "/v1/streams", "").await?.json();
        let appended = streams[stream]["appended"].as_u64();
        appended.ok_or_else(|| format!("no stream {stream}: {streams}"))
    }

    async fn lists(&self, who: &str) -> Result<usize, String> {
        for path in LISTS {
            let answer = self.ask(who, "GET", path, "").await?;
            let shown = String::from_utf8_lossy(&answer.body).into_owned();
            let others = SPACES
                .iter()
                .any(|other| *other != who && shown.contains(*other));
            if answer.status != 200 || others || !shown.contains(who) {
                return Err(format!("{who}: GET {path}: {} {shown}", answer.status));
            }
        }
        Ok(LISTS.len())
    }

    async fn whole(&self, who: &str) -> Result<usize, String> {
        for (method, path, body) in WHOLE {
            let answer = self.ask(who, method, path, body).await?;
            if answer.status != 403 {
                return Err(format!("{who}: {method} {path}: {}", answer.status));
            }
        }
        Ok(WHOLE.len())
    }

    /// It follows what happens in its own space only.
    async fn tail(&self, who: &str) -> Result<usize, String> {
        let follow = self.ask(who, "GET", "/v1/tail", "");
        let publish = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            for space in SPACES {
                self.keep(space).await?;
                let id = format!("tailed-{space}-{}", fastrand::u64(..));
                let path = format!("/v1/streams/{space}/events");
                self.ask("operator", "POST", &path, &event(&id)).await?;
            }
            Ok::<(), String>(())
        };
        let (followed, published) = tokio::join!(follow, publish);
        published?;
        let shown = String::from_utf8_lossy(&followed?.body).into_owned();
        let sees = |space: &str| shown.contains(&format!("tailed-{space}-"));
        match SPACES.iter().all(|space| sees(space) == (*space == who)) {
            true => Ok(1),
            false => Err(format!("{who} follows: {shown}")),
        }
    }
}

fn event(id: &str) -> String {
    json!({ "specversion": "1.0", "id": id, "source": "/prove", "type": "t" }).to_string()
}

/// What was done to something of a space is recorded with it.
fn named_in_audit(gateway: &Gateway) -> Result<(), String> {
    let mut lines = String::new();
    for file in std::fs::read_dir(gateway.data().join("audit")).map_err(text)? {
        let path = file.map_err(text)?.path();
        lines.push_str(&std::fs::read_to_string(path).unwrap_or_default());
    }
    let named = |space: &str| {
        let told = format!(r#""space":"{space}""#);
        let mut of = lines.lines().filter(|line| line.contains("\"purge\""));
        of.any(|line| line.contains(&told))
    };
    match SPACES.iter().all(|space| named(space)) {
        true => Ok(()),
        false => Err("a purge stands in the audit log without its space".into()),
    }
}
