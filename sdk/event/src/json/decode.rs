//! Reading single events.

use super::payload;
use super::scan::{Scanner, Text};
use super::text::unescape;
use crate::model::{Base, Core, DataKind, Event, Extension, Slot, Span, TextType, validate};
use crate::{DecodeError, InvalidEvent, limits};
use bytes::Bytes;
use bytestring::ByteString;

/// Reads one event from a JSON document, which the event keeps.
///
/// Refuses what is not JSON (RFC 8259), nesting beyond [`super::DEPTH_LIMIT`], members that occur
/// twice, and whatever breaks a rule of CloudEvents 1.0.
pub fn decode(document: Bytes) -> Result<Event, DecodeError> {
    let text = utf8(document)?;
    let mut scanner = Scanner::new(text.as_bytes());
    let envelope = Envelope::read(&text, &mut scanner, 0)?;
    scanner.end().ok_or_else(|| scanner.error())?;
    envelope.into_event(text)
}

pub(super) fn utf8(document: Bytes) -> Result<ByteString, DecodeError> {
    if document.len() > Span::LIMIT {
        return Err(DecodeError::TooLarge {
            what: "document size in bytes",
            limit: Span::LIMIT,
        });
    }
    if document.starts_with(b"\xef\xbb\xbf") {
        return Err(DecodeError::Json {
            offset: 0,
            reason: "the document begins with a byte-order mark; leave it out",
        });
    }
    ByteString::try_from(document).map_err(|e| DecodeError::Json {
        offset: e.valid_up_to(),
        reason: "the document is not UTF-8",
    })
}

/// What one pass over an object found. Spans are relative to where the object begins.
#[derive(Debug)]
pub(super) struct Envelope {
    side: String,
    core: [Span; 7],
    /// Core attributes met, also those that are null; bit 7 is `specversion`.
    seen: u8,
    extensions: Vec<Extension>,
    nulls: Vec<Span>,
    data: Option<(usize, usize)>,
    base64: Option<Span>,
}

impl Envelope {
    /// Reads an object; `origin` is where the event's own text begins.
    pub(super) fn read(
        text: &str,
        scanner: &mut Scanner<'_>,
        origin: usize,
    ) -> Result<Self, DecodeError> {
        let mut envelope = Envelope {
            side: String::new(),
            core: [Span::NONE; 7],
            seen: 0,
            extensions: Vec::new(),
            nulls: Vec::new(),
            data: None,
            base64: None,
        };
        scanner
            .expect(b'{', "expected an event, which is an object")
            .ok_or_else(|| scanner.error())?;
        if scanner.next_token() == Some(b'}') {
            scanner.at += 1;
            return Ok(envelope);
        }
        loop {
            let key = scanner.key().ok_or_else(|| scanner.error())?;
            envelope.member(text, scanner, key, origin)?;
            match scanner.next_token() {
                Some(b',') => scanner.at += 1,
                Some(b'}') => break,
                _ => {
                    return fail(scanner, "expected a comma or the end of the object");
                }
            }
        }
        scanner.at += 1;
        Ok(envelope)
    }

    fn member(
        &mut self,
        text: &str,
        scanner: &mut Scanner<'_>,
        key: Text,
        origin: usize,
    ) -> Result<(), DecodeError> {
        let unescaped;
        let (start, end) = (key.start as usize, key.end as usize);
        let raw = text.get(start..end).unwrap_or_default();
        let name = if key.escaped {
            let mut out = String::new();
            unescape(raw, &mut out).ok_or_else(|| InvalidEvent::new(raw, HALF_PAIR))?;
            unescaped = out;
            &unescaped
        } else {
            raw
        };
        let first = scanner.next_token();
        if let Some(core) = Core::named(name) {
            self.once(1 << core as u8, name)?;
            if first == Some(b'n') {
                return literal(scanner, b"null");
            }
            let span = self.string(text, scanner, name, origin)?;
            validate::core(core, self.text(text, span, origin))?;
            self.core[core as usize] = span;
            return Ok(());
        }
        match name {
            "specversion" => {
                self.once(1 << 7, name)?;
                let span = self.string(text, scanner, name, origin)?;
                validate::spec_version(self.text(text, span, origin))?;
            }
            "data" => {
                if self.data.is_some() {
                    return Err(InvalidEvent::twice(name).into());
                }
                let start = scanner.at;
                scanner.skip_value(1).ok_or_else(|| scanner.error())?;
                self.data = Some((start, scanner.at));
            }
            "data_base64" => {
                if self.base64.is_some() {
                    return Err(InvalidEvent::twice(name).into());
                }
                if first == Some(b'n') {
                    literal(scanner, b"null")?;
                    self.base64 = Some(Span::NONE);
                } else {
                    self.base64 = Some(self.string(text, scanner, name, origin)?);
                }
            }
            _ => {
                validate::name(name)?;
                limits::another(self.extensions.len() + self.nulls.len(), name)?;
                let span = if key.escaped {
                    self.push(name)
                } else {
                    Span::envelope(start - origin, end - origin)
                };
                self.extension(text, scanner, name, span, origin)?;
            }
        }
        Ok(())
    }

