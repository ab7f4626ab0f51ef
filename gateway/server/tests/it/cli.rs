//! The command line against a running gateway, and alone.

use crate::process::{Process, serve};
use crate::support::binary;
use crate::support::handler::Handler;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncBufReadExt;
use tokio::process::Command;

struct Said {
    code: i32,
    out: String,
    err: String,
}

async fn tradewind(dir: &Path, args: &[&str]) -> Said {
    let output = Command::new(binary())
        .args(args)
        .current_dir(dir)
        .env_remove("TRADEWIND_ADMIN")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn ask(process: &Process, args: &[&str]) -> Said {
    let mut args = args.to_vec();
    args.extend(["--data-dir", "data"]);
    tradewind(process.dir.path(), &args).await
}

/// Its exit code where nobody reads what it writes.
async fn unread(dir: &Path, args: &[&str]) -> i32 {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(binary());
    command.args(args).current_dir(dir).stdin(Stdio::null());
    let status = command.stdout(writer).stderr(Stdio::null()).status().await;
    status.unwrap().code().unwrap()
}

#[tokio::test]
async fn a_closed_pipe_hides_no_verdict() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let audit = dir.path().join("data/audit");
    let mut log = tradewind_audit::Log::open(&audit, Default::default(), 0).unwrap();
    log.append([tradewind_audit::Entry::default()], 0).unwrap();
    let verify = ["audit", "verify", "--data-dir", "data"];
    assert_eq!(unread(dir.path(), &verify).await, 0);
    std::fs::remove_file(audit.join("head")).unwrap();
    assert_eq!(unread(dir.path(), &verify).await, 1);
    std::fs::write(
        dir.path().join("bad.yaml"),
        "sources: { a: { kind: htpt } }",
    )
    .unwrap();
    for format in ["json", "sarif"] {
        let check = ["check", "bad.yaml", "--format", format];
        assert_eq!(unread(dir.path(), &check).await, 78, "{format}");
    }
}

#[tokio::test]
async fn an_operator_works_with_a_gateway() {
    let mut handler = Handler::start(&[400]).await;
    let process = serve(
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
        &format!(
            "sources:\n  events: {{ kind: http, path: /events, auth: none-i-understand }}\n\
             subscriptions:\n  orders: {{ sink: {}, owner: shop }}\n",
            handler.sink()
        ),
    )
    .await;
    let sent = ask(
        &process,
        &[
            "send",
            "--type",
            "order.placed",
            "--id",
            "order-77777",
            "--data",
            "{\"n\":1}",
        ],
    )
    .await;
    assert_eq!(sent.code, 0, "{}", sent.err);
    assert!(
        sent.out.starts_with("order-77777  default@0/"),
        "{}",
        sent.out
    );
    handler.next().await;
    crate::support::eventually("it is a dead letter", || async {
        let letters = ask(
            &process,
            &["dead-letters", "list", "orders", "--output", "json"],
        )
        .await;
        let letters: Value = serde_json::from_str(&letters.out).unwrap();
        !letters["dead-letters"].as_array().unwrap().is_empty()
    })
    .await;
    let explained = ask(&process, &["explain", "order-77777"]).await;
    assert!(
        explained.out.contains("attempt 1: 400"),
        "{}",
        explained.out
    );
    let letters = ask(&process, &["dead-letters", "list", "orders"]).await;
    let position = letters
        .out
        .lines()
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    let shown = ask(&process, &["dead-letters", "show", "orders", &position]).await;
    assert!(shown.out.contains("\"order-77777\""), "{}", shown.out);
    let redriven = ask(&process, &["dead-letters", "redrive", "orders", "--all"]).await;
    assert_eq!(
        redriven.out, "1 dead letter(s): redrive\n",
        "{}",
        redriven.err
    );
    assert_eq!(
        handler.next().await.header("tradewind-delivery-id"),
        format!("default-{}-orders", position.replace('/', "-"))
    );
    crate::support::eventually("it is delivered", || async {
        ask(&process, &["explain", "order-77777"])
            .await
            .out
            .contains("delivered    orders")
    })
    .await;

    for (args, part) in [
        (
            &["subscriptions", "list"][..],
            "orders  default  active  closed   1        1",
        ),
        (
            &["streams", "list"],
            "default  1         1         0           0",
        ),
        (&["subscriptions", "pause", "orders"], "paused"),
        (&["subscriptions", "resume", "orders"], "active"),
        (&["status"], "generation  1"),
        (&["sources", "list"], "events  http  /events  default"),
        (&["replay", "orders", "--from", "oldest"], "orders"),
    ] {
        let said = ask(&process, args).await;
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        assert!(said.out.contains(part), "{args:?}: {}", said.out);
    }
    let same = ask(&process, &["diff", "tradewind.yaml"]).await;
    assert_eq!(
        (same.code, same.out.as_str(), same.err.as_str()),
        (0, "", "nothing changes\n")
    );
    for (args, part) in [
        (&["explain", "nothing-like-it"][..], "error: "),
        (&["subscriptions", "pause", "nothing"], "nothing"),
        (&["dead-letters", "redrive", "orders", "0/1"], "0/1"),
    ] {
        let said = ask(&process, args).await;
        assert_eq!(
            (said.code, said.out.as_str()),
            (1, ""),
            "{args:?}: {}",
            said.err
        );
        assert!(said.err.contains(part), "{args:?}: {}", said.err);
    }
}

