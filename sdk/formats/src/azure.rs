//! Microsoft Azure. Event Grid names its own attributes, so that every `Microsoft.*` event keeps its
//! type; custom handlers of Azure Functions follow a table of our own.

use crate::Clue::{Has, Is};
use crate::Spec;

const NONE: Spec<'static> = Spec::NONE;

const EVENT_GRID: Spec<'static> = Spec {
    name: "azure-event-grid",
    after: "Event Grid documentation, \"CloudEvents v1.0 schema\", mapping of the Event Grid schema",
    clues: &[Has("0.eventType"), Has("0.eventTime"), Has("0.id")],
    each: Some(""),
    id: &["{id}"],
    source: &["{topic}", "azure:eventgrid"],
    ty: &["{eventType}"],
    subject: &["{subject}"],
    time: &["{eventTime}"],
    extensions: &[("dataversion", "{dataVersion}")],
};

pub(crate) const SPECS: &[Spec<'static>] = &[
    EVENT_GRID,
    Spec {
        name: "azure-event-grid-event",
        after: "Event Grid documentation, as a function gets one event",
        clues: &[
            Has("eventType"),
            Has("eventTime"),
            Has("id"),
            Has("subject"),
        ],
        each: None,
        ..EVENT_GRID
    },
    Spec {
        name: "cloud-events-0.1",
        after: "CloudEvents 0.1, as early Event Grid subscriptions sent it",
        clues: &[Is("cloudEventsVersion", "0.1")],
        id: &["{eventID}"],
        source: &["{source}"],
        ty: &["{eventType}"],
        time: &["{eventTime}"],
        ..NONE
    },
    Spec {
        name: "azure-function-http",
        after: "Azure Functions custom handlers, \"Request payload\"",
        clues: &[Has("Data.req.Url"), Has("Data.req.Method")],
        id: &["{@x-azure-functions-invocationid|#}"],
        source: &["{Data.req.Url}"],
        ty: &["com.microsoft.azure.functions.Request"],
        subject: &["{Data.req.Method}"],
        ..NONE
    },
    Spec {
        name: "azure-function",
        after: "Azure Functions custom handlers, \"Request payload\"",
        clues: &[Has("Metadata.sys.MethodName")],
        id: &[
            "{@x-azure-functions-invocationid|Metadata.Id|Metadata.MessageId|Metadata.sys.RandGuid}",
        ],
        source: &["azure:functions:{Metadata.sys.MethodName}"],
        ty: &["com.microsoft.azure.functions.{Metadata.sys.MethodName}"],
        subject: &["{Metadata.Subject|Metadata.PartitionKey|Metadata.Uri}"],
        time: &["{Metadata.EnqueuedTimeUtc|Metadata.InsertionTime|Metadata.sys.UtcNow}"],
        ..NONE
    },
    Spec {
        name: "azure-function-response",
        after: "Azure Functions custom handlers, \"Response payload\"",
        clues: &[Has("Outputs.res.body")],
        source: &["azure:functions"],
        ty: &["com.microsoft.azure.functions.Response"],
        ..NONE
    },
];
