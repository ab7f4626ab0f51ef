//! Heads that are too large, too slow, or that two parsers could read in two ways.

use super::ground::{Ground, exchange, expect, keyed, post, repeat};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(super) async fn giant_header(ground: Ground) -> Result<String, String> {
    let head = format!("x-a: {}\r\n", "a".repeat(1 << 20));
    rounds(&ground, &post("/github", &head, b""), &[431]).await
}

pub(super) async fn many_headers(ground: Ground) -> Result<String, String> {
    rounds(
        &ground,
        &post("/github", &"a: b\r\n".repeat(100_000), b""),
        &[431],
    )
    .await
}

async fn rounds(ground: &Ground, request: &[u8], statuses: &[u16]) -> Result<String, String> {
    let until = ground.until();
    let mut requests = 0;
    loop {
        let answer = ground.send(request).await?;
        let status = expect("the request", &answer, statuses)?;
        requests += 1;
        if Instant::now() >= until {
            return Ok(format!("{requests} requests, each answered {status}"));
        }
    }
}

/// Many connections whose heads never end, a byte now and then.
pub(super) async fn slow_heads(ground: Ground) -> Result<String, String> {
    slow(
        ground,
        b"POST /github HTTP/1.1\r\nhost: gateway\r\nx-a: ",
        &[0, 408],
    )
    .await
}

/// Many connections whose bodies never end, a byte now and then. Those for which the budget has no
/// room are told so.
pub(super) async fn slow_bodies(ground: Ground) -> Result<String, String> {
    let head = b"POST /github HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000\r\n\r\n";
    slow(ground, head, &[0, 408, 503]).await
}

/// Heads of 60 KiB of which the last byte does not come.
pub(super) async fn full_heads(ground: Ground) -> Result<String, String> {
    let mut head = b"POST /github HTTP/1.1\r\nhost: gateway\r\nx-a: ".to_vec();
    head.extend(std::iter::repeat_n(b'a', 60 << 10));
    slow(ground, &head, &[0, 408]).await
}

async fn slow(ground: Ground, head: &[u8], statuses: &[u16]) -> Result<String, String> {
    let begun = Instant::now();
    let (mut tasks, mut turned_away) = (JoinSet::new(), 0);
    for n in 0..ground.many(5_000) {
        let Ok(mut stream) = ground.dial(n).await else {
            turned_away += 1;
            continue;
        };
        let (head, patience) = (head.to_vec(), ground.patience() + ground.header_timeout);
        tasks.spawn(async move {
            if stream.write_all(&head).await.is_err() {
                return Some(0);
            }
            let begun = Instant::now();
            let mut buffer = [0; 1024];
            // A byte every second, until the other side has had enough.
            while begun.elapsed() < patience {
                let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer));
                match read.await {
                    Err(_) => {
                        stream.write_all(b"x").await.ok();
                    }
                    Ok(Ok(n)) if n > 11 => {
                        let status = String::from_utf8_lossy(&buffer[9..12]).parse();
                        return status.ok();
                    }
                    Ok(_) => return Some(0),
                }
            }
            None
        });
    }
    let (mut hung_up, mut answered) = (0, 0);
    while let Some(ended) = tasks.join_next().await {
        match ended.map_err(|e| e.to_string())? {
            None => return Err("a slow connection was kept".into()),
            Some(status) if !statuses.contains(&status) => {
                return Err(format!("a slow connection was answered {status}"));
            }
            Some(0) => hung_up += 1,
            Some(_) => answered += 1,
        }
    }
    Ok(format!(
        "{answered} answered, {hung_up} hung up on, {turned_away} not connected, after {} s at the latest",
        begun.elapsed().as_secs()
    ))
}

/// Requests whose end or shape two parsers may see differently. Each carries another request, which
/// would publish an event that was never sent: the oracle would see it arrive.
pub(super) async fn smuggling(ground: Ground) -> Result<String, String> {
    let mut inner = keyed("/api", "application/json", b"{}");
    let marks =
        b"ce-specversion: 1.0\r\nce-id: smuggled\r\nce-source: /prove\r\nce-type: prove.good\r\n";
    let at = b"POST /api HTTP/1.1\r\n".len();
    inner.splice(at..at, marks.iter().copied());
    let inner = String::from_utf8_lossy(&inner).into_owned();
    let mut refused = 0;
    for (name, head, body, statuses) in CORPUS {
        let request = format!("{head}\r\n{body}{inner}");
        let answer = exchange(
            ground.dial(0).await.map_err(|e| e.to_string())?,
            request.as_bytes(),
            ground.patience(),
        )
        .await;
        let status = expect(name, &answer, statuses)?;
        if answer.answers() > 1 || !answer.closed {
            let text = String::from_utf8_lossy(&answer.bytes);
            return Err(format!(
                "{name}: more than one answer, or not closed: {text}"
            ));
        }
        refused += usize::from(status == 400);
    }
    Ok(format!(
        "{} shapes: {refused} answered 400, the others 401, 431 or 501; each once, then closed",
        CORPUS.len()
    ))
}

type Shape = (&'static str, &'static str, &'static str, &'static [u16]);

