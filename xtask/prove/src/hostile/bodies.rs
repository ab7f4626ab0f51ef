//! Bodies without end, bombs, and events that are hard to read.

use super::ground::{Ground, expect, keyed, post, repeat};
use std::fmt::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Ten gigabytes in chunks, without a signature and without a key.
pub(super) async fn endless_chunks(ground: Ground) -> Result<String, String> {
    let until = ground.until();
    let piece = [b"10000\r\n".as_slice(), &[b'a'; 1 << 16], b"\r\n"].concat();
    let (mut requests, mut most) = (0, 0);
    loop {
        for (path, status) in [("/github", 413), ("/api", 401)] {
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: gateway\r\ntransfer-encoding: chunked\r\n\r\n"
            );
            let stream = ground.dial(0).await.map_err(|e| e.to_string())?;
            let answer = repeat(stream, head.as_bytes(), &piece, 10 << 30, ground.patience()).await;
            expect(path, &answer, &[status])?;
            most = most.max(answer.sent);
            requests += 1;
        }
        if Instant::now() >= until {
            break;
        }
    }
    // The cap, what lingers, and the buffers of the two sockets.
    if most > 32 << 20 {
        return Err(format!(
            "{most} bytes of an unauthenticated body were taken"
        ));
    }
    Ok(format!(
        "{requests} requests: 413 without a signature, 401 without a key; at most {} KiB of 10 GiB could be sent",
        most >> 10
    ))
}

/// A byte every second.
pub(super) async fn trickle(ground: Ground) -> Result<String, String> {
    let mut stream = ground.dial(0).await.map_err(|e| e.to_string())?;
    let head = b"POST /github HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head).await.map_err(|e| e.to_string())?;
    let begun = Instant::now();
    let mut buffer = [0; 1024];
    while begun.elapsed() < ground.patience() {
        match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer)).await {
            Err(_) => stream.write_all(b"x").await.map_err(|e| e.to_string())?,
            Ok(Ok(n)) if buffer[..n].starts_with(b"HTTP/1.1 408") => {
                return Ok(format!("408 after {} s", begun.elapsed().as_secs()));
            }
            Ok(_) => return Err("the endless body was not answered 408".into()),
        }
    }
    Err("the endless body is still read".into())
}

/// Many of the largest bodies at once, of which the last byte does not come.
pub(super) async fn all_at_once(ground: Ground) -> Result<String, String> {
    let body = vec![b'a'; (1 << 20) - 1];
    let mut tasks = JoinSet::new();
    for n in 0..ground.many(200) {
        let (ground, body) = (ground.clone(), body.clone());
        tasks.spawn(async move {
            let mut stream = ground.dial(n).await.map_err(|e| e.to_string())?;
            let head = b"POST /github HTTP/1.1\r\nhost: g\r\ncontent-length: 1048576\r\n\r\n";
            let mut buffer = [0; 12];
            let (mut reader, mut writer) = stream.split();
            let write = async {
                writer.write_all(head).await.ok();
                writer.write_all(&body).await.ok();
                // Less than a body may take.
                tokio::time::sleep(ground.body_timeout.mul_f64(0.1)).await;
            };
            tokio::select! {
                () = write => Ok::<_, String>(0),
                _ = reader.read_exact(&mut buffer) => {
                    Ok(String::from_utf8_lossy(&buffer[9..]).parse().unwrap_or_default())
                }
            }
        });
    }
    let (mut held, mut refused) = (0, 0);
    while let Some(status) = tasks.join_next().await {
        match status.map_err(|e| e.to_string())?? {
            0 => held += 1,
            503 => refused += 1,
            other => return Err(format!("a large body was answered {other}")),
        }
    }
    Ok(format!(
        "{held} bodies of 1 MiB held, {refused} answered 503"
    ))
}

