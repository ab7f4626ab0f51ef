//! Calling the handler: what every host does alike once it knows the events.

use crate::batch;
pub(crate) use crate::batch::Order;
use crate::describe::Takes;
use crate::reason;
use crate::reply_to::ReplyTo;
use crate::response::{self, Cut, Response};
use crate::{Context, Delivery, Handler, Host, Options, Outcome, log};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument;
use tradewind_event::Event;

/// Work that goes on to its end, in a task of its own where who waits for it goes away. As long as somebody waits,
/// it costs no task and wakes no thread.
pub(crate) struct ToTheEnd<F: Future<Output: Send> + Send + 'static> {
    work: Option<Pin<Box<F>>>,
    tasks: TaskTracker,
    /// Who stops waits for this.
    _token: TaskTrackerToken,
}

impl<F: Future<Output: Send> + Send + 'static> ToTheEnd<F> {
    pub(crate) fn new(work: F, tasks: &TaskTracker) -> Self {
        Self {
            work: Some(Box::pin(work)),
            tasks: tasks.clone(),
            _token: tasks.token(),
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for ToTheEnd<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let Some(work) = &mut self.work else {
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for ToTheEnd<F> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current())
            && !std::thread::panicking()
        {
            runtime.spawn(self.tasks.track_future(work));
        }
    }
}

/// How one call of the handler ended.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// With an outcome.
    Done(Outcome),
    /// It panicked: to be tried again.
    Panicked,
    /// It was cancelled at its deadline: to be tried again.
    Late,
    /// It was not called, since one before it failed: to be tried again.
    Skipped,
}

impl End {
    /// With a reason that answers, headers and logs can carry.
    fn of(mut outcome: Outcome) -> Self {
        if let Outcome::Retry { reason, .. } | Outcome::Reject { reason, .. } = &mut outcome {
            *reason = reason::cut(std::mem::take(reason), reason::MAX);
        }
        End::Done(outcome)
    }

    pub(crate) fn retry(reason: impl Into<String>) -> Self {
        End::of(Outcome::Retry {
            after: None,
            reason: reason.into(),
            cause: None,
        })
    }

    pub(crate) fn reject(reason: impl Into<String>) -> Self {
        End::of(Outcome::Reject {
            reason: reason.into(),
            cause: None,
        })
    }

    /// Whether the event is dealt with.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(
            self,
            End::Done(Outcome::Ack | Outcome::Reply(_) | Outcome::Respond(_))
        )
    }

    pub(crate) fn is_rejected(&self) -> bool {
        matches!(self, End::Done(Outcome::Reject { .. }))
    }

    /// Why the event is not dealt with, for the caller.
    pub(crate) fn reason(&self) -> &str {
        match self {
            End::Done(Outcome::Ack | Outcome::Reply(_) | Outcome::Respond(_)) => "",
            End::Done(Outcome::Retry { reason, .. } | Outcome::Reject { reason, .. }) => reason,
            End::Done(Outcome::Each(_)) => "several outcomes of one event",
            End::Panicked => "the handler panicked",
            End::Late => "the handler was not done in time",
            End::Skipped => batch::UNBEGUN,
        }
    }
}

/// What the platform settles as one: a message, a record, a request. It may carry several events.
#[derive(Debug)]
pub(crate) struct Item {
    /// Or why there are none, which no attempt will change.
    pub(crate) deliveries: Result<Vec<Delivery>, String>,
}

impl Item {
    pub(crate) fn one(event: Event, context: Context) -> Self {
        Self {
            deliveries: Ok(vec![Delivery { event, context }]),
        }
    }
}

/// What the platform makes of a [`Response`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Responds {
    /// It has no place for one.
    No,
    /// It takes one when it is whole.
    Whole,
    /// It passes one on piece by piece.
    Stream,
}

/// The ends of all events, item by item.
pub(crate) type Ends = Vec<Vec<End>>;

/// One call of the platform, read; `A` is what it takes as an answer.
pub(crate) struct Work<A> {
    pub(crate) items: Vec<Item>,
    pub(crate) order: Order,
    /// Nobody waits for a reply: it goes elsewhere.
    pub(crate) one_way: bool,
    pub(crate) responds: Responds,
    /// When the platform gives up, where it says.
    pub(crate) deadline: Option<Instant>,
    pub(crate) tell: Box<dyn FnOnce(Ends) -> A + Send>,
}

