//! The handler that all sides have: it reads a typed order, and looks at it.

use serde::Deserialize;

/// `data` of the event that the bench sends.
#[derive(Debug, Deserialize)]
pub struct Placed {
    /// What was ordered.
    pub order: Order,
    /// By whom.
    pub customer: Customer,
}

/// An order.
#[derive(Debug, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// Of the total.
    pub currency: String,
    /// What it costs.
    pub total: f64,
    /// What is in it.
    pub items: Vec<Item>,
}

/// A part of an order.
#[derive(Debug, Deserialize)]
pub struct Item {
    /// What it is.
    pub sku: String,
    /// How many.
    pub quantity: u32,
}

/// Who ordered.
#[derive(Debug, Deserialize)]
pub struct Customer {
    /// A number.
    pub id: u64,
    /// Where.
    pub country: String,
}

/// The event, for those who have to take it apart themselves.
#[derive(Debug, Deserialize)]
pub struct Envelope {
    /// What makes it unique, with `source`.
    pub id: String,
    /// Where it is from.
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    pub ty: String,
    /// To what.
    pub data: Placed,
}

/// Whether it can be taken. What is read is used, or a compiler would leave the reading out.
pub fn is_good(placed: &Placed) -> bool {
    let known = !placed.order.currency.is_empty() && !placed.customer.country.is_empty();
    let full = placed
        .order
        .items
        .iter()
        .all(|item| item.quantity > 0 && !item.sku.is_empty());
    known && full && placed.order.total > 0.0 && placed.order.id > 0 && placed.customer.id > 0
}
