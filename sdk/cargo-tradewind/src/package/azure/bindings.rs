//! What a function is bound to: `function.json`.

use super::services::{Service, Services};
use crate::failure::Failure;
use crate::package::manifest::{Manifest, Need, Target, Timer, Trigger};
use serde_json::{Value, json};

/// The storage account that every application has.
const STORAGE: &str = "AzureWebJobsStorage";

/// One function, and what it takes beside its file.
pub(super) struct Function {
    pub(super) name: String,
    /// What calls it.
    pub(super) trigger: Trigger,
    pub(super) file: Value,
    pub(super) connections: Vec<Connection>,
    /// What its identity does through its bindings.
    pub(super) needs: Vec<Need>,
}

/// Where a binding leads: a setting that names the place, and no key; the application proves who it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Connection {
    pub(super) setting: String,
    /// As a shell makes it.
    pub(super) value: String,
}

impl Connection {
    fn namespace(prefix: &str, variable: &str) -> Self {
        Self {
            setting: format!("{prefix}__fullyQualifiedNamespace"),
            value: format!("${variable}"),
        }
    }

    fn event_hubs() -> Self {
        Self::namespace("EventHubs", "EVENT_HUBS")
    }

    fn service_bus() -> Self {
        Self::namespace("ServiceBus", "SERVICE_BUS")
    }

    /// Each topic of Event Grid has an address of its own.
    fn event_grid(topic: &str) -> (String, Self) {
        let words = topic.split(|c: char| !c.is_ascii_alphanumeric());
        let prefix = format!("EventGrid_{}", words.collect::<Vec<_>>().join("_"));
        let connection = Self {
            setting: format!("{prefix}__topicEndpointUri"),
            value: format!(
                "$(az eventgrid topic show --name {topic} --resource-group \"$GROUP\" --query endpoint -o tsv)"
            ),
        };
        (prefix, connection)
    }
}

/// A function for each trigger, since a function has one. Who declares nothing is called over HTTP.
pub(super) fn functions(
    app: &str,
    manifest: &Manifest,
    services: &Services,
) -> Result<Vec<Function>, Failure> {
    let mut triggers = manifest.triggers();
    let http = Trigger {
        kind: "http".into(),
        name: None,
        schedule: None,
    };
    if triggers.is_empty() {
        triggers.push(&http);
    }
    let timers = manifest.timers()?;
    let mut functions: Vec<Function> = Vec::new();
    for trigger in triggers {
        let mut function = called(app, trigger, services, &timers)?;
        if manifest.takes_requests() {
            function.any_method();
        }
        if let Some(to) = replies(trigger, manifest)? {
            function.put(output(to, services)?);
        }
        // A call by a program comes over HTTP, too.
        let is_there = |known: &Function| known.is_http() && function.is_http();
        if !functions.iter().any(is_there) {
            function.name = unlike(&functions, function.name);
            functions.push(function);
        }
    }
    Ok(functions)
}

/// A name that no function has, numbered where one does: `a.b` and `a_b` are `a-b` for both. The host tells no capital
/// letters from small ones.
fn unlike(functions: &[Function], wanted: String) -> String {
    let is_free = |name: &String| {
        let mut known = functions.iter().map(|known| &known.name);
        known.all(|known| !known.eq_ignore_ascii_case(name))
    };
    let numbered = (2_usize..).map(|number| format!("{wanted}-{number}"));
    let mut names = std::iter::once(wanted.clone()).chain(numbered);
    names.find(is_free).unwrap_or(wanted)
}

fn is_http(trigger: &Trigger) -> bool {
    matches!(trigger.kind.as_str(), "http" | "call")
}

/// Where the replies of a function go that nobody waits for.
fn replies<'a>(trigger: &Trigger, manifest: &'a Manifest) -> Result<Option<&'a Target>, Failure> {
    if is_http(trigger) {
        return Ok(None);
    }
    match manifest.replies_of(trigger)[..] {
        [] => Ok(None),
        [to] => Ok(Some(to)),
        ref several => {
            let names: Vec<_> = several
                .iter()
                .map(|to| format!("{} {}", to.kind, to.name))
                .collect();
            Err(Failure::new(format!(
                "a function of Azure has one place for replies, and handlers of one trigger ({}) declare {}",
                trigger.kind,
                names.join(" and ")
            ))
            .hint("let them reply to one place, or pack them as programs of their own"))
        }
    }
}

/// A binding, and what it takes.
struct Bound {
    binding: Value,
    connection: Option<Connection>,
    need: Option<Need>,
}

impl Function {
    fn is_http(&self) -> bool {
        is_http(&self.trigger)
    }

    /// Without a list of methods the host lets all of them through.
    fn any_method(&mut self) {
        for binding in self.file["bindings"].as_array_mut().into_iter().flatten() {
            if let Some(binding) = binding.as_object_mut() {
                binding.remove("methods");
            }
        }
    }

    fn put(&mut self, bound: Bound) {
        if let Some(bindings) = self.file["bindings"].as_array_mut() {
            bindings.push(bound.binding);
        }
        self.connections.extend(bound.connection);
        self.needs.extend(bound.need);
    }
}

