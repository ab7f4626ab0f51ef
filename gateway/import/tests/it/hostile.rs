//! Files that nobody should send.

use crate::ground::{import, item, object, registry};
use serde_json::{Map, json};
use tradewind_import::{Input, Options, Verdict, event_bridge};

fn refused(text: &str) -> String {
    let input = Input {
        name: "f".into(),
        text: text.into(),
    };
    match event_bridge(&[input], &Options::default(), &registry()) {
        Ok(made) => panic!("not refused: {}", made.report.text()),
        Err(faults) => faults[0].to_string(),
    }
}

#[test]
fn what_is_no_export_is_refused_with_its_place() {
    for (text, message) in [
        ("", "nothing that is known"),
        ("[]", "nothing of EventBridge is in there"),
        ("{\"Resources\": {}}", "nothing of EventBridge is in there"),
        ("{\n\"a\": 1}", "f:1: nothing that is known"),
        ("{\"Rules\": [", "not valid JSON"),
        ("{\"Rules\": []}", "nothing of EventBridge is in there"),
        (
            "{\"Targets\": [{\"Id\": \"1\"}]}",
            "f:1: Targets.0: targets without the name of their rule",
        ),
        (
            "{\"Rule\": \"x\", \"Targets\": [{\"Id\": \"1\"}]}",
            "targets of `x`, a rule that is in no file",
        ),
    ] {
        let told = refused(text);
        assert!(told.contains(message), "{text}: {told}");
    }
}

#[test]
fn functions_that_go_round_end() {
    let text = r#"
Conditions: { A: !Not [!Condition A] }
Parameters: { P: { Type: String, Default: "${P}" } }
Resources:
  R:
    Type: AWS::Events::Rule
    Condition: A
    Properties:
      Name: !Sub "${P}-${R}-${AWS::NoValue}-${Gone.Arn}-${!Literal}-${open"
      EventPattern: !If [A, { source: [a] }, !Ref AWS::NoValue]
      Targets: [{ Id: x, Arn: !ImportValue gone }]
  Q: { Type: AWS::SQS::Queue, Properties: { QueueName: !GetAtt Q.QueueName } }
  S:
    Type: AWS::Events::Rule
    Properties: { EventPattern: { a: [b] }, Targets: [{ Id: x, Arn: !GetAtt Q.Arn }] }
"#;
    let made = import(&[("f.yaml", text)], &Options::default());
    assert_eq!(made.report.items[0].verdict, Verdict::Impossible);
}

/// Twenty conditions that each name the next four times over, and a megabyte that stands two hundred times.
#[test]
fn what_is_small_does_not_become_large() {
    let mut conditions = Map::new();
    for at in 0..20 {
        let next = json!({ "Condition": format!("C{}", at + 1) });
        conditions.insert(
            format!("C{at}"),
            json!({ "Fn::And": [next, next, next, next] }),
        );
    }
    conditions.insert("C20".into(), json!({ "Fn::Equals": ["a", "a"] }));
    let resource = json!({
        "Type": "AWS::Events::Rule",
        "Condition": "C0",
        "Properties": {
            "EventPattern": { "source": vec![json!({ "Ref": "P" }); 200] },
            "Targets": [{ "Id": "a", "Arn": "arn:aws:lambda:eu-west-1:123456789012:function:f" }],
        },
    });
    let template = json!({
        "Parameters": { "P": { "Type": "String", "Default": "x".repeat(1 << 20) } },
        "Conditions": conditions,
        "Resources": { "R": resource },
    });
    let made = import(&[("t.json", &template.to_string())], &Options::default());
    assert!(
        made.report.text().contains("64 MiB"),
        "{}",
        made.report.text()
    );
}

/// What a call makes of a large argument may be little, and a call may be reached by many others.
#[test]
fn calls_count_for_what_they_read_and_for_what_they_split() {
    let large = "x".repeat(1 << 20);
    let empty = json!({ "Fn::Sub": ["${e}".repeat(1 << 18), { "e": { "Fn::Join": ["", []] } }] });
    let queue = |name| json!({ "Type": "AWS::SQS::Queue", "Properties": { "QueueName": name } });
    for (name, asked, times) in [
        (empty, json!({ "Fn::GetAtt": ["Q", "Arn"] }), 2000),
        (json!(large), json!({ "Fn::GetAtt": ["Q", "Arn"] }), 2000),
        (json!(large), json!({ "Fn::Sub": "${Q.QueueName}" }), 2000),
        (json!("q"), json!({ "Fn::Split": ["x", { "Ref": "P" }] }), 2),
    ] {
        let template = json!({
            "Parameters": { "P": { "Type": "String", "Default": large } },
            "Resources": {
                "Q": queue(name),
                "R": { "Type": "AWS::Events::Rule", "Properties": { "EventPattern": { "source": vec![asked; times] } } },
            },
        });
        let made = import(&[("t.json", &template.to_string())], &Options::default());
        assert!(made.report.text().contains("64 MiB"));
    }
}

