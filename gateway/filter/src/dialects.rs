//! One module per dialect.

mod subscriptions;

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
    ]
}
