//! What every host must make of the same orders.

use super::Figures;
use super::platform::{Platform, Running};
use super::replies::Replies;
use serde_json::{Value, json};
use std::time::Duration;
use tradewind::testing::{TIMERS, Told, WAYS, Way, due};
use tradewind::{Event, Host};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Charged,
    Never,
    Again,
}
use Expected::{Again, Charged, Never};

/// A name, the data of an order, and what is to become of it.
type Scenario = (&'static str, fn() -> Value, Expected);

/// Every order as an event, and what is to become of it.
pub(super) fn orders() -> Result<Vec<(Event, Expected)>, String> {
    let one = |(number, (_, data, expected)): (usize, &Scenario)| {
        Ok((event(&number.to_string(), &data())?, *expected))
    };
    SCENARIOS.iter().enumerate().map(one).collect()
}

/// An order that panics or is late must leave the process as it was, hence the last row.
const SCENARIOS: &[Scenario] = &[
    ("a good order", || order("tok_visa", 5), Charged),
    ("nothing to charge", || order("tok_visa", 0), Never),
    (
        "more than can be charged",
        || order("tok_visa", u64::MAX),
        Never,
    ),
    ("data that does not fit", || json!({ "id": 7 }), Never),
    (
        "a card that is declined",
        || order("tok_declined", 5),
        Never,
    ),
    ("a bank that is busy", || order("tok_busy", 5), Again),
    ("a bug", || order("tok_bug", 5), Again),
    (
        "a bank that does not answer",
        || order("tok_slow", 5),
        Again,
    ),
    (
        "a good order after all that",
        || order("tok_visa", 7),
        Charged,
    ),
];

fn order(card: &str, price: u64) -> Value {
    json!({ "id": "17", "items": [{ "price": price, "count": 2 }], "card": card })
}

fn event(id: &str, data: &Value) -> Result<Event, String> {
    Event::builder(id, "/prove", "shop.order.placed")
        .data("application/json", data.to_string())
        .build()
        .map_err(|e| e.to_string())
}

pub(crate) async fn run(
    platform: &Platform,
    running: &mut Running,
    replies: &Replies,
    figures: &mut Figures,
) -> Result<(), String> {
    for way in WAYS.iter().filter(|way| way.host == platform.host) {
        figures.triggers += 1;
        for (number, (name, data, expected)) in SCENARIOS.iter().enumerate() {
            let event = event(&format!("{number}"), &data())?;
            let before = replies.count();
            let answer = running.ask(way.bring(&event)).await;
            let answer = answer.map_err(|e| format!("{}, {name}: {e}", way.trigger))?;
            let told = way.hear(&answer);
            let sent_on = replies.count() - before;
            if !holds(way, expected, &told, sent_on) {
                return Err(format!(
                    "{}, {name}: {told:?}, {sent_on} replies sent on",
                    way.trigger
                ));
            }
            figures.scenarios += 1;
        }
        running.is_alive()?;
    }
    for way in TIMERS.iter().filter(|way| way.host == platform.host) {
        figures.triggers += 1;
        let answer = running.ask(way.bring(&due("nightly"))).await;
        let told = way.hear(&answer.map_err(|e| format!("{}: {e}", way.trigger))?);
        // A timer brings no order, and the handler says so.
        if !holds(way, &Never, &told, 0) {
            return Err(format!("{}: {told:?}", way.trigger));
        }
        figures.scenarios += 1;
        running.is_alive()?;
    }
    if platform.host == Host::Lambda {
        batch(running).await?;
        figures.scenarios += 1;
    }
    Ok(())
}

fn holds(way: &Way, expected: &Expected, told: &Told, sent_on: usize) -> bool {
    match (expected, told) {
        (Charged, Told::Taken) => way.one_way && sent_on == 1,
        (Charged, Told::Replied(reply)) => {
            let total = reply.data_json().map(|data| data["total"].clone());
            let right = total == Some(10.into()) || total == Some(14.into());
            reply.ty() == "shop.order.charged" && right && sent_on == 0
        }
        (Charged, _) => false,
        (Never, Told::Never { .. } | Told::Failed { .. }) => sent_on == 0,
        (Again, Told::Failed { .. }) => sent_on == 0,
        (Again, Told::Again { after, reason }) => {
            // Topics of Dapr have no word for a pause.
            let heard = way.host != Host::Dapr || !way.one_way;
            let asked = reason == "the bank is busy" && heard;
            sent_on == 0 && *after == asked.then_some(Duration::from_secs(30))
        }
        _ => false,
    }
}

/// Of several messages of a queue, those that failed come again and no others.
async fn batch(running: &mut Running) -> Result<(), String> {
    let cards = [
        "tok_visa",
        "tok_declined",
        "tok_visa",
        "tok_bug",
        "tok_busy",
    ];
    let way = WAYS.iter().find(|way| way.trigger == "SQS");
    let way = way.ok_or("no way by SQS")?;
    let mut records = Vec::new();
    let mut request = None;
    for (number, card) in cards.iter().enumerate() {
        let one = way.bring(&event(&format!("batch-{number}"), &order(card, 5))?);
        let document: Value = serde_json::from_slice(one.body()).map_err(|e| e.to_string())?;
        let mut record = document["Records"][0].clone();
        record["messageId"] = format!("m-{number}").into();
        records.push(record);
        request = Some(one);
    }
    let request = request.ok_or("no messages")?;
    let payload = json!({ "Records": records }).to_string();
    let answer = running.ask(request.map(|_| payload.into())).await?;
    let told: Value = serde_json::from_slice(answer.body()).map_err(|e| e.to_string())?;
    let item = |id: &str| json!({ "itemIdentifier": id });
    let expected = json!({ "batchItemFailures": [item("m-1"), item("m-3"), item("m-4")] });
    match told == expected {
        true => Ok(()),
        false => Err(format!("a batch of five: {told}")),
    }
}
