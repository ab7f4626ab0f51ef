//! Formats that are data: every provider's decoder, templates of the configuration, and providers' envelopes.

use crate::Target;
use crate::input::Cut;
use crate::oracle::{bytes, sound};
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;
use tradewind_event::{Event, json};
use tradewind_formats::outward::TARGETS;
use tradewind_formats::{Error, Format, Mapping, Message, Spec, decode};

/// A line that names the format (or `auto`), headers and a body.
pub(super) const FORMAT: Target = Target {
    words: &[
        "auto\n",
        "x-gitlab-event: a\n",
        "content-type: application/x-www-form-urlencoded\n",
        "{\"Records\":[",
        "\"eventSource\":\"aws:sqs\",",
        "\"eventSource\":\"aws:s3\",",
        "\"body\":\"{\\\"a\\\":1}\"",
        "\"detail-type\":\"d\",\"source\":\"s\",\"id\":\"1\"",
        "\"message\":{\"messageId\":\"1\",\"data\":\"e30=\"}",
        "\"specversion\":\"1.0\"",
        "null",
        "\\u0000",
        "\\ufdd0",
        "1e400",
        "\u{feff}",
    ],
    // Every format's templates are read once.
    memory: 2 << 20,
    growth: 256,
    ..Target::new("format", format)
};

/// Lines with the path of a list and templates of id, source, type, subject and time, headers, and a body.
pub(super) const MAPPING: Target = Target {
    words: &[
        "{a}", "{^a}", "{#}", "{#a}", "{@x-a}", "{a|b}", "{a.0.b}", "~lower", "~bare", "~mapA=B",
        "~before/", "~after/", "~last/", "\\.", ".*",
    ],
    memory: 256 << 10,
    growth: 256,
    ..Target::new("mapping", mapping)
};

/// A line that names the target, one that names a resource, and an event in the JSON format.
pub(super) const OUTWARD: Target = Target {
    words: &[
        "aws-put-events",
        "google-pubsub-push",
        "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"",
        "\"time\":\"2026-01-02T03:04:05Z\"",
        "\"datacontenttype\":\"text/plain\"",
        "\"data_base64\":\"/w==\"",
        "\"data\":{\"cloudevents\":{}}",
        "\"data\":\"text\"",
        "\"n\":7",
        "\"f\":true",
    ],
    memory: 2 << 20,
    growth: 256,
    ..Target::new("outward", outward)
};

fn format(input: &[u8]) {
    let mut input = Cut(input);
    let name = input.line();
    let headers = input.headers();
    let body = Bytes::copy_from_slice(input.rest());
    let read = |body: &Bytes| {
        let message = Message {
            headers: &headers,
            body,
        };
        match name {
            "auto" => decode(&message),
            // A name that is none stands for one of them, so that mutations reach all.
            name => {
                let any = name.bytes().map(usize::from).sum::<usize>() % Format::all().len();
                let format = Format::named(name).unwrap_or_else(|| &Format::all()[any]);
                format.decode(&message)
            }
        }
    };
    let found = read(&body);
    assert_eq!(found, read(&body), "the same twice");
    taken(&found);
    // Another writer of the same JSON gets the same names, but for ids that are digests of what was written, and
    // numbers that have more than one form.
    let tree: Option<Value> = serde_json::from_slice(&body).ok();
    let same = |tree: &Value| {
        Keys::of(&body) == Keys::of(tree.to_string().as_bytes()) && !has_doubles(tree)
    };
    let Some(tree) = tree.filter(same) else {
        return;
    };
    let again = read(&Bytes::from(serde_json::to_vec_pretty(&tree).unwrap()));
    let names = |events: &[Event]| -> Vec<[Option<String>; 4]> {
        let text = |text: &str| Some(text.to_owned());
        let one = |event: &Event| {
            [
                text(event.ty()),
                text(event.source()),
                event.subject().and_then(text),
                event.time_text().and_then(text),
            ]
        };
        events.iter().map(one).collect()
    };
    match (found, again) {
        // Texts within texts are not written again.
        (Ok(found), Ok(again)) => assert_eq!(names(&found), names(&again)),
        (Err(_), Err(_)) => {}
        (found, again) => panic!("{found:?} but printed again {again:?}"),
    }
}

