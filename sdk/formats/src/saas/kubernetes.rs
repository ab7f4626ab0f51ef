//! What the API of Kubernetes tells of itself.

use crate::Clue::{Has, Is};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

const EVENT: Spec<'static> = Spec {
    name: "kubernetes",
    after: "Kubernetes API reference, \"Event v1 core\"",
    clues: &[
        Is("kind", "Event"),
        Has("involvedObject.kind|regarding.kind"),
    ],
    id: &["{metadata.uid}.{metadata.resourceVersion}", "{#}"],
    source: &["/api/v1/namespaces/{metadata.namespace}", "/api/v1"],
    ty: &["io.k8s.core.Event.{type}", "io.k8s.core.Event"],
    subject: &["{involvedObject.kind|regarding.kind}/{involvedObject.name|regarding.name}"],
    time: &[
        "{lastTimestamp|series.lastObservedTime|eventTime|deprecatedLastTimestamp|metadata.creationTimestamp}",
    ],
    ..NONE
};

const AUDIT: Spec<'static> = Spec {
    name: "kubernetes-audit",
    after: "Kubernetes API reference, \"Event, audit.k8s.io/v1\"; each stage of a request is an event of its own",
    clues: &[Is("kind", "Event"), Has("auditID"), Has("stage")],
    id: &["{auditID}.{stage}"],
    source: &["/apis/audit.k8s.io/v1"],
    ty: &["io.k8s.audit.{verb}.{stage}", "io.k8s.audit.{stage}"],
    subject: &[
        "{objectRef.resource}/{objectRef.namespace}/{objectRef.name}",
        "{objectRef.resource}/{objectRef.name|objectRef.namespace}",
        "{requestURI}",
    ],
    time: &["{stageTimestamp|requestReceivedTimestamp}"],
    ..NONE
};

pub(super) const SPECS: &[Spec<'static>] = &[
    EVENT,
    Spec {
        name: "kubernetes-list",
        after: "Kubernetes API reference, \"EventList\"",
        clues: &[Has("items.0.involvedObject.kind|items.0.regarding.kind")],
        each: Some("items"),
        ..EVENT
    },
    AUDIT,
    Spec {
        name: "kubernetes-audit-list",
        after: "Kubernetes documentation, \"Auditing, webhook backend\"",
        clues: &[Has("items.0.auditID"), Has("items.0.stage")],
        each: Some("items"),
        ..AUDIT
    },
    Spec {
        name: "kubernetes-watch",
        after: "Kubernetes API reference, \"WatchEvent\" of events",
        clues: &[
            Is("object.kind", "Event"),
            Has("type"),
            Has("object.metadata.uid"),
        ],
        id: &[
            "{object.metadata.uid}.{object.metadata.resourceVersion}.{type}",
            "{#}",
        ],
        source: &["/api/v1/namespaces/{object.metadata.namespace}", "/api/v1"],
        ty: &["io.k8s.core.Event.{object.type}", "io.k8s.core.Event"],
        subject: &[
            "{object.involvedObject.kind|object.regarding.kind}/{object.involvedObject.name|object.regarding.name}",
        ],
        time: &["{object.lastTimestamp|object.eventTime|object.metadata.creationTimestamp}"],
        ..NONE
    },
];
