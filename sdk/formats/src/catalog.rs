//! Every format that is data.

use crate::{Clue, Error, Mapping, Message, Spec, aws, azure, clue, direct, google, saas};
use std::sync::LazyLock;
use tradewind_event::Event;

/// A format with its templates read.
#[derive(Debug)]
pub struct Format {
    /// As it is written down.
    pub spec: &'static Spec<'static>,
    mapping: Mapping,
}

static ALL: LazyLock<Vec<Format>> = LazyLock::new(|| {
    // What headers tell comes first, then the specific before the general.
    let specs = saas::BY_HEADER
        .iter()
        .chain(&[direct::SPECS])
        .chain(google::BY_HEADER)
        .chain(aws::SPECS)
        .chain(azure::SPECS)
        .chain(google::SPECS)
        .chain(saas::SPECS)
        .copied()
        .flatten();
    // A test holds that none is malformed.
    specs
        .filter_map(|spec| {
            Some(Format {
                spec,
                mapping: Mapping::new(spec).ok()?,
            })
        })
        .collect()
});

impl Format {
    /// All, in the order in which they are looked for.
    pub fn all() -> &'static [Format] {
        &ALL
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Format> {
        ALL.iter().find(|format| format.spec.name == name)
    }

    /// The one that the body gives itself away as.
    pub fn detect(message: &Message<'_>) -> Option<&'static Format> {
        clue::first(message, &ALL, |format| -> &'static [Clue<'static>] {
            format.spec.clues
        })
    }

    /// The first of these that the body gives itself away as.
    pub fn detect_among(
        message: &Message<'_>,
        among: &[&'static Format],
    ) -> Option<&'static Format> {
        let clues = |format: &&'static Format| format.spec.clues;
        clue::first(message, among, clues).copied()
    }

    /// The events in one body.
    ///
    /// # Errors
    /// As [`Mapping::decode`].
    pub fn decode(&self, message: &Message<'_>) -> Result<Vec<Event>, Error> {
        match self.spec.by {
            Some(by) => by(message),
            None => self.mapping.decode(message),
        }
    }
}
