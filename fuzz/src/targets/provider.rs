//! Payloads of providers.

use crate::Target;
use crate::input::Cut;
use crate::oracle::{bytes, sound};
use bytes::Bytes;
use serde_json::Value;
use tradewind_formats::{github, standard_webhooks};

/// Headers and a body of GitHub.
pub(super) const GITHUB: Target = Target {
    words: &[
        "x-github-event: ",
        "x-github-delivery: 1\n",
        "content-type: application/x-www-form-urlencoded\n",
        "push",
        "pull_request",
        "release",
        "check_run",
        "payload=",
        "%7B%22",
        "\"action\":\"opened\"",
        "\"repository\":{\"url\":\"https://a/b\"}",
        "\"pull_request\":{\"url\":\"https://a/b/1\",\"number\":1}",
        "\"organization\":",
        "\"sender\":",
        "\"updated_at\":\"2018-04-05T17:31:00Z\"",
        "\\u0000",
    ],
    // The rows of the document are read once.
    memory: 512 << 10,
    ..Target::new("github", github)
};

/// A message of Standard Webhooks, verified already.
pub(super) const STANDARD_WEBHOOKS: Target = Target {
    words: &[
        "application/json",
        "\"type\":\"a.b\"",
        "\"timestamp\":\"2022-11-03T20:26:10.344522Z\"",
        "\"timestamp\":1700000000",
        "\"data\":{\"kind\":\"a\"}",
        "\\u0000",
        "null",
    ],
    ..Target::new("standard-webhooks", standard)
};

fn github(input: &[u8]) {
    let mut input = Cut(input);
    let headers = input.headers();
    let body = Bytes::copy_from_slice(input.rest());
    let found = github::decode(&headers, body.clone());
    assert_eq!(
        found,
        github::decode(&headers, body.clone()),
        "the same twice"
    );
    match found {
        Ok(event) => {
            sound(&event);
            assert_eq!(bytes(&event), &body[..], "data is the body");
            assert_eq!(
                event.id().as_bytes(),
                headers["x-github-delivery"].as_bytes()
            );
            let kind = headers["x-github-event"].to_str().unwrap();
            let ty = event.ty().strip_prefix("com.github.").unwrap();
            let suffix = ty.strip_prefix(kind).unwrap();
            assert!(suffix.is_empty() || suffix.starts_with('.'));
        }
        Err(error) => drop(error.to_string()),
    }
}

fn standard(input: &[u8]) {
    let mut input = Cut(input);
    let type_from = input.line();
    let content_type = Some(input.line()).filter(|line| !line.is_empty());
    let body = Bytes::copy_from_slice(input.rest());
    let mapping = standard_webhooks::Mapping {
        source: "/sender",
        type_from,
        fallback_type: "fallback",
    };
    let Ok(event) = standard_webhooks::decode(mapping, "1", content_type, body.clone()) else {
        return;
    };
    sound(&event);
    assert_eq!(bytes(&event), &body[..], "data is the body");
    // What one pass finds is what the whole tree has.
    let tree: Option<Value> = serde_json::from_slice(&body).ok().filter(Value::is_object);
    let Some(tree) = tree else {
        return;
    };
    let path: Vec<&str> = type_from.split('.').collect();
    let found = path.iter().try_fold(&tree, |at, step| at.get(*step));
    let usable = |text: &&str| !text.is_empty() && !text.chars().any(char::is_control);
    match found {
        Some(Value::String(text)) if usable(&text.as_str()) => {
            // A key that comes twice has one value in a tree and a trace of both in a pass.
            assert!(event.ty() == text || twice(&body, &path));
        }
        Some(Value::Number(_) | Value::Bool(_)) => {}
        _ => assert!(event.ty() == "fallback" || twice(&body, &path)),
    }
}

/// Whether a step of the path may occur more than once, escapes included.
fn twice(body: &[u8], path: &[&str]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains('\\') || path.iter().any(|step| text.matches(step).count() > 1)
}
