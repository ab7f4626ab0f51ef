//! Records in which the producer library (KPL) has put several: a mark, a message of protobuf, and its MD5.

use bytes::Bytes;
use md5::{Digest, Md5};

/// What one of them begins with.
const MARK: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const DIGEST: usize = 16;
/// Most records in one; a record of more of them stays what it is.
const MOST: usize = 10_000;

/// A record within.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inner {
    pub(crate) key: String,
    pub(crate) data: Bytes,
}

/// The records within, where there are such: nothing that only looks like it is taken apart.
pub(crate) fn parts(body: &Bytes) -> Option<Vec<Inner>> {
    let message = body.strip_prefix(&MARK)?;
    let (message, digest) = message.split_at_checked(message.len().checked_sub(DIGEST)?)?;
    if Md5::digest(message).as_slice() != digest {
        return None;
    }
    let (mut keys, mut records) = (Vec::new(), Vec::new());
    for field in Fields(message) {
        match field? {
            (1, Field::Bytes(key)) => keys.push(std::str::from_utf8(key).ok()?),
            (3, Field::Bytes(record)) if records.len() < MOST => records.push(record),
            (3, _) => return None,
            // Explicit hash keys, and what a later release may add.
            _ => {}
        }
    }
    let read = |record: &[u8]| {
        let (mut key, mut data) = (None, None);
        for field in Fields(record) {
            match field? {
                (1, Field::Number(at)) => key = keys.get(usize::try_from(at).ok()?),
                (3, Field::Bytes(bytes)) => data = Some(body.slice_ref(bytes)),
                _ => {}
            }
        }
        Some(Inner {
            key: (*key?).to_owned(),
            data: data?,
        })
    };
    let parts: Option<Vec<Inner>> = records.into_iter().map(read).collect();
    parts.filter(|parts| !parts.is_empty())
}

enum Field<'m> {
    Number(u64),
    Bytes(&'m [u8]),
    Other,
}

/// The fields of a message; `None` where it is none.
struct Fields<'m>(&'m [u8]);

impl<'m> Fields<'m> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for nth in 0..10 {
            let (byte, left) = self.0.split_first()?;
            self.0 = left;
            number |= u64::from(byte & 0x7f) << (7 * nth);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self, count: u64) -> Option<&'m [u8]> {
        let (bytes, left) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = left;
        Some(bytes)
    }

    fn field(&mut self) -> Option<(u64, Field<'m>)> {
        let tag = self.number()?;
        let field = match tag & 7 {
            0 => Field::Number(self.number()?),
            1 => self.bytes(8).map(|_| Field::Other)?,
            2 => {
                let count = self.number()?;
                Field::Bytes(self.bytes(count)?)
            }
            5 => self.bytes(4).map(|_| Field::Other)?,
            _ => return None,
        };
        Some((tag >> 3, field))
    }
}

impl<'m> Iterator for Fields<'m> {
    type Item = Option<(u64, Field<'m>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![(number << 3) | 2, bytes.len() as u8];
        out.extend(bytes);
        out
    }

    pub(crate) fn sealed(message: &[u8]) -> Bytes {
        let mut out = MARK.to_vec();
        out.extend(message);
        out.extend(Md5::digest(message).as_slice());
        out.into()
    }

    /// As the library writes it, with an explicit hash key and a tag.
    pub(crate) fn aggregated(records: &[(u8, &[u8])], keys: &[&str]) -> Vec<u8> {
        let mut message = Vec::new();
        for key in keys {
            message.extend(field(1, key.as_bytes()));
        }
        message.extend(field(2, b"1234"));
        for (key, data) in records {
            let mut record = vec![1 << 3, *key, 2 << 3, 0];
            record.extend(field(3, data));
            record.extend(field(4, &field(1, b"tag")));
            message.extend(field(3, &record));
        }
        message
    }

    #[test]
    fn what_was_put_together_is_taken_apart() {
        let message = aggregated(&[(1, b"one"), (0, b""), (1, b"\xff")], &["a", "b"]);
        let inner = |key: &str, data: &'static [u8]| Inner {
            key: key.into(),
            data: Bytes::from_static(data),
        };
        let wanted = vec![inner("b", b"one"), inner("a", b""), inner("b", b"\xff")];
        assert_eq!(parts(&sealed(&message)), Some(wanted));
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        let good = aggregated(&[(0, b"one")], &["a"]);
        let sealed_good = sealed(&good);
        for cut in 0..sealed_good.len() {
            assert_eq!(parts(&sealed_good.slice(..cut)), None, "{cut}");
            let mut spoiled = sealed_good.to_vec();
            spoiled[cut] ^= 1;
            assert_eq!(parts(&spoiled.into()), None, "{cut}");
        }
        // The digest is right, and the message is not.
        for message in [
            &b""[..],
            b"\x1a\x7f",
            b"\x1f",
            &[0xff; 11],
            &aggregated(&[(7, b"one")], &["a"]),
            &aggregated(&[], &["a"]),
            &field(3, &field(3, b"no key")),
            &field(3, &[1 << 3, 0]),
        ] {
            assert_eq!(parts(&sealed(message)), None, "{message:?}");
        }
        let many = vec![(0, &b""[..]); MOST + 1];
        assert_eq!(parts(&sealed(&aggregated(&many, &["a"]))), None);
    }
}
