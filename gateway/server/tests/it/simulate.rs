//! What is simulated, against a real gateway with a source of each kind.

use crate::support::{binary, start};
use serde_json::Value;
use std::process::Output;
use tokio::process::Command;

const TEXT: &str = "a secret of some length";
const WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// Private and public keys of nobody.
const ED25519: [&str; 2] = [
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
];
const P256: [&str; 2] = [
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcjGVRXkeiTJrnMqELFpCBM9yjlv9hwbYZTJnmPXjC76hRANCAARiNDFwqmka6IP/nmyeJjdZm566CqDOp1vs8cgNB8JRgcFHDeIoUdoXeBdUNBEt099M8SINC4uXT3h7uuAHlSjE",
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYjQxcKppGuiD/55sniY3WZueugqgzqdb7PHIDQfCUYHBRw3iKFHaF3gXVDQRLdPfTPEiDQuLl094e7rgB5UoxA==",
];
const PUBLIC_URL: &str = "https://hooks.example.com/in";

/// What the provider has, what the source has, and what the source has besides.
fn keys(provider: &str) -> [&'static str; 3] {
    match provider {
        "discord" => [ED25519[0], ED25519[1], ""],
        "sendgrid" => [P256[0], P256[1], ""],
        "gitlab-signing-token" => [WHSEC, WHSEC, ", scheme: signing-token"],
        "standard-webhooks" => [WHSEC, WHSEC, ", source: \"https://pay.example\""],
        "square" | "twilio" => [TEXT, TEXT, ", public-url: \"https://hooks.example.com/in\""],
        _ => [TEXT, TEXT, ""],
    }
}

/// What a source has whose sender publishes its keys, which lie in a folder.
fn published(provider: &str, folder: &str) -> Option<String> {
    let zeroes = "00000000-0000-0000-0000-000000000000";
    Some(match provider {
        "aws-sns" => {
            format!(
                "topics: [\"arn:aws:sns:eu-west-1:000000000000:simulated\"], keys-file: {folder}/aws-sns.pem"
            )
        }
        "paypal" => format!("webhook-id: SIMULATED, keys-file: {folder}/paypal.pem"),
        "google-pubsub-push" => format!(
            "audiences: [\"{PUBLIC_URL}\"], service-accounts: [simulated@tradewind.iam.gserviceaccount.com], \
             keys-file: {folder}/google-pubsub-push.json"
        ),
        "azure-event-grid-token" => format!(
            "entra: {{ tenant: {zeroes}, audiences: [\"api://simulated\"], \
             keys-file: {folder}/azure-event-grid-token.json }}"
        ),
        _ => return None,
    })
}

