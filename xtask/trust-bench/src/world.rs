//! A key, policies and a schema as an ordinary shop has them, and its events.

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;
use tradewind_adapter::{ApiKey, Auth, Build, Callers, Proofs, api_key};
use tradewind_event::{Event, json};
use tradewind_policy::{Action, Facts, Kind, Policies, Principal, Resource, Text};
use tradewind_schema::{Binding, Compatibility, Definition, Pattern, Registered, Schemas};

pub(crate) struct World {
    callers: Callers,
    headers: HeaderMap,
    now: SystemTime,
    policies: Policies,
    who: Principal,
    schemas: Schemas,
}

impl World {
    pub(crate) fn new(policies: usize) -> Result<Self, String> {
        let last = policies - 1;
        let (callers, headers) = callers(&format!("key-{last}"))?;
        Ok(Self {
            callers,
            headers,
            now: SystemTime::UNIX_EPOCH,
            policies: rules(policies)?,
            who: Principal::new(Kind::Key, format!("key-{last}")),
            schemas: schemas()?,
        })
    }

    pub(crate) fn authenticate(&self) -> bool {
        self.callers.verify(&self.headers, None, self.now).is_ok()
    }

    pub(crate) fn decide(&self, event: &Event) -> bool {
        let facts = Facts::of(event).via("api");
        let stream = Resource::Stream("orders");
        self.policies
            .decide(&self.who, Action::Publish, stream, facts)
            .allowed()
    }

    pub(crate) fn decide_afresh(&self, event: &Event) -> bool {
        let facts = Facts::of(event).via("api");
        let stream = Resource::Stream("orders");
        self.policies
            .decide_afresh(&self.who, Action::Publish, stream, facts)
            .allowed()
    }

    pub(crate) fn validate(&self, event: &Event) -> bool {
        self.schemas.judge(event).is_none()
    }
}

fn callers(id: &str) -> Result<(Callers, HeaderMap), String> {
    let key = api_key::assemble(id, &[7; api_key::SECRET_BYTES]).ok_or("no key")?;
    let configured = ApiKey {
        sha256: vec![api_key::hash_hex(&key)],
        ..ApiKey::default()
    };
    let build = Build {
        api_keys: Arc::new(BTreeMap::from([(id.to_owned(), configured)])),
        ..Build::default()
    };
    let auth = Auth::Proofs(Box::new(Proofs {
        api_keys: Some(vec![id.to_owned()]),
        ..Proofs::default()
    }));
    let callers = Callers::new(Some(&auth), &build).map_err(|e| e.to_string())?;
    let shown = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|e| e.to_string())?;
    Ok((callers, HeaderMap::from_iter([(AUTHORIZATION, shown)])))
}

/// One policy for each key; the last one lets the events in.
fn rules(policies: usize) -> Result<Policies, String> {
    let text: String = (0..policies)
        .map(|n| {
            format!(
                "permit (principal == Key::\"key-{n}\", action == Action::\"publish\", resource == Stream::\"orders\")\n\
                 when {{ context.type like \"com.acme.{n}.*\" && context.source like \"/shop/{n}/*\" }};\n"
            )
        })
        .collect();
    let text = Text::read("trust", &text).map_err(|wrong| format!("{wrong:?}"))?;
    Policies::new(vec![text], &[]).map_err(|wrong| format!("{wrong:?}"))
}

fn schemas() -> Result<Schemas, String> {
    let text = json!({
        "type": "object",
        "required": ["order", "customer", "lines", "total", "currency"],
        "additionalProperties": false,
        "properties": {
            "order": { "type": "string", "pattern": "^o-[0-9]+$" },
            "customer": {
                "type": "object",
                "required": ["id", "mail"],
                "properties": {
                    "id": { "type": "integer", "minimum": 1 },
                    "mail": { "type": "string", "maxLength": 254 },
                    "address": { "$ref": "#/$defs/address" },
                },
            },
            "lines": {
                "type": "array", "minItems": 1, "maxItems": 100,
                "items": {
                    "type": "object",
                    "required": ["sku", "count", "price"],
                    "properties": {
                        "sku": { "type": "string", "minLength": 1 },
                        "count": { "type": "integer", "minimum": 1 },
                        "price": { "type": "number", "minimum": 0 },
                        "name": { "type": "string" },
                    },
                },
            },
            "total": { "type": "number", "minimum": 0 },
            "currency": { "enum": ["EUR", "USD", "GBP", "CHF"] },
            "note": { "type": "string" },
        },
        "$defs": {
            "address": {
                "type": "object",
                "required": ["street", "city", "country"],
                "properties": {
                    "street": { "type": "string" },
                    "city": { "type": "string" },
                    "country": { "type": "string", "minLength": 2, "maxLength": 2 },
                },
            },
        },
    });
    let definition = Definition {
        text: text.to_string(),
        ..Definition::default()
    };
    let refused = |wrong: tradewind_schema::InvalidSchema| wrong.to_string();
    let action = tradewind_schema::Action::Reject;
    let mut order =
        Registered::new("json-schema", Compatibility::Backward, action).map_err(refused)?;
    order.add(definition, None).map_err(refused)?;
    order.bindings.push(Binding {
        ty: Pattern::read("com.acme.*"),
        source: None,
        on_failure: action,
    });
    let name = "order".to_owned();
    Ok(Schemas::new([(&name, &order)]))
}

/// Structured events of about 1 KiB.
pub(crate) fn documents(count: usize) -> Vec<String> {
    let line = |n: usize| json!({ "sku": format!("sku-{n:06}"), "count": n % 7 + 1, "price": 19.95, "name": "a thing of some sort" });
    let document = |n: usize| {
        json!({
            "specversion": "1.0", "id": format!("event-{n:08}"), "source": format!("/shop/99/till-{}", n % 50),
            "type": "com.acme.99.order", "subject": format!("order-{n}"), "time": "2026-01-02T03:04:05Z",
            "datacontenttype": "application/json",
            "data": {
                "order": format!("o-{n}"),
                "customer": {
                    "id": n + 1, "mail": "somebody@example.com",
                    "address": { "street": "Long Street 12", "city": "Rotterdam", "country": "NL" },
                },
                "lines": (n..n + 6).map(line).collect::<Vec<_>>(),
                "total": 1234.5, "currency": "EUR",
                "note": "leave it with the neighbours, please",
            },
        })
        .to_string()
    };
    (0..count).map(document).collect()
}

pub(crate) fn decode(documents: &[String]) -> Result<Vec<Event>, String> {
    let decoded = documents.iter().map(|document| {
        json::decode(document.clone().into_bytes().into()).map_err(|e| e.to_string())
    });
    decoded.collect()
}
