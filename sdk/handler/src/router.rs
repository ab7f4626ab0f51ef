//! Several handlers in one program.

use crate::batch::{Order, Shared, together, unbegun};
use crate::describe::Takes;
use crate::{BoxFuture, Delivery, Description, Event, Handler, Outcome};
use std::fmt;
use std::sync::Arc;

/// A name, or the beginning of one and `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern(String);

impl Pattern {
    fn fits(&self, text: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => text.starts_with(prefix),
            None => text == self.0,
        }
    }
}

/// Which events a handler is given. What is not said about does not matter.
///
/// ```
/// use tradewind::On;
///
/// On::types(["shop.order.placed", "shop.refund.*"]).from_source("/shop/*");
/// On::source("/warehouse").when(|event| event.subject().is_some());
/// ```
#[derive(Clone, Default)]
pub struct On {
    types: Vec<Pattern>,
    sources: Vec<Pattern>,
    filter: Option<Filter>,
}

type Filter = Arc<dyn Fn(&Event) -> bool + Send + Sync>;

impl On {
    /// Events of one of these types; `*` at the end of one stands for anything.
    pub fn types<T: Into<String>>(types: impl IntoIterator<Item = T>) -> Self {
        Self {
            types: types.into_iter().map(|ty| Pattern(ty.into())).collect(),
            ..Self::default()
        }
    }
    /// Events from this source; `*` at the end stands for anything.
    pub fn source(source: impl Into<String>) -> Self {
        Self::default().from_source(source)
    }
    /// And from this source, or one of those said before.
    #[must_use]
    pub fn from_source(mut self, source: impl Into<String>) -> Self {
        self.sources.push(Pattern(source.into()));
        self
    }
    /// And of which this holds. It is asked once for each event, and must always say the same.
    #[must_use]
    pub fn when(mut self, filter: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Arc::new(filter));
        self
    }

    fn fits(&self, event: &Event) -> bool {
        let any = |patterns: &[Pattern], text: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| pattern.fits(text))
        };
        any(&self.types, event.ty())
            && any(&self.sources, event.source())
            && self.filter.as_ref().is_none_or(|filter| filter(event))
    }
}

impl fmt::Debug for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("On")
            .field("types", &self.types)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

/// A type, as a pattern.
impl From<&str> for On {
    fn from(ty: &str) -> Self {
        On::types([ty])
    }
}

/// Several handlers as one: each event goes to the first that it is for.
///
/// ```no_run
/// use tradewind::{Event, Router};
///
/// #[tradewind::handler]
/// async fn placed(order: Event) {}
/// #[tradewind::handler]
/// async fn refunded(refund: Event) {}
///
/// fn main() -> tradewind::Exit {
///     tradewind::run(
///         Router::new("shop")
///             .on("shop.order.placed", placed)
///             .on("shop.refund.*", refunded),
///     )
/// }
/// ```
///
/// An event that is for none is rejected, with a reason that names its type: a dead letter rather than a silent loss.
/// [`Router::otherwise`] takes what is left.
///
/// Replies have the `source` of the handler that gave them, as if it ran alone.
pub struct Router {
    name: String,
    routes: Vec<(On, Routed)>,
    otherwise: Option<Routed>,
}

/// One of the handlers.
#[derive(Clone)]
struct Routed {
    handler: Arc<dyn Handler>,
    /// Whether it takes several events by one call.
    batches: bool,
}

impl Routed {
    fn new(handler: impl Handler) -> Self {
        let described = handler.describe();
        Self {
            batches: described.iter().any(|one| one.takes == Takes::Batch),
            handler: Arc::new(handler),
        }
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Router {
    /// Without handlers; the name is for logs.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            routes: Vec::new(),
            otherwise: None,
        }
    }

    /// Gives these events to this handler, unless one before it takes them.
    #[must_use]
    pub fn on(mut self, events: impl Into<On>, handler: impl Handler) -> Self {
        self.routes.push((events.into(), Routed::new(handler)));
        self
    }

    /// Gives what is left to this handler.
    #[must_use]
    pub fn otherwise(mut self, handler: impl Handler) -> Self {
        self.otherwise = Some(Routed::new(handler));
        self
    }

    fn find(&self, event: &Event) -> Option<&Routed> {
        let found = self.routes.iter().find(|(on, _)| on.fits(event));
        found.map(|(_, routed)| routed).or(self.otherwise.as_ref())
    }

