//! Ids for messages that have none.

/// An id that no other message has: one that comes again is another event.
pub fn unique() -> String {
    format!("{:032x}", fastrand::u128(..))
}
