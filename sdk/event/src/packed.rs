//! Tradewind's storage form: compact, versioned, read without copying.
//!
//! Keeps attribute types and the kind of the data, and of an event that came as JSON and was not
//! touched since the original document. Numbers are LEB128 varints.
//!
//! ```text
//! version (1)  flags  envelope length  side length  data length
//! core spans (7: 0, or 1 + mark of the side buffer, offset, length)
//! count of extensions, each: name span, tag, value
//! envelope  side  data (only where it does not lie in the envelope)
//! ```

use crate::DecodeError;
use crate::model::{Base, Core, Data, DataKind, Event, Extension, Slot, Span, TextType, validate};
use bytes::Bytes;
use bytestring::ByteString;

/// First byte of what [`pack`] writes.
pub const VERSION: u8 = 1;

const JSON: u8 = 1;
const DATA: u8 = 2;
const DATA_IN_ENVELOPE: u8 = 4;
const KIND_SHIFT: u8 = 3;
/// JSON data was found to be well-formed, which is not found out again: the store guards what it keeps by
/// checksums.
const WELL_FORMED: u8 = 32;
const FLAGS: u8 = 63;

/// Bytes that lead the spans, about, and that one takes with what it is the value of.
const SPANS: usize = 24;
const SPAN: usize = 9;

/// Bytes that the packed event takes, about.
pub fn room(event: &Event) -> usize {
    let base = event.base();
    let (outside, spans) = (outside(base).len(), 8 + base.extensions.len());
    SPANS + spans * SPAN + base.envelope.len() + base.side.len() + outside
}

/// Data that does not lie in the envelope.
fn outside(base: &Base) -> &[u8] {
    match (&base.data, base.data_span) {
        (Some(data), None) => &data.bytes,
        _ => &[],
    }
}

/// Appends the packed event to `out`.
pub fn pack(event: &Event, out: &mut Vec<u8>) {
    out.reserve(room(event));
    match event.untouched() {
        Some(base) => write(base, out),
        None => write(&event.flattened(), out),
    };
}

/// Packs the event behind what is in `out`, and gives with the whole the event as [`unpack`] would read it, without
/// reading it: it shares these bytes, and nothing of what the event came in.
pub fn pack_again(event: &Event, mut out: Vec<u8>) -> (Bytes, Event) {
    out.reserve(room(event));
    let flattened;
    let base = match event.untouched() {
        Some(base) => base,
        None => {
            flattened = event.flattened();
            &flattened
        }
    };
    let at = write(base, &mut out);
    let packed = Bytes::from(out);
    let again = ByteString::try_from(packed.slice(at..at + base.envelope.len())).map(|envelope| {
        let data = base.data.as_ref().map(|data| Data {
            kind: data.kind,
            bytes: match base.data_span {
                None => packed.slice(packed.len() - data.bytes.len()..),
                Some(span) => {
                    let start = at + span.start as usize;
                    packed.slice(start..start + span.len as usize)
                }
            },
        });
        Event::from_base(Base {
            envelope,
            side: base.side.clone(),
            core: base.core,
            extensions: base.extensions.clone(),
            data,
            ..*base
        })
    });
    // Text that was written is text.
    (packed, again.unwrap_or_else(|_| event.clone()))
}

/// Gives where the envelope lies.
fn write(base: &Base, out: &mut Vec<u8>) -> usize {
    let outside = outside(base);
    let mut flags = 0;
    if base.is_json {
        flags |= JSON;
    }
    if let Some(data) = &base.data {
        let kind: u8 = match data.kind {
            DataKind::Json => 0,
            DataKind::Text => 1,
            DataKind::Binary => 2,
        };
        flags |= DATA | kind << KIND_SHIFT;
        if base.well_formed {
            flags |= WELL_FORMED;
        }
    }
    if base.data_span.is_some() {
        flags |= DATA_IN_ENVELOPE;
    }
    out.extend_from_slice(&[VERSION, flags]);
    put(base.envelope.len() as u64, out);
    put(base.side.len() as u64, out);
    put(outside.len() as u64, out);
    for span in base.core {
        put_span(span, out);
    }
    if let Some(span) = base.data_span {
        put_span(span, out);
    }
    put(base.extensions.len() as u64, out);
    for extension in &base.extensions {
        put_span(extension.name, out);
        match extension.value {
            Slot::Boolean(value) => out.push(u8::from(value)),
            Slot::Integer(n) => {
                out.push(2);
                put(u64::from((n << 1 ^ n >> 31) as u32), out);
            }
            Slot::Text(ty, span) => {
                out.push(match ty {
                    TextType::String => 3,
                    TextType::Binary => 4,
                    TextType::Uri => 5,
                    TextType::UriReference => 6,
                    TextType::Timestamp => 7,
                });
                put_span(span, out);
            }
        }
    }
    let at = out.len();
    out.extend_from_slice(base.envelope.as_bytes());
    out.extend_from_slice(base.side.as_bytes());
    out.extend_from_slice(outside);
    at
}

