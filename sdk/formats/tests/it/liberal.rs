//! What senders write besides what their documentation shows: read, and named as the rest.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};
use tradewind_event::Event;
use tradewind_formats::{Format, Mapping, Message, Spec, decode};

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let entry = |(name, value): &(&'static str, &'static str)| {
        let name = HeaderName::from_static(name);
        (name, HeaderValue::from_static(value))
    };
    pairs.iter().map(entry).collect()
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Event>, tradewind_formats::Error> {
    let body = Bytes::copy_from_slice(body);
    let message = Message {
        headers,
        body: &body,
    };
    let events = decode(&message)?;
    for event in &events {
        assert_eq!(event.validate(), Ok(()));
    }
    Ok(events)
}

/// Each event as `type source id`.
fn named(headers: &HeaderMap, body: &[u8]) -> Vec<String> {
    let name = |event: &Event| format!("{} {} {}", event.ty(), event.source(), event.id());
    match read(headers, body) {
        Ok(events) => events.iter().map(name).collect(),
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(body)),
    }
}

fn alone(body: &Value) -> Vec<String> {
    named(&HeaderMap::new(), body.to_string().as_bytes())
}

#[test]
fn records_of_several_sources_keep_their_own() {
    let record = |id: &str, arn: &str| {
        json!({ "messageId": id, "receiptHandle": "r", "body": "\u{0}\u{1}", "attributes": {},
        "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": arn, "awsRegion": "eu-west-1" })
    };
    let first = record("1", "arn:aws:sqs:eu-west-1:1:a");
    let second = record("2", "arn:aws:sqs:eu-west-1:1:b");
    let expected = [
        "com.amazonaws.sqs.Message arn:aws:sqs:eu-west-1:1:a 1",
        "com.amazonaws.sqs.Message arn:aws:sqs:eu-west-1:1:b 2",
    ];
    assert_eq!(alone(&json!({ "Records": [first, second] })), expected);
    // As EventBridge Pipes hands them over: a list, or one.
    assert_eq!(alone(&json!([first, second])), expected);
    assert_eq!(alone(&first), expected[..1]);
}

#[test]
fn records_of_pipes_are_those_of_functions() {
    let kinesis = json!([{ "kinesisSchemaVersion": "1.0", "partitionKey": "k", "sequenceNumber": "495",
        "data": "AP8=", "approximateArrivalTimestamp": 1_545_084_650.987, "eventSource": "aws:kinesis",
        "eventVersion": "1.0", "eventID": "shardId-0:495", "eventName": "aws:kinesis:record",
        "eventSourceARN": "arn:aws:kinesis:us-east-2:1:stream/s" }]);
    let kafka = json!({ "eventSource": "aws:kafka", "eventSourceArn": "arn:aws:kafka:sa-east-1:1:cluster/v",
        "eventSourceKey": "mytopic-0", "topic": "mytopic", "partition": 0, "offset": 15,
        "timestamp": 1_545_084_650_987_u64, "timestampType": "CREATE_TIME", "key": "AP8=", "value": null, "headers": [] });
    let dynamodb = json!([{ "eventID": "1", "eventName": "INSERT", "eventSource": "aws:dynamodb",
        "dynamodb": { "ApproximateCreationDateTime": 1_545_084_650, "SequenceNumber": "111", "SizeBytes": 26 },
        "eventSourceARN": "arn:aws:dynamodb:us-west-2:1:table/T/stream/1" }]);
    for (body, expected) in [
        (
            kinesis,
            "com.amazonaws.kinesis.Record arn:aws:kinesis:us-east-2:1:stream/s shardId-0:495",
        ),
        (
            kafka,
            "com.amazonaws.kafka.Record arn:aws:kafka:sa-east-1:1:cluster/v mytopic-0-15",
        ),
        (
            dynamodb,
            "com.amazonaws.dynamodb.INSERT arn:aws:dynamodb:us-west-2:1:table/T/stream/1 1",
        ),
    ] {
        assert_eq!(alone(&body), [expected]);
    }
}

