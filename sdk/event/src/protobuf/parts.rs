//! The events of a batch message, still encoded.

use crate::DecodeError;
use bytes::{Buf, Bytes};
use prost::decode_length_delimiter;

/// Walks over a `CloudEventBatch`; fields other than `events` are skipped.
pub(super) struct Parts(pub(super) Bytes);

/// Field 1, length-delimited.
const EVENTS: usize = 1 << 3 | 2;

impl Iterator for Parts {
    type Item = Result<Bytes, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.is_empty() {
            match self.field() {
                Some((EVENTS, part)) => return Some(Ok(part)),
                Some(_) => {}
                None => {
                    self.0.clear();
                    return Some(Err(DecodeError::Protobuf {
                        reason: "the batch is no sequence of fields".to_owned(),
                    }));
                }
            }
        }
        None
    }
}

impl Parts {
    /// The next field: its key and its bytes, which are empty for a number.
    fn field(&mut self) -> Option<(usize, Bytes)> {
        let key = self.varint()?;
        let len = match key & 7 {
            0 => {
                self.varint()?;
                0
            }
            1 => 8,
            2 => self.varint()?,
            5 => 4,
            _ => return None,
        };
        if key >> 3 == 0 || len > self.0.remaining() {
            return None;
        }
        Some((key, self.0.split_to(len)))
    }

    fn varint(&mut self) -> Option<usize> {
        decode_length_delimiter(&mut self.0).ok()
    }
}
