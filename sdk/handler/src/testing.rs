//! Calling a handler in a test: no server, no sockets.
//!
//! ```
//! use serde::Deserialize;
//! use tradewind::{Data, Error, Outcome, Reply, testing};
//!
//! #[derive(Deserialize)]
//! struct Order { total: u64 }
//!
//! #[tradewind::handler]
//! async fn charge(Data(order): Data<Order>) -> Result<Reply, Error> {
//!     match order.total {
//!         0 => Err(Error::reject("nothing to charge")),
//!         total => Ok(Reply::event("shop.order.charged", total)),
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let order = testing::event("shop.order.placed", serde_json::json!({ "total": 12 }));
//! let Outcome::Reply(reply) = testing::call(&charge, order).await else { panic!() };
//! assert_eq!(reply.ty(), "shop.order.charged");
//!
//! let free = testing::event("shop.order.placed", serde_json::json!({ "total": 0 }));
//! let outcome = testing::Call::new(free).attempt(3).run(&charge).await;
//! assert!(matches!(outcome, Outcome::Reject { .. }));
//! # });
//! ```
//!
//! The same on every platform, in its own words:
//!
//! ```
//! # use tradewind::{Data, Error, Reply, testing};
//! # #[tradewind::handler]
//! # async fn charge(Data(total): Data<u64>) -> Result<Reply, Error> {
//! #     match total {
//! #         0 => Err(Error::reject("nothing to charge")),
//! #         total => Ok(Reply::event("shop.order.charged", total)),
//! #     }
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let free = testing::event("shop.order.placed", 0);
//! testing::on_every_host(charge).send(&free).await.rejected();
//! # });
//! ```

#[cfg(feature = "hosts")]
mod hosted;
mod trial;
#[cfg(feature = "hosts")]
mod ways;

use crate::{Context, Delivery, Handler, Outcome};
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tradewind_event::Event;
#[cfg(feature = "hosts")]
use {bytes::Bytes, http_body_util::Full, std::sync::Arc};

#[cfg(feature = "hosts")]
pub use hosted::{EveryHost, Everywhere, Hosted, Told, on, on_every_host};
pub use trial::Trial;
#[cfg(feature = "hosts")]
pub use ways::{TIMERS, WAYS, Way, due, samples};

/// An event with JSON data, `id` `test-1` and `source` `/tests`. For anything else there is
/// [`Event::builder`].
///
/// # Panics
///
/// When `ty` is no valid type, or the data does not serialise.
#[allow(clippy::expect_used, clippy::panic)]
pub fn event(ty: &str, data: impl Serialize) -> Event {
    let data = serde_json::to_vec(&data).expect("data of a test event serialises");
    Event::builder("test-1", "/tests", ty)
        .data("application/json", data)
        .build()
        .expect("a test event is valid")
}

/// Hands an event to a handler: first attempt, live, 15 seconds left.
pub async fn call(handler: &impl Handler, event: Event) -> Outcome {
    Call::new(event).run(handler).await
}

/// Hands a whole request to a handler as the HTTP host would, signature check and all, and gives the
/// answer.
#[cfg(feature = "hosts")]
pub async fn answer(
    handler: impl Handler,
    options: crate::Options,
    request: http::Request<Bytes>,
) -> http::Response<Bytes> {
    let crew = crate::crew::Crew::new(Arc::new(handler), crate::Host::Http, &options);
    let dialect = Arc::new(crate::http::CloudEvents);
    let service = crate::http::Service::new(crew, options, dialect);
    let answer = service.answer(request.map(Full::new)).await;
    let broken =
        || crate::http::answer::problem(http::StatusCode::BAD_GATEWAY, "the stream broke off");
    crate::http::stream::whole(answer)
        .await
        .unwrap_or_else(broken)
}

/// A delivery to be made under chosen circumstances.
#[derive(Debug, Clone)]
pub struct Call {
    event: Event,
    context: Context,
}

impl Call {
    /// A first attempt, delivery id `test`.
    pub fn new(event: Event) -> Self {
        Self {
            event,
            context: Context::new("test"),
        }
    }
    /// As this attempt.
    #[must_use]
    pub fn attempt(self, attempt: u32) -> Self {
        self.edit(|context| context.with_attempt(attempt))
    }
    /// As a delivery of this subscription.
    #[must_use]
    pub fn subscription(self, name: &str) -> Self {
        self.edit(|context| context.with_subscription(name))
    }
    /// As part of this replay.
    #[must_use]
    pub fn replay(self, id: &str) -> Self {
        self.edit(|context| context.with_replay(id))
    }
    /// With this much time left. The handler is not cancelled when it is over; hosts do that.
    #[must_use]
    pub fn remaining(self, time: Duration) -> Self {
        self.edit(|context| context.with_deadline(Instant::now() + time))
    }
    /// While the process is being stopped.
    #[must_use]
    pub fn stopping(self) -> Self {
        let token = CancellationToken::new();
        token.cancel();
        self.edit(|context| context.with_cancellation(token))
    }
    /// Makes the delivery. A panic of the handler comes through.
    pub async fn run(&self, handler: &impl Handler) -> Outcome {
        let source = format!("/handlers/{}", handler.name());
        let delivery = Delivery {
            event: self.event.clone(),
            context: self.context.clone().with_source(source),
        };
        handler.call(delivery, &()).await
    }

    /// Hands over several at once, as a trigger that has batches does, and gives the outcome of each. A handler that
    /// takes one event at a time gets them one after the other.
    pub async fn run_all(calls: &[Call], handler: &impl Handler) -> Vec<Outcome> {
        let source = format!("/handlers/{}", handler.name());
        let delivery = |call: &Call| Delivery {
            event: call.event.clone(),
            context: call.context.clone().with_source(source.as_str()),
        };
        let batches = handler
            .describe()
            .iter()
            .any(|one| one.takes == crate::Takes::Batch);
        if batches {
            let deliveries = calls.iter().map(delivery).collect();
            let order = crate::batch::Order::Free;
            return crate::batch::together(handler, deliveries, order).await;
        }
        let mut outcomes = Vec::with_capacity(calls.len());
        for call in calls {
            outcomes.push(handler.call(delivery(call), &()).await);
        }
        outcomes
    }

    fn edit(mut self, change: impl FnOnce(Context) -> Context) -> Self {
        self.context = change(self.context);
        self
    }
}
