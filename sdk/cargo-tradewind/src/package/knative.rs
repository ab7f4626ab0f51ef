//! Knative, and Cloud Run, which takes the same service.

use super::manifest::{Handler, Setting, Timer};
use super::out::Out;
use super::{Plan, needs, oci, yaml};
use crate::failure::Failure;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Requests at once; the next one goes to another instance.
const CONCURRENCY: u32 = 80;
/// Seconds in which the platform hears that the time of a handler is over.
const RESERVE: u32 = 5;
/// Longest that Cloud Scheduler waits for an answer.
const JOB_SECONDS: u32 = 1800;
/// How often it tries again before the next time.
const JOB_RETRIES: u32 = 5;

pub(super) fn pack(plan: &Plan<'_>, out: &mut Out) -> Result<Vec<String>, Failure> {
    let mut service = service(
        plan,
        |setting| json!({ "name": plan.name, "key": setting.name }),
    );
    service["spec"]["template"]["spec"]["containers"][0]["securityContext"] = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "seccompProfile": { "type": "RuntimeDefault" },
    });
    write(plan, &service, out)?;
    let mut commands = vec![
        oci::push(plan),
        format!("{} | kubectl apply -f -", filled(plan, &[])),
    ];
    let triggers: Vec<_> = plan
        .manifest
        .handlers
        .iter()
        .filter_map(|handler| trigger(plan, handler))
        .collect();
    if !triggers.is_empty() {
        out.file("trigger.yaml", yaml::text(&triggers).as_bytes())?;
        commands.push(format!("kubectl apply -f {}/trigger.yaml", plan.folder));
    }
    let timers = plan.manifest.timers()?;
    let timers: Vec<_> = timers.iter().map(|timer| ping(plan, timer)).collect();
    if !timers.is_empty() {
        out.file("timers.yaml", yaml::text(&timers).as_bytes())?;
        commands.push(format!("kubectl apply -f {}/timers.yaml", plan.folder));
    }
    if !plan.manifest.needs.is_empty() {
        out.warn("what the handler uses is granted by the cluster's own means: see deploy.json");
    }
    let values: String = secrets(plan)
        .map(|setting| format!(" --from-literal {0}=\"${0}\"", setting.name))
        .collect();
    if !values.is_empty() {
        commands.insert(
            0,
            format!("kubectl create secret generic {}{values}", plan.name),
        );
    }
    Ok(commands)
}

pub(super) fn cloud_run(plan: &Plan<'_>, out: &mut Out) -> Result<Vec<String>, Failure> {
    // There a secret is named, and its key is the version.
    let mut service = service(
        plan,
        |setting| json!({ "name": setting.name, "key": "latest" }),
    );
    let spec = &mut service["spec"]["template"]["spec"];
    spec["serviceAccountName"] = "$IDENTITY".into();
    write(plan, &service, out)?;
    out.warnings.extend(needs::unknown(plan.manifest));
    let name = plan.name;
    let mut commands: Vec<_> = secrets(plan).flat_map(secret).collect();
    commands.extend([
        oci::push(plan),
        format!(
            "{} > {folder}/filled.yaml && gcloud run services replace {folder}/filled.yaml --region \"$REGION\"",
            filled(plan, &["IDENTITY"]),
            folder = plan.folder
        ),
    ]);
    // A queue there is a topic and a subscription.
    let triggers = plan.manifest.triggers();
    let pushed = triggers
        .iter()
        .filter(|trigger| matches!(trigger.kind.as_str(), "topic" | "queue"));
    let topics: BTreeSet<_> = pushed
        .map(|trigger| trigger.name.as_deref().unwrap_or("TOPIC"))
        .collect();
    for topic in &topics {
        commands.push(format!(
            "gcloud pubsub subscriptions create {name}-{topic} --topic {topic} --ack-deadline {} \
             --push-auth-service-account \"$IDENTITY\" \
             --push-endpoint \"$(gcloud run services describe {name} --region \"$REGION\" --format 'value(status.url)')\"",
            (plan.timeout + RESERVE).clamp(10, 600)
        ));
    }
    let timers = plan.manifest.timers()?;
    for Timer { name: timer, due } in &timers {
        commands.push(format!(
            "gcloud scheduler jobs create http {name}-{timer} --location \"$REGION\" --schedule '{}' --time-zone UTC \
             --http-method POST --headers Content-Type=application/json --message-body '{{\"schedule\":\"{timer}\"}}' \
             --oidc-service-account-email \"$IDENTITY\" --attempt-deadline {}s --max-retry-attempts {JOB_RETRIES} \
             --uri \"$(gcloud run services describe {name} --region \"$REGION\" --format 'value(status.url)')\"",
            due.unix(),
            (plan.timeout + RESERVE).clamp(15, JOB_SECONDS)
        ));
    }
    if !timers.is_empty() && plan.timeout + RESERVE > JOB_SECONDS {
        out.warn(format!(
            "Cloud Scheduler waits for {JOB_SECONDS} s at most, then it tries again"
        ));
    }
    if !topics.is_empty() || !timers.is_empty() {
        commands.push(format!(
            "gcloud run services add-iam-policy-binding {name} --region \"$REGION\" \
             --member \"serviceAccount:$IDENTITY\" --role roles/run.servicesInvoker"
        ));
    }
    commands.extend(needs::google(plan.manifest));
    Ok(commands)
}

