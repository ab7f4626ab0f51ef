//! By `lambda_runtime`, and nothing between it and the handler. One thread, as the SDK takes on Lambda: a second one
//! would only cost.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use tradewind_sdk_bench::{Envelope, is_good};

async fn orders(event: LambdaEvent<Envelope>) -> Result<(), Error> {
    let Envelope {
        id,
        source,
        ty,
        data,
    } = &event.payload;
    match is_good(data) && !id.is_empty() && !source.is_empty() && !ty.is_empty() {
        true => Ok(()),
        false => Err("not good".into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(orders)).await
}
