//! Services that hand over records and want to be told of each.

use super::answer::{Told, one_way};
use super::read::id;
use crate::crew::{End, Ends, worst};
use crate::{Event, Outcome};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// Firehose: the reply's data takes the place of the record's.
    Transformation,
    /// Kinesis Data Analytics: its output is delivered.
    Output,
    /// S3 Batch Operations: tasks on objects.
    Tasks,
}

/// What is kept of a record until it is told of.
pub(crate) struct Record {
    id: Option<String>,
    data: Value,
}

impl Service {
    pub(crate) fn record(self, carrier: &Event) -> Record {
        match self {
            Service::Tasks => Record {
                id: id(carrier, "taskId"),
                data: Value::Null,
            },
            Service::Output => Record {
                id: id(carrier, "recordId"),
                data: Value::Null,
            },
            Service::Transformation => Record {
                id: id(carrier, "recordId"),
                data: carrier
                    .data_json()
                    .map(|data| data["data"].clone())
                    .unwrap_or_default(),
            },
        }
    }

    /// The document that tells of each; `payload` is what was asked.
    pub(crate) fn tell(self, payload: &[u8], records: Vec<Record>, ends: Ends) -> Told {
        let again = |end: &End| !end.is_taken() && !end.is_rejected();
        // Firehose gives a record up that it is told of; only the whole can be asked for again.
        let whole = self == Service::Transformation && ends.iter().flatten().any(again);
        if whole || records.iter().any(|record| record.id.is_none()) {
            return one_way(ends);
        }
        let told: Vec<Value> = records
            .into_iter()
            .zip(ends)
            .map(|(record, ends)| self.one(record, worst(vec![ends])))
            .collect();
        let mut document = Map::new();
        if self == Service::Tasks {
            let asked: Value = serde_json::from_slice(payload).unwrap_or_default();
            for name in ["invocationSchemaVersion", "invocationId"] {
                document.insert(name.into(), asked[name].clone());
            }
            document.insert("treatMissingKeysAs".into(), "PermanentFailure".into());
            document.insert("results".into(), told.into());
        } else {
            document.insert("records".into(), told.into());
        }
        Told::value(&Value::Object(document))
    }

    fn one(self, Record { id, data }: Record, end: End) -> Value {
        match self {
            Service::Transformation => {
                let (result, data) = match &end {
                    End::Done(Outcome::Reply(reply)) => {
                        let bytes = reply.data().map(|data| data.bytes.clone());
                        ("Ok", STANDARD.encode(bytes.unwrap_or_default()).into())
                    }
                    end if end.is_taken() => ("Ok", data),
                    _ => ("ProcessingFailed", data),
                };
                json!({ "recordId": id, "result": result, "data": data })
            }
            Service::Output => {
                let result = match end.is_taken() {
                    true => "Ok",
                    false => "DeliveryFailed",
                };
                json!({ "recordId": id, "result": result })
            }
            Service::Tasks => {
                let code = match &end {
                    end if end.is_taken() => "Succeeded",
                    end if end.is_rejected() => "PermanentFailure",
                    _ => "TemporaryFailure",
                };
                let text = match &end {
                    End::Done(Outcome::Reply(reply)) => {
                        reply.data().map_or_else(String::new, |data| {
                            String::from_utf8_lossy(&data.bytes).into_owned()
                        })
                    }
                    end => end.reason().to_owned(),
                };
                json!({ "taskId": id, "resultCode": code, "resultString": text })
            }
        }
    }
}
