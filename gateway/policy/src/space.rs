//! What belongs to which space.

use std::collections::HashMap;

/// Spaces of streams, subscriptions, routes, sources and API keys, by their names. What is not in it belongs to none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Belongings(HashMap<(&'static str, String), String>);

impl Belongings {
    /// Enters one: its type as policies write it, `Stream`, its name and its space.
    pub fn insert(&mut self, kind: &'static str, name: &str, space: &str) {
        self.0.insert((kind, name.to_owned()), space.to_owned());
    }

    pub(crate) fn of(&self, kind: &'static str, name: &str) -> Option<&str> {
        self.0.get(&(kind, name.to_owned())).map(String::as_str)
    }
}
