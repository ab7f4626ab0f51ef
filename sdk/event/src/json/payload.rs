//! `data` and `data_base64` (JSON format §3.1.2).

use super::decode::HALF_PAIR;
use super::text::unescape;
use crate::model::{Data, DataKind, Span, is_json};
use crate::{DecodeError, InvalidEvent};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytestring::ByteString;

/// The payload, and where it lies in the document where it stands there as it is.
pub(super) fn read(
    document: &ByteString,
    data: Option<(usize, usize)>,
    base64: Option<&str>,
    content_type: Option<&str>,
) -> Result<(Option<Data>, Option<Span>), DecodeError> {
    match (data, base64) {
        (None, None) => Ok((None, None)),
        (Some(_), Some(_)) => Err(InvalidEvent::new(
            "data_base64",
            "stands beside `data`; an event has one of them",
        )
        .into()),
        (None, Some(base64)) => {
            let bytes = STANDARD.decode(base64).map_err(|_| {
                InvalidEvent::new("data_base64", "is no base64 (RFC 4648 §4, with padding)")
            })?;
            let data = Data {
                bytes: bytes.into(),
                kind: DataKind::Binary,
            };
            Ok((Some(data), None))
        }
        (Some((start, end)), None) if content_type.is_none_or(is_json) => {
            Ok(in_place(document, start, end, DataKind::Json))
        }
        (Some((start, end)), None) => text(document, start, end),
    }
}

/// Data of a type that is not JSON is a string, whose characters are the payload.
fn text(
    document: &ByteString,
    start: usize,
    end: usize,
) -> Result<(Option<Data>, Option<Span>), DecodeError> {
    let raw = document.get(start..end).unwrap_or_default();
    let inside = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    let inside = inside.ok_or_else(|| {
        InvalidEvent::new(
            "data",
            "is no string although its content type is not JSON; set datacontenttype to a JSON \
             type or send a string",
        )
    })?;
    if !inside.contains('\\') {
        return Ok(in_place(document, start + 1, end - 1, DataKind::Text));
    }
    let mut out = String::with_capacity(inside.len());
    unescape(inside, &mut out).ok_or_else(|| InvalidEvent::new("data", HALF_PAIR))?;
    let data = Data {
        bytes: out.into(),
        kind: DataKind::Text,
    };
    Ok((Some(data), None))
}

fn in_place(
    document: &ByteString,
    start: usize,
    end: usize,
    kind: DataKind,
) -> (Option<Data>, Option<Span>) {
    let bytes = document.as_bytes().slice(start..end);
    (Some(Data { bytes, kind }), Some(Span::envelope(start, end)))
}
