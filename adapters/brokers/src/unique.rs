//! Ids for messages that have none.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// An id that no other message has: one that comes again is another event.
pub fn unique() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    format!("{now}-{}-{number}", std::process::id())
}