#[tokio::test]
async fn commands_say_how_they_fail() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::write(
        dir.path().join("bad.yaml"),
        "sources:\n  a: { kind: htpt, path: /a }\n",
    )
    .unwrap();
    std::fs::write(
        dir.path().join("good.yaml"),
        "subscriptions:\n  a: { sink: { kind: memory } }\n",
    )
    .unwrap();
    for (args, code, part) in [
        (&["explode"][..], 2, "unrecognized subcommand"),
        (
            &["serve"],
            2,
            "hint: name one with --config, or try `tradewind dev`",
        ),
        (&["serve", "--config", "bad.yaml"], 78, "bad.yaml:2:"),
        (&["check", "bad.yaml"], 78, "unknown source kind `htpt`"),
        (
            &["check", "good.yaml", "--deny", "warnings"],
            78,
            "nobody owns this subscription",
        ),
        (
            &["check", "good.yaml", "--allow", "unknown-key"],
            2,
            "it is an error, which cannot pass",
        ),
        (
            &["check", "--explain", "no-onwer"],
            2,
            "there are bad-name, bad-path",
        ),
        (
            &["check", "nowhere.yaml"],
            78,
            "cannot read the configuration",
        ),
        (
            &["status", "--data-dir", "nowhere"],
            1,
            "hint: is it running?",
        ),
        (&["send"], 2, "required"),
        (&["dead-letters", "purge", "a"], 2, "--all"),
    ] {
        let said = tradewind(dir.path(), args).await;
        assert_eq!(said.code, code, "{args:?}: {}", said.err);
        assert_eq!(said.out, "", "{args:?}");
        assert!(said.err.contains(part), "{args:?}: {}", said.err);
        assert!(!said.err.contains('\u{1b}'), "colours without a terminal");
    }
    let json = tradewind(dir.path(), &["check", "bad.yaml", "--output", "json"]).await;
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["valid"], false);
    assert_eq!(json["findings"][0]["line"], 2);
    assert_eq!(json["allowed"].as_array().unwrap().len(), 0);
    for args in [
        &["check", "bad.yaml", "--format", "sarif"][..],
        &[
            "check",
            "good.yaml",
            "--format",
            "sarif",
            "--deny",
            "warnings",
        ],
    ] {
        let said = tradewind(dir.path(), args).await;
        assert_eq!((said.code, said.err.as_str()), (78, ""), "{args:?}");
        let log: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(log["version"], "2.1.0");
        assert!(!log["runs"][0]["results"].as_array().unwrap().is_empty());
    }
    let allowed = [
        "check",
        "good.yaml",
        "--deny",
        "notes",
        "--allow",
        "no-owner",
    ];
    for (args, part) in [
        (&["check", "good.yaml"][..], "good.yaml is valid"),
        (&allowed, "1 finding(s) allowed"),
        (&["check", "--explain", "no-tls"], "# no-tls\n"),
        (&["config", "schema"], "\"$defs\""),
        (&["completions", "bash"], "complete -F"),
        (&["version", "--output", "json"], "\"github\""),
        (&["diff", "good.yaml", "--against", "good.yaml"], ""),
    ] {
        let said = tradewind(dir.path(), args).await;
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        assert!(said.out.contains(part), "{args:?}: {}", said.out);
    }
}

#[tokio::test]
async fn a_made_key_opens_its_source_and_a_saved_request_can_be_tried() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let made = tradewind(
        dir.path(),
        &["api-keys", "create", "shop", "--output", "json"],
    )
    .await;
    let made: Value = serde_json::from_str(&made.out).unwrap();
    let key = made["key"].as_str().unwrap();
    let yaml = format!(
        "api-keys: {{ shop: {{ sha256: {} }} }}\n\
         sources:\n  api: {{ kind: http, path: /api, auth: {{ api-keys: [shop] }} }}\n",
        made["sha256"].as_str().unwrap()
    );
    std::fs::write(dir.path().join("tradewind.yaml"), yaml).unwrap();
    let request = |key: &str| {
        format!(
            "POST /api HTTP/1.1\nauthorization: Bearer {key}\nce-specversion: 1.0\nce-id: 1\n\
             ce-source: /s\nce-type: t\n\n"
        )
    };
    std::fs::write(dir.path().join("good.http"), request(key)).unwrap();
    std::fs::write(dir.path().join("bad.http"), request("tw_shop_x")).unwrap();
    let good = tradewind(
        dir.path(),
        &["sources", "test", "api", "good.http", "--output", "json"],
    )
    .await;
    assert_eq!(good.code, 0, "{}", good.err);
    let verdict: Value = serde_json::from_str(&good.out).unwrap();
    assert_eq!(verdict["principal"], "api-key:shop");
    assert_eq!(verdict["events"][0]["type"], "t");
    let bad = tradewind(dir.path(), &["sources", "test", "api", "bad.http"]).await;
    assert_eq!(bad.code, 1);
    assert!(
        bad.err.starts_with("error: refused with 401"),
        "{}",
        bad.err
    );
}

