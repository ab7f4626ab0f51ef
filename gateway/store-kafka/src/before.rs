//! What earlier owners of a shard left, as its next one finds it.

use crate::cluster::Cluster;
use crate::own::{Mark, follow, number};
use crate::scratch::Scratch;
use crate::stream::Common;
use crate::tail;
use crate::writer::Said;
use bytes::Bytes;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use std::sync::Arc;
use tradewind_store::{Error, Shard};

/// Rows taken from the state topic at once.
const ROWS: usize = 4096;

/// What was recorded of a shard.
pub(crate) struct Before {
    pub(crate) scratch: Scratch,
    pub(crate) mark: Mark,
    pub(crate) window: u64,
    pub(crate) epoch: u64,
    /// Where the topic ended.
    pub(crate) end: u64,
}

/// Reads a partition of the state topic from beginning to end. Nobody else writes it any more.
pub(crate) async fn read_state(common: &Arc<Common>, shard: Shard) -> Result<Before, Error> {
    let cluster: &Cluster = &common.cluster;
    let scratch = Scratch::new(&cluster.params.scratch)?;
    let mut before = Before {
        scratch,
        mark: Mark::default(),
        window: 0,
        epoch: 0,
        end: 0,
    };
    let consumer = cluster.reader_to_end()?;
    let (low, high) = cluster.bounds(&common.state_topic, shard).await?;
    before.end = low;
    if low >= high {
        return Ok(before);
    }
    follow(&consumer, &common.state_topic, shard, low)?;
    let (mut rows, mut twins) = (Vec::new(), Vec::new());
    loop {
        let end = match consumer.recv().await {
            Ok(message) => {
                let key = message.key().unwrap_or_default();
                let value = message.payload();
                before.end = u64::try_from(message.offset()).unwrap_or_default() + 1;
                match Said::of(key) {
                    Some(Said::Engine(key)) => rows.push((key, value.map(Bytes::copy_from_slice))),
                    Some(Said::Twin(place)) => twins.push((place, value.map(number))),
                    Some(Said::Mark) => before.mark = Mark::decode(value.unwrap_or_default()),
                    Some(Said::Epoch) => before.epoch = number(value.unwrap_or_default()),
                    Some(Said::Window) => before.window = number(value.unwrap_or_default()),
                    None => {
                        return Err(Error::Failed(format!(
                            "the topic `{}` holds what a later version wrote; hint: use that version",
                            common.state_topic
                        )));
                    }
                }
                false
            }
            Err(KafkaError::PartitionEOF(_)) => true,
            Err(error) => {
                tracing::warn!(topic = %common.state_topic, shard, %error, "state is not read yet");
                tokio::time::sleep(tail::PAUSE).await;
                false
            }
        };
        if end || rows.len() + twins.len() >= ROWS {
            before
                .scratch
                .load(std::mem::take(&mut rows), std::mem::take(&mut twins))?;
        }
        if end {
            return Ok(before);
        }
    }
}

/// The record from which the log is read, so that every repetition in what is not decided yet is recognised: as far
/// back as the longest window, and as identities are remembered.
pub(crate) async fn scan_from(
    common: &Arc<Common>,
    shard: Shard,
    before: &Before,
    low: u64,
    high: u64,
) -> Result<u64, Error> {
    let mark = before.mark;
    let since = match mark.decided {
        0 => None,
        _ => {
            let ms = mark.ms.saturating_sub(before.window);
            common.cluster.at(&common.topic, shard, ms).await?
        }
    };
    let since = match (mark.decided, since) {
        (0, _) => low,
        (decided, None) => decided.min(high),
        (decided, Some(since)) => since.min(decided),
    };
    let remembered = high.saturating_sub(common.identities as u64);
    Ok(since.max(low).max(remembered.min(mark.decided)))
}