fn secrets<'a>(plan: &Plan<'a>) -> impl Iterator<Item = &'a Setting> {
    let settings = plan.manifest.settings.iter();
    settings.filter(|setting| setting.secret)
}

/// A service whose identity may not read its secrets is never ready there. The value is in no list of processes.
fn secret(setting: &Setting) -> [String; 2] {
    let name = &setting.name;
    [
        format!(
            "printf %s \"${name}\" | gcloud secrets create {name} --replication-policy automatic --data-file -"
        ),
        format!(
            "gcloud secrets add-iam-policy-binding {name} --member \"serviceAccount:$IDENTITY\" \
             --role roles/secretmanager.secretAccessor"
        ),
    ]
}

fn write(plan: &Plan<'_>, service: &Value, out: &mut Out) -> Result<(), Failure> {
    oci::write(plan, &[], out)?;
    out.file(
        "service.yaml",
        yaml::text(std::slice::from_ref(service)).as_bytes(),
    )
}

fn service(plan: &Plan<'_>, secret: impl Fn(&Setting) -> Value) -> Value {
    let mut variables = vec![
        json!({ "name": "TRADEWIND_TIMEOUT", "value": plan.timeout.to_string() }),
        json!({ "name": "TRADEWIND_CONCURRENCY", "value": CONCURRENCY.to_string() }),
    ];
    for setting in &plan.manifest.settings {
        variables.push(match setting.secret {
            true => {
                json!({ "name": setting.name, "valueFrom": { "secretKeyRef": secret(setting) } })
            }
            false => json!({ "name": setting.name, "value": format!("${}", setting.name) }),
        });
    }
    json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": { "name": plan.name },
        "spec": { "template": { "spec": {
            "containerConcurrency": CONCURRENCY,
            "timeoutSeconds": plan.timeout + RESERVE,
            "containers": [{
                "image": oci::reference(plan),
                "ports": [{ "containerPort": 8080 }],
                "env": variables,
                "resources": { "limits": { "cpu": "1000m", "memory": format!("{}Mi", plan.memory) } },
            }],
        }}},
    })
}

/// Writes a value as it stands between the quotes of the document. A prefix of one command leaves the shell's own alone,
/// and `envsubst` sees it even if it is not exported.
const QUOTE: &str = r#"awk '{ gsub(/[\\"]/, "\\\\&"); printf "%s%s", end, $0; end = "\\n" }'"#;

