//! What the engine writes: state records, control records, stored events.

use crate::Target;
use crate::oracle::pack;
use bytes::Bytes;
use tradewind_event::Event;

/// One record of any kind.
pub(super) const RECORD: Target = Target {
    seeds,
    words: &["retry", "reject", "accepted", "null"],
    // A list of empty things: one byte each, some dozens in memory.
    growth: 256,
    ..Target::new("record", |input| {
        tradewind_engine::testkit::read_as_every_record(&Bytes::copy_from_slice(input));
    })
};

fn seeds() -> Vec<Vec<u8>> {
    let event = Event::builder("1", "/s", "t")
        .data("text/plain", "a")
        .build()
        .unwrap();
    let stored = [&b"\x01\x07default\x01s\x01p\0"[..], &pack(&event)].concat();
    vec![
        // A delivery with two attempts.
        b"\x01\x05\x01\x07\x10\x09\x01\x03\0\x02\x01\x05\x02\x01\x01\x04http\x01\xf7\x03\x04busy\x02\x09\x02\0\0".to_vec(),
        // A generation of two subscriptions, and one that is in force.
        b"\x01\x02\x01a\0\x04null\0\x01b\x01c\x04null\x02\x09".to_vec(),
        b"\x01\x02\x01\x04null\x02\x04null".to_vec(),
        // A lane with a replay.
        b"\x01\x01a\0\x05\x02\x01\x03\x01\x02\x03\x04\x05\x06\x07\x08\x09\x01\x02\0\x01\x07\x01\x02id\x09\x04null\x64\0".to_vec(),
        stored.clone(),
        [&b"\x01\x09"[..], &stored].concat(),
    ]
}
