//! Settings that are refused.

use serde_json::json;
use tradewind_adapter::Build;

#[test]
fn says_where_and_why() {
    let registry = crate::web::registry(Default::default());
    let table = [
        (json!({}), "", "missing field `secrets`"),
        (
            json!({ "secrets": [] }),
            "",
            "`secrets` must name at least one secret: without it nobody can be verified",
        ),
        (
            json!({ "secrets": ["a", ""] }),
            "secrets[1]",
            "a secret must not be empty",
        ),
        (
            json!({ "secrets": "a" }),
            "secrets",
            "invalid type: string \"a\", expected a sequence",
        ),
        (
            json!({ "secrets": ["a"], "secret": "b" }),
            "secret",
            "unknown field `secret`, expected `secrets`",
        ),
    ];
    for (settings, path, message) in table {
        let failure = registry
            .build_source("github", &settings, &Build::default())
            .unwrap_err();
        assert_eq!(
            (failure.path.trim_matches('.'), failure.error.message()),
            (path, message),
            "{settings}"
        );
    }
}