#[test]
fn what_is_missing_or_null_costs_an_attribute_and_no_event() {
    let table = [
        (
            json!({ "Records": [{ "eventSource": "aws:s3", "awsRegion": "", "eventName": "ObjectCreated:Put",
                "eventTime": null, "s3": { "bucket": { "name": "b" }, "object": { "key": "k", "size": null } } }] }),
            "com.amazonaws.s3.ObjectCreated:Put aws:s3.b",
        ),
        (
            json!({ "Records": [{ "eventSource": "ceph:s3", "awsRegion": "default", "eventName": "ObjectRemoved:Delete",
                "eventTime": "2024-05-01T00:00:00.0Z", "responseElements": { "x-amz-request-id": "r" },
                "s3": { "bucket": { "name": "b" }, "object": { "key": "k", "sequencer": "5" } } }] }),
            "io.ceph.ObjectRemoved:Delete ceph:s3.b",
        ),
        (
            json!([{ "id": "e", "eventType": "A.B", "eventTime": "2024-05-01T00:00:00Z", "subject": "", "topic": null,
                "data": null, "dataVersion": "" }]),
            "A.B azure:eventgrid e",
        ),
        (
            json!({ "id": "e", "eventType": "A.B", "eventTime": "2024-05-01T00:00:00Z", "subject": "",
                "data": 7, "dataVersion": "1" }),
            "A.B azure:eventgrid e",
        ),
        (
            json!({ "type": "event_callback", "api_app_id": "A1", "team_id": null, "enterprise_id": "E1",
                "event_id": "Ev1", "event_time": 1, "event": { "type": "team_access_granted" } }),
            "com.slack.team_access_granted https://slack.com/E1 Ev1",
        ),
        (
            json!({ "results": [{ "seq": null, "id": "doc", "changes": [{ "rev": "1-a" }] }], "last_seq": "5" }),
            "org.apache.couchdb.document.updated couchdb doc.1-a",
        ),
        (
            json!({ "specversion": "1.0", "id": "e", "type": "a.b", "subject": null, "dataschema": null,
                "source": "/subscriptions/{subscription-id}/x", "data": { "{": null } }),
            "a.b /subscriptions/%7Bsubscription-id%7D/x e",
        ),
        (
            json!([{ "specversion": "1.0", "id": "e", "type": "a.b", "source": "/{x}" }]),
            "a.b /%7Bx%7D e",
        ),
        (
            json!({ "specVersion": "1.0", "id": "e", "type": "a.b", "source": "/s", "operationId": "o", "data": {} }),
            "a.b /s e",
        ),
        (
            json!([{ "specVersion": "1.0", "id": "e", "type": "a.b", "source": "/s" }]),
            "a.b /s e",
        ),
    ];
    for (body, expected) in table {
        let seen = alone(&body);
        assert_eq!(seen.len(), 1, "{body}");
        assert!(seen[0].starts_with(expected), "{seen:?} {expected}");
    }
}

#[test]
fn a_byte_order_mark_is_overlooked() {
    for body in [
        r#"{"id":"1","detail-type":"d","source":"s","time":"2024-05-01T00:00:00Z","detail":{}}"#,
        r#"[{"id":"1","eventType":"d","eventTime":"2024-05-01T00:00:00Z","subject":"x","topic":"s"}]"#,
        r#"{"specversion":"1.0","id":"1","type":"d","source":"s"}"#,
    ] {
        let marked = format!("\u{feff}{body}");
        assert_eq!(named(&HeaderMap::new(), marked.as_bytes()), ["d s 1"]);
        let events = read(&HeaderMap::new(), marked.as_bytes()).unwrap();
        if let Some(data) = events[0].data() {
            let whole = body.trim_matches(['[', ']']);
            assert_eq!(&data.bytes[..], whole.as_bytes());
        }
    }
    let github = headers(&[
        ("x-github-event", "ping"),
        ("x-github-delivery", "1"),
        ("content-type", "application/json"),
    ]);
    let events = read(&github, "\u{feff}{}".as_bytes()).unwrap();
    assert_eq!(&events[0].data().unwrap().bytes[..], b"{}");
    let twice = "\u{feff}\u{feff}{}";
    assert!(read(&HeaderMap::new(), twice.as_bytes()).is_err());
}

