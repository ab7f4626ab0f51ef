//! Takes orders. Nothing here knows where it runs.

use serde::{Deserialize, Serialize};
use tradewind::{Context, Data, Declare, Error, HandlerExt, Reply};

#[derive(Deserialize)]
struct Order {
    total: u64,
}

#[derive(Serialize)]
struct Accepted {
    total: u64,
    /// The same on each attempt: what comes again is recognised by it.
    receipt: String,
}

#[tradewind::handler]
async fn handle(Data(order): Data<Order>, cx: Context) -> Result<Reply, Error> {
    if order.total == 0 {
        return Err(Error::reject("an order without a total"));
    }
    let accepted = Accepted {
        total: order.total,
        receipt: cx.delivery_id().to_owned(),
    };
    Ok(Reply::event("order.accepted", accepted))
}

fn main() -> tradewind::Exit {
    // What calls it: `package` makes that, and refuses a host that cannot. There are queue, topic, stream and timer, too.
    tradewind::run(handle.declare(Declare::new().http()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tradewind::testing;

    #[tokio::test]
    async fn an_order_is_accepted() {
        let order = testing::event("order.placed", json!({ "total": 42 }));
        let outcome = testing::call(&handle, order).await;
        let tradewind::Outcome::Reply(reply) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(reply.ty(), "order.accepted");
        assert_eq!(reply.data_json().expect("JSON")["total"], 42);
    }

    #[tokio::test]
    async fn an_order_without_a_total_is_rejected_on_every_host() {
        let order = testing::event("order.placed", json!({ "total": 0 }));
        testing::on_every_host(handle).send(&order).await.rejected();
    }
}
