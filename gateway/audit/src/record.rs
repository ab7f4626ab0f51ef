//! One line of the log.

use crate::head::{Head, hex};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Longest detail, bytes; a longer one is left out, and its digest stands for it.
const DETAIL_MAX: usize = 64 << 10;
/// Longest of the texts, bytes; a longer one is cut.
const TEXT_MAX: usize = 4 << 10;
/// Longest line that is read.
pub(crate) const LINE_MAX: usize = 512 << 10;

/// What happened, as the gateway tells it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// The action, for instance `purge`.
    pub what: String,
    /// Who did it.
    pub by: String,
    /// What it was done to, for instance `subscription orders`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Who answers for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What that is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The space that it belongs to, where that is not `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// The number of the line that this one tells the outcome of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// More of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// Counts lines, from 1, without a gap.
    pub seq: u64,
    /// When, RFC 3339, UTC.
    pub at: String,
    /// Hash of the line before; zeros for the first.
    pub previous: String,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
    /// SHA-256 of the line up to this key.
    pub hash: String,
}

impl Entry {
    fn bounded(mut self) -> Self {
        let texts = [&mut self.object, &mut self.owner, &mut self.why];
        for text in texts.into_iter().flatten() {
            cut(text);
        }
        cut(&mut self.what);
        cut(&mut self.by);
        if let Some(outcome) = &mut self.outcome {
            cut(outcome);
        }
        if let Some(detail) = &self.detail {
            let text = detail.to_string();
            // What could not be read back within its line is as good as too long.
            let deep = serde_json::from_str::<Value>(&format!("[[{text}]]")).is_err();
            if deep || text.len() > DETAIL_MAX {
                let digest = hex(&Sha256::digest(text.as_bytes()));
                self.detail = Some(json!({ "omitted-bytes": text.len(), "sha256": digest }));
            }
        }
        self
    }
}

fn cut(text: &mut String) {
    if text.len() > TEXT_MAX {
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        text.push('…');
    }
}

const HASH_KEY: &str = r#","hash":""#;
const END: &str = r#""}"#;
const HEX: usize = 64;

#[derive(Serialize)]
struct Unsealed<'a> {
    seq: u64,
    at: &'a str,
    previous: String,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// The line after `before`, with its end of line.
pub(crate) fn seal(entry: Entry, at: &str, before: Head) -> (String, Head) {
    let entry = entry.bounded();
    let unsealed = Unsealed {
        seq: before.seq + 1,
        at,
        previous: hex(&before.hash),
        entry: &entry,
    };
    // Texts and values of JSON can always be written.
    let mut line = serde_json::to_string(&unsealed).unwrap_or_default();
    line.pop();
    let hash: [u8; 32] = Sha256::digest(line.as_bytes()).into();
    line.push_str(HASH_KEY);
    line.push_str(&hex(&hash));
    line.push_str(END);
    line.push('\n');
    let head = Head {
        seq: before.seq + 1,
        hash,
    };
    (line, head)
}

/// A line without its end of line, where it is what was once sealed.
pub(crate) fn open(line: &[u8]) -> Result<(Record, Head), &'static str> {
    let end = HASH_KEY.len() + HEX + END.len();
    let sealed = line.len().checked_sub(end).ok_or("it is cut off")?;
    let (sealed, tail) = line.split_at(sealed);
    let digest: [u8; 32] = Sha256::digest(sealed).into();
    let expected = format!("{HASH_KEY}{}{END}", hex(&digest));
    if tail != expected.as_bytes() {
        return Err("its hash is not that of its bytes");
    }
    let record: Record = serde_json::from_slice(line).map_err(|_| "it is no record")?;
    let head = Head {
        seq: record.seq,
        hash: digest,
    };
    Ok((record, head))
}
