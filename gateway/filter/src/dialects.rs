//! One module per dialect.

mod event_bridge;
mod event_grid;
mod eventarc;
mod knative;
mod pub_sub;
pub(crate) mod render;
mod subscriptions;
mod text;

use crate::Dialect;
use std::sync::Arc;

/// Every dialect, in the order in which messages name them.
pub(crate) fn all() -> Vec<Arc<dyn Dialect>> {
    use subscriptions::{Compare, Join};
    vec![
        Arc::new(Compare::EXACT),
        Arc::new(Compare::PREFIX),
        Arc::new(Compare::SUFFIX),
        Arc::new(Join::All),
        Arc::new(Join::Any),
        Arc::new(Join::Not),
        Arc::new(crate::cesql::Sql::default()),
        Arc::new(event_bridge::EventBridge),
        Arc::new(event_grid::EventGrid),
        Arc::new(eventarc::Eventarc),
        Arc::new(pub_sub::PubSub),
        Arc::new(knative::Knative),
        Arc::new(crate::cel::Cel),
    ]
}
