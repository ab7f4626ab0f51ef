//! What goes in comes out: any bytes of any content type, through disk and a restart.

use crate::support::handler::Handler;
use crate::support::{start, start_in};
use std::collections::BTreeMap;

struct Sent {
    content_type: Option<String>,
    subject: Option<String>,
    data: Vec<u8>,
}

/// Characters of a token (RFC 9110 section 5.6.2), of which types and parameters are made.
const TOKEN: &[u8] = b"abcxyzABCXYZ0189!#$&^_.+-";

fn token(rng: &mut fastrand::Rng) -> String {
    // Begins with a letter, as the names of media types do.
    let mut token = String::from(rng.alphabetic());
    for _ in 0..rng.usize(..12) {
        token.push(char::from(TOKEN[rng.usize(..TOKEN.len())]));
    }
    token
}

fn content_type(rng: &mut fastrand::Rng) -> String {
    let mut ty = match rng.u8(..4) {
        // Said of bytes that are none of it: the gateway has no opinion on data.
        0 => "application/json".to_owned(),
        1 => "text/plain; charset=iso-8859-1".to_owned(),
        2 => "application/octet-stream".to_owned(),
        _ => format!("{}/{}", token(rng), token(rng)),
    };
    if rng.bool() {
        ty.push_str(&format!("; {}={}", token(rng), token(rng)));
    }
    ty
}

fn sent(rng: &mut fastrand::Rng) -> Sent {
    let length = match rng.u8(..4) {
        0 => 0,
        1 => rng.usize(1..4),
        2 => rng.usize(..4096),
        _ => rng.usize(..200_000),
    };
    let data = match rng.bool() {
        true => std::iter::repeat_with(|| rng.u8(..)).take(length).collect(),
        // What something in between could take for its own: line ends, zeros, quotes, braces.
        false => std::iter::repeat_with(|| b"\r\n\0\"\\{}[] ,:0\xff\xfe"[rng.usize(..15)])
            .take(length)
            .collect(),
    };
    Sent {
        content_type: rng.u8(..5).gt(&0).then(|| content_type(rng)),
        subject: rng.bool().then(|| {
            let any = std::iter::repeat_with(|| rng.char('\u{21}'..'\u{d7ff}'));
            any.filter(|c| !c.is_control()).take(8).collect()
        }),
        data,
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        (bytes, rest) = match (first, tail) {
            (b'%', [a, b, tail @ ..]) => {
                let digits = [*a, *b];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                (bytes, tail)
            }
            _ => {
                bytes.push(*first);
                (bytes, tail)
            }
        };
    }
    String::from_utf8(bytes).unwrap()
}

fn request(id: &str, event: &Sent) -> Vec<u8> {
    let mut head = format!(
        "POST /events HTTP/1.1\r\nhost: g\r\nconnection: close\r\nce-specversion: 1.0\r\n\
         ce-id: {id}\r\nce-source: /shop\r\nce-type: t\r\ncontent-length: {}\r\n",
        event.data.len()
    );
    if let Some(ty) = &event.content_type {
        head.push_str(&format!("content-type: {ty}\r\n"));
    }
    if let Some(subject) = &event.subject {
        head.push_str(&format!("ce-subject: {}\r\n", escaped(subject)));
    }
    [head.as_bytes(), b"\r\n", &event.data].concat()
}

/// Set `TRADEWIND_SEED` to the seed that a failing run printed.
fn seed() -> u64 {
    match std::env::var("TRADEWIND_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => fastrand::u64(..),
    }
}

#[tokio::test]
async fn data_goes_through_disk_and_restart_unchanged() {
    let seed = seed();
    println!("TRADEWIND_SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut handler = Handler::start(&[]).await;
    let yaml = format!(
        "sources:\n  events: {{ kind: http, path: /events, auth: none-i-understand }}\n\
         subscriptions:\n  all: {{ sink: {} }}\n",
        handler.sink()
    );
    let gateway = start(&yaml).await;
    gateway
        .admin("POST", "/v1/subscriptions/all/pause", "{}")
        .await;
    let mut expected = BTreeMap::new();
    for n in 0..24 {
        let (id, event) = (format!("e-{n}"), sent(&mut rng));
        let answer = gateway.send(&request(&id, &event)).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        expected.insert(id, event);
    }
    gateway.balanced().await;
    gateway.running.stop().await.unwrap();

    let gateway = start_in(gateway.dir, &yaml).await;
    let view = gateway.subscription("all").await;
    assert_eq!(view.account.attempts, 0, "paused over the restart");
    gateway
        .admin("POST", "/v1/subscriptions/all/resume", "{}")
        .await;
    while !expected.is_empty() {
        let delivered = handler.next().await;
        let id = delivered.header("ce-id");
        let event = expected.remove(id).unwrap_or_else(|| panic!("{id} twice"));
        assert!(delivered.body == event.data, "data of {id}");
        let text = |name| {
            let value = delivered.headers.get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(text("content-type"), event.content_type, "{id}");
        let subject = text("ce-subject").map(|subject| unescaped(&subject));
        assert_eq!(subject, event.subject, "{id}");
    }
    gateway
        .until("all", |view| view.account.accepted == 24)
        .await;
    gateway.finish().await;
}
