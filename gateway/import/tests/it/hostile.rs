//! Files that nobody should send.

use crate::ground::{import, registry};
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
