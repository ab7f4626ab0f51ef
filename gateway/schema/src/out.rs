//! JSON text of a bounded size, written as data is read.

use std::io;

/// The text so far.
#[derive(Debug)]
pub(crate) struct Json {
    text: Vec<u8>,
    max: usize,
}

/// There is no room for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

pub(crate) type Said = Result<(), Full>;

impl Json {
    /// At most so many bytes.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            text: Vec::new(),
            max,
        }
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.text
    }

    /// Text that is JSON already.
    pub(crate) fn put(&mut self, part: &[u8]) -> Said {
        if part.len() > self.max - self.text.len() {
            return Err(Full);
        }
        self.text.extend_from_slice(part);
        Ok(())
    }

    pub(crate) fn integer(&mut self, number: i64) -> Said {
        self.put(number.to_string().as_bytes())
    }

    pub(crate) fn string(&mut self, text: &str) -> Said {
        serde_json::to_writer(self, text).map_err(|_| Full)
    }

    /// Each byte is the character of its number, which is how Avro writes bytes.
    pub(crate) fn latin1(&mut self, bytes: &[u8]) -> Said {
        let text: String = bytes.iter().copied().map(char::from).collect();
        self.string(&text)
    }

    /// JSON has no numbers that are none: both languages write them as texts.
    pub(crate) fn float(&mut self, number: f32) -> Said {
        match number.is_finite() {
            true => serde_json::to_writer(self, &number).map_err(|_| Full),
            false => self.string(no_number(number.into())),
        }
    }

    pub(crate) fn double(&mut self, number: f64) -> Said {
        match number.is_finite() {
            true => serde_json::to_writer(self, &number).map_err(|_| Full),
            false => self.string(no_number(number)),
        }
    }

    /// What stands before an element or a member.
    pub(crate) fn comma(&mut self, first: &mut bool) -> Said {
        match std::mem::take(first) {
            true => Ok(()),
            false => self.put(b","),
        }
    }

    /// The name of a member.
    pub(crate) fn name(&mut self, name: &str) -> Said {
        self.string(name)?;
        self.put(b":")
    }
}

fn no_number(number: f64) -> &'static str {
    match number {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}

impl io::Write for Json {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        match self.put(part) {
            Ok(()) => Ok(part.len()),
            Err(Full) => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
