//! Every format that is data.

use crate::clue::Detector;
use crate::{Error, Mapping, Message, Spec, aws, azure, direct, google, saas};
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
        static DETECTOR: LazyLock<Detector> =
            LazyLock::new(|| Detector::new(ALL.iter().map(|format| format.spec.clues)));
        ALL.get(DETECTOR.find(message)?)
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

/// Some of the formats, in an order of their own.
#[derive(Debug)]
pub struct Among {
    formats: Vec<&'static Format>,
    detector: Detector,
}

impl Among {
    /// Those of these names; names that there are not are left out.
    pub fn of(names: &[&str]) -> Self {
        let named = names.iter().filter_map(|name| Format::named(name));
        let formats: Vec<&'static Format> = named.collect();
        let detector = Detector::new(formats.iter().map(|format| format.spec.clues));
        Self { formats, detector }
    }

    /// The formats.
    pub fn formats(&self) -> &[&'static Format] {
        &self.formats
    }

    /// The first that the body gives itself away as.
    pub fn detect(&self, message: &Message<'_>) -> Option<&'static Format> {
        self.formats.get(self.detector.find(message)?).copied()
    }
}
