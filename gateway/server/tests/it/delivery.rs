//! From a request to a handler and back to the operator.

use crate::support::engine::durability;
use crate::support::handler::Handler;
use crate::support::{event, position, start, start_in};

fn config(handler: &Handler, more: &str) -> String {
    format!(
        "sources:\n  events: {{ kind: http, path: /events, auth: none-i-understand }}\n\
         subscriptions:\n  orders:\n    filter: [{{ exact: {{ type: order.placed }} }}]\n    \
         sink: {}\n    retry: {{ initial: 10ms, max: 10ms, jitter: none{more} }}\n",
        handler.sink()
    )
}

#[tokio::test]
async fn an_event_reaches_a_handler_byte_for_byte_and_can_be_explained() {
    let mut handler = Handler::start(&[503]).await;
    let gateway = start(&config(&handler, "")).await;
    let data = "{ \"total\" : 42.0 ,\"n\":1e2}";
    let answer = gateway
        .publish("/events", "order-0001", "order.placed", data)
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.header("tradewind-durability"), Some(durability()));
    let json = answer.json();
    let at = format!("default@{}", position(&json));
    assert_eq!(answer.header("tradewind-position"), Some(at.as_str()));
    assert_eq!(json["stream"], "default");
    assert_eq!(json["events"][0]["id"], "order-0001");
    assert_eq!(json["events"][0]["duplicate"], false);
    assert_eq!(json["events"][0]["matched"], 1);

    for attempt in ["1", "2"] {
        let delivered = handler.next().await;
        assert_eq!(delivered.body, data);
        assert_eq!(delivered.header("ce-id"), "order-0001");
        assert_eq!(delivered.header("tradewind-attempt"), attempt);
    }
    gateway
        .until("orders", |view| view.account.accepted == 1)
        .await;

    for name in ["order-0001", at.as_str()] {
        let path = format!("/v1/explain?event={}", name.replace('/', "%2F"));
        let journeys = gateway.admin("GET", &path, "").await.json();
        let journey = &journeys[0];
        assert_eq!(journey["via"], "events", "{journeys}");
        assert_eq!(journey["principal"], "anonymous (none)");
        let stop = &journey["subscriptions"][0];
        assert_eq!(stop["state"], "accepted");
        assert_eq!(stop["attempts"][0]["reason"]["status"], 503);
        assert_eq!(stop["attempts"][1]["outcome"], "accepted");
    }
    let (shard, offset) = at.trim_start_matches("default@").split_once('/').unwrap();
    let stored = gateway
        .admin("GET", &format!("/v1/events/default/{shard}/{offset}"), "")
        .await
        .json();
    assert_eq!(stored["id"], "order-0001");
    assert_eq!(stored["data"]["total"], 42.0);
    gateway.finish().await;
}

#[tokio::test]
async fn a_transform_makes_what_is_sent_or_a_dead_letter_with_the_reason() {
    let mut handler = Handler::start(&[]).await;
    let transform = "    transform:\n      - set: { type: 'v2.{{ event.type }}' }\n      \
                     - template: '{\"sum\": {{ data.total }}}'\n";
    let gateway = start(&(config(&handler, "") + transform)).await;
    for (id, data) in [("bad-00001", "{\"n\":1}"), ("good-0001", "{\"total\":1.5}")] {
        let answer = gateway.publish("/events", id, "order.placed", data).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let delivered = handler.next().await;
    assert_eq!(delivered.header("ce-id"), "good-0001");
    assert_eq!(delivered.header("ce-type"), "v2.order.placed");
    assert_eq!(delivered.body, "{\"sum\": 1.5}");
    gateway
        .until("orders", |view| view.account.dead_lettered == 1)
        .await;
    let path = "/v1/explain?event=bad-00001";
    let journeys = gateway.admin("GET", path, "").await.json();
    let stop = &journeys[0]["subscriptions"][0];
    assert_eq!(stop["state"], "dead-lettered", "{journeys}");
    assert_eq!(stop["attempts"][0]["reason"]["code"], "transform-failed");
    assert_eq!(
        stop["attempts"][0]["reason"]["detail"],
        "step 2, `template`: undefined value: `data.total` is undefined"
    );
    assert_eq!(stop["attempts"].as_array().unwrap().len(), 1);
    gateway.finish().await;
}

#[tokio::test]
async fn repetitions_are_answered_with_the_first_position_and_changed_ones_are_refused() {
    let mut handler = Handler::start(&[]).await;
    let gateway = start(&config(&handler, "")).await;
    let first = gateway
        .publish("/events", "a-1", "order.placed", "1")
        .await
        .json();
    handler.next().await;
    let again = gateway.publish("/events", "a-1", "order.placed", "1").await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["events"][0]["duplicate"], true);
    assert_eq!(position(&again.json()), position(&first));

    let other = gateway.publish("/events", "a-1", "order.placed", "2").await;
    assert_eq!(other.status, 409);
    let problem = other.json();
    assert_eq!(problem["type"], "urn:tradewind:problem:conflict");
    assert_eq!(problem["events"][0]["index"], 0);
    let detail = problem["events"][0]["detail"].as_str().unwrap();
    assert!(detail.ends_with(&position(&first)), "{detail}");
    assert_eq!(gateway.appended("default").await, 1);
    gateway.finish().await;
}

