//! Event Grid, Eventarc, Pub/Sub and Knative filters.

use serde_json::{Value, json};
use tradewind_event::{Attribute, Event};
use tradewind_filter::compile;

fn event() -> Event {
    Event::builder("7", "/subscriptions/x/storageAccounts/acme", "Microsoft.Storage.BlobCreated")
        .subject("/blobServices/default/containers/in/blobs/Report.PDF")
        .extension("dataversion", Attribute::String("2"))
        .extension("resourcename", Attribute::String("/projects/p1/buckets/b1/objects/a/b"))
        .extension("region", Attribute::String("eu"))
        .data(
            "application/json",
            r#"{"size":100,"name":"Sales","open":true,"none":null,"tags":["Red","blue"],"counts":[1,5],"at":{"x":1}}"#,
        )
        .build()
        .unwrap()
}

fn holds(definition: &Value) -> bool {
    compile(definition)
        .unwrap_or_else(|refused| panic!("{definition}: {refused} at {}", refused.pointer))
        .matches(&event())
}

fn advanced(operator: &str, key: &str, operand: Value) -> Value {
    let mut filter = json!({ "operatorType": operator, "key": key });
    match operand {
        Value::Null => {}
        list @ Value::Array(_) => filter["values"] = list,
        one => filter["value"] = one,
    }
    json!({ "event-grid": { "advancedFilters": [filter] } })
}

#[test]
fn every_operator_of_event_grid() {
    for (operator, key, operand, wanted) in [
        ("NumberIn", "data.size", json!([1, 100]), true),
        ("NumberIn", "data.size", json!([1]), false),
        ("NumberIn", "data.name", json!([1]), false),
        ("NumberNotIn", "data.size", json!([1]), true),
        ("NumberNotIn", "data.size", json!([100.0]), false),
        ("NumberNotIn", "data.absent", json!([1]), true),
        ("NumberLessThan", "data.size", json!(100), false),
        ("NumberLessThan", "data.size", json!(100.5), true),
        ("NumberGreaterThan", "data.size", json!(99), true),
        ("NumberGreaterThan", "data.absent", json!(0), false),
        ("NumberLessThanOrEquals", "data.size", json!(100), true),
        ("NumberGreaterThanOrEquals", "data.size", json!(100), true),
        ("NumberGreaterThanOrEquals", "data.size", json!(101), false),
        (
            "NumberInRange",
            "data.size",
            json!([[1, 2], [100, 200]]),
            true,
        ),
        ("NumberInRange", "data.size", json!([[1, 2]]), false),
        ("NumberNotInRange", "data.size", json!([[1, 2]]), true),
        ("NumberNotInRange", "data.size", json!([[100, 100]]), false),
        ("NumberNotInRange", "data.absent", json!([[1, 2]]), false),
        ("BoolEquals", "data.open", json!(true), true),
        ("BoolEquals", "data.open", json!(false), false),
        ("StringIn", "data.name", json!(["x", "SALES"]), true),
        ("StringIn", "data.absent", json!(["x"]), false),
        ("StringNotIn", "data.name", json!(["x"]), true),
        ("StringNotIn", "data.name", json!(["sales"]), false),
        ("StringNotIn", "data.absent", json!(["x"]), true),
        ("StringBeginsWith", "data.name", json!(["sa"]), true),
        ("StringNotBeginsWith", "data.name", json!(["sa"]), false),
        ("StringNotBeginsWith", "data.absent", json!(["sa"]), false),
        ("StringEndsWith", "data.name", json!(["ES"]), true),
        ("StringNotEndsWith", "data.name", json!(["x", "y"]), true),
        ("StringContains", "subject", json!(["CONTAINERS/in/"]), true),
        ("StringNotContains", "subject", json!(["/out/"]), true),
        (
            "StringNotContains",
            "subject",
            json!(["/out/", "/in/"]),
            false,
        ),
        ("IsNullOrUndefined", "data.none", json!(null), true),
        ("IsNullOrUndefined", "data.absent", json!(null), true),
        ("IsNullOrUndefined", "data.at", json!(null), false),
        ("IsNotNull", "data.name", json!(null), true),
        ("IsNotNull", "data.none", json!(null), false),
        ("StringIn", "data.tags", json!(["red"]), false),
        (
            "StringIn",
            "eventType",
            json!(["microsoft.storage.blobcreated"]),
            true,
        ),
        (
            "StringBeginsWith",
            "topic",
            json!(["/subscriptions/"]),
            true,
        ),
        ("StringIn", "dataVersion", json!(["2"]), true),
        ("NumberIn", "data.at.x", json!([1]), true),
        ("StringIn", "region", json!(["EU"]), true),
    ] {
        let definition = advanced(operator, key, operand);
        assert_eq!(holds(&definition), wanted, "{definition}");
    }
}

