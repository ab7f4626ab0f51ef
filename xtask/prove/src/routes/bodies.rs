//! Bodies: in step, large, too large.

use super::passing::same;
use super::wire::{Client, feed, piece, send};
use super::{Way, World};
use bytes::Bytes;
use http_body_util::Either;

pub(super) async fn both_bodies_stream_in_step(world: &World, way: Way) -> Result<(), String> {
    let mut client = Client::connect(world.address(), way.caller).await?;
    let (feed, body) = feed();
    let target = format!("{}/p/mirror", way.prefix);
    // Each piece is sent only when the one before has come back: nothing waits for the end.
    feed.send(Ok("piece 0".into())).await.ok();
    let mut answer = client
        .begin("POST", &target, &[], Either::Right(body))
        .await?;
    for n in 0..50 {
        same!(
            piece(&mut answer).await?,
            Some(Bytes::from(format!("piece {n}"))),
            "piece"
        );
        feed.send(Ok(format!("piece {}", n + 1).into())).await.ok();
    }
    drop(feed);
    same!(
        piece(&mut answer).await?,
        Some(Bytes::from("piece 50")),
        "last piece"
    );
    same!(piece(&mut answer).await?, None, "end");
    Ok(())
}

pub(super) async fn large_bodies_pass_and_memory_stays(
    world: &World,
    way: Way,
) -> Result<(), String> {
    const MEBIBYTES: usize = 32;
    let before = world.gateway.memory()?.resident;
    let mut client = Client::connect(world.address(), way.caller).await?;
    let (feed, body) = feed();
    let sending = tokio::spawn(async move {
        let piece = Bytes::from(vec![7; 1 << 16]);
        for _ in 0..MEBIBYTES * 16 {
            feed.send(Ok(piece.clone())).await.ok();
        }
    });
    let target = format!("{}/large/mirror", way.prefix);
    let mut answer = client
        .begin("POST", &target, &[], Either::Right(body))
        .await?;
    let mut length = 0;
    while let Some(piece) = piece(&mut answer).await? {
        length += piece.len();
    }
    sending.await.map_err(|e| e.to_string())?;
    same!(length, MEBIBYTES << 20, "length there and back");
    let target = format!("{}/large/big/{MEBIBYTES}", way.prefix);
    let answer = send(world.address(), way.caller, ("GET", &target), &[], "").await?;
    same!(answer.body.len(), MEBIBYTES << 20, "length received");
    let grown = world.gateway.memory()?.resident.saturating_sub(before);
    let most = 16 << 20;
    same!(
        grown < most,
        true,
        "memory grew by {grown} bytes for bodies of {MEBIBYTES} MiB"
    );
    Ok(())
}

pub(super) async fn bodies_above_the_cap_are_refused(
    world: &World,
    way: Way,
) -> Result<(), String> {
    let target = format!("{}/p/echo", way.prefix);
    let most = vec![0; 1 << 20];
    let answer = send(world.address(), way.caller, ("POST", &target), &[], most).await?;
    same!(answer.json()["length"], 1 << 20, "at the cap");
    let announced = vec![0; (1 << 20) + 1];
    let mut tries = 0..20;
    let answer = loop {
        let post = ("POST", target.as_str());
        match send(world.address(), way.caller, post, &[], announced.clone()).await {
            // Who still writes may be cut off before it reads the answer (RFC 9112, section 9.6).
            Err(cut) if cut.contains("BodyWrite") && tries.next().is_some() => {}
            answer => break answer?,
        }
    };
    same!(answer.status.as_u16(), 413, "announced");
    same!(answer.code(), "body-too-large", "announced");
    let mut tries = 0..20;
    let answer = loop {
        let mut client = Client::connect(world.address(), way.caller).await?;
        let (feed, body) = feed();
        tokio::spawn(async move { while feed.send(Ok(vec![0; 1 << 16].into())).await.is_ok() {} });
        match client
            .begin("POST", &target, &[], Either::Right(body))
            .await
        {
            Err(cut) if cut.contains("BodyWrite") && tries.next().is_some() => {}
            answer => break answer?,
        }
    };
    same!(answer.status().as_u16(), 413, "unannounced");
    Ok(())
}
