//! Where an event's attributes lie in its buffers.

use super::{Attribute, Core, Data, TextType};
use bytestring::ByteString;

/// A stretch of text in the envelope or, with the top bit of `start` set, in the side buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Span {
    /// An absent value.
    pub(crate) const NONE: Span = Span {
        start: u32::MAX,
        len: 0,
    };
    /// Marks a span of the side buffer.
    pub(crate) const SIDE: u32 = 1 << 31;
    /// Buffers end below this, so that every offset fits beside the mark.
    pub(crate) const LIMIT: usize = (1 << 31) - 1;

    /// Offsets are below [`Span::LIMIT`]: every writer checks its buffer first.
    pub(crate) fn envelope(start: usize, end: usize) -> Span {
        Span {
            start: start as u32,
            len: (end - start) as u32,
        }
    }
    pub(crate) fn side(start: usize, end: usize) -> Span {
        Span {
            start: start as u32 | Span::SIDE,
            len: (end - start) as u32,
        }
    }
    pub(crate) fn is_some(self) -> bool {
        self != Span::NONE
    }
}

/// The value of an extension attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Boolean(bool),
    Integer(i32),
    Text(TextType, Span),
}

/// An extension attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extension {
    pub(crate) name: Span,
    pub(crate) value: Slot,
}

/// What all clones and overlays of an event share.
#[derive(Debug)]
pub(crate) struct Base {
    /// The JSON document as it arrived, or the texts of all attributes one after the other.
    pub(crate) envelope: ByteString,
    /// Texts that do not appear in the envelope as they are: unescaped JSON strings.
    pub(crate) side: String,
    pub(crate) core: [Span; 7],
    pub(crate) extensions: Vec<Extension>,
    pub(crate) data: Option<Data>,
    /// The envelope is a JSON document that may be sent again as it is.
    pub(crate) is_json: bool,
    /// Where `data` lies in the envelope, if it does.
    pub(crate) data_span: Option<Span>,
    /// `data` is JSON that was found to be well-formed.
    pub(crate) well_formed: bool,
}

impl Base {
    pub(crate) fn text(&self, span: Span) -> Option<&str> {
        let (buffer, start): (&str, u32) = if span.start & Span::SIDE == 0 {
            (&self.envelope, span.start)
        } else {
            (&self.side, span.start & !Span::SIDE)
        };
        buffer.get(start as usize..start as usize + span.len as usize)
    }

    pub(crate) fn core(&self, core: Core) -> Option<&str> {
        self.text(self.core[core as usize])
    }

    pub(crate) fn extensions(&self) -> impl Iterator<Item = (&str, Attribute<'_>)> {
        let named = |extension: &Extension| {
            Some((self.text(extension.name)?, self.value(extension.value)?))
        };
        self.extensions.iter().filter_map(named)
    }

    pub(crate) fn extension(&self, name: &str) -> Option<Attribute<'_>> {
        // Most names differ by their length.
        let is = |extension: &&Extension| {
            extension.name.len as usize == name.len() && self.text(extension.name) == Some(name)
        };
        self.value(self.extensions.iter().find(is)?.value)
    }

    fn value(&self, slot: Slot) -> Option<Attribute<'_>> {
        Some(match slot {
            Slot::Boolean(b) => Attribute::Boolean(b),
            Slot::Integer(n) => Attribute::Integer(n),
            Slot::Text(ty, span) => Attribute::text(ty, self.text(span)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_absent_span_has_no_text() {
        let base = Base {
            envelope: "abc".into(),
            side: "d".into(),
            core: [Span::NONE; 7],
            extensions: Vec::new(),
            data: None,
            is_json: false,
            data_span: None,
            well_formed: false,
        };
        assert_eq!(base.text(Span::NONE), None);
        assert_eq!(base.text(Span::envelope(1, 3)), Some("bc"));
        assert_eq!(base.text(Span::side(0, 1)), Some("d"));
        assert_eq!(base.text(Span::side(0, 2)), None);
    }
}
