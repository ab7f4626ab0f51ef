//! Handlers and how functions become ones.

use crate::describe::{Replies, Takes};
use crate::{Delivery, Description, FromEvent, IntoOutcome, Outcome};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

/// A future on the heap.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What takes events. Made by [`#[handler]`](macro@crate::handler) or [`handler_fn`]; hosts want
/// one whose state, if it has any, has been given to it.
///
/// # Contract
/// - Deliveries run concurrently, and the same delivery may come again: see
///   [`Context::delivery_id`](crate::Context::delivery_id).
/// - The future may be dropped wherever it waits, when the deadline passes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler that is ready to run",
    note = "put `#[tradewind::handler]` on an async function, or use `tradewind::handler_fn`",
    note = "a handler with a `State<S>` argument needs `.with_state(state)`"
)]
pub trait Handler<S = ()>: Send + Sync + 'static {
    /// Handles one delivery.
    fn call(&self, delivery: Delivery, state: &S) -> BoxFuture<Outcome>;
    /// What it is called in logs and in the `source` of its replies.
    fn name(&self) -> &str {
        "handler"
    }
    /// What it says about itself: one entry, or one for each that it stands for.
    fn describe(&self) -> Vec<Description> {
        vec![Description::new(self.name())]
    }
}

/// One that several own.
impl Handler for Arc<dyn Handler> {
    fn call(&self, delivery: Delivery, state: &()) -> BoxFuture<Outcome> {
        self.as_ref().call(delivery, state)
    }
    fn name(&self) -> &str {
        self.as_ref().name()
    }
    fn describe(&self) -> Vec<Description> {
        self.as_ref().describe()
    }
}

/// A handler together with its state.
#[derive(Debug, Clone, Copy)]
pub struct WithState<H, S> {
    handler: H,
    state: S,
}

impl<H, S> WithState<H, S> {
    /// Gives `state` to `handler`.
    pub fn new(handler: H, state: S) -> Self {
        Self { handler, state }
    }
}

impl<H: Handler<S>, S: Send + Sync + 'static> Handler for WithState<H, S> {
    fn call(&self, delivery: Delivery, (): &()) -> BoxFuture<Outcome> {
        self.handler.call(delivery, &self.state)
    }
    fn name(&self) -> &str {
        self.handler.name()
    }
    fn describe(&self) -> Vec<Description> {
        self.handler.describe()
    }
}

/// A handler made of a function or closure by [`handler_fn`].
pub struct HandlerFn<F, Args> {
    function: F,
    args: PhantomData<fn(Args)>,
}

impl<F, Args> HandlerFn<F, Args> {
    /// Gives the handler its state.
    pub fn with_state<S>(self, state: S) -> WithState<Self, S> {
        WithState::new(self, state)
    }
}

impl<F, Args> std::fmt::Debug for HandlerFn<F, Args> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HandlerFn").finish_non_exhaustive()
    }
}

/// Makes a handler of an async function or closure of one to six arguments, without the attribute.
///
/// ```no_run
/// use tradewind::{Ack, Data, Error};
///
/// let hello = tradewind::handler_fn(|Data(name): Data<String>| async move {
///     eprintln!("hello {name}");
///     Ok::<_, Error>(Ack)
/// });
/// tradewind::run(hello)?;
/// # Ok::<_, tradewind::Failure>(())
/// ```
pub fn handler_fn<F, Args>(function: F) -> HandlerFn<F, Args> {
    HandlerFn {
        function,
        args: PhantomData,
    }
}

macro_rules! functions {
    ($(($($arg:ident),+))+) => {$(
        impl<S, F, Fut, $($arg),+> Handler<S> for HandlerFn<F, ($($arg,)+)>
        where
            F: Fn($($arg),+) -> Fut + Send + Sync + 'static,
            Fut: Future<Output: IntoOutcome> + Send + 'static,
            $($arg: FromEvent<S> + 'static,)+
        {
            fn call(&self, delivery: Delivery, state: &S) -> BoxFuture<Outcome> {
                let args = || Ok(($($arg::from_event(&delivery, state)?,)+));
                #[allow(non_snake_case)]
                let running = args().map(|($($arg,)+)| (self.function)($($arg),+));
                Box::pin(async move {
                    match running {
                        Ok(future) => future.await.into_outcome(&delivery.event, &delivery.context),
                        Err(error) => {
                            let error: crate::Error = error;
                            error.into_outcome(&delivery.event, &delivery.context)
                        }
                    }
                })
            }
            fn describe(&self) -> Vec<Description> {
                let takes: &[Takes] = &[$(<$arg as FromEvent<S>>::TAKES),+];
                let replies: Replies = <Fut::Output as IntoOutcome>::REPLIES;
                vec![Description::new("handler").by_types(takes, replies)]
            }
        }
    )+};
}

functions! {
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, G)
}
