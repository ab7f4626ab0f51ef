//! Formats that are data, over published payloads.

use bytes::Bytes;
use http::HeaderMap;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tradewind_formats::outward::TARGETS;
use tradewind_formats::{Format, Mapping, Message};

#[test]
fn every_template_is_well_formed_and_every_name_unique() {
    let mut names = BTreeSet::new();
    for format in Format::all() {
        Mapping::new(format.spec).unwrap();
        assert!(names.insert(format.spec.name), "{}", format.spec.name);
        assert!(!format.spec.after.is_empty(), "{}", format.spec.name);
    }
    assert!(names.len() >= 30, "some did not compile: {names:?}");
}

/// The reference is what the templates say.
#[test]
fn the_reference_is_up_to_date() {
    let mut page = String::from(HEAD);
    for format in Format::all() {
        let spec = format.spec;
        if spec.by.is_some() {
            page.push_str(&format!("\n## {}\n\n{}.\n", spec.name, spec.after));
            continue;
        }
        let cell = |templates: &[&str]| match templates {
            [] => "–".to_owned(),
            some => some
                .iter()
                .map(|t| format!("`{}`", t.replace('|', "\\|")))
                .collect::<Vec<_>>()
                .join(", else "),
        };
        page.push_str(&format!(
            "\n## {}\n\n{}. One event {}.{}\n\n| attribute | from |\n|---|---|\n| `id` | {} |\n| `source` | {} |\n| `type` | {} |\n| `subject` | {} |\n| `time` | {} |\n",
            spec.name,
            spec.after,
            match spec.each {
                None => "per body".to_owned(),
                Some("") => "per element of the list, or per body".to_owned(),
                Some(path) => format!("per element of `{path}`"),
            },
            match (spec.raw, spec.inner) {
                (true, Some(_)) => {
                    " The body may be anything; with `auto`, a message of another format in it is read instead.".to_owned()
                }
                (true, None) => " The body may be anything.".to_owned(),
                (false, Some(path)) => format!(
                    " With `auto`, a message of another format in `{path}` is read instead."
                ),
                (false, None) => String::new(),
            },
            cell(spec.id),
            cell(spec.source),
            cell(spec.ty),
            cell(spec.subject),
            cell(spec.time),
        ));
        for (name, template) in spec.extensions {
            page.push_str(&format!("| `{name}` | {} |\n", cell(&[template])));
        }
    }
    page.push_str(OUTWARD);
    for target in TARGETS {
        page.push_str(&format!("| `{}` | {} |", target.name, target.about));
        match target.resource {
            "" => page.push_str(" – |\n"),
            resource => page.push_str(&format!(" `{resource}` |\n")),
        }
    }
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/formats.md"
    );
    if std::env::var_os("TRADEWIND_UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let hint = "run the test with TRADEWIND_UPDATE=1";
    assert_eq!(
        std::fs::read_to_string(path).unwrap_or_default(),
        page,
        "{hint}"
    );
}

const OUTWARD: &str = "
## Outward: events in providers' envelopes

For a function that expects what its provider sends, a sink of kind `http` takes `render: <name>`, or
`render: { to: <name>, resource: <name of what it comes from> }`, and `tradewind event render` shows the
document. What came from the same provider is given back as it came, byte by byte; of extension
attributes that were added since, nothing is in it. Of any other event the envelope's fields are
filled from its attributes, and a member `cloudevents`, which the provider's own documents do not have,
holds all attributes and the kind of the data, so that nothing is lost. An event that the envelope
cannot hold is refused: no `time`, data that is no object where there must be one, bytes where there
is place for text only. At a subscription it is then a dead letter, `render-failed`.

EventBridge answers a `PutEvents` of which it took no entry with 200, and `FailedEntryCount` in the body: a sink of
kind `http` does not see that.

| name | what it is | `resource`, by default |
|---|---|---|
";

const HEAD: &str = "\
# Formats

