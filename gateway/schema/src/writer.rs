//! The schema that data was written by, and what the data says by it.

use crate::format::{Definition, Format};
use crate::{InvalidSchema, Violation};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What data is wanted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON, by the encoding that the language publishes: "JSON Encoding" of the Avro specification, ProtoJSON.
    Json,
    /// As it was written.
    Bytes,
}

/// Data that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data<'b> {
    /// It; borrowed where nothing was made of it.
    pub bytes: Cow<'b, [u8]>,
    /// Its media type.
    pub media_type: &'static str,
    /// Full name of its message, in Protobuf.
    pub message: Option<String>,
}

impl<'b> Data<'b> {
    pub(crate) fn json(text: Vec<u8>) -> Self {
        Self {
            bytes: Cow::Owned(text),
            media_type: "application/json",
            message: None,
        }
    }

    pub(crate) fn bytes(bytes: &'b [u8], media_type: &'static str) -> Self {
        Self {
            bytes: Cow::Borrowed(bytes),
            media_type,
            message: None,
        }
    }
}

/// Reads what was written by one schema.
pub(crate) trait Written: fmt::Debug + Send + Sync {
    /// `body` is what follows the number of the schema in a frame.
    fn read<'b>(&self, body: &'b [u8], form: Form, max: usize) -> Result<Data<'b>, Violation>;
}

/// A schema that data is written by.
#[derive(Debug, Clone)]
pub struct Writer(Arc<dyn Written>);

impl Writer {
    /// One in this language. Of a Protobuf file, every message can have been written: the data says which.
    ///
    /// # Errors
    /// There is no such language, or the schema does not compile.
    pub fn new(format: &str, definition: &Definition) -> Result<Self, InvalidSchema> {
        let written = Format::named(format)?.written(definition)?;
        Ok(Self(written))
    }

    /// Reads what follows the number of the schema in a frame: the data, in Protobuf behind the indexes of its
    /// message. It is checked in both forms; neither it nor what is made of it takes more than `max` bytes.
    ///
    /// # Errors
    /// It was not written by this schema, or is too large.
    pub fn read<'b>(&self, body: &'b [u8], form: Form, max: usize) -> Result<Data<'b>, Violation> {
        if body.len() > max {
            let large = Violation::new("", "size", format!("{} bytes", body.len()));
            return Err(large.expected(format!("at most {max} bytes")));
        }
        self.0.read(body, form, max)
    }
}