/// Bytes that are no text spoil the places where texts are looked for, and no others.
#[test]
fn bytes_beside_what_is_looked_for_are_kept() {
    let body =
        b"{\"id\":\"1\",\"detail-type\":\"d\",\"source\":\"s\",\"detail\":{\"x\":\"\xff\xfe\"}}";
    let events = read(&HeaderMap::new(), body).unwrap();
    assert_eq!(&events[0].data().unwrap().bytes[..], body);
}

#[test]
fn media_types_that_are_none_lose_no_event() {
    let unwrapped = headers(&[
        ("x-goog-pubsub-message-id", "7"),
        (
            "x-goog-pubsub-subscription-name",
            "projects/p/subscriptions/s",
        ),
        ("content-type", "text/plain; charset"),
    ]);
    let events = read(&unwrapped, b"hi").unwrap();
    assert_eq!(
        events[0].data_content_type(),
        Some("application/octet-stream")
    );
    let form = headers(&[("content-type", "application/x-www-form-urlencoded; ;")]);
    let events = read(&form, b"AccountSid=AC1&MessageSid=SM1&SmsStatus=sent").unwrap();
    assert_eq!(events[0].ty(), "com.twilio.message.sent");
    // And a source that is none beside one.
    let spec = Spec {
        name: "x",
        source: &["{s}"],
        ty: &["t"],
        ..Spec::NONE
    };
    let body = Bytes::from("s=7: a");
    let message = Message {
        headers: &form,
        body: &body,
    };
    let events = Mapping::new(&spec).unwrap().decode(&message).unwrap();
    assert_eq!(events[0].source(), "7%3A%20a");
}

