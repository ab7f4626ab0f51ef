//! A message behind the indexes that say which one of its file it is.

use super::walk::{self, varint};
use super::{FILE, TYPES, json, pool};
use crate::format::Definition;
use crate::writer::{Data, Form, Written};
use crate::{InvalidSchema, Violation};
use prost_reflect::{FileDescriptor, MessageDescriptor};
use std::sync::Arc;

/// Most messages of one value. A message takes much more memory than its bytes.
const MESSAGES_MAX: usize = 100_000;

#[derive(Debug)]
struct File(FileDescriptor);

pub(super) fn compile(from: &Definition) -> Result<Arc<dyn Written>, InvalidSchema> {
    let file = pool(from)?.get_file_by_name(FILE);
    let file = file.ok_or_else(|| InvalidSchema::new("there is no file in it"))?;
    Ok(Arc::new(File(file)))
}

impl Written for File {
    fn read<'b>(&self, body: &'b [u8], form: Form, max: usize) -> Result<Data<'b>, Violation> {
        let mut rest = body;
        let message = self.message(&mut rest)?;
        let mut left = MESSAGES_MAX;
        walk::walk_few(&message, rest, &mut left)?;
        let data = match form {
            Form::Json => Data::json(json::json(&message, rest, &mut left, max)?),
            Form::Bytes => Data::bytes(rest, TYPES[0]),
        };
        Ok(Data {
            message: Some(message.full_name().to_owned()),
            ..data
        })
    }
}

impl File {
    /// The message that the indexes lead to: the place among those of the file, then among those within that one, and
    /// so on, as they are written. One zero alone stands for the first.
    fn message(&self, rest: &mut &[u8]) -> Result<MessageDescriptor, Violation> {
        let wrong = |found: &str| Violation::new("", "message indexes", found);
        let end = || wrong("the end of the data");
        let missing = || wrong("one that no message has");
        let mut step = || index(rest).ok_or_else(end);
        let count = step()?;
        if count < 0 {
            return Err(wrong("less than none"));
        }
        let first = match count {
            0 => 0,
            _ => usize::try_from(step()?).map_err(|_| missing())?,
        };
        let mut message = self.0.messages().nth(first).ok_or_else(missing)?;
        // Each step leads into a message, which come to an end however large the count is.
        for _ in 1..count {
            let next = usize::try_from(step()?).map_err(|_| missing())?;
            // Entries of maps are messages that nobody wrote.
            let mut written = message.child_messages().filter(|m| !m.is_map_entry());
            let found = written.nth(next).ok_or_else(missing)?;
            drop(written);
            message = found;
        }
        Ok(message)
    }
}

/// A zig-zag number.
fn index(rest: &mut &[u8]) -> Option<i64> {
    let number = varint(rest)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}
