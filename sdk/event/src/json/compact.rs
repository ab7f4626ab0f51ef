//! Where an array or object ends that is written the way programs write: without whitespace, and without
//! exponents. Such text is proved to be JSON 64 bytes at a time.
//!
//! Each token says what may come next: `wanted` are the places where something has to begin, and all that
//! begins has to be wanted. One bit stands for each byte.

use super::DEPTH_LIMIT;
use super::blocks::{between, escapes, last_block, long_text};
use super::ends::{Fault, escape_end};
use super::planes::Classes;

/// What the text behind a block has to go on with, one bit each.
#[derive(Debug, Default)]
struct Carry {
    /// All ones inside of a string.
    string: u64,
    /// The string is a key.
    key: u64,
    /// A backslash takes the first byte.
    escaped: u64,
    wants_key: u64,
    wants_colon: u64,
    wants_value: u64,
    wants_separator: u64,
    behind_brace: u64,
    behind_bracket: u64,
}

/// The arrays and objects around a place.
#[derive(Debug)]
struct Nesting {
    /// One bit per level: 1 for an object, 0 for an array.
    levels: u128,
    depth: usize,
    outer: usize,
}

/// The brackets of a block, walked.
struct Walked {
    /// The bytes directly within an object.
    objects: u64,
    /// The last bracket, where it closes the whole.
    last: Option<u32>,
}

