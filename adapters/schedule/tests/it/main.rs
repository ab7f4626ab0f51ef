//! Schedules: expressions, time zones, catching up.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod driver;
mod expressions;
mod zones;
