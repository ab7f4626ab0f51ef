//! Pulled sources.

use crate::support::handler::Handler;
use crate::support::start;
use tradewind_event::Event;
use tradewind_memory::Queue;

#[tokio::test]
async fn messages_are_settled_once_they_are_durable_and_bad_ones_are_set_aside() {
    let mut handler = Handler::start(&[]).await;
    let queue = Queue::named("it-pull");
    let gateway = start(&format!(
        "sources:\n  queue: {{ kind: memory, queue: it-pull }}\n\
         subscriptions:\n  all: {{ sink: {} }}\n",
        handler.sink()
    ))
    .await;
    queue
        .push(
            Event::builder("q-1", "/q", "t")
                .data("text/plain", "1")
                .build()
                .unwrap(),
        )
        .unwrap();
    assert_eq!(handler.next().await.header("ce-id"), "q-1");
    queue.push_garbage().unwrap();
    let aside = handler.next().await;
    assert_eq!(aside.header("ce-type"), "tradewind.source.refused");
    assert_eq!(aside.header("ce-source"), "/sources/queue");
    // The same id with other content can never be stored: it is set aside with its event.
    queue
        .push(
            Event::builder("q-1", "/q", "t")
                .data("text/plain", "2")
                .build()
                .unwrap(),
        )
        .unwrap();
    let aside = handler.next().await;
    let record: serde_json::Value = serde_json::from_slice(&aside.body).unwrap();
    assert_eq!(record["events"][0]["id"], "q-1");
    // Messages that come together: one that is refused is told apart from the others.
    for (id, data) in [("q-2", "2"), ("q-1", "3"), ("q-3", "3")] {
        let event = Event::builder(id, "/q", "t").data("text/plain", data);
        queue.push(event.build().unwrap()).unwrap();
    }
    let mut came = Vec::new();
    for _ in 0..3 {
        let next = handler.next().await;
        came.push(match next.header("ce-type") {
            "tradewind.source.refused" => "refused".to_owned(),
            _ => next.header("ce-id").to_owned(),
        });
    }
    came.sort();
    assert_eq!(came, ["q-2", "q-3", "refused"]);
    crate::support::eventually("the queue is empty", || async { queue.is_empty() }).await;
    gateway.finish().await;
}
