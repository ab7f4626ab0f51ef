//! The table of limits, with the defaults that are in force; held in step with docs/reference/limits.md.

use super::Limits;
use super::wire::{LINGER, LINGER_BYTES};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tradewind_config::{Limits as Keys, Period, Size};

const INTRODUCTION: &str = "\
<!-- Generated from the code: TRADEWIND_UPDATE=1 cargo test -p tradewind-server limits_reference -->
# Limits

What a stranger can use up before anything is known of them. Limits hold at the listener, before sources, routes and
endpoints of the admin API: both listeners run the same code, by the same keys. The admin API takes 256 connections at
most, and bodies of at least 1 MiB, whatever the keys say. A reload puts changed limits in force for new connections
and requests.

Where there is a key, the default is that of [the configuration](configuration.md); the others are fixed. `Problem`
is the last part of `type` in the answer (`urn:tradewind:problem:...`); connections that are closed are counted in
`tradewind_ingress_connections_refused_total` where they were beyond a number, those of the admin API nowhere.
";

/// Name, key, default, what follows beyond it.
type Row = (&'static str, &'static str, String, &'static str);

fn size(bytes: usize) -> String {
    Size(bytes as u64).to_string()
}

fn time(period: Duration) -> String {
    Period(period).to_string()
}

fn tables() -> Vec<(&'static str, Vec<Row>)> {
    let (fixed, keys) = (Limits::default(), Keys::default());
    let connections = vec![
        (
            "connections at once",
            "limits.connections",
            keys.connections.to_string(),
            "closed at once",
        ),
        (
            "of one address (IPv6: /64)",
            "limits.connections-per-peer",
            keys.connections_per_peer.to_string(),
            "closed at once; `trusted-proxies` are not counted",
        ),
        (
            "that may speak HTTP/2",
            "",
            fixed.http2_connections().to_string(),
            "closed when it begins to; a quarter of `limits.connections`",
        ),
        (
            "time for the handshake of TLS and the first head",
            "limits.header-timeout",
            keys.header_timeout.to_string(),
            "closed",
        ),
        (
            "idle between two requests",
            "limits.keep-alive",
            keys.keep_alive.to_string(),
            "closed; HTTP/2 by GOAWAY",
        ),
        (
            "time in which nothing of an answer is taken",
            "",
            time(fixed.answer_timeout),
            "closed",
        ),
        (
            "read on from who was refused",
            "",
            format!("{}, {}", size(LINGER_BYTES), time(LINGER)),
            "closed",
        ),
    ];
    let heads = vec![
        (
            "size of a head",
            "limits.headers",
            keys.headers.to_string(),
            "431, problem `head-too-large`",
        ),
        (
            "header fields",
            "limits.header-count",
            keys.header_count.to_string(),
            "431, problem `head-too-large`",
        ),
        (
            "time for a head",
            "limits.header-timeout",
            keys.header_timeout.to_string(),
            "closed",
        ),
        (
            "unfinished heads of all connections, beyond 4 KiB of each",
            "",
            size(fixed.head_memory),
            "closed",
        ),
    ];
    let requests = vec![
        (
            "size of a body",
            "limits.body",
            keys.body.to_string(),
            "413, problem `body-too-large`; `max-body` of a source or route goes first",
        ),
        (
            "time for a body",
            "limits.body-timeout",
            keys.body_timeout.to_string(),
            "408, problem `body-timeout`",
        ),
        (
            "bodies of all requests, beyond 8 KiB of each",
            "limits.body-memory",
            keys.body_memory.to_string(),
            "503 with `retry-after`, problem `overloaded`",
        ),
        (
            "events of a batch",
            "limits.batch",
            keys.batch.to_string(),
            "413, problem `batch-too-large`",
        ),
        (
            "requests under way beyond the first of each connection",
            "",
            fixed.requests.to_string(),
            "503 with `retry-after`, problem `overloaded`",
        ),
    ];
    let http2 = vec![
        (
            "streams at once (SETTINGS_MAX_CONCURRENT_STREAMS)",
            "",
            fixed.http2_streams.to_string(),
            "stream reset, REFUSED_STREAM",
        ),
        (
            "header list (SETTINGS_MAX_HEADER_LIST_SIZE)",
            "limits.headers",
            "a head, 32 B for each field, 16 KiB".into(),
            "431 up to that, beyond it the stream is reset",
        ),
        (
            "CONTINUATION frames of a head",
            "",
            "what the header list fills, and a quarter more".into(),
            "connection closed, ENHANCE_YOUR_CALM",
        ),
        (
            "rapid reset: streams ended by the sender before they were looked at",
            "",
            fixed.http2_resets.to_string(),
            "connection closed, ENHANCE_YOUR_CALM",
        ),
        (
            "streams ended by mistakes of the sender",
            "",
            fixed.http2_mistakes.to_string(),
            "connection closed, ENHANCE_YOUR_CALM",
        ),
        (
            "DATA frames without data",
            "",
            "100 of a stream, and a budget for small ones of a connection".into(),
            "connection closed, ENHANCE_YOUR_CALM",
        ),
        (
            "PING and SETTINGS that wait for their answer",
            "",
            "1 of each".into(),
            "nothing more is read before it is sent; they keep no idle connection open",
        ),
        (
            "PING, SETTINGS and PRIORITY of a connection",
            "",
            format!(
                "{} at once, then {} a second",
                super::frames::BURST,
                super::frames::PER_SECOND
            ),
            "connection closed, counted in `tradewind_ingress_floods_total`",
        ),
        (
            "unread bytes of a stream, of a connection (windows)",
            "",
            format!(
                "{}, {}",
                size(super::connection::STREAM_WINDOW as usize),
                size(super::connection::CONNECTION_WINDOW as usize)
            ),
            "connection closed, FLOW_CONTROL_ERROR",
        ),
        (
            "answers that wait to be sent, of a stream",
            "",
            size(super::connection::SEND_BUFFER),
            "the answer is made no further",
        ),
        (
            "time for the answer to our PING",
            "limits.header-timeout",
            keys.header_timeout.to_string(),
            "closed",
        ),
    ];
    vec![
        ("Connections", connections),
        ("Heads", heads),
        ("Bodies and requests", requests),
        ("HTTP/2", http2),
    ]
}

fn reference() -> String {
    let mut out = String::from(INTRODUCTION);
    for (title, rows) in tables() {
        out.push_str(&format!(
            "\n## {title}\n\n| what | key | default | beyond it |\n|---|---|---|---|\n"
        ));
        for (what, key, default, beyond) in rows {
            let key = match key {
                "" => String::new(),
                key => format!("`{key}`"),
            };
            out.push_str(&format!("| {what} | {key} | {default} | {beyond} |\n"));
        }
    }
    out
}

#[test]
fn the_table_of_limits_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/limits.md");
    if std::env::var_os("TRADEWIND_UPDATE").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, reference(), "TRADEWIND_UPDATE=1 writes it anew");
    let keys = serde_json::to_value(Keys::default()).unwrap();
    let Value::Object(keys) = keys else { panic!() };
    for key in keys.keys() {
        assert!(
            committed.contains(&format!("`limits.{key}`")),
            "no row for limits.{key}"
        );
    }
}
