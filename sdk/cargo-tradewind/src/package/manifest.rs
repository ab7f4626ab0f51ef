//! What the handlers of a program declare, as the program itself prints it.

use super::cron::Cron;
use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the document that is read.
const VERSION: u64 = 1;

/// What a program declares.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Manifest {
    manifest: u64,
    #[serde(default)]
    pub(crate) handlers: Vec<Handler>,
    #[serde(default)]
    pub(crate) settings: Vec<Setting>,
    #[serde(default)]
    pub(crate) needs: Vec<Need>,
    #[serde(default)]
    hosts: BTreeMap<String, Host>,
}

/// One handler.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Handler {
    pub(crate) name: String,
    /// What its arguments ask for: `event`, `batch` or `request`.
    #[serde(default, skip_serializing)]
    pub(crate) takes: String,
    /// Exact, or a beginning and `*`; none is every type.
    #[serde(default)]
    pub(crate) types: Vec<String>,
    #[serde(default)]
    pub(crate) sources: Vec<String>,
    #[serde(default)]
    pub(crate) triggers: Vec<Trigger>,
    /// Where replies go that nobody waits for.
    #[serde(default)]
    pub(crate) replies_to: Option<Target>,
    #[serde(default)]
    timeout_seconds: Option<u32>,
    #[serde(default)]
    memory_mib: Option<u32>,
}

/// What calls a handler.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Trigger {
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// When a timer is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schedule: Option<String>,
}

/// Where something goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// A clock that calls the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timer<'a> {
    pub(crate) name: &'a str,
    pub(crate) due: Cron,
}

/// A variable of the environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) secret: bool,
    #[serde(default)]
    pub(crate) required: bool,
}

/// Something that the code uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Need {
    pub(crate) access: String,
    pub(crate) kind: String,
    pub(crate) name: String,
}

#[derive(Debug, Default, Deserialize)]
struct Host {
    #[serde(default)]
    problems: Vec<Problem>,
}

/// What a host cannot express.
#[derive(Debug, Deserialize)]
struct Problem {
    severity: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    handler: Option<String>,
    #[serde(default)]
    trigger: Option<String>,
    text: String,
    #[serde(default)]
    hint: Option<String>,
}

