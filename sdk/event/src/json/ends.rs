//! Where JSON values end. A function gives `None` where the text is not JSON (RFC 8259), and leaves in
//! `fault` what is wrong; results that fit into registers are what makes this quick.

use super::DEPTH_LIMIT;
use super::blocks::{self, Plain};
use super::text::{digits_end, token};

/// Why a text is not JSON, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) reason: &'static str,
}

#[cold]
pub(super) fn fail<T>(fault: &mut Fault, at: usize, reason: &'static str) -> Option<T> {
    *fault = Fault { at, reason };
    None
}

/// What follows the string whose inside begins at `start`.
#[inline(always)]
pub(super) fn text_end(
    bytes: &[u8],
    start: usize,
    plain: &mut Plain,
    fault: &mut Fault,
) -> Option<usize> {
    let end = plain.end(bytes, start);
    match bytes.get(end) {
        Some(b'"') => Some(end + 1),
        _ => escaped_text_end(bytes, end, fault),
    }
}

/// What follows the string of which a plain stretch ends at `at`.
#[inline(never)]
pub(super) fn escaped_text_end(bytes: &[u8], mut at: usize, fault: &mut Fault) -> Option<usize> {
    let mut plain = Plain::default();
    loop {
        match bytes.get(at) {
            Some(b'"') => return Some(at + 1),
            Some(b'\\') => at = escape_end(bytes, at, fault)?,
            _ => return fail(fault, at, "a control character in a string must be escaped"),
        }
        at = plain.end(bytes, at);
    }
}

pub(super) fn escape_end(bytes: &[u8], at: usize, fault: &mut Fault) -> Option<usize> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Some(at + 2),
        Some(b'u') => {
            let hex = bytes.get(at + 2..at + 6);
            match hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                true => Some(at + 6),
                false => fail(fault, at, "\\u needs four hex digits"),
            }
        }
        _ => fail(fault, at, "unknown escape in a string"),
    }
}

/// What follows the colon of the member whose key should be at `at`.
#[inline(always)]
fn key_end(bytes: &[u8], at: usize, plain: &mut Plain, fault: &mut Fault) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return fail(fault, at, MEMBER_NAME);
    }
    let end = plain.end(bytes, at + 1);
    if follows(bytes, end, b"\":") {
        return Some(end + 2);
    }
    let end = text_end(bytes, at + 1, plain, fault)?;
    let colon = token(bytes, end);
    if bytes.get(colon) != Some(&b':') {
        return fail(fault, colon, COLON);
    }
    Some(colon + 1)
}

#[inline(always)]
pub(super) fn follows(bytes: &[u8], at: usize, what: &[u8; 2]) -> bool {
    bytes.get(at..).and_then(<[u8]>::first_chunk) == Some(what)
}

/// What follows the number, `true`, `false` or `null` at `at`.
#[inline(always)]
pub(super) fn scalar_end(bytes: &[u8], at: usize, fault: &mut Fault) -> Option<usize> {
    match bytes.get(at) {
        Some(b'-' | b'0'..=b'9') => number_end(bytes, at, fault),
        Some(b't') => literal_end(bytes, at, b"true", fault),
        Some(b'f') => literal_end(bytes, at, b"false", fault),
        Some(b'n') => literal_end(bytes, at, b"null", fault),
        _ => fail(fault, at, VALUE),
    }
}

#[inline]
pub(super) fn literal_end(
    bytes: &[u8],
    at: usize,
    literal: &'static [u8],
    fault: &mut Fault,
) -> Option<usize> {
    match bytes.get(at..).unwrap_or_default().starts_with(literal) {
        true => Some(at + literal.len()),
        false => fail(fault, at, VALUE),
    }
}

#[inline(always)]
pub(super) fn number_end(bytes: &[u8], start: usize, fault: &mut Fault) -> Option<usize> {
    let first = start + usize::from(bytes.get(start) == Some(&b'-'));
    match short_number_end(bytes, first) {
        None => any_number_end(bytes, first, fault),
        end => end,
    }
}

