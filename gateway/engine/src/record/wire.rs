//! Length-prefixed fields and variable-length integers.

use bytes::Bytes;

/// A record of this shard that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable {what}: {why}")]
pub(crate) struct Corrupt {
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(version: u8) -> Self {
        Self::with_room(version, 64)
    }
    /// For about so many bytes.
    pub(crate) fn with_room(version: u8, bytes: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.push(version);
        Self(out)
    }
    pub(crate) fn int(&mut self, mut n: u64) -> &mut Self {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
        self
    }
    pub(crate) fn flag(&mut self, b: bool) -> &mut Self {
        self.0.push(u8::from(b));
        self
    }
    pub(crate) fn bytes(&mut self, b: &[u8]) -> &mut Self {
        self.int(b.len() as u64);
        self.0.extend_from_slice(b);
        self
    }
    pub(crate) fn text(&mut self, s: &str) -> &mut Self {
        self.bytes(s.as_bytes())
    }
    /// `None` is 0, `Some(n)` is n + 1.
    pub(crate) fn maybe(&mut self, n: Option<u64>) -> &mut Self {
        match n {
            None => self.int(0),
            Some(n) => self.int(1).int(n),
        }
    }
    pub(crate) fn finish(self) -> Bytes {
        self.0.into()
    }
    /// The buffer itself, for a tail that runs to the end.
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

#[derive(Debug)]
pub(crate) struct Reader<'a> {
    what: &'static str,
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Begins with the version, which must be `version`.
    pub(crate) fn new(what: &'static str, bytes: &'a [u8], version: u8) -> Result<Self, Corrupt> {
        match bytes.split_first() {
            Some((v, left)) if *v == version => Ok(Self { what, left }),
            Some(_) => Err(Corrupt {
                what,
                why: "written by a newer release",
            }),
            None => Err(Corrupt { what, why: "empty" }),
        }
    }
    fn short<T>(&self) -> Result<T, Corrupt> {
        Err(Corrupt {
            what: self.what,
            why: "cut short",
        })
    }
    pub(crate) fn int(&mut self) -> Result<u64, Corrupt> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let Some((byte, left)) = self.left.split_first() else {
                return self.short();
            };
            self.left = left;
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(n);
            }
        }
        Err(Corrupt {
            what: self.what,
            why: "number too long",
        })
    }
    /// A count of things of at least one byte each, so that a bad one cannot ask for memory.
    pub(crate) fn count(&mut self) -> Result<usize, Corrupt> {
        let n = self.int()?;
        if n > self.left.len() as u64 {
            return self.short();
        }
        Ok(n as usize)
    }
    pub(crate) fn flag(&mut self) -> Result<bool, Corrupt> {
        Ok(self.int()? != 0)
    }
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let n = self.count()?;
        let (head, left) = self.left.split_at(n);
        self.left = left;
        Ok(head)
    }
    pub(crate) fn text(&mut self) -> Result<&'a str, Corrupt> {
        let what = self.what;
        std::str::from_utf8(self.bytes()?).map_err(|_| Corrupt {
            what,
            why: "text is not utf-8",
        })
    }
    pub(crate) fn maybe(&mut self) -> Result<Option<u64>, Corrupt> {
        Ok(if self.flag()? {
            Some(self.int()?)
        } else {
            None
        })
    }
    /// Bytes not read yet.
    pub(crate) fn left(&self) -> usize {
        self.left.len()
    }
}
