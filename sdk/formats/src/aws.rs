//! Amazon Web Services. CloudEvents has documents for S3 and SNS; the rest is a table of our own.

mod answer;
mod gateway;
mod queue;
mod record;
mod service;

use crate::Spec;

/// In the order in which they are looked for: the specific ones first.
pub(crate) const SPECS: &[&[Spec<'static>]] = &[
    queue::BY_HEADER,
    record::SPECS,
    queue::SPECS,
    gateway::SPECS,
    service::SPECS,
    answer::SPECS,
];

/// The id of an invocation where nothing in the payload identifies it: Lambda repeats it when it
/// tries again. Elsewhere the digest of the payload.
const INVOCATION: &[&str] = &["{@lambda-runtime-aws-request-id|#}"];
