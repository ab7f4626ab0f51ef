//! What each of 64 bytes of JSON text is, one bit for each.

use super::blocks::Block;
use wide::u8x16;

/// The first byte's bit is the lowest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Classes {
    pub(super) quotes: u64,
    pub(super) backslashes: u64,
    /// Control characters, line breaks and tabs among them.
    pub(super) controls: u64,
    /// `{` and `[`.
    pub(super) opens: u64,
    /// `}` and `]`.
    pub(super) closes: u64,
    /// Tells braces from brackets.
    pub(super) braces: u64,
    pub(super) commas: u64,
    pub(super) colons: u64,
    pub(super) digits: u64,
    pub(super) zeros: u64,
    pub(super) minuses: u64,
    pub(super) dots: u64,
}

impl Classes {
    /// The eight bits of all bytes are taken apart once; what follows is arithmetic on 64 bytes at a time.
    #[inline(always)]
    pub(super) fn of(block: &Block) -> Self {
        let mut bits = [0u64; 8];
        let (parts, _) = block.as_chunks::<16>();
        for part in parts.iter().rev() {
            let mut part = u8x16::new(*part);
            for plane in bits.iter_mut().rev() {
                *plane = *plane << 16 | u64::from(part.to_bitmask());
                part = part + part;
            }
        }
        let [b0, b1, b2, b3, b4, b5, b6, b7] = bits;
        let signs = !(b7 | b6 | b4) & b5;
        let numerals = !(b7 | b6) & b5 & b4;
        let edges = !b7 & b6 & b4;
        let (high, middle, low) = (b3 & b2, b3 & !b2, !(b3 | b2));
        let thirteen = high & !b1 & b0;
        Self {
            quotes: signs & low & b1 & !b0,
            backslashes: edges & !b5 & high & !(b1 | b0),
            controls: !(b7 | b6 | b5),
            opens: edges & middle & b1 & b0,
            closes: edges & thirteen,
            braces: b5,
            commas: signs & high & !(b1 | b0),
            colons: numerals & middle & b1 & !b0,
            digits: numerals & !(b3 & (b2 | b1)),
            zeros: numerals & low & !(b1 | b0),
            minuses: signs & thirteen,
            dots: signs & high & b1 & !b0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_what_it_is_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..64 {
                let mut block = [b'a'; 64];
                block[at] = byte;
                let found = Classes::of(&block);
                let is = |wanted: bool| u64::from(wanted) << at;
                assert_eq!(found.quotes, is(byte == b'"'));
                assert_eq!(found.backslashes, is(byte == b'\\'));
                assert_eq!(found.controls, is(byte < b' '));
                assert_eq!(found.opens, is(matches!(byte, b'{' | b'[')));
                assert_eq!(found.closes, is(matches!(byte, b'}' | b']')));
                let braces = found.braces & (found.opens | found.closes);
                assert_eq!(braces, is(matches!(byte, b'{' | b'}')));
                assert_eq!(found.commas, is(byte == b','));
                assert_eq!(found.colons, is(byte == b':'));
                assert_eq!(found.digits, is(byte.is_ascii_digit()));
                assert_eq!(found.zeros, is(byte == b'0'));
                assert_eq!(found.minuses, is(byte == b'-'));
                assert_eq!(found.dots, is(byte == b'.'));
            }
        }
    }
}
