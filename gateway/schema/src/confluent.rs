//! What a registry of the kind of Confluent's says of a subject and of a schema, and the frames of those who write by
//! its schemas.

mod frame;

pub use frame::{Frame, HEAD, NotFramed};

use serde::Deserialize;

/// Most bytes of an answer: a schema of [`crate::TEXT_MAX`], escaped, with what stands around it.
pub const ANSWER_MAX: usize = 1 << 20;
/// How deep references are followed.
pub const DEPTH_MAX: usize = 8;

/// A version of a subject, as `GET /subjects/{subject}/versions/{version}` answers it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// Its number.
    pub version: u32,
    /// What it says.
    #[serde(flatten)]
    pub schema: Schema,
}

/// A schema, as `GET /schemas/ids/{id}` answers it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schema {
    /// Its language, as registries call it; Avro's is left out.
    #[serde(default)]
    pub schema_type: Option<String>,
    /// Its text.
    #[serde(rename = "schema")]
    pub text: String,
    /// What it refers to, directly.
    #[serde(default)]
    pub references: Option<Vec<Referred>>,
}

/// A reference to a version of another subject.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Referred {
    /// What it is called in the text.
    pub name: String,
    /// The subject.
    pub subject: String,
    /// The version of it.
    pub version: u32,
}

impl Subject {
    /// Reads an answer.
    ///
    /// # Errors
    /// It is none.
    pub fn read(answer: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(answer)
            .map_err(|error| format!("the answer is no version of a subject: {error}"))
    }
}

impl Schema {
    /// Reads an answer.
    ///
    /// # Errors
    /// It is none.
    pub fn read(answer: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(answer).map_err(|error| format!("the answer is no schema: {error}"))
    }

    /// Its language, as it is called here.
    ///
    /// # Errors
    /// It is none of those that there are.
    pub fn format(&self) -> Result<&'static str, String> {
        match self.schema_type.as_deref().unwrap_or("AVRO") {
            "AVRO" => Ok("avro"),
            "JSON" => Ok("json-schema"),
            "PROTOBUF" => Ok("protobuf"),
            other => Err(format!("`{other}` is none of the languages that there are")),
        }
    }
}

/// The path of a version of a subject, below the address of the registry. `None` is the latest one.
pub fn path(subject: &str, version: Option<u32>) -> String {
    let mut path = String::from("/subjects/");
    for byte in subject.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte));
            }
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    match version {
        Some(version) => path.push_str(&format!("/versions/{version}")),
        None => path.push_str("/versions/latest"),
    }
    path
}

/// The path of the schema of this number, below the address of the registry.
pub fn path_of(id: u32) -> String {
    format!("/schemas/ids/{id}")
}