impl Manifest {
    /// Reads what a program printed.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Failure> {
        let no_handler = |why: String| {
            Failure::new(format!("the program does not say what it declares: {why}")).hint(
                "its main calls `tradewind::run`, before anything that can fail; TRADEWIND_MANIFEST=json asks it",
            )
        };
        let mut manifest: Self =
            serde_json::from_slice(text).map_err(|e| no_handler(e.to_string()))?;
        manifest.settings = merged(manifest.settings);
        match manifest.manifest {
            VERSION => Ok(manifest),
            other => Err(no_handler(format!(
                "it speaks version {other} of the document, not {VERSION}"
            ))),
        }
    }

    /// Refuses what this host would lose; gives what it does otherwise than asked. It may have triggers beside those
    /// that the program knows of it.
    pub(crate) fn judge(&self, host: &str, also: &[(&str, &str)]) -> Result<Vec<String>, Failure> {
        let Some(known) = self.hosts.get(host) else {
            let others: Vec<_> = self.hosts.keys().map(String::as_str).collect();
            return Err(Failure::new(format!("the program does not run on {host}"))
                .hint(format!("it was compiled for {}", others.join(", "))));
        };
        let text = |problem: &Problem| {
            let handler = problem.handler.as_deref().unwrap_or("the program");
            format!("{handler}: {}", problem.text)
        };
        let had = |problem: &Problem| {
            let kind = problem.trigger.as_deref()?;
            let (_, what) = also.iter().find(|(also, _)| *also == kind)?;
            (problem.code == "no-trigger").then(|| {
                let handler = problem.handler.as_deref().unwrap_or("the program");
                format!(
                    "{handler}: the {kind} is {what} here, and replies go to TRADEWIND_REPLY_URL"
                )
            })
        };
        let is_error = |problem: &&Problem| problem.severity == "error" && had(problem).is_none();
        let errors: Vec<_> = known.problems.iter().filter(is_error).collect();
        if errors.is_empty() {
            let silent = self.handlers.iter().filter(|one| one.triggers.is_empty());
            let silent = silent.map(|one| {
                format!(
                    "{}: nothing says what calls it, so nothing of that is made or checked \
                     (declare it: `.declare(Declare::new().http())`, or queue, topic, stream, timer, call)",
                    one.name
                )
            });
            let with_hint = |problem: &Problem| match (had(problem), &problem.hint) {
                (Some(told), _) => told,
                (None, Some(hint)) => format!("{} ({hint})", text(problem)),
                (None, None) => text(problem),
            };
            return Ok(known.problems.iter().map(with_hint).chain(silent).collect());
        }
        let texts: Vec<_> = errors.iter().map(|problem| text(problem)).collect();
        let failure = Failure::new(texts.join("; "));
        Err(
            match errors.iter().find_map(|problem| problem.hint.clone()) {
                Some(hint) => failure.hint(hint),
                None => failure,
            },
        )
    }

    /// The longest that a handler declares.
    pub(crate) fn timeout(&self) -> Option<u32> {
        let declared = self
            .handlers
            .iter()
            .filter_map(|handler| handler.timeout_seconds);
        declared.max()
    }

    /// The most that a handler declares.
    pub(crate) fn memory(&self) -> Option<u32> {
        let declared = self
            .handlers
            .iter()
            .filter_map(|handler| handler.memory_mib);
        declared.max()
    }

    /// What calls the program, each once.
    pub(crate) fn triggers(&self) -> Vec<&Trigger> {
        let mut all: Vec<_> = self
            .handlers
            .iter()
            .flat_map(|handler| &handler.triggers)
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// Whether a handler takes any request, as the program then does.
    pub(crate) fn takes_requests(&self) -> bool {
        self.handlers.iter().any(|one| one.takes == "request")
    }

    /// Its clocks.
    pub(crate) fn timers(&self) -> Result<Vec<Timer<'_>>, Failure> {
        let mut timers: Vec<Timer<'_>> = Vec::new();
        for trigger in self.triggers() {
            if trigger.kind != "timer" {
                continue;
            }
            let timer = trigger.timer()?;
            if timers.iter().any(|other| other.name == timer.name) {
                return Err(Failure::new(format!(
                    "the timer `{}` is declared with several times",
                    timer.name
                ))
                .hint("give each its own name"));
            }
            timers.push(timer);
        }
        Ok(timers)
    }

    /// Where replies go of handlers that this calls.
    pub(crate) fn replies_of(&self, trigger: &Trigger) -> Vec<&Target> {
        let called = |handler: &&Handler| handler.triggers.contains(trigger);
        let mut all: Vec<_> = self
            .handlers
            .iter()
            .filter(called)
            .filter_map(|handler| handler.replies_to.as_ref())
            .collect();
        all.sort();
        all.dedup();
        all
    }
}

/// A variable each once: what one handler needs, or keeps secret, is needed and secret where another one reads it, too.
fn merged(settings: Vec<Setting>) -> Vec<Setting> {
    let mut all: Vec<Setting> = Vec::new();
    for setting in settings {
        match all.iter_mut().find(|known| known.name == setting.name) {
            Some(known) => {
                known.secret |= setting.secret;
                known.required |= setting.required;
            }
            None => all.push(setting),
        }
    }
    all
}

impl Trigger {
    /// The clock that it is.
    fn timer(&self) -> Result<Timer<'_>, Failure> {
        let name = self.name.as_deref().unwrap_or_default();
        super::name(name)
            .map_err(|why| Failure::new(format!("`{name}` is no name of a timer: {why}")))?;
        let due = Cron::parse(self.schedule.as_deref().unwrap_or_default())?;
        Ok(Timer { name, due })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A handler with every kind of trigger, replies, a setting, a secret and one need.
    pub(crate) fn sample() -> Manifest {
        let mut triggers = ["http", "call", "queue", "topic", "stream"]
            .map(|kind| json!({ "kind": kind, "name": (kind != "call").then_some("orders") }))
            .to_vec();
        triggers
            .push(json!({ "kind": "timer", "name": "nightly", "schedule": "30 2 * * MON-FRI" }));
        parse(json!({
            "manifest": 1,
            "later": "what is not known is left alone",
            "handlers": [{
                "name": "orders", "types": ["shop.order.placed", "shop.return.*"], "triggers": triggers,
                "timeout_seconds": 20, "memory_mib": 256, "takes": "event",
                "replies_to": { "kind": "stream", "name": "charged" },
            }],
            "settings": [
                { "name": "PAYMENTS_URL", "required": true },
                { "name": "PAYMENTS_KEY", "secret": true, "required": true },
                { "name": "COLOUR" },
            ],
            "needs": [
                { "access": "publish", "kind": "topic", "name": "orders-charged" },
                { "access": "read", "kind": "bucket", "name": "invoices" },
            ],
            "hosts": { "lambda": {}, "azure": {}, "knative": {}, "openwhisk": {}, "http": {} },
        }))
        .unwrap()
    }

