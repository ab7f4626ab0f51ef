//! What an order sets off: one handler that works, one that needs patience, one that may refuse.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tradewind::{Context, Data, Error, Reply, State};

#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    id: String,
    total: u64,
    currency: String,
}

/// Works.
#[tradewind::handler]
pub(crate) async fn ship(Data(order): Data<Order>) {
    println!("ship: order {} is packed", order.id);
}

/// Fails twice, then works: another attempt is all it needs.
#[tradewind::handler]
pub(crate) async fn confirm(Data(order): Data<Order>, cx: Context) -> Result<(), Error> {
    let attempt = cx.attempt();
    if attempt < 3 {
        println!("confirm: attempt {attempt}, the mail server is away");
        return Err(Error::retry(None).because("the mail server is away"));
    }
    println!(
        "confirm: attempt {attempt}, mail about order {} is out",
        order.id
    );
    Ok(())
}

/// The currencies that there are prices for.
#[derive(Debug, Clone)]
pub(crate) struct Prices(BTreeSet<String>);

impl Prices {
    /// From a list such as `EUR,USD`.
    pub(crate) fn from_list(list: &str) -> Self {
        Self(list.split(',').map(|code| code.trim().to_owned()).collect())
    }
}

#[derive(Debug, Serialize)]
struct Invoice {
    order: String,
    amount: u64,
}

/// Refuses what it has no prices for: no attempt changes that, so it becomes a dead letter at once,
/// and waits there until somebody adds the currency. What it can bill, it answers with an event.
#[tradewind::handler]
pub(crate) async fn bill(
    Data(order): Data<Order>,
    State(prices): State<Prices>,
) -> Result<Reply, Error> {
    if !prices.0.contains(&order.currency) {
        println!("bill: order {} is refused", order.id);
        return Err(Error::reject(format!("no prices in {}", order.currency)));
    }
    println!("bill: order {} is billed", order.id);
    let invoice = Invoice {
        order: order.id.clone(),
        amount: order.total,
    };
    Ok(Reply::event("com.example.order.billed", invoice).subject(order.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tradewind::testing::{self, Call};
    use tradewind::{Event, Outcome};

    fn order() -> Event {
        testing::event(
            "com.example.order.placed",
            json!({ "id": "7", "total": 4200, "currency": "USD" }),
        )
    }

    #[tokio::test]
    async fn confirming_needs_three_attempts() {
        for (attempt, done) in [(1, false), (2, false), (3, true)] {
            let outcome = Call::new(order()).attempt(attempt).run(&confirm).await;
            match outcome {
                Outcome::Ack => assert!(done),
                Outcome::Retry { reason, .. } => {
                    assert!(!done);
                    assert_eq!(reason, "the mail server is away");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn billing_refuses_until_there_are_prices() {
        let handler = |list| bill.with_state(Prices::from_list(list));
        match testing::call(&handler("EUR"), order()).await {
            Outcome::Reject { reason, .. } => assert_eq!(reason, "no prices in USD"),
            other => panic!("{other:?}"),
        }
        match testing::call(&handler("EUR, USD"), order()).await {
            Outcome::Reply(event) => {
                assert_eq!(event.ty(), "com.example.order.billed");
                assert_eq!(event.subject(), Some("7"));
                assert_eq!(
                    event.data_json(),
                    Some(json!({ "order": "7", "amount": 4200 }))
                );
            }
            other => panic!("{other:?}"),
        }
    }
}
