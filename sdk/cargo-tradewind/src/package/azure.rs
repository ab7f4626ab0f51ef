//! Azure Functions: an application whose custom handler is the program, with a function for each trigger, since a
//! function there has one.

mod bindings;
mod services;

use super::out::Out;
use super::zip::{File, archive};
use super::{Plan, needs};
use crate::failure::Failure;
use bindings::{Function, functions};
use serde_json::{Value, json};
use services::{Service, Services};
use std::collections::BTreeSet;

/// The program. No function is called so: their names have no dots.
const PROGRAM: &str = "handler.bin";
/// Seconds in which the host hears that the time of a handler is over.
const RESERVE: u32 = 5;

pub(super) fn pack(plan: &Plan<'_>, out: &mut Out) -> Result<Vec<String>, Failure> {
    let host = host(plan);
    let services = Services::parse(plan.services)?;
    let functions = functions(plan.name, plan.manifest, &services)?;
    let text = |document: &Value| format!("{document:#}\n");
    let mut files = vec![("host.json".to_owned(), text(&host))];
    for function in &functions {
        files.push((
            format!("{}/function.json", function.name),
            text(&function.file),
        ));
    }
    let mut zipped: Vec<_> = files
        .iter()
        .map(|(name, text)| File {
            name,
            bytes: text.as_bytes(),
            is_program: false,
        })
        .collect();
    zipped.push(File {
        name: PROGRAM,
        bytes: plan.program,
        is_program: true,
    });
    let zip = archive(&zipped).map_err(|e| Failure::new(e.to_string()))?;
    out.file("app.zip", &zip)?;
    // The same beside it, for the host that Azure has for one's own machine.
    for (name, text) in &files {
        out.file(&format!("app/{name}"), text.as_bytes())?;
    }
    out.program(&format!("app/{PROGRAM}"), plan.program)?;
    if plan.memory_is_declared {
        out.warn("memory is the plan's at Azure, and cannot be said for a function");
    }
    out.warnings.extend(needs::unknown(plan.manifest));
    Ok(commands(plan, &functions, &services))
}

fn host(plan: &Plan<'_>) -> Value {
    let seconds = plan.timeout + RESERVE;
    let span = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    json!({
        "version": "2.0",
        "functionTimeout": span,
        "customHandler": {
            "description": { "defaultExecutablePath": PROGRAM },
            "enableForwardingHttpRequest": true,
        },
        "extensionBundle": {
            "id": "Microsoft.Azure.Functions.ExtensionBundle",
            "version": "[4.*, 5.0.0)",
        },
    })
}

