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
    ..NONE
};

/// What a custom handler gets of a binding. The host writes texts once more as JSON, hence `~bare`.
const TRIGGER: Spec<'static> = Spec {
    after: "Azure Functions custom handlers, \"Request payload\", with the metadata of the trigger",
    ty: &["com.microsoft.azure.functions.{Metadata.sys.MethodName~bare}"],
    ..NONE
};

pub(crate) const SPECS: &[&[Spec<'static>]] = &[GRID, FUNCTIONS, OTHERS];

const GRID: &[Spec<'static>] = &[
    EVENT_GRID,
    Spec {
        name: "azure-event-grid-event",
        after: "Event Grid documentation, as a function gets one event",
        clues: &[
            Has("eventType"),
            Has("eventTime"),
            Has("id"),
            Has("topic|subject|dataVersion|metadataVersion"),
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
];

const FUNCTIONS: &[Spec<'static>] = &[
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
        name: "azure-function-event-hub",
        clues: &[
            Has("Metadata.PartitionContext.PartitionId"),
            Has("Metadata.SequenceNumber"),
        ],
        id: &["{Metadata.PartitionContext.PartitionId~bare}-{Metadata.SequenceNumber~bare}"],
        source: &[
            "//{Metadata.PartitionContext.FullyQualifiedNamespace~bare}/{Metadata.PartitionContext.EventHubName~bare}",
            "azure:eventhubs:{Metadata.PartitionContext.EventHubName~bare|Metadata.sys.MethodName~bare}",
        ],
        subject: &["{Metadata.PartitionKey~bare}"],
        time: &["{Metadata.EnqueuedTimeUtc~bare}"],
        extensions: &[
            ("partitionkey", "{Metadata.PartitionKey~bare}"),
            ("sequence", "{Metadata.SequenceNumber~bare}"),
        ],
        ..TRIGGER
    },
    Spec {
        name: "azure-function-kafka",
        clues: &[
            Has("Metadata.Topic"),
            Has("Metadata.Partition"),
            Has("Metadata.Offset"),
        ],
        id: &["{Metadata.Topic~bare}-{Metadata.Partition~bare}-{Metadata.Offset~bare}"],
        source: &["azure:kafka:{Metadata.Topic~bare}"],
        subject: &["{Metadata.Topic~bare}"],
        time: &["{Metadata.Timestamp~bare}"],
        extensions: &[
            ("partitionkey", "{Metadata.Key~bare}"),
            ("sequence", "{Metadata.Offset~bare}"),
        ],
        ..TRIGGER
    },
    Spec {
        name: "azure-function-service-bus",
        clues: &[
            Has("Metadata.MessageId"),
            Has("Metadata.LockToken|Metadata.DeliveryCount"),
        ],
        id: &["{Metadata.MessageId~bare}"],
        source: &["azure:servicebus:{Metadata.sys.MethodName~bare}"],
        subject: &["{Metadata.Subject~bare|Metadata.Label~bare}"],
        time: &["{Metadata.EnqueuedTimeUtc~bare}"],
        extensions: &[
            (
                "partitionkey",
                "{Metadata.SessionId~bare|Metadata.PartitionKey~bare}",
            ),
            ("sequence", "{Metadata.SequenceNumber~bare}"),
        ],
        ..TRIGGER
    },
    Spec {
        name: "azure-function-blob",
        clues: &[Has("Metadata.Uri"), Has("Metadata.sys.MethodName")],
        // A blob is the same event until it is written again.
        id: &[
            "{Metadata.Uri~bare}.{Metadata.Properties.ETag~bare}",
            "{Metadata.Uri~bare}.{#Data}",
        ],
        source: &["azure:functions:{Metadata.sys.MethodName~bare}"],
        subject: &["{Metadata.Uri~bare}"],
        time: &["{Metadata.Properties.LastModified~bare}"],
        ..TRIGGER
    },
    Spec {
        name: "azure-function",
        clues: &[Has("Metadata.sys.MethodName")],
        // Where the trigger has no id, as that of Cosmos DB: what it brings, which holds an `_etag`.
        id: &[
            "{Metadata.Id~bare|Metadata.MessageId~bare}",
            "{Metadata.sys.MethodName~bare}.{#Data}",
        ],
        source: &["azure:functions:{Metadata.sys.MethodName~bare}"],
        subject: &["{Metadata.Subject~bare|Metadata.PartitionKey~bare}"],
        time: &[
            "{Metadata.EnqueuedTimeUtc~bare|Metadata.InsertionTime~bare|Metadata.sys.UtcNow~bare}",
        ],
        ..TRIGGER
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

const OTHERS: &[Spec<'static>] = &[
    Spec {
        name: "azure-monitor-alert",
        after: "Azure Monitor documentation, \"Common alert schema\"",
        clues: &[Is("schemaId", "azureMonitorCommonAlertSchema")],
        id: &["{data.essentials.alertId}.{data.essentials.monitorCondition}"],
        source: &["{data.essentials.alertTargetIDs.0}", "azure:monitor"],
        ty: &["com.microsoft.azure.monitor.alert.{data.essentials.monitorCondition}"],
        subject: &["{data.essentials.alertRule}"],
        time: &["{data.essentials.resolvedDateTime|data.essentials.firedDateTime}"],
        ..NONE
    },
    Spec {
        name: "azure-dev-ops",
        after: "Azure DevOps documentation, \"Service hooks events\"",
        clues: &[Has("publisherId"), Has("eventType"), Has("id")],
        id: &["{id}"],
        source: &[
            "{resourceContainers.project.baseUrl}{resourceContainers.project.id}",
            "azure:devops:{resourceContainers.project.id|resourceContainers.account.id|resourceContainers.collection.id}",
            "azure:devops:{publisherId}",
        ],
        ty: &["com.microsoft.devops.{eventType}"],
        subject: &["{resource.url|resource.id}"],
        time: &["{createdDate}"],
        ..NONE
    },
    Spec {
        name: "microsoft-graph",
        after: "Microsoft Graph documentation, \"changeNotification\"",
        clues: &[
            Has("value.0.subscriptionId"),
            Has("value.0.changeType|value.0.lifecycleEvent"),
        ],
        each: Some("value"),
        id: &["{id}", "{#}"],
        source: &[
            "https://graph.microsoft.com/{tenantId}",
            "https://graph.microsoft.com",
        ],
        ty: &["com.microsoft.graph.{changeType|lifecycleEvent}"],
        subject: &["{resource}", "{subscriptionId}"],
        ..NONE
    },
];
