//! The six pairs of JSON format §3.2: an event in JSON, and the same in HTTP binary mode.

use bytes::Bytes;
use http::HeaderMap;
use tradewind_event::http::{self as binding, Message, Options};
use tradewind_event::{Event, json};

struct Pair {
    /// The members that the six documents do not share.
    document: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static [u8],
}

/// Members and headers that all pairs but the last have.
const FULL: [(&str, &str); 6] = [
    ("ce-specversion", "1.0"),
    ("ce-type", "com.example.someevent"),
    ("ce-source", "/mycontext"),
    ("ce-time", "2018-04-05T17:31:00Z"),
    ("ce-comexampleextension1", "value"),
    ("ce-comexampleothervalue", "5"),
];
const FULL_DOCUMENT: &str = r#""specversion" : "1.0", "type" : "com.example.someevent",
    "source" : "/mycontext", "time" : "2018-04-05T17:31:00Z",
    "comexampleextension1" : "value", "comexampleothervalue" : 5,"#;

const OBJECT: &str = "{\n        \"appinfoA\" : \"abc\",\n        \"appinfoB\" : 123,\n        \"appinfoC\" : true\n    }";

fn pairs() -> [Pair; 6] {
    [
        Pair {
            document: r#""id" : "A234-1234-1234",
                "datacontenttype" : "application/vnd.apache.thrift.binary", "data_base64" : "AAEC/w==""#,
            headers: &[
                ("ce-id", "A234-1234-1234"),
                ("content-type", "application/vnd.apache.thrift.binary"),
            ],
            body: &[0, 1, 2, 255],
        },
        Pair {
            document: r#""id" : "B234-1234-1234", "unsetextension": null,
                "datacontenttype" : "application/xml", "data" : "<much wow=\"xml\"/>""#,
            headers: &[
                ("ce-id", "B234-1234-1234"),
                ("content-type", "application/xml"),
            ],
            body: br#"<much wow="xml"/>"#,
        },
        Pair {
            document: r#""id" : "C234-1234-1234", "subject": null,
                "datacontenttype" : "application/json", "data" : OBJECT"#,
            headers: &[
                ("ce-id", "C234-1234-1234"),
                ("content-type", "application/json"),
            ],
            body: OBJECT.as_bytes(),
        },
        Pair {
            document: r#""id" : "C234-1234-1234", "subject": null,
                "datacontenttype" : "application/json", "data" : 1.5"#,
            headers: &[
                ("ce-id", "C234-1234-1234"),
                ("content-type", "application/json"),
            ],
            body: b"1.5",
        },
        Pair {
            document: r#""id" : "D234-1234-1234", "subject": null, "data" : "I'm just a string""#,
            headers: &[
                ("ce-id", "D234-1234-1234"),
                ("content-type", "application/json"),
            ],
            body: br#""I'm just a string""#,
        },
        Pair {
            document: r#""specversion" : "1.0", "type" : "com.example.someevent",
                "source" : "/mycontext", "id" : "D234-1234-1234", "data_base64" : "eyAieHl6IjogMTIzIH0=""#,
            headers: &[
                ("ce-specversion", "1.0"),
                ("ce-type", "com.example.someevent"),
                ("ce-source", "/mycontext"),
                ("ce-id", "D234-1234-1234"),
            ],
            body: br#"{ "xyz": 123 }"#,
        },
    ]
}

fn headers(pair: &Pair) -> HeaderMap {
    let shared = if pair.headers.len() > 2 {
        &[][..]
    } else {
        &FULL[..]
    };
    let all = shared.iter().chain(pair.headers);
    all.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect()
}

fn document(pair: &Pair) -> Bytes {
    let shared = if pair.headers.len() > 2 {
        ""
    } else {
        FULL_DOCUMENT
    };
    let own = pair.document.replace("OBJECT", OBJECT);
    format!("{{ {shared} {own} }}").into()
}

fn binary(headers: &HeaderMap, body: Bytes) -> Event {
    match binding::decode(headers, body, &Options::default()) {
        Ok(Message::Binary(event)) => event,
        other => panic!("not read in binary mode: {other:?}"),
    }
}

#[test]
fn json_becomes_http_byte_for_byte() {
    let mut passed = 0;
    for pair in pairs() {
        let event = json::decode(document(&pair)).unwrap();
        let (found, body) = binding::encode_binary(&event);
        assert_eq!(found, headers(&pair));
        assert_eq!(&body[..], pair.body);
        passed += 1;
    }
    println!("JSON and HTTP pairs of the specification: {passed}/6");
}

#[test]
fn http_becomes_the_same_event_in_json() {
    for pair in pairs() {
        let event = binary(&headers(&pair), Bytes::from_static(pair.body));
        let document = json::encode(&event);
        let (found, body) = binding::encode_binary(&json::decode(document.clone()).unwrap());
        assert_eq!(found, headers(&pair));
        assert_eq!(&body[..], pair.body);
        let text = std::str::from_utf8(&document).unwrap();
        let is_base64 = text.contains("\"data_base64\"");
        assert_eq!(is_base64, pair.document.contains("data_base64"), "{text}");
    }
}
