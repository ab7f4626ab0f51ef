//! What policies may speak of.

use cedar_policy::{Schema, Validator};
use std::sync::OnceLock;

/// The schema that policies are held against, in Cedar's own notation.
pub const SCHEMA: &str = include_str!("schema.cedarschema");

/// Checks policies against the schema; `None` where the schema itself were broken, which a test rules out.
pub(crate) fn validator() -> Option<&'static Validator> {
    static VALIDATOR: OnceLock<Option<Validator>> = OnceLock::new();
    let made = VALIDATOR.get_or_init(|| {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).ok()?;
        Some(Validator::new(schema))
    });
    made.as_ref()
}
