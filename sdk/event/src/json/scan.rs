//! A JSON scanner (RFC 8259) over bytes that are known to be UTF-8.

use super::blocks::{self, Plain};
use super::compact;
use super::ends::{self, COLON, Fault, MEMBER_NAME};
use super::text::token;
use crate::DecodeError;
use crate::model::Span;

/// The inside of a string, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) escaped: bool,
}

/// Methods give `None` where the document is not JSON; then [`Scanner::error`] tells why.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    plain: Plain,
    /// No part of it was seen that is written another way.
    compact: bool,
    fault: Fault,
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
            plain: Plain::default(),
            compact: true,
            fault: Fault { at: 0, reason: "" },
        }
    }

    /// What is wrong is what comes next.
    #[cold]
    pub(super) fn fail<T>(&mut self, reason: &'static str) -> Option<T> {
        ends::fail(&mut self.fault, self.at, reason)
    }

    #[cold]
    pub(super) fn error(&self) -> DecodeError {
        DecodeError::Json {
            offset: self.fault.at,
            reason: if self.fault.at < self.bytes.len() {
                self.fault.reason
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
    #[inline(always)]
    pub(super) fn string(&mut self) -> Option<Text> {
        let start = self.at + 1;
        let end = self.plain.end(self.bytes, start);
        let escaped = self.bytes.get(end) != Some(&b'"');
        self.at = match escaped {
            true => ends::escaped_text_end(self.bytes, end, &mut self.fault)?,
            false => end + 1,
        };
        Some(Text {
            start: start as u32,
            end: (self.at - 1) as u32,
            escaped,
        })
    }

    /// The bytes of a text.
    #[inline(always)]
    pub(super) fn inside(&self, text: Text) -> &'a [u8] {
        let inside = self.bytes.get(text.start as usize..text.end as usize);
        inside.unwrap_or_default()
    }

    /// A key and its colon.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Option<Text> {
        if self.next_token() != Some(b'"') {
            return self.fail(MEMBER_NAME);
        }
        let start = self.at + 1;
        let end = self.plain.end(self.bytes, start);
        if ends::follows(self.bytes, end, b"\":") {
            self.at = end + 2;
            return Some(Text {
                start: start as u32,
                end: end as u32,
                escaped: false,
            });
        }
        let key = self.string()?;
        self.expect(b':', COLON)?;
        Some(key)
    }

    /// Any value, `outer` levels down.
    #[inline]
    pub(super) fn skip_value(&mut self, outer: usize) -> Option<()> {
        let mut compact = self.compact;
        let skipped = self.skip(|bytes, at, fault| {
            if compact {
                let end = compact::container_end(bytes, at, outer);
                if end.is_some() {
                    return end;
                }
                compact = false;
            }
            ends::container_end(bytes, at, outer, fault)
        });
        self.compact = compact;
        skipped
    }

    /// Any value in a document that is known to be well-formed.
    #[inline]
    pub(super) fn skip_known(&mut self) -> Option<()> {
        self.skip(|bytes, at, _| blocks::container_end(bytes, at + 1))
    }

    #[inline(always)]
    fn skip(
        &mut self,
        container_end: impl FnOnce(&[u8], usize, &mut Fault) -> Option<usize>,
    ) -> Option<()> {
        let (bytes, at) = (self.bytes, token(self.bytes, self.at));
        self.at = match bytes.get(at) {
            Some(b'"') => ends::text_end(bytes, at + 1, &mut self.plain, &mut self.fault)?,
            Some(b'{' | b'[') => container_end(bytes, at, &mut self.fault)?,
            _ => ends::scalar_end(bytes, at, &mut self.fault)?,
        };
        Some(())
    }

    /// A number, `true`, `false` or `null`.
    #[inline]
    pub(super) fn scalar(&mut self) -> Option<()> {
        self.at = ends::scalar_end(self.bytes, self.at, &mut self.fault)?;
        Some(())
    }

    pub(super) fn literal(&mut self, literal: &'static [u8]) -> Option<()> {
        self.at = ends::literal_end(self.bytes, self.at, literal, &mut self.fault)?;
        Some(())
    }

    pub(super) fn number(&mut self) -> Option<()> {
        self.at = ends::number_end(self.bytes, self.at, &mut self.fault)?;
        Some(())
    }
}
