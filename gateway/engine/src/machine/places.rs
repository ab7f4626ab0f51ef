//! Places for attempts that the lanes of one space share: each waits for its turn, so that none of them goes without.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// As many places as are asked for.
const ENDLESS: usize = usize::MAX;

/// The places of a space. A place is handed to the lane that has fewest of them, so that one whose attempts take long does
/// not end up with all; among equals to whoever has waited longest.
#[derive(Debug)]
pub(crate) struct Places {
    most: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// Of these, how many each seat has.
    by_seat: HashMap<u64, usize>,
    /// Handed to a lane that has not come for it yet.
    held: HashMap<u64, usize>,
    /// Lanes that want more, each once.
    waiting: VecDeque<(u64, Arc<Notify>)>,
    /// How many more each of these wants.
    wants: HashMap<u64, usize>,
    next_seat: u64,
}

impl Places {
    pub(crate) fn new(most: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            most: AtomicUsize::new(most.unwrap_or(ENDLESS)),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Acquire)
    }

    /// Puts another number in force. Attempts under way go on, also where they are too many now.
    pub(crate) fn update(&self, most: Option<usize>) {
        let mut state = self.state();
        self.most.store(most.unwrap_or(ENDLESS), Ordering::Release);
        state.hand_out(self.most());
    }

    /// Taken now. Those that began without a limit are not among them.
    pub(crate) fn taken(&self) -> usize {
        self.state().taken
    }

    /// Where one lane takes places; `bell` tells it that one is held for it.
    pub(crate) fn seat(self: &Arc<Self>, bell: Arc<Notify>) -> Seat {
        let mut state = self.state();
        state.next_seat += 1;
        Seat {
            number: state.next_seat,
            places: Arc::clone(self),
            bell,
        }
    }
}

impl State {
    fn free(&self, most: usize) -> usize {
        let held: usize = self.held.values().sum();
        most.saturating_sub(self.taken).saturating_sub(held)
    }

    fn join(&mut self, seat: u64, bell: &Arc<Notify>, want: usize) {
        if self.wants.insert(seat, want).is_none() {
            self.waiting.push_back((seat, Arc::clone(bell)));
        }
    }

    fn leave(&mut self, seat: u64) {
        if self.wants.remove(&seat).is_some() {
            self.waiting.retain(|(waits, _)| *waits != seat);
        }
    }

    /// Whose turn it is, in the line.
    fn next(&self) -> Option<usize> {
        let has = |seat: u64| {
            let of = |places: &HashMap<u64, usize>| places.get(&seat).copied().unwrap_or(0);
            of(&self.by_seat) + of(&self.held)
        };
        let line = self.waiting.iter().enumerate();
        line.min_by_key(|(_, (seat, _))| has(*seat))
            .map(|(at, _)| at)
    }

    fn hand_out(&mut self, most: usize) {
        while self.free(most) > 0
            && let Some(next) = self.next()
            && let Some((seat, bell)) = self.waiting.remove(next)
        {
            *self.held.entry(seat).or_default() += 1;
            bell.notify_one();
            let want = self.wants.remove(&seat).unwrap_or(0).saturating_sub(1);
            if want > 0 {
                // Behind all others now, whenever it comes for it.
                self.wants.insert(seat, want);
                self.waiting.push_back((seat, bell));
            }
        }
    }
}

/// One lane's claim on the places of its space.
#[derive(Debug)]
pub(crate) struct Seat {
    number: u64,
    places: Arc<Places>,
    bell: Arc<Notify>,
}

impl Seat {
    pub(crate) fn is_limited(&self) -> bool {
        self.places.most() != ENDLESS
    }

    /// Takes up to `want` places; for what is missing, the lane waits in line.
    pub(crate) fn take(&self, want: usize) -> usize {
        let most = self.places.most();
        let mut state = self.places.state();
        let held = state.held.remove(&self.number).unwrap_or(0);
        // Who waits goes before who comes.
        let open = match state.waiting.is_empty() {
            true => state.free(most).saturating_sub(held),
            false => 0,
        };
        let got = want.min(held.saturating_add(open));
        state.taken += got;
        if got > 0 {
            *state.by_seat.entry(self.number).or_default() += got;
        }
        match got == want {
            true => state.leave(self.number),
            false => state.join(self.number, &self.bell, want - got),
        }
        state.hand_out(most);
        got
    }

    /// The lane has nothing to do now: it gives up what is held for it, and its turn.
    pub(crate) fn pass(&self) {
        let most = self.places.most();
        let mut state = self.places.state();
        state.held.remove(&self.number);
        state.leave(self.number);
        state.hand_out(most);
    }

    /// Gives back places that were taken and not used.
    pub(crate) fn give_back(&self, places: usize) {
        give_back(&self.places, self.number, places);
    }

    /// One of the places that were taken, given back when it is dropped.
    pub(crate) fn place(&self) -> TakenPlace {
        TakenPlace {
            seat: self.number,
            places: Arc::clone(&self.places),
        }
    }

    /// Whether it is one of these places.
    pub(crate) fn is_in(&self, places: &Arc<Places>) -> bool {
        Arc::ptr_eq(&self.places, places)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let most = self.places.most();
        let mut state = self.places.state();
        state.held.remove(&self.number);
        state.leave(self.number);
        state.hand_out(most);
    }
}

/// A place for one attempt.
#[derive(Debug)]
pub(crate) struct TakenPlace {
    seat: u64,
    places: Arc<Places>,
}

impl Drop for TakenPlace {
    fn drop(&mut self) {
        give_back(&self.places, self.seat, 1);
    }
}

