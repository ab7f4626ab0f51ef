//! Stands in for a payment provider: its test cards do what they are called.

use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Payments;

pub(crate) enum Trouble {
    Declined,
    Busy,
}

impl Payments {
    /// The same key gives the same receipt: an order that comes again is not charged again.
    pub(crate) async fn charge(
        &self,
        card: &str,
        total: u64,
        key: &str,
    ) -> Result<String, Trouble> {
        match card {
            "tok_declined" => Err(Trouble::Declined),
            "tok_busy" => Err(Trouble::Busy),
            "tok_slow" => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                Err(Trouble::Busy)
            }
            "tok_bug" => panic!("what no test of the provider's library found"),
            _ => Ok(format!("{total} by {card} for {key}")),
        }
    }
}