    fn extension(
        &mut self,
        text: &str,
        scanner: &mut Scanner<'_>,
        name: &str,
        span: Span,
        origin: usize,
    ) -> Result<(), DecodeError> {
        let value = match scanner.peek() {
            Some(b'"') => {
                let value = self.string(text, scanner, name, origin)?;
                validate::text(name, TextType::String, self.text(text, value, origin))?;
                Slot::Text(TextType::String, value)
            }
            Some(b'n') => {
                literal(scanner, b"null")?;
                self.nulls.push(span);
                return Ok(());
            }
            Some(b't') => {
                literal(scanner, b"true")?;
                Slot::Boolean(true)
            }
            Some(b'f') => {
                literal(scanner, b"false")?;
                Slot::Boolean(false)
            }
            Some(b'-' | b'0'..=b'9') => {
                let start = scanner.at;
                scanner.number().ok_or_else(|| scanner.error())?;
                let digits = text.get(start..scanner.at).unwrap_or_default();
                let number = digits.parse().map_err(|_| {
                    let reason = format!("is {digits}; numbers must be 32-bit integers");
                    InvalidEvent::new(name, reason)
                })?;
                Slot::Integer(number)
            }
            Some(b'{' | b'[') => {
                return Err(InvalidEvent::new(
                    name,
                    "is an object or an array; extensions are strings, integers or booleans",
                )
                .into());
            }
            _ => return fail(scanner, "expected a value"),
        };
        self.extensions.push(Extension { name: span, value });
        Ok(())
    }

    fn once(&mut self, bit: u8, name: &str) -> Result<(), InvalidEvent> {
        if self.seen & bit != 0 {
            return Err(InvalidEvent::twice(name));
        }
        self.seen |= bit;
        Ok(())
    }

    fn string(
        &mut self,
        text: &str,
        scanner: &mut Scanner<'_>,
        name: &str,
        origin: usize,
    ) -> Result<Span, DecodeError> {
        match scanner.peek() {
            Some(b'"') => {}
            Some(b'{' | b'[' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {
                return Err(InvalidEvent::new(name, "is no string; it must be one").into());
            }
            _ => return fail(scanner, "expected a value"),
        }
        let found = scanner.string().ok_or_else(|| scanner.error())?;
        let (start, end) = (found.start as usize, found.end as usize);
        if !found.escaped {
            return Ok(Span::envelope(start - origin, end - origin));
        }
        let raw = text.get(start..end).unwrap_or_default();
        let start = self.side.len();
        unescape(raw, &mut self.side).ok_or_else(|| InvalidEvent::new(name, HALF_PAIR))?;
        Ok(Span::side(start, self.side.len()))
    }

    fn push(&mut self, value: &str) -> Span {
        let start = self.side.len();
        self.side.push_str(value);
        Span::side(start, self.side.len())
    }

    fn text<'a>(&'a self, text: &'a str, span: Span, origin: usize) -> &'a str {
        let (buffer, start) = if span.start & Span::SIDE == 0 {
            (text, span.start as usize + origin)
        } else {
            (&*self.side, (span.start & !Span::SIDE) as usize)
        };
        buffer
            .get(start..start + span.len as usize)
            .unwrap_or_default()
    }

    /// The event; `own` begins at the `origin` that [`Envelope::read`] was given.
    pub(super) fn into_event(mut self, own: ByteString) -> Result<Event, DecodeError> {
        if self.seen & 1 << 7 == 0 {
            return Err(InvalidEvent::missing("specversion").into());
        }
        let base64 = self.base64.filter(|span| span.is_some());
        let content_type = self.core[Core::DataContentType as usize];
        let (data, data_span) = payload::read(
            &own,
            self.data,
            base64.map(|span| self.text(&own, span, 0)),
            content_type
                .is_some()
                .then(|| self.text(&own, content_type, 0)),
        )?;
        // A name may be null once and have a value once: that is twice all the same.
        let nulls = std::mem::take(&mut self.nulls);
        let absent = nulls.iter().map(|name| Extension {
            name: *name,
            value: Slot::Boolean(false),
        });
        let present = self.extensions.len();
        self.extensions.extend(absent);
        let mut base = Base {
            envelope: own,
            side: self.side,
            core: self.core,
            extensions: self.extensions,
            is_json: true,
            // Of a string that holds text nothing is known but that.
            well_formed: data_span.is_some()
                && data
                    .as_ref()
                    .is_some_and(|data| data.kind == DataKind::Json),
            data,
            data_span,
        };
        base.check_names()?;
        base.extensions.truncate(present);
        Ok(Event::from_base(base))
    }

    /// Moves the data, found in a larger document, to where the event's own text has it.
    pub(super) fn rebase(&mut self, origin: usize) {
        self.data = self.data.map(|(start, end)| (start - origin, end - origin));
    }
}

fn literal(scanner: &mut Scanner<'_>, literal: &'static [u8]) -> Result<(), DecodeError> {
    scanner.literal(literal).ok_or_else(|| scanner.error())
}

fn fail<T>(scanner: &mut Scanner<'_>, reason: &'static str) -> Result<T, DecodeError> {
    scanner.fail(reason).ok_or_else(|| scanner.error())
}

pub(super) const HALF_PAIR: &str = "has half of a surrogate pair, which is no character";
