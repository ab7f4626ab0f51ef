//! Comparisons, put together from the shards of a stream.

use super::stream::{Reach, StreamHandle};
use super::{Error, Inner};
use crate::record::{Answer, Tally, Verdict};
use crate::shard::Command;
use crate::{Answered, ComparisonView, Differing, SubscriptionView};
use std::sync::Arc;
use tradewind_event::packed;

/// Most examples of one answer.
const EXAMPLES_MAX: usize = 1000;

impl Inner {
    /// The shadow that is meant: itself, or the only one of a subscription.
    async fn shadow(&self, name: &str) -> Result<SubscriptionView, Error> {
        let views = self.subscriptions().await;
        let is_meant = |view: &&SubscriptionView| {
            let of = view.shadow.as_deref();
            of.is_some_and(|of| view.name == name || of == name)
        };
        let meant: Vec<&SubscriptionView> = views.iter().filter(is_meant).collect();
        match meant[..] {
            [one] => Ok(one.clone()),
            [] if views.iter().any(|view| view.name == name) => Err(Error::Invalid(format!(
                "subscription `{name}` is no shadow and has none"
            ))),
            [] => Err(Error::NotFound(format!("no subscription `{name}`"))),
            ref several => {
                let names: Vec<&str> = several.iter().map(|view| view.name.as_str()).collect();
                Err(Error::Invalid(format!(
                    "subscription `{name}` has several shadows: name one of {}",
                    names.join(", ")
                )))
            }
        }
    }

    pub(super) async fn compared(
        &self,
        name: &str,
        examples: usize,
        reach: Reach,
    ) -> Result<ComparisonView, Error> {
        let shadow = self.shadow(name).await?;
        self.compared_of(&shadow, examples, reach).await
    }

    /// As [`Inner::compared`], of a shadow whose view is at hand.
    pub(super) async fn compared_of(
        &self,
        view: &SubscriptionView,
        examples: usize,
        reach: Reach,
    ) -> Result<ComparisonView, Error> {
        let shadow = view.name.clone();
        let none = || Error::Invalid(format!("subscription `{shadow}` is no shadow"));
        let of = view.shadow.clone().ok_or_else(none)?;
        let stream = self.stream_of(view)?;
        let most = examples.min(EXAMPLES_MAX);
        let (mut tally, mut waiting, mut all) = (Tally::default(), 0, Vec::new());
        for shard in stream.reached(reach).await? {
            let index = shard.number();
            let compared = shard
                .ask(|answer| Command::Compared(shadow.clone(), most, answer))
                .await?;
            let part = compared.tally;
            tally = Tally {
                since_ms: tally.since_ms.max(part.since_ms),
                same: tally.same + part.same,
                status: tally.status + part.status,
                reply: tally.reply + part.reply,
                only_old: tally.only_old + part.only_old,
                only_new: tally.only_new + part.only_new,
            };
            waiting += compared.waiting;
            all.extend(compared.examples.into_iter().map(|pair| {
                Differing {
                    stream: stream.name.to_string(),
                    position: format!("{index}/{}", pair.offset),
                    id: pair.event.as_ref().map(|event| event.id().to_owned()),
                    ty: pair.event.as_ref().map(|event| event.ty().to_owned()),
                    at_ms: pair.at_ms,
                    differs: match pair.verdict {
                        Verdict::Reply => "reply",
                        _ => "status",
                    }
                    .to_owned(),
                    old: answered(&pair.old),
                    new: answered(&pair.new),
                    event: pair.event,
                }
            }));
        }
        all.sort_by_key(|example| std::cmp::Reverse(example.at_ms));
        all.truncate(most);
        Ok(ComparisonView {
            shadow,
            of,
            since_ms: tally.since_ms,
            same: tally.same,
            status: tally.status,
            reply: tally.reply,
            only_old: tally.only_old,
            only_new: tally.only_new,
            waiting,
            examples: all,
        })
    }

    pub(super) async fn compare_anew(&self, name: &str, reach: Reach) -> Result<(), Error> {
        let shadow = self.shadow(name).await?;
        let stream = self.stream_of(&shadow)?;
        for shard in stream.reached(reach).await? {
            shard
                .ask(|answer| Command::CompareAnew(shadow.name.clone(), answer))
                .await?;
        }
        Ok(())
    }

    fn stream_of(&self, view: &SubscriptionView) -> Result<Arc<StreamHandle>, Error> {
        let stream = self.streams.load().get(&view.stream).map(Arc::clone);
        stream.ok_or_else(|| Error::NotFound(format!("no stream `{}`", view.stream)))
    }
}

fn answered(answer: &Answer) -> Answered {
    let reply = answer.reply.clone().and_then(|b| packed::unpack(b).ok());
    Answered {
        outcome: match answer.accepted {
            true => "accepted",
            false => "failed",
        }
        .to_owned(),
        status: answer.status,
        reason: Some(answer.note.clone()).filter(|note| !note.is_empty()),
        attempts: answer.attempts,
        took_ms: answer.took_ms,
        replied: answer.digest.is_some(),
        reply,
    }
}
