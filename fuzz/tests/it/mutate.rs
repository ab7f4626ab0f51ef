//! Mutations as libFuzzer makes them, from a seed.

use proptest::prelude::*;
use proptest::sample::Index;
use tradewind_fuzz::Target;

#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Remove(Index, Index),
    Repeat(Index, Index, usize),
    Insert(Index, Vec<u8>),
    Splice(Index, Index, Index),
}

fn change(words: &'static [&'static str]) -> impl Strategy<Value = Change> {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let word = match words.is_empty() {
        true => any::<Vec<u8>>().boxed(),
        false => prop::sample::select(words).boxed(),
    };
    prop_oneof![
        any::<(Index, u8)>().prop_map(|(at, with)| Change::Flip(at, with)),
        any::<(Index, Index)>().prop_map(|(from, to)| Change::Remove(from, to)),
        (any::<Index>(), any::<Index>(), 2..9usize)
            .prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        (any::<Index>(), word).prop_map(|(at, what)| Change::Insert(at, what)),
        any::<(Index, Index, Index)>()
            .prop_map(|(which, from, to)| Change::Splice(which, from, to)),
    ]
}

/// Inputs near those of the corpus.
pub(crate) fn mutated(corpus: Vec<Vec<u8>>, target: &Target) -> impl Strategy<Value = Vec<u8>> {
    let longest = target.longest;
    let changes = prop::collection::vec(change(target.words), 1..6);
    (any::<Index>(), changes).prop_map(move |(which, changes)| {
        let mut input = which.get(&corpus).clone();
        for change in &changes {
            apply(&mut input, change, &corpus);
            input.truncate(longest);
        }
        input
    })
}

fn apply(input: &mut Vec<u8>, change: &Change, corpus: &[Vec<u8>]) {
    let at = |index: &Index| index.index(input.len() + 1);
    let range = |from: &Index, to: &Index| at(from).min(at(to))..at(from).max(at(to));
    match change {
        Change::Flip(place, with) => {
            let place = at(place);
            if let Some(byte) = input.get_mut(place) {
                *byte = *with;
            }
        }
        Change::Remove(from, to) => drop(input.drain(range(from, to))),
        Change::Repeat(from, to, times) => {
            let range = range(from, to);
            let part = input[range.clone()].repeat(*times);
            input.splice(range, part);
        }
        Change::Insert(place, what) => {
            let place = at(place);
            input.splice(place..place, what.iter().copied());
        }
        Change::Splice(which, from, to) => {
            let range = range(from, to);
            let other = which.get(corpus);
            let part = &other[..range.len().min(other.len())];
            input.splice(range, part.iter().copied());
        }
    }
}
