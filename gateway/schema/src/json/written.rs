//! Data that was written by a JSON Schema is JSON, and stays what it is.

use crate::format::Definition;
use crate::writer::{Data, Form, Written};
use crate::{InvalidSchema, Violation};
use serde::de::IgnoredAny;
use std::sync::Arc;

#[derive(Debug)]
struct Json;

/// The schema is not read: it says nothing of how data is written.
pub(super) fn compile(_: &Definition) -> Result<Arc<dyn Written>, InvalidSchema> {
    Ok(Arc::new(Json))
}

impl Written for Json {
    fn read<'b>(&self, body: &'b [u8], _: Form, _: usize) -> Result<Data<'b>, Violation> {
        match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => Ok(Data::bytes(body, "application/json")),
            Err(_) => {
                let found = format!("{} bytes that are none", body.len());
                Err(Violation::new("", "JSON", found))
            }
        }
    }
}