/// Kinds of payloads that no folder of conformance data holds, each as small as it can be.
#[test]
fn rarer_payloads_have_names_of_their_own() {
    let table = [
        (
            json!({ "object_kind": "merge_request", "object_attributes": { "iid": 1, "created_at": "2013-12-03T17:23:34Z",
                "target": { "homepage": "https://lab.example/a/b", "http_url": "https://lab.example/a/b.git" } } }),
            "com.gitlab.merge_request https://lab.example/a/b ",
        ),
        (
            json!({ "event_name": "tag_push", "ref": "refs/tags/v1", "checkout_sha": "5937",
                "project": { "web_url": "https://lab.example/a/b" } }),
            "com.gitlab.tag_push https://lab.example/a/b ",
        ),
        (
            json!({ "hook_name": "merge_request_hooks", "hook_id": 7, "action": "open", "pull_request": { "number": 9 },
                "repository": { "html_url": "https://gitee.com/a/b" } }),
            "com.gitee.merge_request_hooks.open https://gitee.com/a/b ",
        ),
        (
            json!({ "userPoolId": "p", "region": "eu-west-1", "triggerSource": "", "userName": "u",
                "callerContext": { "clientId": "c" } }),
            "com.amazonaws.cognito.Trigger aws:cognito-idp:eu-west-1:p ",
        ),
        (
            json!({ "info": { "channel": { "path": "/a/b" }, "operation": "PUBLISH" }, "events": null,
                "request": { "headers": { "host": "x.appsync-api.example" } } }),
            "com.amazonaws.appsync.PUBLISH x.appsync-api.example ",
        ),
        (
            json!({ "InvocationMetadata": { "CampaignContext": { "CampaignId": "c", "RunId": "r", "ActionId": "a" } },
                "Items": { "CustomerProfiles": [] } }),
            "com.amazonaws.connectcampaigns.Batch aws:connect-campaigns:c r.",
        ),
        (
            json!({ "username": "u", "protocol": "SFTP", "serverId": "s-ab12", "sourceIp": "192.0.2.1" }),
            "com.amazonaws.transfer.Authorizer aws:transfer:s-ab12 ",
        ),
        (
            json!({ "header": { "payloadVersion": "1", "namespace": "Control", "name": "SwitchOnOffRequest" }, "payload": {} }),
            "com.amazon.Control.SwitchOnOffRequest aws:alexa ",
        ),
        (
            json!({ "sessionState": { "dialogAction": { "type": "Close" } }, "messages": [] }),
            "com.amazonaws.lambda.LexResponse aws:lambda ",
        ),
        (
            json!({ "AlarmName": "cpu", "AlarmArn": "arn:aws:cloudwatch:eu-west-1:1:alarm:cpu", "AWSAccountId": "1",
                "NewStateValue": "ALARM", "StateChangeTime": "2024-05-01T00:00:00.000+0000" }),
            "com.amazonaws.cloudwatch.alarm.ALARM arn:aws:cloudwatch:eu-west-1:1:alarm:cpu \
             arn:aws:cloudwatch:eu-west-1:1:alarm:cpu.2024-05-01T00:00:00.000+0000.ALARM",
        ),
        (
            json!({ "detail-type": "Order Placed", "source": "shop", "detail": {} }),
            "Order Placed shop ",
        ),
        (
            json!({ "httpMethod": "GET", "path": "/x", "requestContext": { "apiId": "a", "requestId": "r" } }),
            "com.amazonaws.apigateway.Request aws:execute-api:a r",
        ),
        (
            json!({ "id": "e", "publisherId": "tfs", "eventType": "git.push", "createdDate": "2024-05-01T00:00:00Z",
                "resourceContainers": { "project": { "id": "p-1" } } }),
            "com.microsoft.devops.git.push azure:devops:p-1 e",
        ),
        (
            json!({ "event": "meeting.started", "payload": { "account_id": "a", "object": { "id": 1 } } }),
            "us.zoom.meeting.started https://zoom.us/a ",
        ),
        (
            json!({ "receiver": "hook", "status": "firing", "alerts": [{ "status": "firing", "labels": { "alertname": "x" } }] }),
            "io.prometheus.alertmanager.firing alertmanager:hook ",
        ),
        (
            json!({ "kind": "List", "items": [{ "kind": "Event", "type": "Normal", "eventTime": "2024-05-01T00:00:00Z",
                "involvedObject": { "kind": "Pod", "name": "p" }, "metadata": { "uid": "u", "resourceVersion": "7", "namespace": "n" } }] }),
            "io.k8s.core.Event.Normal /api/v1/namespaces/n u.7",
        ),
        (
            json!({ "kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [{ "auditID": "a", "stage": "ResponseComplete",
                "verb": "get", "stageTimestamp": "2024-05-01T00:00:00Z", "objectRef": { "resource": "pods", "name": "p" } }] }),
            "io.k8s.audit.get.ResponseComplete /apis/audit.k8s.io/v1 a.ResponseComplete",
        ),
    ];
    for (body, expected) in table {
        let seen = alone(&body);
        assert_eq!(seen.len(), 1, "{body}");
        assert!(seen[0].starts_with(expected), "{seen:?} {expected}");
    }
}

