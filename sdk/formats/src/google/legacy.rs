//! Background functions of the first generation, renamed as the Functions Framework renames them. The
//! context is a member of its own or lies beside the data.

use crate::Clue::{Has, Is};
use crate::{Clue, Spec};

const TYPE: &str = "context.eventType|eventType";
const EVENT: Spec<'static> = Spec {
    after: "Functions Framework contract, \"GCF HTTP to CloudEvent conversion\"",
    id: &["{context.eventId|eventId}"],
    time: &["{context.timestamp|timestamp}"],
    ..Spec::NONE
};

/// One row: the old type, and what it is called since.
const fn row(
    of: Spec<'static>,
    name: &'static str,
    clues: &'static [Clue<'static>],
    ty: &'static [&'static str],
) -> Spec<'static> {
    Spec {
        name,
        clues,
        ty,
        ..of
    }
}

const PUBSUB: Spec<'static> = Spec {
    source: &[
        "//pubsub.googleapis.com/{context.resource.name|context.resource|resource.name|resource}",
    ],
    ..EVENT
};
const STORAGE: Spec<'static> = Spec {
    source: &[
        "//storage.googleapis.com/{context.resource.name~before/objects/|context.resource~before/objects/|resource.name~before/objects/|resource~before/objects/|context.resource.name|context.resource|resource.name|resource}",
    ],
    // Without the generation that stands behind the name.
    subject: &[
        "objects/{context.resource.name~after/objects/~before#|context.resource~after/objects/~before#|resource.name~after/objects/~before#|resource~after/objects/~before#|context.resource.name~after/objects/|context.resource~after/objects/|resource.name~after/objects/|resource~after/objects/}",
    ],
    ..EVENT
};
const FIRESTORE: Spec<'static> = Spec {
    source: &[
        "//firestore.googleapis.com/{context.resource.name~before/documents/|context.resource~before/documents/|resource.name~before/documents/|resource~before/documents/}",
    ],
    subject: &[
        "documents/{context.resource.name~after/documents/|context.resource~after/documents/|resource.name~after/documents/|resource~after/documents/}",
    ],
    ..EVENT
};
const AUTH: Spec<'static> = Spec {
    source: &[
        "//firebaseauth.googleapis.com/{context.resource.name|context.resource|resource.name|resource}",
    ],
    subject: &["users/{data.uid}"],
    ..EVENT
};
const ANALYTICS: Spec<'static> = Spec {
    source: &[
        "//firebaseanalytics.googleapis.com/{context.resource.name~before/events/|context.resource~before/events/|resource~before/events/}/apps/{data.userDim.appInfo.appId}",
        "//firebaseanalytics.googleapis.com/{context.resource.name~before/events/|context.resource~before/events/|resource~before/events/}",
    ],
    subject: &[
        "events/{context.resource.name~after/events/|context.resource~after/events/|resource~after/events/}",
    ],
    ..EVENT
};
const REMOTE_CONFIG: Spec<'static> = Spec {
    source: &[
        "//firebaseremoteconfig.googleapis.com/{context.resource.name|context.resource|resource.name|resource}",
    ],
    ..EVENT
};
/// Its location is in the domain: `firebaseio.com` for the first of them, else `{location}.firebasedatabase.app`.
const DATABASE: Spec<'static> = Spec {
    source: &[
        "//firebasedatabase.googleapis.com/projects/_/locations/{domain~before.firebasedatabase.app|domain~mapfirebaseio.com=us-central1|context.domain~before.firebasedatabase.app|context.domain~mapfirebaseio.com=us-central1}/{context.resource.name~after/_/~before/refs/|context.resource~after/_/~before/refs/|resource~after/_/~before/refs/}",
        "//firebasedatabase.googleapis.com/{context.resource.name~before/refs/|context.resource~before/refs/|resource~before/refs/}",
    ],
    subject: &[
        "refs/{context.resource.name~after/refs/|context.resource~after/refs/|resource~after/refs/}",
    ],
    ..EVENT
};

