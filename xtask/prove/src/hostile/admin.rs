//! The same attacks on the admin socket.

use super::ground::{Answer, Ground, exchange, expect, repeat};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

pub(super) async fn large(ground: Ground) -> Result<String, String> {
    let dial = || async { ground.dial_admin().await.map_err(|e| e.to_string()) };
    let header = format!(
        "GET /v1/status HTTP/1.1\r\nhost: localhost\r\nx-a: {}\r\n\r\n",
        "a".repeat(1 << 20)
    );
    let answer = exchange(dial().await?, header.as_bytes(), ground.patience()).await;
    expect("a giant header", &answer, &[431])?;
    let headers = format!(
        "GET /v1/status HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
        "a: b\r\n".repeat(100_000)
    );
    let answer = exchange(dial().await?, headers.as_bytes(), ground.patience()).await;
    expect("100,000 headers", &answer, &[431])?;
    let head = b"POST /v1/config/diff HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let piece = [b"10000\r\n".as_slice(), &[b'a'; 1 << 16], b"\r\n"].concat();
    let answer = repeat(dial().await?, head, &piece, 10 << 30, ground.patience()).await;
    expect("an endless body", &answer, &[413])?;
    let json = format!(
        "POST /v1/config/diff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 200000\r\n\r\n{}",
        "[".repeat(200_000)
    );
    let answer = exchange(dial().await?, json.as_bytes(), ground.patience()).await;
    expect("deep JSON", &answer, &[400, 422])?;
    Ok("431 for heads, 413 for an endless body, 4xx for deep JSON".into())
}

/// Heads and bodies of a byte a second, on as many connections as it takes and more.
pub(super) async fn slow(ground: Ground) -> Result<String, String> {
    let body = b"POST /v1/config/diff HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
    let heads: [&[u8]; 2] = [b"GET /v1/sta", body];
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..ground.many(400) {
        let Ok(mut stream) = ground.dial_admin().await else {
            continue;
        };
        let (head, begun) = (heads[n % 2], Instant::now());
        tasks.spawn(async move {
            stream.write_all(head).await.ok();
            let mut bytes = vec![0; 1024];
            // The admin API has its own times, of 10 s each.
            while begun.elapsed() < Duration::from_secs(30) {
                let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut bytes));
                match read.await {
                    Err(_) => {
                        stream.write_all(b"x").await.ok();
                    }
                    Ok(read) => {
                        bytes.truncate(read.unwrap_or_default());
                        return Some(
                            Answer {
                                bytes,
                                closed: true,
                                sent: 0,
                            }
                            .status(),
                        );
                    }
                }
            }
            None
        });
    }
    let (mut hung_up, mut answered) = (0, 0);
    while let Some(ended) = tasks.join_next().await {
        match ended.map_err(|e| e.to_string())? {
            Some(0) => hung_up += 1,
            Some(408) => answered += 1,
            other => return Err(format!("a slow connection ended with {other:?}")),
        }
    }
    Ok(format!("{answered} answered 408, {hung_up} hung up on"))
}
