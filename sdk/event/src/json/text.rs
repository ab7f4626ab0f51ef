//! Stretches of JSON text: whitespace, the inside of strings, escapes.

/// The first byte from `at` on that is no whitespace.
#[inline(always)]
pub(super) fn token(bytes: &[u8], at: usize) -> usize {
    // Most documents have none.
    match bytes.get(at) {
        Some(0..=b' ') => behind_whitespace(bytes, at),
        _ => at,
    }
}

#[inline(never)]
fn behind_whitespace(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The first byte from `at` on that is no digit; eight bytes at a time.
#[inline(always)]
pub(super) fn digits_end(bytes: &[u8], at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    if let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        // Digits become 0 to 9, which do not reach the top bit when 0x76 is added.
        let word = u64::from_le_bytes(*word) ^ (ONES * b'0' as u64);
        let others = ((word & !HIGH).wrapping_add(ONES * 0x76) | word) & HIGH;
        if others != 0 {
            return at + (others.trailing_zeros() / 8) as usize;
        }
    }
    many_digits_end(bytes, at)
}

#[inline(never)]
fn many_digits_end(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// Appends what the inside of a string stands for. `None` where it holds half of a surrogate pair.
pub(super) fn unescape(text: &str, out: &mut String) -> Option<()> {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest.as_bytes().get(at + 1)?;
        let mut used = at + 2;
        out.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = u32::from_str_radix(rest.get(used..used + 4)?, 16).ok()?;
                used += 4;
                if (0xd800..0xdc00).contains(&high) {
                    let low = rest.get(used..used + 6)?.strip_prefix("\\u")?;
                    let low = u32::from_str_radix(low, 16).ok()?;
                    used += 6;
                    let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                    char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)?
                } else {
                    char::from_u32(high)?
                }
            }
            other => char::from(*other),
        });
        rest = &rest[used..];
    }
    out.push_str(rest);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_end_at_the_first_other_byte() {
        for len in 0..20 {
            for other in 0..=u8::MAX {
                let mut text: Vec<u8> = (b'0'..=b'9').cycle().take(len).collect();
                text.extend([other; 9]);
                let end = if other.is_ascii_digit() { len + 9 } else { len };
                assert_eq!(digits_end(&text, 0), end, "{len} {other}");
            }
        }
        assert_eq!(digits_end(b"12", 0), 2);
        assert_eq!(digits_end(b"12", 3), 3);
    }

    #[test]
    fn escapes_stand_for_characters() {
        let mut out = String::new();
        assert_eq!(
            unescape(r#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z"#, &mut out),
            Some(())
        );
        assert_eq!(out, "a\"\\/\u{8}\u{c}\n\r\té😀z");
        for half in [
            r"\ud83d",
            r"\ud83d\u0041",
            r"\ude00",
            r"\ud83dxxxxxx",
            r"\ud83d\n12345",
        ] {
            assert_eq!(unescape(half, &mut String::new()), None, "{half}");
        }
    }
}
