//! Prints what it gets: GitHub pushes by their meaning, everything else as it is.

mod incoming;

use incoming::Incoming;
use tradewind::Context;

#[tradewind::handler]
async fn note(incoming: Incoming, cx: Context) {
    println!("{incoming}");
    println!("  delivery {}, attempt {}", cx.delivery_id(), cx.attempt());
}

fn main() -> tradewind::Exit {
    tradewind::run(note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tradewind::{Outcome, testing};

    #[tokio::test]
    async fn a_push_that_is_none_is_rejected_and_anything_else_is_taken() {
        let push = testing::event("com.github.push", json!({ "ref": 7 }));
        let Outcome::Reject { reason, .. } = testing::call(&note, push).await else {
            panic!("taken");
        };
        assert!(reason.contains("at `ref`"), "{reason}");

        let other = testing::event("com.example.greeting", "hello");
        assert!(matches!(testing::call(&note, other).await, Outcome::Ack));
    }
}