fn called(
    app: &str,
    trigger: &Trigger,
    services: &Services,
    timers: &[Timer<'_>],
) -> Result<Function, Failure> {
    let kind = trigger.kind.as_str();
    let named = || {
        trigger.name.as_deref().ok_or_else(|| {
            Failure::new(format!(
                "Azure wants to know which {kind} calls the function"
            ))
            .hint(format!(
                "name it in the handler's declaration, for instance .{kind}(\"orders\")"
            ))
        })
    };
    let name = match kind {
        "http" | "call" => app.to_owned(),
        _ => format!(
            "{app}-{kind}-{}",
            trigger.name.as_deref().unwrap_or_default()
        ),
    };
    let mut function = Function {
        name: name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect(),
        trigger: trigger.clone(),
        file: json!({ "bindings": [] }),
        connections: Vec::new(),
        needs: Vec::new(),
    };
    let plain = |binding| Bound {
        binding,
        connection: None,
        need: None,
    };
    function.put(match (kind, services.of(kind)) {
        ("http" | "call", _) => plain(json!({
            "type": "httpTrigger", "direction": "in", "name": "req", "methods": ["post"], "authLevel": "function",
        })),
        ("queue", Service::Bus) => Bound {
            binding: json!({
                "type": "serviceBusTrigger", "direction": "in", "name": "event",
                "queueName": named()?, "connection": "ServiceBus",
            }),
            connection: Some(Connection::service_bus()),
            need: Some(need("read", "service-bus-queue", named()?)),
        },
        ("queue", _) => plain(json!({
            "type": "queueTrigger", "direction": "in", "name": "event", "queueName": named()?, "connection": STORAGE,
        })),
        ("topic", Service::Bus) => Bound {
            binding: json!({
                "type": "serviceBusTrigger", "direction": "in", "name": "event",
                "topicName": named()?, "subscriptionName": app, "connection": "ServiceBus",
            }),
            connection: Some(Connection::service_bus()),
            need: Some(need("read", "service-bus-topic", named()?)),
        },
        ("topic", _) => plain(json!({ "type": "eventGridTrigger", "direction": "in", "name": "event" })),
        // One by one: a batch fails as a whole here.
        ("stream", _) => Bound {
            binding: json!({
                "type": "eventHubTrigger", "direction": "in", "name": "event", "eventHubName": named()?,
                "connection": "EventHubs", "cardinality": "one", "consumerGroup": "$Default",
            }),
            connection: Some(Connection::event_hubs()),
            need: Some(need("read", "stream", named()?)),
        },
        ("timer", _) => {
            let timer = timers.iter().find(|timer| Some(timer.name) == trigger.name.as_deref());
            let due = timer.map(|timer| timer.due.azure()).unwrap_or_default();
            plain(json!({ "type": "timerTrigger", "direction": "in", "name": "timer", "schedule": due }))
        }
        (other, _) => {
            return Err(Failure::new(format!(
                "no trigger of Azure is known for `{other}`"
            )));
        }
    });
    match kind {
        "http" | "call" => {
            function.put(plain(
                json!({ "type": "http", "direction": "out", "name": "res" }),
            ));
        }
        // Without a policy what failed is passed over. Time is the only end of what a stream keeps.
        "stream" => function.file["retry"] = retry(-1, "00:00:01", "00:05:00"),
        "timer" => function.file["retry"] = retry(5, "00:00:10", "00:05:00"),
        _ => {}
    }
    Ok(function)
}

fn retry(most: i32, least: &str, longest: &str) -> Value {
    json!({
        "strategy": "exponentialBackoff", "maxRetryCount": most, "minimumInterval": least, "maximumInterval": longest,
    })
}

/// Where replies go.
fn output(to: &Target, services: &Services) -> Result<Bound, Failure> {
    let name = to.name.as_str();
    let with = |ty: &str, mut binding: Value| {
        binding["type"] = ty.into();
        binding["direction"] = "out".into();
        binding["name"] = "reply".into();
        binding
    };
    let kind = to.kind.as_str();
    Ok(match (kind, services.of(kind)) {
        ("queue", Service::Bus) => Bound {
            binding: with(
                "serviceBus",
                json!({ "queueName": name, "connection": "ServiceBus" }),
            ),
            connection: Some(Connection::service_bus()),
            need: Some(need("publish", "service-bus-queue", name)),
        },
        ("queue", _) => Bound {
            binding: with("queue", json!({ "queueName": name, "connection": STORAGE })),
            connection: None,
            need: None,
        },
        ("topic", Service::Bus) => Bound {
            binding: with(
                "serviceBus",
                json!({ "topicName": name, "connection": "ServiceBus" }),
            ),
            connection: Some(Connection::service_bus()),
            need: Some(need("publish", "service-bus-topic", name)),
        },
        ("topic", _) => {
            let (prefix, connection) = Connection::event_grid(name);
            Bound {
                binding: with("eventGrid", json!({ "connection": prefix })),
                connection: Some(connection),
                need: Some(need("publish", "topic", name)),
            }
        }
        ("stream", _) => Bound {
            binding: with(
                "eventHub",
                json!({ "eventHubName": name, "connection": "EventHubs" }),
            ),
            connection: Some(Connection::event_hubs()),
            need: Some(need("publish", "stream", name)),
        },
        ("bucket", _) => Bound {
            binding: with(
                "blob",
                json!({ "path": format!("{name}/{{rand-guid}}.json"), "connection": STORAGE }),
            ),
            connection: None,
            need: None,
        },
        (other, _) => {
            return Err(Failure::new(format!(
                "no output binding of Azure is known for `{other}`, where replies are to go"
            ))
            .hint("queue, topic, stream or bucket"));
        }
    })
}

fn need(access: &str, kind: &str, name: &str) -> Need {
    Need {
        access: access.into(),
        kind: kind.into(),
        name: name.into(),
    }
}