/// What follows the array or object whose bracket is at `start`, `outer` levels down. `None` where it is no
/// JSON, and where it is JSON of another style.
pub(super) fn container_end(bytes: &[u8], start: usize, outer: usize) -> Option<usize> {
    let mut nesting = Nesting {
        levels: 0,
        depth: outer,
        outer,
    };
    let mut carry = Carry {
        wants_value: 1,
        ..Carry::default()
    };
    let mut at = start;
    while at < bytes.len() {
        if carry.string != 0 && carry.escaped == 0 {
            at = long_text(bytes, at);
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let short;
        let text = match rest.first_chunk() {
            Some(text) => text,
            None => {
                short = last_block(rest);
                &short
            }
        };
        let classes = Classes::of(text);
        let (used, ends) = block(bytes, at, &classes, &mut nesting, &mut carry)?;
        at += used;
        if ends {
            return Some(at);
        }
    }
    None
}

/// How many bytes of the block at `at` were looked at, and whether the whole ends there.
#[inline(always)]
fn block(
    bytes: &[u8],
    at: usize,
    classes: &Classes,
    nesting: &mut Nesting,
    carry: &mut Carry,
) -> Option<(usize, bool)> {
    let mut quotes = classes.quotes;
    let mut taken = 0;
    if classes.backslashes | carry.escaped != 0 {
        (taken, carry.escaped) = escapes(classes.backslashes, carry.escaped);
        quotes &= !taken;
    }
    // From the opening quote up to what stands before the closing one.
    let inside = between(quotes) ^ carry.string;
    let outside = !(inside | quotes);
    let (opens, closes) = (classes.opens & outside, classes.closes & outside);
    let (commas, colons) = (classes.commas & outside, classes.colons & outside);
    let words = outside & !(opens | closes | commas | colons);

    // A number or a literal that may go on in the next block is left to it.
    let cut = words.leading_ones();
    if cut == 64 {
        return None;
    }
    let Walked { objects, last } = nesting.walk(opens, closes, classes.braces, u64::MAX >> cut)?;
    let used = match last {
        Some(last) => last + 1,
        None => 64 - cut,
    };
    let here = u64::MAX >> (64 - used);
    if classes.controls & here != 0 || !escapes_hold(bytes, at, classes.backslashes & !taken & here)
    {
        return None;
    }
    let (opens, closes) = (opens & here, closes & here);
    let (commas, colons, words) = (commas & here, colons & here, words & here);
    let (first_quotes, last_quotes) = (quotes & inside & here, quotes & !inside & here);
    let (braces, brackets) = (opens & classes.braces, opens & !classes.braces);
    let behind_brace = braces << 1 | carry.behind_brace;
    let behind_bracket = brackets << 1 | carry.behind_bracket;

    let before_keys = braces | commas & objects;
    let wanted_keys = (before_keys << 1 | carry.wants_key) & here;
    let keys = first_quotes & wanted_keys;
    // The carry of the addition runs through the inside of a key, up to its last quote.
    let (through, goes_on) = inside.overflowing_add(keys | carry.key);
    let key_ends = through & !inside & here;
    let wanted_colons = (key_ends << 1 | carry.wants_colon) & here;

    let before_values = colons | commas & !objects | brackets;
    let wanted_values = (before_values << 1 | carry.wants_value) & here;
    let values = first_quotes & !keys | opens | words & !(words << 1);
    let value_ends = last_quotes & !key_ends | closes | words & !(words >> 1);
    let wanted_separators = (value_ends << 1 | carry.wants_separator) & here;
    let closes_of_nothing = closes & (behind_brace | behind_bracket);

    let holds = keys | closes & behind_brace == wanted_keys
        && colons == wanted_colons
        && values | closes & behind_bracket == wanted_values
        && commas | closes & !closes_of_nothing == wanted_separators;
    if !holds || (words != 0 && !words_hold(bytes, at, words, classes)) {
        return None;
    }

    let last_byte = used - 1;
    carry.string = 0u64.wrapping_sub(inside >> 63);
    carry.key = u64::from(goes_on);
    carry.wants_key = before_keys >> last_byte;
    carry.wants_colon = key_ends >> last_byte;
    carry.wants_value = before_values >> last_byte;
    carry.wants_separator = value_ends >> last_byte;
    carry.behind_brace = braces >> last_byte;
    carry.behind_bracket = brackets >> last_byte;
    Some((used as usize, last.is_some()))
}

impl Nesting {
    /// Up to the bracket that closes the whole. `None` where brackets do not match or nest too deep.
    #[inline(always)]
    fn walk(&mut self, opens: u64, closes: u64, braces: u64, here: u64) -> Option<Walked> {
        let mut in_object = self.levels & 1 == 1;
        let mut objects = 0u64.wrapping_sub(u64::from(in_object));
        let mut left = (opens | closes) & here;
        while left != 0 {
            let at = left.trailing_zeros();
            let bit = left & left.wrapping_neg();
            left ^= bit;
            let brace = braces & bit != 0;
            let before = in_object;
            if opens & bit != 0 {
                if self.depth == DEPTH_LIMIT {
                    return None;
                }
                self.depth += 1;
                self.levels = self.levels << 1 | u128::from(brace);
            } else {
                if brace != in_object {
                    return None;
                }
                self.depth -= 1;
                self.levels >>= 1;
                if self.depth == self.outer {
                    let last = Some(at);
                    return Some(Walked { objects, last });
                }
            }
            in_object = self.levels & 1 == 1;
            if in_object != before {
                objects ^= u64::MAX << at;
            }
        }
        Some(Walked {
            objects,
            last: None,
        })
    }
}

/// Whether each of these backslashes begins an escape.
#[inline(always)]
fn escapes_hold(bytes: &[u8], at: usize, mut backslashes: u64) -> bool {
    let mut fault = Fault { at: 0, reason: "" };
    while backslashes != 0 {
        let backslash = at + backslashes.trailing_zeros() as usize;
        if escape_end(bytes, backslash, &mut fault).is_none() {
            return false;
        }
        backslashes &= backslashes - 1;
    }
    true
}

/// Whether what stands outside of strings are numbers without exponents, `true`, `false` and `null`. None
/// touches the end of the block.
#[inline(always)]
fn words_hold(bytes: &[u8], at: usize, words: u64, classes: &Classes) -> bool {
    let (digits, minuses, dots) = (
        classes.digits & words,
        classes.minuses & words,
        classes.dots & words,
    );
    let firsts = words & !(words << 1);
    let whole = firsts & digits | minuses << 1;
    let fractions = dots << 1;
    let behind_fractions = fractions.wrapping_add(digits) & !digits;
    let numbers_hold = minuses & !firsts == 0
        && (whole | fractions) & !digits == 0
        && dots & !(digits << 1) == 0
        && dots & behind_fractions == 0
        && (classes.zeros & whole) << 1 & digits == 0;
    let letters = words & !(digits | minuses | dots);
    numbers_hold && (letters == 0 || literals_hold(bytes, at, words, letters))
}

#[inline(never)]
fn literals_hold(bytes: &[u8], at: usize, words: u64, letters: u64) -> bool {
    let mut left = letters;
    while left != 0 {
        let first = left.trailing_zeros();
        let len = (words >> first).trailing_ones();
        let start = at + first as usize;
        let word = bytes.get(start..start + len as usize);
        let begins = words << 1 >> first & 1 == 0;
        if !begins || !matches!(word, Some(b"true" | b"false" | b"null")) {
            return false;
        }
        left &= !(((1 << len) - 1) << first);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::ends;
    use serde::de::IgnoredAny;

    /// Byte by byte, as far as a text begins with an array or object.
    fn plainly(text: &str, outer: usize) -> Option<usize> {
        let mut fault = Fault { at: 0, reason: "" };
        ends::container_end(text.as_bytes(), 0, outer, &mut fault)
    }

    fn agrees(text: &str) {
        let found = container_end(text.as_bytes(), 0, 0);
        assert_eq!(found, plainly(text, 0), "{text}");
        if let Some(end) = found {
            let json = serde_json::from_str::<IgnoredAny>(&text[..end]);
            assert!(json.is_ok(), "{text}");
        }
    }

    /// The same bits each time.
    struct Random(u32);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) as usize % end
        }
    }

    const DOCUMENT: &str = r#"{"a":-0.5,"b":[[],{},"",[0,10,-7.25]],"ключ":{"c\"":true,"d":[null,false,{"e":"\\"}]},"f":"\u00e9","g":12345678901234567.5}"#;

    #[test]
    fn any_row_of_tokens_is_judged_as_byte_by_byte() {
        let tokens = concat!(
            r#"{ } [ ] , : "a" "" "é\n" "[{\\" 0 -1 10.5 01 1. .5 - 1.2.3 --1 true null truefalse tru "\x" "\u12" " "#,
            r#""a": ,"b": "a":1, [1, {"a": \ "0123456789012345678901234567" "#,
            "\u{1}"
        );
        let tokens: Vec<&str> = tokens.split(' ').collect();
        let mut random = Random(1);
        for _ in 0..200_000 {
            let mut text = ["{", "["][random.below(2)].to_owned();
            for _ in 0..random.below(24) {
                text += tokens[random.below(tokens.len())];
            }
            agrees(&text);
        }
    }

    #[test]
    fn a_document_is_judged_alike_with_any_byte_changed_and_wherever_blocks_begin() {
        let with = b"\"\\{}[],:0.-ant\x1f";
        for shift in 0..64 {
            let text = format!("[\"{}\",{DOCUMENT}]", "x".repeat(shift));
            agrees(&text);
            assert_eq!(container_end(text.as_bytes(), 0, 0), Some(text.len()));
            for at in (1..text.len())
                .filter(|at| text.is_char_boundary(*at) && text.is_char_boundary(at + 1))
            {
                let byte = with[(at + shift) % with.len()];
                let mut changed = text.clone();
                changed.replace_range(at..=at, &char::from(byte).to_string());
                agrees(&changed);
                agrees(&text[..at]);
            }
        }
    }

    #[test]
    fn valid_texts_of_every_shape_are_taken_whole() {
        fn value(random: &mut Random, deep: usize, out: &mut String) {
            let many = random.below(4);
            match random.below(if deep == 0 { 4 } else { 6 }) {
                0 => *out += ["true", "false", "null"][random.below(3)],
                1 => *out += ["0", "-0", "7", "-12.50", "123456789012345678.25"][random.below(5)],
                2 => *out += &format!("\"{}\"", "y".repeat(random.below(150))),
                3 => *out += ["\"\"", "\"\\\\\"", "\"\\\"\\u00E9\"", "\"😀}]\""][random.below(4)],
                object => {
                    out.push(['[', '{'][object - 4]);
                    for n in 0..many {
                        *out += if n > 0 { "," } else { "" };
                        if object == 5 {
                            *out += &format!("\"{}\\\"\":", "k".repeat(random.below(40)));
                        }
                        value(random, deep - 1, out);
                    }
                    out.push([']', '}'][object - 4]);
                }
            }
        }
        let mut random = Random(7);
        for _ in 0..20_000 {
            let mut text = "[".to_owned();
            value(&mut random, 6, &mut text);
            let end = text.len() + 1;
            text += "] and more";
            assert_eq!(container_end(text.as_bytes(), 0, 0), Some(end), "{text}");
            assert_eq!(plainly(&text, 0), Some(end), "{text}");
        }
    }

    #[test]
    fn depth_is_limited_as_byte_by_byte() {
        for outer in [0, 1, 127] {
            for levels in [1, 127, 128, 129] {
                let text = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
                let found = container_end(text.as_bytes(), 0, outer);
                assert_eq!(found, plainly(&text, outer), "{outer} {levels}");
            }
        }
    }

    #[test]
    fn other_styles_are_left_to_a_reading_byte_by_byte() {
        for text in ["[1, 2]", "[ ]", "{\"a\" :1}", "[1e5]", "[1\n]"] {
            assert_eq!(container_end(text.as_bytes(), 0, 0), None, "{text}");
            assert_eq!(plainly(text, 0), Some(text.len()), "{text}");
        }
    }
}
