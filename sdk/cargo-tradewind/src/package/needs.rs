//! What the code declares that it uses, as the least that each cloud can grant for it.

use super::manifest::{Manifest, Need};
use serde_json::{Value, json};

/// What one use takes.
struct Grant {
    access: &'static str,
    kind: &'static str,
    /// Actions of AWS, and the resource with `{}` for the name.
    aws: (&'static [&'static str], &'static str),
    /// Role of Azure with its id.
    azure: Option<(&'static str, &'static str)>,
    /// Role of Google.
    google: Option<&'static str>,
}

const NOTHING: (&[&str], &str) = (&[], "");

#[rustfmt::skip]
const GRANTS: &[Grant] = &[
    Grant { access: "publish", kind: "queue", aws: (&["sqs:SendMessage"], "sqs:{region}:{account}:{}"),
        azure: Some(("Storage Queue Data Message Sender", "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a")), google: Some("roles/pubsub.publisher") },
    Grant { access: "read", kind: "queue", aws: (&["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], "sqs:{region}:{account}:{}"),
        azure: Some(("Storage Queue Data Message Processor", "8a0f0c08-91a1-4084-bc3d-661d67233fed")), google: Some("roles/pubsub.subscriber") },
    Grant { access: "publish", kind: "topic", aws: (&["sns:Publish"], "sns:{region}:{account}:{}"),
        azure: Some(("EventGrid Data Sender", "d5a91429-5739-47e2-a06b-3470a27159e7")), google: Some("roles/pubsub.publisher") },
    Grant { access: "publish", kind: "stream", aws: (&["kinesis:PutRecord", "kinesis:PutRecords"], "kinesis:{region}:{account}:stream/{}"),
        azure: Some(("Azure Event Hubs Data Sender", "2b629674-e913-4c01-ae53-ef4638d8f975")), google: Some("roles/pubsub.publisher") },
    Grant { access: "read", kind: "stream", aws: (&["kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStreamSummary", "kinesis:ListShards"], "kinesis:{region}:{account}:stream/{}"),
        azure: Some(("Azure Event Hubs Data Receiver", "a638d3c7-ab3a-418d-83e6-5f17a39d4fde")), google: Some("roles/pubsub.subscriber") },
    Grant { access: "read", kind: "bucket", aws: (&["s3:GetObject"], "s3:::{}/*"),
        azure: Some(("Storage Blob Data Reader", "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1")), google: Some("roles/storage.objectViewer") },
    Grant { access: "write", kind: "bucket", aws: (&["s3:PutObject"], "s3:::{}/*"),
        azure: Some(("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe")), google: Some("roles/storage.objectCreator") },
    Grant { access: "read", kind: "table", aws: (&["dynamodb:GetItem", "dynamodb:Query"], "dynamodb:{region}:{account}:table/{}"),
        azure: Some(("Storage Table Data Reader", "76199698-9eea-4c19-bc75-cec21354c6b6")), google: Some("roles/datastore.viewer") },
    Grant { access: "write", kind: "table", aws: (&["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], "dynamodb:{region}:{account}:table/{}"),
        azure: Some(("Storage Table Data Contributor", "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3")), google: Some("roles/datastore.user") },
    // Six random characters stand behind the name of a secret.
    Grant { access: "read", kind: "secret", aws: (&["secretsmanager:GetSecretValue"], "secretsmanager:{region}:{account}:secret:{}-??????"),
        azure: Some(("Key Vault Secrets User", "4633458b-17de-408a-b874-0445c86b69e6")), google: Some("roles/secretmanager.secretAccessor") },
    Grant { access: "invoke", kind: "function", aws: (&["lambda:InvokeFunction"], "lambda:{region}:{account}:function:{}"),
        azure: None, google: Some("roles/run.servicesInvoker") },
    // What queues and topics are on Azure where its packer was told so.
    Grant { access: "publish", kind: "service-bus-queue", aws: NOTHING,
        azure: Some(("Azure Service Bus Data Sender", "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39")), google: None },
    Grant { access: "read", kind: "service-bus-queue", aws: NOTHING,
        azure: Some(("Azure Service Bus Data Receiver", "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0")), google: None },
    Grant { access: "publish", kind: "service-bus-topic", aws: NOTHING,
        azure: Some(("Azure Service Bus Data Sender", "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39")), google: None },
    Grant { access: "read", kind: "service-bus-topic", aws: NOTHING,
        azure: Some(("Azure Service Bus Data Receiver", "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0")), google: None },
    // An address asks for no right of the cloud.
    Grant { access: "invoke", kind: "url", aws: NOTHING, azure: None, google: None },
];

fn grant(need: &Need) -> Option<&'static Grant> {
    let is_it = |grant: &&Grant| grant.access == need.access && grant.kind == need.kind;
    GRANTS.iter().find(is_it)
}

/// All needs with what they are called on each cloud.
pub(super) fn all(manifest: &Manifest) -> Vec<Value> {
    let one = |need: &Need| {
        let grant = grant(need);
        json!({
            "access": need.access, "kind": need.kind, "name": need.name,
            "aws": grant.map(|grant| grant.aws.0),
            "azure": grant.and_then(|grant| grant.azure).map(|(role, _)| role),
            "google": grant.and_then(|grant| grant.google),
        })
    };
    manifest.needs.iter().map(one).collect()
}

/// Needs that no cloud is known to grant: they are told, and nothing is granted for them.
pub(super) fn unknown(manifest: &Manifest) -> Vec<String> {
    let unknown = manifest.needs.iter().filter(|need| grant(need).is_none());
    let text = |need: &Need| {
        format!(
            "nothing is granted for: {} {} {}",
            need.access, need.kind, need.name
        )
    };
    unknown.map(text).collect()
}

/// Statements of a policy of AWS, with the pseudo parameters of CloudFormation.
pub(super) fn statements(manifest: &Manifest) -> Vec<Value> {
    let one = |need: &Need| {
        let (actions, resource) = grant(need)?.aws;
        (!actions.is_empty()).then(|| statement(actions, &arn(resource, &need.name)))
    };
    manifest.needs.iter().filter_map(one).collect()
}

/// `service:region:account:resource` as an ARN of whichever account it is deployed to.
pub(super) fn arn(resource: &str, name: &str) -> Value {
    let text = resource
        .replace("{region}", "${AWS::Region}")
        .replace("{account}", "${AWS::AccountId}")
        .replace("{}", name);
    json!({ "Fn::Sub": format!("arn:${{AWS::Partition}}:{text}") })
}

pub(super) fn statement(actions: &[&str], resource: &Value) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resource })
}

