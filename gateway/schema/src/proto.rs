//! Protocol Buffers: the encoding of one message, walked without building it.

mod compatible;
mod json;
mod walk;
mod written;

use crate::format::{Check, Definition, Format, payload};
use crate::{InvalidSchema, Violation};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use std::sync::Arc;
use tradewind_event::Event;

pub(crate) const FORMAT: Format = Format {
    name: "protobuf",
    compile,
    reads,
    written: written::compile,
};

/// Name under which the text is compiled.
const FILE: &str = "schema.proto";
/// Media types of Protobuf data.
const TYPES: [&str; 3] = [
    "application/protobuf",
    "application/x-protobuf",
    "application/vnd.google.protobuf",
];

#[derive(Debug)]
struct Schema(MessageDescriptor);

fn compile(from: &Definition) -> Result<Arc<dyn Check>, InvalidSchema> {
    Ok(Arc::new(Schema(parse(from)?)))
}

/// The text with what it refers to, and nothing beside it but what Google publishes with the language.
struct Alone(Definition);

impl FileResolver for Alone {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == FILE {
            return source(name, &self.0.text);
        }
        let mut references = self.0.references.iter();
        match references.find(|reference| reference.name == name) {
            Some(reference) => source(name, &reference.text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// A text in the language; or, which is how Confluent's clients for Python and .NET register it, the compiled file in
/// base64. No text in the language does without the characters that base64 does not have.
fn source(name: &str, text: &str) -> Result<File, protox::Error> {
    let Some(compiled) = STANDARD.decode(text.trim()).ok().filter(|c| !c.is_empty()) else {
        return File::from_source(name, text);
    };
    let mut file = FileDescriptorProto::decode(&*compiled).map_err(protox::Error::new)?;
    // It is imported by the name that it has here.
    file.name = Some(name.to_owned());
    Ok(File::from_file_descriptor_proto(file))
}

/// The file with all that it imports.
fn pool(from: &Definition) -> Result<DescriptorPool, InvalidSchema> {
    let refusal = |e: protox::Error| {
        InvalidSchema::new(format!("not a Protobuf definition: {e}"))
            .hint("one file that imports nothing but google/protobuf/*.proto")
    };
    let mut files = ChainFileResolver::new();
    files.add(GoogleFileResolver::new());
    files.add(Alone(from.clone()));
    let mut compiler = protox::Compiler::with_file_resolver(files);
    compiler.open_file(FILE).map_err(refusal)?;
    Ok(compiler.descriptor_pool())
}

fn parse(from: &Definition) -> Result<MessageDescriptor, InvalidSchema> {
    let pool = pool(from)?;
    let file = pool.get_file_by_name(FILE);
    let all: Vec<MessageDescriptor> = file.iter().flat_map(|file| file.messages()).collect();
    let names = || {
        let names: Vec<&str> = all.iter().map(|message| message.full_name()).collect();
        names.join(", ")
    };
    match &from.message {
        Some(name) => pool.get_message_by_name(name).ok_or_else(|| {
            InvalidSchema::new(format!("there is no message `{name}`"))
                .hint(format!("there are: {}", names()))
        }),
        None if all.len() == 1 => Ok(all[0].clone()),
        None => Err(InvalidSchema::new(format!("it has {} messages", all.len()))
            .hint(format!("say which one with `message`: {}", names()))),
    }
}

impl Check for Schema {
    fn check(&self, event: &Event) -> Vec<Violation> {
        let walked = payload(event, "Protobuf", &TYPES).and_then(|data| walk::walk(&self.0, data));
        walked.err().into_iter().collect()
    }
}

fn reads(reader: &Definition, writer: &Definition) -> Result<(), String> {
    let parse = |from| parse(from).map_err(|e| e.to_string());
    let (reader, writer) = (parse(reader)?, parse(writer)?);
    compatible::reads(&reader, &writer)
}
