//! Bytes of requests held at once, over all requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a request that do not come out of the budget.
pub(crate) const FREE: usize = 8 << 10;

/// A shared allowance of bytes.
#[derive(Debug, Clone)]
pub struct Budget {
    left: Arc<AtomicUsize>,
}

/// Bytes taken from a [`Budget`]; given back when dropped.
#[derive(Debug)]
pub struct Share {
    left: Arc<AtomicUsize>,
    free: usize,
    taken: usize,
}

impl Budget {
    /// An allowance of `bytes`.
    pub fn new(bytes: usize) -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(bytes)),
        }
    }
    /// An empty share, to be grown as bytes arrive. The first `free` bytes do not come out of the
    /// allowance: what is small is let through while large and slow ones use it up.
    pub fn share(&self, free: usize) -> Share {
        Share {
            left: self.left.clone(),
            free,
            taken: 0,
        }
    }
}

impl Share {
    /// An empty share of the same allowance, which is given back on its own.
    pub(crate) fn beside(&self) -> Self {
        Self {
            left: self.left.clone(),
            free: 0,
            taken: 0,
        }
    }

    /// Takes `bytes` more; false when the budget has not as many.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let free = bytes.min(self.free);
        self.free -= free;
        let bytes = bytes - free;
        if bytes == 0 {
            return true;
        }
        let taken = self
            .left
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            })
            .is_ok();
        if taken {
            self.taken += bytes;
        }
        taken
    }
}

impl Default for Budget {
    /// 32 MiB.
    fn default() -> Self {
        Self::new(32 << 20)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.left.fetch_add(self.taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_can_be_taken_again() {
        let budget = Budget::new(10);
        let mut first = budget.share(5);
        assert!(first.grow(5), "the first bytes are free");
        assert!(first.grow(6));
        let mut second = budget.share(5);
        assert!(second.grow(4));
        assert!(!second.grow(6), "only 4 are left");
        assert!(second.grow(4));
        assert!(!second.grow(1));
        drop(first);
        assert!(second.grow(6));
        assert!(!second.grow(1));
    }
}