fn put(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn put_span(span: Span, out: &mut Vec<u8>) {
    if !span.is_some() {
        return out.push(0);
    }
    out.push(if span.start & Span::SIDE == 0 { 1 } else { 2 });
    put(u64::from(span.start & !Span::SIDE), out);
    put(u64::from(span.len), out);
}

/// Reads a packed event, which shares `packed`. The whole of `packed` must be the event; it is
/// checked like any other input.
pub fn unpack(packed: Bytes) -> Result<Event, DecodeError> {
    let mut reader = Reader {
        bytes: &packed,
        at: 0,
    };
    let version = reader.byte()?;
    if version != VERSION {
        return damaged("unknown version; it was written by a later release, or is damaged");
    }
    let flags = reader.byte()?;
    if flags & !FLAGS != 0 {
        return damaged("unknown mark; it was written by a later release, or is damaged");
    }
    let [envelope_len, side_len, data_len] = [reader.length()?, reader.length()?, reader.length()?];
    let mut core = [Span::NONE; 7];
    for span in &mut core {
        *span = reader.span()?;
    }
    let data_span = match flags & DATA_IN_ENVELOPE {
        0 => None,
        _ => Some(reader.span()?),
    };
    let extensions = reader.extensions()?;
    let envelope_at = reader.at;
    let side_at = envelope_at + envelope_len;
    let data_at = side_at + side_len;
    if data_at + data_len != packed.len() {
        return damaged("its length is not what its head says");
    }
    let envelope = ByteString::try_from(packed.slice(envelope_at..side_at));
    let side = String::from_utf8(packed[side_at..data_at].to_vec());
    let (Ok(envelope), Ok(side)) = (envelope, side) else {
        return damaged("its text is not UTF-8");
    };
    let mut base = Base {
        envelope,
        side,
        core,
        extensions,
        data: None,
        is_json: flags & JSON != 0,
        data_span,
        well_formed: flags & WELL_FORMED != 0,
    };
    if flags & DATA != 0 {
        base.data = Some(Data {
            kind: match flags >> KIND_SHIFT & 3 {
                0 => DataKind::Json,
                1 => DataKind::Text,
                2 => DataKind::Binary,
                _ => return damaged("unknown kind of data"),
            },
            bytes: match data_span {
                None => packed.slice(data_at..),
                Some(span) => match base.text(span) {
                    Some(text) => base.envelope.as_bytes().slice_ref(text.as_bytes()),
                    None => return damaged("a span lies outside of its buffer"),
                },
            },
        });
    } else if data_span.is_some() || data_len > 0 || flags >> KIND_SHIFT != 0 {
        return damaged("it has data and says that it has none");
    }
    check(&base)?;
    Ok(Event::from_base(base))
}

fn check(base: &Base) -> Result<(), DecodeError> {
    for core in Core::ALL {
        let span = base.core[core as usize];
        match base.text(span) {
            Some(text) => validate::core(core, text)?,
            None if span.is_some() => return damaged("a span lies outside of its buffer"),
            None => {}
        }
    }
    if base.extensions().count() != base.extensions.len() {
        return damaged("a span lies outside of its buffer");
    }
    for (name, value) in base.extensions() {
        if Core::named(name).is_some() || name == "specversion" {
            return damaged("a core attribute stands among the extensions");
        }
        validate::attribute(name, value)?;
    }
    Ok(base.check_names()?)
}

fn damaged<T>(reason: &'static str) -> Result<T, DecodeError> {
    Err(DecodeError::Packed { reason })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let Some(b) = self.bytes.get(self.at) else {
            return damaged("it ends too early");
        };
        self.at += 1;
        Ok(*b)
    }

    fn number(&mut self) -> Result<u32, DecodeError> {
        let mut n = 0u64;
        for shift in (0..35).step_by(7) {
            let b = self.byte()?;
            n |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return match u32::try_from(n) {
                    Ok(n) => Ok(n),
                    Err(_) => damaged("a number is too large"),
                };
            }
        }
        damaged("a number is too long")
    }

    /// No part is longer than the whole, which bounds every sum and allocation that follows.
    fn length(&mut self) -> Result<usize, DecodeError> {
        match self.number()? as usize {
            n if n <= self.bytes.len() => Ok(n),
            _ => damaged("a length is beyond its end"),
        }
    }

    fn span(&mut self) -> Result<Span, DecodeError> {
        let mark = self.byte()?;
        if mark == 0 {
            return Ok(Span::NONE);
        }
        let (start, len) = (self.length()?, self.length()?);
        match mark {
            _ if start + len > Span::LIMIT => damaged("a span lies outside of its buffer"),
            1 => Ok(Span::envelope(start, start + len)),
            2 => Ok(Span::side(start, start + len)),
            _ => damaged("unknown mark of a span"),
        }
    }

    fn extensions(&mut self) -> Result<Vec<Extension>, DecodeError> {
        let count = self.length()?;
        let mut extensions = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            let name = self.span()?;
            let tag = self.byte()?;
            let value = match tag {
                0 | 1 => Slot::Boolean(tag == 1),
                2 => {
                    let n = self.number()?;
                    Slot::Integer((n >> 1) as i32 ^ -((n & 1) as i32))
                }
                3 => Slot::Text(TextType::String, self.span()?),
                4 => Slot::Text(TextType::Binary, self.span()?),
                5 => Slot::Text(TextType::Uri, self.span()?),
                6 => Slot::Text(TextType::UriReference, self.span()?),
                7 => Slot::Text(TextType::Timestamp, self.span()?),
                _ => return damaged("unknown type of an attribute"),
            };
            extensions.push(Extension { name, value });
        }
        Ok(extensions)
    }
}
