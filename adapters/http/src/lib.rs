//! CloudEvents over HTTP: source and sink, the reference adapter.
