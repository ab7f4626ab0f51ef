//! How many entries are asked for at once. The server can be told a number of entries only, and not a number of bytes.

use crate::entry::Entry;

/// Bytes that one answer should have at most. One entry is taken however large it is.
const BYTES: usize = 16 << 20;

#[derive(Debug)]
pub(crate) struct Portion(usize);

impl Default for Portion {
    /// Nothing is known of the sizes.
    fn default() -> Self {
        Self(1)
    }
}

impl Portion {
    /// Entries to ask for, where `max` are wanted.
    pub(crate) fn of(&self, max: usize) -> usize {
        self.0.min(max)
    }

    /// As many as fit if all are as large as the largest of these; growing by doubling.
    pub(crate) fn learn(&mut self, entries: &[Entry]) {
        if let Some(largest) = entries.iter().map(Entry::size).max() {
            let fit = (BYTES / largest.max(1)).max(1);
            self.0 = fit.min(self.0.saturating_mul(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(sizes: &[usize]) -> Vec<Entry> {
        let entry = |size: &usize| Entry {
            id: String::new(),
            fields: vec![("data".into(), vec![0; size - 4].into())],
        };
        sizes.iter().map(entry).collect()
    }

    #[test]
    fn as_many_are_asked_for_as_fit_by_what_was_seen_last() {
        let mut portion = Portion::default();
        for (sizes, most) in [
            (&[][..], 1),
            (&[10], 2),
            (&[10, 10], 4),
            (&[10], 8),
            (&[], 8),
            (&[10, 4 << 20, 10], 4),
            (&[10, 6 << 20], 2),
            (&[20 << 20], 1),
            (&[10], 2),
            (&[10], 4),
            (&[1 << 20], 8),
            (&[1 << 20], 16),
            (&[1 << 20], 16),
            (&[10], 32),
        ] {
            portion.learn(&entries(sizes));
            assert_eq!(portion.of(usize::MAX), most, "{sizes:?}");
        }
        assert_eq!(portion.of(7), 7);
        for _ in 0..100 {
            portion.learn(&entries(&[4]));
        }
        assert_eq!(portion.of(usize::MAX), BYTES / 4);
    }
}
