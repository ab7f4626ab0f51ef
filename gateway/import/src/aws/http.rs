//! API destinations with their connections, and API Gateway.

use super::arn::{self, Arn};
use super::build::Build;
use super::fields::{self, Fields};
use super::found::{Found, Origin, Part};
use super::target::Sink;
use crate::report::{Item, Kind};
use crate::variables::{self, Variable};
use serde_json::{Map, Value, json};

/// How long EventBridge waits for an answer.
const TIMEOUT: &str = "5s";

/// What is added to requests.
#[derive(Debug, Default)]
struct More {
    path: Vec<String>,
    query: Vec<(String, String)>,
    headers: Map<String, Value>,
}

impl Build<'_> {
    pub(super) fn destination(
        &mut self,
        to: &str,
        fields: &mut Fields,
        item: &mut Item,
    ) -> Option<Sink> {
        let Some(at) = find(&self.destinations, to) else {
            item.note(Kind::Impossible, "Arn", "the API destination is in no file; export it with `aws events describe-api-destination`");
            return None;
        };
        let name = self.destinations[at].name.clone();
        let mut own = Fields::of(
            self.destinations[at].properties.clone(),
            &format!("API destination {name}"),
        );
        for known in ["Name", "Description"] {
            own.take(known);
        }
        let endpoint = own.text("InvocationEndpoint").unwrap_or_default();
        let endpoint = self.endpoint(&endpoint);
        if let Some(method) = own.text("HttpMethod")
            && method != "POST"
        {
            item.note(
                Kind::Impossible,
                "HttpMethod",
                format!("it is asked by {method}; the sink posts"),
            );
        }
        let mut sink = Sink::default();
        sink.used[1] = Some(at);
        sink.keys.insert("timeout".into(), TIMEOUT.into());
        if let Some(rate) = own.number("InvocationRateLimitPerSecond") {
            sink.keys.insert("rate".into(), rate.into());
            item.note(
                Kind::Remark,
                "InvocationRateLimitPerSecond",
                "counts for each subscription, there for all rules together",
            );
        }
        let connection = own.text("ConnectionArn").unwrap_or_default();
        own.finish(item);
        let mut more = More::default();
        self.parameters(fields, item, &mut more);
        let Some(at) = find(&self.connections, &connection) else {
            item.note(
                Kind::Impossible,
                "ConnectionArn",
                "the connection is in no file; export it with `aws events describe-connection`",
            );
            return None;
        };
        sink.used[0] = Some(at);
        let auth = self.connection(at, item, &mut more);
        sink.settings = http(&endpoint, more, item)?;
        if let Some(auth) = auth {
            sink.settings.insert("auth".into(), auth);
        }
        Some(sink)
    }

    /// An API of API Gateway: `API/STAGE/METHOD/PATH`.
    pub(super) fn gateway(
        &mut self,
        to: &str,
        fields: &mut Fields,
        item: &mut Item,
    ) -> Option<Sink> {
        let arn = Arn::read(to)?;
        let mut parts = arn.resource.splitn(4, '/');
        let [api, stage, method, path] = [(); 4].map(|()| parts.next().unwrap_or_default());
        if method != "POST" {
            item.note(
                Kind::Impossible,
                "Arn",
                format!("it is asked by {method}; the sink posts"),
            );
            return None;
        }
        let domain = arn::domain(&self.variables.sample(arn.region));
        let url = format!(
            "https://{api}.execute-api.{}.{domain}/{stage}/{path}",
            arn.region
        );
        let mut more = More::default();
        self.parameters(fields, item, &mut more);
        let mut sink = Sink {
            settings: http(&url, more, item)?,
            ..Sink::default()
        };
        sink.keys.insert("timeout".into(), TIMEOUT.into());
        let auth =
            json!({ "sigv4": { "service": "execute-api", "aws": { "region": arn.region } } });
        sink.settings.insert("auth".into(), auth);
        Some(sink)
    }

    /// Parameters of a target: what is the same for each event can be written down.
    fn parameters(&mut self, fields: &mut Fields, item: &mut Item, more: &mut More) {
        let Some(mut own) = fields.map("HttpParameters") else {
            return;
        };
        let mut fixed = |field: &str, value: &Value| {
            let text = fields::text(value);
            if text.is_none() && value.as_str().is_none() {
                let field = format!("HttpParameters.{field}");
                item.note(Kind::Impossible, field, "a value of it is no text");
            }
            let text = text.unwrap_or_default();
            if text.starts_with("$.") {
                let field = format!("HttpParameters.{field}");
                item.note(
                    Kind::Impossible,
                    field,
                    format!("`{text}` is another for each event"),
                );
            }
            text
        };
        for value in own.list("PathParameterValues").unwrap_or_default() {
            more.path.push(fixed("PathParameterValues", &value));
        }
        for (key, value) in own.members("QueryStringParameters").unwrap_or_default() {
            let value = fixed("QueryStringParameters", &value);
            let value = self.unless_secret(&key, value);
            more.query.push((key, value));
        }
        for (key, value) in own.members("HeaderParameters").unwrap_or_default() {
            let value = fixed("HeaderParameters", &value);
            let value = self.unless_secret(&key, value);
            more.headers.insert(key, value.into());
        }
        own.finish(item);
    }

    /// A value, or what stands for it where it may be a secret by its name.
    fn unless_secret(&mut self, key: &str, value: String) -> String {
        if harmless(key) || value.is_empty() {
            return value;
        }
        let variable = Variable {
            name: String::new(),
            about: format!("`{key}` of a target's requests"),
            example: "secret".into(),
            secret: true,
            service: None,
        };
        self.variables
            .reference(&format!("secret {key} {value}"), key, variable)
    }

    /// An endpoint without the secrets that its query may have.
    fn endpoint(&mut self, url: &str) -> String {
        self.variables
            .is_like(url, "https://api.example.com/events");
        let Some((path, query)) = url.split_once('?') else {
            return url.to_owned();
        };
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((key, value)) => {
                    format!("{key}={}", self.unless_secret(key, value.to_owned()))
                }
                None => pair.to_owned(),
            })
            .collect();
        format!("{path}?{}", pairs.join("&"))
    }

    /// How a connection proves who calls; its secrets are to be set.
    fn connection(&mut self, at: usize, item: &mut Item, more: &mut More) -> Option<Value> {
        let name = self.connections[at].name.clone();
        let mut own = Fields::of(
            self.connections[at].properties.clone(),
            &format!("connection {name}"),
        );
        for known in ["Name", "Description", "AuthorizationType"] {
            own.take(known);
        }
        if own.take("InvocationConnectivityParameters").is_some() {
            item.note(Kind::Changed, "InvocationConnectivityParameters", "a private API is reached as the network of the gateway has it; see `allow-private`");
        }
        let mut auth = None;
        if let Some(mut all) = own.map("AuthParameters") {
            if let Some(mut key) = all.map("ApiKeyAuthParameters") {
                let header = key.text("ApiKeyName").unwrap_or_else(|| "x-api-key".into());
                key.take("ApiKeyValue");
                let secret = self.secret(
                    &format!("{name}_api_key"),
                    &format!("the key of the connection {name}"),
                );
                auth = Some(json!({ "api-key": { "header": header, "key": secret } }));
                key.finish(item);
            }
            if let Some(mut basic) = all.map("BasicAuthParameters") {
                let user = basic.text("Username").unwrap_or_default();
                basic.take("Password");
                let secret = self.secret(
                    &format!("{name}_password"),
                    &format!("the password of the connection {name}"),
                );
                auth = Some(json!({ "basic": { "username": user, "password": secret } }));
                basic.finish(item);
            }
            for key in ["OAuthParameters", "OauthParameters"] {
                if let Some(oauth) = all.map(key) {
                    auth = Some(self.oauth(&name, oauth, item));
                }
            }
            if let Some(parameters) = all.map("InvocationHttpParameters") {
                self.additions(&name, parameters, item, more);
            }
            all.finish(item);
        }
        own.finish(item);
        if auth.is_none() {
            item.note(Kind::Changed, "AuthParameters", format!("how the connection {name} proves who calls is not in the file; write `auth` by hand"));
        }
        auth
    }

    fn oauth(&mut self, name: &str, mut own: Fields, item: &mut Item) -> Value {
        let url = own.text("AuthorizationEndpoint").unwrap_or_default();
        self.variables
            .is_like(&url, "https://auth.example.com/token");
        if let Some(method) = own.text("HttpMethod")
            && method != "POST"
        {
            item.note(
                Kind::Changed,
                "OAuthParameters.HttpMethod",
                format!("tokens are asked for by POST, there by {method}"),
            );
        }
        let mut client = String::new();
        if let Some(mut parameters) = own.map("ClientParameters") {
            client = parameters.text("ClientID").unwrap_or_default();
            parameters.take("ClientSecret");
            parameters.finish(item);
        }
        let secret = self.secret(
            &format!("{name}_client_secret"),
            &format!("the client secret of the connection {name}"),
        );
        let mut oauth = json!({ "token-url": url, "client-id": client, "client-secret": secret, "method": "post" });
        if let Some(mut more) = own.map("OAuthHttpParameters") {
            for entry in more.take_if("BodyParameters", entries).unwrap_or_default() {
                if entry.key == "grant_type" {
                    if entry.value != "client_credentials" {
                        item.note(
                            Kind::Changed,
                            "OAuthHttpParameters.BodyParameters.grant_type",
                            "the server of tokens is asked with `client_credentials`",
                        );
                    }
                    continue;
                }
                let value = match entry.secret {
                    true => self.secret(
                        &format!("{name}_{}", entry.key),
                        &format!("`{}` of the connection {name}", entry.key),
                    ),
                    false => entry.value,
                };
                match entry.key.as_str() {
                    "scope" => {
                        oauth["scopes"] = value.split_whitespace().map(Value::from).collect()
                    }
                    "audience" | "resource" => oauth[entry.key.as_str()] = value.into(),
                    key => item.note(
                        Kind::Changed,
                        format!("OAuthHttpParameters.BodyParameters.{key}"),
                        "it is not sent to the server of tokens",
                    ),
                }
            }
            for key in ["HeaderParameters", "QueryStringParameters"] {
                for entry in more.take_if(key, entries).unwrap_or_default() {
                    item.note(
                        Kind::Changed,
                        format!("OAuthHttpParameters.{key}.{}", entry.key),
                        "it is not sent to the server of tokens",
                    );
                }
            }
            more.finish(item);
        }
        own.finish(item);
        json!({ "oauth2": oauth })
    }

    /// What a connection adds to each request. Values may be secrets and are to be set, unless AWS says that they
    /// are none.
    fn additions(&mut self, name: &str, mut own: Fields, item: &mut Item, more: &mut More) {
        for (key, in_header) in [("HeaderParameters", true), ("QueryStringParameters", false)] {
            for entry in own.take_if(key, entries).unwrap_or_default() {
                let value = match entry.secret {
                    true => self.secret(
                        &format!("{name}_{}", entry.key),
                        &format!("`{}` of the connection {name}", entry.key),
                    ),
                    false => entry.value,
                };
                match in_header {
                    true => {
                        more.headers.insert(entry.key, value.into());
                    }
                    false => more.query.push((entry.key, value)),
                }
            }
        }
        for entry in own.take_if("BodyParameters", entries).unwrap_or_default() {
            item.note(
                Kind::Changed,
                format!("InvocationHttpParameters.BodyParameters.{}", entry.key),
                "nothing is added to bodies",
            );
        }
        own.finish(item);
    }

    /// Remembers that a subscription sends there.
    pub(super) fn uses(&mut self, sink: &Sink, subscription: &str) {
        let part = || Part {
            properties: Map::new(),
            origin: Origin {
                path: format!("subscriptions.{subscription}.sink"),
                ..Origin::default()
            },
            remarks: Vec::new(),
        };
        if let Some(at) = sink.used[0] {
            self.connections[at].targets.push(part());
        }
        if let Some(at) = sink.used[1] {
            self.destinations[at].targets.push(part());
        }
    }
}