How payloads of providers become CloudEvents. `data` is the message as it was written, byte by byte,
and `datacontenttype` is `application/json`. A source of kind `http` reads one of them with
`format: <name>`, or the first that a body gives itself away as with `format: auto`.

With `auto`, a notification of S3, a message of SNS, an event of EventBridge or a CloudEvent that lies in a
message of SNS, SQS, Kinesis, Kafka or Pub/Sub is read instead of that message, up to four deep, with
the attributes and the id that it has when it comes directly. A format that is named reads its own
messages only.

`{a.b}` is a scalar of the message, `{^a}` one of the document around it, `{@name}` a header, `{#}` 128
bits of the SHA-256 of the message and `{#a}` of a part of it, `{a|b}` the first that is there; `~lower`,
`~bare` (without quotes around it), `~mapA=B` (B where it is A, else nothing), `~before…`, `~after…` and
`~last…` change a value. Where a required attribute cannot be filled the body is refused with 400 and
the paths that were looked for; an optional one is left out. `time` may be RFC 3339, or seconds (or
thousandths of them, and of those) since the Unix epoch. What a `source` cannot hold is percent-encoded,
and a byte order mark is overlooked. At most 10,000 messages are read from one body.
";

/// `folder/file` to format and events, as written in `tests/expected`.
#[test]
fn published_payloads_become_the_expected_events() {
    let root = crate::published::folder().join("provider-events");
    let mut seen = String::new();
    for provider in ["aws", "azure", "google"] {
        for file in files(&root.join(provider)) {
            let body = Bytes::from(std::fs::read(&file).unwrap());
            let name = file.strip_prefix(&root).unwrap().display().to_string();
            seen.push_str(&line(&name, &body));
        }
    }
    if seen.is_empty() {
        return;
    }
    let expected = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/expected/published.txt");
    if std::env::var_os("TRADEWIND_UPDATE").is_some() {
        std::fs::write(expected, &seen).unwrap();
    }
    let wanted = std::fs::read_to_string(expected).unwrap_or_default();
    for (seen, wanted) in seen.lines().zip(wanted.lines()) {
        assert_eq!(seen, wanted);
    }
    assert_eq!(seen.lines().count(), wanted.lines().count());
    // For `cargo xtask prove provider-events`; a payload that was refused has two fields or three.
    let unread = |line: &&str| line.matches(" | ").count() < 4;
    println!(
        "provider-events: {} events of published payloads as expected, {} payloads refused, {} formats",
        seen.lines().filter(|line| !unread(line)).count(),
        seen.lines().filter(unread).count(),
        Format::all().len(),
    );
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn line(name: &str, body: &Bytes) -> String {
    let headers = HeaderMap::new();
    let message = Message {
        headers: &headers,
        body,
    };
    let Some(format) = Format::detect(&message) else {
        return format!("{name} | unknown\n");
    };
    match tradewind_formats::decode(&message) {
        Err(error) => format!("{name} | {} | {error}\n", format.spec.name),
        Ok(events) => {
            let ids: BTreeSet<&str> = events.iter().map(|event| event.id()).collect();
            let mut lines = String::new();
            for event in &events {
                event.validate().unwrap();
                let data = &event.data().unwrap().bytes;
                // What arrived, byte by byte, in the memory that it arrived in, but for texts in texts.
                let carried = format.spec.inner.is_some() || format.spec.by.is_some();
                assert!(
                    carried || body.as_ptr_range().contains(&data.as_ptr()),
                    "{name}"
                );
                lines.push_str(&format!(
                    "{name} | {} | {} | {} | {} | {}\n",
                    format.spec.name,
                    event.ty(),
                    event.source(),
                    event.subject().unwrap_or("-"),
                    event.time_text().unwrap_or("-"),
                ));
            }
            // Some of the published batches repeat an id on purpose.
            let repeats = name.contains("duplicate") || name.contains("eventgrid-extension");
            assert!(ids.len() == events.len() || repeats, "{name}: {ids:?}");
            lines
        }
    }
}
