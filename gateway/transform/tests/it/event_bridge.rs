//! Input paths and input transformers: the examples that AWS documents, and what was recorded from
//! the service where the documentation is silent.

use super::{data, run};
use serde_json::{Value, json};
use tradewind_event::{Attribute, Event};

/// The event of AWS's documentation, as it is kept when it came from EventBridge.
fn instance() -> Event {
    let envelope = r#"{
  "version": "0", "id": "7bf73129-1428-4cd3-a780-95db273d1602",
  "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2",
  "account": "123456789012", "time": "2015-11-11T21:29:54Z", "region": "us-east-1",
  "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],
  "detail": { "instance-id": "i-0123456789", "state": "RUNNING", "load": 1.10,
    "big": 12345678901234567890123, "list": [ {"a": 1}, {"a": 2}, {"b": 3} ], "none": null, "on": true }
}"#;
    Event::builder("7bf73129", "aws.ec2", "com.amazon.ec2")
        .data("application/json", envelope)
        .build()
        .unwrap()
}

fn transformed(template: &str) -> Event {
    let definition = json!({"input-transformer": {
        "InputPathsMap": {
            "timestamp": "$.time", "instance": "$.detail.instance-id", "state": "$.detail.state",
            "resource": "$.resources[0]", "detail": "$.detail", "missing": "$.detail.nowhere",
            "load": "$.detail.load", "big": "$.detail.big", "all": "$.detail.list[*].a",
            "second": "$.detail.list[1]", "none": "$.detail.none", "on": "$.detail.on",
        },
        "InputTemplate": template,
    }});
    run(definition, &instance()).unwrap()
}

