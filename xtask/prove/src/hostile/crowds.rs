//! Many connections, and connections that do not what they should.

use super::ground::{Ground, exchange, expect, post};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// As many idle connections as this process can have, up to 20,000, then 2,000 new ones a second.
pub(super) async fn idle(ground: Ground) -> Result<String, String> {
    let mut held = Vec::new();
    let wanted = ground.many(20_000.min(ground.sockets));
    for n in 0..wanted {
        if let Ok(stream) = ground.dial(n).await {
            held.push(stream);
        }
    }
    let begun = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let mut new = 0;
    let until = ground.until();
    while Instant::now() < until {
        tick.tick().await;
        for _ in 0..20 {
            new += usize::from(ground.dial(new).await.is_ok());
        }
    }
    let per_second = new as f64 / begun.elapsed().as_secs_f64().max(1.0);
    // Who was turned away can see it; who was taken is hung up on when no head comes.
    tokio::time::sleep(ground.header_timeout + Duration::from_secs(3)).await;
    let mut open = 0;
    for stream in &held {
        let mut byte = [0];
        match stream.try_read(&mut byte) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => open += 1,
            _ => {}
        }
    }
    if open > 0 {
        return Err(format!("{open} idle connections are still open"));
    }
    Ok(format!(
        "{} idle of {wanted} wanted, {per_second:.0} new a second; all turned away or hung up on",
        held.len(),
    ))
}

/// Nothing but requests that are in order, one after the other, on a few connections.
pub(super) async fn harmless(ground: Ground) -> Result<String, String> {
    let until = ground.until();
    let mut tasks = JoinSet::new();
    for n in 0..4 {
        let mut stream = ground.dial(n).await.map_err(|e| e.to_string())?;
        tasks.spawn(async move {
            let (mut requests, mut buffer) = (0, vec![0; 4096]);
            while Instant::now() < until {
                stream
                    .write_all(b"GET /nothing HTTP/1.1\r\nhost: g\r\n\r\n")
                    .await
                    .ok()?;
                stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
                requests += 1;
            }
            Some(requests)
        });
    }
    let mut requests = 0;
    while let Some(done) = tasks.join_next().await {
        let done = done.map_err(|e| e.to_string())?;
        requests += done.ok_or("an ordinary request was not answered")?;
    }
    Ok(format!("{requests} ordinary requests"))
}

/// Connections that make one request, and then hold on to what they have.
pub(super) async fn idle_after(ground: Ground) -> Result<String, String> {
    hold(&ground, b"GET /nothing HTTP/1.1\r\nhost: g\r\n\r\n").await
}

/// Opens connections with these bytes on each, and leaves them be for a while.
pub(super) async fn hold(ground: &Ground, bytes: &[u8]) -> Result<String, String> {
    let mut held = Vec::new();
    for n in 0..ground.many(5_000) {
        if let Ok(mut stream) = ground.dial(n).await
            && stream.write_all(bytes).await.is_ok()
        {
            held.push(stream);
        }
    }
    tokio::time::sleep_until(ground.until()).await;
    let mut buffer = [0; 64];
    let kept = |stream: &&TcpStream| match stream.try_read(&mut buffer) {
        Ok(read) => read > 0,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    };
    let kept = held.iter().filter(kept).count();
    Ok(format!("{} connections, {kept} of them taken", held.len()))
}

/// Requests by the thousand on one connection, read late; and never read.
pub(super) async fn pipelined(ground: Ground) -> Result<String, String> {
    let requests = b"GET /nothing HTTP/1.1\r\nhost: g\r\n\r\n".repeat(1000);
    let until = ground.until();
    let mut deaf = Vec::new();
    let mut answered = 0;
    loop {
        let mut last = b"GET /nothing HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n".to_vec();
        last.splice(0..0, requests.iter().copied());
        let stream = ground.dial(0).await.map_err(|e| e.to_string())?;
        let answer = exchange(stream, &last, ground.patience()).await;
        expect("pipelined", &answer, &[404])?;
        if answer.answers() != 1001 {
            return Err(format!(
                "{} of 1001 requests were answered",
                answer.answers()
            ));
        }
        answered += answer.answers();
        if deaf.len() < 100 {
            let mut stream = ground.dial(deaf.len()).await.map_err(|e| e.to_string())?;
            // Until its buffers and ours are full.
            let write = async { while stream.write_all(&requests).await.is_ok() {} };
            tokio::time::timeout(Duration::from_millis(20), write)
                .await
                .ok();
            deaf.push(stream);
        }
        if Instant::now() >= until {
            break;
        }
    }
    Ok(format!(
        "{answered} answered 404 in order; {} that never read were not buffered for",
        deaf.len()
    ))
}

/// Connections whose senders say early that they have said everything.
pub(super) async fn half_closed(ground: Ground) -> Result<String, String> {
    let whole = post("/github", "", b"{}");
    let cases: [(&str, &[u8], &[u16]); 4] = [
        ("after the request", &whole, &[401]),
        ("within the body", &whole[..whole.len() - 1], &[400]),
        ("within the head", &whole[..20], &[0, 400]),
        ("before anything", b"", &[0]),
    ];
    let until = ground.until();
    let mut connections = 0;
    loop {
        for (name, bytes, statuses) in cases {
            let mut stream = ground.dial(connections).await.map_err(|e| e.to_string())?;
            stream.write_all(bytes).await.map_err(|e| e.to_string())?;
            stream.shutdown().await.map_err(|e| e.to_string())?;
            let mut answer = Vec::new();
            let read = stream.read_to_end(&mut answer);
            if tokio::time::timeout(ground.patience(), read).await.is_err() {
                return Err(format!("half-closed {name}: kept open"));
            }
            let answer = super::ground::Answer {
                bytes: answer,
                closed: true,
                sent: 0,
            };
            expect(name, &answer, statuses)?;
            connections += 1;
        }
        if Instant::now() >= until {
            return Ok(format!(
                "{connections} connections: 401 where whole, else 400 or nothing"
            ));
        }
    }
}

/// The start of a TLS handshake, and noise.
pub(super) async fn garbage(ground: Ground) -> Result<String, String> {
    let mut hello = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    hello.extend(std::iter::repeat_with(|| fastrand::u8(..)).take(505));
    let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(128..))
        .take(4096)
        .collect();
    let until = ground.until();
    let mut connections = 0;
    loop {
        for bytes in [&hello, &noise] {
            let answer = ground.send(bytes).await?;
            expect("garbage", &answer, &[400])?;
            connections += 1;
        }
        if Instant::now() >= until {
            return Ok(format!("{connections} connections, each answered 400"));
        }
    }
}
