//! Several handlers in one program, several events in one call, and layers around handlers.

use serde_json::json;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as Waker, Poll};
use tower_layer::layer_fn;
use tower_service::Service;
use tradewind::testing::{self, Call};
use tradewind::{
    Ack, Batch, BoxFuture, Data, Declare, Delivery, Error, Event, Handler, HandlerExt, Host, On,
    Outcome, Outcomes, Reply, Router, State, handler_fn,
};

fn event(ty: &str, source: &str, n: u64) -> Event {
    Event::builder(format!("{n}"), source, ty)
        .data("application/json", json!(n).to_string())
        .build()
        .unwrap()
}

fn says(word: &'static str) -> impl Handler {
    handler_fn(move |_: Event| async move { Reply::event(word, word) })
}

fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Reply(reply) => reply.ty().to_owned(),
        Outcome::Ack => "ack".into(),
        Outcome::Retry { reason, .. } => format!("retry: {reason}"),
        Outcome::Reject { reason, .. } => format!("reject: {reason}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn each_event_goes_to_the_first_that_it_is_for() {
    let router = Router::new("shop")
        .on("order.placed", says("exact"))
        .on(On::types(["order.*"]).from_source("/shop/*"), says("shop"))
        .on(
            On::source("/warehouse").when(|event| event.id() == "7"),
            says("seven"),
        )
        .on("order.*", says("prefix"));
    for (ty, source, n, expected) in [
        ("order.placed", "/shop/1", 1, "exact"),
        ("order.paid", "/shop/1", 1, "shop"),
        ("order.paid", "/shop", 1, "prefix"),
        ("order.", "/elsewhere", 1, "prefix"),
        ("refund", "/warehouse", 7, "seven"),
        (
            "refund",
            "/warehouse",
            8,
            "reject: no handler takes events of type refund",
        ),
        (
            "Order.placed",
            "/shop/1",
            1,
            "reject: no handler takes events of type Order.placed",
        ),
    ] {
        let outcome = testing::call(&router, event(ty, source, n)).await;
        assert_eq!(word(&outcome), expected, "{ty} {source} {n}");
    }
    let router = router.otherwise(says("rest"));
    let outcome = testing::call(&router, event("refund", "/warehouse", 8)).await;
    assert_eq!(word(&outcome), "rest");
}

#[tradewind::handler]
async fn charge(_event: Event) -> Reply {
    Reply::event("charged", 1)
}

#[tokio::test]
async fn a_reply_says_which_handler_gave_it() {
    let reply = |outcome| match outcome {
        Outcome::Reply(reply) => (reply.source().to_owned(), reply.id().to_owned()),
        other => panic!("{other:?}"),
    };
    let alone = reply(testing::call(&charge, event("t", "/s", 1)).await);
    let router = Router::new("shop").on("t", charge);
    let routed = reply(testing::call(&router, event("t", "/s", 1)).await);
    assert_eq!(alone, routed);
    assert_eq!(alone.0, "/handlers/charge");
}

#[tradewind::handler]
async fn load(batch: Batch<Data<u64>>, State(seen): State<Arc<Mutex<Vec<usize>>>>) -> Outcomes {
    seen.lock().unwrap().push(batch.len());
    let (entries, mut outcomes) = batch.split();
    for entry in entries {
        match entry.value.0 {
            // Nothing is said about these.
            3 => {}
            4 => outcomes.set(&entry, Err::<(), _>(Error::reject("four"))),
            5 => outcomes.set(&entry, Reply::event("five", 5)),
            _ => outcomes.set(&entry, ()),
        }
    }
    outcomes
}

fn calls(values: &[serde_json::Value]) -> Vec<Call> {
    let call = |(n, value): (usize, &serde_json::Value)| {
        let event =
            Event::builder(format!("{n}"), "/s", "t").data("application/json", value.to_string());
        Call::new(event.build().unwrap())
    };
    values.iter().enumerate().map(call).collect()
}

#[tokio::test]
async fn what_is_not_said_of_a_batch_comes_again() {
    let seen = Arc::default();
    let loading = load.with_state(Arc::clone(&seen));
    let values = [json!(1), json!("no number"), json!(3), json!(4), json!(5)];
    let outcomes = Call::run_all(&calls(&values), &loading).await;
    let words: Vec<_> = outcomes.iter().map(word).collect();
    assert_eq!(words[0], "ack");
    assert!(
        words[1].starts_with("reject: data of t does not fit"),
        "{}",
        words[1]
    );
    assert_eq!(words[2], "retry: the handler did not say what became of it");
    assert_eq!(words[3], "reject: four");
    assert_eq!(words[4], "five");
    assert_eq!(*seen.lock().unwrap(), [4]);
    // Alone it is a batch of one.
    for (value, expected) in [(1, "ack"), (4, "reject: four")] {
        let outcome = testing::call(&loading, testing::event("t", value)).await;
        assert_eq!(word(&outcome), expected);
    }
}

#[tradewind::handler]
async fn careless(batch: Batch<Data<u64>>) -> Result<(), Error> {
    match batch.len() {
        2 => Ok(()),
        _ => Err(Error::retry(None).because("all again")),
    }
}

#[tokio::test]
async fn one_word_for_a_batch_is_for_what_reached_the_handler() {
    let outcomes = Call::run_all(&calls(&[json!(1), json!(""), json!(3)]), &careless).await;
    let words: Vec<_> = outcomes.iter().map(word).collect();
    assert_eq!((words[0].as_str(), words[2].as_str()), ("ack", "ack"));
    assert!(words[1].starts_with("reject: "), "{}", words[1]);
    let outcomes = Call::run_all(
        &calls(&[json!(1), json!(""), json!(3), json!(4)]),
        &careless,
    )
    .await;
    let words: Vec<_> = outcomes.iter().map(word).collect();
    assert_eq!(words[0], "retry: all again");
    assert!(words[1].starts_with("reject: "), "{}", words[1]);
}

