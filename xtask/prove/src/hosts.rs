//! One binary on every host: the same scenarios, and what no client should send.

pub(crate) mod action_loop;
mod bad;
mod platform;
mod replies;
mod scenarios;
mod workers;

use crate::{Options, Proved};
use platform::{PLATFORMS, Platform};
pub(crate) use platform::{free, listens};
use replies::Replies;
use std::collections::BTreeSet;

#[derive(Default)]
struct Figures {
    platforms: Vec<String>,
    triggers: usize,
    scenarios: usize,
    replies: usize,
    bad: usize,
    workers: Vec<&'static str>,
    skipped: Vec<String>,
}

pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Figures::default();
    let outcome = every(options, &mut figures).await;
    let skipped = match figures.skipped.as_slice() {
        [] => String::new(),
        skipped => format!("; not on {}", skipped.join(", ")),
    };
    let told = format!(
        "one binary on {} ({}): {} scenarios by {} triggers, {} replies sent on, {} bad requests; as a worker on {}{skipped}",
        figures.platforms.len(),
        figures.platforms.join(", "),
        figures.scenarios,
        figures.triggers,
        figures.replies,
        figures.bad,
        figures.workers.join(", "),
    );
    outcome
        .map(|()| told.clone())
        .map_err(|what| (told.clone(), what))
}

async fn every(options: &Options, figures: &mut Figures) -> Result<(), String> {
    let binary = options.gateway.with_file_name("orders");
    let binary = binary
        .canonicalize()
        .map_err(|e| format!("{}: {e}", binary.display()))?;
    let wanted = |platform: &&Platform| {
        let name = options.host.as_deref();
        name.is_none_or(|name| platform.name == name || platform.host.name() == name)
    };
    let chosen: Vec<_> = PLATFORMS.iter().filter(wanted).collect();
    let working = |name: &&&str| options.host.as_deref().is_none_or(|host| host == **name);
    let workers: Vec<_> = workers::NAMES.iter().filter(working).collect();
    if chosen.is_empty() && workers.is_empty() {
        let names = PLATFORMS.iter().map(|platform| platform.name);
        let names: BTreeSet<_> = names.chain(workers::NAMES.iter().copied()).collect();
        return Err(format!("no host of that name; there are {names:?}"));
    }
    let replies = Replies::start().await?;
    for platform in chosen {
        let mut running = match platform.start(options, &binary, &replies).await? {
            Ok(running) => running,
            Err(why) => {
                figures.skipped.push(format!("{} ({why})", platform.name));
                continue;
            }
        };
        let on = |what: String| format!("on {}: {what}", platform.name);
        let done = scenarios::run(platform, &mut running, &replies, figures).await;
        done.map_err(on)?;
        figures.bad += bad::run(platform, &mut running).await.map_err(on)?;
        running.stop().await.map_err(on)?;
        figures.platforms.push(platform.name.to_owned());
    }
    for name in workers {
        match workers::run(name, options, &binary, &replies).await? {
            Ok(orders) => {
                figures.scenarios += orders;
                figures.workers.push(name);
            }
            Err(why) => figures.skipped.push(format!("{name} ({why})")),
        }
    }
    figures.replies = replies.count();
    Ok(())
}
