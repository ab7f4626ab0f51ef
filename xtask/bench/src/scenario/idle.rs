//! Memory at rest, and the time from the start to the first 2xx.

use crate::Options;
use crate::figures::{Spread, row, verdict};
use crate::gateway::{Durability, Gateway, unmoved};
use crate::load::{moment, wire};
use crate::process;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long it rests before its memory is read.
const REST: Duration = Duration::from_secs(2);

pub(crate) fn idle(options: &Options) -> Result<(), String> {
    println!(
        "idle: a durable gateway with one source and one subscription, an empty data directory"
    );
    let (mut resident, mut anonymous, mut first) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds() {
        let began = moment();
        let mut gateway = Gateway::start(&options.gateway, Durability::Fsync, &unmoved())?;
        while !publishes(&gateway) {
            if let Some(status) = gateway.process.ended() {
                return Err(format!("the gateway ended while starting: {status}"));
            }
            if moment() - began > 30_000_000_000 {
                return Err("no 2xx after half a minute".into());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        first.push((moment() - began) as f64 / 1e6);
        std::thread::sleep(REST);
        let (all, unbacked) = process::resident(gateway.process.id())?;
        resident.push(all as f64 / 1024.0);
        anonymous.push(unbacked as f64 / 1024.0);
    }
    let (resident, first) = (Spread::of(resident), Spread::of(first));
    row("resident MiB", &[resident.to_string()]);
    row(
        "of it not file-backed",
        &[Spread::of(anonymous).to_string()],
    );
    row("start to first 2xx, ms", &[first.to_string()]);
    verdict(
        "idle",
        &[
            (
                format!("{resident} MiB, at most 20"),
                resident.median <= 20.0,
            ),
            (
                format!("{first} ms to the first 2xx, at most 50"),
                first.median <= 50.0,
            ),
        ],
    )
}

/// Whether an event is taken.
fn publishes(gateway: &Gateway) -> bool {
    let address = gateway.process.address;
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    let mut template = wire::Template::new(address, "/events");
    let mut answer = [0; 1024];
    let exchanged = stream
        .write_all(template.request(moment(), 0))
        .and_then(|()| stream.read(&mut answer));
    exchanged.is_ok() && wire::status(&answer).is_some_and(|status| (200..300).contains(&status))
}
