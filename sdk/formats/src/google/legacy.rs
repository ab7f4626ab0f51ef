//! Background functions of the first generation, renamed as the Functions Framework renames them.

use crate::Clue::{Has, Is};
use crate::{Clue, Spec};

/// One row: the old type, and what it is called since.
const fn row(
    name: &'static str,
    clues: &'static [Clue<'static>],
    ty: &'static [&'static str],
) -> Spec<'static> {
    Spec {
        name,
        after: "Functions Framework contract, \"Background event to CloudEvent\"",
        clues,
        id: &["{context.eventId}"],
        source: &[
            "//{context.resource.service}/{context.resource.name}",
            "//{context.resource}",
        ],
        ty,
        subject: &["{context.resource.name~after/objects/}"],
        time: &["{context.timestamp}"],
        ..Spec::NONE
    }
}

const TYPE: &str = "context.eventType";

pub(super) const SPECS: &[Spec<'static>] = &[
    row(
        "google-legacy-pubsub",
        &[Is(TYPE, "google.pubsub.topic.publish")],
        &["google.cloud.pubsub.topic.v1.messagePublished"],
    ),
    row(
        "google-legacy-storage-finalize",
        &[Is(TYPE, "google.storage.object.finalize")],
        &["google.cloud.storage.object.v1.finalized"],
    ),
    row(
        "google-legacy-storage-delete",
        &[Is(TYPE, "google.storage.object.delete")],
        &["google.cloud.storage.object.v1.deleted"],
    ),
    row(
        "google-legacy-storage-archive",
        &[Is(TYPE, "google.storage.object.archive")],
        &["google.cloud.storage.object.v1.archived"],
    ),
    row(
        "google-legacy-storage-metadata",
        &[Is(TYPE, "google.storage.object.metadataUpdate")],
        &["google.cloud.storage.object.v1.metadataUpdated"],
    ),
    row(
        "google-legacy-firestore-write",
        &[Is(
            TYPE,
            "providers/cloud.firestore/eventTypes/document.write",
        )],
        &["google.cloud.firestore.document.v1.written"],
    ),
    row(
        "google-legacy-firestore-create",
        &[Is(
            TYPE,
            "providers/cloud.firestore/eventTypes/document.create",
        )],
        &["google.cloud.firestore.document.v1.created"],
    ),
    row(
        "google-legacy-firestore-update",
        &[Is(
            TYPE,
            "providers/cloud.firestore/eventTypes/document.update",
        )],
        &["google.cloud.firestore.document.v1.updated"],
    ),
    row(
        "google-legacy-firestore-delete",
        &[Is(
            TYPE,
            "providers/cloud.firestore/eventTypes/document.delete",
        )],
        &["google.cloud.firestore.document.v1.deleted"],
    ),
    row(
        "google-legacy-auth-create",
        &[Is(TYPE, "providers/firebase.auth/eventTypes/user.create")],
        &["google.firebase.auth.user.v1.created"],
    ),
    row(
        "google-legacy-auth-delete",
        &[Is(TYPE, "providers/firebase.auth/eventTypes/user.delete")],
        &["google.firebase.auth.user.v1.deleted"],
    ),
    row(
        "google-legacy",
        &[Has(TYPE), Has("context.eventId")],
        &["{context.eventType}"],
    ),
];