/// Name, head, body in front of the smuggled request, and what may be answered. 401: read to its
/// end as one request, which is not signed, and then closed.
#[rustfmt::skip]
const CORPUS: &[Shape] = &[
    ("content-length, then transfer-encoding", "POST /github HTTP/1.1\r\nhost: g\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n", &[400, 401]),
    ("transfer-encoding, then content-length", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\ncontent-length: 400\r\n", "0\r\n\r\n", &[400, 401]),
    ("two lengths", "POST /github HTTP/1.1\r\nhost: g\r\ncontent-length: 0\r\ncontent-length: 5\r\n", "", &[400]),
    ("two lengths in one", "POST /github HTTP/1.1\r\nhost: g\r\ncontent-length: 0, 5\r\n", "", &[400]),
    ("a length with a sign", "POST /github HTTP/1.1\r\nhost: g\r\ncontent-length: +0\r\n", "", &[400]),
    ("a negative length", "POST /github HTTP/1.1\r\nhost: g\r\ncontent-length: -1\r\n", "", &[400]),
    ("a hexadecimal length", "POST /github HTTP/1.1\r\nhost: g\r\ncontent-length: 0x0\r\n", "", &[400]),
    ("an empty length", "POST /github HTTP/1.1\r\nhost: g\r\ncontent-length: \r\n", "", &[400]),
    ("a length beyond 64 bits", "POST /github HTTP/1.1\r\nhost: g\r\ncontent-length: 18446744073709551616\r\n", "", &[400]),
    ("a folded header", "POST /github HTTP/1.1\r\nhost: g\r\nx-a: b\r\n transfer-encoding: chunked\r\ncontent-length: 0\r\n", "", &[400]),
    ("a folded transfer-encoding", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding:\r\n chunked\r\n", "0\r\n\r\n", &[400]),
    ("a space before the colon", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding : chunked\r\n", "0\r\n\r\n", &[400]),
    ("a space before a name", "POST /github HTTP/1.1\r\n host: g\r\ncontent-length: 0\r\n", "", &[400]),
    ("a tab before the colon", "POST /github HTTP/1.1\r\nhost: g\r\ncontent-length\t: 0\r\n", "", &[400]),
    ("a bare CR in a value", "POST /github HTTP/1.1\r\nhost: g\r\nx-a: b\rtransfer-encoding: chunked\r\ncontent-length: 0\r\n", "", &[400]),
    ("a NUL in a value", "POST /github HTTP/1.1\r\nhost: g\r\nx-a: b\0c\r\ncontent-length: 0\r\n", "", &[400]),
    ("a NUL in a name", "POST /github HTTP/1.1\r\nhost: g\r\nx-\0a: b\r\ncontent-length: 0\r\n", "", &[400]),
    ("HTTP/1.0 with transfer-encoding", "POST /github HTTP/1.0\r\nhost: g\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n", &[400]),
    ("HTTP/1.2", "POST /github HTTP/1.2\r\nhost: g\r\ncontent-length: 0\r\n", "", &[400]),
    ("HTTP/0.9", "GET /github\r\n", "", &[400]),
    ("an unknown coding", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: xchunked\r\n", "0\r\n\r\n", &[400, 501]),
    ("chunked, then another coding", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked, identity\r\n", "0\r\n\r\n", &[400, 501]),
    ("gzip, then chunked", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: gzip, chunked\r\n", "0\r\n\r\n", &[400, 501]),
    ("chunked twice", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n", &[400, 501]),
    ("a chunk size with a sign", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n", "+0\r\n\r\n", &[400]),
    ("a chunk size with 0x", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n", "0x0\r\n\r\n", &[400]),
    ("a chunk size beyond 64 bits", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n", "10000000000000000\r\n\r\n", &[400]),
    ("no chunk size", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n", "\r\n\r\n", &[400]),
    ("a chunk longer than it says", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n", "1\r\nxyz\r\n0\r\n\r\n", &[400]),
    ("a chunk line ended by a bare LF", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n", "0\n\r\n", &[400]),
    ("a chunk extension with a bare LF", "POST /github HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n", "0;a\nb\r\n\r\n", &[400]),
    ("no host", "POST /github HTTP/1.1\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n", &[400]),
    ("two hosts", "POST /github HTTP/1.1\r\nhost: g\r\nhost: h\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n", &[400]),
];

/// Chunk extensions without end, and trailers without end.
pub(super) async fn extensions(ground: Ground) -> Result<String, String> {
    let head = b"POST /github HTTP/1.1\r\nhost: g\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n1";
    let stream = ground.dial(0).await.map_err(|e| e.to_string())?;
    let answer = repeat(stream, head, &[b';'; 4096], 1 << 30, ground.patience()).await;
    expect("endless chunk extension", &answer, &[400, 413])?;
    let trailers = [head.strip_suffix(b"1").unwrap_or(head), b"0\r\n"].concat();
    let stream = ground.dial(0).await.map_err(|e| e.to_string())?;
    let piece = b"x-trailer: abcdefghijklmnop\r\n".repeat(128);
    let more = repeat(stream, &trailers, &piece, 1 << 30, ground.patience()).await;
    expect("endless trailers", &more, &[400, 413, 431])?;
    // What can be sent before the end lies in the buffers of the two sockets.
    Ok(format!(
        "400; {} KiB and {} KiB of 1 GiB could be sent",
        answer.sent >> 10,
        more.sent >> 10
    ))
}
