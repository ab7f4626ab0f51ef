//! Inputs in the shapes that tools write.

use crate::ground::{import, import_with, item, object};
use tradewind_import::{Kind, Options, Verdict};

const SHOP: &str = include_str!("inputs/shop.yaml");
const RULES: &str = include_str!("inputs/rules.json");
const STATE: &str = include_str!("inputs/state.json");

fn options() -> Options {
    Options {
        region: Some("eu-west-1".into()),
        account: Some("123456789012".into()),
        owner: Some("shop".into()),
        ..Options::default()
    }
}

#[test]
fn a_template_of_sam() {
    let made = import(&[("shop.yaml", SHOP)], &options());
    let rule = item(&made, "OnOrder");
    assert_eq!(rule.place, "shop.yaml:21 Resources.OnOrder");
    let verdicts: Vec<_> = rule
        .targets
        .iter()
        .map(|t| (t.name.as_str(), t.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("billing", Verdict::Exact),
            ("flow", Verdict::Impossible),
            ("partner", Verdict::Changed)
        ]
    );
    let billing = object(&made, "on-order-billing");
    for line in [
        "stream: shop-dev\nowner: shop\nwhy: \"orders are billed\"\nfilter:\nevent-bridge:\nsource: [shop]\n",
        "- input-path: \"$.detail\"\n- set:\npartitionkey: orders\n",
        "queue: \"https://sqs.eu-west-1.amazonaws.com/123456789012/billing.fifo\"\npayload: data\n",
        "max-age: \"3600s\"\nretry:\npreset: event-bridge\nmax-attempts: 5\nmax-age: \"3600s\"\n",
    ] {
        assert!(billing.contains(line), "{line}\n{billing}");
    }
    let partner = object(&made, "on-order-partner");
    for line in [
        "url: \"https://partner.example.com/in/a%20b?q=${env:PARTNER_CONNECTION_Q}\"",
        "x-shop: \"${env:X_SHOP}\"",
        "header: x-partner\nkey: \"${env:PARTNER_CONNECTION_API_KEY}\"",
        "timeout: \"5s\"",
        "rate: 20",
    ] {
        assert!(partner.contains(line), "{line}\n{partner}");
    }
    let all = format!(
        "{}{}{:?}",
        made.configuration,
        made.report.text(),
        made.report
    );
    assert!(!all.contains("hunter2"), "{all}");
    // Of the rule whose condition does not hold only that is told.
    assert!(made.report.items.iter().all(|item| item.name != "OnlyProd"));
    let passed = made.report.passed_over.join("\n");
    for what in [
        "OnlyProd, whose condition `IsProd`",
        "event `Web` of Charge, of type Api",
        "1 of AWS::IAM::Role",
    ] {
        assert!(passed.contains(what), "{what}\n{passed}");
    }
    assert!(object(&made, "shop-dev").starts_with("retention: \"30d\""));
    assert_eq!(item(&made, "Kept").verdict, Verdict::Changed);
    let paid = object(&made, "charge-paid");
    assert!(paid.contains("function: \"arn:aws:lambda:eu-west-1:123456789012:function:charge\"\npayload: data\ninvocation: async"), "{paid}");
    assert_eq!(item(&made, "ChargePaid").verdict, Verdict::Exact);
    // Braces of an input are no template.
    let nightly = object(&made, "charge-nightly");
    assert!(
        nightly.contains("kind: schedule\nwhen: \"cron(0 2 * * ? *)\""),
        "{nightly}"
    );
    assert!(
        made.configuration
            .contains(r#"template: "{% raw %}{\"why\": \"{{night}}\"}{% endraw %}""#),
        "{}",
        made.configuration
    );
    assert_eq!(item(&made, "ChargeNightly").verdict, Verdict::Exact);
    let often = object(&made, "charge-often");
    assert!(
        often.contains("time-zone: Europe/Berlin\nstart: \"2026-01-01T01:00:00\"\njitter: \"3m\""),
        "{often}"
    );
    assert!(
        made.configuration
            .contains(r#"InputTemplate: "{\"at\": \"<time>\"}""#)
    );
}

#[test]
fn without_region_and_account_the_operator_sets_them() {
    let made = import(&[("shop.yaml", SHOP)], &Options::default());
    let names: Vec<&str> = made
        .report
        .variables
        .iter()
        .map(|v| v.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "AWS_ACCOUNT_ID",
            "AWS_REGION",
            "PARTNER_CONNECTION_API_KEY",
            "PARTNER_CONNECTION_Q",
            "PARTNER_CONNECTION_X_TOKEN",
            "SHOP_DEV_BUS_QUEUE_URL",
            "X_API_KEY",
            "X_SHOP"
        ]
    );
    assert!(
        made.configuration.contains("function:charge\"\n"),
        "{}",
        made.configuration
    );
    let remark = "the parameter `Stage` is taken to have its default";
    assert!(made.report.text().contains(remark));
    let given = Options {
        parameters: [("Stage".into(), "prod".into())].into(),
        ..Options::default()
    };
    let made = import(&[("shop.yaml", SHOP)], &given);
    assert!(made.configuration.contains("  shop-prod:\n"));
    item(&made, "OnlyProd");
}

#[test]
fn streams_and_state_machines_as_targets() {
    let rules = r#"{ "Rules": [{ "Name": "clicks", "EventPattern": "{\"source\":[\"shop\"]}", "State": "ENABLED", "EventBusName": "default" }] }
        { "Rule": "clicks", "Targets": [
            { "Id": "key", "Arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks", "KinesisParameters": { "PartitionKeyPath": "$.detail.user" } },
            { "Id": "plain", "Arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks" },
            { "Id": "source", "Arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks", "KinesisParameters": { "PartitionKeyPath": "$.source" } },
            { "Id": "odd", "Arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks", "KinesisParameters": { "PartitionKeyPath": "$.resources[0]" } },
            { "Id": "lake", "Arn": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/clicks" },
            { "Id": "flow", "Arn": "arn:aws:states:eu-west-1:123456789012:stateMachine:clicks" } ] }"#;
    let made = import_with("aws-step-functions", &[("rules.json", rules)], &options());
    let targets = &item(&made, "clicks").targets;
    let verdicts: Vec<_> = targets
        .iter()
        .map(|t| (t.name.as_str(), t.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("key", Verdict::Changed),
            ("plain", Verdict::Exact),
            ("source", Verdict::Exact),
            ("odd", Verdict::Changed),
            ("lake", Verdict::Exact),
            ("flow", Verdict::Exact)
        ]
    );
    let note = &targets[0].notes[0];
    assert_eq!(note.field, "KinesisParameters.PartitionKeyPath", "{note:?}");
    // Where nothing is said, EventBridge takes the event's id.
    for (target, key) in [
        (
            "key",
            r#"{{ (data[\"detail\"] | default({}))[\"user\"] | default(event.id) }}"#,
        ),
        ("plain", "{{ event.id }}"),
        ("source", "{{ event.source }}"),
        ("odd", "{{ event.id }}"),
    ] {
        let own = object(&made, &format!("clicks-{target}"));
        assert!(own.contains(&format!("partitionkey: \"{key}\"")), "{own}");
    }
    for part in [
        "kind: aws-kinesis",
        "kind: aws-firehose",
        "newline: false",
        "kind: aws-step-functions",
        "state-machine: \"arn:aws:states:eu-west-1:123456789012:stateMachine:clicks\"",
    ] {
        assert!(
            made.configuration.contains(part),
            "{part}\n{}",
            made.configuration
        );
    }
}

#[test]
fn answers_of_the_command_line() {
    let made = import(&[("rules.json", RULES)], &options());
    let rule = item(&made, "instance-stopped");
    let [lambda, topic, surprise] = &rule.targets[..] else {
        panic!("{rule:?}")
    };
    assert_eq!(lambda.verdict, Verdict::Exact);
    assert_eq!(lambda.becomes, ["subscriptions.instance-stopped-1"]);
    assert_eq!(topic.verdict, Verdict::Impossible);
    assert!(
        topic.notes[0].text.contains("no sink of kind `aws-sns`"),
        "{topic:?}"
    );
    // What nobody knows is told of.
    assert_eq!(surprise.verdict, Verdict::Changed);
    assert_eq!(
        (surprise.notes[0].kind, surprise.notes[0].field.as_str()),
        (Kind::Changed, "Surprise")
    );
    assert_eq!(
        item(&made, "AutoScalingManagedRule").verdict,
        Verdict::Impossible
    );
    assert_eq!(item(&made, "off").verdict, Verdict::Changed);
    assert!(!made.configuration.contains("function:off"));
    assert!(
        made.report.steps[0].contains("put-rule"),
        "{:?}",
        made.report.steps
    );
    assert_eq!(made.report.rules.impossible, 2);
}

#[test]
fn a_state_of_terraform() {
    let made = import(&[("state.json", STATE)], &Options::default());
    let paid = object(&made, "paid");
    for line in [
        "stream: shop\nfilter:\nevent-bridge:\ndetail-type: [Paid]",
        "InputPathsMap:\nn_o: \"$.detail.n\"",
        "url: \"https://crm.example.com/in?q=${env:Q}\"",
        "x-token: \"${env:CRM_X_TOKEN}\"",
        "token-url: \"https://id.example.com/token\"\nclient-id: tw\nclient-secret: \"${env:CRM_CLIENT_SECRET}\"\nmethod: post\nscopes: [read, write]",
        "max-attempts: 1\nmax-age: \"120s\"",
    ] {
        assert!(paid.contains(line), "{line}\n{paid}");
    }
    assert!(!format!("{}{:?}", made.configuration, made.report).contains("hunter2"));
    assert_eq!(
        item(&made, "paid").place,
        "state.json:7 aws_cloudwatch_event_rule.paid"
    );
    let close = object(&made, "close");
    assert!(
        close.contains("start: \"2026-07-01T00:00:00\"\nenabled: false"),
        "{close}"
    );
    let text = "content-type: text/plain\n        text: \"close, please\"";
    assert!(made.configuration.contains(text), "{}", made.configuration);
    assert_eq!(item(&made, "close").verdict, Verdict::Exact);
    assert!(
        item(&made, "close")
            .place
            .contains("module.billing.aws_scheduler_schedule.close")
    );
}

/// What EventBridge does where nothing is said is the same as saying it.
#[test]
fn retries_are_one_less_than_attempts() {
    for (said, attempts) in [
        ("", 186),
        (r#", "RetryPolicy": {}"#, 186),
        (r#", "RetryPolicy": { "MaximumRetryAttempts": 185 }"#, 186),
        (r#", "RetryPolicy": { "MaximumRetryAttempts": 0 }"#, 1),
    ] {
        let text = format!(
            r#"{{"Name": "r", "EventPattern": "{{\"source\": [\"s\"]}}",
            "Targets": [{{ "Id": "1", "Arn": "arn:aws:lambda:eu-west-1:123456789012:function:f"{said} }}]}}"#
        );
        let made = object(&import(&[("f.json", &text)], &Options::default()), "r");
        let told = format!("preset: event-bridge\nmax-attempts: {attempts}\n");
        assert!(made.contains(&told), "{said}\n{made}");
    }
}

#[test]
fn an_api_is_called_by_the_domain_of_its_region() {
    for (partition, region, domain) in [
        ("aws", "eu-west-1", "amazonaws.com"),
        ("aws-cn", "cn-north-1", "amazonaws.com.cn"),
    ] {
        let text = format!(
            r#"{{"Name": "r", "EventPattern": "{{\"source\": [\"s\"]}}",
            "Targets": [{{ "Id": "1", "Arn": "arn:{partition}:execute-api:{region}:123456789012:api/prod/POST/orders" }}]}}"#
        );
        let made = object(&import(&[("f.json", &text)], &Options::default()), "r");
        let url = format!("https://api.execute-api.{region}.{domain}/prod/orders");
        assert!(made.contains(&url), "{url}\n{made}");
    }
}

/// Terraform does not write all names with the letters of CloudFormation.
#[test]
fn blocks_of_terraform_are_read_by_their_names() {
    let state = r#"{ "version": 4, "terraform_version": "1.9.0", "resources": [{ "mode": "managed", "type": "aws_scheduler_schedule", "name": "s",
        "instances": [{ "attributes": { "name": "s", "schedule_expression": "cron(0 2 * * ? *)", "flexible_time_window": [{ "mode": "OFF" }],
            "target": [{ "arn": "arn:aws:events:eu-west-1:123456789012:event-bus/shop", "input": "{}",
                "eventbridge_parameters": [{ "source": "shop", "detail_type": "Night" }] }] } }] }] }"#;
    let made = import_with(
        "aws-event-bridge",
        &[("state.json", state)],
        &Options::default(),
    );
    let s = made.configuration;
    assert!(s.contains("source: shop\n      detail-type: Night"), "{s}");
    assert_eq!(made.report.rules.exact, 1, "{:?}", made.report);
}