#[tokio::test]
async fn an_event_that_nobody_wants_is_recorded_and_answered_as_configured() {
    let handler = Handler::start(&[]).await;
    let yaml = config(&handler, "").replace(
        "subscriptions:",
        "  strict: { kind: http, path: /strict, auth: none-i-understand, unmatched: reject }\n\
         subscriptions:",
    );
    let gateway = start(&yaml).await;
    let taken = gateway
        .publish("/events", "a-1", "nobody.cares", "{}")
        .await;
    assert_eq!(taken.status, 202);
    assert_eq!(taken.json()["events"][0]["matched"], 0);
    let refused = gateway
        .publish("/strict", "a-2", "nobody.cares", "{}")
        .await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["type"], "urn:tradewind:problem:unmatched");
    let streams = gateway.running.gateway.engine.streams().await;
    assert_eq!(streams["default"].unmatched, 2);
    gateway.finish().await;
}

#[tokio::test]
async fn a_dead_letter_keeps_its_event_and_can_be_delivered_again_or_purged() {
    let mut handler = Handler::start(&[500, 500, 400]).await;
    let gateway = start(&config(&handler, ", max-attempts: 2")).await;
    let answer = gateway
        .publish("/events", "a-1", "order.placed", "{\"n\":1}")
        .await;
    let at = position(&answer.json());
    handler.next().await;
    handler.next().await;
    gateway
        .until("orders", |view| view.account.dead_lettered == 1)
        .await;
    gateway.balanced().await;

    let base = "/v1/subscriptions/orders/dead-letters";
    let page = gateway.admin("GET", base, "").await.json();
    assert_eq!(page["dead-letters"][0]["position"], at.as_str());
    assert_eq!(page["dead-letters"][0]["cause"], "exhausted");
    let one = gateway
        .admin("GET", &format!("{base}/{at}"), "")
        .await
        .json();
    assert_eq!(one["event"]["data"]["n"], 1);
    assert_eq!(one["dead-letter"]["attempts"].as_array().unwrap().len(), 2);

    let redrive = |body: &'static str| {
        gateway.admin(
            "POST",
            "/v1/subscriptions/orders/dead-letters/redrive",
            body,
        )
    };
    assert_eq!(
        redrive("{}").await.status,
        400,
        "nothing named, nothing moved"
    );
    let which = format!("{{\"position\":\"{at}\"}}");
    let moved = gateway
        .admin("POST", &format!("{base}/redrive"), &which)
        .await
        .json();
    assert_eq!(moved["count"], 1);
    // 400 is final: it is a dead letter again.
    handler.next().await;
    gateway
        .until("orders", |view| {
            view.account.dead_lettered == 1 && view.account.pending == 0
        })
        .await;
    assert_eq!(redrive("{\"all\":true}").await.json()["count"], 1);
    handler.next().await;
    gateway
        .until("orders", |view| view.account.accepted == 1)
        .await;

    handler.script(&[400]);
    gateway
        .publish("/events", "a-2", "order.placed", "{}")
        .await;
    gateway
        .until("orders", |view| view.account.dead_lettered == 1)
        .await;
    let purged = gateway
        .admin("POST", &format!("{base}/purge"), "{\"all\":true}")
        .await
        .json();
    assert_eq!(purged["count"], 1);
    let account = gateway.subscription("orders").await.account;
    assert_eq!(
        (account.matched, account.accepted, account.purged),
        (2, 1, 1)
    );
    gateway.finish().await;
}

