//! JSON text looked at 64 bytes at a time.

use wide::u8x16;

const SIZE: usize = 64;
pub(super) type Block = [u8; SIZE];

/// Runs `look` over the 64 bytes from `at` on; zeros stand where there are fewer.
#[inline(always)]
pub(super) fn with_block<T>(bytes: &[u8], at: usize, look: impl Fn(&Block) -> T) -> T {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(block) => look(block),
        None => look(&last_block(rest)),
    }
}

/// What is too short for a block, with zeros behind it.
#[inline(never)]
pub(super) fn last_block(rest: &[u8]) -> Block {
    let mut block = [0; SIZE];
    block[..rest.len()].copy_from_slice(rest);
    block
}

/// One bit for each byte of the block, the first one lowest.
#[inline(always)]
fn bits(block: &Block, of: impl Fn(u8x16) -> u8x16) -> u64 {
    let (parts, _) = block.as_chunks::<16>();
    parts.iter().rev().fold(0, |bits, part| {
        bits << 16 | u64::from(of(u8x16::new(*part)).to_bitmask())
    })
}

/// Whether there is any such byte in the block.
#[inline(always)]
fn any(block: &Block, is: impl Fn(u8x16) -> u8x16) -> bool {
    let (parts, _) = block.as_chunks::<16>();
    let found = parts
        .iter()
        .fold(u8x16::splat(0), |found, part| found | is(u8x16::new(*part)));
    found.to_bitmask() != 0
}

/// Which of the 16 bytes from `at` on are digits, the first one lowest; nothing where there are fewer.
#[inline(always)]
pub(super) fn digits(bytes: &[u8], at: usize) -> Option<u32> {
    let part = bytes.get(at..)?.first_chunk()?;
    let value = u8x16::new(*part) - u8x16::splat(b'0');
    Some(value.min(u8x16::splat(9)).simd_eq(value).to_bitmask())
}

/// Where the plain stretches of strings end: at quotes, backslashes and control characters.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Plain {
    /// Where the block begins.
    from: usize,
    /// The ends in it.
    ends: u64,
}

impl Plain {
    /// The first end from `at` on; behind the text, if there is none.
    #[inline(always)]
    pub(super) fn end(&mut self, bytes: &[u8], at: usize) -> usize {
        let ahead = at.wrapping_sub(self.from);
        if ahead < SIZE {
            let ends = self.ends >> ahead;
            if ends != 0 {
                return at + ends.trailing_zeros() as usize;
            }
        }
        *self = Self::load(bytes, at);
        self.from + self.ends.trailing_zeros() as usize
    }

    /// The first block from `at` on that has an end.
    #[inline(never)]
    fn load(bytes: &[u8], at: usize) -> Self {
        let mut from = at;
        loop {
            let ends = with_block(bytes, from, |block| bits(block, special));
            if ends != 0 {
                return Self { from, ends };
            }
            from += SIZE;
        }
    }
}

/// Quotes, backslashes and control characters.
#[inline(always)]
fn special(part: u8x16) -> u8x16 {
    let (quote, backslash) = (u8x16::splat(b'"'), u8x16::splat(b'\\'));
    part.simd_eq(quote) | part.simd_eq(backslash) | part.min(u8x16::splat(0x1f)).simd_eq(part)
}

/// Passes whole blocks of the inside of a string.
#[inline(always)]
pub(super) fn long_text(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        if any(block, special) {
            break;
        }
        at += SIZE;
    }
    at
}

