//! What a decision costs with 100 policies: remembered and afresh.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example measures, and tells what it found"
)]

use std::hint::black_box;
use std::time::Instant;
use tradewind_event::Event;
use tradewind_policy::{Action, Facts, Kind, Policies, Principal, Resource, Text};

const POLICIES: usize = 100;
const ROUNDS: u32 = 200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text: String = (0..POLICIES)
        .map(|n| {
            format!(
                "permit (principal == Key::\"key-{n}\", action == Action::\"publish\", resource == Stream::\"orders\")\n\
                 when {{ context.type like \"com.acme.{n}.*\" && context.source like \"/shop/{n}/*\" }};\n"
            )
        })
        .collect();
    let text = Text::read("cost", &text).map_err(|wrong| wrong[0].clone())?;
    let policies = Policies::new(vec![text], &[])?;
    let who = Principal::new(Kind::Key, "key-99");
    let event = Event::builder("1", "/shop/99/till", "com.acme.99.order").build()?;
    let decide = |afresh: bool| {
        let facts = Facts::of(black_box(&event)).via("api");
        let stream = Resource::Stream("orders");
        match afresh {
            true => policies.decide_afresh(&who, Action::Publish, stream, facts),
            false => policies.decide(&who, Action::Publish, stream, facts),
        }
    };
    for (what, afresh, rounds) in [
        ("remembered", false, ROUNDS),
        ("afresh", true, ROUNDS / 100),
    ] {
        assert!(decide(afresh).allowed());
        let began = Instant::now();
        for _ in 0..rounds {
            black_box(decide(afresh));
        }
        let each = began.elapsed().as_secs_f64() / f64::from(rounds);
        println!("{what}: {:.3} µs with {POLICIES} policies", each * 1e6);
    }
    Ok(())
}
