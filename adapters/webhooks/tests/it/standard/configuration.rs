//! Settings that are refused.

use super::requests::SECRET;
use serde_json::{Value, json};
use tradewind_adapter::Build;

fn with(key: &str, value: Value) -> Value {
    let mut settings = json!({ "secrets": [SECRET], "source": "/pay" });
    settings[key] = value;
    settings
}

#[test]
fn says_where_and_why() {
    let registry = crate::web::registry(Default::default());
    let table = [
        (json!({ "secrets": [SECRET] }), "", "missing field `source`"),
        (
            with("secrets", json!([])),
            "",
            "`secrets` must name at least one secret: without it nobody can be verified",
        ),
        (
            with("secrets", json!(["whsec_AAAA"])),
            "",
            "`secrets[0]`: a secret must hold 24 to 64 bytes, this one holds 3",
        ),
        (
            with("source", json!("")),
            "",
            "`source` is empty; leave it out or give it a value",
        ),
        (
            with("fallback-type", json!("")),
            "",
            "`fallback-type` is empty; leave it out or give it a value",
        ),
        (
            with("type-from", json!("data..kind")),
            "",
            "`type-from` must be the path of a JSON member, such as `type` or `data.kind`, not `data..kind`",
        ),
        (
            with("tolerance", json!("5 min")),
            "tolerance",
            "`5 min` is not a duration; hint: write a whole number and s, m or h, for instance 300s",
        ),
        (
            with("tolerance", json!("2h")),
            "tolerance",
            "`2h` is more than the longest tolerance, 1h",
        ),
        (
            with("tolerance", json!("99999999999999999999h")),
            "tolerance",
            "`99999999999999999999h` is not a duration; hint: write a whole number and s, m or h, for instance 300s",
        ),
        (
            with("typefrom", json!("type")),
            "typefrom",
            "unknown field `typefrom`, expected one of `secrets`, `source`, `type-from`, `fallback-type`, `tolerance`",
        ),
    ];
    for (settings, path, message) in table {
        let failure = registry
            .build_source("standard-webhooks", &settings, &Build::default())
            .unwrap_err();
        assert_eq!(
            (failure.path.trim_matches('.'), failure.error.message()),
            (path, message),
            "{settings}"
        );
    }
}