#[test]
fn two_rules_of_one_name_stay_two() {
    let rule = |region: &str, source: &str| {
        format!(
            r#"{{"Name": "r", "Arn": "arn:aws:events:{region}:123456789012:rule/r", "EventPattern": "{{\"source\": [\"{source}\"]}}",
            "Targets": [{{"Id": "1", "Arn": "arn:aws:lambda:{region}:123456789012:function:f"}}]}}"#
        )
    };
    let (one, other) = (rule("eu-west-1", "a"), rule("us-east-1", "b"));
    let files = [
        ("a.json", one.as_str()),
        ("b.json", &other),
        ("c.json", &one),
    ];
    let made = import(&files, &Options::default());
    assert_eq!(made.report.rules.exact, 2, "{}", made.report.text());
    assert_eq!(made.report.targets.exact, 2, "{}", made.report.text());
    for (name, stream, source) in [
        ("r", "stream: default-eu-west-1-123456789012", "source: [a]"),
        (
            "r-2",
            "stream: default-us-east-1-123456789012",
            "source: [b]",
        ),
    ] {
        let made = object(&made, name);
        assert!(made.contains(stream) && made.contains(source), "{made}");
    }
}

/// Which of two buses of one name a rule is of, its ARN tells, or the one of its bus.
#[test]
fn buses_of_one_name_in_two_places_are_two() {
    let rule = |name: &str, more: &str| {
        format!(
            r#"{{"Name": "{name}", {more} "EventPattern": "{{\"source\": [\"s\"]}}",
            "Targets": [{{"Id": "1", "Arn": "arn:aws:lambda:eu-west-1:1:function:f"}}]}}"#
        )
    };
    let bus = |region: &str, account: &str| {
        format!(r#"{{"Name": "shop", "Arn": "arn:aws:events:{region}:{account}:event-bus/shop"}}"#)
    };
    let archive = r#"{"ArchiveName": "kept", "EventSourceArn": "arn:aws:events:eu-west-1:2:event-bus/shop", "RetentionDays": 7}"#;
    let own = r#""Arn": "arn:aws:events:eu-west-1:1:rule/shop/own", "EventBusName": "shop","#;
    let whole = r#""EventBusName": "arn:aws:events:eu-west-1:2:event-bus/shop","#;
    let open = r#""EventBusName": "shop","#;
    let files = [
        bus("eu-west-1", "1"),
        bus("eu-west-1", "2"),
        archive.to_owned(),
        rule("own", own),
        rule("whole", whole),
        rule("open", open),
    ]
    .join("\n");
    let made = import(&[("all.json", &files)], &Options::default());
    let report = made.report.text();
    for (name, stream, verdict) in [
        ("own", "stream: shop-eu-west-1-1\n", Verdict::Exact),
        ("whole", "stream: shop-eu-west-1-2\n", Verdict::Exact),
        ("open", "stream: shop\n", Verdict::Changed),
    ] {
        assert!(object(&made, name).contains(stream), "{name}\n{report}");
        assert_eq!(item(&made, name).verdict, verdict, "{name}\n{report}");
    }
    let kept = object(&made, "shop-eu-west-1-2");
    assert!(kept.contains("retention: \"7d\""), "{kept}");
    assert!(
        report.contains("the event bus shop (eu-west-1, 1), let"),
        "{report}"
    );
    assert!(report.contains("--event-bus-name shop --name"), "{report}");
}

#[test]
fn a_reference_of_an_input_stays_a_text() {
    let text = r#"{"Name": "r", "Description": "${env:HOME} \ue000X\ue001", "EventPattern": {"source": ["${file:/etc/passwd}"]},
        "Targets": [{"Id": "1", "Arn": "arn:aws:lambda:eu-west-1:123456789012:function:f"}]}"#;
    let made = import(&[("f.json", text)], &Options::default());
    assert!(
        made.configuration
            .contains("source: [\"$${file:/etc/passwd}\"]"),
        "{}",
        made.configuration
    );
    assert!(
        made.configuration.contains("why: \"$${env:HOME} X\""),
        "{}",
        made.configuration
    );
}

#[test]
fn a_pattern_that_eventbridge_refuses_is_impossible() {
    let text = r#"{"Name": "r", "EventPattern": "{\"a\": \"b\"}", "Targets": [{"Id": "1", "Arn": "arn:aws:lambda:eu-west-1:123456789012:function:f"}]}"#;
    let made = import(&[("f.json", text)], &Options::default());
    assert_eq!(made.report.items[0].verdict, Verdict::Impossible);
    assert!(
        made.configuration.contains("sources: {}"),
        "{}",
        made.configuration
    );
}

/// A name that moves the cursor, or ends its line, could tell of verdicts that nothing has.
#[test]
fn what_a_file_says_is_shown_and_not_obeyed() {
    let text = json!({
        "Name": "r\u{1b}[2K\nexact rule forged", "EventPattern": "{\"source\":[\"s\"]}", "\u{1b}]0;x\u{7}\n- forged": "1",
        "Targets": [{ "Id": "1\r\u{9b}2J", "Arn": "arn:aws:\u{1b}[1m:eu-west-1:123456789012:f" }],
    });
    let made = import(&[("f.json", &text.to_string())], &Options::default());
    let faults = [
        refused(&json!({ "Rule": "x\n\u{1b}[2Kforged", "Targets": [{}] }).to_string()),
        refused("a: 1\n\"k\\e[2K\": 1\n\"k\\e[2K\": 1\n"),
    ];
    for told in [
        made.report.text(),
        made.report.markdown(),
        faults.join("\n"),
    ] {
        let obeyed = |c: char| c.is_control() && c != '\n';
        assert!(!told.contains(obeyed), "{told:?}");
        let forged = |line: &str| {
            ["exact", "forged", "- forged"]
                .iter()
                .any(|begin| line.starts_with(begin))
        };
        assert!(!told.lines().any(forged), "{told}");
    }
}
