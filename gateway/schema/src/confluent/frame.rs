//! What serializers put before data, to say by which schema it was written.

/// Bytes before the data: a zero, and the number of the schema.
pub const HEAD: usize = 5;

/// Data with the number of its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'b> {
    /// The number, by which the registry knows the schema.
    pub id: u32,
    /// The data; in Protobuf behind the indexes of its message.
    pub body: &'b [u8],
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFramed {
    /// There are fewer than stand before data.
    #[error("it has {0} bytes, where {HEAD} stand before the data of a frame")]
    Short(usize),
    /// The first one is another.
    #[error("its first byte is {0}, where a frame begins with 0")]
    Magic(u8),
}

impl<'b> Frame<'b> {
    /// Reads one: a zero byte, the number in four bytes, the most significant first, and the data.
    ///
    /// # Errors
    /// It is none.
    pub fn read(bytes: &'b [u8]) -> Result<Self, NotFramed> {
        match bytes {
            [0, a, b, c, d, body @ ..] => Ok(Self {
                id: u32::from_be_bytes([*a, *b, *c, *d]),
                body,
            }),
            [magic, ..] if *magic != 0 => Err(NotFramed::Magic(*magic)),
            short => Err(NotFramed::Short(short.len())),
        }
    }
}
