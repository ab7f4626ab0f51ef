//! Write an event handler once, run it on any host.
