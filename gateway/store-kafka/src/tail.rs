//! Follows the log of an owned shard, and decides record by record.

use crate::cluster::{Apart, Reader};
use crate::own::{Gone, Own};
use bytes::Bytes;
use rdkafka::message::Message;
use std::sync::Weak;
use std::time::Duration;

/// Pause after brokers gave no answer.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// Until the shard is owned no longer.
pub(crate) async fn follow(consumer: Apart<Reader>, own: Weak<Own>) {
    loop {
        let next = consumer.recv().await;
        let Some(own) = own.upgrade() else {
            return;
        };
        match next {
            Ok(message) => {
                let offset = u64::try_from(message.offset()).unwrap_or_default();
                let ms = message.timestamp().to_millis().unwrap_or_default();
                let ms = u64::try_from(ms).unwrap_or_default();
                let record = Bytes::copy_from_slice(message.payload().unwrap_or_default());
                if let Err(error) = own.take(offset, ms, record) {
                    own.leave(Gone::Failed(error.to_string()));
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(topic = %own.common.topic, shard = own.shard, %error,
                    "the log is not followed just now");
                drop(own);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