/// An event by the clock has no account and no region, and another id.
#[test]
fn what_a_scheduled_target_asks_of_its_event_is_told_where_it_differs() {
    use Verdict::{Changed, Exact};
    for (settings, verdict) in [
        (r#""Input": "{}""#, Exact),
        (r#""InputPath": "$.detail""#, Exact),
        (r#""InputPath": "$.time""#, Exact),
        (r#""InputPath": "$""#, Changed),
        (r#""InputPath": "$.account""#, Changed),
        (r#""InputPath": "$.region""#, Changed),
        (r#""InputPath": "$.resources[0]""#, Changed),
        (
            r#""InputTransformer": { "InputPathsMap": { "t": "$.time" }, "InputTemplate": "{\"a\": <t>}" }"#,
            Exact,
        ),
        (
            r#""InputTransformer": { "InputPathsMap": { "i": "$.id" }, "InputTemplate": "{\"a\": <i>}" }"#,
            Changed,
        ),
        (
            r#""InputTransformer": { "InputPathsMap": {}, "InputTemplate": "{\"a\": <aws.events.event>}" }"#,
            Changed,
        ),
    ] {
        let text = format!(
            r#"{{"Name": "r", "ScheduleExpression": "cron(0 2 * * ? *)",
            "Targets": [{{ "Id": "1", "Arn": "arn:aws:lambda:eu-west-1:123456789012:function:f", {settings} }}]}}"#
        );
        let made = import(&[("f.json", &text)], &Options::default());
        assert_eq!(
            item(&made, "r").verdict,
            verdict,
            "{settings}\n{}",
            made.report.text()
        );
    }
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let files = [
        ("shop.yaml", SHOP),
        ("rules.json", RULES),
        ("state.json", STATE),
    ];
    let [first, second] = [(); 2].map(|()| import(&files, &Options::default()));
    assert_eq!(first.configuration, second.configuration);
    assert_eq!(first.report.markdown(), second.report.markdown());
    assert_eq!(first.report.text(), second.report.text());
}

const CUSTOM: &str = r#"
Resources:
  Orders:
    Type: AWS::EventsV2::EventBus
    Properties:
      Name: orders
      StorageConfiguration: { RetentionPeriodInDays: 14 }
  Billing:
    Type: AWS::EventsV2::Subscriber
    Properties:
      Name: billing
      EventBusArn: !Ref Orders
      FilterConfiguration:
        Filters:
          - { Scope: DATA, Pattern: '{"detail-type":["OrderPlaced"]}' }
          - { Scope: SYSTEM_METADATA, Pattern: '{"aws:Source":["shop"]}' }
      InvokeConfiguration:
        TargetArn: arn:aws:sqs:eu-west-1:123456789012:billing
        RoleArn: arn:aws:iam::123456789012:role/deliver
      RetryPolicy: { MaxRetryAttempts: 10 }
      LogConfiguration: { Level: ERROR }
  Charge:
    Type: AWS::EventsV2::Subscriber
    Properties:
      Name: charge
      EventBusArn: !Ref Orders
      FilterConfiguration:
        Filters: [{ Scope: DATA, Pattern: '{"total":[{"numeric":[">",500]}]}' }]
      Transformer:
        Type: JSONATA
        JsonataConfiguration: { Expression: '{% { "id": $events.Data.orderId, "by": "bus" } %}' }
      InvokeConfiguration:
        TargetArn: arn:aws:lambda:eu-west-1:123456789012:function:charge
        RoleArn: arn:aws:iam::123456789012:role/deliver
        LambdaParameters: { InvocationType: EVENT, Qualifier: live }
  Clicks:
    Type: AWS::EventsV2::Subscriber
    Properties:
      Name: clicks
      EventBusArn: !Ref Orders
      Transformer:
        Type: JSONATA
        JsonataConfiguration: { Expression: '{% $events.Data.detail %}' }
      InvokeConfiguration:
        TargetArn: arn:aws:kinesis:eu-west-1:123456789012:stream/clicks
        RoleArn: arn:aws:iam::123456789012:role/deliver
        KinesisParameters: { PartitionKey: '{% $events.Data.detail.user %}' }
  Tenant:
    Type: AWS::EventsV2::Subscriber
    Properties:
      Name: tenant
      EventBusArn: !Ref Orders
      FilterConfiguration: { Filters: [{ Scope: METADATA, Pattern: '{"tenant":["a"]}' }] }
      InvokeConfiguration: { TargetArn: "arn:aws:sqs:eu-west-1:123456789012:t", RoleArn: r }
  Sum:
    Type: AWS::EventsV2::Subscriber
    Properties:
      Name: sum
      EventBusArn: !Ref Orders
      Transformer:
        Type: JSONATA
        JsonataConfiguration: { Expression: '{% $sum($events.Data.detail.items.price) %}' }
      InvokeConfiguration: { TargetArn: "arn:aws:sqs:eu-west-1:123456789012:t", RoleArn: r }
  Off:
    Type: AWS::EventsV2::Subscriber
    Properties:
      Name: "off"
      EventBusArn: !Ref Orders
      State: STOPPED
      InvokeConfiguration: { TargetArn: "arn:aws:sqs:eu-west-1:123456789012:t", RoleArn: r }
"#;

/// Custom event buses of 2026: a subscriber has what a rule and its target have.
#[test]
fn subscribers_of_custom_event_buses() {
    let made = import(&[("custom.yaml", CUSTOM)], &options());
    let verdict = |name: &str| {
        (
            item(&made, name).targets.first().map(|t| t.verdict),
            item(&made, name).verdict,
        )
    };
    assert_eq!(
        verdict("billing"),
        (Some(Verdict::Exact), Verdict::Exact),
        "{}",
        made.report.text()
    );
    assert_eq!(verdict("charge").1, Verdict::Changed);
    assert_eq!(verdict("clicks").1, Verdict::Changed);
    assert_eq!(verdict("tenant"), (None, Verdict::Impossible));
    assert_eq!(verdict("sum"), (None, Verdict::Impossible));
    assert_eq!(verdict("off").1, Verdict::Changed);
    assert!(
        !made.configuration.contains("  off:"),
        "{}",
        made.configuration
    );
    assert!(object(&made, "orders").starts_with("retention: \"14d\""));
    let wanted: [(&str, &[&str]); 3] = [
        (
            "billing",
            &[
                "stream: orders\n",
                "all:\n- event-bridge:\ndetail-type: [OrderPlaced]\n- event-bridge:\nsource: [shop]\n",
                "payload: data\n",
                "max-age: \"300s\"\n",
                "max-attempts: 11\n",
            ],
        ),
        (
            "charge",
            &[
                // It was published without an envelope.
                "event-bridge:\ndetail:\ntotal:",
                "v0: \"$.detail.orderId\"",
                "[{\\\"id\\\": <v0>, \\\"by\\\": \\\"bus\\\"}]",
                "function: \"arn:aws:lambda:eu-west-1:123456789012:function:charge:live\"",
            ],
        ),
        (
            "clicks",
            &[
                "input-path: \"$.detail\"",
                "[\\\"user\\\"] | default(event.id) }}",
            ],
        ),
    ];
    for (name, lines) in wanted {
        let own = object(&made, name);
        for line in lines {
            assert!(own.contains(line), "{line}\n{own}");
        }
    }
    let steps = made.report.steps.join("\n");
    assert!(steps.contains("aws eventsv2 create-subscriber"), "{steps}");
}

#[test]
fn custom_event_buses_by_the_command_line() {
    let bus = "arn:aws:events:eu-west-1:123456789012:event-busv2/orders/abcdefghijklmnopqrstuvwxy";
    let listed = format!(
        r#"{{ "Subscribers": [{{ "SubscriberArn": "arn:aws:events:eu-west-1:123456789012:subscriber/s/a", "Name": "s", "EventBusArn": "{bus}",
            "TargetArn": "arn:aws:sqs:eu-west-1:123456789012:q", "State": "RUNNING", "Type": "UNORDERED" }}] }}"#
    );
    let made = import(&[("list.json", &listed)], &options());
    assert!(
        made.report.text().contains("describe-subscriber"),
        "{}",
        made.report.text()
    );
    let told = format!(
        r#"{{ "SubscriberArn": "arn:aws:events:eu-west-1:123456789012:subscriber/s/a", "Name": "s", "EventBusArn": "{bus}", "State": "RUNNING",
            "Type": "FIFO", "InvokeConfiguration": {{ "TargetArn": "arn:aws:sqs:eu-west-1:123456789012:q", "RoleArn": "r" }},
            "RetryPolicy": {{ "MaxRetryAttempts": 5, "MaxEventAgeInSeconds": 300, "RetryStrategy": "ALL" }} }}
           {{ "EventBusArn": "{bus}", "Name": "orders", "State": "ACTIVE", "StorageConfiguration": {{ "RetentionPeriodInDays": 7 }} }}"#
    );
    let made = import(&[("list.json", &listed), ("told.json", &told)], &options());
    let subscriber = item(&made, "s");
    assert_eq!(
        subscriber.verdict,
        Verdict::Changed,
        "{}",
        made.report.text()
    );
    assert_eq!(subscriber.notes[0].field, "Type");
    assert_eq!(subscriber.targets[0].verdict, Verdict::Exact);
    assert!(object(&made, "orders").contains("retention: \"7d\""));
}