#[test]
fn event_grid_looks_into_arrays_where_it_is_told_to() {
    for (operator, key, operand, wanted) in [
        ("StringIn", "data.tags", json!(["red"]), true),
        ("StringIn", "data.tags", json!(["green"]), false),
        ("StringNotIn", "data.tags", json!(["red"]), false),
        ("StringNotContains", "data.tags", json!(["u"]), false),
        ("NumberIn", "data.counts", json!([5]), true),
        ("NumberNotIn", "data.counts", json!([5]), false),
        ("NumberInRange", "data.counts", json!([[4, 6]]), true),
        ("StringIn", "data.name", json!(["sales"]), true),
    ] {
        let mut definition = advanced(operator, key, operand);
        definition["event-grid"]["enableAdvancedFilteringOnArrays"] = true.into();
        assert_eq!(holds(&definition), wanted, "{definition}");
    }
}

#[test]
fn subject_and_types_of_event_grid() {
    for (body, wanted) in [
        (json!({}), true),
        (json!({ "subjectEndsWith": ".pdf" }), true),
        (
            json!({ "subjectEndsWith": ".pdf", "isSubjectCaseSensitive": true }),
            false,
        ),
        (json!({ "subjectBeginsWith": "/blobservices/" }), true),
        (
            json!({ "subjectBeginsWith": "", "includedEventTypes": null }),
            true,
        ),
        (
            json!({ "includedEventTypes": ["Microsoft.Storage.BlobCreated"] }),
            true,
        ),
        (
            json!({ "includedEventTypes": ["Microsoft.Storage.BlobDeleted"] }),
            false,
        ),
        (json!({ "includedEventTypes": ["All"] }), true),
        (json!("{\"subjectEndsWith\": \".pdf\"}"), true),
    ] {
        assert_eq!(holds(&json!({ "event-grid": body })), wanted, "{body}");
    }
}

#[test]
fn eventarc_compares_attributes_and_paths() {
    let path = |pattern: &str| {
        json!({ "eventarc": [
            { "attribute": "resourceName", "value": pattern, "operator": "match-path-pattern" },
        ] })
    };
    for (definition, wanted) in [
        (
            json!({ "eventarc": [{ "attribute": "type", "value": "Microsoft.Storage.BlobCreated" }] }),
            true,
        ),
        (
            json!({ "eventarc": { "type": "Microsoft.Storage.BlobCreated", "region": "eu" } }),
            true,
        ),
        (
            json!({ "eventarc": { "type": "Microsoft.Storage.BlobCreated", "region": "us" } }),
            false,
        ),
        (path("/projects/p1/buckets/b1/objects/a/b"), true),
        (path("/projects/*/buckets/b1/objects/*/b"), true),
        (path("/projects/*/buckets/b1/objects/*"), false),
        (path("/projects/p*/buckets/*1/objects/a/b"), true),
        (path("/projects/**"), true),
        (path("/projects/**/b"), true),
        (path("/projects/p1/**/buckets/b1/objects/a/b"), true),
        (
            path("/projects/{project}/buckets/{bucket=b*}/objects/{object=**}"),
            true,
        ),
        (path("/projects/{project=q*}/**"), false),
        (path("**"), true),
    ] {
        assert_eq!(holds(&definition), wanted, "{definition}");
    }
}

