//! Answers under way while the gateway changes or stops.

use super::passing::same;
use super::wire::{Client, Feed, Version, feed, piece, send};
use super::{World, config};
use bytes::Bytes;
use http_body_util::Either;
use hyper::Response;
use hyper::body::Incoming;
use rustix::process::Signal;

type Talk = (Client, Feed, Response<Incoming>);

async fn talk(world: &World, version: Version, path: &str) -> Result<Talk, String> {
    let mut client = Client::connect(world.address(), version).await?;
    let (feed, body) = feed();
    feed.send(Ok("hello".into())).await.ok();
    let mut answer = client.begin("POST", path, &[], Either::Right(body)).await?;
    same!(
        piece(&mut answer).await?,
        Some(Bytes::from("hello")),
        "first word"
    );
    Ok((client, feed, answer))
}

async fn last_word((_client, feed, mut answer): Talk) -> Result<(), String> {
    feed.send(Ok("goodbye".into())).await.ok();
    drop(feed);
    same!(
        piece(&mut answer).await?,
        Some(Bytes::from("goodbye")),
        "last word"
    );
    same!(piece(&mut answer).await?, None, "end");
    Ok(())
}

/// Answers that began under the old configuration end as they began; new requests meet the new one.
pub(super) async fn a_reload_lets_answers_end(world: &World) -> Result<(), String> {
    let old = config(world.function, world.gateway.address);
    let new = old.replace("/p/", "/q/");
    let one = talk(world, Version::One, "/1/p/mirror").await?;
    let two = talk(world, Version::Two, "/2/p/mirror").await?;
    world.gateway.configure(&new)?;
    for _ in 0..600 {
        let moved = send(world.address(), Version::One, ("GET", "/1/q/echo"), &[], "").await?;
        if moved.status.is_success() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for (path, status) in [("/1/q/echo", 200), ("/1/p/echo", 404)] {
        let answer = send(world.address(), Version::One, ("GET", path), &[], "").await?;
        same!(answer.status.as_u16(), status, "{path} after the reload");
    }
    last_word(one).await?;
    last_word(two).await?;
    world.gateway.configure(&old)
}

/// SIGTERM lets answers under way end, and then the process does.
pub(super) async fn a_drain_lets_answers_end(world: &mut World) -> Result<(), String> {
    let one = talk(world, Version::One, "/1/large/mirror").await?;
    let two = talk(world, Version::Two, "/2/large/mirror").await?;
    world.gateway.signal(Signal::TERM)?;
    last_word(one).await?;
    last_word(two).await?;
    let status = world.gateway.ended().await?;
    same!(status.success(), true, "exit of the gateway: {status}");
    Ok(())
}
