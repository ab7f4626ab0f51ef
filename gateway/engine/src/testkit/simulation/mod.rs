//! A whole stream under random trouble, seed by seed: engine and store together on a simulated disk,
//! clock and sinks.
//!
//! A schedule publishes, reloads, operates, breaks and restarts; then all is well again, everything
//! comes to rest, and an oracle beside it checks what must hold: nothing acknowledged is lost
//! (I1), nothing is invented or altered (I2), first deliveries of a key come in order (I3), what was
//! not acknowledged is there whole or not at all (I4), accounts balance (I5), and what is delivered
//! again was under way in a crash or failed (I6). Of groups: no key is at two members at once (I7), an event stays with
//! its member (I8). Of shadows: nobody has to look after them (I9).

mod check;
mod ground;
mod model;
mod operate;
mod publish;
mod settle;
mod world;

pub use ground::On;

use super::in_simulated_time;
use std::cell::RefCell;
use std::ops::AddAssign;
use world::World;

/// What a schedule went through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Schedules.
    pub schedules: u64,
    /// Events that were acknowledged.
    pub acknowledged: u64,
    /// Deliveries that sinks were given.
    pub deliveries: u64,
    /// Of these, first attempts at something that the sink had accepted before.
    pub repeated: u64,
    /// Starts of the engine.
    pub starts: u64,
    /// Moves from one store to another.
    pub moves: u64,
    /// Digest of all that was delivered, when and how often: equal for equal seeds.
    pub digest: u64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.acknowledged += other.acknowledged;
        self.deliveries += other.deliveries;
        self.repeated += other.repeated;
        self.starts += other.starts;
        self.moves += other.moves;
        self.digest ^= other.digest;
    }
}

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Lets panics be found, and keeps those that a scripted sink was told to make from the output.
pub fn watch_panics() {
    std::panic::set_hook(Box::new(|info| {
        if info.payload().downcast_ref::<&str>() != Some(&"scripted") {
            eprintln!("{info}");
            PANICS.with_borrow_mut(|panics| panics.push(info.to_string()));
        }
    }));
}

/// Runs the schedule of a seed; an error tells the broken promise. With `told`, each step is given
/// to it.
///
/// # Errors
/// What does not hold.
pub fn simulate(seed: u64, on: On, told: Option<fn(&str)>) -> Result<Figures, String> {
    PANICS.take();
    let outcome = in_simulated_time(async { World::new(seed, on, told).run().await });
    match PANICS.take().first() {
        Some(panic) => Err(panic.clone()),
        None => outcome,
    }
}