#[tokio::test]
async fn dev_needs_nothing_and_prints_what_happens() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut child = Command::new(binary())
        .args(["dev", "--listen", "127.0.0.1:0", "--data-dir", "data"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut err = tokio::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let mut out = tokio::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let mut advice = String::new();
    while !advice.contains("tradewind explain") {
        advice.push_str(&err.next_line().await.unwrap().expect("it goes on"));
    }
    assert!(advice.contains("curl -i http://127.0.0.1:"), "{advice}");
    let sent = tradewind(
        dir.path(),
        &["send", "--type", "t", "--id", "dev-1", "--data-dir", "data"],
    )
    .await;
    assert_eq!(sent.code, 0, "{}", sent.err);
    // Lines of one moment may come in any order.
    let mut printed = String::new();
    while !["received", "accepted"]
        .iter()
        .all(|what| printed.contains(what))
    {
        printed.push_str(&out.next_line().await.unwrap().expect("it goes on"));
    }
}

#[tokio::test]
async fn transforms_are_tried_without_a_gateway() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let rule = "input-transformer:\n  InputPathsMap: { state: $.detail.state }\n  InputTemplate: '\"<aws.events.rule-name>: <state>\"'\n";
    std::fs::write(dir.path().join("rule.yaml"), rule).unwrap();
    let event = r#"{"detail-type":"State","source":"ec2","id":"7","detail":{"state":"on"}}"#;
    let test = |transform: &'static str| {
        [
            "transform",
            "test",
            "--transform",
            transform,
            "--event",
            event,
        ]
    };
    let said = tradewind(dir.path(), &test("rule.yaml")).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let made: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(made["data"], "test: on");
    let json = [&test("rule.yaml")[..], &["--output", "json"]].concat();
    let told: Value = serde_json::from_str(&tradewind(dir.path(), &json).await.out).unwrap();
    assert_eq!((&told["id"], &told["event"]), (&"7".into(), &made));

    let said = tradewind(
        dir.path(),
        &test("{ template: '{{ data.detail.nowhere }}' }"),
    )
    .await;
    assert_eq!(said.code, 1);
    assert!(
        said.err
            .contains("7: `template`: undefined value: `data.detail.nowhere` is undefined"),
        "{}",
        said.err
    );
    let said = tradewind(dir.path(), &test("{ template: '{{ dta }}' }")).await;
    assert_eq!(said.code, 78);
    assert!(said.err.contains("did you mean `data`?"), "{}", said.err);
}

#[tokio::test]
async fn filters_are_tried_and_translated_without_a_gateway() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let rule = "event-bridge:\n  source: [shop]\n  detail: { n: [{ numeric: [\">\", 0] }] }\n";
    std::fs::write(dir.path().join("rule.yaml"), rule).unwrap();
    let event = r#"{"detail-type":"Order","source":"shop","id":"7","detail":{"n":0}}"#;
    let test = ["filter", "test", "--filter", "rule.yaml", "--event", event];
    let said = tradewind(dir.path(), &test).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!(lines[0], "7  does not match");
    assert!(
        lines[1].contains("✗ detail.n: [{\"numeric\":[\">\",0]}]"),
        "{}",
        said.out
    );
    let json = [&test[..], &["--output", "json"]].concat();
    let said = tradewind(dir.path(), &json).await;
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&told["matches"], &told["predicates"][0]["holds"]),
        (&false.into(), &false.into())
    );

    let said = tradewind(
        dir.path(),
        &[
            "filter",
            "test",
            "--filter",
            "{ pub-sub: attributes.a }",
            "--event",
            event,
        ],
    )
    .await;
    assert_eq!(said.code, 78);
    assert!(said.err.contains("expected `=` or `!=`"), "{}", said.err);

    let translate = |to: &'static str, filter: &'static str| {
        [
            "filter",
            "translate",
            "--from",
            "pub-sub",
            "--to",
            to,
            "--filter",
            filter,
        ]
    };
    let said = tradewind(
        dir.path(),
        &translate("knative", "attributes.ce-type = \"a\""),
    )
    .await;
    let body: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        body,
        serde_json::json!({ "filters": [{ "exact": { "type": "a" } }] })
    );
    assert_eq!((said.code, said.err.trim()), (0, "exact"));
    let said = tradewind(dir.path(), &translate("eventarc", "attributes:ce-type")).await;
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("`eventarc` cannot say type exists"),
        "{}",
        said.err
    );
    let said = tradewind(dir.path(), &translate("knative", "attributes ce-type")).await;
    assert!(said.err.contains("line 1, column 12"), "{}", said.err);
}