    fn parse(document: Value) -> Result<Manifest, Failure> {
        Manifest::parse(document.to_string().as_bytes())
    }

    #[test]
    fn what_is_declared_is_read_and_what_is_no_manifest_refused() {
        let manifest = sample();
        assert_eq!(
            (manifest.timeout(), manifest.memory()),
            (Some(20), Some(256))
        );
        assert_eq!(manifest.triggers().len(), 6);
        for wrong in ["", "listening on 8080", "{}", r#"{"manifest":2}"#, "[]"] {
            let failure = Manifest::parse(wrong.as_bytes()).unwrap_err();
            assert!(failure.to_string().contains("tradewind::run"), "{failure}");
        }
    }

    #[test]
    fn a_variable_of_several_handlers_is_one_setting() {
        let manifest = parse(json!({ "manifest": 1, "settings": [
            { "name": "KEY" }, { "name": "URL", "required": true }, { "name": "KEY", "secret": true, "required": true },
        ] }))
        .unwrap();
        let told = |one: &Setting| (one.name.clone(), one.secret, one.required);
        let all: Vec<_> = manifest.settings.iter().map(told).collect();
        let expected = [
            ("KEY".to_owned(), true, true),
            ("URL".to_owned(), false, true),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn a_timer_has_a_name_and_one_time() {
        let timers = |declared: Value| {
            let handlers = json!([{ "name": "orders", "triggers": declared }]);
            let hosts = json!({ "azure": {} });
            let manifest = json!({ "manifest": 1, "handlers": handlers, "hosts": hosts });
            let manifest = parse(manifest).unwrap();
            let found = manifest.timers().map_err(|failure| failure.to_string())?;
            let told = |timer: &Timer<'_>| format!("{} {}", timer.name, timer.due.unix());
            Ok::<_, String>(found.iter().map(told).collect::<Vec<_>>())
        };
        let one = |name: &str, schedule: &str| json!({ "kind": "timer", "name": name, "schedule": schedule });
        let fine = json!([
            one("b", "0 3 * * *"),
            one("a", "0 * * * *"),
            one("b", "0 3 * * *")
        ]);
        assert_eq!(timers(fine).unwrap(), ["a 0 * * * *", "b 0 3 * * *"]);
        for (wrong, why) in [
            (
                json!([one("b", "0 3 * * *"), one("b", "0 4 * * *")]),
                "several times",
            ),
            (json!([one("No name", "0 3 * * *")]), "no name of a timer"),
            (json!([one("b", "soon")]), "1 fields"),
            (json!([{ "kind": "timer", "name": "b" }]), "0 fields"),
        ] {
            let refused = timers(wrong.clone()).unwrap_err();
            assert!(refused.contains(why), "{wrong}: {refused}");
        }
    }

    #[test]
    fn what_a_host_would_lose_is_refused_and_the_rest_told() {
        let problem = |severity: &str| {
            json!({ "severity": severity, "code": "no-trigger", "handler": "orders", "trigger": "queue",
                "text": "no queue there", "hint": "send it by HTTP" })
        };
        let on = |problems: Value| {
            let hosts = json!({ "azure": { "problems": problems } });
            parse(json!({ "manifest": 1, "hosts": hosts })).unwrap()
        };
        assert_eq!(
            on(json!([])).judge("azure", &[]).unwrap(),
            Vec::<String>::new()
        );
        let warned = on(json!([problem("warning")])).judge("azure", &[]).unwrap();
        assert_eq!(warned, ["orders: no queue there (send it by HTTP)"]);
        let both = json!([problem("warning"), problem("error")]);
        let failure = on(both).judge("azure", &[]).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "orders: no queue there (send it by HTTP)"
        );
        let also = [("queue", "a topic that pushes")];
        let told = on(json!([problem("error")])).judge("azure", &also).unwrap();
        assert!(told[0].contains("a topic that pushes here"), "{told:?}");
        on(json!([problem("error")]))
            .judge("azure", &[("stream", "x")])
            .unwrap_err();
        let silent =
            json!({ "manifest": 1, "handlers": [{ "name": "orders" }], "hosts": { "azure": {} } });
        let warned = parse(silent).unwrap().judge("azure", &[]).unwrap();
        assert!(
            warned[0].starts_with("orders: nothing says what calls it"),
            "{warned:?}"
        );
        assert_eq!(sample().judge("azure", &[]).unwrap(), Vec::<String>::new());
        let failure = on(json!([])).judge("lambda", &[]).unwrap_err();
        assert!(
            failure.to_string().contains("compiled for azure"),
            "{failure}"
        );
    }
}