/// Encodings that promise more than they are. Nothing is decompressed, so nothing is read.
pub(super) async fn bombs(ground: Ground) -> Result<String, String> {
    let encodings = [
        "gzip",
        "deflate",
        "br",
        "zstd",
        "gzip, gzip, gzip",
        "x-unheard-of",
    ];
    // The start of a gzip of zeros: who unpacked it would get a thousand bytes for each.
    let bomb: Vec<u8> = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3]
        .into_iter()
        .chain(std::iter::repeat_n(0, 1 << 19))
        .collect();
    let until = ground.until();
    let mut requests = 0;
    loop {
        for encoding in encodings {
            let headers = format!(
                "authorization: Bearer {}\r\ncontent-encoding: {encoding}\r\ncontent-type: application/cloudevents+json\r\n",
                super::ground::KEY
            );
            let answer = ground.send(&post("/api", &headers, &bomb)).await?;
            expect(encoding, &answer, &[415])?;
            requests += 1;
        }
        if Instant::now() >= until {
            return Ok(format!("{requests} requests, each answered 415 unread"));
        }
    }
}

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

fn event(id: &str, rest: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/prove/hostile","type":"prove.hostile"{rest}}}"#
    )
}

/// JSON that is deep, wide, ambiguous, out of range, or made to collide.
pub(super) async fn json(ground: Ground) -> Result<String, String> {
    let deep = |open: &str, close: &str| {
        let nest = [open.repeat(100_000), "1".into(), close.repeat(100_000)].concat();
        event("deep", &format!(r#","data":{nest}"#))
    };
    let wide = |keys: usize, name: fn(usize) -> String| {
        let mut members = String::new();
        for n in 0..keys {
            write!(members, r#""{}":{n},"#, name(n)).ok();
        }
        members.pop();
        event(
            &format!("wide-{keys}"),
            &format!(r#","data":{{{members}}}"#),
        )
    };
    let colliding: fn(usize) -> String = |n| {
        // Equal under polynomial hashes of base 31: Aa and BB.
        (0..16)
            .map(|bit| if n >> bit & 1 == 0 { "Aa" } else { "BB" })
            .collect()
    };
    let mut attributes = String::new();
    for n in 0..50_000 {
        write!(attributes, r#","a{n}":"b""#).ok();
    }
    let cases: Vec<(&str, &str, String, &[u16])> = vec![
        ("100,000 arrays deep", STRUCTURED, deep("[", "]"), &[400]),
        (
            "100,000 objects deep",
            STRUCTURED,
            deep(r#"{"a":"#, "}"),
            &[400],
        ),
        (
            "a million keys",
            STRUCTURED,
            wide(1_000_000, |n| n.to_string()),
            &[413],
        ),
        (
            "60,000 keys",
            STRUCTURED,
            wide(60_000, |n| n.to_string()),
            &[200, 202, 400],
        ),
        (
            "20,000 colliding keys",
            STRUCTURED,
            wide(20_000, colliding),
            &[200, 202, 400],
        ),
        (
            "50,000 attributes",
            STRUCTURED,
            event("many", &attributes),
            &[200, 202, 400],
        ),
        (
            "an attribute twice",
            STRUCTURED,
            event("twice", r#","id":"other""#),
            &[400],
        ),
        (
            "data twice",
            STRUCTURED,
            event("data", r#","data":1,"data":2"#),
            &[400],
        ),
        (
            "1e400",
            STRUCTURED,
            event("huge", r#","data":1e400"#),
            &[200, 202, 400],
        ),
        (
            "1e400 in an attribute",
            STRUCTURED,
            event("attr", r#","n":1e400"#),
            &[400],
        ),
        (
            "a lone surrogate",
            STRUCTURED,
            event("lone", r#","data":"\ud800""#),
            &[200, 202, 400],
        ),
        (
            "a lone surrogate in an attribute",
            STRUCTURED,
            event("lone2", r#","subject":"\ud800""#),
            &[400],
        ),
        (
            "a bare control character",
            STRUCTURED,
            event("bytes", ",\"data\":\"\u{1}\""),
            &[400],
        ),
        (
            "an open string",
            STRUCTURED,
            r#"{"id":""#.to_owned() + &"a".repeat(1 << 19),
            &[400],
        ),
        ("a deep batch", BATCH, "[".repeat(100_000), &[400]),
    ];
    let until = ground.until();
    let mut requests = 0;
    loop {
        for (name, content_type, body, statuses) in &cases {
            let answer = ground
                .send(&keyed("/api", content_type, body.as_bytes()))
                .await?;
            expect(name, &answer, statuses)?;
            requests += 1;
        }
        if Instant::now() >= until {
            return Ok(format!(
                "{} shapes, {requests} requests, each answered 202, 400 or 413",
                cases.len()
            ));
        }
    }
}

/// Batches that are too many, too large, or bad in one place.
pub(super) async fn batches(ground: Ground) -> Result<String, String> {
    let batch = |events: usize, bad: Option<usize>| {
        let all: Vec<String> = (0..events)
            .map(|n| match bad {
                Some(at) if at == n => r#"{"specversion":"1.0"}"#.to_owned(),
                _ => event(&format!("{events}-{n}"), r#","data":{}"#),
            })
            .collect();
        format!("[{}]", all.join(",")).into_bytes()
    };
    let until = ground.until();
    let mut requests = 0;
    loop {
        let many = ground
            .send(&keyed(
                "/api",
                BATCH,
                batch(10_000, None).get(..900_000).unwrap_or_default(),
            ))
            .await?;
        expect("the start of a batch of 10,000", &many, &[400, 413])?;
        let many = ground
            .send(&keyed("/api", BATCH, &batch(10_000, None)))
            .await?;
        expect("10,000 events", &many, &[413])?;
        let large = vec![b' '; 64 << 20];
        let large = ground.send(&keyed("/api", BATCH, &large)).await?;
        expect("64 MiB", &large, &[413])?;
        let bad = ground
            .send(&keyed("/api", BATCH, &batch(1_000, Some(617))))
            .await?;
        expect("1 bad of 1,000", &bad, &[400])?;
        if !String::from_utf8_lossy(&bad.bytes).contains("617") {
            return Err("1 bad of 1,000: the answer does not name it".into());
        }
        requests += 4;
        if Instant::now() >= until {
            return Ok(format!(
                "{requests} requests: 413, and 400 with the index of the bad event"
            ));
        }
    }
}

/// A sender with a key at a hundred times its rate.
pub(super) async fn above_rate(ground: Ground) -> Result<String, String> {
    let until = ground.until() + Duration::from_secs(1);
    let (mut taken, mut refused) = (0, 0);
    let mut id = 0;
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    // 20 a second are allowed, 2,000 are sent.
    while Instant::now() < until {
        tick.tick().await;
        let mut requests = Vec::new();
        for _ in 0..20 {
            id += 1;
            let body = event(&format!("rate-{id}"), "");
            write!(
                RequestText(&mut requests),
                "POST /limited HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ncontent-type: {STRUCTURED}\r\ncontent-length: {}\r\n\r\n{body}",
                super::ground::KEY,
                body.len()
            )
            .ok();
        }
        let mut stream = ground.dial(id).await.map_err(|e| e.to_string())?;
        stream
            .write_all(&requests)
            .await
            .map_err(|e| e.to_string())?;
        let mut answers = String::new();
        let mut buffer = [0; 8192];
        while answers.matches("HTTP/1.1 ").count() < 20 || !answers.ends_with('}') {
            match stream.read(&mut buffer).await {
                Ok(n) if n > 0 => answers.push_str(&String::from_utf8_lossy(&buffer[..n])),
                _ => return Err("pipelined requests were not all answered".into()),
            }
        }
        taken += answers.matches("HTTP/1.1 202").count();
        refused += answers.matches("HTTP/1.1 429").count();
    }
    if refused == 0 || taken > 20 * 10 {
        return Err(format!("{taken} taken, {refused} answered 429"));
    }
    Ok(format!("{taken} taken, {refused} answered 429"))
}

struct RequestText<'a>(&'a mut Vec<u8>);

impl Write for RequestText<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