#[test]
fn pub_sub_expressions() {
    for (expression, wanted) in [
        ("", true),
        ("attributes:ce-subject", true),
        ("attributes:ce-absent", false),
        ("attributes:region", true),
        ("attributes:type", false),
        ("attributes.region = \"eu\"", true),
        ("attributes.\"region\"=\"eu\"", true),
        ("attributes.region != \"eu\"", false),
        ("attributes.region != \"us\"", true),
        ("attributes.absent != \"us\"", false),
        ("NOT attributes.absent = \"us\"", true),
        ("-attributes:absent", true),
        ("NOT NOT attributes:region", true),
        ("hasPrefix(attributes.ce-type, \"Microsoft.\")", true),
        ("hasPrefix(attributes.ce-type, \"microsoft.\")", false),
        ("attributes.content-type = \"application/json\"", true),
        ("attributes:region AND attributes:absent", false),
        (
            "attributes:region OR attributes:absent AND attributes:absent",
            true,
        ),
        (
            "(attributes:region OR attributes:absent) AND attributes:absent",
            false,
        ),
        ("attributes.\"iana.org/language\" = \"en\"", false),
        ("NOT attributes:\"iana.org/language\"", true),
        ("attributes.region = \"e\\\"u\"", false),
    ] {
        assert_eq!(
            holds(&json!({ "pub-sub": expression })),
            wanted,
            "{expression}"
        );
    }
    for (expression, offset, reason) in [
        ("attributes.region == \"eu\"", 19, "expected a text"),
        (
            "attributes.region = eu",
            20,
            "expected a text in double quotes, found `eu`",
        ),
        (
            "attributes.region",
            17,
            "expected `=` or `!=`, found the end",
        ),
        (
            "attributes:region and attributes:x",
            18,
            "expected AND, OR or the end",
        ),
        ("attributes:region AND", 21, "expected a comparison"),
        ("(attributes:region", 18, "expected `)`"),
        ("attributes.region = \"eu", 20, "a text that does not end"),
        ("attributes.region = \"\\x\"", 21, "unknown escape"),
        ("hasPrefix(region, \"e\")", 10, "expected `attributes`"),
        ("region = \"eu\"", 0, "expected a comparison"),
        ("attributes.ä? = \"eu\"", 13, "means nothing"),
    ] {
        let refused = compile(&json!({ "pub-sub": expression })).unwrap_err();
        assert_eq!(
            (refused.pointer.as_str(), refused.offset),
            ("/pub-sub", Some(offset)),
            "{expression}"
        );
        assert!(
            refused.reason.contains(reason),
            "{expression}: {}",
            refused.reason
        );
    }
    let deep = format!("{}attributes:a{}", "(".repeat(40), ")".repeat(40));
    assert!(
        compile(&json!({ "pub-sub": deep }))
            .unwrap_err()
            .reason
            .contains("at most 32 deep")
    );
}

#[test]
fn knative_triggers() {
    let kind = "Microsoft.Storage.BlobCreated";
    for (body, wanted) in [
        (json!({}), true),
        (
            json!({ "filter": { "attributes": { "type": kind } } }),
            true,
        ),
        (
            json!({ "filter": { "attributes": { "type": kind, "region": "" } } }),
            true,
        ),
        (
            json!({ "filter": { "attributes": { "absent": "" } } }),
            false,
        ),
        (
            json!({ "filters": [{ "exact": { "type": kind } }, { "not": { "prefix": { "region": "u" } } }] }),
            true,
        ),
        (
            json!({ "filters": [{ "any": [{ "suffix": { "region": "x" } }, { "all": [{ "exact": { "region": "eu" } }] }] }] }),
            true,
        ),
        // `filters` counts, `filter` does not.
        (
            json!({ "filter": { "attributes": { "type": "x" } }, "filters": [{ "exact": { "region": "eu" } }] }),
            true,
        ),
    ] {
        assert_eq!(holds(&json!({ "knative": body })), wanted, "{body}");
    }
}

