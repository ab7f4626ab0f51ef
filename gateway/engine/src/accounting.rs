//! The accounting identities: one place, asked by the metrics of the running gateway and by every
//! simulation.

use crate::{ReplayView, StreamAccount, SubscriptionView};
use std::collections::BTreeMap;

/// An account that does not balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imbalance {
    /// The stream; empty for a replay, which is known by its id.
    pub stream: String,
    /// The subscription, or `subscription (replay id)`; `None` for the stream itself.
    pub subscription: Option<String>,
    /// The account.
    pub account: String,
}

/// Accounts that do not balance: none, at every moment.
///
/// Per subscription and per replay, `matched = accepted + dead-lettered + expired + cancelled +
/// purged + pending`, and what is under way is pending. Per stream, `admitted = appended +
/// duplicates`.
pub fn imbalances(
    subscriptions: &[SubscriptionView],
    replays: &[ReplayView],
    streams: &BTreeMap<String, StreamAccount>,
) -> Vec<Imbalance> {
    let off = |view: &&SubscriptionView| {
        !view.account.balances() || view.in_flight > view.account.pending
    };
    let of_subscriptions = subscriptions.iter().filter(off).map(|view| Imbalance {
        stream: view.stream.clone(),
        subscription: Some(view.name.clone()),
        account: format!("{:?}, {} in flight", view.account, view.in_flight),
    });
    let of_replays = replays.iter().filter(|view| !view.account.balances());
    let of_replays = of_replays.map(|view| Imbalance {
        stream: String::new(),
        subscription: Some(format!("{} (replay {})", view.subscription, view.id)),
        account: format!("{:?}", view.account),
    });
    let of_streams = streams.iter().filter(|(_, account)| !account.balances());
    let of_streams = of_streams.map(|(name, account)| Imbalance {
        stream: name.clone(),
        subscription: None,
        account: format!("{account:?}"),
    });
    of_subscriptions
        .chain(of_replays)
        .chain(of_streams)
        .collect()
}
