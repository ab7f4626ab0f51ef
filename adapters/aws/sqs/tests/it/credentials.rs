//! Who asks: keys, profiles, web identities, roles that are assumed, and what is told where STS refuses.

use crate::suite::ORDERS;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tradewind_adapter::{ErrorKind, Source};
use tradewind_aws::testkit::{self as aws, Answer, Heard, SECRET, Wire, canned, heard};
use tradewind_sqs::{SqsSink, SqsSource};

const ROLE: &str = "arn:aws:iam::123456789012:role/orders";
/// The queue that [`asks_as_its_environment_says`] reads.
const QUEUE: &str = "TRADEWIND_TEST_QUEUE";

fn config(origin: &str, aws: &Value) -> Value {
    json!({ "queue": format!("{origin}/123456789012/orders"), "aws": aws })
}

fn source(origin: &str, aws: &Value) -> SqsSource {
    SqsSource::new(serde_json::from_value(config(origin, aws)).unwrap()).unwrap()
}

/// A service that has nothing.
async fn empty() -> (String, Heard) {
    heard(Wire::Json, Answer::Success("{}".into())).await
}

/// STS, which gives this key for a role.
async fn sts(action: &str, key: &str) -> (String, Heard) {
    let credentials = format!(
        "<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
         <SessionToken>token-of-{key}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
    );
    let answer = format!(
        "<{action}Response><{action}Result>{credentials}<AssumedRoleUser><Arn>{ROLE}</Arn>\
         <AssumedRoleId>A:t</AssumedRoleId></AssumedRoleUser></{action}Result></{action}Response>"
    );
    heard(Wire::Query, Answer::Success(answer)).await
}

/// The key that the latest request was signed with.
fn signed(asked: &Heard) -> String {
    let all = asked.lock().unwrap();
    let head = all.last().expect("nothing was asked").to_ascii_lowercase();
    let credential = head.split("credential=").nth(1).unwrap();
    credential.split('/').next().unwrap().to_uppercase()
}

#[tokio::test]
async fn a_role_is_assumed_by_the_keys_that_are_there() {
    let (queue, asked) = empty().await;
    let (sts, sts_asked) = sts("AssumeRole", "ASIAROLE").await;
    let aws = json!({
        "region": "eu-west-1", "keys": { "id": "AKIAOWN", "secret": SECRET },
        "role": { "arn": ROLE, "external-id": "of/shop", "session": "night", "endpoint": sts },
    });
    let got = source(&queue, &aws)
        .receive(1, Duration::ZERO)
        .await
        .unwrap();
    assert!(got.is_empty());
    assert_eq!(signed(&sts_asked), "AKIAOWN");
    let said = sts_asked.lock().unwrap()[0].clone();
    for part in [
        "Action=AssumeRole&",
        "ExternalId=of%2Fshop",
        "RoleSessionName=night",
        "role%2Forders",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(signed(&asked), "ASIAROLE");
    let said = asked.lock().unwrap()[0].to_ascii_lowercase();
    assert!(
        said.contains("x-amz-security-token: token-of-asiarole"),
        "{said}"
    );
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_a_missing_permission() {
    let (queue, _) = empty().await;
    for (status, code, message, hint) in [
        (
            403,
            "AccessDenied",
            "User: arn:aws:iam::123456789012:user/u is not authorized to perform: sts:AssumeRole",
            "`aws.role`",
        ),
        (403, "InvalidClientTokenId", "no such key", "`aws.keys`"),
        (
            403,
            "SignatureDoesNotMatch",
            "Signature expired: 20260101T000000Z",
            "the clock of this machine is wrong",
        ),
    ] {
        let sts = canned(Wire::Query, Answer::Failure(status, code, message)).await;
        let aws = json!({
            "region": "eu-west-1", "keys": { "id": "AKIAOWN", "secret": SECRET },
            "role": { "arn": ROLE, "endpoint": sts },
        });
        let error = source(&queue, &aws).receive(1, Duration::ZERO).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(error.to_string().contains(hint), "{error}");
        let sink = SqsSink::new(serde_json::from_value(config(&queue, &aws)).unwrap()).unwrap();
        let outcome = aws::one(&sink, aws::event("e-1", 10)).await;
        assert_eq!(aws::told(&Some(outcome.clone())), "again access-denied");
        let told = format!("{outcome:?}{error:?}{error}");
        assert!(told.contains(hint) && !told.contains(SECRET), "{told}");
    }
}

/// By itself nothing: what [`the_environment_says_who_asks`] starts, with an environment of its own.
#[tokio::test]
async fn asks_as_its_environment_says() {
    let Ok(origin) = std::env::var(QUEUE) else {
        return;
    };
    let aws = std::env::var("TRADEWIND_TEST_ACCESS").unwrap();
    let source = source(&origin, &serde_json::from_str(&aws).unwrap());
    let got = source.receive(1, Duration::ZERO).await;
    assert!(got.unwrap().is_empty(), "{ORDERS}");
}

/// An environment, settings, and the key that they come to.
type Row<'a> = (&'a [(&'a str, &'a str)], Value, &'a str);

#[tokio::test]
async fn the_environment_says_who_asks() {
    let folder = std::env::temp_dir().join(format!("tradewind-sqs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (sts, sts_asked) = sts("AssumeRoleWithWebIdentity", "ASIAWEB").await;
    let profiles = file(
        "config",
        "[profile shop]\nregion = eu-west-1\naws_access_key_id = AKIASHOP\naws_secret_access_key = s\n",
    );
    let token = file("token", "a.b.c");
    let region = ("AWS_REGION", "eu-west-1");
    let table: [Row<'_>; 4] = [
        (
            &[
                region,
                ("AWS_ACCESS_KEY_ID", "AKIAENV"),
                ("AWS_SECRET_ACCESS_KEY", "s"),
            ],
            json!({}),
            "AKIAENV",
        ),
        (
            &[("AWS_CONFIG_FILE", &profiles)],
            json!({ "profile": "shop" }),
            "AKIASHOP",
        ),
        (
            &[("AWS_CONFIG_FILE", &profiles), ("AWS_PROFILE", "shop")],
            json!({}),
            "AKIASHOP",
        ),
        (
            &[
                region,
                ("AWS_WEB_IDENTITY_TOKEN_FILE", &token),
                ("AWS_ROLE_ARN", ROLE),
                ("AWS_ENDPOINT_URL_STS", &sts),
            ],
            json!({}),
            "ASIAWEB",
        ),
    ];
    for (variables, access, key) in table {
        let (queue, asked) = empty().await;
        let child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "credentials::asks_as_its_environment_says"])
            .env_clear()
            .envs(variables.iter().copied())
            .env("HOME", &folder)
            .env(QUEUE, &queue)
            .env("TRADEWIND_TEST_ACCESS", access.to_string())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(child.status.success(), "{key}: {said}");
        assert_eq!(signed(&asked), key);
    }
    assert!(sts_asked.lock().unwrap()[0].contains("WebIdentityToken=a.b.c"));
    std::fs::remove_dir_all(folder).unwrap();
}