/// Gitea calls itself by three names, Gogs by two.
#[test]
fn forges_are_told_by_the_name_that_is_theirs_alone() {
    let body = json!({ "action": "opened", "issue": { "number": 1 }, "repository": { "html_url": "https://git.example/a/b" } });
    let body = body.to_string();
    let all = [
        ("x-gitea-event", "issues"),
        ("x-gogs-event", "issues"),
        ("x-github-event", "issues"),
        ("x-github-delivery", "d"),
    ];
    for (from, expected) in [
        (0, "io.gitea.issues.opened https://git.example/a/b "),
        (1, "io.gogs.issues.opened https://git.example/a/b "),
    ] {
        let seen = named(&headers(&all[from..]), body.as_bytes());
        assert!(seen[0].starts_with(expected), "{seen:?}");
    }
    // The server product of Bitbucket, where an event has no links of its own.
    let bitbucket = headers(&[("x-event-key", "repo:modified"), ("x-request-uuid", "u")]);
    for (body, source) in [
        (
            json!({ "new": { "links": { "self": [{ "href": "https://bb.example/r" }] } } }),
            "https://bb.example/r",
        ),
        (
            json!({ "repository": { "slug": "r", "project": { "key": "PRJ" } } }),
            "PRJ/r",
        ),
    ] {
        let seen = named(&bitbucket, body.to_string().as_bytes());
        assert_eq!(seen, [format!("org.bitbucket.repo:modified {source} u")]);
    }
}

/// Names that nobody has heard of are taken as they are.
#[test]
fn new_names_are_kept() {
    let event = |source: &str| {
        json!({ "version": "0", "id": "1", "detail-type": "Brand New", "source": source, "account": "1",
            "time": "2031-05-01T00:00:00Z", "region": "mars-north-1", "resources": [], "detail": {} })
    };
    for (source, expected) in [
        ("aws.brandnew", "Brand New aws.brandnew 1"),
        ("com.acme: orders", "Brand New com.acme:%20orders 1"),
        ("7: orders", "Brand New 7%3A%20orders 1"),
        ("100%", "Brand New 100%25 1"),
        ("[a]#b#c", "Brand New %5Ba%5D%23b%23c 1"),
        (
            "bestellungen/größe",
            "Brand New bestellungen/gr%C3%B6%C3%9Fe 1",
        ),
    ] {
        assert_eq!(alone(&event(source)), [expected], "{source}");
    }
}

proptest! {
    /// Whatever a sender calls itself is a source, and whatever it says of its subject costs no event.
    #[test]
    fn any_text_becomes_an_attribute(source in ".{1,20}", subject in any::<String>(), time in "[ -~]{0,30}") {
        let spec = Spec { name: "x", source: &["{s}"], ty: &["t"], subject: &["{u}"], time: &["{t}"], ..Spec::NONE };
        let mapping = Mapping::new(&spec).unwrap();
        let headers = HeaderMap::new();
        let body = Bytes::from(json!({ "s": source, "u": subject, "t": time }).to_string());
        let decoded = mapping.decode(&Message { headers: &headers, body: &body });
        let fits = |c: char| !c.is_control() && !('\u{fdd0}'..='\u{fdef}').contains(&c) && u32::from(c) & 0xfffe != 0xfffe;
        match source.chars().all(fits) {
            true => {
                let event = decoded.unwrap().remove(0);
                prop_assert_eq!(event.validate(), Ok(()));
                let usable = !subject.is_empty() && subject.chars().all(fits);
                prop_assert_eq!(event.subject(), Some(&*subject).filter(|_| usable));
            }
            false => prop_assert!(decoded.is_err()),
        }
    }
}

/// Each format keeps to itself: what one provider documents is not taken for another's.
#[test]
fn lists_that_are_empty_are_no_events() {
    for (name, body) in [
        ("aws-sqs", "{\"Records\":[]}"),
        ("azure-event-grid", "[]"),
        ("sendgrid", "[]"),
    ] {
        let (headers, body) = (HeaderMap::new(), Bytes::from(body));
        let message = Message {
            headers: &headers,
            body: &body,
        };
        let events = Format::named(name).unwrap().decode(&message).unwrap();
        assert!(events.is_empty(), "{name}");
    }
}
