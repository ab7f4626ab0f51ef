//! The log of one shard: segments of commit groups of records.
//!
//! An offset is a logical byte address: the sum of the lengths of all groups before it. A segment
//! file holds a header and then the log from its base offset on; what follows the last group is
//! zero or a remnant of an earlier incarnation, which epochs and seeded checksums keep from being
//! read.

mod content;
mod group;
mod reader;
mod recovery;
mod segment;
mod tail;
mod writer;

#[cfg(any(test, feature = "testkit"))]
pub(crate) use group::GROUP;
#[cfg(feature = "testkit")]
pub(crate) use group::RECORD;
pub(crate) use group::{BODY_MAX, Body, Builder, Record, checksum, decode_ops, encode_ops};
pub(crate) use reader::Reader;
pub(crate) use recovery::{Known, recover};
pub(crate) use segment::DATA;
#[cfg(feature = "testkit")]
pub(crate) use segment::HEADER;
pub(crate) use segment::{Segment, Summary};
pub(crate) use writer::{Log, Resume, failed, refused};
