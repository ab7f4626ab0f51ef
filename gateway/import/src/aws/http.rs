//! API destinations with their connections, and API Gateway.

use super::arn::Arn;
use super::build::Build;
use super::fields::Fields;
use super::found::{Found, Origin, Part};
use super::target::Sink;
use crate::report::{Item, Kind};
use crate::variables;
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
        let url = format!(
            "https://{api}.execute-api.{}.amazonaws.com/{stage}/{path}",
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
            let text = value.as_str().unwrap_or_default().to_owned();
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
        let values = own.take("PathParameterValues");
        let values = values.as_ref().and_then(Value::as_array);
        for value in values.into_iter().flatten() {
            more.path.push(fixed("PathParameterValues", value));
        }
        let map = |value: Option<Value>| match value {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        for (key, value) in map(own.take("QueryStringParameters")) {
            let value = fixed("QueryStringParameters", &value);
            let value = self.unless_secret(&key, value);
            more.query.push((key, value));
        }
        for (key, value) in map(own.take("HeaderParameters")) {
            let value = fixed("HeaderParameters", &value);
            let value = self.unless_secret(&key, value);
            more.headers.insert(key, value.into());
        }
        own.finish(item);
    }

    /// A value, or what stands for it where it is a secret by its name.
    fn unless_secret(&mut self, key: &str, value: String) -> String {
        match suspicious(key) {
            true => self.secret(key, &format!("`{key}` of a target's requests")),
            false => value,
        }
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
            for entry in entries(more.take("BodyParameters")) {
                let value = match entry.secret {
                    true => self.secret(
                        &format!("{name}_{}", entry.key),
                        &format!("`{}` of the connection {name}", entry.key),
                    ),
                    false => entry.value,
                };
                match entry.key.as_str() {
                    "grant_type" => {}
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
                for entry in entries(more.take(key)) {
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
            for entry in entries(own.take(key)) {
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
        for entry in entries(own.take("BodyParameters")) {
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

/// Whether people put secrets under such a name.
fn suspicious(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let words = ["auth", "cookie", "key", "token", "secret", "password"];
    words.iter().any(|word| key.contains(word))
}

fn entries(value: Option<Value>) -> Vec<Entry> {
    let items = match value {
        Some(Value::Array(items)) => items,
        Some(item @ Value::Object(_)) => vec![item],
        _ => Vec::new(),
    };
    let read = |item: Value| {
        let text = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
        let key = text("Key")?;
        let said = item.get("IsValueSecret");
        let open = said == Some(&json!(false)) || said == Some(&json!("false"));
        Some(Entry {
            value: text("Value").unwrap_or_default(),
            secret: !open || suspicious(&key),
            key,
        })
    };
    items.into_iter().filter_map(read).collect()
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