    /// As the handler would be called alone.
    fn renamed(&self, delivery: Delivery, routed: Option<&Routed>) -> Delivery {
        let Some(Routed { handler, .. }) = routed else {
            return delivery;
        };
        let Delivery { event, context } = delivery;
        let ours = context.source().strip_prefix("/handlers/") == Some(self.name.as_str());
        let context = match ours {
            true => context.with_source(format!("/handlers/{}", handler.name())),
            // Somebody chose the source of all replies.
            false => context,
        };
        Delivery { event, context }
    }

    /// What came at once, handler by handler: each has its events in the order in which they came. Where that order
    /// is to be kept, a handler has what comes before another's turn, and nobody has what follows a failure.
    fn many(&self, shared: &Shared) -> BoxFuture<Outcome> {
        let order = shared.order();
        let mut parts: Vec<Part> = Vec::new();
        for (place, delivery) in shared.deliveries().iter().enumerate() {
            let routed = self.find(&delivery.event);
            let delivery = self.renamed(delivery.clone(), routed);
            let known = match order {
                Order::Free => parts.iter_mut().find(|part| part.is_of(routed)),
                _ => parts.last_mut().filter(|part| part.is_of(routed)),
            };
            match known {
                Some(part) => part.deliveries.push((place, delivery)),
                None => parts.push(Part {
                    routed: routed.cloned(),
                    deliveries: vec![(place, delivery)],
                }),
            }
        }
        let mut all: Vec<Option<Outcome>> = vec![None; shared.deliveries().len()];
        Box::pin(async move {
            let mut stopped = false;
            for part in parts {
                for (place, outcome) in part.handled(order, stopped).await {
                    stopped |= order.stops_after(&outcome);
                    all[place] = Some(outcome);
                }
            }
            Outcome::Each(all.into_iter().map(crate::batch::reported).collect())
        })
    }
}

/// The events of a handler, or of none, by their places.
struct Part {
    routed: Option<Routed>,
    deliveries: Vec<(usize, Delivery)>,
}

impl Part {
    fn is_of(&self, routed: Option<&Routed>) -> bool {
        match (&self.routed, routed) {
            (Some(known), Some(routed)) => Arc::ptr_eq(&known.handler, &routed.handler),
            (None, None) => true,
            _ => false,
        }
    }

    async fn handled(self, order: Order, mut stopped: bool) -> Vec<(usize, Outcome)> {
        let Self { routed, deliveries } = self;
        match routed {
            Some(Routed {
                handler,
                batches: true,
            }) if !stopped => {
                let (places, deliveries): (Vec<_>, Vec<_>) = deliveries.into_iter().unzip();
                let outcomes = together(handler.as_ref(), deliveries, order).await;
                places.into_iter().zip(outcomes).collect()
            }
            routed => {
                let mut outcomes = Vec::with_capacity(deliveries.len());
                for (place, delivery) in deliveries {
                    let outcome = match stopped {
                        true => unbegun(),
                        false => one(delivery, routed.as_ref()).await,
                    };
                    stopped |= order.stops_after(&outcome);
                    outcomes.push((place, outcome));
                }
                outcomes
            }
        }
    }
}

/// By the handler that was found for it.
fn one(delivery: Delivery, routed: Option<&Routed>) -> BoxFuture<Outcome> {
    match routed {
        Some(Routed { handler, .. }) => handler.call(delivery, &()),
        None => {
            let reason = format!("no handler takes events of type {}", delivery.event.ty());
            Box::pin(async {
                Outcome::Reject {
                    reason,
                    cause: None,
                }
            })
        }
    }
}

impl Handler for Router {
    fn call(&self, delivery: Delivery, _: &()) -> BoxFuture<Outcome> {
        match delivery.context.shared() {
            Some(shared) => self.many(&shared.clone()),
            None => {
                let routed = self.find(&delivery.event);
                one(self.renamed(delivery, routed), routed)
            }
        }
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn describe(&self) -> Vec<Description> {
        let texts = |patterns: &[Pattern]| patterns.iter().map(|p| p.0.clone()).collect::<Vec<_>>();
        let routed = self.routes.iter().flat_map(|(on, routed)| {
            routed.handler.describe().into_iter().map(|mut one| {
                // A router within narrows what this one lets through.
                if one.types.is_empty() {
                    one.types = texts(&on.types);
                }
                if one.sources.is_empty() {
                    one.sources = texts(&on.sources);
                }
                one
            })
        });
        let rest = self.otherwise.iter();
        let rest = rest.flat_map(|routed| routed.handler.describe());
        routed.chain(rest).collect()
    }
}
