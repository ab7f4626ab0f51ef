//! Against the official SDK, where it is right.

use bytes::Bytes;
use cloudevents::{AttributesReader, AttributesWriter};
use tradewind_event::{Event, json};

const COMMON: &str = r#""specversion":"1.0","id":"a","source":"/s?b#c","type":"t""#;

/// The SDK turns everything that is not JSON into its own spelling, so each document is one that it
/// reads without loss.
const DOCUMENTS: [&str; 10] = [
    r#""time":"2018-04-05T17:31:00Z""#,
    r#""subject":"é \"q\"","ext":"v","flag":false,"number":-5"#,
    r#""datacontenttype":"application/json","data":{"a":[1,2.5,null,true,"x\n"]}"#,
    r#""data":"just a string""#,
    r#""data":null"#,
    r#""datacontenttype":"text/plain","data":"line\nline""#,
    r#""datacontenttype":"application/xml","data":"<a b=\"c\"/>""#,
    r#""datacontenttype":"application/octet-stream","data_base64":"AAEC/w==""#,
    r#""dataschema":"https://example.com/schema/1","time":"1969-12-31T23:59:59.250Z""#,
    r#""data":{"b":1,"a":{"c":[]}},"datacontenttype":"application/cloudevents+json""#,
];

fn document(own: &str) -> String {
    format!("{{{COMMON},{own}}}")
}

#[test]
fn both_read_the_same_event() {
    for own in DOCUMENTS {
        let document = document(own);
        let theirs: cloudevents::Event = serde_json::from_str(&document).unwrap();
        let ours = json::decode(Bytes::from(document.clone())).unwrap();
        if own.starts_with("\"data\":null") {
            // The SDK knows no payload of null.
            assert_eq!(&ours.data().unwrap().bytes[..], b"null");
            continue;
        }
        assert_eq!(cloudevents::Event::from(&ours), theirs, "{document}");
    }
}

#[test]
fn there_and_back_keeps_the_event() {
    for own in DOCUMENTS {
        let event = json::decode(Bytes::from(document(own))).unwrap();
        let back = Event::try_from(cloudevents::Event::from(&event)).unwrap();
        assert_eq!(back.data_json(), event.data_json());
        let kinds = |event: &Event| event.data().map(|data| data.kind);
        if event.data_json().is_none() {
            assert_eq!(back, event);
        }
        assert_eq!(kinds(&back), kinds(&event));
    }
}

#[test]
fn what_the_sdk_lets_pass_is_refused() {
    let sound = || {
        let mut event = cloudevents::Event::default();
        event.set_source("/s");
        event
    };
    assert!(Event::try_from(sound()).is_ok());
    let refused = |change: fn(&mut cloudevents::Event)| {
        let mut event = sound();
        change(&mut event);
        Event::try_from(event).map_err(|e| e.attribute)
    };
    for (change, attribute) in [
        (
            (|e| drop(e.set_id(""))) as fn(&mut cloudevents::Event),
            "id",
        ),
        (|e| drop(e.set_subject(Some(""))), "subject"),
        (|e| drop(e.set_source("not a uri")), "source"),
        (
            |e| drop(e.set_datacontenttype(Some("xyz"))),
            "datacontenttype",
        ),
        (|e| e.set_extension("MyExtension", "v"), "MyExtension"),
        (|e| e.set_extension("ext", "\u{7}"), "ext"),
        (|e| e.set_extension("ext", 1_i64 << 40), "ext"),
    ] {
        assert_eq!(refused(change), Err(attribute.to_owned()));
    }
}

#[test]
fn times_of_both_agree() {
    let document = document(r#""time":"2018-04-05T10:31:00.123456789-07:00""#);
    let event = json::decode(Bytes::from(document)).unwrap();
    let theirs = cloudevents::Event::from(&event);
    let time = theirs.time().unwrap();
    let instant = event.time().unwrap();
    assert_eq!(time.timestamp(), instant.seconds);
    assert_eq!(time.timestamp_subsec_nanos(), instant.nanos);
}
