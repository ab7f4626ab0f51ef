//! Google Cloud and Firebase, as the Functions Framework and Eventarc name types and sources.

mod legacy;

use crate::Clue::{Contains, Has, Header, Is, Lacks, Members};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

pub(crate) const SPECS: &[&[Spec<'static>]] = &[legacy::SPECS, DIRECT];

/// Told by headers, whatever the body is.
pub(crate) const BY_HEADER: &[&[Spec<'static>]] = &[&[
    Spec {
        name: "google-pubsub-unwrapped",
        after: "Pub/Sub documentation, \"Payload unwrapping for push subscriptions\", with metadata",
        clues: &[Header("x-goog-pubsub-message-id")],
        raw: true,
        inner: Some(""),
        id: &["{@x-goog-pubsub-message-id}"],
        source: &["//pubsub.googleapis.com/{@x-goog-pubsub-subscription-name}"],
        ty: &["google.cloud.pubsub.topic.v1.messagePublished"],
        time: &["{@x-goog-pubsub-publish-time}"],
        extensions: &[("partitionkey", "{@x-goog-pubsub-ordering-key}")],
        ..NONE
    },
    Spec {
        name: "google-tasks",
        after: "Cloud Tasks documentation, \"Create HTTP target tasks\", headers of a request; the type is ours",
        clues: &[
            Header("x-cloudtasks-taskname"),
            Header("x-cloudtasks-queuename"),
        ],
        raw: true,
        id: &["{@x-cloudtasks-queuename}.{@x-cloudtasks-taskname}"],
        source: &["//cloudtasks.googleapis.com/{@x-cloudtasks-queuename}"],
        ty: &["google.cloud.tasks.task.v1.executed"],
        subject: &["{@x-cloudtasks-taskname}"],
        time: &["{@x-cloudtasks-tasketa}"],
        ..NONE
    },
    Spec {
        name: "google-scheduler-http",
        after: "Cloud Scheduler documentation, \"HTTP targets\", headers of a request",
        clues: &[
            Header("x-cloudscheduler-jobname"),
            Header("x-cloudscheduler-scheduletime"),
        ],
        raw: true,
        id: &["{@x-cloudscheduler-jobname}.{@x-cloudscheduler-scheduletime}"],
        source: &["//cloudscheduler.googleapis.com/{@x-cloudscheduler-jobname}"],
        ty: &["google.cloud.scheduler.job.v1.executed"],
        time: &["{@x-cloudscheduler-scheduletime}"],
        ..NONE
    },
]];

const DIRECT: &[Spec<'static>] = &[
    Spec {
        name: "google-storage-notification",
        after: "Cloud Storage documentation, \"Pub/Sub notifications\", by push; names as in Eventarc",
        clues: &[
            Has("subscription"),
            Has("message.attributes.bucketId"),
            Has("message.attributes.objectId"),
            Has("message.attributes.eventType"),
        ],
        id: &["{message.messageId|message.message_id}"],
        source: &["//storage.googleapis.com/projects/_/buckets/{message.attributes.bucketId}"],
        ty: &[
            "google.cloud.storage.object.v1.{message.attributes.eventType~mapOBJECT_FINALIZE=finalized|message.attributes.eventType~mapOBJECT_DELETE=deleted|message.attributes.eventType~mapOBJECT_ARCHIVE=archived|message.attributes.eventType~mapOBJECT_METADATA_UPDATE=metadataUpdated|message.attributes.eventType}",
        ],
        subject: &["objects/{message.attributes.objectId}"],
        time: &["{message.attributes.eventTime|message.publishTime|message.publish_time}"],
        ..NONE
    },
    Spec {
        name: "google-pubsub-pull",
        after: "Pub/Sub API reference, \"PullResponse\"; the subscription is not in the answer",
        clues: &[
            Has("receivedMessages.0.ackId"),
            Has("receivedMessages.0.message.messageId|receivedMessages.0.message.message_id"),
        ],
        each: Some("receivedMessages"),
        id: &["{message.messageId|message.message_id}"],
        source: &["//pubsub.googleapis.com"],
        ty: &["google.cloud.pubsub.topic.v1.messagePublished"],
        time: &["{message.publishTime|message.publish_time}"],
        inner: Some("message.data"),
        extensions: &[("partitionkey", "{message.orderingKey|message.ordering_key}")],
        ..NONE
    },
    Spec {
        name: "google-pubsub-push",
        after: "Pub/Sub documentation, \"Receive push messages\" (wrapped); type as in Eventarc",
        clues: &[
            Has("subscription"),
            Has("message.messageId|message.message_id"),
        ],
        id: &["{message.messageId|message.message_id}"],
        source: &["//pubsub.googleapis.com/{subscription}"],
        ty: &["google.cloud.pubsub.topic.v1.messagePublished"],
        time: &["{message.publishTime|message.publish_time}"],
        inner: Some("message.data"),
        extensions: &[("partitionkey", "{message.orderingKey}")],
        ..NONE
    },
    Spec {
        name: "google-audit-log",
        after: "Eventarc documentation, \"Cloud Audit Logs\"",
        clues: &[Has("insertId"), Has("protoPayload.serviceName")],
        id: &["{insertId}"],
        source: &[
            "//cloudaudit.googleapis.com/{logName~before/logs/}/logs/{logName~last%2F}",
            "//cloudaudit.googleapis.com",
        ],
        ty: &["google.cloud.audit.log.v1.written"],
        subject: &[
            "{protoPayload.serviceName}/{protoPayload.resourceName}",
            "{protoPayload.serviceName}",
        ],
        time: &["{timestamp}"],
        extensions: &[
            ("servicename", "{protoPayload.serviceName}"),
            ("methodname", "{protoPayload.methodName}"),
            ("resourcename", "{protoPayload.resourceName}"),
        ],
        ..NONE
    },
    Spec {
        name: "google-storage",
        after: "Cloud Storage documentation, \"Pub/Sub notifications\", the object resource; the event is in an attribute beside it",
        clues: &[Is("kind", "storage#object"), Has("bucket")],
        id: &["{id}/{metageneration}", "{id}"],
        source: &["//storage.googleapis.com/projects/_/buckets/{bucket}"],
        ty: &[
            "google.cloud.storage.object.v1.{@x-goog-resource-state}",
            "google.cloud.storage.object.v1",
        ],
        subject: &["objects/{name}"],
        time: &["{updated|timeCreated}"],
        ..NONE
    },
    Spec {
        name: "google-cloud-build",
        after: "Cloud Build documentation, \"Build\"; names as in Eventarc",
        clues: &[Has("logUrl"), Has("projectId"), Has("createTime")],
        id: &["{id}.{status}.{#}", "{#}"],
        source: &[
            "//cloudbuild.googleapis.com/projects/{projectId}/builds/{id}",
            "//cloudbuild.googleapis.com/projects/{projectId}",
        ],
        ty: &["google.cloud.cloudbuild.build.v1.statusChanged"],
        time: &["{finishTime|startTime|createTime}"],
        ..NONE
    },
    Spec {
        name: "google-firestore",
        after: "Eventarc documentation, \"Cloud Firestore\"",
        clues: &[Contains("value.name", "/documents/")],
        source: &["//firestore.googleapis.com/{value.name~before/documents/}"],
        ty: &["google.cloud.firestore.document.v1.written"],
        subject: &["documents/{value.name~after/documents/}"],
        time: &["{value.updateTime|value.createTime}"],
        ..NONE
    },
    Spec {
        name: "google-firestore-deleted",
        after: "Eventarc documentation, \"Cloud Firestore\"",
        clues: &[
            Contains("oldValue.name", "/documents/"),
            Lacks("value.name"),
        ],
        source: &["//firestore.googleapis.com/{oldValue.name~before/documents/}"],
        ty: &["google.cloud.firestore.document.v1.deleted"],
        subject: &["documents/{oldValue.name~after/documents/}"],
        time: &["{oldValue.updateTime}"],
        ..NONE
    },
    Spec {
        name: "google-scheduler",
        after: "Eventarc documentation, \"Cloud Scheduler\"; the time of the run is in a header",
        clues: &[Has("customData")],
        id: &[
            "{@x-cloudscheduler-jobname}.{@x-cloudscheduler-scheduletime}",
            "{#}",
        ],
        source: &[
            "//cloudscheduler.googleapis.com/{@x-cloudscheduler-jobname}",
            "//cloudscheduler.googleapis.com",
        ],
        ty: &["google.cloud.scheduler.job.v1.executed"],
        time: &["{@x-cloudscheduler-scheduletime}"],
        ..NONE
    },
    Spec {
        name: "google-firebase-analytics",
        after: "google-cloudevents, firebase/analytics/v1",
        clues: &[Has("userDim.appInfo.appId")],
        source: &["//firebaseanalytics.googleapis.com/apps/{userDim.appInfo.appId}"],
        ty: &["google.firebase.analytics.log.v1.written"],
        subject: &["{eventDim.0.name}"],
        ..NONE
    },
    Spec {
        name: "google-firebase-auth",
        after: "google-cloudevents, firebase/auth/v1; whether the user was made or deleted is not in the payload",
        clues: &[Has("uid"), Has("metadata.createTime")],
        source: &["//firebaseauth.googleapis.com"],
        ty: &["google.firebase.auth.user.v1"],
        subject: &["users/{uid}"],
        time: &["{metadata.lastSignInTime|metadata.createTime}"],
        ..NONE
    },
    Spec {
        name: "google-firebase-alerts",
        after: "google-cloudevents, firebase/firebasealerts/v1",
        clues: &[Contains(r"payload.@type", "firebasealerts")],
        source: &["//firebasealerts.googleapis.com"],
        ty: &["google.firebase.firebasealerts.alerts.v1.published"],
        subject: &["{payload.issue.id}"],
        time: &["{createTime}"],
        ..NONE
    },
    Spec {
        name: "google-firebase-remote-config",
        after: "google-cloudevents, firebase/remoteconfig/v1",
        clues: &[Has("versionNumber"), Has("updateOrigin")],
        id: &["{versionNumber}.{#}"],
        source: &["//firebaseremoteconfig.googleapis.com"],
        ty: &["google.firebase.remoteconfig.remoteConfig.v1.updated"],
        time: &["{updateTime}"],
        ..NONE
    },
    Spec {
        name: "google-firebase-test-lab",
        after: "google-cloudevents, firebase/testlab/v1",
        clues: &[Has("testMatrixId")],
        id: &["{testMatrixId}.{state}"],
        source: &[
            "//firebasetestlab.googleapis.com/{resultStorage.toolResultsHistory~before/histories}",
            "//firebasetestlab.googleapis.com",
        ],
        ty: &["google.firebase.testlab.testMatrix.v1.completed"],
        subject: &["testMatrices/{testMatrixId}"],
        time: &["{createTime}"],
        ..NONE
    },
    Spec {
        name: "google-firebase-database",
        after: "google-cloudevents, firebase/database/v1; the reference is not in the payload",
        clues: &[Members(&["data", "delta"])],
        source: &["//firebasedatabase.googleapis.com"],
        ty: &["google.firebase.database.ref.v1.written"],
        ..NONE
    },
];
