//! The messages of `cloudevents.proto`, package `io.cloudevents.v1`.

use bytes::Bytes;

/// `CloudEvent`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Message {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, tag = "2")]
    pub(super) source: String,
    #[prost(string, tag = "3")]
    pub(super) spec_version: String,
    #[prost(string, tag = "4")]
    pub(super) ty: String,
    /// A map is a list of entries on the wire; as a list it keeps order and shows repetitions.
    #[prost(message, repeated, tag = "5")]
    pub(super) attributes: Vec<Attr>,
    #[prost(oneof = "Payload", tags = "6, 7, 8")]
    pub(super) data: Option<Payload>,
}

/// `CloudEvent.data`
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Payload {
    #[prost(bytes = "bytes", tag = "6")]
    Binary(Bytes),
    #[prost(string, tag = "7")]
    Text(String),
    #[prost(message, tag = "8")]
    Proto(Any),
}

/// An entry of `CloudEvent.attributes`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Attr {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Value>,
}

/// `CloudEventAttributeValue`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Value {
    #[prost(oneof = "AttrValue", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(super) attr: Option<AttrValue>,
}

/// `CloudEventAttributeValue.attr`
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum AttrValue {
    #[prost(bool, tag = "1")]
    Boolean(bool),
    #[prost(int32, tag = "2")]
    Integer(i32),
    #[prost(string, tag = "3")]
    String(String),
    #[prost(bytes = "bytes", tag = "4")]
    Bytes(Bytes),
    #[prost(string, tag = "5")]
    Uri(String),
    #[prost(string, tag = "6")]
    UriRef(String),
    #[prost(message, tag = "7")]
    Timestamp(Instant),
}

/// `google.protobuf.Timestamp`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Instant {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Any {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) value: Bytes,
}

/// `CloudEventBatch`; on the wire a message and a byte string look the same, and each event is read
/// on its own.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Batch {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) events: Vec<Bytes>,
}
