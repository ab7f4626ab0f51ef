//! A registry that others wrote, by the interface of Confluent's: Apicurio.

use super::expect;
use crate::Options;
use crate::apicurio::{Apicurio, BASE, VERSION};
use crate::gateway::Gateway;
use serde_json::Value;
use std::time::Duration;

const DRAFT: &str = r#""$schema":"http://json-schema.org/draft-07/schema#""#;

/// What of a registry was shown.
pub(super) async fn prove(options: &Options) -> Result<String, String> {
    let Some(mut apicurio) = Apicurio::start(options).await? else {
        return Ok("not here (no Java or Maven, or with --short not fetched before)".into());
    };
    let address = apicurio.address;
    let money = format!(r#"{{{DRAFT},"type":"number","maximum":10}}"#);
    let order = |extra: &str| {
        format!(
            r#"{{{DRAFT},"type":"object","properties":{{"total":{{"$ref":"money.json"}}}}{extra}}}"#
        )
    };
    apicurio.register("money", "JSON", &money, &[]).await?;
    apicurio
        .register("order", "JSON", &order(""), &[("money.json", "money")])
        .await?;
    let address_of = r#"{"type":"record","name":"Address","namespace":"shop","fields":[{"name":"city","type":"string"}]}"#;
    let parcel = r#"{"type":"record","name":"Parcel","namespace":"shop","fields":[{"name":"to","type":"shop.Address"}]}"#;
    apicurio
        .register("address", "AVRO", address_of, &[])
        .await?;
    apicurio
        .register("parcel", "AVRO", parcel, &[("shop.Address", "address")])
        .await?;
    let unit = r#"syntax = "proto3"; package shop; message Unit { int64 n = 1; }"#;
    let stock = r#"syntax = "proto3"; package shop; import "unit.proto"; message Stock { Unit units = 1; }"#;
    apicurio.register("unit", "PROTOBUF", unit, &[]).await?;
    apicurio
        .register("stock", "PROTOBUF", stock, &[("unit.proto", "unit")])
        .await?;

    let mut gateway = Gateway::new(
        &options.gateway,
        "  all: { owner: shop, why: to be held, sink: { kind: memory } }\n",
    )?;
    let schema = |name: &str, more: &str| {
        format!(
            "  {name}: {{ registry: {{ name: shared, subject: {name}{more} }}, events: [{{ type: prove.{name} }}] }}\n"
        )
    };
    gateway.settings = format!(
        "schema-registries:\n  shared:\n    url: http://{address}{BASE}\n    allow-http: true\n    \
         allow-private: [127.0.0.1/32]\n    refresh: 5s\nschemas:\n{}{}{}",
        schema("order", ""),
        schema("parcel", ", version: 1"),
        schema("stock", ", version: 1"),
    );
    gateway.configure("  all: { owner: shop, why: to be held, sink: { kind: memory } }\n")?;
    gateway.start().await?;
    let held = async |gateway: &Gateway, extra: u16| {
        expect(gateway, "prove.order", r#"{"total":10}"#, extra).await?;
        expect(gateway, "prove.order", r#"{"total":11}"#, 422).await?;
        // JSON is neither Avro nor Protobuf.
        expect(gateway, "prove.parcel", "{}", 422).await?;
        expect(gateway, "prove.stock", "{}", 422).await
    };
    held(&gateway, 202).await?;

    let stricter = order(r#","required":["id"]"#);
    apicurio
        .register("order", "JSON", &stricter, &[("money.json", "money")])
        .await?;
    wait(&gateway, |schema| schema["versions"][0]["version"] == 2).await?;
    held(&gateway, 422).await?;
    expect(&gateway, "prove.order", r#"{"id":1,"total":10}"#, 202).await?;

    apicurio.kill().await?;
    wait(&gateway, |schema| schema["registry"]["failure"].is_string()).await?;
    held(&gateway, 422).await?;
    gateway.kill().await?;
    gateway.start().await?;
    held(&gateway, 422).await?;
    gateway.kill().await?;
    Ok(format!(
        "Apicurio {VERSION} in three languages with references, another version, out, and out over a restart"
    ))
}

/// Waits until the gateway says so of the schema `order`.
async fn wait(gateway: &Gateway, done: impl Fn(&Value) -> bool) -> Result<(), String> {
    let mut seen = Value::Null;
    for _ in 0..600 {
        (_, seen) = gateway.admin("GET", "/v1/schemas/order").await?;
        if done(&seen) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("after a minute the schema is still {seen}"))
}
