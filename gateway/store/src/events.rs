//! Whether there is anything to lose.

use crate::{Error, Kind, Stream};

/// Bytes read at once.
const LOOK_BYTES: usize = 64 << 10;

/// Whether the log holds an event; what the engine has put there for itself is none. For those who are about to change
/// what a stream with events cannot change.
///
/// # Errors
/// A shard cannot be read.
pub async fn holds_events(stream: &dyn Stream) -> Result<bool, Error> {
    for shard in 0..stream.shards() {
        let mut at = stream.bounds(shard).start;
        loop {
            let batch = stream.read(shard, at, LOOK_BYTES).await?;
            if batch.items.iter().any(|item| item.kind == Kind::Event) {
                return Ok(true);
            }
            if batch.next == at {
                break;
            }
            at = batch.next;
        }
    }
    Ok(false)
}
