//! A configuration with a secret at every place that can hold one, written out or by reference.

use super::canary::Canaries;
use super::echo::Echo;
use crate::authorisation::wire::text;
use crate::gateway::Gateway;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;

/// Variables that stand for secrets of the file.
const VARIABLES: [&str; 12] = [
    "TW_ONE",
    "TW_TWO",
    "TW_THREE",
    "TW_FOUR",
    "TW_FIVE",
    "TW_SIX",
    "TW_SEVEN",
    "TW_EIGHT",
    "TW_NINE",
    "TW_TEN",
    "TW_ELEVEN",
    "TW_TWELVE",
];

/// The secrets of the file, and the file with marks in their places.
pub(super) struct Setting {
    pub(super) settings: String,
    pub(super) sources: String,
    pub(super) subscriptions: String,
    /// What stands at each mark.
    secrets: Vec<String>,
    /// The keys of the callers `shop` and `ops`.
    pub(super) keys: [String; 2],
    /// Secrets of the environment, and what references of the file stand for.
    pub(super) environment: Vec<(&'static str, String)>,
}

/// Where a secret goes in a file.
fn mark(number: usize) -> String {
    format!("<<{number}>>")
}

pub(super) struct Place<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) echo: &'a Echo,
    pub(super) admin: SocketAddr,
}

impl Setting {
    pub(super) fn new(place: &Place<'_>, canaries: &mut Canaries) -> Self {
        let mut setting = Self {
            settings: String::new(),
            sources: String::new(),
            subscriptions: String::new(),
            secrets: Vec::new(),
            keys: ["shop", "ops"].map(|id| {
                let secret = canaries.key(format!("the API key of {id}"));
                format!("tw_{id}_{secret}")
            }),
            environment: Vec::new(),
        };
        setting.gateway(place, canaries);
        setting.sources(place, canaries);
        setting.targets(place, canaries);
        setting.brokers(place, canaries);
        setting.variables(place, canaries);
        // Other than references, it is relative to the folder that the gateway was started in.
        let ca = format!("ca: \"{}\"", place.gateway.beside("ca.pem").display());
        for part in [
            &mut setting.settings,
            &mut setting.sources,
            &mut setting.subscriptions,
        ] {
            *part = part.replace("ca: ca.pem", &ca);
        }
        setting
    }

    /// The mark of a new secret.
    fn slot(&mut self, slot: &str, canaries: &mut Canaries) -> String {
        self.made(slot, canaries, |secret| secret)
    }

    /// The mark of a secret that has a form of its own.
    fn made(
        &mut self,
        slot: &str,
        canaries: &mut Canaries,
        make: impl Fn(String) -> String,
    ) -> String {
        self.secrets.push(make(canaries.secret(slot)));
        mark(self.secrets.len() - 1)
    }

