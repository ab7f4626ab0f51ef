//! A walk over a JSON document that looks only where it is asked to, and checks all of it that is not
//! known to be well-formed.

use super::DEPTH_LIMIT;
use super::scan::{Scanner, Text};
use super::text::unescape;
use crate::model::{DataKind, Event, Span};
use std::borrow::Cow;

/// Reads a JSON document in one pass, from the front.
///
/// `None` from any method means that the document is not JSON; then nothing that was read before
/// should count either. The caller calls the method that fits what [`Reader::peek`] says.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    scanner: Scanner<'a>,
    depth: usize,
    known: bool,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// `{`: go on with [`Reader::open`] and [`Reader::member`].
    Object,
    /// `[`: go on with [`Reader::open`] and [`Reader::element`].
    Array,
    /// A string: [`Reader::text`].
    Text,
    /// A number, `true`, `false` or `null`: [`Reader::word`].
    Word,
}

impl<'a> Reader<'a> {
    /// Over a whole document.
    pub fn new(document: &'a [u8]) -> Option<Self> {
        if document.len() > Span::LIMIT {
            return None;
        }
        Some(Self::over(std::str::from_utf8(document).ok()?, false))
    }

    /// Over the JSON data of an event. What an event brought along in a JSON document was checked with
    /// it, and is not checked again: then [`Reader::skip`] costs little, and [`Reader::end`] nothing.
    pub fn of(event: &'a Event) -> Option<Self> {
        match event.known_json() {
            Some(text) => Some(Self::over(text, true)),
            None => Self::new(
                &event
                    .data()
                    .filter(|data| data.kind == DataKind::Json)?
                    .bytes,
            ),
        }
    }

    fn over(text: &'a str, known: bool) -> Self {
        Self {
            text,
            scanner: Scanner::new(text.as_bytes()),
            depth: 0,
            known,
        }
    }

    /// What comes next.
    #[inline]
    pub fn peek(&mut self) -> Option<Next> {
        Some(match self.scanner.next_token()? {
            b'{' => Next::Object,
            b'[' => Next::Array,
            b'"' => Next::Text,
            _ => Next::Word,
        })
    }

    /// Passes the opening bracket.
    #[inline]
    pub fn open(&mut self) -> Option<()> {
        if self.depth == DEPTH_LIMIT {
            return None;
        }
        self.depth += 1;
        self.scanner.at += 1;
        Some(())
    }

    /// The key of the next member, up to its value; `Some(None)` behind the last one.
    #[inline]
    pub fn member(&mut self, first: bool) -> Option<Option<Cow<'a, str>>> {
        if !self.goes_on(b'}', first)? {
            return Some(None);
        }
        let key = self.scanner.key()?;
        Some(Some(self.inside(key)))
    }

    /// The next member that `wanted` takes by the bytes of its key, up to its value; others are passed.
    /// `Some(None)` behind the last one.
    #[inline]
    pub fn member_of<T>(
        &mut self,
        mut first: bool,
        wanted: impl Fn(&[u8]) -> Option<T>,
    ) -> Option<Option<T>> {
        while self.goes_on(b'}', first)? {
            let key = self.scanner.key()?;
            let taken = match key.escaped {
                false => wanted(self.scanner.inside(key)),
                true => wanted(self.inside(key).as_bytes()),
            };
            match taken {
                None => self.skip()?,
                taken => return Some(taken),
            }
            first = false;
        }
        Some(None)
    }

    /// Whether another element comes.
    #[inline]
    pub fn element(&mut self, first: bool) -> Option<bool> {
        self.goes_on(b']', first)
    }

    /// A string. Half a surrogate pair makes it U+FFFD.
    #[inline]
    pub fn text(&mut self) -> Option<Cow<'a, str>> {
        let text = self.scanner.string()?;
        Some(self.inside(text))
    }

    /// A number as it is written, `true`, `false` or `null`.
    #[inline]
    pub fn word(&mut self) -> Option<&'a str> {
        let start = self.scanner.at;
        self.scanner.scalar()?;
        self.text.get(start..self.scanner.at)
    }

    /// Passes a value of any kind.
    #[inline]
    pub fn skip(&mut self) -> Option<()> {
        match self.known {
            true => self.scanner.skip_known(),
            false => self.scanner.skip_value(self.depth),
        }
    }

    /// Nothing but whitespace is left.
    pub fn end(&mut self) -> Option<()> {
        match self.known {
            true => Some(()),
            false => self.scanner.end(),
        }
    }

    #[inline(always)]
    fn goes_on(&mut self, close: u8, first: bool) -> Option<bool> {
        match self.scanner.next_token()? {
            byte if byte == close => {
                self.scanner.at += 1;
                self.depth -= 1;
                Some(false)
            }
            b',' if !first => {
                self.scanner.at += 1;
                self.scanner.next_token()?;
                Some(true)
            }
            _ if first => Some(true),
            _ => None,
        }
    }

    #[inline]
    fn raw(&self, text: Text) -> &'a str {
        let inside = self.text.get(text.start as usize..text.end as usize);
        inside.unwrap_or_default()
    }

    #[inline]
    fn inside(&self, text: Text) -> Cow<'a, str> {
        let raw = self.raw(text);
        if !text.escaped {
            return Cow::Borrowed(raw);
        }
        let mut out = String::with_capacity(raw.len());
        Cow::Owned(match unescape(raw, &mut out) {
            Some(()) => out,
            None => "\u{fffd}".into(),
        })
    }
}
