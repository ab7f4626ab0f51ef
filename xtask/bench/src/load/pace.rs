//! A fixed rate, kept by a kernel timer: the runtime's own has a grain of a millisecond, which is
//! as long as what is measured.

use super::moment;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::os::fd::OwnedFd;
use tokio::io::unix::AsyncFd;
use tokio::sync::Semaphore;

/// Shortest time between two looks at the clock.
const GRAIN_NS: f64 = 100_000.0;

/// When each event is to be sent.
pub(super) struct Pace {
    start: u64,
    gap_ns: f64,
}

impl Pace {
    pub(super) fn new(per_second: f64) -> Self {
        Self {
            start: moment(),
            gap_ns: 1e9 / per_second.max(1.0),
        }
    }

    pub(super) fn due(&self, number: u64) -> u64 {
        self.start + (number as f64 * self.gap_ns) as u64
    }

    /// Adds a permit for each event when it is due.
    pub(super) async fn release(&self, permits: &Semaphore, events: u64) -> std::io::Result<()> {
        let timer = AsyncFd::register(self.timer()?)?;
        let mut released = 0;
        while released < events {
            let passed = (moment() - self.start) as f64;
            let due = ((passed / self.gap_ns) as u64 + 1).min(events);
            permits.add_permits(usize::try_from(due - released).unwrap_or(usize::MAX));
            released = due;
            let mut ready = timer.readable().await?;
            // Expirations are counted by the clock above; reading only re-arms the readiness.
            ready
                .try_io(|fd| rustix::io::read(fd.get_ref(), &mut [0; 8]).map_err(Into::into))
                .ok();
        }
        Ok(())
    }

    fn timer(&self) -> std::io::Result<OwnedFd> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?;
        let every = Timespec {
            tv_sec: 0,
            tv_nsec: self.gap_ns.max(GRAIN_NS).min(9e8) as i64,
        };
        let spec = Itimerspec {
            it_interval: every,
            it_value: every,
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &spec)?;
        Ok(timer)
    }
}
