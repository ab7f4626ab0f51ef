//! What lies further back than memory does, read from the brokers.

use crate::cluster::{Apart, Reader};
use crate::frame::{self, Frame};
use crate::own::{Own, follow};
use crate::ring::{HEADER, page};
use crate::tail::PAUSE;
use bytes::Bytes;
use rdkafka::message::Message;
use std::collections::VecDeque;
use tradewind_store::{Batch, Error, Item};

/// A reader, and what it has read ahead: every item of a stretch.
#[derive(Default)]
pub(crate) struct Past {
    consumer: Option<Apart<Reader>>,
    items: VecDeque<Item>,
    bytes: usize,
    /// What `items` are all of, in places; the consumer goes on at its end.
    from: u64,
    to: u64,
    /// A record that came where another was expected.
    gap: Option<u64>,
}

impl Past {
    /// Items from `from` on, which lies before `end`.
    pub(crate) async fn read(
        &mut self,
        own: &Own,
        from: u64,
        max_bytes: usize,
        end: u64,
    ) -> Result<Batch, Error> {
        self.turn_to(own, from)?;
        while self.to < end && (self.items.is_empty() || self.bytes < max_bytes) {
            self.fetch(own).await?;
        }
        Ok(page(self.items.iter(), max_bytes, self.to.max(from)))
    }

    /// Goes to `from`: on, where that is near.
    fn turn_to(&mut self, own: &Own, from: u64) -> Result<(), Error> {
        if self.consumer.is_some() && (self.from..=self.to).contains(&from) {
            while self
                .items
                .front()
                .is_some_and(|item| item.position.offset < from)
                && let Some(item) = self.items.pop_front()
            {
                self.bytes -= HEADER + item.payload.len();
            }
            self.from = from;
            return Ok(());
        }
        self.items.clear();
        self.bytes = 0;
        let consumer = match self.consumer.take() {
            Some(consumer) => consumer,
            None => own.common.cluster.reader()?,
        };
        let record = frame::record_of(from);
        follow(&consumer, &own.common.topic, own.shard, record)?;
        self.consumer = Some(consumer);
        self.from = from;
        self.to = frame::place(record, 0);
        Ok(())
    }

    /// The next record.
    async fn fetch(&mut self, own: &Own) -> Result<(), Error> {
        let Some(consumer) = &self.consumer else {
            return Err(Error::Closed);
        };
        let next = tokio::select! {
            biased;
            gone = own.lost() => return Err(gone),
            next = consumer.recv() => next,
        };
        let message = match next {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(topic = %own.common.topic, shard = own.shard, %error,
                    "the log is not read just now");
                tokio::time::sleep(PAUSE).await;
                return Ok(());
            }
        };
        let offset = u64::try_from(message.offset()).unwrap_or_default();
        let ms = message.timestamp().to_millis().unwrap_or_default();
        let ms = u64::try_from(ms).unwrap_or_default();
        let after = frame::place(offset + 1, 0);
        let expected = frame::record_of(self.to);
        if offset < expected {
            // From before the turn.
            return Ok(());
        }
        // Records follow each other. What lies between is asked for once more before it is believed to be gone.
        if offset > expected && self.gap != Some(offset) {
            self.gap = Some(offset);
            return follow(consumer, &own.common.topic, own.shard, expected);
        }
        self.gap = None;
        let record = Bytes::copy_from_slice(message.payload().unwrap_or_default());
        // What no gateway wrote was reported when it came.
        if let Ok(frame) = Frame::decode(record) {
            let twins = own.twins(frame::place(offset, 0), after)?;
            for (number, entry) in frame.entries.into_iter().enumerate() {
                let place = frame::place(offset, number);
                if place < self.from || twins.iter().any(|(twin, _)| *twin == place) {
                    continue;
                }
                let item = own.item(place, ms, entry);
                self.bytes += HEADER + item.payload.len();
                self.items.push_back(item);
            }
        }
        self.to = after;
        Ok(())
    }
}
