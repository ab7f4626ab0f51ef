//! Azure Functions: an application whose custom handler is the program, with a function for each trigger, since a
//! function there has one.

use super::manifest::Trigger;
use super::out::Out;
use super::zip::{File, archive};
use super::{Plan, needs};
use crate::failure::Failure;
use serde_json::{Value, json};

/// The program. No function is called so: their names have no dots.
const PROGRAM: &str = "handler.bin";
/// Seconds in which the host hears that the time of a handler is over.
const RESERVE: u32 = 5;

pub(super) fn pack(plan: &Plan<'_>, out: &mut Out) -> Result<Vec<String>, Failure> {
    let host = host(plan);
    let functions = functions(plan)?;
    let text = |document: &Value| format!("{document:#}\n");
    let mut files = vec![("host.json".to_owned(), text(&host))];
    for (name, bindings) in &functions {
        let function = json!({ "bindings": bindings });
        files.push((format!("{name}/function.json"), text(&function)));
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
    Ok(commands(plan))
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

/// Names and bindings. Who declares nothing is called over HTTP.
fn functions(plan: &Plan<'_>) -> Result<Vec<(String, Value)>, Failure> {
    let mut triggers = plan.manifest.triggers();
    let http = Trigger {
        kind: "http".into(),
        name: None,
    };
    if triggers.is_empty() {
        triggers.push(&http);
    }
    let mut functions: Vec<(String, Value)> = Vec::new();
    for trigger in triggers {
        let bindings = bindings(trigger)?;
        let name = match trigger.kind.as_str() {
            "http" | "call" => plan.name.to_owned(),
            kind => format!(
                "{}-{kind}-{}",
                plan.name,
                trigger.name.as_deref().unwrap_or_default()
            ),
        };
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        // A call by a program comes over HTTP, too.
        if functions.iter().all(|(known, _)| *known != name) {
            functions.push((name, bindings));
        }
    }
    Ok(functions)
}

fn bindings(trigger: &Trigger) -> Result<Value, Failure> {
    let named = |what: &str| {
        let name = trigger.name.clone();
        name.ok_or_else(|| {
            Failure::new(format!(
                "Azure wants to know which {what} calls the function"
            ))
            .hint(format!(
                "name it in the handler's declaration, for instance .{what}(\"orders\")"
            ))
        })
    };
    Ok(match trigger.kind.as_str() {
        "http" | "call" => json!([
            { "type": "httpTrigger", "direction": "in", "name": "req", "methods": ["post"], "authLevel": "function" },
            { "type": "http", "direction": "out", "name": "res" },
        ]),
        "queue" => json!([{
            "type": "queueTrigger", "direction": "in", "name": "event",
            "queueName": named("queue")?, "connection": "AzureWebJobsStorage",
        }]),
        "topic" => json!([{ "type": "eventGridTrigger", "direction": "in", "name": "event" }]),
        // One by one: a batch fails as a whole here.
        "stream" => json!([{
            "type": "eventHubTrigger", "direction": "in", "name": "event", "eventHubName": named("stream")?,
            "connection": "EventHubs", "cardinality": "one", "consumerGroup": "$Default",
        }]),
        other => {
            return Err(Failure::new(format!(
                "no trigger of Azure is known for `{other}`"
            )));
        }
    })
}

fn commands(plan: &Plan<'_>) -> Vec<String> {
    let manifest = plan.manifest;
    let app = "--name \"$APP\" --resource-group \"$GROUP\"";
    let settings = manifest.settings.iter();
    let settings = settings.map(|setting| format!(" {0}=\"${0}\"", setting.name));
    let settings: String = settings.collect();
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
    let topics = manifest.triggers();
    for topic in topics.iter().filter(|trigger| trigger.kind == "topic") {
        let name = topic.name.as_deref().unwrap_or("TOPIC");
        let function = format!(
            "{}-topic-{}",
            plan.name,
            topic.name.as_deref().unwrap_or_default()
        );
        commands.push(format!(
            "az eventgrid event-subscription create --name {function} --endpoint-type azurefunction \
             --source-resource-id \"$(az resource list --name {name} --query '[0].id' -o tsv)\" \
             --endpoint \"$(az functionapp function show {app} --function-name {function} --query id -o tsv)\""
        ));
    }
    let grants = needs::azure(manifest);
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
    use crate::package::manifest::tests::sample;
    use crate::package::tests::packed;

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
        ];
        assert_eq!(kinds, all);
        assert!(app.join(PROGRAM).is_file());
        let host = std::fs::read(app.join("host.json")).unwrap();
        let host: Value = serde_json::from_slice(&host).unwrap();
        assert_eq!(host["functionTimeout"], "00:00:25");
        assert!(commands[1].ends_with("PAYMENTS_KEY=\"$PAYMENTS_KEY\" COLOUR=\"$COLOUR\""));
    }

    #[test]
    fn a_queue_without_a_name_is_asked_for_it() {
        let mut manifest = sample();
        for trigger in &mut manifest.handlers[0].triggers {
            trigger.name = None;
        }
        let failure = packed(pack, &manifest).unwrap_err();
        assert!(
            failure.to_string().contains(".queue(\"orders\")"),
            "{failure}"
        );
    }
}