async fn simulate(secret: &str, args: &[&str]) -> Output {
    Command::new(binary())
        .arg("simulate")
        .args(args)
        .args(["--output", "json"])
        .env("TRADEWIND_TEST_SECRET", secret)
        .output()
        .await
        .unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn every_event_is_taken_and_every_spoiled_one_refused() {
    let listed = lines(&simulate("", &["--list"]).await);
    let mut providers: Vec<&str> = listed
        .iter()
        .map(|l| l["provider"].as_str().unwrap())
        .collect();
    providers.dedup();
    assert!(providers.len() >= 19, "{providers:?}");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let mut yaml = String::from("sources:\n");
    for provider in &providers {
        let kind = match *provider {
            "gitlab-signing-token" => "gitlab",
            "azure-event-grid-token" => "azure-event-grid",
            kind => kind,
        };
        let [_, secret, more] = keys(provider);
        if let Some(settings) = published(provider, folder) {
            // The first run makes the keys.
            let made = simulate("", &[provider, "--print", "--keys", folder]).await;
            assert!(made.status.success(), "{made:?}");
            yaml.push_str(&format!(
                "  {provider}: {{ kind: {kind}, path: /in/{provider}, {settings} }}\n"
            ));
            continue;
        }
        yaml.push_str(&format!(
            "  {provider}: {{ kind: {kind}, path: /in/{provider}, secrets: [\"{secret}\"]{more} }}\n"
        ));
    }
    let gateway = start(&yaml).await;
    let address = gateway.running.listen;
    let (mut sent, mut refused) = (0, 0);
    for line in &listed {
        let (provider, event) = (
            line["provider"].as_str().unwrap(),
            line["event"].as_str().unwrap(),
        );
        let handshake = line["handshake"].as_bool().unwrap();
        let url = format!("http://{address}/in/{provider}");
        let secret = keys(provider)[0];
        let proof = match published(provider, folder) {
            Some(_) => ["--keys", folder],
            None => ["--secret", "env:TRADEWIND_TEST_SECRET"],
        };
        let common = [
            provider,
            event,
            "--url",
            &url,
            "--public-url",
            PUBLIC_URL,
            proof[0],
            proof[1],
        ];
        let with = |more: &[&'static str]| [&common[..], more].concat();
        let good = simulate(secret, &with(&["--times", "2"])).await;
        let answers = lines(&good);
        assert!(good.status.success(), "{provider} {event}: {good:?}");
        assert_eq!(answers.len(), 2, "{provider} {event}");
        assert!(
            answers
                .iter()
                .all(|a| a["ok"] == true && a["tampered"] == false)
        );
        sent += u64::from(!handshake) * 2;
        for spoiled in ["secret", "body", "unsigned", "time"] {
            let tamper = format!("--tamper={spoiled}");
            let output = simulate(secret, &[&common[..], &[&tamper]].concat()).await;
            if output.status.code() == Some(2) {
                // It signs no time, or no body, or nothing at all.
                let told = String::from_utf8_lossy(&output.stderr);
                assert!(
                    told.contains("sign") || told.contains("protects") || told.contains("no body"),
                    "{told}"
                );
                continue;
            }
            assert!(
                output.status.success(),
                "{provider} {event} {spoiled}: {output:?}"
            );
            let answers = lines(&output);
            refused += 1;
            let expected = match event {
                // The question of a stranger is as if nobody had asked.
                "options" => answers[0]["status"].as_u64().unwrap(),
                _ => 401,
            };
            assert_eq!(
                answers[0]["status"], expected,
                "{provider} {event} {spoiled}"
            );
        }
        let shown = format!(
            "{}{}",
            String::from_utf8_lossy(&good.stdout),
            String::from_utf8_lossy(&good.stderr)
        );
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(gateway.appended("default").await, sent);
    // For `cargo xtask prove simulate`.
    println!(
        "simulate: {} providers, {} events and handshakes, {sent} events appended, {refused} spoiled requests refused",
        providers.len(),
        listed.len(),
    );
    gateway.finish().await;
}

#[tokio::test]
async fn what_cannot_be_simulated_is_told() {
    for (args, code, told) in [
        (&["nobody"][..], 2, "unknown provider `nobody`"),
        (&["github", "pushed"], 2, "github sends no `pushed` here"),
        (
            &["github", "--url", "http://203.0.113.7/in"],
            2,
            "203.0.113.7 is not this machine",
        ),
        (
            &["github", "--url", "https://127.0.0.1/in"],
            2,
            "not a plain http URL",
        ),
        (
            &["github", "--secret", "hunter2hunter2"],
            2,
            "--secret names a place, not the secret",
        ),
        (
            &["github", "--secret", "env:TRADEWIND_NOT_SET"],
            2,
            "TRADEWIND_NOT_SET is not set",
        ),
        (
            &[
                "gitlab",
                "--tamper=body",
                "--secret",
                "env:TRADEWIND_TEST_SECRET",
            ],
            2,
            "protects no body",
        ),
        (&["aws-sns"], 2, "aws-sns signs with a key of its own"),
        (
            &["aws-sns", "--set", "tenant=1"],
            2,
            "aws-sns has no `tenant` to --set",
        ),
        (&["aws-sns", "--set", "topic"], 2, "write NAME=VALUE"),
        (
            &["github", "--set", "topic=x"],
            2,
            "github has a secret, and no keys to --set",
        ),
        (
            &[
                "github",
                "--url",
                "http://127.0.0.1:1/in",
                "--secret",
                "env:TRADEWIND_TEST_SECRET",
            ],
            1,
            "nobody at 127.0.0.1:1",
        ),
        (
            &[
                "github",
                "--url",
                "http://127.0.0.1:1/in",
                "--secret",
                "env:TRADEWIND_TEST_SECRET",
            ],
            1,
            "say with --url where its source listens",
        ),
        (
            &[
                "github",
                "--print",
                "--allow-remote",
                "--url",
                "http://203.0.113.7/in",
                "--secret",
                "env:TRADEWIND_TEST_SECRET",
            ],
            0,
            "warning: 203.0.113.7 is not this machine",
        ),
        (&["github", "--timeout", "0"], 2, "--timeout"),
    ] {
        let output = simulate(TEXT, args).await;
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?} {err}");
        assert!(err.contains(told), "{args:?}: {err}");
        assert!(!err.contains("hunter2"), "{err}");
    }
}

/// As a request of HTTP, and for programs.
#[tokio::test]
async fn a_request_can_be_had_without_being_sent() {
    let args = [
        "github",
        "push",
        "--print",
        "--secret",
        "env:TRADEWIND_TEST_SECRET",
    ];
    let printed = Command::new(binary())
        .arg("simulate")
        .args(args)
        .env("TRADEWIND_TEST_SECRET", TEXT)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&printed.stdout);
    assert!(text.starts_with("POST /in/github HTTP/1.1\r\n"), "{text}");
    assert!(text.contains("x-hub-signature-256: sha256="), "{text}");
    let [printed] = &lines(&simulate(TEXT, &args).await)[..] else {
        panic!("one request")
    };
    assert_eq!(printed["method"], "POST");
    assert_eq!(printed["target"], "/in/github");
    assert_eq!(printed["headers"]["x-github-event"], "push");
    let signature = printed["headers"]["x-hub-signature-256"].as_str().unwrap();
    assert!(signature.starts_with("sha256="), "{printed}");
    let body: Value = serde_json::from_str(printed["body"].as_str().unwrap()).unwrap();
    assert!(body["ref"].is_string(), "{body}");
}

#[tokio::test]
async fn who_never_answers_is_waited_for_no_longer_than_is_said() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    let args = [
        "github",
        "--secret",
        "env:TRADEWIND_TEST_SECRET",
        "--timeout",
        "1",
        "--url",
    ];
    let output = simulate(TEXT, &[&args[..], &[&url]].concat()).await;
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("within 1 s"), "{err}");
    drop(listener);
}

