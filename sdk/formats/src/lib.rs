//! Provider payloads to and from CloudEvents, pure functions.
