//! Simulated power loss: `power [--images N] [--seed S]`. Exits with 1 when a promise is broken.

#![allow(clippy::print_stdout)] // the figures are what it is for

use std::process::ExitCode;
use tradewind_store::testkit::power::{Figures, power};

fn main() -> ExitCode {
    let mut images = 2000;
    let mut seed = 1;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().and_then(|value| value.parse().ok());
        match (arg.as_str(), value) {
            ("--images", Some(value)) => images = value,
            ("--seed", Some(value)) => seed = value,
            _ => {
                println!("usage: power [--images N] [--seed S]");
                return ExitCode::from(2);
            }
        }
    }
    let mut sum = Figures::default();
    let mut broken = 0;
    while sum.images < images && broken < 10 {
        match power(seed) {
            Ok(figures) => sum += figures,
            Err(what) => {
                broken += 1;
                println!("seed {seed}: {what}");
            }
        }
        seed += 1;
    }
    let Figures {
        images,
        during_recovery,
        acknowledged,
        checked,
        calls,
    } = sum;
    println!(
        "power: {images} images ({during_recovery} of them lost power during recovery), \
         {acknowledged} events acknowledged, {checked} looked up after a crash, {calls} disk calls, \
         {broken} broken promises: {}",
        if broken == 0 { "holds" } else { "falls short" }
    );
    ExitCode::from(u8::from(broken > 0))
}