/// A key that was made once stays, is nobody else's to read, and another one is refused.
#[tokio::test]
async fn keys_that_are_published() {
    let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [own, other] = [&own, &other].map(|folder| folder.path().to_str().unwrap());
    for folder in [own, other, own] {
        let made = simulate("", &["aws-sns", "--print", "--keys", folder]).await;
        assert!(made.status.success(), "{made:?}");
    }
    let key = std::fs::metadata(format!("{own}/aws-sns.key")).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777,
        0o600
    );
    let topic = "arn:aws:sns:us-east-1:123456789012:orders";
    let yaml = format!(
        "sources:\n  aws-sns: {{ kind: aws-sns, path: /in/aws-sns, topics: [\"{topic}\"], keys-file: {own}/aws-sns.pem }}\n"
    );
    let gateway = start(&yaml).await;
    let url = format!("http://{}/in/aws-sns", gateway.running.listen);
    let set = format!("topic={topic}");
    let body = own.to_owned() + "/message";
    std::fs::write(&body, "published \"by\" us\n").unwrap();
    for (folder, more, taken) in [
        (own, &["--set", &*set, "--file", &body][..], true),
        (own, &[], false),
        (other, &["--set", &set], false),
    ] {
        let args = [&["aws-sns", "--url", &*url, "--keys", folder], more].concat();
        let output = simulate("", &args).await;
        assert_eq!(output.status.success(), taken, "{output:?}");
    }
    assert_eq!(gateway.appended("default").await, 1);
    gateway.finish().await;
}
