//! The languages that schemas are written in.

use crate::writer::Written;
use crate::{InvalidSchema, REFERENCES_MAX, TEXT_MAX, Violation, avro, json, proto};
use std::fmt;
use std::sync::Arc;
use tradewind_event::Event;

/// A compiled schema.
pub(crate) trait Check: fmt::Debug + Send + Sync {
    /// What of the event's data breaks it; at most [`crate::VIOLATIONS_MAX`].
    fn check(&self, event: &Event) -> Vec<Violation>;
}

/// A schema as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definition {
    /// The text.
    pub text: String,
    /// Name of the message, where the text has several.
    pub message: Option<String>,
    /// The documents that it refers to, and those that these refer to.
    pub references: Vec<Reference>,
}

/// A document that a schema refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// What it is called there: a full name in Avro, a `$ref` in JSON Schema, an import in Protobuf.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Definition {
    /// Bytes of all its texts.
    pub fn size(&self) -> usize {
        let referred = self.references.iter().map(|reference| reference.text.len());
        self.text.len() + referred.sum::<usize>()
    }

    fn fits(&self) -> Result<(), InvalidSchema> {
        if self.size() > TEXT_MAX {
            let with = match self.references.is_empty() {
                true => "",
                false => ", with what it refers to,",
            };
            let reason = format!("the schema{with} is larger than {} KiB", TEXT_MAX >> 10);
            return Err(InvalidSchema::new(reason));
        }
        if self.references.len() > REFERENCES_MAX {
            let reason = format!("the schema refers to more than {REFERENCES_MAX} documents");
            return Err(InvalidSchema::new(reason));
        }
        Ok(())
    }
}

/// What is known of a language.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pub(crate) compile: fn(&Definition) -> Result<Arc<dyn Check>, InvalidSchema>,
    /// Whether who reads by the first takes everything that was written by the second; else, what not.
    pub(crate) reads: fn(&Definition, &Definition) -> Result<(), String>,
    /// What reads data that was written by it.
    pub(crate) written: fn(&Definition) -> Result<Arc<dyn Written>, InvalidSchema>,
}

/// Names of the languages.
pub const FORMATS: [&str; 3] = ["avro", "json-schema", "protobuf"];

static ALL: [Format; 3] = [avro::FORMAT, json::FORMAT, proto::FORMAT];

impl Format {
    pub(crate) fn named(name: &str) -> Result<&'static Self, InvalidSchema> {
        ALL.iter()
            .find(|format| format.name == name)
            .ok_or_else(|| {
                InvalidSchema::new(format!("unknown format `{name}`"))
                    .hint(format!("there are: {}", FORMATS.join(", ")))
            })
    }

    pub(crate) fn compile(&self, from: &Definition) -> Result<Arc<dyn Check>, InvalidSchema> {
        from.fits()?;
        (self.compile)(from)
    }

    pub(crate) fn written(&self, from: &Definition) -> Result<Arc<dyn Written>, InvalidSchema> {
        from.fits()?;
        (self.written)(from)
    }
}

/// The data of an event, where its content type is one of these; the first is what is expected.
pub(crate) fn payload<'e>(
    event: &'e Event,
    language: &str,
    types: &[&str],
) -> Result<&'e [u8], Violation> {
    let Some(data) = event.data() else {
        return Err(Violation::new("", "data", "none").expected(language));
    };
    let ty = event.data_content_type().unwrap_or_default();
    let media = ty.split(';').next().unwrap_or_default().trim();
    match types.iter().any(|known| media.eq_ignore_ascii_case(known)) {
        true => Ok(&data.bytes),
        false => {
            let found = format!("{} bytes of `{media}`", data.bytes.len());
            let violation = Violation::new("", "datacontenttype", found);
            Err(violation.expected(types.first().copied().unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_table() {
        assert_eq!(ALL.each_ref().map(|format| format.name), FORMATS);
    }
}
