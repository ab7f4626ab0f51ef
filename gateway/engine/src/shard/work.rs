//! Work that may concern a whole backlog, of operators and of retention: a slice of it in each turn,
//! so that lanes, outcomes and commands are served in between.

use super::Shard;
use super::command::{Answer, reply};
use super::discard::Discard;
use super::retention::Retention;
use tradewind_store::Error;

/// Something that is being worked on.
#[derive(Debug)]
pub(super) enum Work {
    Discard(Discard, Answer<u64>),
    Retention(Retention),
}

impl Shard {
    /// Does a slice of what waits longest for one.
    pub(super) async fn work(&mut self) -> Result<(), Error> {
        match self.work.pop_front() {
            None => Ok(()),
            Some(Work::Discard(mut discard, answer)) => match discard.slice(self).await {
                Ok(None) => self.go_on(Work::Discard(discard, answer)),
                Ok(Some(count)) => reply(answer, Ok(count)),
                Err(error) => reply(answer, Err(error)),
            },
            Some(Work::Retention(mut retention)) => {
                if retention.slice(self).await? {
                    return Ok(());
                }
                self.go_on(Work::Retention(retention))
            }
        }
    }

    fn go_on(&mut self, work: Work) -> Result<(), Error> {
        self.work.push_back(work);
        Ok(())
    }

    pub(super) fn is_retaining(&self) -> bool {
        let mut all = self.work.iter();
        all.any(|work| matches!(work, Work::Retention(_)))
    }
}