#[test]
fn refusals_name_the_place() {
    for (definition, pointer, reason) in [
        (json!({ "event-grid": [] }), "/event-grid", "is a map"),
        (
            json!({ "event-grid": { "subject": "x" } }),
            "/event-grid/subject",
            "unknown key",
        ),
        (
            json!({ "event-grid": { "subjectEndsWith": 1 } }),
            "/event-grid/subjectEndsWith",
            "is a text",
        ),
        (
            json!({ "event-grid": { "includedEventTypes": [] } }),
            "/event-grid/includedEventTypes",
            "leave it out",
        ),
        (
            advanced("StringIs", "a", json!(["x"])),
            "/event-grid/advancedFilters/0/operatorType",
            "unknown operator",
        ),
        (
            advanced("StringIn", "a b", json!(["x"])),
            "/event-grid/advancedFilters/0/key",
            "is no key",
        ),
        (
            advanced("StringIn", "data..a", json!(["x"])),
            "/event-grid/advancedFilters/0/key",
            "empty part",
        ),
        (
            advanced("StringIn", "a", json!([])),
            "/event-grid/advancedFilters/0/values",
            "at least one",
        ),
        (
            advanced("StringIn", "a", json!([1])),
            "/event-grid/advancedFilters/0/values/0",
            "found a number",
        ),
        (
            advanced("StringIn", "a", json!(null)),
            "/event-grid/advancedFilters/0",
            "`values` is missing",
        ),
        (
            advanced("StringIn", "a", json!("x")),
            "/event-grid/advancedFilters/0/value",
            "has no `value`",
        ),
        (
            advanced("NumberInRange", "a", json!([[2, 1]])),
            "/event-grid/advancedFilters/0/values/0",
            "lower end",
        ),
        (
            advanced("NumberInRange", "a", json!([1])),
            "/event-grid/advancedFilters/0/values/0",
            "two numbers",
        ),
        (
            advanced("IsNotNull", "a", json!(true)),
            "/event-grid/advancedFilters/0/value",
            "has no `value`",
        ),
        (json!({ "eventarc": [] }), "/eventarc", "takes a list"),
        (
            json!({ "eventarc": [{ "value": "x" }] }),
            "/eventarc/0",
            "`attribute` is missing",
        ),
        (
            json!({ "eventarc": [{ "attribute": "a", "value": "x", "operator": "regex" }] }),
            "/eventarc/0/operator",
            "unknown operator",
        ),
        (
            json!({ "eventarc": { "a": 1 } }),
            "/eventarc/a",
            "found a number",
        ),
        (
            json!({ "eventarc": [{ "attribute": "a", "value": "/**/x/**", "operator": "match-path-pattern" }] }),
            "/eventarc/0/value",
            "at most once",
        ),
        (
            json!({ "eventarc": [{ "attribute": "a", "value": "/a**", "operator": "match-path-pattern" }] }),
            "/eventarc/0/value",
            "fills a segment",
        ),
        (
            json!({ "eventarc": [{ "attribute": "a", "value": "/{a/b}", "operator": "match-path-pattern" }] }),
            "/eventarc/0/value",
            "a capture fills",
        ),
        (
            json!({ "knative": { "filters": [{ "like": {} }] } }),
            "/knative/filters/0/like",
            "unknown dialect",
        ),
        (
            json!({ "knative": { "filters": [{ "exact": {}, "not": {} }] } }),
            "/knative/filters/0",
            "names one dialect",
        ),
        (
            json!({ "knative": { "filters": [{ "all": [] }] } }),
            "/knative/filters/0/all",
            "takes a list",
        ),
        (
            json!({ "knative": { "filter": { "attributes": { "Type": "x" } } } }),
            "/knative/filter/attributes/Type",
            "did you mean `type`",
        ),
        (
            json!({ "knative": { "triggers": 1 } }),
            "/knative/triggers",
            "unknown key",
        ),
    ] {
        let refused = compile(&definition).unwrap_err();
        assert_eq!(refused.pointer, pointer, "{definition}");
        assert!(
            refused.reason.contains(reason),
            "{definition}: {}",
            refused.reason
        );
    }
}
