//! GitHub webhooks as a source.
