//! What a connection is doing, and how long it may go on with that.
//!
//! One lazy timer per connection reads this now and then, so that a request costs a few stores and
//! no timer of its own.

use super::Limits;
use super::socket::Peer;
use http::Version;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks at a connection that has a request under way.
const GLANCE: Duration = Duration::from_secs(1);
/// How long who sends nothing more is waited for while nothing moves: long enough for answers that
/// are made at once, short enough for those who have gone.
const FINISHED: Duration = Duration::from_secs(5);

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
    /// An answer of ours was made, and nothing of it is written yet.
    answered: AtomicBool,
    /// How often bytes came or went.
    moves: AtomicU32,
    /// Answers of which a piece was handed over and the next one not asked for yet, since when.
    untaken: Mutex<HashMap<u32, u64>>,
}

/// What the timer remembers from one look to the next, of a sender that has finished.
#[derive(Debug, Default)]
pub(super) struct Seen {
    moves: u32,
    still: Option<Instant>,
}

/// A request under way, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay {
    activity: Arc<Activity>,
    number: u32,
    /// A piece of its answer waits to be taken.
    waits: AtomicBool,
}

/// What the timer is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again at this moment.
    Wait(Instant),
    /// It has had its time.
    End,
    /// Nobody waits for its answers any more.
    Leave,
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
            answered: AtomicBool::new(false),
            moves: AtomicU32::new(0),
            untaken: Mutex::default(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    /// Bytes came or went.
    pub(super) fn moved(&self) {
        self.moves.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether what is written next begins an answer of ours; if not, hyper made it.
    pub(super) fn answers(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Requests so far.
    pub(super) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    /// The answer that was made is on its way.
    pub(super) fn wrote(&self) {
        self.answered.store(false, Ordering::Relaxed);
    }

    /// The moment of the next look that a request under way asks for.
    pub(super) fn glance(&self) -> Option<Instant> {
        let busy = self.under_way.load(Ordering::Relaxed) > 0;
        busy.then(|| Instant::now() + GLANCE)
    }

    fn untaken(&self) -> MutexGuard<'_, HashMap<u32, u64>> {
        self.untaken.lock().unwrap_or_else(PoisonError::into_inner)
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
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        self.multiplexed
            .store(version >= Version::HTTP_2, Ordering::Relaxed);
        let others = self.under_way.fetch_add(1, Ordering::Relaxed);
        let under_way = UnderWay {
            activity: self.clone(),
            number,
            waits: AtomicBool::new(false),
        };
        (under_way, others > 0)
    }

    /// Whether a request under way has somebody who waits for its answer.
    fn awaited(&self, limits: &Limits, peer: Peer, seen: &mut Seen) -> Verdict {
        let oldest = self.untaken().values().copied().min();
        let left = oldest.is_some_and(|since| {
            Duration::from_millis(self.now().saturating_sub(since)) >= limits.answer_timeout
        });
        if left || peer == Peer::Gone {
            return Verdict::Leave;
        }
        let moves = self.moves.load(Ordering::Relaxed);
        if peer == Peer::There || seen.moves != moves {
            *seen = Seen { moves, still: None };
        }
        let now = Instant::now();
        let still = *seen.still.get_or_insert(now);
        match peer == Peer::Finished && still + FINISHED <= now {
            true => Verdict::Leave,
            false => Verdict::Wait(now + GLANCE),
        }
    }

    /// Whether it may go on. One that is `stopping` has no time left beyond its requests.
    pub(super) fn verdict(
        &self,
        limits: &Limits,
        stopping: bool,
        peer: impl FnOnce() -> Peer,
        seen: &mut Seen,
    ) -> Verdict {
        let after = |ms: u64, period: Duration| self.began + Duration::from_millis(ms) + period;
        if self.under_way.load(Ordering::Relaxed) > 0 {
            return self.awaited(limits, peer(), seen);
        }
        *seen = Seen::default();
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

impl UnderWay {
    /// There is an answer to it.
    pub(super) fn answered(&self) {
        self.activity.answered.store(true, Ordering::Relaxed);
    }
    /// A piece of the answer is there to be sent.
    pub(super) fn handed_over(&self) {
        let activity = &self.activity;
        self.waits.store(true, Ordering::Relaxed);
        activity.untaken().insert(self.number, activity.now());
    }
    /// There is room for another piece.
    pub(super) fn asked_for_more(&self) {
        if self.waits.swap(false, Ordering::Relaxed) {
            self.activity.untaken().remove(&self.number);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.asked_for_more();
        let activity = &self.activity;
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
        lasts_before(Peer::There, activity, stopping).await
    }

    async fn lasts_before(peer: Peer, activity: &Activity, stopping: bool) -> u64 {
        let (from, mut seen) = (Instant::now(), Seen::default());
        while let Verdict::Wait(until) = activity.verdict(&limits(), stopping, || peer, &mut seen) {
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

    #[tokio::test(start_paused = true)]
    async fn whom_nobody_waits_for() {
        let begin = |activity: &Arc<Activity>| activity.begin(Version::HTTP_11).0;
        let activity = Activity::new();
        let request = begin(&activity);
        assert_eq!(lasts_before(Peer::Gone, &activity, false).await, 0);
        assert_eq!(lasts_before(Peer::Finished, &activity, false).await, 5);
        // An answer that nobody takes.
        request.handed_over();
        assert_eq!(lasts(&activity, false).await, 60);
        request.asked_for_more();
        assert!(lasts(&activity, false).await > 900);
        // One of many.
        let other = begin(&activity);
        other.handed_over();
        request.handed_over();
        drop(request);
        assert_eq!(lasts(&activity, false).await, 60);
        drop(other);
        assert!(activity.untaken().is_empty());
        // Who has finished, but still takes what comes.
        let _request = begin(&activity);
        let mut seen = Seen::default();
        for _ in 0..100 {
            activity.moved();
            let verdict = activity.verdict(&limits(), false, || Peer::Finished, &mut seen);
            assert_eq!(verdict, Verdict::Wait(Instant::now() + GLANCE));
            tokio::time::sleep(GLANCE).await;
        }
    }
}