    fn gateway(&mut self, place: &Place<'_>, canaries: &mut Canaries) {
        let (admin, secured) = (place.admin, place.echo.secured);
        let hash = |key: &String| -> String {
            let digest = Sha256::digest(key);
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let [shop, ops] = [hash(&self.keys[0]), hash(&self.keys[1])];
        let password = self.slot("schema-registries.one.auth.basic.password", canaries);
        let bearer = self.slot("schema-registries.two.auth.bearer", canaries);
        let registry = |name: &str, auth: String| {
            format!(
                "  {name}: {{ url: \"https://127.0.0.1:{secured}/500/{name}\", ca: ca.pem, allow-private: [127.0.0.0/8], refresh: 5s, auth: {{ {auth} }} }}\n"
            )
        };
        let one = registry(
            "one",
            format!("basic: {{ username: gateway, password: \"{password}\" }}"),
        );
        let two = registry("two", format!("bearer: \"{bearer}\""));
        self.settings = format!(
            "admin: {admin}\nadmin-tls: {{ certificate: \"${{file:own.pem}}\", key: \"${{file:own.pem}}\", client-ca: \"${{file:callers.pem}}\" }}\n\
             tls: {{ certificate: \"${{file:own.pem}}\", key: \"${{file:own.pem}}\", client-ca: \"${{file:callers.pem}}\" }}\n\
             admin-auth: {{ api-keys: [ops], basic: [ops], certificates: [\"uri:spiffe://acme/ops\"] }}\n\
             api-keys:\n  shop: {{ sha256: {shop} }}\n  ops: {{ sha256: {ops} }}\n\
             backup: {{ to: \"s3://bucket/place\", every: 1h }}\n\
             schema-registries:\n{one}{two}\
             schemas:\n  pulled: {{ registry: {{ name: one, subject: s }} }}\n  other: {{ registry: {{ name: two, subject: s }} }}\n  \
             checked: {{ versions: [ {{ file: checked.json }} ], events: [ {{ type: checked }} ] }}\n\
             policies:\n  all: {{ cedar: 'permit (principal, action, resource) unless {{ context has type && context.type == \"denied\" }};' }}\n"
        );
    }

    fn sources(&mut self, place: &Place<'_>, canaries: &mut Canaries) {
        let (plain, secured, raw) = (place.echo.plain, place.echo.secured, place.echo.raw);
        let mut all = String::from(
            "  keyed: { kind: http, path: /keyed, auth: { api-keys: [shop] } }\n  \
             basic: { kind: http, path: /basic, auth: { basic: [shop] } }\n  \
             mtls: { kind: http, path: /mtls, auth: { certificates: [\"uri:spiffe://acme/shop\"] } }\n",
        );
        all.push_str(&format!(
            "  jwt: {{ kind: http, path: /jwt, auth: {{ jwt: {{ issuer: \"https://127.0.0.1:{secured}/500\", audience: us, ca: ca.pem, allow-private: [127.0.0.0/8] }} }} }}\n"
        ));
        let asked = self.slot("sources.asked.auth.authorizer.sink.auth.bearer", canaries);
        all.push_str(&format!(
            "  asked: {{ kind: http, path: /asked, auth: {{ authorizer: {{ headers: [authorization, x-session], sink: {{ kind: http, url: \"https://127.0.0.1:{secured}/500/asked\", allow-private: [127.0.0.0/8], tls: {{ ca: ca.pem }}, auth: {{ bearer: \"{asked}\" }} }} }} }} }}\n"
        ));
        for kind in [
            "github",
            "bitbucket",
            "shopify",
            "slack",
            "stripe",
            "zoom",
            "gitlab",
            "twitter",
        ] {
            let secret = self.slot(&format!("sources.{kind}.secrets"), canaries);
            all.push_str(&format!(
                "  {kind}: {{ kind: {kind}, path: /{kind}, secrets: [\"{secret}\"] }}\n"
            ));
        }
        let secret = self.slot("sources.twilio.secrets", canaries);
        let address = self.made("sources.twilio.public-url", canaries, |secret| {
            format!("https://{secret}@hooks.example/twilio?{secret}")
        });
        all.push_str(&format!(
            "  twilio:\n    kind: twilio\n    path: /twilio\n    secrets:\n    - \"{secret}\"\n    public-url: \"{address}\"\n"
        ));
        let secret = self.slot("sources.square.secrets", canaries);
        let address = self.made("sources.square.public-url", canaries, |secret| {
            format!("https://u:{secret}@hooks.example/square?token={secret}")
        });
        all.push_str(&format!(
            "  square: {{ kind: square, path: /square, secrets: [\"{secret}\"], public-url: \"{address}\" }}\n"
        ));
        let secret = self.made("sources.standard.secrets", canaries, |secret| {
            format!("whsec_{}", STANDARD.encode(secret))
        });
        all.push_str(&format!(
            "  standard: {{ kind: standard-webhooks, path: /standard, source: /s, secrets: [\"{secret}\"] }}\n"
        ));
        let secret = self.slot("sources.generic.secrets", canaries);
        all.push_str(&format!(
            "  generic: {{ kind: webhook, path: /generic, secrets: [\"{secret}\"], signature: {{ header: x-signature }}, mapping: {{ id: \"{{id}}\", type: \"{{type}}\", source: \"/s\" }} }}\n"
        ));
        let [secret, token] = ["secret", "token"]
            .map(|key| self.slot(&format!("sources.queue.aws.keys.{key}"), canaries));
        all.push_str(&format!(
            "  queue: {{ kind: aws-sqs, queue: \"http://127.0.0.1:{plain}/123456789012/q\", aws: {{ region: eu-west-1, keys: {{ id: AKIAEXAMPLE, secret: \"{secret}\", token: \"{token}\" }} }} }}\n"
        ));
        let server = format!("server: \"127.0.0.1:{raw}\", username: u");
        for (kind, settings) in [
            (
                "redis",
                format!("connection: {{ {server}, password: \"@\" }}, key: s, group: g"),
            ),
            (
                "mqtt",
                format!("broker: {{ {server}, password: \"@\" }}, topics: [t], client-id: c"),
            ),
            (
                "rabbitmq",
                format!("broker: {{ {server}, password: \"@\" }}, queue: q"),
            ),
            (
                "amqp",
                format!("peer: {{ {server}, password: \"@\" }}, address: q"),
            ),
            (
                "nats",
                format!(
                    "cluster: {{ servers: [\"127.0.0.1:{raw}\"], auth: {{ token: \"@\" }} }}, jetstream: S, consumer: c"
                ),
            ),
        ] {
            let secret = self.slot(&format!("a secret of the source {kind}"), canaries);
            all.push_str(&format!(
                "  {kind}-in: {{ kind: {kind}, {} }}\n",
                settings.replace('@', &secret)
            ));
        }
        self.sources = all;
    }

    /// One subscription to each sink that shows something, and a route.
    fn targets(&mut self, place: &Place<'_>, canaries: &mut Canaries) {
        let (plain, secured) = (place.echo.plain, place.echo.secured);
        let mut sinks: Vec<(String, String)> = Vec::new();
        let sink = |kind: &str, path: &str, more: String| {
            format!(
                "kind: {kind}, url: \"https://127.0.0.1:{secured}{path}\", allow-private: [127.0.0.0/8], tls: {{ ca: ca.pem }}{more}"
            )
        };
        for (name, auth) in [
            ("basic", "auth: { basic: { username: u, password: \"@\" } }"),
            ("bearer", "auth: { bearer: \"@\" }"),
            ("header", "auth: { api-key: { key: \"@\" } }"),
            ("query", "auth: { api-key: { key: \"@\", query: code } }"),
            ("token-header", "headers: { x-team-token: \"@\" }"),
        ] {
            for status in [500, 400] {
                let secret =
                    self.slot(&format!("{name} of a sink that answers {status}"), canaries);
                let more = format!(", {}", auth.replace('@', &secret));
                let path = format!("/{status}/{name}");
                sinks.push((format!("{name}-{status}"), sink("http", &path, more)));
            }
        }
        let key = self.slot("function-key", canaries);
        let more = format!(", auth: {{ function-key: \"{key}\" }}");
        sinks.push((
            "function".into(),
            sink("azure-function", "/401/function", more),
        ));
        let signing = self.made("signing", canaries, |secret| {
            format!("whsec_{}", STANDARD.encode(secret))
        });
        let more = format!(", signing: [\"{signing}\"]");
        sinks.push(("signing".into(), sink("http", "/500/signing", more)));
        let code = self.made("the query of a sink's url", canaries, |secret| {
            format!("https://127.0.0.1:{secured}/500/url?code={secret}")
        });
        sinks.push((
            "url".into(),
            format!(
                "kind: http, url: \"{code}\", allow-private: [127.0.0.0/8], tls: {{ ca: ca.pem }}"
            ),
        ));
        let bare = self.made("a query without a name", canaries, |secret| {
            format!("https://127.0.0.1:{secured}/400/bare?{secret}")
        });
        sinks.push((
            "bare".into(),
            format!(
                "kind: http, url: \"{bare}\", allow-private: [127.0.0.0/8], tls: {{ ca: ca.pem }}"
            ),
        ));
        for (method, status) in [("basic", 401), ("post", 500)] {
            let secret = self.slot(&format!("oauth2.client-secret by {method}"), canaries);
            let url = self.made("oauth2.token-url", canaries, |secret| {
                format!("https://127.0.0.1:{secured}/{status}/token?key={secret}")
            });
            let more = format!(
                ", auth: {{ oauth2: {{ token-url: \"{url}\", client-id: c, client-secret: \"{secret}\", method: {method}, ca: ca.pem }} }}"
            );
            sinks.push((format!("oauth-{method}"), sink("http", "/500/oauth", more)));
        }
        let secret = self.slot("entra.client-secret", canaries);
        let more = format!(
            ", auth: {{ entra: {{ resource: \"api://f\", tenant: t, client-id: c, client-secret: \"{secret}\", authority: \"https://127.0.0.1:{secured}\", ca: ca.pem }} }}"
        );
        sinks.push(("entra".into(), sink("azure-function", "/500/entra", more)));
        let more = ", auth: { entra: { resource: \"api://f\" } }".to_owned();
        sinks.push((
            "identity".into(),
            sink("azure-function", "/500/identity", more),
        ));
        let [secret, token] =
            ["secret", "token"].map(|key| self.slot(&format!("sigv4.aws.keys.{key}"), canaries));
        let more = format!(
            ", auth: {{ sigv4: {{ service: lambda, aws: {{ region: eu-west-1, keys: {{ id: AKIAEXAMPLE, secret: \"{secret}\", token: \"{token}\" }} }} }} }}"
        );
        sinks.push(("sigv4".into(), sink("http", "/403/sigv4", more)));
        let certificate = ", auth: none, tls: { ca: ca.pem, certificate: \"${file:caller.pem}\", key: \"${file:caller.pem}\" }";
        let shown = sink("http", "/500/mutual", String::new())
            .replace(", tls: { ca: ca.pem }", certificate);
        sinks.push(("mutual".into(), shown));
        for (kind, settings) in [
            (
                "aws-sqs",
                format!("queue: \"http://127.0.0.1:{plain}/123456789012/q\""),
            ),
            (
                "aws-sns",
                "topic: \"arn:aws:sns:eu-west-1:123456789012:t\"".into(),
            ),
            (
                "aws-lambda",
                "function: \"arn:aws:lambda:eu-west-1:123456789012:function:f\"".into(),
            ),
            (
                "aws-kinesis",
                "stream: \"arn:aws:kinesis:eu-west-1:123456789012:stream/s\"".into(),
            ),
            ("aws-s3", "bucket: bucket".into()),
        ] {
            let [secret, token] = ["secret", "token"]
                .map(|key| self.slot(&format!("{kind}.aws.keys.{key}"), canaries));
            let endpoint = match kind {
                "aws-sqs" => String::new(),
                _ => format!("endpoint: \"http://127.0.0.1:{plain}\", "),
            };
            sinks.push((
                kind.into(),
                format!(
                    "kind: {kind}, {settings}, aws: {{ region: eu-west-1, {endpoint}keys: {{ id: AKIAEXAMPLE, secret: \"{secret}\", token: \"{token}\" }} }}"
                ),
            ));
        }
        for (name, sink) in sinks {
            self.subscribe(&name, &sink);
        }
        let [route, own] = ["proxy", "event"]
            .map(|mode| self.slot(&format!("auth of a route in mode {mode}"), canaries));
        self.settings.push_str(&format!(
            "routes:\n  quiet: {{ path: /quiet, methods: [GET, POST], mode: proxy, auth: {{ api-keys: [shop] }}, sink: {{ {} }} }}\n  \
             loud: {{ path: /loud, methods: [GET, POST], auth: {{ api-keys: [shop] }}, sink: {{ {}, allow-ports: [9] }} }}\n",
            sink("http", "/200/quiet", format!(", auth: {{ bearer: \"{route}\" }}")),
            // Nobody is there: what the gateway itself says is looked at.
            sink("http", "/500/loud", format!(", auth: {{ bearer: \"{own}\" }}"))
                .replace(&format!(":{secured}/"), ":9/"),
        ));
    }

    fn brokers(&mut self, place: &Place<'_>, canaries: &mut Canaries) {
        let server = format!(
            "server: \"127.0.0.1:{}\", username: u, password: \"@\"",
            place.echo.raw
        );
        for (kind, settings) in [
            ("redis", format!("connection: {{ {server} }}, stream: s")),
            ("mqtt", format!("broker: {{ {server} }}, topic: t")),
            (
                "rabbitmq",
                format!("broker: {{ {server} }}, routing-key: q"),
            ),
            ("amqp", format!("peer: {{ {server} }}, address: q")),
            (
                "nats",
                format!(
                    "cluster: {{ servers: [\"127.0.0.1:{}\"], auth: {{ username: u, password: \"@\" }} }}, subject: s",
                    place.echo.raw
                ),
            ),
        ] {
            let secret = self.slot(&format!("a secret of the sink {kind}"), canaries);
            let sink = format!("kind: {kind}, {}", settings.replace('@', &secret));
            self.subscribe(&format!("{kind}-out"), &sink);
        }
    }

    fn subscribe(&mut self, name: &str, sink: &str) {
        self.subscriptions.push_str(&format!(
            "  {name}: {{ retry: {{ max-attempts: 2, initial: 100ms, jitter: none }}, timeout: 3s, breaker: {{ failures: 0 }}, sink: {{ {sink} }} }}\n"
        ));
    }

    fn variables(&mut self, place: &Place<'_>, canaries: &mut Canaries) {
        let plain = place.echo.plain;
        let mut of = |name: &'static str, make: &dyn Fn(String) -> String| {
            (name, make(canaries.secret(name)))
        };
        let own = [
            of("AWS_SECRET_ACCESS_KEY", &|secret| secret),
            of("AWS_SESSION_TOKEN", &|secret| secret),
            of("IDENTITY_HEADER", &|secret| secret),
            of("OTEL_EXPORTER_OTLP_HEADERS", &|secret| {
                format!("authorization=Bearer%20{secret}")
            }),
        ];
        self.environment.extend(own);
        self.environment.extend([
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE".to_owned()),
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_ENDPOINT_URL_S3", format!("http://127.0.0.1:{plain}")),
            (
                "IDENTITY_ENDPOINT",
                format!("http://127.0.0.1:{plain}/500/identity"),
            ),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                format!("http://127.0.0.1:{plain}/otlp"),
            ),
            ("OTEL_BSP_SCHEDULE_DELAY", "200".to_owned()),
            (
                "TRADEWIND_ADMIN_CA",
                place.gateway.beside("ca.pem").display().to_string(),
            ),
        ]);
        let by_variable = self.secrets.iter().enumerate().filter(|(n, _)| n % 3 == 1);
        for (name, (_, secret)) in VARIABLES.iter().zip(by_variable) {
            self.environment.push((name, secret.clone()));
        }
    }

    /// Puts the secrets of references into their files.
    pub(super) fn write_secrets(&self, gateway: &Gateway) -> Result<(), String> {
        for (number, secret) in self.secrets.iter().enumerate() {
            std::fs::write(gateway.beside(&format!("secret-{number}")), secret).map_err(text)?;
        }
        Ok(())
    }

    /// How many marks there are.
    pub(super) fn len(&self) -> usize {
        self.secrets.len()
    }

    /// A text with the secrets at its marks: written out, or a third each written out, by variables and by files.
    pub(super) fn fill(&self, text: &str, written_out: bool) -> String {
        let mut filled = text.to_owned();
        for (number, secret) in self.secrets.iter().enumerate() {
            let variable = VARIABLES.get(number / 3).filter(|_| number % 3 == 1);
            let reference = match (number % 3, variable) {
                (0, _) => secret.clone(),
                (_, Some(name)) => format!("${{env:{name}}}"),
                (_, None) => format!("${{file:secret-{number}}}"),
            };
            let shown = if written_out {
                secret.clone()
            } else {
                reference
            };
            filled = filled.replace(&mark(number), &shown);
        }
        filled
    }

    /// The file with one thing wrong at the mark of a secret.
    pub(super) fn spoil(text: &str, number: usize, how: usize) -> Option<String> {
        let mark = mark(number);
        let at = text.find(&mark)?;
        let from = text[..at].rfind('\n').map_or(0, |at| at + 1);
        let to = text[at..].find('\n').map_or(text.len(), |end| at + end);
        let line = &text[from..to];
        let quoted = format!("\"{mark}\"");
        let spoilt = match how {
            // The key is misspelt.
            0 => {
                let colon = line.find(&mark).and_then(|at| line[..at].rfind(": "))?;
                format!("{}x{}", &line[..colon], &line[colon..])
            }
            1 => line.replace(&quoted, &format!("{{ a: {quoted} }}")),
            2 => line.replace(&quoted, &format!("[{quoted}]")),
            // Two letters of it change places.
            3 => {
                let colon = line.find(&mark).and_then(|at| line[..at].rfind(": "))?;
                let key = line.get(colon.checked_sub(2)?..colon)?;
                let turned: String = key.chars().rev().collect();
                format!("{}{turned}{}", &line[..colon - 2], &line[colon..])
            }
            // It is no YAML any more.
            4 => line.replace(&quoted, &format!("{quoted} }}")),
            5 => line.replacen("kind: ", "kind: un", 1),
            6 => line.replacen("{ ", "{ zzz: 1, ", 1),
            // The text breaks off within the quotes.
            7 => line.replace(&quoted, &format!("\"{mark}")),
            // It goes on in another form.
            8 => line.replace(&quoted, &format!("\"{mark} \\u0007 and more\"")),
            _ => return None,
        };
        (spoilt != line).then(|| format!("{}{spoilt}{}", &text[..from], &text[to..]))
    }
}
