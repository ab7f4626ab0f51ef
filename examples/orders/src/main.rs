//! Charges orders. Nothing here knows where it runs: the same binary is a function on AWS Lambda, Azure
//! Functions, Google Cloud Functions, Knative, OpenWhisk and Fn, an application beside Dapr, a worker that fetches from a
//! queue, and a server in a container.

mod payments;

use payments::{Payments, Trouble};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tradewind::{App, Context, Data, Declare, Error, HandlerExt, Reply, State};

#[derive(Deserialize)]
struct Order {
    id: String,
    items: Vec<Item>,
    /// What the payment provider knows the card by.
    card: String,
}

#[derive(Deserialize)]
struct Item {
    price: u64,
    count: u64,
}

#[derive(Serialize)]
struct Charged {
    order: String,
    total: u64,
    receipt: String,
}

#[tradewind::handler]
async fn orders(
    Data(order): Data<Order>,
    State(payments): State<Payments>,
    cx: Context,
) -> Result<Reply, Error> {
    let prices = order
        .items
        .iter()
        .map(|item| item.price.checked_mul(item.count));
    let total = prices
        .sum::<Option<u64>>()
        .filter(|total| *total > 0)
        .ok_or_else(|| Error::reject("the order has no total that can be charged"))?;
    let receipt = match payments.charge(&order.card, total, cx.delivery_id()).await {
        Ok(receipt) => receipt,
        Err(Trouble::Declined) => return Err(Error::reject("the card was declined")),
        Err(Trouble::Busy) => {
            return Err(Error::retry(Duration::from_secs(30)).because("the bank is busy"));
        }
    };
    let subject = format!("orders/{}", order.id);
    let charged = Charged {
        order: order.id,
        total,
        receipt,
    };
    Ok(Reply::event("shop.order.charged", charged).subject(subject))
}

fn main() -> tradewind::Exit {
    let charging = orders
        .with_state(Payments)
        .declare(Declare::new().http().timeout(Duration::from_secs(15)));
    let app = App::new(charging);
    #[cfg(feature = "gateway")]
    let app = app.worker(tradewind_worker_gateway::Gateway);
    #[cfg(feature = "sqs")]
    let app = app.worker(tradewind_worker_sqs::Sqs);
    #[cfg(feature = "kafka")]
    let app = app.worker(tradewind_worker_kafka::Kafka);
    #[cfg(feature = "nats")]
    let app = app.worker(tradewind_worker_nats::Nats);
    app.run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tradewind::testing;

    fn order(card: &str, price: u64) -> tradewind::Event {
        let items: Value = json!([{ "price": price, "count": 2 }]);
        let order = json!({ "id": "17", "items": items, "card": card });
        testing::event("shop.order.placed", order)
    }

    #[tokio::test]
    async fn what_cannot_be_charged_is_told_on_every_host() {
        let hosts = testing::on_every_host(orders.with_state(Payments));
        hosts.send(&order("tok_visa", 0)).await.rejected();
        hosts.send(&order("tok_visa", u64::MAX)).await.rejected();
        hosts.send(&order("tok_declined", 5)).await.rejected();
        hosts.send(&order("tok_busy", 5)).await.retried();
        hosts.send(&order("tok_bug", 5)).await.retried();
    }

    #[tokio::test]
    async fn an_order_is_charged() {
        let order = order("tok_visa", 5);
        let outcome = testing::call(&orders.with_state(Payments), order).await;
        let tradewind::Outcome::Reply(reply) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(reply.subject(), Some("orders/17"));
        let data = reply.data_json().expect("JSON");
        assert_eq!(data["total"], 10);
        assert_eq!(data["receipt"], "10 by tok_visa for test");
    }
}