/// What writes the service with the variables of the shell filled in. A setting that is optional is left out where it is
/// not set: the expression that deletes it is a comment where it is.
fn filled(plan: &Plan<'_>, more: &[&str]) -> String {
    let settings = plan.manifest.settings.iter();
    let plain: Vec<_> = settings.filter(|setting| !setting.secret).collect();
    let mut names: Vec<_> = plain.iter().map(|setting| setting.name.as_str()).collect();
    let optional = plain.iter().filter(|setting| !setting.required);
    let left_out: String = optional
        .map(|setting| {
            let name = &setting.name;
            let written = yaml::scalar(&name.as_str().into());
            format!(r#" -e "${{{name}:+#}}"'/- name: {written}$/{{N;d;}}'"#)
        })
        .collect();
    let quoted = plain.iter().map(|setting| {
        let name = &setting.name;
        let value = match setting.required {
            true => format!("${name}"),
            false => format!("${{{name}-}}"),
        };
        format!(r#"{name}="$(printf %s "{value}" | {QUOTE})" "#)
    });
    let quoted: String = quoted.collect();
    if plan.image.is_none() {
        names.push("REGISTRY");
    }
    names.extend(more);
    let names: Vec<_> = names.iter().map(|name| format!("${name}")).collect();
    let filling = format!("{quoted}envsubst '{}'", names.join(" "));
    let file = format!("{}/service.yaml", plan.folder);
    match left_out.is_empty() {
        true => format!("{filling} < {file}"),
        false => format!("sed{left_out} {file} | {filling}"),
    }
}

/// What calls the service when a timer is due.
fn ping(plan: &Plan<'_>, timer: &Timer<'_>) -> Value {
    json!({
        "apiVersion": "sources.knative.dev/v1",
        "kind": "PingSource",
        "metadata": { "name": format!("{}-{}", plan.name, timer.name) },
        "spec": {
            "schedule": timer.due.unix(),
            "timezone": "UTC",
            "contentType": "application/json",
            "data": json!({ "schedule": timer.name }).to_string(),
            "sink": {
                "ref": { "apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": plan.name },
            },
        },
    })
}

/// What brings the events of a broker, where the handler says which it wants.
fn trigger(plan: &Plan<'_>, handler: &Handler) -> Option<Value> {
    let by_topic = handler
        .triggers
        .iter()
        .any(|trigger| trigger.kind == "topic");
    if handler.types.is_empty() && handler.sources.is_empty() && !by_topic {
        return None;
    }
    let any = |attribute: &str, patterns: &[String]| {
        let one = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => json!({ "prefix": { attribute: beginning } }),
            None => json!({ "exact": { attribute: pattern } }),
        };
        let all: Vec<_> = patterns.iter().map(one).collect();
        match all.len() {
            0 | 1 => all.into_iter().next(),
            _ => Some(json!({ "any": all })),
        }
    };
    let filters: Vec<_> = [any("type", &handler.types), any("source", &handler.sources)]
        .into_iter()
        .flatten()
        .collect();
    let mut spec = json!({ "broker": "default" });
    if !filters.is_empty() {
        spec["filters"] = filters.into();
    }
    spec["subscriber"] = json!({
        "ref": { "apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": plan.name },
    });
    let name = match plan.manifest.handlers.len() {
        1 => plan.name.to_owned(),
        _ => format!("{}-{}", plan.name, handler.name.replace('_', "-")),
    };
    Some(json!({
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": { "name": name },
        "spec": spec,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::manifest::{Manifest, tests::sample};
    use crate::package::tests::{Pack, packed};

    /// The service as a shell fills it in, where these variables have values.
    fn service_with(pack: Pack, manifest: &Manifest, values: &[(&str, &str)]) -> String {
        // What `envsubst` does with names that are all its own; a shell does not look at a value again.
        const FILL: &str = "envsubst() { eval \"cat <<EOF\n$(cat)\nEOF\"; }; set -u; ";
        let (scratch, commands) = packed(pack, manifest).unwrap();
        let command = commands
            .iter()
            .find(|command| command.contains("envsubst"))
            .unwrap();
        let command = command.split(" | kubectl").next().unwrap();
        let command = command.split(" > out/").next().unwrap();
        let made = std::process::Command::new("sh")
            .args(["-ec", &format!("{FILL}{command}")])
            .current_dir(scratch.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs([("REGISTRY", "r.example"), ("IDENTITY", "i")])
            .envs(values.iter().copied())
            .output()
            .unwrap();
        assert!(made.status.success(), "{command}: {made:?}");
        String::from_utf8(made.stdout).unwrap()
    }

    #[test]
    fn a_setting_has_the_value_of_the_shell_or_is_left_out() {
        let mut manifest = sample();
        // One that YAML would take for something else.
        manifest.settings.push(Setting {
            name: "NO".into(),
            secret: false,
            required: false,
        });
        for pack in [pack as Pack, cloud_run] {
            for value in [
                "https://pay.example/?a=b&c=$HOME`x`",
                r#"say "hi""#,
                r"C:\new\table\",
                r#"\""#,
                "one: two # three",
                "first\nsecond",
                "it's 100 %",
                "",
            ] {
                let set = [("PAYMENTS_URL", value), ("COLOUR", value), ("NO", value)];
                let is_set = !value.is_empty();
                for (values, optional) in [(&set[..], is_set), (&set[..1], false)] {
                    let service = service_with(pack, &manifest, values);
                    let written = format!("\n              value: {}\n", Value::from(value));
                    let has = |name: &str| service.contains(&format!("- name: {name}{written}"));
                    assert!(has("PAYMENTS_URL"), "{service}");
                    assert_eq!(has("COLOUR"), optional, "{service}");
                    assert_eq!(has("\"NO\""), optional, "{service}");
                    assert_eq!(service.contains("COLOUR"), optional, "{service}");
                    // What stands around them is all there.
                    assert!(
                        service.contains("TRADEWIND_CONCURRENCY") && service.contains("resources:")
                    );
                }
            }
        }
    }

    #[test]
    fn patterns_of_types_become_filters_and_values_of_settings_are_nowhere() {
        let manifest = sample();
        let (scratch, commands) = packed(pack, &manifest).unwrap();
        let read =
            |name: &str| std::fs::read_to_string(scratch.path().join("out").join(name)).unwrap();
        let trigger = read("trigger.yaml");
        assert!(
            trigger.contains("- exact:\n            type: shop.order.placed"),
            "{trigger}"
        );
        assert!(
            trigger.contains("- prefix:\n            type: shop.return.\n"),
            "{trigger}"
        );
        let service = read("service.yaml");
        assert!(
            service.contains("secretKeyRef:") && service.contains("\"$PAYMENTS_URL\""),
            "{service}"
        );
        assert!(!commands[2].contains("$PAYMENTS_KEY"), "{commands:?}");
        let timers = read("timers.yaml");
        assert!(
            timers.contains("schedule: \"30 2 * * 1-5\"\n  timezone: UTC\n"),
            "{timers}"
        );
        assert!(
            timers.contains(r#"data: "{\"schedule\":\"nightly\"}""#),
            "{timers}"
        );
        // A queue and a topic of one name are one subscription of Google.
        let (_scratch, commands) = packed(cloud_run, &manifest).unwrap();
        let made = commands
            .iter()
            .filter(|command| command.contains("subscriptions create"));
        assert_eq!(made.count(), 1, "{commands:?}");
        // Its secrets are there, and its own, before it is.
        let at = |part: &str| {
            let found = commands.iter().position(|command| command.contains(part));
            found.unwrap_or_else(|| panic!("{part}: {commands:?}"))
        };
        let made = at("printf %s \"$PAYMENTS_KEY\" | gcloud secrets create PAYMENTS_KEY ");
        let granted = at(
            "gcloud secrets add-iam-policy-binding PAYMENTS_KEY --member \"serviceAccount:$IDENTITY\" --role roles/secretmanager.secretAccessor",
        );
        assert!(made < granted && granted < at("gcloud run services replace"));
        assert!(
            !commands
                .iter()
                .any(|command| command.contains("secrets create PAYMENTS_URL"))
        );
        let job = commands
            .iter()
            .find(|command| command.contains("scheduler jobs create http orders-nightly"));
        assert!(job.is_some_and(|job| job.contains("--schedule '30 2 * * 1-5' --time-zone UTC")));
    }
}
