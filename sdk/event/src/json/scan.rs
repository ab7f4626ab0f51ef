//! A JSON scanner (RFC 8259) over bytes that are known to be UTF-8.

use super::DEPTH_LIMIT;
use crate::DecodeError;

/// What is wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) offset: usize,
    pub(super) reason: &'static str,
}

impl From<Syntax> for DecodeError {
    fn from(e: Syntax) -> Self {
        DecodeError::Json {
            offset: e.offset,
            reason: e.reason,
        }
    }
}

/// The inside of a string, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

/// Whether `bytes` is one JSON value, with nothing but whitespace around it. One level is kept for
/// the envelope that it is going to be wrapped in.
pub(crate) fn is_document(bytes: &[u8]) -> bool {
    if std::str::from_utf8(bytes).is_err() {
        return false;
    }
    let mut scanner = Scanner::new(bytes, 0);
    scanner.skip_value(1).is_ok() && scanner.end().is_ok()
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) fn fail<T>(&self, reason: &'static str) -> Result<T, Syntax> {
        Err(Syntax {
            offset: self.at,
            reason: if self.at < self.bytes.len() {
                reason
            } else {
                "the document ends too early"
            },
        })
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is not whitespace.
    #[inline]
    pub(super) fn next_token(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    #[inline]
    pub(super) fn expect(&mut self, token: u8, reason: &'static str) -> Result<(), Syntax> {
        if self.next_token() == Some(token) {
            self.at += 1;
            return Ok(());
        }
        self.fail(reason)
    }

    pub(super) fn end(&mut self) -> Result<(), Syntax> {
        match self.next_token() {
            None => Ok(()),
            Some(_) => self.fail("something follows the document"),
        }
    }

    /// A string; the opening quote is next.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Text, Syntax> {
        let start = self.at + 1;
        let mut escaped = false;
        self.at = start;
        loop {
            self.at = plain_end(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    let end = self.at;
                    self.at += 1;
                    return Ok(Text {
                        start,
                        end,
                        escaped,
                    });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return self.fail("a control character in a string must be escaped"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Syntax> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let hex = self.bytes.get(self.at + 2..self.at + 6);
                if !hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                    return self.fail("\\u needs four hex digits");
                }
                self.at += 6;
            }
            _ => return self.fail("unknown escape in a string"),
        }
        Ok(())
    }

    /// A key and its colon.
    #[inline]
    pub(super) fn key(&mut self) -> Result<Text, Syntax> {
        if self.next_token() != Some(b'"') {
            return self.fail("expected a member name in quotes");
        }
        let key = self.string()?;
        self.expect(b':', "expected a colon after the member name")?;
        Ok(key)
    }

    /// Any value, `outer` levels down.
    pub(super) fn skip_value(&mut self, outer: usize) -> Result<(), Syntax> {
        // One bit per level: 1 for an object, 0 for an array.
        let mut levels: u128 = 0;
        let mut depth = outer;
        'value: loop {
            match self.next_token() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(open @ (b'{' | b'[')) => {
                    if depth == DEPTH_LIMIT {
                        return self.fail("arrays and objects nest too deep (limit 128)");
                    }
                    self.at += 1;
                    // '{' and '[' are two below their closing counterparts in ASCII.
                    if self.next_token() == Some(open + 2) {
                        self.at += 1;
                    } else {
                        depth += 1;
                        levels = levels << 1 | u128::from(open == b'{');
                        if open == b'{' {
                            self.key()?;
                        }
                        continue 'value;
                    }
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.literal(b"true")?,
                Some(b'f') => self.literal(b"false")?,
                Some(b'n') => self.literal(b"null")?,
                _ => return self.fail("expected a value"),
            }
            loop {
                if depth == outer {
                    return Ok(());
                }
                let in_object = levels & 1 == 1;
                match (self.next_token(), in_object) {
                    (Some(b','), _) => {
                        self.at += 1;
                        if in_object {
                            self.key()?;
                        }
                        continue 'value;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        depth -= 1;
                        levels >>= 1;
                    }
                    (_, true) => return self.fail("expected a comma or the end of the object"),
                    (_, false) => return self.fail("expected a comma or the end of the array"),
                }
            }
        }
    }

    pub(super) fn literal(&mut self, literal: &'static [u8]) -> Result<(), Syntax> {
        let tail = self.bytes.get(self.at..).unwrap_or_default();
        if !tail.starts_with(literal) {
            return self.fail("expected a value");
        }
        self.at += literal.len();
        Ok(())
    }

    pub(super) fn number(&mut self) -> Result<(), Syntax> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.fail("expected a digit"),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Syntax> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            return self.fail("expected a digit");
        }
        Ok(())
    }
}

/// The first byte from `at` on that is a quote, a backslash or a control character; eight bytes at a
/// time. In each test the lowest set bit is exact: borrows only spoil what lies above a hit.
#[inline]
fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    const QUOTES: u64 = ONES * b'"' as u64;
    const SLASHES: u64 = ONES * b'\\' as u64;
    const SPACES: u64 = ONES * b' ' as u64;
    while let Some(chunk) = bytes.get(at..).and_then(|tail| tail.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ QUOTES;
        let slash = word ^ SLASHES;
        let hits = (quote.wrapping_sub(ONES) & !quote
            | slash.wrapping_sub(ONES) & !slash
            | word.wrapping_sub(SPACES) & !word)
            & HIGH;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(b) = bytes.get(at) {
        if matches!(b, b'"' | b'\\' | 0..=0x1f) {
            break;
        }
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
