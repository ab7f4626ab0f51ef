//! A Bloom filter in blocks of one cache line: one miss per question.

/// Bits per key: about one false answer in a hundred.
const BITS: usize = 10;
const PROBES: u32 = 6;
/// Words of a block.
const BLOCK: usize = 8;

/// A filter over ids that are uniform already, being keyed hashes.
#[derive(Debug)]
pub(super) struct Bloom(Vec<u64>);

impl Bloom {
    pub(super) fn new(keys: usize) -> Self {
        let blocks = (keys * BITS).div_ceil(BLOCK * 64).max(1);
        Self(vec![0; blocks * BLOCK])
    }

    /// Undoes [`Bloom::words`].
    pub(super) fn from_words(words: Vec<u64>) -> Option<Self> {
        (!words.is_empty() && words.len().is_multiple_of(BLOCK)).then_some(Self(words))
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.0
    }

    fn probes(&self, id: u128) -> impl Iterator<Item = (usize, u64)> + use<> {
        let blocks = (self.0.len() / BLOCK) as u128;
        let block = ((id >> 64) % blocks) as usize * BLOCK;
        let low = id as u64;
        (0..PROBES).map(move |probe| {
            let bit = (low >> (9 * probe)) as usize & (BLOCK * 64 - 1);
            (block + bit / 64, 1 << (bit % 64))
        })
    }

    pub(super) fn add(&mut self, id: u128) {
        for (word, bit) in self.probes(id) {
            self.0[word] |= bit;
        }
    }

    pub(super) fn may_hold(&self, id: u128) -> bool {
        self.probes(id).all(|(word, bit)| self.0[word] & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Bloom;

    #[test]
    fn holds_what_was_added_and_little_else() {
        let mut rng = fastrand::Rng::with_seed(7);
        let keys: Vec<u128> = (0..10_000).map(|_| rng.u128(..)).collect();
        let mut bloom = Bloom::new(keys.len());
        keys.iter().for_each(|key| bloom.add(*key));
        assert!(keys.iter().all(|key| bloom.may_hold(*key)));
        let wrong = (0..10_000).filter(|_| bloom.may_hold(rng.u128(..))).count();
        assert!(wrong < 400, "{wrong} of 10000 false answers");
    }
}
