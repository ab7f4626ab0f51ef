//! Events that come at once.

use crate::describe::{Replies, Takes};
use crate::{BoxFuture, Context, Delivery, Error, Event, FromEvent, Handler, IntoOutcome, Outcome};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// Why an event that must not overtake another was not begun.
pub(crate) const UNBEGUN: &str = "not begun, since an event before it failed";

/// What the items of one call have to do with each other.
#[cfg_attr(
    not(feature = "hosts"),
    allow(dead_code, reason = "who keeps an order is a host")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Nothing: they are handled at once.
    Free,
    /// One after the other, until one is to be retried: the platform will bring all of them again.
    UntilRetry,
    /// One after the other, until one fails in any way: what follows must not overtake it.
    UntilFailure,
}

impl Order {
    /// Whether what follows is not to be begun after this.
    pub(crate) fn stops_after(self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Ack | Outcome::Reply(_) | Outcome::Respond(_) => false,
            Outcome::Reject { .. } => self == Order::UntilFailure,
            Outcome::Retry { .. } => self != Order::Free,
            Outcome::Each(outcomes) => outcomes.iter().any(|one| self.stops_after(one)),
        }
    }
}

/// What came at once, and what of it does not fit the handler.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    deliveries: Vec<Delivery>,
    order: Order,
    misfits: Mutex<BTreeMap<usize, Outcome>>,
}

impl Shared {
    fn new(deliveries: Vec<Delivery>, order: Order) -> Self {
        Self(Arc::new(Inner {
            deliveries,
            order,
            misfits: Mutex::default(),
        }))
    }

    pub(crate) fn deliveries(&self) -> &[Delivery] {
        &self.0.deliveries
    }

    pub(crate) fn order(&self) -> Order {
        self.0.order
    }

    fn misfit(&self, place: usize, outcome: Outcome) {
        let mut misfits = self
            .0
            .misfits
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        misfits.insert(place, outcome);
    }

    /// The outcome of each. What never reached the handler is not done because the others are.
    pub(crate) fn each(&self, outcome: Outcome) -> Vec<Outcome> {
        let count = self.0.deliveries.len();
        let mut outcomes: Vec<Outcome> = match outcome {
            Outcome::Each(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                (0..count).map(|_| reported(outcomes.next())).collect()
            }
            // One answer to all of them.
            Outcome::Reply(_) | Outcome::Respond(_) => {
                let rest = std::iter::repeat_n(Outcome::Ack, count.saturating_sub(1));
                std::iter::once(outcome).chain(rest).collect()
            }
            outcome => vec![outcome; count],
        };
        let misfits = self
            .0
            .misfits
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (place, misfit) in misfits.iter() {
            if let Some(outcome) = outcomes.get_mut(*place) {
                *outcome = misfit.clone();
            }
        }
        outcomes
    }
}

/// What was not begun, since what it must not overtake failed.
pub(crate) fn unbegun() -> Outcome {
    Outcome::Retry {
        after: None,
        reason: UNBEGUN.into(),
        cause: None,
    }
}

/// What nobody said anything about comes again.
pub(crate) fn reported(outcome: Option<Outcome>) -> Outcome {
    outcome.unwrap_or_else(|| Outcome::Retry {
        after: None,
        reason: "the handler did not say what became of it".into(),
        cause: None,
    })
}

/// One delivery with all of them in it, whose circumstances are those of the first; nothing where there are none.
pub(crate) fn shared(deliveries: Vec<Delivery>, order: Order) -> Option<(Delivery, Shared)> {
    let Delivery { event, context } = deliveries.first().cloned()?;
    let shared = Shared::new(deliveries, order);
    let context = context.with_shared(shared.clone());
    Some((Delivery { event, context }, shared))
}

/// Calls a handler with several deliveries at once.
pub(crate) fn together(
    handler: &dyn Handler,
    deliveries: Vec<Delivery>,
    order: Order,
) -> BoxFuture<Vec<Outcome>> {
    let Some((delivery, shared)) = shared(deliveries, order) else {
        return Box::pin(async { Vec::new() });
    };
    let handling = handler.call(delivery, &());
    Box::pin(async move { shared.each(handling.await) })
}

