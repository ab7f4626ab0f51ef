use crate::server::Server;
use http::{Method, StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, mpsc};
use tradewind::{Bytes, Context, Data, Error, Event, Options, Reply, State};

#[derive(Deserialize)]
struct Order {
    id: u32,
}

/// What the handler does follows from the order's number.
#[tradewind::handler]
async fn orders(Data(order): Data<Order>, cx: Context) -> Result<Reply, Error> {
    match order.id {
        0 => Ok(Reply::ack()),
        1 => Ok(Reply::event("shop.order.charged", [cx.delivery_id()]).subject("orders/1")),
        2 => Err(Error::retry(Duration::from_millis(1500)).because("closed")),
        3 => Err(std::io::Error::other("password=hunter2").into()),
        4 => Err(Error::reject("no such customer")),
        _ => panic!("an order too many"),
    }
}

#[tokio::test]
async fn outcomes_are_answered_as_documented() {
    let server = Server::start(orders, Options::default()).await;
    for (body, status, retry_after, detail) in [
        (r#"{"id":0}"#, 204, None, None),
        (r#"{"id":2}"#, 503, Some("2"), Some("closed")),
        (r#"{"id":3}"#, 503, None, Some("the handler failed")),
        (r#"{"id":4}"#, 422, None, Some("no such customer")),
        (r#"{"id":5}"#, 500, None, Some("the handler panicked")),
        // The process survives the panic.
        (r#"{"id":0}"#, 204, None, None),
        (
            r#"{"id":"x"}"#,
            422,
            None,
            Some(
                "data of shop.order.placed does not fit the handler at `id`: invalid type: \
                 string, expected u32 at line 1 column 9",
            ),
        ),
    ] {
        let answer = server.event(body, &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        assert_eq!(answer.header("retry-after"), retry_after, "{body}");
        match detail {
            Some(detail) => assert_eq!(answer.detail(), detail),
            None => assert!(answer.body.is_empty()),
        }
    }
}

#[tokio::test]
async fn a_reply_is_a_binary_event() {
    let server = Server::start(orders, Options::default()).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let more = [
        ("tradewind-delivery-id", "default-0-17-charge"),
        ("ce-traceparent", trace),
    ];
    for _ in 0..2 {
        let answer = server.event(r#"{"id":1}"#, &more).await;
        assert_eq!(answer.status, StatusCode::OK);
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-id", "default-0-17-charge.reply"),
            ("ce-source", "/handlers/orders"),
            ("ce-type", "shop.order.charged"),
            ("ce-subject", "orders/1"),
            ("ce-traceparent", trace),
            ("content-type", "application/json"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
        assert_eq!(answer.body, r#"["default-0-17-charge"]"#);
    }
}

#[tokio::test]
async fn structured_and_batched_events_are_taken() {
    let server = Server::start(orders, Options::default()).await;
    let event = |id: u32| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/shop","type":"t","data":{{"id":{id}}}}}"#
        )
    };
    let one = [(
        "content-type",
        "Application/CloudEvents+JSON; charset=utf-8",
    )];
    assert_eq!(server.post(&one, event(0)).await.status, 204);
    assert_eq!(server.post(&one, event(1)).await.status, 200);

    let many = [
        ("content-type", "application/cloudevents-batch+json"),
        ("tradewind-delivery-id", "d"),
    ];
    for (ids, status, detail) in [
        (&[][..], 204, None),
        (&[0, 0], 204, None),
        (
            &[0, 4, 4],
            422,
            Some("event 1: no such customer; event 2: no such customer"),
        ),
        // Retried as a whole; what follows is not begun: order 9 would panic.
        (&[4, 2, 9], 503, Some("event 1: closed")),
        (&[0, 9], 500, Some("the handler panicked")),
    ] {
        let events: Vec<String> = ids.iter().map(|id| event(*id)).collect();
        let answer = server.post(&many, format!("[{}]", events.join(","))).await;
        assert_eq!(answer.status.as_u16(), status, "{ids:?}");
        if let Some(detail) = detail {
            assert_eq!(answer.detail(), detail);
        }
    }
    let answer = server
        .post(&many, format!("[{},{},{}]", event(1), event(0), event(1)))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let replies: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(replies[0]["id"], "d/0.reply");
    assert_eq!(replies[1]["id"], "d/2.reply");
    assert_eq!(replies.as_array().map(Vec::len), Some(2));

    // A gateway says the id of each.
    let listed = [
        ("content-type", "application/cloudevents-batch+json"),
        ("tradewind-delivery-id", "d-1,d-2"),
    ];
    let answer = server
        .post(&listed, format!("[{},{}]", event(0), event(1)))
        .await;
    let replies: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(replies[0]["id"], "d-2.reply");
}

#[tokio::test]
async fn what_is_no_event_never_reaches_the_handler() {
    #[tradewind::handler]
    async fn unreachable(_event: Event) {
        panic!("reached");
    }
    let mut options = Options::default();
    options.body_max = 300;
    let server = Server::start(unreachable, options).await;
    let json = ("content-type", "application/cloudevents+json");
    let long = "x".repeat(301);
    for (method, headers, body, status) in [
        (Method::GET, &[][..], "", 405),
        (Method::POST, &[], "", 400),
        (
            Method::POST,
            &[("content-type", "application/json")],
            "{}",
            400,
        ),
        (
            Method::POST,
            &[("content-type", "application/cloudevents+avro")],
            "",
            415,
        ),
        (
            Method::POST,
            &[json, ("content-encoding", "gzip")],
            "{}",
            415,
        ),
        (Method::POST, &[json], "", 400),
        (Method::POST, &[json], "{}", 400),
        (
            Method::POST,
            &[json],
            r#"{"specversion":"1.0","id":"1"}"#,
            400,
        ),
        (Method::POST, &[("ce-specversion", "1.0")], "{}", 400),
        (Method::POST, &[json], &long, 413),
        (
            Method::POST,
            &[("content-type", "application/cloudevents-batch+json")],
            "{}",
            400,
        ),
    ] {
        let answer = server.send(method, headers, body.to_owned()).await;
        assert_eq!(answer.status.as_u16(), status, "{headers:?} {body}");
        assert!(!answer.detail().is_empty());
    }
    let answer = server.send(Method::GET, &[], "").await;
    assert_eq!(answer.header("allow"), Some("POST"));
}

#[tokio::test]
async fn the_context_is_what_the_headers_say() {
    let (seen, mut contexts) = mpsc::unbounded_channel();
    let note = |cx: Context, State(seen): State<mpsc::UnboundedSender<Context>>| async move {
        seen.send(cx)?;
        Ok::<_, Error>(())
    };
    let server = Server::start(
        tradewind::handler_fn(note).with_state(seen),
        Options::default(),
    )
    .await;
    server
        .event(
            "{}",
            &[
                ("tradewind-delivery-id", "d-1"),
                ("tradewind-attempt", "4"),
                ("tradewind-subscription", "charge"),
                ("tradewind-replay", "r-7"),
            ],
        )
        .await;
    let cx = contexts.recv().await.unwrap();
    assert_eq!(
        (
            cx.delivery_id(),
            cx.attempt(),
            cx.subscription(),
            cx.replay()
        ),
        ("d-1", 4, Some("charge"), Some("r-7"))
    );
    assert!(cx.remaining() <= Context::DEFAULT_TIMEOUT);
    assert!(!cx.is_cancelled());

    server.event("{}", &[("tradewind-attempt", "soon")]).await;
    let cx = contexts.recv().await.unwrap();
    assert_eq!(
        (
            cx.delivery_id(),
            cx.attempt(),
            cx.subscription(),
            cx.replay()
        ),
        ("/shop e-1", 1, None, None)
    );
}

/// Tells when it begins and waits until it may end.
type Gate = Arc<(Notify, Notify)>;

#[tradewind::handler]
async fn gated(bytes: Bytes, State(gate): State<Gate>) {
    assert_eq!(bytes, "{}");
    gate.0.notify_one();
    gate.1.notified().await;
}

#[tokio::test]
async fn what_is_under_way_is_finished_before_the_end() {
    let gate = Gate::default();
    let seen = gate.clone();
    let handler = tradewind::handler_fn(move |event: Event, cx: Context| {
        let gate = seen.clone();
        async move {
            gate.0.notify_one();
            // The delivery is told, and may take its time all the same.
            cx.cancelled().await;
            gate.1.notified().await;
            event
        }
    });
    let mut server = Server::start(handler, Options::default()).await;
    let (address, stop) = (server.address, server.stop.clone());
    {
        let answer = server.event("{}", &[]);
        tokio::pin!(answer);
        tokio::select! {
            _ = &mut answer => panic!("answered too early"),
            () = gate.0.notified() => {}
        }
        stop.notify_one();
        gate.1.notify_one();
        assert_eq!(answer.await.status, StatusCode::OK);
    }
    server.stopped().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn work_goes_on_when_the_sender_hangs_up() {
    let done = Arc::new(Mutex::new(false));
    let gate = Gate::default();
    let work = |_: Event, State((gate, done)): State<(Gate, Arc<Mutex<bool>>)>| async move {
        gate.0.notify_one();
        gate.1.notified().await;
        *done.lock().await = true;
    };
    let handler = tradewind::handler_fn(work).with_state((gate.clone(), done.clone()));
    let mut server = Server::start(handler, Options::default()).await;
    tokio::select! {
        _ = server.event("{}", &[]) => panic!("answered too early"),
        () = gate.0.notified() => {}
    }
    server.stop.notify_one();
    gate.1.notify_one();
    server.stopped().await;
    assert!(*done.lock().await);
}

#[tokio::test]
async fn the_deadline_cancels_the_handler() {
    #[tradewind::handler]
    async fn endless(_event: Event) {
        std::future::pending().await
    }
    let mut options = Options::default();
    options.timeout = Duration::from_secs(1);
    let server = Server::start(endless, options).await;
    let answer = server.event("{}", &[]).await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn above_its_concurrency_it_is_busy() {
    let gate = Gate::default();
    let mut options = Options::default();
    options.concurrency = 1;
    let server = Server::start(gated.with_state(gate.clone()), options).await;
    let first = server.event("{}", &[]);
    tokio::pin!(first);
    tokio::select! {
        _ = &mut first => panic!("answered too early"),
        () = gate.0.notified() => {}
    }
    let second = server.event("{}", &[]).await;
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(second.header("retry-after"), Some("1"));
    gate.1.notify_one();
    assert_eq!(first.await.status, StatusCode::NO_CONTENT);
}
