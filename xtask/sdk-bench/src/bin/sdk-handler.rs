//! By the SDK, on whichever host it finds itself.

use tradewind::{Ack, Data, Error};
use tradewind_sdk_bench::{Placed, is_good};

#[tradewind::handler]
async fn orders(Data(placed): Data<Placed>) -> Result<Ack, Error> {
    match is_good(&placed) {
        true => Ok(Ack),
        false => Err(Error::reject("not good")),
    }
}

fn main() -> tradewind::Exit {
    tradewind::run(orders)
}