/// The events that a trigger brings at once, each as an `A`: `Batch<Data<Order>>`, `Batch<Event>`. On a host that
/// brings them one by one it has one.
///
/// What does not fit `A` is rejected and not among them. Of what is, the handler says by [`Outcomes`] what became of
/// each; an event that it says nothing about comes again.
///
/// ```
/// use tradewind::{Batch, Data, Error, Outcomes};
///
/// #[tradewind::handler]
/// async fn load(batch: Batch<Data<u64>>) -> Outcomes {
///     let (entries, mut outcomes) = batch.split();
///     for entry in entries {
///         let result = match entry.value.0 {
///             0 => Err(Error::reject("nothing")),
///             _ => Ok(()),
///         };
///         outcomes.set(&entry, result);
///     }
///     outcomes
/// }
/// ```
///
/// A handler that returns `()`, an error or the like says that of all of them.
#[derive(Debug)]
pub struct Batch<A> {
    entries: Vec<Entry<A>>,
    outcomes: Outcomes,
}

/// One of a [`Batch`].
#[derive(Debug)]
pub struct Entry<A> {
    /// What the handler asked for.
    pub value: A,
    event: Event,
    context: Context,
    place: usize,
    batch: Arc<()>,
}

impl<A> Entry<A> {
    /// The event itself.
    pub fn event(&self) -> &Event {
        &self.event
    }
    /// Its own circumstances: delivery id, attempt.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

/// What became of each event of a [`Batch`].
#[derive(Debug)]
#[must_use = "what is not returned is not said: every event comes again"]
pub struct Outcomes {
    places: Vec<Option<Outcome>>,
    batch: Arc<()>,
}

impl Outcomes {
    /// Says what became of an entry, in the words of a handler of one event: `()`, a [`Reply`](crate::Reply), a
    /// `Result`. An entry of another batch is none of this one's, and nothing is said.
    pub fn set<A>(&mut self, entry: &Entry<A>, result: impl IntoOutcome) {
        if !Arc::ptr_eq(&self.batch, &entry.batch) {
            return;
        }
        if let Some(place) = self.places.get_mut(entry.place) {
            *place = Some(result.into_outcome(&entry.event, &entry.context));
        }
    }
}

impl<A> Batch<A> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// The entries in the order in which they came, and where to say what became of them.
    pub fn split(self) -> (Vec<Entry<A>>, Outcomes) {
        (self.entries, self.outcomes)
    }
    /// Handles one after the other, as a handler of one event would.
    pub async fn each<F, Fut>(self, mut handle: F) -> Outcomes
    where
        F: FnMut(A, Context) -> Fut,
        Fut: Future<Output: IntoOutcome>,
    {
        let Self {
            entries,
            mut outcomes,
        } = self;
        for entry in entries {
            let Entry {
                value,
                event,
                context,
                place,
                ..
            } = entry;
            let result = handle(value, context.clone()).await;
            outcomes.places[place] = Some(result.into_outcome(&event, &context));
        }
        outcomes
    }
}

impl<S, A: FromEvent<S>> FromEvent<S> for Batch<A> {
    const TAKES: Takes = Takes::Batch;

    fn from_event(delivery: &Delivery, state: &S) -> Result<Self, Error> {
        let batch = Arc::new(());
        let Some(shared) = delivery.context.shared() else {
            let entry = Entry {
                value: A::from_event(delivery, state)?,
                event: delivery.event.clone(),
                context: delivery.context.clone(),
                place: 0,
                batch: batch.clone(),
            };
            return Ok(Self {
                entries: vec![entry],
                outcomes: Outcomes {
                    places: vec![None],
                    batch,
                },
            });
        };
        let mut entries = Vec::new();
        for (place, delivery) in shared.deliveries().iter().enumerate() {
            let Delivery { event, context } = delivery.clone();
            match A::from_event(delivery, state) {
                Ok(value) => entries.push(Entry {
                    value,
                    event,
                    context,
                    place,
                    batch: batch.clone(),
                }),
                Err(error) => shared.misfit(place, error.into_outcome(&event, &context)),
            }
        }
        if entries.is_empty() {
            return Err(Error::reject("nothing of the batch fits the handler"));
        }
        let places = vec![None; shared.deliveries().len()];
        Ok(Self {
            entries,
            outcomes: Outcomes { places, batch },
        })
    }
}

impl IntoOutcome for Outcomes {
    const REPLIES: Replies = Replies::May;

    fn into_outcome(self, _: &Event, context: &Context) -> Outcome {
        let mut outcomes = self.places.into_iter().map(reported);
        match context.shared() {
            Some(_) => Outcome::Each(outcomes.collect()),
            // It came alone.
            None => reported(outcomes.next()),
        }
    }
}
