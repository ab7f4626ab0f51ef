//! CouchDB, by the CloudEvents adapter document. Its `time` is the time of reading, which a repetition
//! would not have: there is none here. Server and database are not in a feed either, so the source is
//! `couchdb`; a `mapping` of the configuration can name them.

use crate::Clue::Has;
use crate::{Clue, Spec};

const DOCUMENT: Spec<'static> = Spec {
    after: "CloudEvents adapter document couchdb, `_changes`",
    // With `seq_interval` most changes have no `seq`: which do may differ at a repetition.
    id: &["{id}.{changes.0.rev}"],
    source: &["couchdb"],
    ty: &[
        "org.apache.couchdb.document.{deleted~maptrue=deleted}",
        "org.apache.couchdb.document.updated",
    ],
    subject: &["{id}"],
    ..Spec::NONE
};

const DATABASE: Spec<'static> = Spec {
    after: "CloudEvents adapter document couchdb, `_db_updates`",
    id: &["{seq}"],
    source: &["couchdb"],
    ty: &["org.apache.couchdb.database.{type}"],
    subject: &["{db_name}"],
    ..Spec::NONE
};

const fn row(
    of: Spec<'static>,
    name: &'static str,
    clues: &'static [Clue<'static>],
    each: Option<&'static str>,
) -> Spec<'static> {
    Spec {
        name,
        clues,
        each,
        ..of
    }
}

#[rustfmt::skip]
pub(super) const SPECS: &[Spec<'static>] = &[
    row(DOCUMENT, "couchdb", &[Has("results.0.id"), Has("results.0.changes.0.rev")], Some("results")),
    row(DOCUMENT, "couchdb-change", &[Has("seq"), Has("id"), Has("changes.0.rev")], None),
    row(DATABASE, "couchdb-databases", &[Has("results.0.db_name"), Has("results.0.type")], Some("results")),
    row(DATABASE, "couchdb-database", &[Has("db_name"), Has("seq"), Has("type")], None),
];
