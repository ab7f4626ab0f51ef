//! A binary without traces.

use super::Asked;
use crate::admin::Metrics;
use std::sync::Arc;
use tradewind_adapter::{Sink, TraceContext};

/// There is none.
#[derive(Debug)]
pub enum Telemetry {}

/// There is none.
#[derive(Debug)]
pub enum Span {}

impl Telemetry {
    /// None; an environment that asks for traces is told.
    ///
    /// # Errors
    /// Never.
    pub fn from_env(_: &Arc<Metrics>) -> Result<Option<Arc<Self>>, String> {
        if super::wanted(|name| std::env::var(name).ok()) {
            tracing::warn!(
                "OTEL_* asks for traces, and this binary was built without the feature `otel`"
            );
        }
        Ok(None)
    }
    /// Never called.
    pub fn request(&self, _: Asked<'_>) -> Span {
        match *self {}
    }
    /// Never called.
    pub fn sink(self: &Arc<Self>, _: Arc<dyn Sink>) -> Arc<dyn Sink> {
        match **self {}
    }
    /// Never called.
    pub async fn shut_down(&self) {
        match *self {}
    }
}

impl Span {
    /// Never called.
    pub fn context(&self) -> Option<TraceContext> {
        match *self {}
    }
    /// Never called.
    pub fn end(self, _: u16) {
        match self {}
    }
}