#[rustfmt::skip]
pub(super) const SPECS: &[Spec<'static>] = &[
    row(PUBSUB, "google-legacy-pubsub", &[Is(TYPE, "google.pubsub.topic.publish")], &["google.cloud.pubsub.topic.v1.messagePublished"]),
    row(PUBSUB, "google-legacy-pubsub-provider", &[Is(TYPE, "providers/cloud.pubsub/eventTypes/topic.publish")], &["google.cloud.pubsub.topic.v1.messagePublished"]),
    row(STORAGE, "google-legacy-storage-finalize", &[Is(TYPE, "google.storage.object.finalize")], &["google.cloud.storage.object.v1.finalized"]),
    row(STORAGE, "google-legacy-storage-delete", &[Is(TYPE, "google.storage.object.delete")], &["google.cloud.storage.object.v1.deleted"]),
    row(STORAGE, "google-legacy-storage-archive", &[Is(TYPE, "google.storage.object.archive")], &["google.cloud.storage.object.v1.archived"]),
    row(STORAGE, "google-legacy-storage-metadata", &[Is(TYPE, "google.storage.object.metadataUpdate")], &["google.cloud.storage.object.v1.metadataUpdated"]),
    row(FIRESTORE, "google-legacy-firestore-write", &[Is(TYPE, "providers/cloud.firestore/eventTypes/document.write")], &["google.cloud.firestore.document.v1.written"]),
    row(FIRESTORE, "google-legacy-firestore-create", &[Is(TYPE, "providers/cloud.firestore/eventTypes/document.create")], &["google.cloud.firestore.document.v1.created"]),
    row(FIRESTORE, "google-legacy-firestore-update", &[Is(TYPE, "providers/cloud.firestore/eventTypes/document.update")], &["google.cloud.firestore.document.v1.updated"]),
    row(FIRESTORE, "google-legacy-firestore-delete", &[Is(TYPE, "providers/cloud.firestore/eventTypes/document.delete")], &["google.cloud.firestore.document.v1.deleted"]),
    row(AUTH, "google-legacy-auth-create", &[Is(TYPE, "providers/firebase.auth/eventTypes/user.create")], &["google.firebase.auth.user.v1.created"]),
    row(AUTH, "google-legacy-auth-delete", &[Is(TYPE, "providers/firebase.auth/eventTypes/user.delete")], &["google.firebase.auth.user.v1.deleted"]),
    row(REMOTE_CONFIG, "google-legacy-remote-config", &[Is(TYPE, "providers/firebase.remoteConfig/remoteconfig.update")], &["google.firebase.remoteconfig.remoteConfig.v1.updated"]),
    row(ANALYTICS, "google-legacy-analytics", &[Is(TYPE, "providers/google.firebase.analytics/eventTypes/event.log")], &["google.firebase.analytics.log.v1.written"]),
    row(DATABASE, "google-legacy-database-create", &[Is(TYPE, "providers/google.firebase.database/eventTypes/ref.create")], &["google.firebase.database.ref.v1.created"]),
    row(DATABASE, "google-legacy-database-write", &[Is(TYPE, "providers/google.firebase.database/eventTypes/ref.write")], &["google.firebase.database.ref.v1.written"]),
    row(DATABASE, "google-legacy-database-update", &[Is(TYPE, "providers/google.firebase.database/eventTypes/ref.update")], &["google.firebase.database.ref.v1.updated"]),
    row(DATABASE, "google-legacy-database-delete", &[Is(TYPE, "providers/google.firebase.database/eventTypes/ref.delete")], &["google.firebase.database.ref.v1.deleted"]),
    row(Spec { source: &["//{context.resource.service}/{context.resource.name}", "//{context.resource}"], ..EVENT },
        "google-legacy", &[Has("context.eventType"), Has("context.eventId")], &["{context.eventType}"]),
];