#[test]
fn what_a_subscriber_says_of_retries_is_read_or_told() {
    let text = r#"{ "SubscriberArn": "arn:aws:events:eu-west-1:123456789012:subscriber/s/a", "Name": "s", "State": "RUNNING",
        "EventBusArn": "arn:aws:events:eu-west-1:123456789012:event-busv2/orders/x", "Type": "UNORDERED",
        "InvokeConfiguration": { "TargetArn": "arn:aws:sqs:eu-west-1:123456789012:q", "RoleArn": "r" },
        "RetryPolicy": { "MaxRetryAttempts": 2, "RetryStrategy": "THROTTLING", "Jitter": "NONE" } }"#;
    let made = import(&[("told.json", text)], &options());
    let notes = item(&made, "s").notes.iter();
    let changed = notes.filter(|note| note.kind == Kind::Changed);
    let told: Vec<_> = changed.map(|note| &note.field).collect();
    assert_eq!(told, ["RetryPolicy.RetryStrategy", "RetryPolicy.Jitter"]);
    assert!(object(&made, "s").contains("max-attempts: 3\nmax-age: \"300s\""));
    // It counts for `--deny`.
    assert_eq!(
        (made.report.rules.changed, made.report.targets.exact),
        (1, 1)
    );
}

/// What CloudFormation looks up where it is deployed is no text that could be sent.
#[test]
fn dynamic_references_are_variables() {
    let template = r#"
Resources:
  Partner:
    Type: AWS::Events::Connection
    Properties:
      AuthorizationType: OAUTH_CLIENT_CREDENTIALS
      AuthParameters:
        OAuthParameters:
          AuthorizationEndpoint: https://partner.example.com/token
          HttpMethod: POST
          ClientParameters:
            ClientID: '{{resolve:secretsmanager:partner:SecretString:client}}'
            ClientSecret: '{{resolve:secretsmanager:partner:SecretString:secret}}'
          OAuthHttpParameters:
            BodyParameters: [{ Key: grant_type, Value: password, IsValueSecret: true }]
  Orders:
    Type: AWS::Events::ApiDestination
    Properties:
      ConnectionArn: !GetAtt Partner.Arn
      HttpMethod: POST
      InvocationEndpoint: !Sub 'https://{{resolve:ssm:/partner/${AWS::Region}/host}}/orders'
  Placed:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: { source: [shop] }
      Targets: [{ Id: partner, Arn: !GetAtt Orders.Arn }]
"#;
    let made = import(&[("partner.yaml", template)], &options());
    let told = made.report.text();
    let partner = object(&made, "placed");
    assert!(partner.contains("url: \"https://${env:"), "{partner}");
    assert!(
        partner.contains("client-id: \"${env:PARTNER_CLIENT}\""),
        "{partner}"
    );
    assert!(!made.configuration.contains("resolve:"), "{partner}");
    assert!(
        told.contains(
            "PARTNER_CLIENT: what Secrets Manager has as `partner:SecretString:client` (a secret)"
        ),
        "{told}"
    );
    assert!(
        told.contains("what Parameter Store has as `/partner/eu-west-1/host`"),
        "{told}"
    );
    assert!(
        told.contains("BodyParameters.grant_type`: the server of tokens is asked with"),
        "{told}"
    );
}

