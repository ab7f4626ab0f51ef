//! What a restart must find again, whatever moment it came at.

use crate::support::*;
use std::time::Duration;

const S: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test(start_paused = true)]
async fn what_was_settled_above_the_cursor_stays_settled_through_two_restarts() {
    let world = World::new();
    let sink = ScriptedSink::new(|d| match d.event.id() {
        "slow" => Act::Hang,
        _ => Act::Accept,
    });
    let start = || plan([("s", subscription(&sink))]);
    let engine = world.start(start()).await;
    publish(&engine, [event("slow"), event("done")]).await;
    tokio::time::sleep(S(1)).await;
    engine.pause("s").await.unwrap();
    drop(engine);
    world.store.crash(|_| 0).await;
    // Paused, so it reads nothing; pausing it again records it as it is.
    let engine = world.start(start()).await;
    engine.pause("s").await.unwrap();
    drop(engine);
    world.store.crash(|_| 0).await;
    sink.now_does(|_| Act::Accept);
    let engine = world.start(start()).await;
    engine.resume("s").await.unwrap();
    engine.quiesced().await;
    assert_eq!(sink.ids(), ["slow", "done", "slow"]);
    let a = account(&engine, "s").await;
    assert_eq!((a.matched, a.accepted, a.pending), (2, 2, 0));
}
