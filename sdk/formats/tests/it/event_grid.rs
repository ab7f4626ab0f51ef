//! System events of Azure as Microsoft's documentation of each source shows them, in both schemas.
//! The bodies are made here from what the documentation says of topic, subject, type and time.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use tradewind_event::Event;
use tradewind_formats::outward::Target;
use tradewind_formats::{Message, decode};

/// What stands before the provider in a topic.
const GROUP: &str =
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers";

/// Type, topic behind [`GROUP`], subject, time, and a part of the data.
#[rustfmt::skip]
const EVENTS: &[(&str, &str, &str, &str, &str)] = &[
    ("Microsoft.ApiCenter.ApiAdded", "Microsoft.ApiCenter/services/s", "/workspaces/default/apis/a", "2024-05-01T09:00:00Z", r#"{"title":"a"}"#),
    ("Microsoft.ApiManagement.SubscriptionCreated", "Microsoft.ApiManagement/service/s", "/subscriptions/1", "2021-07-02T00:47:47.8536532Z", r#"{"resourceUri":"/x"}"#),
    ("Microsoft.AppConfiguration.KeyValueModified", "Microsoft.AppConfiguration/configurationStores/c", "https://c.azconfig.io/kv/Foo?label=FizzBuzz", "2019-05-31T20:05:03Z", r#"{"key":"Foo","label":"FizzBuzz","etag":"a","syncToken":"zAJw6V16=ODowIzEzOTAwNTA="}"#),
    ("Microsoft.AppConfiguration.SnapshotCreated", "Microsoft.AppConfiguration/configurationStores/c", "https://c.azconfig.io/snapshots/s", "2023-09-02T20:05:03Z", r#"{"name":"s"}"#),
    ("Microsoft.AVS.PrivateCloudUpdating", "Microsoft.AVS/privateClouds/c", "/PrivateClouds/c", "2022-01-01T00:00:00Z", r#"{"operationId":"1"}"#),
    ("Microsoft.Cache.PatchingCompleted", "Microsoft.Cache/Redis/r", "PatchingCompleted", "2020-12-09T21:50:19.9995668+00:00", r#"{"name":"PatchingCompleted","status":"Succeeded"}"#),
    ("Microsoft.Communication.SMSReceived", "microsoft.communication/communicationservices/c", "/phonenumber/15555555555", "2020-09-18T00:27:47Z", r#"{"From":"+15555555555","Message":"Great","ReceivedTimestamp":"2020-09-18T00:27:45.32Z"}"#),
    ("Microsoft.Communication.ChatMessageReceived", "microsoft.communication/communicationservices/c", "thread/19:e07@thread.v2/sender/8:acs:1/recipient/8:acs:2", "2021-02-19T00:25:58.927Z", r#"{"messageBody":"Welcome","version":1613694358927}"#),
    ("Microsoft.Communication.IncomingCall", "Microsoft.Communication/communicationServices/c", "/caller/+15551234567/recipient/8:acs:1", "2021-09-22T17:02:38.6905856Z", r#"{"to":{"kind":"communicationUser"},"incomingCallContext":"e"}"#),
    ("Microsoft.ContainerRegistry.ImagePushed", "Microsoft.ContainerRegistry/registries/r", "aci-helloworld:v1", "2018-04-25T21:39:47.6549614Z", r#"{"action":"push","target":{"tag":"v1"}}"#),
    ("Microsoft.ContainerRegistry.ChartDeleted", "Microsoft.ContainerRegistry/registries/r", "mychart:1.0.0", "2019-03-12T22:43:01.5164Z", r#"{"action":"chart_delete"}"#),
    ("Microsoft.ContainerService.NewKubernetesVersionAvailable", "Microsoft.ContainerService/managedClusters/c", "c", "2021-07-01T04:52:57.0000000Z", r#"{"latestSupportedKubernetesVersion":"1.20.7"}"#),
    ("Microsoft.DataBox.CopyStarted", "Microsoft.DataBox/jobs/j", "/jobs/j", "2022-10-16T02:51:26.4248221Z", r#"{"serialNumber":"1","stageName":"CopyStarted"}"#),
    ("Microsoft.Devices.DeviceConnected", "MICROSOFT.DEVICES/IOTHUBS/H", "devices/LogicAppTestDevice", "2018-06-02T19:17:44.4383997Z", r#"{"deviceConnectionStateEventInfo":{"sequenceNumber":"000000000000000001D4132452F67CE200000002000000000000000000000001"},"hubName":"H"}"#),
    ("Microsoft.Devices.DeviceTelemetry", "MICROSOFT.DEVICES/IOTHUBS/H", "devices/d", "2019-01-07T20:58:30.48Z", r#"{"body":{"Weather":{"Temperature":900}},"properties":{"Status":"Active"},"systemProperties":{"iothub-content-type":"application/json"}}"#),
    ("Microsoft.EventGrid.SubscriptionDeletedEvent", "Microsoft.EventGrid/topics/t", "", "2018-10-30T00:00:00Z", r#"{"eventSubscriptionId":"/x"}"#),
    ("Microsoft.EventGrid.MQTTClientSessionConnected", "Microsoft.EventGrid/namespaces/n", "clients/device1/sessions/session1", "2023-05-22T17:24:50.6454Z", r#"{"sequenceNumber":1}"#),
    ("Microsoft.EventHub.CaptureFileCreated", "Microsoft.EventHub/namespaces/n", "eventhubs/h", "2017-08-31T19:12:46.0498024Z", r#"{"fileUrl":"https://x/1.avro","sizeInBytes":249168,"firstEnqueueTime":"2017-08-31T19:10:01.8Z"}"#),
    ("Microsoft.HealthcareApis.FhirResourceCreated", "Microsoft.HealthcareApis/workspaces/w", "f.fhir.azurehealthcareapis.com/Patient/1", "2021-09-08T01:14:04.5613214Z", r#"{"resourceType":"Patient","resourceVersionId":1}"#),
    ("Microsoft.KeyVault.SecretNewVersionCreated", "Microsoft.KeyVault/vaults/v", "newsecret", "2019-07-25T01:08:33.1036736Z", r#"{"Id":"https://v.vault.azure.net/secrets/newsecret/1","NBF":null,"EXP":1559064193}"#),
    ("Microsoft.KeyVault.CertificateNearExpiry", "Microsoft.KeyVault/vaults/v", "c", "2019-07-25T01:08:33.1036736Z", r#"{"ObjectName":"c","ObjectType":"Certificate"}"#),
    ("Microsoft.MachineLearningServices.RunCompleted", "Microsoft.MachineLearningServices/workspaces/w", "experiments/0fa9dfaa/runs/HD_fa9dfaa_0", "2017-06-26T18:41:00.9584103Z", r#"{"runProperties":{"runTemplate":"azureml.scriptrun"}}"#),
    ("Microsoft.Maps.GeofenceEntered", "Microsoft.Maps/accounts/a", "/spatial/geofence/udid/u/id/e", "2018-11-08T00:54:17.6408601Z", r#"{"geometries":[{"distance":-999.0}],"expiredGeofenceGeometryId":[]}"#),
    ("Microsoft.Media.JobStateChange", "Microsoft.Media/mediaservices/m", "transforms/VideoAnalyzerTransform/jobs/j", "2018-04-20T21:26:13.8978772", r#"{"previousState":"Processing","state":"Finished"}"#),
    ("Microsoft.PolicyInsights.PolicyStateCreated", "Microsoft.PolicyInsights/x", "/subscriptions/1/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a", "2021-03-27T18:37:42.0000000Z", r#"{"complianceState":"NonCompliant"}"#),
    ("Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged", "Microsoft.Compute/virtualMachines/v", "/subscriptions/1/providers/Microsoft.Compute/virtualMachines/v/providers/Microsoft.ResourceHealth/AvailabilityStatuses/{guid}", "2023-07-24T19:20:37.9245071Z", r#"{"apiVersion":"2023-12-01"}"#),
    ("Microsoft.Resources.ResourceWriteSuccess", "Microsoft.Storage/x", "/subscriptions/1/resourcegroups/rg/providers/Microsoft.Storage/storageAccounts/b", "2018-08-01T18:38:04.6117357Z", r#"{"authorization":{"scope":"/x"},"httpRequest":{"clientRequestId":""}}"#),
    ("Microsoft.ServiceBus.ActiveMessagesAvailableWithNoListeners", "Microsoft.ServiceBus/namespaces/n", "topics/t/subscriptions/s", "2018-02-14T05:12:53.4133526Z", r#"{"queueName":null,"topicName":"t"}"#),
    ("Microsoft.SignalRService.ClientConnectionConnected", "Microsoft.SignalRService/SignalR/r", "/hub/chat", "2019-06-10T18:41:00.9584103Z", r#"{"connectionId":"crH0uxVSvP61p5wkFY1x1A","userId":"user"}"#),
    ("Microsoft.Storage.BlobCreated", "Microsoft.Storage/storageAccounts/a", "/blobServices/default/containers/c/blobs/new-file.txt", "2017-06-26T18:41:00.9584103Z", r#"{"api":"PutBlockList","contentLength":524288,"storageDiagnostics":{"batchId":"b"}}"#),
    ("Microsoft.Storage.DirectoryRenamed", "Microsoft.Storage/storageAccounts/a", "/blobServices/default/containers/fs/blobs/testDir", "2019-06-26T18:41:00.9584103Z", r#"{"destinationUrl":"https://a.dfs.core.windows.net/fs/testDir"}"#),
    ("Microsoft.Storage.BlobInventoryPolicyCompleted", "Microsoft.Storage/storageAccounts/a", "BlobDataManagement/BlobInventory", "2021-05-28T15:03:18Z", r#"{"policyRunStatus":"Succeeded"}"#),
    ("Microsoft.Web.AppUpdated", "Microsoft.Web/sites/s", "/Microsoft.Web/sites/s", "2020-01-28T18:26:51.7194887Z", r#"{"appEventTypeDetail":{"action":"Stopped"},"verb":"None"}"#),
    ("Microsoft.Web.SlotSwapCompleted", "Microsoft.Web/sites/s", "/Microsoft.Web/sites/s", "2020-01-28T18:26:51.7194887Z", r#"{"name":"s"}"#),
];

fn read(body: &Value) -> Vec<Event> {
    let (headers, body) = (HeaderMap::new(), Bytes::from(body.to_string()));
    decode(&Message {
        headers: &headers,
        body: &body,
    })
    .unwrap()
}

#[test]
fn system_events_keep_their_names_in_both_schemas() {
    for (ty, topic, subject, time, data) in EVENTS {
        let topic = format!("{GROUP}/{topic}");
        let data: Value = serde_json::from_str(data).unwrap();
        let own = json!({ "id": "831e1650", "topic": topic, "subject": subject, "eventType": ty, "eventTime": time,
            "data": data, "dataVersion": "1", "metadataVersion": "1" });
        // The other schema has RFC 3339 only, and no attribute that is empty.
        let stamp = if time.ends_with('Z') || time.contains('+') {
            (*time).to_owned()
        } else {
            format!("{time}Z")
        };
        let mut other = json!({ "specversion": "1.0", "id": "831e1650", "source": topic, "type": ty,
            "time": stamp, "data": data, "aeg-event-type": null });
        other.as_object_mut().unwrap().remove("aeg-event-type");
        if !subject.is_empty() {
            other["subject"] = (*subject).into();
        }
        for body in [&json!([own]), &own, &json!([other]), &other] {
            let events = read(body);
            assert_eq!(events.len(), 1, "{body}");
            let event = &events[0];
            assert_eq!(
                (event.id(), event.ty(), event.source()),
                ("831e1650", *ty, &*topic),
                "{body}"
            );
            assert_eq!(event.subject().unwrap_or_default(), *subject, "{body}");
            assert_eq!(event.time_text(), Some(&*stamp), "{body}");
        }
        // For a function that knows the schema, as it came, and as an event of anywhere.
        let target = Target::named("azure-event-grid").unwrap();
        for body in [&json!([own]), &other] {
            let event = &read(body)[0];
            let document = target.render(event, None).unwrap();
            let rendered: Value = serde_json::from_slice(&document).unwrap();
            for name in ["id", "topic", "subject", "eventType", "data"] {
                assert_eq!(rendered[0][name], own[name], "{ty} {name}");
            }
        }
    }
}
