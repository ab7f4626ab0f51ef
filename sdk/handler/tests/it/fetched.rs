//! What a worker tells its source of one message: the part of docs/reference/hosts.md that has no wire format of a
//! platform.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tradewind::worker::{
    Fut, Order, Pull, PullError, Pulled, Settled, Settlement, Token, delivery, serve,
};
use tradewind::{Event, Handler, Options};

/// What each worker makes of that: an event to come again, a rejected one.
pub(crate) const WORKERS: &[(&str, &str, &str)] = &[
    (
        "sqs",
        "visible again after the visibility timeout, or the handler's pause; after `maxReceiveCount` in the queue's dead-letter queue",
        "left to the visibility timeout, as a failure: the redrive policy sets it aside",
    ),
    (
        "kafka",
        "again after a pause, or the handler's; its partition waits",
        "to `TRADEWIND_KAFKA_DEAD_LETTER`, then done; without it as a failure",
    ),
    (
        "nats",
        "again after the handler's pause, or one that doubles up to a minute",
        "to `TRADEWIND_NATS_DEAD_LETTER`, then done; without it as a failure",
    ),
    (
        "gateway",
        "by the subscription's retry policy, or after the handler's pause",
        "a dead letter of the subscription",
    ),
];

/// A source of one message.
struct Once {
    message: Mutex<Option<Event>>,
    settled: Mutex<Option<Settled>>,
    told: Arc<Notify>,
}

impl Pull for Once {
    fn pull(&self, _: usize) -> Fut<'_, Result<Vec<Pulled>, PullError>> {
        let message = self.message.lock().unwrap().take();
        let pulled = message.map(|event| Pulled {
            token: Token("1".into()),
            deliveries: Ok(vec![delivery(event)]),
            order: Order::Free,
            deadline: None,
        });
        Box::pin(async move {
            if pulled.is_none() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Ok(pulled.into_iter().collect())
        })
    }

    fn settle(&self, settlements: Vec<Settlement>) -> Fut<'_, Result<(), PullError>> {
        for Settlement { settled, .. } in settlements {
            *self.settled.lock().unwrap() = Some(settled);
            self.told.notify_one();
        }
        Box::pin(async { Ok(()) })
    }
}

/// What becomes of a message that this handler gets, in short.
pub(crate) async fn told(handler: impl Handler, options: &Options, event: Event) -> String {
    let told = Arc::new(Notify::new());
    let source = Arc::new(Once {
        message: Mutex::new(Some(event)),
        settled: Mutex::default(),
        told: told.clone(),
    });
    let done = told.clone().notified_owned();
    let served = serve(handler, source.clone(), options.clone(), done).await;
    served.unwrap();
    let settled = source.settled.lock().unwrap().take();
    match settled.unwrap() {
        Settled::Done => "done".into(),
        Settled::Again { after: None } => "again".into(),
        Settled::Again { after: Some(after) } => {
            format!("again, no sooner than {} s", after.as_secs())
        }
        Settled::Never { .. } => "never".into(),
        Settled::Untouched => "untouched".into(),
    }
}
