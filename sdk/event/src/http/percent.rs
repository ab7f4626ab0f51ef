//! Header values (HTTP binding §3.1.3.2).

use std::borrow::Cow;

/// What to make of a `%` that begins no escape of two hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Percent {
    /// Refuse the message, as the specification has it.
    #[default]
    Strict,
    /// Keep it as it is, for senders that do not encode (`100%`).
    Lenient,
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Appends a value. Everything outside U+0021 to U+007E, the quote and the percent sign are escaped.
pub(crate) fn encode_onto(value: &str, out: &mut Vec<u8>) {
    let plain = |b: &u8| matches!(b, b'!'..=b'~') && !matches!(b, b'"' | b'%');
    // To the end even after the first that is not: so many are looked at in one step.
    if value.bytes().fold(true, |all, b| all & plain(&b)) {
        return out.extend_from_slice(value.as_bytes());
    }
    for b in value.as_bytes() {
        if plain(b) {
            out.push(*b);
        } else {
            out.extend_from_slice(&[b'%', HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
        }
    }
}

/// Undoes a quoted string, then decodes escapes exactly once.
pub(crate) fn decode(value: &[u8], percent: Percent) -> Result<Cow<'_, str>, &'static str> {
    let unquoted = unquote(value);
    let decoded = match unquoted {
        Cow::Borrowed(bytes) => escapes(bytes, percent)?,
        Cow::Owned(bytes) => escapes(&bytes, percent)?.into_owned().into(),
    };
    let utf8 = match decoded {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    };
    utf8.ok_or("is not UTF-8 after percent-decoding")
}

fn unquote(value: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', inside @ .., b'"'] = value else {
        return value.into();
    };
    if !inside.contains(&b'\\') {
        return inside.into();
    }
    let mut out = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter();
    while let Some(b) = bytes.next() {
        match b {
            // A backslash at the end escapes the closing quote: then this was no quoted string.
            b'\\' => match bytes.next() {
                Some(escaped) => out.push(*escaped),
                None => return value.into(),
            },
            other => out.push(*other),
        }
    }
    out.into()
}

fn escapes(value: &[u8], percent: Percent) -> Result<Cow<'_, [u8]>, &'static str> {
    if !value.contains(&b'%') {
        return Ok(value.into());
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((b, tail)) = rest.split_first() {
        rest = tail;
        if *b != b'%' {
            out.push(*b);
            continue;
        }
        match (tail.first().and_then(hex), tail.get(1).and_then(hex)) {
            (Some(high), Some(low)) => {
                out.push(high << 4 | low);
                rest = &tail[2..];
            }
            _ if percent == Percent::Lenient => out.push(b'%'),
            _ => {
                return Err(
                    "has a % that begins no escape of two hex digits; write %25, or set \
                            lenient percent-decoding for this sender",
                );
            }
        }
    }
    Ok(out.into())
}

fn hex(b: &u8) -> Option<u8> {
    char::from(*b).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_as_in_the_specification() {
        let mut out = Vec::new();
        for (value, encoded) in [
            ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
            ("100%\"~!", "100%25%22~!"),
            ("/plain;a=b", "/plain;a=b"),
        ] {
            let start = out.len();
            encode_onto(value, &mut out);
            assert_eq!(&out[start..], encoded.as_bytes());
        }
    }

    #[test]
    fn values_are_decoded_once_after_unquoting() {
        for (raw, value) in [
            (&b"Euro%20%e2%82%AC%20%F0%9F%98%80"[..], "Euro € 😀"),
            (b"%61bc", "abc"),
            (b"%2541", "%41"),
            (br#""a \"b\" \\ %20""#, "a \"b\" \\  "),
            (br#""""#, ""),
            (br#"""#, "\""),
            (br#""a\""#, "\"a\\\""),
            (br#"a"b"#, "a\"b"),
            ("é".as_bytes(), "é"),
        ] {
            assert_eq!(decode(raw, Percent::Strict).as_deref(), Ok(value));
            assert_eq!(decode(raw, Percent::Lenient).as_deref(), Ok(value));
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused_in_both_modes() {
        for raw in [&b"%C0%A0"[..], b"%ff", b"\xff", b"%ED%A0%80"] {
            for percent in [Percent::Strict, Percent::Lenient] {
                assert!(decode(raw, percent).is_err(), "{raw:?}");
            }
        }
    }

    #[test]
    fn lenient_keeps_what_is_no_escape() {
        for (raw, value) in [
            (&b"100%"[..], "100%"),
            (b"%zz%4", "%zz%4"),
            (b"%%41", "%A"),
            (b"5%+", "5%+"),
        ] {
            assert!(decode(raw, Percent::Strict).is_err());
            assert_eq!(decode(raw, Percent::Lenient).as_deref(), Ok(value));
        }
    }
}
