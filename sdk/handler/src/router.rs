//! Several handlers in one program.

use crate::batch::{Shared, together};
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
    fn renamed(&self, delivery: Delivery, handler: &dyn Handler) -> Delivery {
        let Delivery { event, context } = delivery;
        let ours = context.source().strip_prefix("/handlers/") == Some(self.name.as_str());
        let context = match ours {
            true => context.with_source(format!("/handlers/{}", handler.name())),
            // Somebody chose the source of all replies.
            false => context,
        };
        Delivery { event, context }
    }

    /// By the handler that was found for it.
    fn one(&self, delivery: Delivery, routed: Option<&Routed>) -> BoxFuture<Outcome> {
        match routed {
            Some(Routed { handler, .. }) => {
                let handler = handler.as_ref();
                handler.call(self.renamed(delivery, handler), &())
            }
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

    /// What came at once, handler by handler: each has its events in the order in which they came.
    fn many(&self, shared: &Shared) -> BoxFuture<Outcome> {
        let count = shared.deliveries().len();
        // The events of a handler, and of none.
        type Part<'a> = (Option<&'a Routed>, Vec<usize>);
        let mut parts: Vec<Part<'_>> = Vec::new();
        for (place, delivery) in shared.deliveries().iter().enumerate() {
            let routed = self.find(&delivery.event);
            let same = |known: Option<&Routed>| match (known, routed) {
                (Some(known), Some(routed)) => std::ptr::eq(known, routed),
                (None, None) => true,
                _ => false,
            };
            match parts.iter_mut().find(|(known, _)| same(*known)) {
                Some((_, places)) => places.push(place),
                None => parts.push((routed, vec![place])),
            }
        }
        let calls: Vec<_> = parts
            .into_iter()
            .map(|(routed, places)| {
                let deliveries = places
                    .iter()
                    .map(|place| shared.deliveries()[*place].clone());
                let outcomes: BoxFuture<Vec<Outcome>> = match routed {
                    Some(Routed {
                        handler,
                        batches: true,
                    }) => {
                        let handler = handler.as_ref();
                        let renamed = |delivery| self.renamed(delivery, handler);
                        together(handler, deliveries.map(renamed).collect())
                    }
                    _ => {
                        let calls: Vec<_> = deliveries
                            .map(|delivery| self.one(delivery, routed))
                            .collect();
                        Box::pin(async move {
                            let mut outcomes = Vec::with_capacity(calls.len());
                            for call in calls {
                                outcomes.push(call.await);
                            }
                            outcomes
                        })
                    }
                };
                (places, outcomes)
            })
            .collect();
        Box::pin(async move {
            let mut all: Vec<Option<Outcome>> = vec![None; count];
            for (places, outcomes) in calls {
                for (place, outcome) in places.into_iter().zip(outcomes.await) {
                    all[place] = Some(outcome);
                }
            }
            Outcome::Each(all.into_iter().map(crate::batch::reported).collect())
        })
    }
}

impl Handler for Router {
    fn call(&self, delivery: Delivery, _: &()) -> BoxFuture<Outcome> {
        match delivery.context.shared() {
            Some(shared) => self.many(&shared.clone()),
            None => {
                let routed = self.find(&delivery.event);
                self.one(delivery, routed)
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