#[test]
fn what_sam_makes_beside_a_function_is_a_target() {
    let template = r#"
Transform: AWS::Serverless-2016-10-31
Resources:
  Charge:
    Type: AWS::Serverless::Function
    Properties: { FunctionName: charge, AutoPublishAlias: live }
  Placed:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: { source: [shop] }
      Targets:
        - { Id: a, Arn: !Sub '${Charge.Alias}' }
        - { Id: b, Arn: !Ref Charge.Alias }
        - { Id: c, Arn: !Sub '${Charge.Version}' }
"#;
    let made = import(&[("shop.yaml", template)], &options());
    let function = "function: \"arn:aws:lambda:eu-west-1:123456789012:function:charge";
    for (name, end) in [
        ("placed-a", ":live\""),
        ("placed-b", ":live\""),
        ("placed-c", "\""),
    ] {
        let target = object(&made, name);
        assert!(target.contains(&format!("{function}{end}")), "{target}");
    }
}

/// Settings are tried with the examples of what is open: those have to have the right form.
#[test]
fn what_is_open_has_an_example_of_the_right_form() {
    let long = "Charge".repeat(20);
    let template = format!(
        r#"
Parameters:
  Endpoint: {{ Type: String }}
Resources:
  {long}: {{ Type: AWS::Lambda::Function }}
  Partner:
    Type: AWS::Events::Connection
    Properties:
      AuthorizationType: BASIC
      AuthParameters: {{ BasicAuthParameters: {{ Username: shop, Password: x }} }}
  Orders:
    Type: AWS::Events::ApiDestination
    Properties: {{ ConnectionArn: !GetAtt Partner.Arn, HttpMethod: POST, InvocationEndpoint: !Ref Endpoint }}
  Placed:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {{ source: [shop] }}
      Targets:
        - {{ Id: a, Arn: !GetAtt {long}.Arn }}
        - {{ Id: b, Arn: !GetAtt Orders.Arn }}
        - {{ Id: c, Arn: !Sub 'arn:aws:events:${{AWS::Region}}:${{AWS::AccountId}}:target/create-snapshot' }}
"#
    );
    let made = import(&[("shop.yaml", &template)], &options());
    let variables = made.report.variables.iter();
    let examples: Vec<&str> = variables.map(|v| v.example.as_str()).collect();
    let name = |example: &&str| {
        example
            .rsplit_once(":function:")
            .map(|(_, name)| name.len())
    };
    assert_eq!(examples.iter().find_map(name), Some(64), "{examples:?}");
    assert!(
        examples.contains(&"https://api.example.com/events"),
        "{examples:?}"
    );
    let told = made.report.text();
    assert!(told.contains("there is no sink for calls of EC2"), "{told}");
}
