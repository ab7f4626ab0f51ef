//! The envelopes, filled from an event.

use super::Unrenderable;
use super::parts::{Parts, object, quoted};
use tradewind_event::Event;

/// Makes a message of an event and its parts; the text is what it is said to come from.
pub(super) type Envelope = fn(&Event, &Parts, &str) -> Result<Vec<u8>, Unrenderable>;

/// Region and account of an ARN.
fn place(arn: &str) -> [&str; 2] {
    let mut fields = arn.split(':').skip(3);
    [fields.next(), fields.next()].map(Option::unwrap_or_default)
}

/// An extension attribute, or what stands in for it.
fn extension(event: &Event, name: &str, otherwise: &str) -> String {
    event.attribute(name).map_or_else(
        || otherwise.to_owned(),
        |value| value.to_canonical().into_owned(),
    )
}

fn time(event: &Event) -> Result<&str, Unrenderable> {
    event.time_text().ok_or(Unrenderable::NoTime)
}

/// Milliseconds since the Unix epoch.
fn millis(event: &Event) -> Result<i64, Unrenderable> {
    let time = event.time().ok_or(Unrenderable::NoTime)?;
    Ok(time.seconds * 1000 + i64::from(time.nanos / 1_000_000))
}

/// What order is kept by: `partitionkey`, else the subject, else the id.
fn key(event: &Event) -> String {
    extension(
        event,
        "partitionkey",
        event.subject().unwrap_or_else(|| event.id()),
    )
}

fn nested(members: &[(&str, String)]) -> String {
    let members = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

pub(super) fn event_bridge(
    event: &Event,
    parts: &Parts,
    arn: &str,
) -> Result<Vec<u8>, Unrenderable> {
    let [region, account] = place(arn);
    let resources = event.subject().map(quoted).unwrap_or_default();
    Ok(object(
        &[
            ("version", quoted("0")),
            ("id", quoted(event.id())),
            ("detail-type", quoted(event.ty())),
            ("source", quoted(event.source())),
            ("account", quoted(&extension(event, "awsaccount", account))),
            ("time", quoted(time(event)?)),
            ("region", quoted(&extension(event, "awsregion", region))),
            ("resources", format!("[{resources}]")),
            ("detail", parts.object()?.to_owned()),
        ],
        &parts.kept(),
    ))
}

pub(super) fn event_grid(event: &Event, parts: &Parts, _: &str) -> Result<Vec<u8>, Unrenderable> {
    let mut members = vec![
        ("id", quoted(event.id())),
        ("topic", quoted(event.source())),
        ("subject", quoted(event.subject().unwrap_or_default())),
        ("eventType", quoted(event.ty())),
        ("eventTime", quoted(time(event)?)),
    ];
    members.extend(parts.value()?.map(|data| ("data", data.into_owned())));
    members.push((
        "dataVersion",
        quoted(&extension(event, "dataversion", "1.0")),
    ));
    members.push(("metadataVersion", quoted("1")));
    Ok(object(&members, &parts.kept()))
}

pub(super) fn sqs(event: &Event, parts: &Parts, arn: &str) -> Result<Vec<u8>, Unrenderable> {
    let sent = quoted(&millis(event)?.to_string());
    let attributes = nested(&[
        ("ApproximateReceiveCount", quoted("1")),
        ("SentTimestamp", sent.clone()),
        ("SenderId", quoted(place(arn)[1])),
        ("ApproximateFirstReceiveTimestamp", sent),
    ]);
    Ok(object(
        &[
            ("messageId", quoted(event.id())),
            ("receiptHandle", quoted("")),
            ("body", parts.text()?),
            ("attributes", attributes),
            ("messageAttributes", "{}".to_owned()),
            ("eventSource", quoted("aws:sqs")),
            ("eventSourceARN", quoted(arn)),
            ("awsRegion", quoted(place(arn)[0])),
        ],
        &parts.kept(),
    ))
}

pub(super) fn sns(event: &Event, parts: &Parts, arn: &str) -> Result<Vec<u8>, Unrenderable> {
    let subject = event.subject().map_or_else(|| "null".to_owned(), quoted);
    let message = nested(&[
        ("Type", quoted("Notification")),
        ("MessageId", quoted(event.id())),
        ("TopicArn", quoted(arn)),
        ("Subject", subject),
        ("Message", parts.text()?),
        ("Timestamp", quoted(time(event)?)),
        ("MessageAttributes", "{}".to_owned()),
    ]);
    Ok(object(
        &[
            ("EventVersion", quoted("1.0")),
            ("EventSource", quoted("aws:sns")),
            ("EventSubscriptionArn", quoted(arn)),
            ("Sns", message),
        ],
        &parts.kept(),
    ))
}

pub(super) fn kinesis(event: &Event, parts: &Parts, arn: &str) -> Result<Vec<u8>, Unrenderable> {
    let millis = millis(event)?;
    let sequence = extension(event, "sequence", "0");
    let record = nested(&[
        ("kinesisSchemaVersion", quoted("1.0")),
        ("partitionKey", quoted(&key(event))),
        ("sequenceNumber", quoted(&sequence)),
        ("data", quoted(&parts.base64())),
        (
            "approximateArrivalTimestamp",
            format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000)),
        ),
    ]);
    Ok(object(
        &[
            ("kinesis", record),
            ("eventSource", quoted("aws:kinesis")),
            ("eventVersion", quoted("1.0")),
            ("eventID", quoted(event.id())),
            ("eventName", quoted("aws:kinesis:record")),
            ("awsRegion", quoted(place(arn)[0])),
            ("eventSourceARN", quoted(arn)),
        ],
        &parts.kept(),
    ))
}

pub(super) fn pubsub(
    event: &Event,
    parts: &Parts,
    subscription: &str,
) -> Result<Vec<u8>, Unrenderable> {
    let time = quoted(time(event)?);
    // As the Pub/Sub binding of CloudEvents names them, in binary mode.
    let attributes: Vec<(String, String)> = event
        .attributes()
        .map(|(name, value)| {
            let name = match name {
                "datacontenttype" => "content-type".to_owned(),
                name => format!("ce-{name}"),
            };
            (name, quoted(&value.to_canonical()))
        })
        .collect();
    let attributes: Vec<(&str, String)> = attributes
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    let mut message = vec![
        ("attributes", nested(&attributes)),
        ("data", quoted(&parts.base64())),
        ("messageId", quoted(event.id())),
        ("message_id", quoted(event.id())),
        ("publishTime", time.clone()),
        ("publish_time", time),
    ];
    if event.attribute("partitionkey").is_some() {
        message.push(("orderingKey", quoted(&key(event))));
    }
    Ok(object(
        &[
            ("message", nested(&message)),
            ("subscription", quoted(subscription)),
        ],
        &parts.kept(),
    ))
}
