//! Avro 1.12: the binary encoding of one datum, walked without building it.

mod compatible;
mod inline;
mod plan;
mod walk;

use crate::format::{Check, Definition, Format, payload};
use crate::writer::{Data, Form, Written};
use crate::{InvalidSchema, Violation};
use apache_avro::Schema as Avro;
use std::sync::Arc;
use tradewind_event::Event;

pub(crate) const FORMAT: Format = Format {
    name: "avro",
    compile,
    reads,
    written,
};

/// Media types of Avro data.
const TYPES: [&str; 4] = [
    "application/avro",
    "avro/binary",
    "application/vnd.apache.avro",
    "application/x-avro",
];

/// Longest reason why one schema does not read the other, in characters.
const REASON_MAX: usize = 500;

#[derive(Debug)]
struct Schema(plan::Plan);

fn compile(from: &Definition) -> Result<Arc<dyn Check>, InvalidSchema> {
    Ok(Arc::new(planned(from)?))
}

fn written(from: &Definition) -> Result<Arc<dyn Written>, InvalidSchema> {
    Ok(Arc::new(planned(from)?))
}

fn planned(from: &Definition) -> Result<Schema, InvalidSchema> {
    if from.message.is_some() {
        return Err(InvalidSchema::new("an Avro schema has no messages"));
    }
    let plan = plan::Plan::of(&parse(from)?).map_err(|e| refusal(&e))?;
    Ok(Schema(plan))
}

fn parse(from: &Definition) -> Result<Avro, InvalidSchema> {
    Avro::parse(&inline::inline(from)?).map_err(|e| refusal(&e))
}

fn refusal(error: &apache_avro::Error) -> InvalidSchema {
    InvalidSchema::new(format!("not an Avro schema: {error}"))
}

impl Check for Schema {
    fn check(&self, event: &Event) -> Vec<Violation> {
        let walked = payload(event, "Avro", &TYPES).and_then(|data| walk::walk(&self.0, data));
        walked.err().into_iter().collect()
    }
}

impl Written for Schema {
    fn read<'b>(&self, body: &'b [u8], form: Form, max: usize) -> Result<Data<'b>, Violation> {
        match form {
            Form::Json => Ok(Data::json(walk::json(&self.0, body, max)?)),
            Form::Bytes => {
                walk::walk(&self.0, body)?;
                Ok(Data::bytes(body, TYPES[0]))
            }
        }
    }
}

fn reads(reader: &Definition, writer: &Definition) -> Result<(), String> {
    let parse = |from| parse(from).map_err(|e| e.to_string());
    let reason = match compatible::reads(&parse(reader)?, &parse(writer)?) {
        Ok(()) => return Ok(()),
        Err(reason) => reason,
    };
    let cut = reason.char_indices().nth(REASON_MAX);
    Err(match cut {
        Some((end, _)) => format!("{}...", &reason[..end]),
        None => reason,
    })
}
