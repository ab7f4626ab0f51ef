//! What handlers can be wrapped in.

use crate::{BoxFuture, Declare, Delivery, Description, Error, Handler, IntoOutcome, Outcome};
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context as Waker, Poll};
use tower_layer::Layer;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What can be done with every handler that is ready to run.
pub trait HandlerExt: Handler + Sized {
    /// Says what is known of it beside its code.
    fn declare(self, declare: Declare) -> Declared<Self> {
        Declared {
            handler: self,
            declare,
        }
    }

    /// Puts a layer of [tower](https://docs.rs/tower) around it: timeouts, limits, logging, and whatever else is
    /// made for its `Service`. An error of the layer is one that is to be retried; one that says something else
    /// answers with an [`Outcome`].
    ///
    /// The deadline still holds, and an event that the layer keeps waiting is waited for.
    fn layer<L>(self, layer: L) -> Layered<L::Service>
    where
        L: Layer<HandlerService>,
        L::Service: Service<Delivery, Response = Outcome> + Clone + Send + Sync + 'static,
    {
        let handler: Arc<dyn Handler> = Arc::new(self);
        Layered {
            service: layer.layer(HandlerService(handler.clone())),
            handler,
        }
    }
}

impl<H: Handler> HandlerExt for H {}

/// A handler, and what is known of it. Made by [`HandlerExt::declare`].
#[derive(Debug, Clone)]
pub struct Declared<H> {
    handler: H,
    declare: Declare,
}

impl<H: Handler> Handler for Declared<H> {
    fn call(&self, delivery: Delivery, state: &()) -> BoxFuture<Outcome> {
        self.handler.call(delivery, state)
    }
    fn name(&self) -> &str {
        self.handler.name()
    }
    fn describe(&self) -> Vec<Description> {
        let all = self.handler.describe().into_iter();
        all.map(|one| self.declare.added_to(one)).collect()
    }
}

/// A handler as a `Service` of tower. It is always ready.
#[derive(Clone)]
pub struct HandlerService(Arc<dyn Handler>);

impl fmt::Debug for HandlerService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HandlerService")
            .field(&self.0.name())
            .finish()
    }
}

impl Service<Delivery> for HandlerService {
    type Response = Outcome;
    type Error = Infallible;
    type Future = BoxFuture<Result<Outcome, Infallible>>;

    fn poll_ready(&mut self, _: &mut Waker<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let handling = self.0.call(delivery, &());
        Box::pin(async move { Ok(handling.await) })
    }
}

/// A handler in a layer. Made by [`HandlerExt::layer`].
#[derive(Clone)]
pub struct Layered<S> {
    service: S,
    handler: Arc<dyn Handler>,
}

impl<S> fmt::Debug for Layered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Layered")
            .field(&self.handler.name())
            .finish()
    }
}

impl<S> Handler for Layered<S>
where
    S: Service<Delivery, Response = Outcome> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    fn call(&self, delivery: Delivery, _: &()) -> BoxFuture<Outcome> {
        let mut service = self.service.clone();
        Box::pin(async move {
            let Delivery { event, context } = delivery.clone();
            // The error itself need not be one that a thread may pass on.
            let ready = poll_fn(|cx| service.poll_ready(cx).map_err(Into::into)).await;
            let answered: Result<_, BoxError> = match ready {
                Ok(()) => service.call(delivery).await.map_err(Into::into),
                Err(error) => Err(error),
            };
            answered.unwrap_or_else(|error| {
                let error = Error::retry(None).caused_by(error);
                error.into_outcome(&event, &context)
            })
        })
    }
    fn name(&self) -> &str {
        self.handler.name()
    }
    fn describe(&self) -> Vec<Description> {
        self.handler.describe()
    }
}
