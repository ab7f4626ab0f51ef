//! Signatures of AWS: moto holds them against those of botocore, once it is told to ask for identities.

use crate::moto::{Moto, identity};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use std::path::Path;

const NAMES: [&str; 3] = ["signed", "signed-wrongly", "signed-by-nobody"];

/// A service that looks at signatures, and a key that it knows.
pub(super) struct Aws {
    moto: Moto,
    id: String,
    secret: String,
}

pub(super) async fn start(gateway: &Path) -> Result<Aws, String> {
    let moto = Moto::start(gateway).await?;
    let ask = async |query: &str| -> Result<String, String> {
        let request = Request::post("/")
            .header("host", moto.address.to_string())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", identity("iam"))
            .body(Full::new(Bytes::from(query.to_owned())))
            .map_err(|e| e.to_string())?;
        let answer = moto.ask(request).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    ask("Action=CreateUser&UserName=gateway").await?;
    let key = ask("Action=CreateAccessKey&UserName=gateway").await?;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}"#;
    let policy: String = policy.bytes().map(|byte| format!("%{byte:02X}")).collect();
    ask(&format!(
        "Action=PutUserPolicy&UserName=gateway&PolicyName=invoke&PolicyDocument={policy}"
    ))
    .await?;
    let role = ask("Action=CreateRole&RoleName=run&AssumeRolePolicyDocument=%7B%7D").await?;
    let within = |text: &str, tag: &str| -> Result<String, String> {
        let (_, rest) = text.split_once(&format!("<{tag}>")).ok_or(tag)?;
        Ok(rest.split('<').next().unwrap_or_default().to_owned())
    };
    let (id, secret) = (
        within(&key, "AccessKeyId")?,
        within(&key, "SecretAccessKey")?,
    );
    let post = async |path: &str, kind: &str, body: String| {
        let request = Request::post(path)
            .header("host", moto.address.to_string())
            .header("content-type", kind)
            .header("authorization", identity("lambda"))
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| e.to_string())?;
        moto.ask(request).await.map(drop)
    };
    // It answers with what it is given, and runs nothing.
    let echo = json!({ "lambda": { "use_docker": false } });
    post("/moto-api/config", "application/json", echo.to_string()).await?;
    let function = json!({
        "FunctionName": "f", "Runtime": "python3.12", "Handler": "f.f", "Role": within(&role, "Arn")?,
        "Code": { "ZipFile": EMPTY },
    });
    post(
        "/2015-03-31/functions",
        "application/json",
        function.to_string(),
    )
    .await?;
    post("/moto-api/reset-auth", "text/plain", "0".into()).await?;
    Ok(Aws { moto, id, secret })
}

/// An archive without files.
const EMPTY: &str = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==";

impl Aws {
    /// Subscriptions by the right key, by another secret, and by an identity that is not known.
    pub(super) fn yaml(&self) -> String {
        let address = self.moto.address;
        let line = |name: &str, id: &str, secret: &str| {
            format!(
                "  {name}: {{ retry: {{ max-attempts: 1 }}, breaker: {{ failures: 0 }}, sink: {{ kind: http, mode: structured, url: \"http://{address}/2015-03-31/functions/f/invocations\", allow-private: [127.0.0.0/8], auth: {{ sigv4: {{ service: lambda, aws: {{ region: us-east-1, keys: {{ id: {id}, secret: \"{secret}\" }} }} }} }} }} }}\n"
            )
        };
        let (id, secret) = (&self.id, &self.secret);
        [
            line(NAMES[0], id, secret),
            line(NAMES[1], id, "canary-wrong-secret"),
            line(NAMES[2], "AKIAIOSFODNN7EXAMPLE", secret),
        ]
        .concat()
    }

    /// The secret of the key.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn names(&self) -> [&'static str; 3] {
        NAMES
    }

    /// Those that are signed rightly were taken, and no others.
    pub(super) fn took(&self, accounts: &[(String, Value)], count: u64) -> Result<(), String> {
        for (name, key) in NAMES
            .iter()
            .zip(["accepted", "dead_lettered", "dead_lettered"])
        {
            let account = accounts.iter().find(|(known, _)| known == name);
            let figure = account.and_then(|(_, account)| account[key].as_u64());
            if figure != Some(count) {
                return Err(format!("{name}: not {count} {key}: {account:?}"));
            }
        }
        Ok(())
    }
}
