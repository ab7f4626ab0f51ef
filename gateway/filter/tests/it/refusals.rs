//! What is refused: pointer and message.

use serde_json::{Value, json};
use tradewind_filter::{DEPTH_MAX, PREDICATES_MAX, compile};

const NAMES: &str = "(there are: exact, prefix, suffix, all, any, not, sql, event-bridge, event-grid, eventarc, pub-sub, knative, cel)";

fn refused(definition: &Value) -> (String, String) {
    let error = compile(definition).unwrap_err();
    (error.pointer, error.reason)
}

#[test]
fn says_where_and_why() {
    let table = [
        (
            json!("type"),
            "",
            "expected a map that names a filter dialect, such as `exact: {type: …}`, found a text",
        ),
        (
            json!([[]]),
            "/0",
            "expected a map that names a filter dialect, such as `exact: {type: …}`, found a list",
        ),
        (
            json!([null]),
            "/0",
            "expected a map that names a filter dialect, such as `exact: {type: …}`, found nothing",
        ),
        (
            json!({}),
            "",
            "empty filter: name a dialect, such as `exact: {type: …}`, or leave the filter out to match everything",
        ),
        (
            json!({ "exact": { "id": "1" }, "not": { "exact": { "id": "2" } } }),
            "",
            "a filter names one dialect only: write a list of filters, or join them under `all`",
        ),
        (
            json!({ "exact": {} }),
            "/exact",
            "at least one attribute is needed",
        ),
        (
            json!({ "exact": [] }),
            "/exact",
            "`exact` takes a map of attribute to value, found a list",
        ),
        (
            json!({ "exact": { "": "x" } }),
            "/exact/",
            "an attribute name must not be empty",
        ),
        (
            json!({ "prefix": { "type": "" } }),
            "/prefix/type",
            "the value of `type` must not be empty",
        ),
        (
            json!({ "exact": { "n": 1.5 } }),
            "/exact/n",
            "the value of `n` must be a text, an integer or a boolean, found a number",
        ),
        (
            json!({ "exact": { "type": ["a", "b"] } }),
            "/exact/type",
            "the value of `type` must be a text, an integer or a boolean, found a list",
        ),
        (
            json!({ "exact": { "type": null } }),
            "/exact/type",
            "the value of `type` must be a text, an integer or a boolean, found nothing",
        ),
        (
            json!({ "exact": { "dataContentType": "x" } }),
            "/exact/dataContentType",
            "`dataContentType` is no attribute name: it may hold a to z and 0 to 9 only, did you mean `datacontenttype`?",
        ),
        (
            json!({ "exact": { "a/b~c": "x" } }),
            "/exact/a~1b~0c",
            "`a/b~c` is no attribute name: it may hold a to z and 0 to 9 only",
        ),
        (
            json!({ "exact": { "data": "x" } }),
            "/exact/data",
            "`data` is no attribute: these dialects see attributes only",
        ),
        (
            json!({ "all": [] }),
            "/all",
            "`all` needs at least one filter",
        ),
        (
            json!({ "any": [] }),
            "/any",
            "`any` needs at least one filter",
        ),
        (
            json!({ "any": { "exact": { "id": "1" } } }),
            "/any",
            "`any` takes a list of filters, found a map",
        ),
        (
            json!({ "not": [] }),
            "/not",
            "expected a map that names a filter dialect, such as `exact: {type: …}`, found a list",
        ),
        (
            json!({ "not": { "all": [{ "exact": { "id": "1" } }, { "suffix": 1 }] } }),
            "/not/all/1/suffix",
            "`suffix` takes a map of attribute to value, found a number",
        ),
    ];
    for (definition, pointer, reason) in table {
        let expected = (pointer.to_owned(), reason.to_owned());
        assert_eq!(refused(&definition), expected, "{definition}");
    }
}

#[test]
fn names_the_dialects_and_the_nearest() {
    let table = [
        (
            json!({ "exat": { "id": "1" } }),
            "/exat",
            "unknown filter dialect `exat`, did you mean `exact`?",
        ),
        (
            json!({ "Prefix": { "id": "1" } }),
            "/Prefix",
            "unknown filter dialect `Prefix`, did you mean `prefix`?",
        ),
        (
            json!({ "sufix": { "id": "1" } }),
            "/sufix",
            "unknown filter dialect `sufix`, did you mean `suffix`?",
        ),
        (
            json!([{ "zzzzzz": 1.5 }]),
            "/0/zzzzzz",
            "unknown filter dialect `zzzzzz`",
        ),
        (
            json!({ "all": [{ "jq": ".type" }] }),
            "/all/0/jq",
            "the filter dialect `jq` is not available in this version",
        ),
    ];
    for (definition, pointer, reason) in table {
        let expected = (pointer.to_owned(), format!("{reason} {NAMES}"));
        assert_eq!(refused(&definition), expected, "{definition}");
    }
    let (pointer, reason) = refused(&json!({ "subject": "a", "type": "com.github.push" }));
    assert_eq!(pointer, "/subject");
    assert_eq!(
        reason,
        format!(
            "unknown filter dialect `subject` {NAMES}; to compare an attribute write `exact: {{subject: …}}`"
        )
    );
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(
        json!({ "exact": { "id": "1" } }),
        |inner, _| json!({ "not": inner }),
    )
}

#[test]
fn bounds_depth_and_size() {
    assert!(compile(&nested(DEPTH_MAX)).is_ok());
    let (pointer, reason) = refused(&nested(DEPTH_MAX + 1));
    assert_eq!(pointer, "/not".repeat(DEPTH_MAX + 1));
    assert_eq!(reason, "a filter nests at most 32 levels deep");

    // Depth is counted down each branch, not over all of them.
    assert!(compile(&Value::Array(vec![nested(2); DEPTH_MAX])).is_ok());

    let list = |n| Value::Array(vec![json!({ "exact": { "id": "1" } }); n]);
    assert!(compile(&list(PREDICATES_MAX)).is_ok());
    let (pointer, reason) = refused(&list(PREDICATES_MAX + 1));
    assert_eq!(pointer, format!("/{PREDICATES_MAX}/exact/id"));
    assert_eq!(reason, "a filter holds at most 1000 comparisons");
}