impl<A> Work<A> {
    pub(crate) fn one(item: Item, tell: impl FnOnce(End) -> A + Send + 'static) -> Self {
        Self {
            items: vec![item],
            order: Order::UntilRetry,
            one_way: false,
            responds: Responds::Whole,
            deadline: None,
            tell: Box::new(|ends| tell(worst(ends))),
        }
    }
}

/// The end of what is answered as one: the first failure that is to be tried again, which a rejection would end for
/// all, else the first rejection, else the last reply, else that all is done.
pub(crate) fn worst(ends: Ends) -> End {
    let weight = |end: &End| match end {
        End::Done(Outcome::Ack) => 0,
        End::Done(Outcome::Reply(_) | Outcome::Respond(_)) => 1,
        // It says no more than that another one failed.
        End::Skipped => 2,
        End::Done(Outcome::Reject { .. }) => 3,
        _ => 4,
    };
    let mut worst = End::Done(Outcome::Ack);
    for end in ends.into_iter().flatten() {
        let (weighs, most) = (weight(&end), weight(&worst));
        if weighs > most || weighs == most && weighs == 1 {
            worst = end;
        }
    }
    worst
}

/// What holds for all events of one call.
#[derive(Debug, Clone, Copy)]
struct Terms {
    one_way: bool,
    responds: Responds,
    deadline: Instant,
}

/// A handler and what it is called with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Crew {
    handler: Arc<dyn Handler>,
    host: Host,
    source: Arc<str>,
    reply_to: Option<ReplyTo>,
    reply_max: usize,
    /// Most events of one call, where the handler takes several.
    batch_max: Option<usize>,
    /// Whether the handler takes requests that hold no event.
    pub(crate) requests: bool,
    /// Bounds what is handled at once.
    pub(crate) slots: Arc<Semaphore>,
    /// Handlers under way: they outlive a connection that breaks, but not the process.
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
}

impl Crew {
    pub(crate) fn new(handler: Arc<dyn Handler>, host: Host, options: &Options) -> Self {
        let source = options
            .source
            .clone()
            .unwrap_or_else(|| format!("/handlers/{}", handler.name()).into());
        let described = handler.describe();
        let takes = |what| described.iter().filter(move |one| one.takes == what);
        Self {
            host,
            source,
            reply_to: options.reply_to.clone(),
            reply_max: options.reply_max,
            batch_max: takes(Takes::Batch).map(|one| one.batch_max.max(1)).min(),
            requests: takes(Takes::Request).next().is_some(),
            slots: Arc::new(Semaphore::new(options.concurrency)),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            handler,
        }
    }

    /// Handles all items, at most until `deadline`.
    pub(crate) async fn work<A>(&self, work: Work<A>, deadline: Instant) -> A {
        let Work {
            items,
            order,
            one_way,
            responds,
            tell,
            ..
        } = work;
        let terms = Terms {
            one_way,
            responds,
            deadline,
        };
        let ends = match (self.batch_max, order) {
            (Some(max), order) => self.batched(items, order, terms, max).await,
            (None, Order::Free) if items.len() > 1 => self.at_once(items, terms).await,
            (None, order) => self.in_order(items, order, terms).await,
        };
        tell(ends)
    }

    async fn at_once(&self, items: Vec<Item>, terms: Terms) -> Ends {
        let running: Vec<_> = items
            .into_iter()
            .map(|item| {
                let crew = self.clone();
                self.tasks.spawn(async move {
                    let slot = timeout_at(terms.deadline, crew.slots.acquire()).await;
                    match slot {
                        Ok(_slot) => {
                            crew.item(item, Order::UntilFailure, terms, &mut false)
                                .await
                        }
                        Err(_) => vec![End::Late],
                    }
                })
            })
            .collect();
        let mut ends = Vec::with_capacity(running.len());
        for task in running {
            ends.push(task.await.unwrap_or_else(|_| vec![End::Panicked]));
        }
        ends
    }