#[tokio::test]
async fn entries_of_another_batch_are_not_believed() {
    let first: Arc<Mutex<Vec<_>>> = Arc::default();
    let kept = first.clone();
    let handler = handler_fn(move |batch: Batch<Event>| {
        let kept = kept.clone();
        async move {
            let (entries, mut outcomes) = batch.split();
            let mut kept = kept.lock().unwrap();
            // Those of the first batch, whose places are the same.
            match kept.is_empty() {
                true => kept.extend(entries),
                false => kept.iter().for_each(|entry| outcomes.set(entry, ())),
            }
            outcomes
        }
    });
    for _ in 0..2 {
        let outcomes = Call::run_all(&calls(&[json!(1), json!(2)]), &handler).await;
        assert!(
            outcomes
                .iter()
                .all(|one| matches!(one, Outcome::Retry { .. }))
        );
    }
}

#[tokio::test]
async fn a_router_gives_a_batch_to_each_handler_as_it_takes_it() {
    let seen = Arc::default();
    let router = Router::new("mixed")
        .on(
            On::source("/s").when(|event| event.id() != "2"),
            load.with_state(Arc::clone(&seen)),
        )
        .on("t", says("single"));
    let values = [json!(1), json!(4), json!(9), json!(5)];
    let outcomes = Call::run_all(&calls(&values), &router).await;
    let words: Vec<_> = outcomes.iter().map(word).collect();
    assert_eq!(words, ["ack", "reject: four", "single", "five"]);
    assert_eq!(*seen.lock().unwrap(), [3]);
}

fn sqs(queue: &str, values: &[u64]) -> http::Request<tradewind::Bytes> {
    let record = |(n, value): (usize, &u64)| {
        let event = json!({ "specversion": "1.0", "id": format!("{n}"), "source": "/s", "type": "t", "data": value });
        json!({ "messageId": format!("m-{n}"), "eventSource": "aws:sqs", "body": event.to_string(),
            "eventSourceARN": format!("arn:aws:sqs:eu-west-1:1:{queue}"),
            "attributes": { "ApproximateReceiveCount": "1" } })
    };
    let records: Vec<_> = values.iter().enumerate().map(record).collect();
    http::Request::new(json!({ "Records": records }).to_string().into())
}

#[tokio::test]
async fn a_batch_of_a_platform_is_told_one_by_one() {
    let seen = Arc::default();
    let mut options = tradewind::Options::default();
    options.batch_failures = tradewind::BatchFailures::Report;
    for (queue, failed) in [
        ("orders", &["m-1", "m-3"][..]),
        // What follows a failure must not overtake it, though it was handled.
        ("orders.fifo", &["m-1", "m-2", "m-3", "m-4"][..]),
    ] {
        let handler = load.with_state(Arc::clone(&seen));
        let hosted = testing::on(Host::Lambda, handler).options(options.clone());
        let answer = hosted.raw(sqs(queue, &[1, 4, 1, 3, 1])).await;
        let told: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        let failures = told["batchItemFailures"].as_array().unwrap();
        let ids: Vec<_> = failures
            .iter()
            .map(|one| one["itemIdentifier"].as_str().unwrap())
            .collect();
        assert_eq!(ids, failed, "{queue}");
    }
    // No more at once than the handler declares.
    seen.lock().unwrap().clear();
    let small = load
        .with_state(Arc::clone(&seen))
        .declare(Declare::new().batch_max(2));
    let hosted = testing::on(Host::Lambda, small).options(options);
    hosted.raw(sqs("orders", &[1, 1, 1, 1, 1])).await;
    assert_eq!(*seen.lock().unwrap(), [2, 2, 1]);
}

/// Counts, and fails every second call.
#[derive(Clone)]
struct Flaky<S> {
    inner: S,
    calls: Arc<AtomicUsize>,
}

type Handled = BoxFuture<Result<Outcome, Infallible>>;

impl<S> Service<Delivery> for Flaky<S>
where
    S: Service<Delivery, Response = Outcome, Error = Infallible, Future = Handled>,
{
    type Response = Outcome;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<Result<Outcome, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Waker<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        if self.calls.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            return Box::pin(async { Err("the layer is out of order".into()) });
        }
        let handling = self.inner.call(delivery);
        Box::pin(async move { handling.await.map_err(Into::into) })
    }
}

#[tokio::test]
async fn a_layer_stands_between_host_and_handler() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let handler = charge.layer(layer_fn(move |inner| Flaky {
        inner,
        calls: counted.clone(),
    }));
    assert_eq!(handler.name(), "charge");
    let outcome = testing::call(&handler, event("t", "/s", 1)).await;
    assert_eq!(word(&outcome), "charged");
    let outcome = testing::call(&handler, event("t", "/s", 1)).await;
    let Outcome::Retry { reason, cause, .. } = outcome else {
        panic!("{outcome:?}")
    };
    // What a layer says is for the log, as any error's text.
    assert_eq!(reason, "the handler failed");
    assert_eq!(cause.as_deref(), Some("the layer is out of order"));
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    let hosts =
        testing::on_every_host(handler_fn(|_: Event| async { Ack }).layer(layer_fn(|inner| inner)));
    hosts.send(&event("t", "/s", 1)).await.taken();
}
