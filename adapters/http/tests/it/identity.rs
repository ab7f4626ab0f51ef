//! Tokens that are obtained: shown, renewed when they are refused, kept out of what is recorded; and
//! certificates of the gateway's own.

use crate::server::{Act, Server, accepted, answer, config, delivery, event, one, sink, why};
use serde_json::{Value, json};
use tradewind_adapter::Outcome;
use tradewind_http::HttpSink;

const TOKEN: &str = "eyJ.canary-token-1234567890.sig";

fn by(metadata: &Server) -> Value {
    let base = format!("http://{}", metadata.address);
    json!({"auth": {"id-token": {"metadata": base}}})
}

fn tokens() -> Act {
    Act::Answer(200, Vec::new(), TOKEN.into())
}

#[tokio::test]
async fn a_token_is_obtained_once_and_shown_with_each_request() {
    let (metadata, target) = (
        Server::start(tokens()).await,
        Server::start(answer(204)).await,
    );
    let sink = sink(&target.url(), by(&metadata));
    for id in ["1", "2", "3"] {
        accepted(&one(&sink, delivery(event(id))).await);
    }
    let seen = target.seen();
    assert_eq!(seen.len(), 3);
    for request in seen {
        assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
    }
    let asked = metadata.seen();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("metadata-flavor"), "Google");
    let port = target.address.port();
    let query = format!("audience=http%3A%2F%2F127.0.0.1%3A{port}&format=full");
    assert_eq!(asked[0].uri.query(), Some(&*query));
}

#[tokio::test]
async fn a_header_that_is_a_secret_by_its_name_shows_nowhere() {
    let said = "x-team-token: hunter2hunter2, x-env: production";
    let target = Server::start(Act::Answer(500, Vec::new(), said.into())).await;
    let headers = json!({ "headers": { "x-team-token": "hunter2hunter2", "x-env": "production" } });
    let outcome = one(&sink(&target.url(), headers), delivery(event("1"))).await;
    assert_eq!(why(&outcome).1, "x-team-token: [secret], x-env: production");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_shows_nowhere() {
    let metadata = Server::start(tokens()).await;
    // It repeats what it was sent.
    let said = format!("Bearer {TOKEN} is not for me");
    let target = Server::start(Act::Answer(401, Vec::new(), said.into())).await;
    let sink = sink(&target.url(), by(&metadata));
    for id in ["1", "2", "3", "4"] {
        let outcome = one(&sink, delivery(event(id))).await;
        let (_, detail) = why(&outcome);
        assert_eq!(detail, "Bearer [secret] is not for me");
        let shown = format!("{outcome:?} {sink:?}");
        assert!(!shown.contains(TOKEN), "{shown}");
    }
    assert_eq!(
        metadata.seen().len(),
        2,
        "the new one is refused too, and stays"
    );
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let target = Server::start(answer(204)).await;
    let endless = Server::start(Act::Endless).await;
    let down = Server::start(answer(500)).await;
    let moved = Server::start(Act::Answer(
        302,
        vec![("location", target.url())],
        Vec::new(),
    ))
    .await;
    for (metadata, code, told) in [
        (endless, "identity-unavailable", "more than 65536 bytes"),
        (down, "identity-unavailable", "answered 500"),
        (moved, "identity-refused", "answered 302"),
    ] {
        let sink = sink(&target.url(), by(&metadata));
        let outcome = one(&sink, delivery(event("1"))).await;
        assert!(
            matches!(
                &outcome,
                Outcome::Retry {
                    patience: None,
                    after: Some(_),
                    throttled: false,
                    ..
                }
            ),
            "{outcome:?}"
        );
        let (found, detail) = why(&outcome);
        assert_eq!(found, code, "{detail}");
        assert!(detail.contains(told), "{detail}");
    }
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn a_server_of_tokens_that_hangs_holds_no_delivery_beyond_its_time() {
    let (metadata, target) = (
        Server::start(Act::Hang).await,
        Server::start(answer(204)).await,
    );
    let sink = sink(&target.url(), by(&metadata));
    let mut soon = delivery(event("1"));
    soon.timeout = std::time::Duration::from_millis(100);
    let (code, detail) = why(&one(&sink, soon).await);
    assert_eq!(
        (&*code, &*detail),
        (
            "timeout",
            "the time was over before there was a proof of who we are"
        )
    );
}

/// Metadata services are for servers of tokens; servers of tokens are not reached in the clear elsewhere.
#[tokio::test]
async fn rules_of_servers_of_tokens() {
    let target = Server::start(answer(204)).await;
    for (metadata, told) in [
        ("http://10.255.255.1", "would be reached without TLS"),
        ("http://[::ffff:8.8.8.8]", "would be reached without TLS"),
        ("http://0x08080808", "would be reached without TLS"),
        ("ftp://127.0.0.1", "not an https:// URL"),
        ("http://user:hunter2@127.0.0.1", "user and password"),
    ] {
        let settings = json!({"auth": {"id-token": {"metadata": metadata}}});
        let sink = sink(&target.url(), settings);
        let (code, detail) = why(&one(&sink, delivery(event("1"))).await);
        assert_eq!(code, "identity-unavailable", "{metadata}");
        assert!(
            detail.contains(told) && !detail.contains("hunter2"),
            "{metadata}: {detail}"
        );
    }
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn a_key_in_the_query_joins_what_is_there_and_is_not_told() {
    let target = Server::start(answer(500)).await;
    let settings = json!({"auth": {"api-key": {"query": "code", "key": "canary&key"}}});
    let sink = sink(&format!("{}?a=b", target.url()), settings);
    one(&sink, delivery(event("1"))).await;
    let query = target.seen()[0].uri.query().unwrap().to_owned();
    assert_eq!(query, "a=b&code=canary%26key");
    let shown = format!("{sink:?}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn certificates_of_ones_own_that_cannot_work_are_refused() {
    for (tls, told) in [
        (json!({"certificate": "hunter2"}), "belong together"),
        (json!({"key": "hunter2"}), "belong together"),
        (
            json!({"certificate": "hunter2", "key": "hunter2"}),
            "no certificate in PEM",
        ),
    ] {
        let settings = json!({"url": "https://a.example/", "tls": tls});
        let error = HttpSink::new(&config(settings)).unwrap_err().to_string();
        assert!(
            error.contains(told) && !error.contains("hunter2"),
            "{error}"
        );
    }
    let settings = json!({"url": "http://a.example/", "allow-http": true, "tls": {"certificate": "x", "key": "y"}});
    let error = HttpSink::new(&config(settings)).unwrap_err().to_string();
    assert!(error.contains("use https"), "{error}");
}