/// Commands that grant the roles of Azure, each for one resource.
pub(super) fn azure<'a>(needs: impl IntoIterator<Item = &'a Need>) -> Vec<String> {
    let one = |need: &Need| {
        let (role, id) = grant(need)?.azure?;
        let scope = azure_scope(&need.kind, &need.name);
        Some(format!(
            "az role assignment create --assignee \"$IDENTITY\" --role {id} --scope \"{scope}\"  # {role}"
        ))
    };
    needs.into_iter().filter_map(one).collect()
}

/// What a shell makes the id of one resource with.
fn azure_scope(kind: &str, name: &str) -> String {
    let shown =
        |command: &str| format!("$(az {command} --resource-group \"$GROUP\" --query id -o tsv)");
    let named = |what: &str| shown(&format!("{what} show --name {name}"));
    let within = |what: &str, namespace: &str| {
        shown(&format!(
            "{what} show --name {name} --namespace-name \"${{{namespace}%%.*}}\""
        ))
    };
    let stored = |service: &str, kind: &str| {
        let account = shown("storage account show --name \"$STORAGE\"");
        format!("{account}/{service}Services/default/{kind}/{name}")
    };
    match kind {
        "queue" => stored("queue", "queues"),
        "bucket" => stored("blob", "containers"),
        "table" => stored("table", "tables"),
        "secret" => format!(
            "{}/secrets/{name}",
            shown("keyvault show --name \"$VAULT\"")
        ),
        "stream" => within("eventhubs eventhub", "EVENT_HUBS"),
        "service-bus-queue" => within("servicebus queue", "SERVICE_BUS"),
        "service-bus-topic" => within("servicebus topic", "SERVICE_BUS"),
        "topic" => named("eventgrid topic"),
        _ => format!("$(az resource list --name {name} --query '[0].id' -o tsv)"),
    }
}

/// Commands that grant the roles of Google, each for one resource.
pub(super) fn google(manifest: &Manifest) -> Vec<String> {
    let one = |need: &Need| {
        let role = grant(need)?.google?;
        let resource = match need.kind.as_str() {
            "topic" | "stream" => format!("pubsub topics add-iam-policy-binding {}", need.name),
            "queue" if need.access == "publish" => {
                format!("pubsub topics add-iam-policy-binding {}", need.name)
            }
            "queue" => format!("pubsub subscriptions add-iam-policy-binding {}", need.name),
            "bucket" => format!("storage buckets add-iam-policy-binding gs://{}", need.name),
            "secret" => format!("secrets add-iam-policy-binding {}", need.name),
            "function" => format!(
                "run services add-iam-policy-binding {} --region \"$REGION\"",
                need.name
            ),
            // Firestore knows no rights below the project.
            _ => "projects add-iam-policy-binding \"$PROJECT\"".to_owned(),
        };
        Some(format!(
            "gcloud {resource} --member \"serviceAccount:$IDENTITY\" --role {role}"
        ))
    };
    manifest.needs.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_grant_is_of_one_resource_and_of_no_more_actions_than_named() {
        for grant in GRANTS {
            let (actions, resource) = grant.aws;
            assert!(
                actions.iter().all(|action| !action.contains('*')),
                "{actions:?}"
            );
            assert!(actions.is_empty() || resource.contains("{}"), "{resource}");
            let same = GRANTS
                .iter()
                .filter(|other| (other.access, other.kind) == (grant.access, grant.kind));
            assert_eq!(same.count(), 1, "{} {}", grant.access, grant.kind);
        }
    }

    #[test]
    fn a_role_of_azure_is_granted_on_one_resource() {
        for grant in GRANTS.iter().filter(|grant| grant.azure.is_some()) {
            let need = Need {
                access: grant.access.into(),
                kind: grant.kind.into(),
                name: "orders".into(),
            };
            let command = azure([&need]).remove(0);
            let scope = command.split("--scope ").nth(1).unwrap();
            assert!(scope.contains("orders"), "{command}");
            // What lies in something else is not found by its name alone.
            assert!(!scope.contains("az resource list"), "{command}");
        }
    }

    #[test]
    fn a_need_that_nobody_knows_is_told_and_not_guessed() {
        let need = Need {
            access: "own".into(),
            kind: "moon".into(),
            name: "m".into(),
        };
        let mut manifest = Manifest::default();
        manifest.needs.push(need);
        assert_eq!(unknown(&manifest), ["nothing is granted for: own moon m"]);
        assert!(statements(&manifest).is_empty() && azure(&manifest.needs).is_empty());
    }
}