#[test]
fn templates_give_what_aws_documents() {
    let table = [
        // Simple string, and with escaped quotes.
        (
            r#""instance <instance> is in <state>""#,
            r#""instance i-0123456789 is in RUNNING""#,
        ),
        (
            r#""instance \"<instance>\" is in <state>""#,
            r#""instance \"i-0123456789\" is in RUNNING""#,
        ),
        // Simple JSON; the output has no white space.
        (
            "{\n  \"instance\" : <instance>,\n  \"state\": <state>\n}\n",
            r#"{"instance":"i-0123456789","state":"RUNNING"}"#,
        ),
        // Strings and variables mixed.
        (
            r#"{"instance" : <instance>, "state": "<state>", "instanceStatus": "instance \"<instance>\" is in <state>"}"#,
            r#"{"instance":"i-0123456789","state":"RUNNING","instanceStatus":"instance \"i-0123456789\" is in RUNNING"}"#,
        ),
        // Static information.
        (
            r#"{"instance" : <instance>, "state": [ 9, <state>, true ], "Transformed" : "Yes"}"#,
            r#"{"instance":"i-0123456789","state":[9,"RUNNING",true],"Transformed":"Yes"}"#,
        ),
        // Reserved variables.
        (
            r#"{"ruleArn" : <aws.events.rule-arn>, "ruleName" : <aws.events.rule-name>}"#,
            r#"{"ruleArn":"arn:aws:events:us-east-1:123456789012:rule/example","ruleName":"example"}"#,
        ),
        (
            r#""<aws.events.rule-name> triggered""#,
            r#""example triggered""#,
        ),
        (
            r#"{"at": <aws.events.event.ingestion-time>}"#,
            r#"{"at":"2015-11-11T21:29:54Z"}"#,
        ),
        // A log group's.
        (
            r#"{"timestamp" : <timestamp>, "message": "instance \"<instance>\" is in <state>"}"#,
            r#"{"timestamp":"2015-11-11T21:29:54Z","message":"instance \"i-0123456789\" is in RUNNING"}"#,
        ),
        // A variable that matches nothing is an empty text, in both places.
        (r#""detail <missing>""#, r#""detail ""#),
        (r#"{"command": <missing>}"#, r#"{"command":""}"#),
        // Starts like JSON, but is a text.
        (
            r#""{[/Check for <state> type""#,
            r#""{[/Check for RUNNING type""#,
        ),
        // Numbers as they were written, lists, wildcards, other values.
        (
            r#"[<load>, <big>, <all>, <second>, <none>, <on>]"#,
            r#"[1.10,12345678901234567890123,[1,2],{"a":2},null,true]"#,
        ),
        (r#""<load> <all> <none> <on>""#, r#""1.10 [1,2] null true""#),
        // A map inside a text loses its quotes.
        (r#""got <second>""#, r#""got {a:2}""#),
        // No placeholders: `<` alone means nothing.
        (r#""1 < 2 and <> and <a b>""#, r#""1 < 2 and <> and <a b>""#),
    ];
    for (template, expected) in table {
        let event = transformed(template);
        assert_eq!(data(&event), expected, "{template}");
        assert_eq!(event.data_content_type(), Some("application/json"));
    }
}

#[test]
fn the_event_itself_can_be_put_in() {
    let event = transformed(
        r#"{"originalEvent": <aws.events.event>, "originalEventJson": <aws.events.event.json>}"#,
    );
    let out: Value = event.data_json().unwrap();
    let original = instance().data_json().unwrap();
    assert_eq!(out["originalEventJson"], original);
    assert_eq!(out["originalEvent"]["detailType"], original["detail-type"]);
    assert_eq!(out["originalEvent"]["account"], "123456789012");
    assert_eq!(out["originalEvent"].get("detail"), None);
    assert_eq!(out["originalEvent"].get("detail-type"), None);
}

#[test]
fn several_texts_are_lines() {
    let event = transformed("\"<instance> is\"\n\"in <state>\"");
    assert_eq!(data(&event), "\"i-0123456789 is\"\n\"in RUNNING\"");
    assert_eq!(event.data_content_type(), Some("text/plain"));
}

#[test]
fn input_paths_take_a_part() {
    let table = [
        ("$.detail.state", Ok(r#""RUNNING""#)),
        ("$.detail.load", Ok("1.10")),
        (
            "$.resources",
            Ok(r#"["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"]"#),
        ),
        ("$.detail.list[0]", Ok(r#"{"a": 1}"#)),
        ("$.detail.list[*].b", Ok("[3]")),
        (
            "$.detail.list[9]",
            Err("`input-path`: the event has nothing at `$.detail.list[9]`"),
        ),
        (
            "$.detail.list.a",
            Err("`input-path`: the event has nothing at `$.detail.list.a`"),
        ),
    ];
    for (path, expected) in table {
        let out = run(json!({"input-path": path}), &instance());
        match expected {
            Ok(expected) => assert_eq!(data(&out.unwrap()), expected, "{path}"),
            Err(expected) => assert_eq!(out.unwrap_err().to_string(), expected),
        }
    }
    let whole = run(json!({"input-path": "$"}), &instance()).unwrap();
    assert_eq!(whole.data(), instance().data());
}

#[test]
fn other_events_are_seen_in_the_envelope() {
    let event = Event::builder("1", "/shop", "order.placed")
        .subject("o-7")
        .time("2026-01-02T03:04:05Z")
        .extension("account", Attribute::String("42"))
        .data("application/json", r#"{ "id": "o-7" }"#)
        .build()
        .unwrap();
    let out = run(json!({"input-path": "$"}), &event).unwrap();
    assert_eq!(
        data(&out),
        r#"{"version":"0","id":"1","detail-type":"order.placed","source":"/shop","time":"2026-01-02T03:04:05Z","datacontenttype":"application/json","account":"42","resources":["o-7"],"detail":{ "id": "o-7" }}"#
    );
    let text = Event::builder("1", "/", "t")
        .data("text/plain", "a \"b\"")
        .build()
        .unwrap();
    let out = run(json!({"input-path": "$.detail"}), &text).unwrap();
    assert_eq!(data(&out), r#""a \"b\"""#);
}

/// A pattern says the same of an event as of what transforms see of it.
#[test]
fn filters_see_the_same_envelope() {
    let plain = Event::builder("1", "/shop", "order.placed")
        .subject("o-7")
        .extension("region", Attribute::String("eu"))
        .data(
            "application/json",
            r#"{"state": "new", "detail-type": 3, "detail": {}}"#,
        )
        .build()
        .unwrap();
    let patterns = [
        json!({"detail-type": ["order.placed"]}),
        json!({"source": ["/shop"], "version": ["0"], "id": ["1"]}),
        json!({"resources": ["o-7"], "region": [{"prefix": "e"}]}),
        json!({"detail": {"state": ["new"], "detail-type": [3]}}),
        json!({"type": [{"exists": true}]}),
        json!({"subject": ["o-7"]}),
        json!({"detail": {"state": ["RUNNING"]}}),
        json!({"account": ["123456789012"]}),
        json!({"region": [{"exists": false}]}),
    ];
    for event in [plain, instance()] {
        let view = run(json!({"input-path": "$"}), &event).unwrap();
        for pattern in &patterns {
            let filter = tradewind_filter::compile(&json!({"event-bridge": pattern})).unwrap();
            assert_eq!(filter.matches(&event), filter.matches(&view), "{pattern}");
        }
    }
}
