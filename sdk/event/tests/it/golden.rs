//! The sample events that the conformance data refers to, built in code.

use tradewind_event::{Attribute, Event, Timestamp};

fn minimal(id: &str) -> tradewind_event::Builder {
    Event::builder(id, "https://cloudevents.io", "io.cloudevents.test")
}

/// A sample event by its id. Formats without types give extensions as strings: `typed` says which.
pub(crate) fn event(id: &str, typed: bool) -> Event {
    let builder = match id {
        "minimal" => minimal("minimal"),
        "minimalWithTime" => minimal("minimalWithTime").time("2018-04-05T17:31:00Z"),
        "minimalWithRelativeSource" => Event::builder(
            "minimalWithRelativeSource",
            "#fragment",
            "io.cloudevents.test",
        ),
        "allCore" => minimal("allCore")
            .data_content_type("text/plain")
            .data_schema("https://cloudevents.io/dataschema")
            .subject("tests")
            .time("2018-04-05T17:31:00Z"),
        // The description calls it simpleData; every case that uses it says simpleTextData.
        "simpleTextData" => minimal("simpleTextData").data("text/plain", "Simple text"),
        "allExtensionTypes" => {
            let builder = minimal("allExtensionTypes")
                .extension("extinteger", Attribute::Integer(10))
                .extension("extboolean", Attribute::Boolean(true))
                .extension("extstring", Attribute::String("text"));
            let rest = [
                ("extbinary", Attribute::Binary("TWE=")),
                ("exttimestamp", Attribute::Timestamp("2023-03-31T15:12:00Z")),
                ("exturi", Attribute::Uri("https://cloudevents.io")),
                ("exturiref", Attribute::UriReference("//authority/path")),
            ];
            rest.into_iter().fold(builder, |builder, (name, value)| {
                let text = value.to_canonical();
                builder.extension(
                    name,
                    if typed {
                        value
                    } else {
                        Attribute::String(&text)
                    },
                )
            })
        }
        other => panic!("no sample event {other}"),
    };
    builder.build().unwrap()
}

/// A sample batch by its id.
pub(crate) fn batch(id: &str, typed: bool) -> Vec<Event> {
    let ids: &[&str] = match id {
        "empty" => &[],
        "minimal" => &["minimal"],
        "minimal2" => &["minimal", "minimal"],
        "minimalAndAllCore" => &["minimal", "allCore"],
        "minimalAndAllExtensionTypes" => &["minimal", "allExtensionTypes"],
        other => panic!("no sample batch {other}"),
    };
    ids.iter().map(|id| event(id, typed)).collect()
}

/// Attributes with times as instants, sorted, and data.
pub(crate) fn comparable(event: &Event) -> (Vec<(String, String)>, Option<tradewind_event::Data>) {
    let mut attributes: Vec<_> = event
        .attributes()
        .map(|(name, value)| {
            let value = match value {
                Attribute::Timestamp(text) => match Timestamp::parse(text) {
                    Ok(instant) => format!("Timestamp({instant})"),
                    Err(e) => panic!("{name}: {e}"),
                },
                other => format!("{other:?}"),
            };
            (name.to_owned(), value)
        })
        .collect();
    attributes.sort();
    (attributes, event.data().cloned())
}
