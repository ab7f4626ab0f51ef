//! What goes wrong: on the function's side, on the caller's, between them.

use super::passing::same;
use super::wire::{Client, feed, piece, send};
use super::{Way, World};
use bytes::Bytes;
use http_body_util::{Either, Full};

fn nothing() -> Either<Full<Bytes>, super::wire::Fed> {
    Either::Left(Full::default())
}

pub(super) async fn silence_is_answered_504(world: &World, way: Way) -> Result<(), String> {
    let target = format!("{}/short/never/504", way.prefix);
    let answer = send(world.address(), way.caller, ("POST", &target), &[], "body").await?;
    same!(answer.status.as_u16(), 504, "status");
    same!(answer.code(), "function-timeout", "code");
    same!(
        answer.header("content-type"),
        "application/problem+json",
        "content-type"
    );
    same!(answer.header("tradewind-durability"), "none", "durability");
    world.gone("/never/504").await
}

pub(super) async fn a_caller_who_stops_sending_is_answered_408(
    world: &World,
    way: Way,
) -> Result<(), String> {
    let mut client = Client::connect(world.address(), way.caller).await?;
    let (feed, body) = feed();
    feed.send(Ok("a beginning".into())).await.ok();
    let target = format!("{}/short/echo", way.prefix);
    let answer = client
        .begin("POST", &target, &[], Either::Right(body))
        .await?;
    same!(answer.status().as_u16(), 408, "status");
    drop(feed);
    Ok(())
}

pub(super) async fn a_pause_cuts_the_answer_off(world: &World, way: Way) -> Result<(), String> {
    let route = format!("route=\"short-{}\"", way.prefix.trim_start_matches('/'));
    let cut = "tradewind_route_answers_cut_off_total";
    let before = world.metric(cut, &[&route]).await?;
    let mut client = Client::connect(world.address(), way.caller).await?;
    let target = format!("{}/short/pause", way.prefix);
    let mut answer = client.begin("GET", &target, &[], nothing()).await?;
    same!(answer.status().as_u16(), 200, "status");
    same!(
        piece(&mut answer).await?,
        Some(Bytes::from("a beginning")),
        "beginning"
    );
    same!(piece(&mut answer).await.is_err(), true, "no clean end");
    world.gone("/pause").await?;
    same!(world.metric(cut, &[&route]).await?, before + 1.0, "counted");
    Ok(())
}

pub(super) async fn a_function_that_breaks_off_is_no_clean_end(
    world: &World,
    way: Way,
) -> Result<(), String> {
    let mut client = Client::connect(world.address(), way.caller).await?;
    let target = format!("{}/p/half", way.prefix);
    // It may break off before the head was passed on.
    if let Ok(mut answer) = client.begin("GET", &target, &[], nothing()).await {
        if answer.status().as_u16() == 502 {
            return Ok(());
        }
        same!(answer.status().as_u16(), 200, "status");
        let end = loop {
            match piece(&mut answer).await {
                Ok(Some(_)) => {}
                end => break end,
            }
        };
        same!(end.is_err(), true, "no clean end");
    }
    Ok(())
}

pub(super) async fn nobody_there_is_answered_502(world: &World, way: Way) -> Result<(), String> {
    let target = format!("{}/nobody", way.prefix);
    let answer = send(world.address(), way.caller, ("POST", &target), &[], "body").await?;
    same!(answer.status.as_u16(), 502, "status");
    same!(answer.code(), "function-unreachable", "code");
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    same!(
        body.contains("127.0.0.1"),
        false,
        "where the function is stays here: {body}"
    );
    Ok(())
}

pub(super) async fn a_caller_who_leaves_ends_the_exchange(
    world: &World,
    way: Way,
) -> Result<(), String> {
    // Before the answer.
    let target = format!("{}/p/never/left", way.prefix);
    let mut client = Client::abrupt(world.address(), way.caller).await?;
    let asking = client.begin("GET", &target, &[], nothing());
    // Long enough to arrive; were it not, the exchange would have ended all the same.
    tokio::time::timeout(std::time::Duration::from_millis(300), asking)
        .await
        .ok();
    drop(client);
    world.gone("/never/left").await?;
    // Within it, and as who only says that it has no more to say.
    let target = format!("{}/p/pause/left", way.prefix);
    let mut client = Client::connect(world.address(), way.caller).await?;
    let mut answer = client.begin("GET", &target, &[], nothing()).await?;
    piece(&mut answer).await?;
    drop((answer, client));
    world.gone("/pause/left").await
}

pub(super) async fn a_full_route_is_answered_503(world: &World, way: Way) -> Result<(), String> {
    let mut client = Client::abrupt(world.address(), way.caller).await?;
    let target = format!("{}/one/pause/full", way.prefix);
    let mut answer = client.begin("GET", &target, &[], nothing()).await?;
    piece(&mut answer).await?;
    let other = format!("{}/one/echo", way.prefix);
    let refused = send(world.address(), way.caller, ("GET", &other), &[], "").await?;
    same!(refused.status.as_u16(), 503, "status");
    same!(refused.code(), "route-busy", "code");
    same!(refused.header("retry-after"), "1", "retry-after");
    drop((answer, client));
    world.gone("/pause/full").await?;
    // The function may see the end a moment before the gateway has put its place back.
    for _ in 0..200 {
        let again = send(world.address(), way.caller, ("GET", &other), &[], "").await?;
        if again.status.is_success() {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Err("the place is never free again".into())
}

pub(super) async fn circles_are_answered_508(world: &World, way: Way) -> Result<(), String> {
    let target = format!("{}/circle", way.prefix);
    let answer = send(world.address(), way.caller, ("GET", &target), &[], "").await?;
    same!(
        answer.status.as_u16(),
        508,
        "status of a route to the gateway itself"
    );
    let target = format!("{}/p/echo", way.prefix);
    for (hops, status) in [("15", 200), ("16", 508), ("-1", 508), ("many", 508)] {
        for name in ["tradewind-hops", "ce-tradewindhops"] {
            let headers = [(name, hops)];
            let answer = send(world.address(), way.caller, ("GET", &target), &headers, "").await?;
            same!(answer.status.as_u16(), status, "{name}: {hops}");
        }
    }
    Ok(())
}
