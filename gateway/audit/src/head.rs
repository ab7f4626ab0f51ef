//! The last line of the log, told beside it: what is cut off its end is missed here.

use crate::Error;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::str::FromStr;

/// Number and hash of a line. Written `SEQ:HASH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Number of the line; 0 before the first.
    pub seq: u64,
    /// Its SHA-256.
    pub hash: [u8; 32],
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex(&self.hash))
    }
}

impl FromStr for Head {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (seq, digits) = text.split_once(':')?;
            if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            let mut hash = [0; 32];
            for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
                *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
            }
            let seq = seq.parse().ok()?;
            Some(Self { seq, hash })
        };
        parsed().ok_or_else(|| {
            format!("`{text}` is no head; hint: SEQ:HASH, as `tradewind audit verify` prints it")
        })
    }
}

/// As it stands in the file: of one length, so that it is replaced by one write within a sector.
fn written(head: Head) -> String {
    format!("{:020}:{}\n", head.seq, hex(&head.hash))
}

/// The file that tells the head.
#[derive(Debug)]
pub(crate) struct HeadFile {
    file: File,
}

pub(crate) const NAME: &str = "head";

impl HeadFile {
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(NAME);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::new("open", &path))?;
        Ok(Self { file })
    }

    pub(crate) fn write(&self, head: Head) -> std::io::Result<()> {
        self.file.write_all_at(written(head).as_bytes(), 0)?;
        self.file.sync_data()
    }
}

/// What is wrong with a file that was never written.
pub(crate) const EMPTY: &str = "it is empty";

/// What the file tells; an error in words where it is not exactly a head, `None` where there is no file.
pub(crate) fn read(dir: &Path) -> Result<Option<Result<Head, &'static str>>, Error> {
    let path = dir.join(NAME);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::new("read", &path)(error)),
    };
    if text.is_empty() {
        return Ok(Some(Err(EMPTY)));
    }
    let head = std::str::from_utf8(&text)
        .ok()
        .and_then(|text| text.trim_end().parse::<Head>().ok())
        .filter(|head| written(*head).as_bytes() == text);
    Ok(Some(head.ok_or("it is not as it was written")))
}
