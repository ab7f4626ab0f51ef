//! Standard Webhooks as a source.
