//! Schemas of every language, data held against them, and data that was written by them.

use crate::Target;
use crate::input::Cut;
use bytes::Bytes;
use tradewind_event::Event;
use tradewind_schema::{
    Action, Binding, Compatibility, Definition, FORMATS, Form, Pattern, Reference, Registered,
    Schemas, VIOLATIONS_MAX, Writer,
};

/// The language on the first line, the schema on the second, data below.
pub(super) const SCHEMA: Target = Target {
    words: &[
        "avro\n",
        "json-schema\n",
        "protobuf\n",
        "{\"$ref\":\"#\"}",
        "{\"$ref\":\"a\"}",
        "{\"$ref\":\"#/$defs/a\"}",
        "\"$defs\":{\"a\":",
        "\"anyOf\":[",
        "\"properties\":{\"a\":",
        "\"patternProperties\":{\"(a*)*\":",
        "\"unevaluatedProperties\":false",
        "\"items\":",
        "\"pattern\":\"(a|a){1,100}\"",
        "\"type\":\"record\",\"name\":\"R\",\"fields\":[",
        "{\"name\":\"a\",\"type\":",
        "\"type\":\"array\",\"items\":\"null\"",
        "[\"null\",\"R\"]",
        "syntax=\"proto3\";message M{",
        "repeated M a=1;",
        "map<string,int32> b=2;",
    ],
    // A pattern may take 256 KiB, and a schema has room for many.
    memory: 64 << 20,
    ..Target::new("schema", schema)
};

fn schema(input: &[u8]) {
    let mut input = Cut(input);
    let format = input.line();
    let (format, media) = match FORMATS.iter().find(|name| **name == format) {
        Some(&"avro") => ("avro", "application/avro"),
        Some(&"protobuf") => ("protobuf", "application/protobuf"),
        _ => ("json-schema", "application/json"),
    };
    let definition = Definition {
        text: input.line().to_owned(),
        ..Definition::default()
    };
    // A document that refers to itself by this name.
    let referring = Definition {
        references: vec![Reference {
            name: "a".into(),
            text: definition.text.clone(),
        }],
        ..definition.clone()
    };
    let mut registered = Registered::new(format, Compatibility::None, Action::Reject).unwrap();
    registered.compiles(&referring).ok();
    if let Err(invalid) = registered.add(definition, None) {
        assert!(!invalid.reason.is_empty());
        return;
    }
    registered.bindings.push(Binding {
        ty: Pattern::read("*"),
        source: None,
        on_failure: Action::Annotate,
    });
    let schemas = Schemas::new([(&"s".to_owned(), &registered)]);
    let data = Bytes::copy_from_slice(input.rest());
    let event = Event::builder("1", "/s", "t").data(media, data).build();
    let event = event.unwrap();
    let judged = schemas.judge(&event);
    assert_eq!(schemas.judge(&event), judged);
    if let Some(judged) = judged {
        assert!((1..=VIOLATIONS_MAX).contains(&judged.violations.len()));
        // It goes into an attribute, and from there into a header.
        let told = judged.to_string();
        assert!(!told.contains(char::is_control), "{told:?}");
    }
}

/// The language on the first line, the schema on the second, what follows its number in a frame below.
pub(super) const FRAMED: Target = Target {
    words: SCHEMA.words,
    memory: 64 << 20,
    ..Target::new("framed", framed)
};

fn framed(input: &[u8]) {
    const MAX: usize = 64 << 10;
    let mut input = Cut(input);
    let format = input.line();
    let definition = Definition {
        text: input.line().to_owned(),
        ..Definition::default()
    };
    let Ok(writer) = Writer::new(format, &definition) else {
        return;
    };
    let body = input.rest();
    let kept = writer.read(body, Form::Bytes, MAX);
    if let Ok(kept) = &kept {
        assert!(body.ends_with(&kept.bytes), "it is as it was written");
    }
    let json = writer.read(body, Form::Json, MAX);
    assert_eq!(
        writer.read(body, Form::Json, MAX),
        json,
        "the same each time"
    );
    match json {
        Ok(json) => {
            assert!(kept.is_ok() && json.bytes.len() <= MAX);
            assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&json.bytes).is_ok());
        }
        Err(violation) => assert!(!violation.to_string().contains(char::is_control)),
    }
}