    async fn in_order(&self, items: Vec<Item>, order: Order, terms: Terms) -> Ends {
        let mut stopped = false;
        let mut ends = Vec::with_capacity(items.len());
        for item in items {
            ends.push(self.item(item, order, terms, &mut stopped).await);
        }
        ends
    }

    async fn item(&self, item: Item, order: Order, terms: Terms, stopped: &mut bool) -> Vec<End> {
        if *stopped {
            return vec![End::Skipped];
        }
        let mut ends = Vec::new();
        let deliveries = item.deliveries.unwrap_or_else(|reason| {
            ends.push(self.unreadable(reason));
            Vec::new()
        });
        for delivery in deliveries {
            let end = match *stopped {
                true => End::Skipped,
                false => self.call(delivery, terms).await,
            };
            *stopped |= !(end.is_taken() || end.is_rejected() && order == Order::UntilRetry);
            ends.push(end);
        }
        let failed = ends.iter().any(|end| !end.is_taken());
        *stopped |= failed && order == Order::UntilFailure;
        ends
    }

    /// Several events by one call, at most so many at a time.
    async fn batched(&self, items: Vec<Item>, order: Order, terms: Terms, max: usize) -> Ends {
        let mut ends: Ends = Vec::with_capacity(items.len());
        let mut waiting = Vec::new();
        for (place, item) in items.into_iter().enumerate() {
            ends.push(Vec::new());
            match item.deliveries {
                Ok(deliveries) => waiting.extend(deliveries.into_iter().map(|one| (place, one))),
                Err(reason) => {
                    ends[place].push(self.unreadable(reason));
                }
            }
        }
        let mut stopped = false;
        let mut waiting = waiting.into_iter();
        loop {
            let (places, deliveries): (Vec<_>, Vec<_>) = waiting.by_ref().take(max).unzip();
            if places.is_empty() {
                break;
            }
            let told = match stopped {
                true => vec![End::Skipped; places.len()],
                false => self.call_batch(deliveries, order, terms).await,
            };
            for (place, end) in places.into_iter().zip(told) {
                let again = !end.is_taken() && !end.is_rejected();
                stopped |= match order {
                    Order::Free => false,
                    Order::UntilRetry => again,
                    Order::UntilFailure => !end.is_taken(),
                };
                ends[place].push(end);
            }
        }
        if order == Order::UntilFailure {
            // What follows must not overtake: it comes again, though it was handled.
            let failed = ends
                .iter()
                .position(|ends| ends.iter().any(|end| !end.is_taken()));
            for item in ends
                .iter_mut()
                .skip(failed.map_or(usize::MAX, |place| place + 1))
            {
                // A rejection is for good. What was to come again comes with the rest: it may not have been begun.
                if !item.iter().any(End::is_rejected) {
                    *item = vec![End::Skipped; item.len()];
                }
            }
        }
        ends
    }

    async fn call_batch(&self, deliveries: Vec<Delivery>, order: Order, terms: Terms) -> Vec<End> {
        let count = deliveries.len();
        let deliveries: Vec<_> = deliveries
            .into_iter()
            .map(|one| self.here(one, terms))
            .collect();
        let Some((delivery, shared)) = batch::shared(deliveries, order) else {
            return Vec::new();
        };
        let ends = match self.handled(delivery, terms.deadline).await {
            Ok(outcome) => {
                let mut ends = Vec::with_capacity(count);
                for outcome in shared.each(outcome) {
                    ends.push(self.concluded(outcome, terms).await);
                }
                ends
            }
            Err(end) => vec![end; count],
        };
        for (one, end) in shared.deliveries().iter().zip(&ends) {
            self.log(one.context.delivery_id(), end);
        }
        ends
    }

    async fn call(&self, delivery: Delivery, terms: Terms) -> End {
        let delivery = self.here(delivery, terms);
        let id = delivery.context.delivery_id().to_owned();
        let end = match self.handled(delivery, terms.deadline).await {
            Ok(outcome) => self.concluded(outcome, terms).await,
            Err(end) => end,
        };
        self.log(&id, &end);
        end
    }

    /// With the circumstances that are the same for all of a call.
    fn here(&self, delivery: Delivery, terms: Terms) -> Delivery {
        let Delivery { event, context } = delivery;
        let context = context
            .with_host(self.host)
            .with_deadline(terms.deadline)
            .with_cancellation(self.stopping.clone())
            .with_source(self.source.clone());
        Delivery { event, context }
    }

