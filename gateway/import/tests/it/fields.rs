//! No field goes unseen.

use crate::ground::import;
use serde_json::{Value, json};
use tradewind_import::Options;

/// Adds a field that nobody knows at every place of an object, one at a time.
fn spoiled(value: &Value, out: &mut Vec<Value>) {
    if let Value::Object(map) = value {
        let mut more = map.clone();
        more.insert("Unheard".into(), json!("of"));
        out.push(Value::Object(more));
        for (key, inner) in map {
            if [
                "EventPattern",
                "InputPathsMap",
                "HeaderParameters",
                "QueryStringParameters",
            ]
            .contains(&key.as_str())
            {
                continue;
            }
            let mut inners = Vec::new();
            spoiled(inner, &mut inners);
            for changed in inners {
                let mut map = map.clone();
                map.insert(key.clone(), changed);
                out.push(Value::Object(map));
            }
        }
    }
    if let Value::Array(items) = value {
        for (at, item) in items.iter().enumerate() {
            let mut inners = Vec::new();
            spoiled(item, &mut inners);
            for changed in inners {
                let mut items = items.clone();
                items[at] = changed;
                out.push(Value::Array(items));
            }
        }
    }
}

#[test]
fn each_field_that_is_not_known_is_told_of() {
    let rule = json!({
        "Name": "r", "EventBusName": "default", "EventPattern": "{\"source\":[\"s\"]}", "State": "ENABLED", "Description": "d",
        "Targets": [{
            "Id": "1", "Arn": "arn:aws:sqs:eu-west-1:123456789012:q",
            "InputTransformer": { "InputPathsMap": { "a": "$.detail.a" }, "InputTemplate": "{\"a\": <a>}" },
            "RetryPolicy": { "MaximumRetryAttempts": 3 }, "DeadLetterConfig": { "Arn": "arn:aws:sqs:eu-west-1:123456789012:d" },
            "SqsParameters": { "MessageGroupId": "g" },
        }],
    });
    let schedule = json!({
        "Name": "s", "Arn": "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/s", "GroupName": "default",
        "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": { "Mode": "OFF" }, "State": "ENABLED",
        "Target": { "Arn": "arn:aws:lambda:eu-west-1:123456789012:function:f", "RoleArn": "arn:aws:iam::123456789012:role/r",
            "Input": "{}", "RetryPolicy": { "MaximumRetryAttempts": 3 } },
    });
    let mut all = Vec::new();
    for whole in [rule, schedule] {
        spoiled(&whole, &mut all);
    }
    assert!(all.len() > 8, "{}", all.len());
    for one in all {
        let made = import(&[("f.json", &one.to_string())], &Options::default());
        assert!(
            made.report.text().contains("Unheard"),
            "{one}\n{}",
            made.report.text()
        );
    }
}
