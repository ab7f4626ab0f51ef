//! The policies under test, and the same rules told a second time, in plain code.

/// Who shows a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// An API key.
    Key(&'static str),
    /// The same, as HTTP Basic.
    Basic(&'static str),
    /// A token of the issuer, by its subject.
    Token(&'static str),
    /// Whom a function knows.
    Asked(&'static str),
    /// Who signs webhooks.
    Signed,
    /// A certificate, by the end of its URI.
    Certificate(&'static str),
    /// Nothing, where nothing is asked for.
    Nobody,
}

/// Policies and roles, in YAML; `ISSUER` stands for the issuer of tokens.
pub(super) const POLICIES: &str = r#"roles:
  shop:
    members: [api-key:shop, "certificate:uri:spiffe://acme/shop"]
    may: [publish]
    streams: [orders]
    types: [com.acme.order.*]
    sources: [/shop/*]
  oncall:
    members: [api-key:oncall, "certificate:uri:spiffe://acme/oncall"]
    may: [redrive, replay, configure]
    subscriptions: [charge]
  callers:
    members: [api-key:till]
    may: [invoke]
    routes: [ask]
policies:
  base:
    cedar: |
      @id("till") permit (principal == Key::"till", action == Action::"publish", resource == Stream::"payments")
      when { context.type like "com.acme.payment.*" && context has subject && context.via == "till" };
      @id("open") permit (principal is Anonymous, action == Action::"publish", resource == Stream::"default")
      when { context.type == "public" };
      @id("token") permit (principal == Token::"ISSUER#shop", action == Action::"publish", resource == Stream::"orders")
      when { context.type like "com.acme.order.*" };
      @id("asked") permit (principal == Sender::"authorizer:shop", action == Action::"publish", resource == Stream::"orders")
      when { context.source like "/shop/*" };
      @id("signed") permit (principal == Sender::"webhook", action == Action::"publish", resource == Stream::"orders")
      when { context.type like "com.acme.*" && context.via == "signed" };
      @id("till-by-certificate") permit (principal == Certificate::"uri:spiffe://acme/till", action == Action::"publish", resource == Stream::"orders")
      when { context.type like "com.acme.payment.*" && context.via == "mtls" };
      @id("reader-by-certificate") permit (principal == Certificate::"uri:spiffe://acme/reader", action in [Action::"read-payload", Action::"subscribe"], resource in Stream::"orders")
      when { context.type like "com.acme.order.*" };
      @id("reader") permit (principal == Key::"reader", action in [Action::"read-payload", Action::"subscribe"], resource in Stream::"orders")
      when { context.type like "com.acme.order.*" };
      @id("secret") forbid (principal, action, resource)
      when { context has subject && context.subject == "secret" };
      @id("vault") forbid (principal, action == Action::"publish", resource)
      when { context.type like "*.vault" };
"#;

/// An event as it is told apart by rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) ty: &'a str,
    pub(super) source: &'a str,
    pub(super) subject: Option<&'a str>,
}

impl About<'static> {
    /// Every kind of event that some rule tells from the others.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let types = [
            "com.acme.order.placed",
            "com.acme.order.vault",
            "com.acme.payment.made",
            "public",
            "other",
        ];
        let with_sources = types
            .into_iter()
            .flat_map(|ty| ["/shop/1", "/pay/1"].map(|source| (ty, source)));
        with_sources.flat_map(|(ty, source)| {
            [None, Some("s"), Some("secret")].map(|subject| Self {
                ty,
                source,
                subject,
            })
        })
    }
}

/// Whether somebody may publish through the source called `via` into a stream.
pub(super) fn may_publish(who: Who, via: &str, stream: &str, event: About<'_>) -> bool {
    if event.subject == Some("secret") || event.ty.ends_with(".vault") {
        return false;
    }
    match who {
        Who::Token("shop") => stream == "orders" && event.ty.starts_with("com.acme.order."),
        Who::Asked("shop") => stream == "orders" && event.source.starts_with("/shop/"),
        Who::Signed => stream == "orders" && event.ty.starts_with("com.acme."),
        Who::Certificate("till") => {
            stream == "orders" && via == "mtls" && event.ty.starts_with("com.acme.payment.")
        }
        Who::Key("shop") | Who::Basic("shop") | Who::Certificate("shop") => {
            stream == "orders"
                && event.ty.starts_with("com.acme.order.")
                && event.source.starts_with("/shop/")
        }
        Who::Key("till") | Who::Basic("till") => {
            stream == "payments"
                && via == "till"
                && event.ty.starts_with("com.acme.payment.")
                && event.subject.is_some()
        }
        Who::Nobody => stream == "default" && event.ty == "public",
        Who::Key(_) | Who::Basic(_) | Who::Token(_) | Who::Asked(_) | Who::Certificate(_) => false,
    }
}

/// What may be done in the admin API: key, method, path, body, and whether it is denied.
pub(super) const ADMIN: &[(&str, &str, &str, &str, bool)] = &[
    (
        "oncall",
        "POST",
        "/v1/subscriptions/charge/pause",
        "",
        false,
    ),
    (
        "oncall",
        "POST",
        "/v1/subscriptions/charge/resume",
        "",
        false,
    ),
    (
        "oncall",
        "POST",
        "/v1/subscriptions/%63harge/resume",
        "",
        false,
    ),
    ("oncall", "POST", "/v1/subscriptions/pay/pause", "", true),
    ("oncall", "POST", "/v1/subscriptions/%70ay/pause", "", true),
    (
        "oncall",
        "POST",
        "/v1/subscriptions/charge/dead-letters/redrive",
        r#"{"all":true}"#,
        false,
    ),
    (
        "oncall",
        "POST",
        "/v1/subscriptions/charge/dead-letters/purge",
        r#"{"all":true}"#,
        false,
    ),
    (
        "oncall",
        "POST",
        "/v1/subscriptions/pay/dead-letters/redrive",
        r#"{"all":true}"#,
        true,
    ),
    (
        "oncall",
        "POST",
        "/v1/subscriptions/pay/dead-letters/purge",
        r#"{"all":true}"#,
        true,
    ),
    (
        "oncall",
        "POST",
        "/v1/replays",
        r#"{"subscription":"charge","from":"oldest"}"#,
        false,
    ),
    (
        "oncall",
        "POST",
        "/v1/replays",
        r#"{"subscription":"pay","from":"oldest"}"#,
        true,
    ),
    ("oncall", "POST", "/v1/config/reload", "", true),
    ("oncall", "GET", "/v1/events/orders/0/{offset}", "", true),
    ("oncall", "GET", "/v1/explain?event=kept-order", "", true),
    ("oncall", "GET", "/v1/status", "", false),
    ("oncall", "GET", "/v1/subscriptions", "", false),
    ("oncall", "POST", "/v1/streams/orders/events", "EVENT", true),
    ("reader", "GET", "/v1/events/orders/0/{offset}", "", false),
    ("reader", "GET", "/v1/events/payments/0/{payment}", "", true),
    ("reader", "GET", "/v1/explain?event=kept-order", "", false),
    ("reader", "GET", "/v1/explain?event=kept-payment", "", true),
    (
        "reader",
        "GET",
        "/v1/subscriptions/charge/dead-letters",
        "",
        false,
    ),
    ("reader", "POST", "/v1/subscriptions/charge/pause", "", true),
    (
        "reader",
        "POST",
        "/v1/subscriptions/charge/dead-letters/redrive",
        r#"{"all":true}"#,
        true,
    ),
    (
        "reader",
        "POST",
        "/v1/replays",
        r#"{"subscription":"charge","from":"oldest"}"#,
        true,
    ),
    ("reader", "POST", "/v1/config/reload", "", true),
    ("shop", "POST", "/v1/streams/orders/events", "EVENT", false),
    ("shop", "POST", "/v1/streams/payments/events", "EVENT", true),
    (
        "shop",
        "POST",
        "/v1/streams/%70ayments/events",
        "EVENT",
        true,
    ),
    ("shop", "GET", "/v1/events/orders/0/{offset}", "", true),
    ("shop", "POST", "/v1/subscriptions/charge/pause", "", true),
    ("operator", "POST", "/v1/subscriptions/pay/pause", "", false),
    (
        "operator",
        "POST",
        "/v1/subscriptions/pay/resume",
        "",
        false,
    ),
    (
        "operator",
        "GET",
        "/v1/events/payments/0/{payment}",
        "",
        false,
    ),
    (
        "operator",
        "POST",
        "/v1/streams/payments/events",
        "EVENT",
        false,
    ),
    ("operator", "POST", "/v1/config/reload", "", false),
];