#[tokio::test]
async fn a_paused_subscription_waits_over_a_restart() {
    let mut handler = Handler::start(&[]).await;
    let yaml = config(&handler, "");
    let gateway = start(&yaml).await;
    let paused = gateway
        .admin("POST", "/v1/subscriptions/orders/pause", "{}")
        .await
        .json();
    assert_eq!(paused["state"], "paused");
    gateway
        .publish("/events", "a-1", "order.placed", "{}")
        .await;
    gateway.balanced().await;
    gateway.running.stop().await.unwrap();

    let gateway = start_in(gateway.dir, &yaml).await;
    let view = gateway.subscription("orders").await;
    assert_eq!((view.state.as_str(), view.account.attempts), ("paused", 0));
    gateway
        .admin("POST", "/v1/subscriptions/orders/resume", "{}")
        .await;
    assert_eq!(handler.next().await.header("ce-id"), "a-1");
    gateway.finish().await;
}

#[tokio::test]
async fn a_replay_delivers_again_with_accounts_of_its_own() {
    let mut handler = Handler::start(&[]).await;
    let gateway = start(&config(&handler, "")).await;
    for id in ["a-1", "a-2"] {
        gateway.publish("/events", id, "order.placed", "{}").await;
        handler.next().await;
    }
    gateway
        .until("orders", |view| view.account.accepted == 2)
        .await;
    let wanted = "{\"subscription\":\"orders\",\"from\":\"oldest\"}";
    let replay = gateway.admin("POST", "/v1/replays", wanted).await;
    assert_eq!(replay.status, 200, "{}", replay.text());
    for id in ["a-1", "a-2"] {
        let delivered = handler.next().await;
        assert_eq!(delivered.header("ce-id"), id);
        assert_ne!(delivered.header("tradewind-replay"), "");
    }
    crate::support::eventually("the replay is done", || async {
        let replays = gateway.admin("GET", "/v1/replays", "").await.json();
        replays[0]["state"] == "done" && replays[0]["account"]["accepted"] == 2
    })
    .await;
    assert_eq!(gateway.subscription("orders").await.account.matched, 2);
    gateway.finish().await;
}

#[tokio::test]
async fn a_batch_is_taken_whole_and_a_client_may_ask_before_it_sends() {
    let mut handler = Handler::start(&[]).await;
    let gateway = start(&config(&handler, "")).await;
    let item = |id: &str| {
        format!(r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"order.placed"}}"#)
    };
    let body = format!("[{},{}]", item("b-1"), item("b-2"));
    let head = format!(
        "POST /events HTTP/1.1\r\nhost: g\r\nconnection: close\r\nexpect: 100-continue\r\n\
         content-type: application/cloudevents-batch+json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(gateway.running.listen)
        .await
        .unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0u8; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let answer = crate::support::http::parse(&bytes);
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("tradewind-position"), None);
    assert_eq!(answer.json()["events"].as_array().unwrap().len(), 2);
    handler.next().await;
    handler.next().await;

    // Known too large: nobody asks for the body.
    let head = event("/events", "x", "y", "")
        .strip_suffix(b"connection: close\r\n\r\n")
        .unwrap()
        .to_vec();
    let head = String::from_utf8(head)
        .unwrap()
        .replace("content-length: 0", "content-length: 99999999");
    let answer = gateway
        .send(format!("{head}expect: 100-continue\r\nconnection: close\r\n\r\n").as_bytes())
        .await;
    assert_eq!(answer.status, 413);
    gateway.finish().await;
}