fn has_doubles(tree: &Value) -> bool {
    match tree {
        Value::Number(number) => number.is_f64(),
        Value::Array(list) => list.iter().any(has_doubles),
        Value::Object(members) => members.values().any(has_doubles),
        _ => false,
    }
}

fn taken(found: &Result<Vec<Event>, Error>) {
    match found {
        Ok(events) => events.iter().for_each(sound),
        Err(error) => drop(error.to_string()),
    }
}

fn mapping(input: &[u8]) {
    let mut input = Cut(input);
    let each = Some(input.line()).filter(|line| *line != "-");
    let lines = [(); 5].map(|()| [input.line()]);
    let spec = Spec {
        each,
        id: &lines[0],
        source: &lines[1],
        ty: &lines[2],
        subject: &lines[3],
        time: &lines[4],
        extensions: &[("partitionkey", lines[3][0])],
        ..Spec::NONE
    };
    let mapping = match Mapping::new(&spec) {
        Ok(mapping) => mapping,
        Err(error) => return drop(error.to_string()),
    };
    let headers = input.headers();
    let body = Bytes::copy_from_slice(input.rest());
    let message = Message {
        headers: &headers,
        body: &body,
    };
    let found = mapping.decode(&message);
    assert_eq!(found, mapping.decode(&message), "the same twice");
    taken(&found);
    for event in found.iter().flatten() {
        assert!(body.as_ptr_range().contains(&bytes(event).as_ptr()) || bytes(event).is_empty());
    }
}

fn outward(input: &[u8]) {
    let mut input = Cut(input);
    let name = input.line();
    let resource = Some(input.line()).filter(|line| !line.is_empty());
    let Ok(event) = json::decode(Bytes::copy_from_slice(input.rest())) else {
        return;
    };
    let any = name.bytes().map(usize::from).sum::<usize>() % TARGETS.len();
    let named = TARGETS.iter().find(|target| target.name == name);
    let target = named.unwrap_or(&TARGETS[any]);
    let document = match target.render(&event, resource) {
        Ok(document) => document,
        Err(error) => return drop(error.to_string()),
    };
    // JSON has numbers of any size.
    assert!(serde_json::from_slice::<IgnoredAny>(&document).is_ok());
    if let Ok(back) = target.read(&document) {
        let attributes = |event: &Event| {
            let all = event.attributes();
            let mut all: Vec<_> = all
                .map(|(name, value)| (name.to_owned(), value.to_canonical().into_owned()))
                .collect();
            all.sort();
            all
        };
        assert_eq!(attributes(&event), attributes(&back), "{}", target.name);
        assert_eq!(bytes(&event).trim_ascii(), bytes(&back).trim_ascii());
        return;
    }
    // Else it was one of the target's own, and is given back as it came, whatever else it may be taken for.
    let data = bytes(&event);
    let kept = data.is_empty() || document.windows(data.len()).any(|piece| piece == data);
    assert!(kept, "{}", target.name);
}

/// How many members all objects of a document have: more than its tree has where a name comes twice.
#[derive(Debug, PartialEq, Eq)]
struct Keys(usize);

impl Keys {
    fn of(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;
        impl<'de> Visitor<'de> for Count {
            type Value = Keys;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut count = 0;
                while let Some((_, Keys(below))) = map.next_entry::<String, Keys>()? {
                    count += 1 + below;
                }
                Ok(Keys(count))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Keys, A::Error> {
                let mut count = 0;
                while let Some(Keys(below)) = seq.next_element()? {
                    count += below;
                }
                Ok(Keys(count))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Keys, E> {
                Ok(Keys(0))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Keys, E> {
                Ok(Keys(0))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Keys, E> {
                Ok(Keys(0))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Keys, E> {
                Ok(Keys(0))
            }
            fn visit_str<E>(self, _: &str) -> Result<Keys, E> {
                Ok(Keys(0))
            }
            fn visit_unit<E>(self) -> Result<Keys, E> {
                Ok(Keys(0))
            }
        }
        deserializer.deserialize_any(Count)
    }
}