struct Entry {
    key: String,
    value: String,
    secret: bool,
}

/// Whether nobody puts a secret under such a name.
fn harmless(key: &str) -> bool {
    let names = [
        "accept",
        "accept-language",
        "api-version",
        "audience",
        "cache-control",
        "content-type",
        "format",
        "grant_type",
        "resource",
        "scope",
        "user-agent",
        "version",
    ];
    names.iter().any(|name| key.eq_ignore_ascii_case(name))
}

fn entries(value: &Value) -> Option<Vec<Entry>> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        item => std::slice::from_ref(item),
    };
    let read = |item: &Value| {
        let key = fields::text(item.get("Key")?)?;
        let value = match item.get("Value") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => fields::text(other)?,
        };
        let said = item.get("IsValueSecret");
        let open = said == Some(&json!(false)) || said == Some(&json!("false"));
        Some(Entry {
            value,
            secret: !open || !harmless(&key),
            key,
        })
    };
    items.iter().map(read).collect()
}

fn http(endpoint: &str, more: More, item: &mut Item) -> Option<Map<String, Value>> {
    let mut url = endpoint.to_owned();
    for value in more.path {
        url = url.replacen('*', &encoded(&value), 1);
    }
    if url.contains('*') {
        item.note(
            Kind::Impossible,
            "InvocationEndpoint",
            "a `*` of it is filled by nothing",
        );
        return None;
    }
    for (key, value) in more.query {
        let between = if url.contains('?') { '&' } else { '?' };
        url.push_str(&format!("{between}{}={}", encoded(&key), encoded(&value)));
    }
    let mut settings = Map::new();
    settings.insert("kind".into(), "http".into());
    settings.insert("url".into(), url.into());
    if !more.headers.is_empty() {
        settings.insert("headers".into(), Value::Object(more.headers));
    }
    Some(settings)
}

/// Percent-encoded; variables stay what they are.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || variables::is_mark(c) {
            out.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// By ARN, by what stands for it, or by the name in an ARN.
fn find(all: &[Found], to: &str) -> Option<usize> {
    if to.is_empty() {
        return None;
    }
    let direct = all
        .iter()
        .position(|one| one.name == to || one.also.iter().any(|also| also == to));
    direct.or_else(|| {
        let name = Arn::read(to)?.resource.split('/').nth(1)?;
        all.iter().position(|one| one.name == name)
    })
}
