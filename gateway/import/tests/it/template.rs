//! What templates leave to CloudFormation.

use crate::ground::{import, item, object};
use tradewind_import::{Options, Verdict};

#[test]
fn parameters_that_are_lists_are_lists_by_whatever_way() {
    let template = r#"
Parameters:
  Sources: { Type: CommaDelimitedList, Default: "a, b" }
  Ids: { Type: List<String> }
  Plain: { Type: String }
Resources:
  R:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: { source: !Ref Sources, detail: { id: !Ref Ids, text: [!Ref Plain] } }
      Targets: [{ Id: x, Arn: "arn:aws:lambda:eu-west-1:123456789012:function:f" }]
"#;
    for (given, sources) in [
        (None, "[a, b]"),
        (Some("c,d"), "[c, d]"),
        (Some("e"), "[e]"),
    ] {
        let mut options = Options::default();
        let parameters = [
            ("Sources", given),
            ("Ids", Some("g,h")),
            ("Plain", Some("i,j")),
        ];
        for (name, value) in parameters {
            options
                .parameters
                .extend(value.map(|value| (name.into(), value.into())));
        }
        let made = import(&[("t.yaml", template)], &options);
        let r = object(&made, "r");
        for line in [
            format!("source: {sources}\n"),
            "id: [g, h]\n".into(),
            "text: [\"i,j\"]".into(),
        ] {
            assert!(r.contains(&line), "{line}\n{r}");
        }
    }
}

/// A default that is empty is one, and conditions ask for it.
#[test]
fn an_empty_default_is_a_value() {
    let template = r#"
Parameters: { Topic: { Type: String, Default: "" } }
Conditions: { HasTopic: !Not [!Equals [!Ref Topic, ""]] }
Resources:
  R:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Topic
      EventPattern: { source: [s] }
      Targets:
        - !If [HasTopic, { Id: t, Arn: !Ref Topic }, !Ref AWS::NoValue]
        - { Id: x, Arn: "arn:aws:lambda:eu-west-1:123456789012:function:f" }
"#;
    let made = import(&[("t.yaml", template)], &Options::default());
    assert_eq!(
        item(&made, "R").verdict,
        Verdict::Exact,
        "{}",
        made.report.text()
    );
    assert_eq!(item(&made, "R").targets.len(), 1);
    assert!(!object(&made, "r").contains("stream:"));
}

/// Loops and macros make resources that no file has.
#[test]
fn what_functions_make_is_impossible_by_its_name() {
    let template = r#"
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Rules:
    - Name
    - [a, b]
    - "Rule${Name}": { Type: AWS::Events::Rule, Properties: { EventPattern: { source: [!Ref Name] } } }
  Fn::ForEach::Topics: [Name, [a, b], { "Topic${Name}": { Type: AWS::SNS::Topic } }]
  Fn::ForEach::Buckets:
    [Name, [a, b], { "Fn::ForEach::Stages": [Stage, [c, d], { "${Name}${Stage}": { Type: AWS::S3::Bucket } }] }]
  Fn::ForEach::Nested:
    [Name, [a, b], { "Fn::ForEach::Stages": [Stage, [c, d], { "${Name}${Stage}": { Type: AWS::Events::Rule } }] }]
  Fn::Transform: { Name: AWS::Include, Parameters: { Location: "s3://b/k" } }
  F:
    Type: AWS::Serverless::Function
    Properties: { Events: { "Fn::ForEach::Events": [Name, [a], { "On${Name}": { Type: EventBridgeRule } }] } }
"#;
    let made = import(&[("t.yaml", template)], &Options::default());
    for name in [
        "Fn::ForEach::Rules",
        "Fn::ForEach::Nested",
        "Fn::Transform",
        "Fn::ForEach::Events",
    ] {
        let item = item(&made, name);
        assert_eq!(item.verdict, Verdict::Impossible);
        assert_eq!(item.notes.len(), 1, "{item:?}");
    }
    assert_eq!(made.report.rules.impossible, 4, "{}", made.report.text());
}