fn give_back(places: &Places, seat: u64, n: usize) {
    if n == 0 {
        return;
    }
    let most = places.most();
    let mut state = places.state();
    state.taken = state.taken.saturating_sub(n);
    if let Some(has) = state.by_seat.get_mut(&seat) {
        *has = has.saturating_sub(n);
        if *has == 0 {
            state.by_seat.remove(&seat);
        }
    }
    state.hand_out(most);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lanes that always want another place, in every order in which attempts may end.
    #[derive(Debug)]
    struct Crowd {
        places: Arc<Places>,
        seats: Vec<(Seat, Arc<Notify>)>,
        under_way: Vec<(usize, TakenPlace)>,
        served: Vec<usize>,
    }

    impl Crowd {
        fn new(most: usize, lanes: usize) -> Self {
            let places = Places::new(Some(most));
            let seat = |_| {
                let bell = Arc::new(Notify::new());
                (places.seat(Arc::clone(&bell)), bell)
            };
            Self {
                seats: (0..lanes).map(seat).collect(),
                under_way: Vec::new(),
                served: vec![0; lanes],
                places,
            }
        }

        fn launch(&mut self, lane: usize, want: usize) {
            let seat = &self.seats[lane].0;
            let got = seat.take(want);
            self.served[lane] += got;
            self.under_way
                .extend((0..got).map(|_| (lane, seat.place())));
        }
    }

    impl Crowd {
        fn has(&self, seat: u64) -> usize {
            let lanes = self.under_way.iter().map(|(lane, _)| *lane);
            lanes
                .filter(|lane| self.seats[*lane].0.number == seat)
                .count()
        }
    }

    #[test]
    fn who_never_ends_gets_its_part_and_no_more() {
        let mut crowd = Crowd::new(4, 2);
        crowd.launch(1, 100);
        for _ in 0..100 {
            crowd.launch(0, 100);
            crowd.launch(1, 100);
            let quick = crowd.under_way.iter().position(|(lane, _)| *lane == 1);
            drop(crowd.under_way.swap_remove(quick.unwrap()));
        }
        let endless = crowd.seats[0].0.number;
        assert_eq!(crowd.has(endless), 2);
    }

    proptest! {
        #[test]
        fn never_more_than_there_are_and_nobody_goes_without(
            most in 1usize..6,
            lanes in 2usize..7,
            ends in prop::collection::vec(any::<prop::sample::Index>(), 200),
            eager in any::<prop::sample::Index>(),
            backlogs: bool,
        ) {
            let mut crowd = Crowd::new(most, lanes);
            // One lane wants a hundred times what the others do, and is looked at first.
            let eager = eager.index(lanes);
            for end in &ends {
                crowd.launch(eager, 100);
                for lane in (0..lanes).filter(|lane| *lane != eager) {
                    crowd.launch(lane, if backlogs { 100 } else { 1 });
                }
                prop_assert_eq!(crowd.under_way.len(), most, "no place is idle while somebody waits");
                prop_assert!(crowd.places.taken() <= most);
                let ended = crowd.under_way.swap_remove(end.index(crowd.under_way.len()));
                let waiting: Vec<u64> = crowd.places.state().wants.keys().copied().collect();
                drop(ended);
                let fewest = waiting.iter().map(|seat| crowd.has(*seat)).min();
                let given: Vec<u64> = crowd.places.state().held.keys().copied().collect();
                for seat in given {
                    prop_assert_eq!(Some(crowd.has(seat)), fewest);
                }
            }
            // With one place, who asks again when an attempt has ended waits for one round of the others.
            let fair = match most {
                1 => (ends.len() - 1) / (lanes + usize::from(!backlogs)) - 1,
                _ => 1,
            };
            for (lane, served) in crowd.served.iter().enumerate() {
                prop_assert!(*served >= fair, "lane {} had {} of a fair {}", lane, served, fair);
            }
        }

        #[test]
        fn a_place_is_never_lost(
            most in 1usize..5,
            steps in prop::collection::vec((0usize..4, 0u8..5, 1usize..4), 1..120),
        ) {
            let mut crowd = Crowd::new(most, 4);
            for (lane, step, n) in steps {
                match step {
                    0 => crowd.launch(lane, n),
                    1 => crowd.seats[lane].0.pass(),
                    2 => drop(crowd.under_way.pop()),
                    3 => {
                        let bell = Arc::new(Notify::new());
                        crowd.seats[lane] = (crowd.places.seat(Arc::clone(&bell)), bell);
                    }
                    _ => {
                        let got = crowd.seats[lane].0.take(n);
                        crowd.seats[lane].0.give_back(got);
                    }
                }
                prop_assert!(crowd.places.taken() <= most);
            }
            crowd.under_way.clear();
            crowd.seats.truncate(1);
            crowd.seats[0].0.pass();
            prop_assert_eq!(crowd.seats[0].0.take(usize::MAX >> 1), most);
        }
    }

    #[test]
    fn a_lane_that_waits_is_told() {
        let places = Places::new(Some(1));
        let bells = [Arc::new(Notify::new()), Arc::new(Notify::new())];
        let seats = bells.clone().map(|bell| places.seat(bell));
        assert_eq!(seats[0].take(1), 1);
        let place = seats[0].place();
        assert_eq!(seats[1].take(1), 0);
        drop(place);
        let told = futures_util::FutureExt::now_or_never(bells[1].notified());
        assert!(told.is_some());
        assert_eq!(seats[0].take(1), 0, "it is held for the other");
        assert_eq!(seats[1].take(1), 1);
        places.update(Some(3));
        assert_eq!(seats[0].take(5), 2);
        places.update(None);
        assert!(!seats[0].is_limited());
    }
}
