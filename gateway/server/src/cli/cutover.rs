//! `tradewind cutover`

use super::client::encode;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::term::{Term, plain};
use serde_json::{Value, json};
use tradewind_engine::MemberView;

/// Move keys of a group to a member, and back
///
/// Holds from now on, also after restarts and reloads, until --back puts the weights of the file in force again. A key moves
/// once what is pending of it is settled.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind cutover orders --to portable --percent 10\n  \
        tradewind cutover orders --to portable --percent 100 --pending\n  \
        tradewind cutover orders --back"
)]
pub(super) struct Args {
    /// Subscription whose sink is a group
    subscription: String,
    /// Member that is to take more, or less; the others share the rest
    #[arg(
        long,
        value_name = "MEMBER",
        requires = "percent",
        required_unless_present = "back"
    )]
    to: Option<String>,
    /// What it is to take of the keys
    #[arg(long, value_name = "N", requires = "to", value_parser = clap::value_parser!(u32).range(0..=100))]
    percent: Option<u32>,
    /// Go back to the weights of the file
    #[arg(long, conflicts_with_all = ["to", "percent"])]
    back: bool,
    /// Move what is pending, too, once its attempts have ended: for a member that will not recover
    #[arg(long)]
    pending: bool,
    #[command(flatten)]
    gateway: GatewayArgs,
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    let path = format!("/v1/subscriptions/{}/cutover", encode(&args.subscription));
    let mut asked = json!({ "pending": args.pending });
    match (args.to, args.percent) {
        (Some(to), Some(percent)) => {
            asked["to"] = to.into();
            asked["percent"] = percent.into();
        }
        _ => asked["back"] = true.into(),
    }
    let answer: Value = args.gateway.client()?.post(&path, asked).await?;
    if term.json() {
        term.value(&answer)?;
        return Ok(());
    }
    let members: Vec<MemberView> =
        serde_json::from_value(answer["members"].clone()).map_err(|error| {
            Failure::new(format!("the gateway's answer is not understood: {error}"))
        })?;
    term.table(&HEADER, &rows(&members))?;
    if let Some(why) = answer["at-run-time"]["why"].as_str() {
        term.note(&format!(
            "{} holds in place of the file, until --back",
            plain(why)
        ));
    }
    Ok(())
}

/// Columns of [`rows`].
pub(super) const HEADER: [&str; 8] = [
    "member",
    "share",
    "circuit",
    "under way",
    "accepted",
    "retried",
    "rejected",
    "sink",
];

/// Members for people.
pub(super) fn rows(members: &[MemberView]) -> Vec<Vec<String>> {
    let row = |member: &MemberView| {
        let circuit = if member.gone { "gone" } else { &member.circuit };
        vec![
            member.name.clone(),
            format!("{} %", (member.share * 10_000.0).round() / 100.0),
            circuit.to_owned(),
            member.in_flight.to_string(),
            member.accepted.to_string(),
            member.retried.to_string(),
            member.rejected.to_string(),
            plain(&member.sink),
        ]
    };
    members.iter().map(row).collect()
}
