//! Fields of an object, each of which is read, or told of.

use crate::report::{Item, Kind};
use serde_json::{Map, Value};

/// Fields that say nothing here, and why.
const NO_MEANING: &[(&str, &str)] = &[
    ("Arn", "its name in AWS"),
    ("ArchiveArn", "its name in AWS"),
    ("EventBusArn", "its name in AWS"),
    ("SubscriberArn", "its name in AWS"),
    ("SubscriberAccountId", "stands in the ARNs"),
    ("PipeArn", "its name in AWS"),
    ("ApiDestinationArn", "its name in AWS"),
    ("ConnectionArn", "its name in AWS"),
    (
        "SecretArn",
        "where AWS keeps the secret, which is to be set here",
    ),
    ("Id", "its name in AWS"),
    ("CreatedBy", "who made it in AWS"),
    ("CreationTime", "when it was made in AWS"),
    ("CreationDate", "when it was made in AWS"),
    ("LastModificationDate", "when it was changed in AWS"),
    ("LastModifiedTime", "when it was changed in AWS"),
    ("LastAuthorizedTime", "when AWS last authorised it"),
    ("SizeBytes", "how much it holds in AWS"),
    ("EventCount", "how much it holds in AWS"),
    ("ApiDestinationState", "how it is in AWS"),
    ("ConnectionState", "how it is in AWS"),
    ("StateReason", "how it is in AWS"),
    ("ArchiveName", "its name in AWS"),
    ("ResponseMetadata", "of the call that exported it"),
    ("ForceDestroy", "how Terraform removes it"),
    ("NamePrefix", "how Terraform names it"),
    ("Region", "stands in the ARNs"),
    (
        "PermissionsBoundary",
        "of a role of AWS, which the gateway does not use",
    ),
    ("OmitName", "how SAM names it"),
    (
        "RoleArn",
        "the gateway has an identity of its own: `tradewind permissions --cloud aws`",
    ),
    ("KmsKeyArn", "the key that AWS keeps it with"),
    ("KmsKeyIdentifier", "the key that AWS keeps it with"),
];

/// Fields that are not carried over, and why.
const NOT_CARRIED: &[(&str, &str)] = &[
    ("Tags", "there are no tags"),
    ("GroupName", "there are no groups of schedules"),
    ("LogConfig", "the gateway has a log of its own"),
    (
        "Policy",
        "who may publish is said by `auth` of a source, and by policies",
    ),
];

/// Reads fields, and remembers which.
#[derive(Debug)]
pub(super) struct Fields {
    left: Map<String, Value>,
    prefix: String,
}

impl Fields {
    pub(super) fn of(map: Map<String, Value>, prefix: &str) -> Self {
        Self {
            left: map,
            prefix: prefix.to_owned(),
        }
    }

    fn field(&self, key: &str) -> String {
        match self.prefix.is_empty() {
            true => key.to_owned(),
            false => format!("{}.{key}", self.prefix),
        }
    }

    /// Takes a field; nothing where it is null or an empty text.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        let value = self.left.shift_remove(key)?;
        let empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
        (!empty).then_some(value)
    }

    /// Takes a field that can be read; another one stays, and is told of.
    pub(super) fn take_if<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let read = read(self.left.get(key)?)?;
        self.left.shift_remove(key);
        Some(read)
    }

    /// Whether a field is there, and not taken.
    pub(super) fn has(&self, key: &str) -> bool {
        self.left
            .get(key)
            .is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.take_if(key, text)
    }

    /// A text that stands for something: no number is one.
    pub(super) fn name(&mut self, key: &str) -> Option<String> {
        self.take_if(key, |value| value.as_str().map(str::to_owned))
    }

    /// A whole number, which templates also write as a text.
    pub(super) fn number(&mut self, key: &str) -> Option<u64> {
        self.take_if(key, |value| match value {
            Value::String(text) => text.trim().parse().ok(),
            // Terraform keeps whole numbers as such; other tools add `.0`.
            Value::Number(n) => n.as_u64().or_else(|| {
                let n = n.as_f64()?;
                (n.fract() == 0.0 && (0.0..1e15).contains(&n)).then_some(n as u64)
            }),
            _ => None,
        })
    }

    pub(super) fn list(&mut self, key: &str) -> Option<Vec<Value>> {
        self.take_if(key, |value| value.as_array().cloned())
    }

    /// Members of a map whose keys are the user's.
    pub(super) fn members(&mut self, key: &str) -> Option<Map<String, Value>> {
        self.take_if(key, |value| value.as_object().cloned())
    }

    /// Members of a map.
    pub(super) fn map(&mut self, key: &str) -> Option<Fields> {
        let map = self.take_if(key, |value| match value {
            Value::Object(map) => Some(map.clone()),
            Value::Array(items) if items.len() == 1 => items[0].as_object().cloned(),
            _ => None,
        })?;
        Some(Fields::of(map, &self.field(key)))
    }

    /// Tells of what nobody has read.
    pub(super) fn finish(self, item: &mut Item) {
        let known = |table: &[(&str, &'static str)], key: &str| {
            table
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, why)| *why)
        };
        for (key, value) in &self.left {
            let nothing = match value {
                Value::Null => true,
                Value::String(text) => text.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Object(map) => map.is_empty(),
                _ => false,
            };
            if nothing {
                continue;
            }
            let field = self.field(key);
            if let Some(why) = known(NO_MEANING, key) {
                item.note(Kind::NoMeaning, field, why);
            } else if let Some(why) = known(NOT_CARRIED, key) {
                item.note(Kind::NotCarried, field, why);
            } else {
                item.note(
                    Kind::Changed,
                    field,
                    "nothing here does what it says; it is left out",
                );
            }
        }
    }
}

/// A text, which templates also write as a number.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// JSON that may be written as a text.
pub(super) fn json(value: &Value) -> Result<Value, String> {
    match value {
        Value::String(text) => {
            serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}"))
        }
        other => Ok(other.clone()),
    }
}