fn commands(plan: &Plan<'_>, functions: &[Function], services: &Services) -> Vec<String> {
    let manifest = plan.manifest;
    let app = "--name \"$APP\" --resource-group \"$GROUP\"";
    let settings = manifest.settings.iter();
    let settings = settings.map(|setting| match setting.required {
        true => format!(" {0}=\"${0}\"", setting.name),
        // Left out where it has no value.
        false => format!(" ${{{0}:+{0}=\"${0}\"}}", setting.name),
    });
    let connections: BTreeSet<_> = functions.iter().flat_map(|one| &one.connections).collect();
    let connections = connections.iter();
    let connections = connections.map(|one| format!(" {}=\"{}\"", one.setting, one.value));
    let settings: String = settings.chain(connections).collect();
    let mut commands = vec![
        format!(
            "az functionapp create {app} --storage-account \"$STORAGE\" --consumption-plan-location \"$REGION\" \
             --os-type Linux --runtime custom --functions-version 4 --assign-identity"
        ),
        format!(
            "az functionapp config appsettings set {app} --settings TRADEWIND_TIMEOUT={}{settings}",
            plan.timeout
        ),
        format!(
            "az functionapp deployment source config-zip {app} --src {}/app.zip",
            plan.folder
        ),
    ];
    for function in functions.iter().filter(|one| one.trigger.kind == "topic") {
        let name = function.trigger.name.as_deref().unwrap_or("TOPIC");
        if services.of("topic") == Service::Bus {
            commands.push(format!(
                "az servicebus topic subscription create --name {} --topic-name {name} --resource-group \"$GROUP\" \
                 --namespace-name \"${{SERVICE_BUS%%.*}}\"",
                plan.name
            ));
            continue;
        }
        let function = &function.name;
        commands.push(format!(
            "az eventgrid event-subscription create --name {function} --endpoint-type azurefunction \
             --event-delivery-schema cloudeventschemav1_0 \
             --source-resource-id \"$(az resource list --name {name} --query '[0].id' -o tsv)\" \
             --endpoint \"$(az functionapp function show {app} --function-name {function} --query id -o tsv)\""
        ));
    }
    let declared = manifest.needs.iter().map(|need| services.need(need));
    let bound = functions.iter().flat_map(|one| one.needs.iter().cloned());
    let uses: BTreeSet<_> = declared.chain(bound).collect();
    let grants = needs::azure(&uses);
    if !grants.is_empty() {
        commands.push(format!(
            "IDENTITY=$(az functionapp identity show {app} --query principalId -o tsv)"
        ));
    }
    commands.extend(grants);
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::elf::Arch;
    use crate::package::manifest::{Target, tests::sample};
    use crate::package::tests::{packed, packed_with};

    #[test]
    fn each_trigger_is_a_function_and_none_stands_in_the_way_of_another_or_of_the_program() {
        let (scratch, commands) = packed(pack, &sample()).unwrap();
        let app = scratch.path().join("out/app");
        let mut kinds = Vec::new();
        for entry in std::fs::read_dir(&app).unwrap().flatten() {
            let text = std::fs::read(entry.path().join("function.json"));
            let Ok(text) = text else { continue };
            let function: Value = serde_json::from_slice(&text).unwrap();
            kinds.push(function["bindings"][0]["type"].as_str().unwrap().to_owned());
        }
        kinds.sort();
        let all = [
            "eventGridTrigger",
            "eventHubTrigger",
            "httpTrigger",
            "queueTrigger",
            "timerTrigger",
        ];
        assert_eq!(kinds, all);
        assert!(app.join(PROGRAM).is_file());
        let host = std::fs::read(app.join("host.json")).unwrap();
        let host: Value = serde_json::from_slice(&host).unwrap();
        assert_eq!(host["functionTimeout"], "00:00:25");
        let settings = "PAYMENTS_KEY=\"$PAYMENTS_KEY\" ${COLOUR:+COLOUR=\"$COLOUR\"} EventHubs__fullyQualifiedNamespace=\"$EVENT_HUBS\"";
        assert!(commands[1].ends_with(settings), "{commands:?}");
    }

    /// The `function.json` of a function.
    fn function(scratch: &tempfile::TempDir, name: &str) -> Value {
        let file = scratch
            .path()
            .join("out/app")
            .join(name)
            .join("function.json");
        let text = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn a_handler_of_requests_is_called_by_any_method() {
        let methods = |takes: &str| {
            let mut manifest = sample();
            manifest.handlers[0].takes = takes.into();
            let (scratch, _) = packed(pack, &manifest).unwrap();
            function(&scratch, "orders")["bindings"][0]["methods"].clone()
        };
        assert_eq!(methods("event"), json!(["post"]));
        assert_eq!(methods("request"), Value::Null);
    }

    #[test]
    fn what_failed_is_tried_again_where_azure_would_pass_it_over() {
        let (scratch, _) = packed(pack, &sample()).unwrap();
        let timer = function(&scratch, "orders-timer-nightly");
        assert_eq!(timer["bindings"][0]["schedule"], "0 30 2 * * 1-5");
        assert_eq!(timer["retry"]["maxRetryCount"], 5);
        assert_eq!(
            function(&scratch, "orders-stream-orders")["retry"]["maxRetryCount"],
            -1
        );
        assert_eq!(
            function(&scratch, "orders-queue-orders")["retry"],
            Value::Null
        );
    }

    #[test]
    fn replies_that_nobody_waits_for_have_an_output_binding() {
        let packed = |kind: &str, services: &[&str]| {
            let mut manifest = sample();
            let to = Target {
                kind: kind.into(),
                name: "charged".into(),
            };
            manifest.handlers[0].replies_to = Some(to);
            let services: Vec<String> = services.iter().map(|one| (*one).to_owned()).collect();
            packed_with(&services, Arch::X86_64, pack, &manifest)
        };
        let output = |ty: &str, members: Value| {
            let mut binding = json!({ "type": ty, "direction": "out", "name": "reply" });
            for (name, value) in members.as_object().unwrap() {
                binding[name] = value.clone();
            }
            binding
        };
        let bus = ["queue=service-bus", "topic=service-bus"];
        for (kind, services, expected, setting) in [
            (
                "queue",
                &[][..],
                output(
                    "queue",
                    json!({ "queueName": "charged", "connection": "AzureWebJobsStorage" }),
                ),
                "",
            ),
            (
                "bucket",
                &[],
                output(
                    "blob",
                    json!({ "path": "charged/{rand-guid}.json", "connection": "AzureWebJobsStorage" }),
                ),
                "",
            ),
            (
                "stream",
                &[],
                output(
                    "eventHub",
                    json!({ "eventHubName": "charged", "connection": "EventHubs" }),
                ),
                "EventHubs__",
            ),
            (
                "topic",
                &[],
                output("eventGrid", json!({ "connection": "EventGrid_charged" })),
                "EventGrid_charged__topicEndpointUri=",
            ),
            (
                "queue",
                &bus,
                output(
                    "serviceBus",
                    json!({ "queueName": "charged", "connection": "ServiceBus" }),
                ),
                "ServiceBus__",
            ),
            (
                "topic",
                &bus,
                output(
                    "serviceBus",
                    json!({ "topicName": "charged", "connection": "ServiceBus" }),
                ),
                "ServiceBus__",
            ),
        ] {
            let (scratch, commands) = packed(kind, services).unwrap();
            for name in [
                "orders-queue-orders",
                "orders-timer-nightly",
                "orders-stream-orders",
                "orders-topic-orders",
            ] {
                assert_eq!(
                    function(&scratch, name)["bindings"][1],
                    expected,
                    "{kind}: {name}"
                );
            }
            // Who asks by HTTP waits for the reply.
            assert_eq!(function(&scratch, "orders")["bindings"][1]["type"], "http");
            assert!(commands[1].contains(setting), "{kind}: {}", commands[1]);
        }
        let refused = packed("moon", &[]).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("queue, topic, stream or bucket"),
            "{refused}"
        );
    }

    #[test]
    fn a_service_of_azure_is_chosen_and_its_rights_are_of_one_queue() {
        let services = [
            "queue=service-bus".to_owned(),
            "topic=service-bus".to_owned(),
        ];
        let (scratch, commands) = packed_with(&services, Arch::X86_64, pack, &sample()).unwrap();
        let queue = &function(&scratch, "orders-queue-orders")["bindings"][0];
        assert_eq!(
            (&queue["type"], &queue["queueName"]),
            (&"serviceBusTrigger".into(), &"orders".into())
        );
        let topic = &function(&scratch, "orders-topic-orders")["bindings"][0];
        assert_eq!(
            (&topic["topicName"], &topic["subscriptionName"]),
            (&"orders".into(), &"orders".into())
        );
        let all = commands.join("\n");
        assert!(
            all.contains(
                "az servicebus topic subscription create --name orders --topic-name orders"
            ),
            "{all}"
        );
        assert!(!all.contains("eventgrid event-subscription"), "{all}");
        // The need that the handler declares, and what its triggers read.
        let granted = |role: &str| all.lines().filter(|line| line.contains(role)).count();
        assert_eq!(granted("Azure Service Bus Data Sender"), 1, "{all}");
        assert_eq!(granted("Azure Service Bus Data Receiver"), 2, "{all}");
    }

    #[test]
    fn two_places_for_the_replies_of_one_function_are_refused() {
        let mut manifest = sample();
        let mut other = manifest.handlers[0].clone();
        other.replies_to = Some(Target {
            kind: "queue".into(),
            name: "refunded".into(),
        });
        manifest.handlers.push(other);
        let refused = packed(pack, &manifest).unwrap_err().to_string();
        assert!(
            refused.contains("queue refunded and stream charged"),
            "{refused}"
        );
    }

    #[test]
    fn triggers_whose_names_are_written_alike_are_functions_of_their_own() {
        let trigger = |kind: &str, name: &str| {
            serde_json::from_value(json!({ "kind": kind, "name": name })).unwrap()
        };
        let mut manifest = sample();
        manifest.handlers[0].replies_to = None;
        manifest.handlers[0].triggers = vec![
            trigger("http", "a"),
            trigger("http", "b"),
            trigger("call", "c"),
            trigger("stream", "orders-eu"),
            trigger("stream", "orders.eu"),
            trigger("stream", "orders_EU"),
            trigger("topic", "orders-eu"),
            trigger("topic", "orders.eu"),
        ];
        let (scratch, commands) = packed(pack, &manifest).unwrap();
        for (name, stream) in [
            ("orders-stream-orders-eu", "orders-eu"),
            ("orders-stream-orders-eu-2", "orders.eu"),
            ("orders-stream-orders-EU-3", "orders_EU"),
        ] {
            let binding = &function(&scratch, name)["bindings"][0];
            assert_eq!(binding["eventHubName"], stream, "{name}");
        }
        let app = std::fs::read_dir(scratch.path().join("out/app")).unwrap();
        let functions = app.flatten().filter(|entry| entry.path().is_dir());
        assert_eq!(functions.count(), 6);
        let second = commands
            .iter()
            .find(|command| command.contains("--function-name orders-topic-orders-eu-2 "));
        assert!(
            second.is_some_and(|command| command.contains("--name orders.eu ")),
            "{commands:?}"
        );
    }

    #[test]
    fn a_queue_without_a_name_is_asked_for_it() {
        let mut manifest = sample();
        let triggers = &mut manifest.handlers[0].triggers;
        triggers.retain(|trigger| trigger.kind != "timer");
        for trigger in triggers {
            trigger.name = None;
        }
        let failure = packed(pack, &manifest).unwrap_err();
        assert!(
            failure.to_string().contains(".queue(\"orders\")"),
            "{failure}"
        );
    }
}
