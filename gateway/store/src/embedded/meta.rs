//! Small files of metadata: JSON that carries a format and a checksum.

use crate::finding::Finding;
use crate::{Error, Loss, stream::later};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// Version of the layout and of every file in it. Later versions keep `format` and `check`.
pub(crate) const FORMAT: u64 = 1;
const CHECK: &str = "check";

type Fields = BTreeMap<String, Value>;

/// Why a file is of no use.
#[derive(Debug)]
pub(super) enum Broken {
    /// A later version wrote it.
    Later(u64),
    /// It is not what was written.
    Damaged,
}

impl Broken {
    pub(super) fn error(&self, what: &str) -> Error {
        match self {
            Self::Later(format) => later(what, *format, FORMAT),
            Self::Damaged => Error::Failed(format!("{what} is damaged")),
        }
    }
}

/// Content of a file that holds `value`, which has a field `format`.
pub(super) fn seal(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut fields: Fields = serde_json::from_value(serde_json::to_value(value)?)?;
    fields.insert(CHECK.into(), check(&fields).into());
    let mut content = serde_json::to_vec_pretty(&fields)?;
    content.push(b'\n');
    Ok(content)
}

/// What a file holds. Those written before there was a checksum have none.
pub(super) fn unseal<T: DeserializeOwned>(content: &[u8]) -> Result<T, Broken> {
    let mut fields: Fields = serde_json::from_slice(content).map_err(|_| Broken::Damaged)?;
    if let Some(expected) = fields.remove(CHECK)
        && expected != check(&fields)
    {
        return Err(Broken::Damaged);
    }
    match fields.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        Some(format) if format > FORMAT => return Err(Broken::Later(format)),
        _ => return Err(Broken::Damaged),
    }
    serde_json::from_value(Value::Object(fields.into_iter().collect())).map_err(|_| Broken::Damaged)
}

fn check(fields: &Fields) -> String {
    // Maps of strings and numbers always have a rendering.
    let content = serde_json::to_vec(fields).unwrap_or_default();
    format!("{:08x}", crc32c::crc32c(&content))
}

/// A file of metadata was damaged and is whole again.
pub(super) fn repaired(what: &str, from: &str) -> Finding {
    Finding::new(
        Loss::Nothing,
        format!("{what} was damaged and is written again {from}"),
    )
}
