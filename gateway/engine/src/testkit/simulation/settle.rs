//! All is well again, and everything comes to rest.

use super::model::{BESIDE, State, kinds};
use super::world::World;
use crate::testkit::Act;
use crate::{Engine, OnExhaustion};
use std::time::Duration;
use tradewind_event::Event;

/// Rounds of redriving after which parked keys must have come to their end.
const ROUNDS_MAX: usize = 200;

pub(super) async fn settle(world: &mut World) -> Result<(), String> {
    world.settling = true;
    world.fall().await;
    world.ground.heal();
    let slots = world.model.slots.iter().flat_map(|slot| slot.sinks());
    for sink in slots.chain(&world.model.shadow) {
        sink.now_does(|_| Act::Accept);
    }
    world.tell(|| "all is well".into());
    // Who did not hear whether an event is durable asks once more.
    let unsure: Vec<Event> = world
        .model
        .sent
        .values()
        .filter(|s| s.position.is_none())
        .map(|s| s.event.clone())
        .collect();
    if !unsure.is_empty() {
        world.until_acknowledged(unsure, true).await?;
    }
    world.model.generation += 1;
    let generation = world.model.generation;
    for nth in world.model.having(State::Suspended) {
        if world.rng.bool() {
            world.discard(nth).await?;
        } else {
            let kinds = kinds(&mut world.rng);
            world.model.slots[nth].becomes(generation, Some(kinds));
        }
    }
    world.apply().await?;
    let engine = world.engine().await?;
    for nth in world.model.having(State::Configured) {
        let name = &world.model.slots[nth].name;
        let resumed = engine.resume(name).await;
        resumed.map_err(|error| format!("{name} cannot be resumed: {error}"))?;
    }
    if world.model.shadow.is_some() {
        // One that has lost what it looked on is suspended.
        engine.resume(BESIDE).await.ok();
        engine.discard(BESIDE).await.ok();
    }
    rest(&engine).await?;
    for nth in world.model.having(State::Configured) {
        let slot = &world.model.slots[nth];
        if slot.policy.on_exhaustion != OnExhaustion::Park && !was_parked(&engine, &slot.name).await
        {
            continue;
        }
        world.model.slots[nth].redriven = true;
        let slot = &world.model.slots[nth];
        for round in 0.. {
            let redriven = engine.redrive(&slot.name, None).await;
            if redriven.map_err(|error| format!("redrive: {error}"))? == 0 {
                break;
            }
            rest(&engine).await?;
            if round == ROUNDS_MAX {
                return Err(format!("parked keys of {} never come to an end", slot.name));
            }
        }
    }
    Ok(())
}

/// A policy that parked may have been replaced since.
async fn was_parked(engine: &Engine, name: &str) -> bool {
    let views = engine.subscriptions().await;
    views
        .iter()
        .any(|v| v.name == name && v.account.pending > 0)
}

async fn rest(engine: &Engine) -> Result<(), String> {
    let day = Duration::from_secs(86_400);
    let quiet = tokio::time::timeout(day, engine.quiesced()).await;
    quiet.map_err(|_| "it never comes to rest".to_owned())?;
    engine.ready()
}
