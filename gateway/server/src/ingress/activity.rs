//! What a connection is doing, and how long it may go on with that.
//!
//! One lazy timer per connection reads this now and then, so that a request costs a few stores and
//! no timer of its own.

use super::Limits;
use http::Version;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// No moment.
const NEVER: u64 = u64::MAX;

/// Shared between a connection, its requests and its timer. Moments are milliseconds since it
/// began.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    under_way: AtomicU32,
    begun: AtomicU32,
    /// When the last request ended; the connection's begin before the first.
    idle: AtomicU64,
    /// When the first byte came after that.
    head: AtomicU64,
    multiplexed: AtomicBool,
}

/// A request under way, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

/// What the timer is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again at this moment.
    Wait(Instant),
    /// It has had its time.
    End,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            under_way: AtomicU32::new(0),
            begun: AtomicU32::new(0),
            idle: AtomicU64::new(0),
            head: AtomicU64::new(NEVER),
            multiplexed: AtomicBool::new(false),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    /// Bytes came. Tells whose head they belong to, by number; `None` while a request is under way,
    /// when they may be its body.
    pub(super) fn read(&self) -> Option<u32> {
        if self.under_way.load(Ordering::Relaxed) > 0 {
            return None;
        }
        if self.head.load(Ordering::Relaxed) == NEVER {
            self.head.store(self.now(), Ordering::Relaxed);
        }
        Some(self.begun.load(Ordering::Relaxed))
    }

    /// A head is complete; also tells whether another request is under way already.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> (UnderWay, bool) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.multiplexed
            .store(version >= Version::HTTP_2, Ordering::Relaxed);
        let others = self.under_way.fetch_add(1, Ordering::Relaxed);
        (UnderWay(self.clone()), others > 0)
    }

    /// Whether it may go on. One that is `stopping` has no time left beyond its requests.
    pub(super) fn verdict(&self, limits: &Limits, stopping: bool) -> Verdict {
        let after = |ms: u64, period: Duration| self.began + Duration::from_millis(ms) + period;
        if self.under_way.load(Ordering::Relaxed) > 0 {
            return Verdict::Wait(Instant::now() + limits.header_timeout);
        }
        if stopping {
            return Verdict::End;
        }
        let idle = self.idle.load(Ordering::Relaxed);
        let head = self.head.load(Ordering::Relaxed);
        let until = if self.begun.load(Ordering::Relaxed) == 0 {
            after(0, limits.header_timeout)
        } else if head == NEVER || self.multiplexed.load(Ordering::Relaxed) {
            // What comes between the requests of HTTP/2 may be pings.
            after(idle, limits.keep_alive)
        } else {
            after(head, limits.header_timeout)
        };
        if until <= Instant::now() {
            Verdict::End
        } else {
            // A head may begin right after this look.
            Verdict::Wait(until.min(Instant::now() + limits.header_timeout))
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let activity = &self.0;
        activity.idle.store(activity.now(), Ordering::Relaxed);
        activity.head.store(NEVER, Ordering::Relaxed);
        activity.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            ..Limits::default()
        }
    }

    /// Seconds until the end, looking whenever the timer would.
    async fn lasts(activity: &Activity, stopping: bool) -> u64 {
        let from = Instant::now();
        while let Verdict::Wait(until) = activity.verdict(&limits(), stopping) {
            if from.elapsed() > Duration::from_secs(1000) {
                break;
            }
            tokio::time::sleep_until(until).await;
        }
        from.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn how_long_connections_may_take() {
        // No request yet, whether or not a byte came.
        let activity = Activity::new();
        activity.read();
        assert_eq!(lasts(&activity, false).await, 10);
        // Idle after a request.
        let activity = Activity::new();
        drop(activity.begin(Version::HTTP_11));
        assert_eq!(lasts(&activity, false).await, 75);
        // A second head that does not end, however often bytes come.
        let activity = Activity::new();
        drop(activity.begin(Version::HTTP_11));
        tokio::time::sleep(Duration::from_secs(50)).await;
        activity.read();
        tokio::time::sleep(Duration::from_secs(5)).await;
        activity.read();
        assert_eq!(lasts(&activity, false).await, 5);
        // HTTP/2 that only pings.
        let activity = Activity::new();
        drop(activity.begin(Version::HTTP_2));
        activity.read();
        assert_eq!(lasts(&activity, false).await, 75);
        // A request has limits of its own.
        let activity = Activity::new();
        let (request, _) = activity.begin(Version::HTTP_11);
        activity.read();
        assert!(lasts(&activity, true).await > 900);
        drop(request);
        assert_eq!(lasts(&activity, true).await, 0);
    }
}