/// What follows the array or object whose inside begins at `at`, in JSON that is known to be
/// well-formed.
pub(super) fn container_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let (quote, backslash) = (u8x16::splat(b'"'), u8x16::splat(b'\\'));
    // '[' and ']' are one bit away from '{' and '}'.
    let (bit, open, close) = (u8x16::splat(0x20), u8x16::splat(b'{'), u8x16::splat(b'}'));
    let mut depth = 1u32;
    // All ones inside of a string; one, where a backslash takes the first byte of the next block.
    let (mut string, mut escaped) = (0, 0);
    while at < bytes.len() {
        let (mut quotes, has_backslashes, opens, closes) = with_block(bytes, at, |block| {
            (
                bits(block, |part| part.simd_eq(quote)),
                any(block, |part| part.simd_eq(backslash)),
                bits(block, |part| (part | bit).simd_eq(open)),
                bits(block, |part| (part | bit).simd_eq(close)),
            )
        });
        if has_backslashes || escaped != 0 {
            let backslashes = with_block(bytes, at, |block| {
                bits(block, |part| part.simd_eq(backslash))
            });
            let (taken, carried) = escapes(backslashes, escaped);
            quotes &= !taken;
            escaped = carried;
        }
        let inside = between(quotes) ^ string;
        string = 0u64.wrapping_sub(inside >> 63);
        let (opens, closes) = (opens & !inside, closes & !inside);
        if closes.count_ones() < depth {
            // Too few for an end, in whatever order they come.
            depth = depth + opens.count_ones() - closes.count_ones();
        } else if let Some(end) = last_close(opens, closes, &mut depth) {
            return Some(at + end as usize + 1);
        }
        at += SIZE;
    }
    None
}

/// The bracket that closes the outermost level, if it is one of these.
fn last_close(opens: u64, closes: u64, depth: &mut u32) -> Option<u32> {
    let mut brackets = opens | closes;
    while brackets != 0 {
        let first = brackets & brackets.wrapping_neg();
        if opens & first != 0 {
            *depth += 1;
        } else {
            *depth -= 1;
            if *depth == 0 {
                return Some(first.trailing_zeros());
            }
        }
        brackets ^= first;
    }
    None
}

/// From each odd one of the bits up to the next one.
#[inline(always)]
pub(super) fn between(bits: u64) -> u64 {
    [1, 2, 4, 8, 16, 32]
        .into_iter()
        .fold(bits, |bits, by| bits ^ bits << by)
}

/// The bytes that backslashes take, and whether one takes the first of what follows. `escaped` says
/// that one before takes the first of these.
pub(super) fn escapes(backslashes: u64, escaped: u64) -> (u64, u64) {
    let mut taken = escaped;
    let mut left = backslashes & !escaped;
    while left != 0 {
        let first = left & left.wrapping_neg();
        let next = first << 1;
        if next == 0 {
            return (taken, 1);
        }
        taken |= next;
        left &= !(first | next);
    }
    (taken, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_ends_at_the_first_special_byte() {
        for len in 0..200 {
            for special in [b'"', b'\\', 0, 0x1f] {
                for high in ['~', 'é'] {
                    let mut text = high.to_string().repeat(len).into_bytes();
                    let end = text.len();
                    text.extend([special, b' ', b'"', b' ', b'\\', 0]);
                    text.extend([b'a'; 9]);
                    let mut plain = Plain::default();
                    assert_eq!(plain.end(&text, 0), end);
                    assert_eq!(plain.end(&text, end + 1), end + 2);
                    assert_eq!(plain.end(&text, end / 2), end);
                    assert_eq!(plain.end(&text, end + 6), text.len());
                    assert_eq!(plain.end(&text, text.len()), text.len());
                }
            }
        }
    }

    #[test]
    fn containers_end_where_a_reading_byte_by_byte_ends_them() {
        let plain = |text: &[u8]| {
            let (mut depth, mut string, mut at) = (1, false, 0);
            while let Some(byte) = text.get(at) {
                match byte {
                    b'\\' => at += 1,
                    b'"' => string = !string,
                    b'{' | b'[' if !string => depth += 1,
                    b'}' | b']' if !string => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            None
        };
        let parts: [&[u8]; 10] = [
            b"[",
            b"]",
            b"{",
            b"}",
            b"\"",
            b"\"",
            b"\\\\",
            b"\\\"",
            b"\"[{\\\\\"",
            b"0123456789",
        ];
        let mut random = 1u32;
        for _ in 0..20_000 {
            let mut text = Vec::new();
            while !random.is_multiple_of(16) {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.extend(parts[(random >> 16) as usize % parts.len()]);
                random ^= random >> 13;
            }
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Backslashes stand in strings only.
            let mut string = false;
            let mut bytes = text.clone();
            let mut at = 0;
            while at < text.len() {
                match text[at] {
                    b'\\' if string => at += 1,
                    b'\\' => bytes[at] = b'1',
                    b'"' => string = !string,
                    _ => {}
                }
                at += 1;
            }
            assert_eq!(container_end(&bytes, 0), plain(&bytes), "{bytes:?}");
        }
    }
}