/// What follows the number whose digits begin at `first`, where 16 bytes hold all of it and it has no exponent.
#[inline(always)]
fn short_number_end(bytes: &[u8], first: usize) -> Option<usize> {
    let digits = blocks::digits(bytes, first)?;
    let whole = digits.trailing_ones();
    let mut end = whole;
    if bytes.get(first + whole as usize) == Some(&b'.') {
        let fraction = (digits >> (whole + 1)).trailing_ones();
        end += 1 + fraction;
        if fraction == 0 {
            return None;
        }
    }
    // A nought may stand alone only, and more may follow what was looked at.
    if whole == 0 || end >= 16 || (whole > 1 && bytes.get(first) == Some(&b'0')) {
        return None;
    }
    let end = first + end as usize;
    (!matches!(bytes.get(end), Some(b'e' | b'E'))).then_some(end)
}

#[inline(never)]
fn any_number_end(bytes: &[u8], first: usize, fault: &mut Fault) -> Option<usize> {
    let mut at = match bytes.get(first) {
        Some(b'0') => first + 1,
        _ => some_digits_end(bytes, first, fault)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = some_digits_end(bytes, at + 1, fault)?;
    }
    match bytes.get(at) {
        Some(b'e' | b'E') => exponent_end(bytes, at + 1, fault),
        _ => Some(at),
    }
}

#[inline(never)]
fn exponent_end(bytes: &[u8], at: usize, fault: &mut Fault) -> Option<usize> {
    let sign = matches!(bytes.get(at), Some(b'+' | b'-'));
    some_digits_end(bytes, at + usize::from(sign), fault)
}

#[inline(always)]
fn some_digits_end(bytes: &[u8], at: usize, fault: &mut Fault) -> Option<usize> {
    match digits_end(bytes, at) {
        end if end > at => Some(end),
        _ => fail(fault, at, "expected a digit"),
    }
}

/// What follows the array or object that begins at `at`, `outer` levels down.
pub(super) fn container_end(
    bytes: &[u8],
    mut at: usize,
    outer: usize,
    fault: &mut Fault,
) -> Option<usize> {
    let mut plain = Plain::default();
    // One bit per level: 1 for an object, 0 for an array.
    let mut levels: u128 = 0;
    let mut depth = outer;
    'open: loop {
        if depth == DEPTH_LIMIT {
            return fail(fault, at, "arrays and objects nest too deep (limit 128)");
        }
        let mut in_object = bytes.get(at) == Some(&b'{');
        depth += 1;
        levels = levels << 1 | u128::from(in_object);
        at = token(bytes, at + 1);
        let mut is_empty = match bytes.get(at) {
            Some(b'}') => in_object,
            Some(b']') => !in_object,
            _ => false,
        };
        loop {
            if !is_empty {
                if in_object {
                    at = token(bytes, key_end(bytes, at, &mut plain, fault)?);
                }
                at = match bytes.get(at) {
                    Some(b'"') => text_end(bytes, at + 1, &mut plain, fault)?,
                    Some(b'{' | b'[') => continue 'open,
                    _ => scalar_end(bytes, at, fault)?,
                };
                at = token(bytes, at);
            }
            // Closes all that ends here.
            while is_empty || bytes.get(at) != Some(&b',') {
                match bytes.get(at) {
                    Some(b'}') if in_object => {}
                    Some(b']') if !in_object => {}
                    _ if in_object => {
                        return fail(fault, at, "expected a comma or the end of the object");
                    }
                    _ => return fail(fault, at, "expected a comma or the end of the array"),
                }
                depth -= 1;
                if depth == outer {
                    return Some(at + 1);
                }
                levels >>= 1;
                in_object = levels & 1 == 1;
                is_empty = false;
                at = token(bytes, at + 1);
            }
            at = token(bytes, at + 1);
        }
    }
}

pub(super) const MEMBER_NAME: &str = "expected a member name in quotes";
pub(super) const COLON: &str = "expected a colon after the member name";
pub(super) const VALUE: &str = "expected a value";
