//! What each further target of an event costs.

use super::deliver::gateway;
use super::side::{Side, compare};
use crate::Options;
use crate::figures::{Spread, verdict};

pub(crate) fn fan_out(options: &Options) -> Result<(), String> {
    println!("fan-out: durable accept of structured 1 KiB events, delivered 1, 5 and 10 times");
    let sides = [
        Side::new("1 target", || gateway(options, 1)),
        Side::new("5 targets", || gateway(options, 5)),
        Side::new("10 targets", || gateway(options, 10)),
    ];
    let samples = compare(options, &sides, 20_000)?;
    let [one, five, ten] = samples.as_slice() else {
        return Ok(());
    };
    let further = |many: &[super::side::Sample], more: f64| {
        let pairs = one.iter().zip(many);
        Spread::of(pairs.map(|(one, many)| (many.cpu_us - one.cpu_us) / more))
    };
    println!("  each of 5: {} us more", further(five, 4.0));
    let each = further(ten, 9.0);
    verdict(
        "fan-out",
        &[(
            format!("{each} us per further target, at most 12"),
            each.median <= 12.0,
        )],
    )
}
