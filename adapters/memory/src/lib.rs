//! In-memory source and sink for tests and development.
