//! A JSON scanner (RFC 8259) over bytes that are known to be UTF-8.

use super::DEPTH_LIMIT;
use super::text::{digits_end, plain_end, token};
use crate::DecodeError;
use crate::model::Span;

/// The inside of a string, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) escaped: bool,
}

/// Methods give `None` where the document is not JSON; then [`Scanner::error`] tells why. Results
/// that fit into registers are what makes this quick.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    reason: &'static str,
}

/// Whether `bytes` is one JSON value, with nothing but whitespace around it. One level is kept for
/// the envelope that it is going to be wrapped in.
pub(crate) fn is_document(bytes: &[u8]) -> bool {
    if bytes.len() > Span::LIMIT || std::str::from_utf8(bytes).is_err() {
        return false;
    }
    let mut scanner = Scanner::new(bytes);
    scanner.skip_value(1).is_some() && scanner.end().is_some()
}

impl<'a> Scanner<'a> {
    /// `bytes` must end below [`Span::LIMIT`].
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            reason: "",
        }
    }

    #[cold]
    pub(super) fn fail<T>(&mut self, reason: &'static str) -> Option<T> {
        self.reason = reason;
        None
    }

    #[cold]
    pub(super) fn error(&self) -> DecodeError {
        DecodeError::Json {
            offset: self.at,
            reason: if self.at < self.bytes.len() {
                self.reason
            } else {
                "the document ends too early"
            },
        }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is not whitespace.
    #[inline]
    pub(super) fn next_token(&mut self) -> Option<u8> {
        self.at = token(self.bytes, self.at);
        self.peek()
    }

    #[inline]
    pub(super) fn expect(&mut self, token: u8, reason: &'static str) -> Option<()> {
        if self.next_token() == Some(token) {
            self.at += 1;
            return Some(());
        }
        self.fail(reason)
    }

    pub(super) fn end(&mut self) -> Option<()> {
        match self.next_token() {
            None => Some(()),
            Some(_) => self.fail("something follows the document"),
        }
    }

    /// A string; the opening quote is next.
    #[inline]
    pub(super) fn string(&mut self) -> Option<Text> {
        let start = self.at + 1;
        let plain = plain_end(self.bytes, start);
        let escaped = self.bytes.get(plain) != Some(&b'"');
        self.at = plain;
        self.at = if escaped {
            self.escaped_text_end()?
        } else {
            plain + 1
        };
        Some(Text {
            start: start as u32,
            end: (self.at - 1) as u32,
            escaped,
        })
    }

    /// What follows the string whose inside begins at `start`.
    #[inline(always)]
    fn text_end(&mut self, start: usize) -> Option<usize> {
        let end = plain_end(self.bytes, start);
        if self.bytes.get(end) == Some(&b'"') {
            return Some(end + 1);
        }
        self.at = end;
        self.escaped_text_end()
    }

    #[inline(never)]
    fn escaped_text_end(&mut self) -> Option<usize> {
        loop {
            match self.peek() {
                Some(b'"') => return Some(self.at + 1),
                Some(b'\\') => self.escape()?,
                _ => return self.fail("a control character in a string must be escaped"),
            }
            self.at = plain_end(self.bytes, self.at);
        }
    }

    fn escape(&mut self) -> Option<()> {
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
        Some(())
    }

    /// A key and its colon.
    #[inline]
    pub(super) fn key(&mut self) -> Option<Text> {
        if self.next_token() != Some(b'"') {
            return self.fail(MEMBER_NAME);
        }
        let key = self.string()?;
        self.expect(b':', COLON)?;
        Some(key)
    }

    /// Any value, `outer` levels down.
    pub(super) fn skip_value(&mut self, outer: usize) -> Option<()> {
        // The place is kept in a local variable, hence in a register.
        let bytes = self.bytes;
        let mut at = self.at;
        // One bit per level: 1 for an object, 0 for an array.
        let mut levels: u128 = 0;
        let mut depth = outer;
        'value: loop {
            at = token(bytes, at);
            match bytes.get(at) {
                Some(b'"') => at = self.text_end(at + 1)?,
                Some(open @ (b'{' | b'[')) => {
                    if depth == DEPTH_LIMIT {
                        self.at = at;
                        return self.fail("arrays and objects nest too deep (limit 128)");
                    }
                    at = token(bytes, at + 1);
                    // '{' and '[' are two below their closing counterparts in ASCII.
                    if bytes.get(at) == Some(&(open + 2)) {
                        at += 1;
                    } else {
                        depth += 1;
                        levels = levels << 1 | u128::from(*open == b'{');
                        if *open == b'{' {
                            at = self.key_end(at)?;
                        }
                        continue 'value;
                    }
                }
                _ => {
                    self.at = at;
                    self.scalar()?;
                    at = self.at;
                }
            }
            loop {
                if depth == outer {
                    self.at = at;
                    return Some(());
                }
                let in_object = levels & 1 == 1;
                at = token(bytes, at);
                match (bytes.get(at), in_object) {
                    (Some(b','), true) => {
                        at = self.key_end(token(bytes, at + 1))?;
                        continue 'value;
                    }
                    (Some(b','), false) => {
                        at += 1;
                        continue 'value;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        at += 1;
                        depth -= 1;
                        levels >>= 1;
                    }
                    (_, true) => {
                        self.at = at;
                        return self.fail("expected a comma or the end of the object");
                    }
                    (_, false) => {
                        self.at = at;
                        return self.fail("expected a comma or the end of the array");
                    }
                }
            }
        }
    }

    /// What follows the colon of the member whose key should be at `at`.
    #[inline(always)]
    fn key_end(&mut self, at: usize) -> Option<usize> {
        if self.bytes.get(at) != Some(&b'"') {
            self.at = at;
            return self.fail(MEMBER_NAME);
        }
        let end = self.text_end(at + 1)?;
        let colon = token(self.bytes, end);
        if self.bytes.get(colon) != Some(&b':') {
            self.at = colon;
            return self.fail(COLON);
        }
        Some(colon + 1)
    }

    /// A number, `true`, `false` or `null`.
    pub(super) fn scalar(&mut self) -> Option<()> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => self.fail("expected a value"),
        }
    }

    pub(super) fn literal(&mut self, literal: &'static [u8]) -> Option<()> {
        let tail = self.bytes.get(self.at..).unwrap_or_default();
        if !tail.starts_with(literal) {
            return self.fail("expected a value");
        }
        self.at += literal.len();
        Some(())
    }

    #[inline]
    pub(super) fn number(&mut self) -> Option<()> {
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
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        self.at = digits_end(self.bytes, start);
        if self.at == start {
            return self.fail("expected a digit");
        }
        Some(())
    }
}

const MEMBER_NAME: &str = "expected a member name in quotes";
const COLON: &str = "expected a colon after the member name";
