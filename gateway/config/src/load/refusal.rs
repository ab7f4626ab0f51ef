//! Definitions that do not compile: where in the file what is wrong with them stands.

use crate::diagnostic::{Diagnostic, Severity};
use crate::document::{Document, Spot, dotted};
use crate::phrase;

/// Why a definition was refused.
pub(super) struct Refusal<'r> {
    pub(super) code: &'static str,
    /// Pointer to the offending part.
    pub(super) place: String,
    /// What is marked there, where it is all of it.
    pub(super) spot: Spot,
    /// Where in the text at the place, in bytes.
    pub(super) offset: Option<usize>,
    pub(super) reason: &'r str,
    pub(super) hint: Option<String>,
}

impl Refusal<'_> {
    pub(super) fn locate(self, document: &Document) -> Diagnostic {
        let place = &self.place;
        let phrase = phrase::of(self.reason, &[]);
        let inside = self
            .offset
            .and_then(|offset| document.within(place, offset));
        let found = match inside {
            Some(span) => {
                let message = document.veil(place, phrase.message);
                let found = document.locate(span, Severity::Error, self.code, message);
                Diagnostic {
                    path: dotted(place),
                    ..found
                }
            }
            None => document.error(place, self.spot, self.code, phrase.message),
        };
        match self.hint.or(phrase.hint) {
            Some(hint) => found.hint(document.veil(place, hint)),
            None => found,
        }
    }
}