    async fn handled(&self, delivery: Delivery, deadline: Instant) -> Result<Outcome, End> {
        if deadline <= Instant::now() {
            return Err(End::Late);
        }
        let span = log::span(self.handler.name(), &delivery);
        let handle = |delivery| async { self.handler.call(delivery, &()).await };
        #[cfg(feature = "otel")]
        let calling = crate::trace::traced(self.handler.name(), delivery, handle);
        #[cfg(not(feature = "otel"))]
        let calling = handle(delivery);
        match timeout_at(deadline, caught(calling.instrument(span))).await {
            Ok(Some(outcome)) => Ok(outcome),
            Ok(None) => Err(End::Panicked),
            Err(_) => Err(End::Late),
        }
    }

    /// What an outcome comes to at this trigger.
    async fn concluded(&self, outcome: Outcome, terms: Terms) -> End {
        match outcome {
            Outcome::Reply(event) if terms.one_way => self.elsewhere(event, terms.deadline).await,
            Outcome::Respond(_) if terms.one_way || terms.responds == Responds::No => {
                End::retry("the handler answers with a response, and this trigger takes none")
            }
            Outcome::Respond(answer) if terms.responds == Responds::Whole => {
                let max = self.reply_max;
                // A stream may panic as a handler may.
                let collecting = caught(response::whole(answer.body, max));
                match timeout_at(terms.deadline, collecting).await {
                    Ok(Some(Ok(body))) => End::Done(Outcome::Respond(Response { body, ..answer })),
                    Ok(Some(Err(Cut { reason, cause }))) => End::of(Outcome::Retry {
                        after: None,
                        reason,
                        cause,
                    }),
                    Ok(None) => End::Panicked,
                    Err(_) => End::Late,
                }
            }
            // Of one event: its own.
            Outcome::Each(outcomes) => {
                let ends = outcomes.into_iter().map(End::Done).collect();
                match worst(vec![ends]) {
                    End::Done(Outcome::Each(_)) => End::retry("an outcome within an outcome"),
                    End::Done(outcome) => Box::pin(self.concluded(outcome, terms)).await,
                    end => end,
                }
            }
            outcome => End::of(outcome),
        }
    }

    fn unreadable(&self, reason: String) -> End {
        let end = End::reject(reason);
        self.warn("unreadable", format_args!("{}", end.reason()));
        end
    }

    fn log(&self, id: &str, end: &End) {
        match end {
            End::Done(
                Outcome::Retry {
                    reason,
                    cause: Some(cause),
                    ..
                }
                | Outcome::Reject {
                    reason,
                    cause: Some(cause),
                },
            ) => self.warn(id, format_args!("{reason}: {cause}")),
            End::Late => self.warn(id, format_args!("not done at its deadline")),
            end if !end.is_taken() => self.warn(id, format_args!("{}", end.reason())),
            _ => {}
        }
    }

    /// A reply that nobody waits for is sent on before the event counts as done.
    async fn elsewhere(&self, reply: Event, deadline: Instant) -> End {
        let Some(to) = &self.reply_to else {
            return End::retry(
                "the handler replied, and this trigger takes no reply: set TRADEWIND_REPLY_URL to where replies go",
            );
        };
        match timeout_at(deadline, to.send(&reply)).await {
            Ok(Ok(())) => End::Done(Outcome::Ack),
            Ok(Err(reason)) => End::retry(reason),
            Err(_) => End::retry("the reply could not be sent in time; see TRADEWIND_REPLY_URL"),
        }
    }

    pub(crate) fn handler(&self) -> Arc<dyn Handler> {
        self.handler.clone()
    }

    /// Whether the handler takes several events at once.
    pub(crate) fn batches(&self) -> bool {
        self.batch_max.is_some()
    }

    pub(crate) fn name(&self) -> &str {
        self.handler.name()
    }

    pub(crate) fn warn(&self, delivery: &str, what: std::fmt::Arguments<'_>) {
        log::warn(self.handler.name(), delivery, what);
    }
}

/// The output of a future, or nothing where it panics: that ends one call, not the process.
pub(crate) async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}
