//! The stretch between a lane's durable cursor and its reader.

use std::collections::VecDeque;

/// Deliveries that only the log remembers, in order, with those settled or recorded among them.
#[derive(Debug, Default)]
pub(crate) struct Window {
    slots: VecDeque<Slot>,
    /// Slots by whether they are done.
    open: usize,
    done: usize,
    bytes: u64,
}

#[derive(Debug)]
struct Slot {
    offset: u64,
    bytes: u64,
    done: bool,
    /// The lane's count of filtered events before this one: what is counted at the cursor.
    filtered: u64,
}

impl Window {
    pub(crate) fn push(&mut self, offset: u64, bytes: u64, filtered: u64) {
        self.open += 1;
        self.bytes += bytes;
        self.slots.push_back(Slot {
            offset,
            bytes,
            done: false,
            filtered,
        });
    }

    /// One that was settled or recorded before a restart.
    pub(crate) fn push_done(&mut self, offset: u64, filtered: u64) {
        if !self.slots.is_empty() {
            self.done += 1;
            self.slots.push_back(Slot {
                offset,
                bytes: 0,
                done: true,
                filtered,
            });
        }
    }

    /// The delivery at `offset` is settled or recorded.
    pub(crate) fn finish(&mut self, offset: u64) {
        let Ok(at) = self.slots.binary_search_by_key(&offset, |s| s.offset) else {
            return;
        };
        let slot = &mut self.slots[at];
        if !slot.done {
            slot.done = true;
            self.open -= 1;
            self.done += 1;
            self.bytes -= slot.bytes;
        }
        while self.slots.pop_front_if(|s| s.done).is_some() {
            self.done -= 1;
        }
    }

    /// Deliveries that a crash would bring back.
    pub(crate) fn open(&self) -> usize {
        self.open
    }
    /// Length of the stretch, in deliveries.
    pub(crate) fn span(&self) -> usize {
        self.slots.len()
    }
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
    /// The oldest open one.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.slots.front().map(|s| s.offset)
    }
    /// The cursor, for a reader at `read`, and the count of filtered events at it.
    pub(crate) fn low(&self, read: u64, filtered: u64) -> (u64, u64) {
        self.slots
            .front()
            .map_or((read, filtered), |s| (s.offset, s.filtered))
    }
    /// Offsets above the cursor that need no second delivery.
    pub(crate) fn done(&self) -> Vec<u64> {
        self.slots
            .iter()
            .filter(|s| s.done)
            .map(|s| s.offset)
            // Most of what lies behind the last of them has not begun.
            .take(self.done)
            .collect()
    }
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn the_cursor_follows_the_oldest_open_delivery() {
        let mut w = Window::default();
        for (offset, filtered) in [(10, 0), (20, 1), (30, 1), (40, 4)] {
            w.push(offset, 1, filtered);
        }
        w.finish(30);
        assert_eq!((w.low(50, 5), w.done(), w.open()), ((10, 0), vec![30], 3));
        w.finish(10);
        assert_eq!((w.low(50, 5), w.done()), ((20, 1), vec![30]));
        w.finish(20);
        w.finish(20);
        assert_eq!((w.low(50, 5), w.done(), w.open()), ((40, 4), vec![], 1));
        w.push_done(45, 4);
        w.push(48, 1, 4);
        assert_eq!((w.done(), w.open()), (vec![45], 2));
        w.finish(48);
        assert_eq!((w.done(), w.open()), (vec![45, 48], 1));
        w.finish(40);
        assert_eq!((w.low(50, 5), w.done()), ((50, 5), vec![]));
        assert_eq!((w.open(), w.bytes()), (0, 0));
    }
}
