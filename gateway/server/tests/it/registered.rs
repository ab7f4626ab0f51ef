//! Schemas that are registered while the gateway runs.

use crate::support::{Gateway, binary, http, start, start_in};
use serde_json::{Value, json};
use std::process::Command;

const YAML: &str = "schemas:\n  filed:\n    versions: [{ schema: { type: object }, dataschema: urn:filed }]\n    \
    events: [{ type: filed }]\n\
    sources:\n  events: { kind: http, path: /events, auth: none-i-understand }\n\
    subscriptions:\n  all: { sink: { kind: memory } }\n";

const FIRST: &str =
    r#"{"type":"object","required":["total"],"properties":{"total":{"maximum":10.50}}}"#;
const WIDER: &str =
    r#"{"type":"object","required":["total"],"properties":{"total":{"maximum":11}}}"#;

async fn call(gateway: &Gateway, method: &str, path: &str, body: Value) -> (u16, Value) {
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let answer = gateway.admin(method, path, &body).await;
    (answer.status, answer.json())
}

async fn register(gateway: &Gateway, name: &str, body: Value) -> (u16, Value) {
    call(
        gateway,
        "POST",
        &format!("/v1/schemas/{name}/versions"),
        body,
    )
    .await
}

async fn sent(gateway: &Gateway, ty: &str, data: &str) -> u16 {
    let id = format!("{:x}", fastrand::u128(..));
    gateway.publish("/events", &id, ty, data).await.status
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    let ty = answer.1["type"].as_str().unwrap_or_default();
    (answer.0, ty.rsplit(':').next().unwrap())
}

#[tokio::test]
async fn the_last_version_that_there_is_room_for_may_be_said_again() {
    let gateway = start(YAML).await;
    let version = |n: u32| json!({ "schema": { "title": n.to_string() }, "compatibility": "none" });
    for n in 1..=100 {
        let done = register(&gateway, "many", version(n)).await;
        assert_eq!((done.0, &done.1["version"]), (200, &json!(n)));
    }
    let more = register(&gateway, "many", version(101)).await;
    assert_eq!(code(&more), (409, "too-many-schemas"));
    let again = register(&gateway, "many", version(100)).await;
    assert_eq!((again.0, &again.1["created"]), (200, &json!(false)));
}

#[tokio::test]
async fn a_version_is_in_force_once_it_is_answered_and_stays() {
    let gateway = start(YAML).await;
    assert_eq!(sent(&gateway, "order.placed", "{}").await, 202);
    let first = json!({
        "schema": FIRST, "owner": "shop", "events": [{ "type": "order.*" }, { "type": "quiet", "on-failure": "off" }],
    });
    let done = register(&gateway, "order", first.clone()).await;
    let expected = json!({ "name": "order", "space": null, "version": 1, "created": true });
    assert_eq!(done, (200, expected));
    assert_eq!(sent(&gateway, "order.placed", "{}").await, 422);
    assert_eq!(sent(&gateway, "quiet", "{}").await, 202);
    assert_eq!(sent(&gateway, "order.placed", r#"{"total":11}"#).await, 422);

    // Again it is the same one; as a value and as a text it means the same.
    let again = register(&gateway, "order", first).await;
    assert_eq!(
        (again.0, &again.1["version"], &again.1["created"]),
        (200, &json!(1), &json!(false))
    );
    let wider = format!(r#"{{"schema":{WIDER},"dataschema":"urn:order:2"}}"#);
    let done = gateway
        .admin("POST", "/v1/schemas/order/versions", &wider)
        .await;
    assert_eq!(
        (done.status, done.json()["version"].clone()),
        (200, json!(2)),
        "{}",
        done.text()
    );
    assert_eq!(sent(&gateway, "order.placed", r#"{"total":11}"#).await, 202);
    assert_eq!(sent(&gateway, "order.placed", r#"{"total":12}"#).await, 422);

    // A version that is removed is gone; its number is not given again, also after a restart.
    let third = json!({ "schema": WIDER, "dataschema": "urn:order:3" });
    assert_eq!(register(&gateway, "order", third).await.1["version"], 3);
    let (status, left) = call(
        &gateway,
        "DELETE",
        "/v1/schemas/order/versions/3",
        Value::Null,
    )
    .await;
    assert_eq!(
        (status, left["versions"].as_array().unwrap().len()),
        (200, 2)
    );
    let deprecated =
        json!({ "removal": "2999-01-01T00:00:00Z", "alternative": "https://example.com/new" });
    let (status, told) = call(&gateway, "POST", "/v1/schemas/order/deprecate", deprecated).await;
    assert_eq!(
        (status, &told["deprecated"]["alternative"]),
        (200, &json!("https://example.com/new"))
    );

    let gateway = start_in(gateway.finish().await, YAML).await;
    assert_eq!(sent(&gateway, "order.placed", r#"{"total":12}"#).await, 422);
    let (_, shown) = call(&gateway, "GET", "/v1/schemas/order", Value::Null).await;
    assert_eq!(shown["from"], "registered");
    assert_eq!(shown["owner"], "shop");
    assert_eq!(shown["versions"][0]["text"], FIRST, "byte for byte");
    assert_eq!(shown["versions"][1]["text"], WIDER);
    assert_eq!(
        shown["events"][1],
        json!({ "type": "quiet", "on-failure": "off" })
    );
    assert!(shown["deprecated"]["effective"].is_string());
    let widest = json!({ "schema": r#"{"type":"object"}"# });
    assert_eq!(register(&gateway, "order", widest).await.1["version"], 4);
    let latest = call(
        &gateway,
        "GET",
        "/v1/schemas/order/versions/latest",
        Value::Null,
    )
    .await;
    assert_eq!(latest.1["version"], 4);
    let gone = call(&gateway, "GET", "/v1/schemas/order/versions/3", Value::Null).await;
    assert_eq!(gone.0, 404);

    let (status, count) = call(&gateway, "DELETE", "/v1/schemas/order", Value::Null).await;
    assert_eq!((status, &count["count"]), (200, &json!(3)));
    assert_eq!(sent(&gateway, "order.placed", "{}").await, 202);
    let gateway = start_in(gateway.finish().await, YAML).await;
    let (_, all) = call(&gateway, "GET", "/v1/schemas", Value::Null).await;
    let names: Vec<&Value> = all.as_array().unwrap().iter().map(|s| &s["name"]).collect();
    assert_eq!(names, ["filed"]);
    gateway.finish().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let gateway = start(YAML).await;
    let first = json!({ "schema": FIRST, "compatibility": "full", "events": [{ "type": "order" }], "dataschema": "urn:order:1" });
    assert_eq!(register(&gateway, "order", first).await.0, 200);
    let one = json!({ "schema": FIRST });
    let with = |key: &str, value: Value| {
        let mut body = one.clone();
        body[key] = value;
        body
    };
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let doubling = (0..12).rev().fold("{}".to_owned(), |inner, _| {
        format!(r#"{{"anyOf":[{inner},{inner}]}}"#)
    });
    for (name, body, status, problem, part) in [
        (
            "order",
            json!({ "schema": { "type": "string" } }),
            409,
            "schema-incompatible",
            "not backward compatible with version 1",
        ),
        (
            "order",
            with("format", json!("avro")),
            409,
            "schema-differs",
            "`format`",
        ),
        (
            "order",
            with("events", json!([])),
            409,
            "schema-differs",
            "`events`",
        ),
        (
            "filed",
            one.clone(),
            409,
            "schema-read-only",
            "has a schema of this name",
        ),
        (
            "other",
            with("dataschema", json!("urn:filed")),
            409,
            "duplicate-dataschema",
            "filed/1",
        ),
        (
            "other",
            with("dataschema", json!("urn:order:1")),
            409,
            "duplicate-dataschema",
            "order/1",
        ),
        (
            "other",
            json!({ "schema": { "type": "objekt" } }),
            422,
            "invalid-schema",
            "objekt",
        ),
        (
            "other",
            json!({ "schema": doubling }),
            422,
            "invalid-schema",
            "64 levels or 2000",
        ),
        (
            "other",
            json!({ "schema": deep }),
            422,
            "invalid-schema",
            "",
        ),
        (
            "other",
            json!({ "schema": "x".repeat(300 << 10) }),
            422,
            "invalid-schema",
            "256 KiB",
        ),
        (
            "other",
            with("format", json!("xml")),
            400,
            "invalid-request",
            "unknown format `xml`",
        ),
        (
            "other",
            with("formt", json!("avro")),
            400,
            "invalid-request",
            "unknown field `formt`",
        ),
        (
            "other",
            with("on-failure", json!("drop")),
            400,
            "invalid-request",
            "unknown variant `drop`",
        ),
        (
            "other",
            with("owner", json!("a\nb")),
            400,
            "invalid-request",
            "`owner`",
        ),
        (
            "other",
            with("events", json!([{ "type": "" }])),
            400,
            "invalid-request",
            "`events.type`",
        ),
        (
            "other",
            json!({}),
            400,
            "invalid-request",
            "missing field `schema`",
        ),
        (
            "Other",
            one.clone(),
            400,
            "invalid-request",
            "`Other` cannot be the name",
        ),
    ] {
        let answer = register(&gateway, name, body).await;
        assert_eq!(code(&answer), (status, problem), "{name} {}", answer.1);
        let detail = answer.1["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(part), "{part}: {}", answer.1);
    }
    let both = register(&gateway, "order", json!({ "schema": { "type": "string" } })).await;
    assert_eq!(
        both.1["violations"].as_array().unwrap().len(),
        2,
        "{}",
        both.1
    );
    for (method, path, body, status) in [
        (
            "POST",
            "/v1/schemas/order/versions?space=nowhere",
            "{\"schema\":{}}",
            404,
        ),
        (
            "POST",
            "/v1/schemas/order/versions?spce=x",
            "{\"schema\":{}}",
            400,
        ),
        ("POST", "/v1/schemas/order/versions", "{", 400),
        (
            "POST",
            "/v1/schemas/order/deprecate",
            r#"{"removal":"tomorrow"}"#,
            400,
        ),
        (
            "POST",
            "/v1/schemas/order/deprecate",
            r#"{"removal":"2001-01-01T00:00:00Z"}"#,
            400,
        ),
        ("POST", "/v1/schemas/none/deprecate", "", 404),
        ("DELETE", "/v1/schemas/none", "", 404),
        ("DELETE", "/v1/schemas/filed", "", 409),
        ("DELETE", "/v1/schemas/order/versions/1", "", 400),
        ("DELETE", "/v1/schemas/order/versions/x", "", 400),
        ("GET", "/v1/schemas/none", "", 404),
        ("GET", "/v1/schemas/order/versions/2", "", 404),
    ] {
        let answer = gateway.admin(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    }
    let (_, all) = call(&gateway, "GET", "/v1/schemas", Value::Null).await;
    let names: Vec<&Value> = all.as_array().unwrap().iter().map(|s| &s["name"]).collect();
    assert_eq!(names, ["filed", "order"]);
    assert_eq!(all[1]["versions"].as_array().unwrap().len(), 1);

    // What is done is in the audit log, what was refused as well, and schemas are none of its secrets.
    let logged = Command::new(binary())
        .args(["audit", "list", "--output", "json", "--data-dir"])
        .arg(gateway.dir.path().join("data"))
        .output()
        .unwrap();
    let lines: Value = serde_json::from_slice(&logged.stdout).unwrap();
    let of = |outcome: &str| {
        let lines = lines.as_array().unwrap().iter();
        let found = lines.filter(|l| l["what"] == "register-schema" && l["outcome"] == outcome);
        found.filter(|l| l["object"] == "schema order").count()
    };
    assert_eq!(of("200"), 1, "{lines}");
    assert!(of("409") >= 3, "{lines}");
    gateway.finish().await;
}

#[tokio::test]
async fn the_configuration_counts_where_both_have_a_name() {
    let gateway = start(YAML).await;
    let body = json!({ "schema": "false", "events": [{ "type": "order" }] });
    assert_eq!(register(&gateway, "order", body).await.0, 200);
    assert_eq!(sent(&gateway, "order", "{}").await, 422);
    let path = gateway.dir.path().join("tradewind.yaml");
    let filed = YAML.replacen(
        "schemas:\n",
        "schemas:\n  order: { versions: [{ schema: true }], events: [{ type: order }] }\n",
        1,
    );
    for (yaml, status, shadowed) in [(filed.as_str(), 202, true), (YAML, 422, false)] {
        std::fs::write(&path, yaml).unwrap();
        let reloaded = call(&gateway, "POST", "/v1/config/reload", json!({})).await;
        assert_eq!(reloaded.0, 200, "{}", reloaded.1);
        assert_eq!(sent(&gateway, "order", "{}").await, status);
        let (_, all) = call(&gateway, "GET", "/v1/schemas", Value::Null).await;
        let all = all.as_array().unwrap();
        let kept = all.iter().find(|s| s["from"] == "registered").unwrap();
        assert_eq!(kept["shadowed"], shadowed);
    }
    gateway.finish().await;
}

const SHOP: &str = "tw_shop_000000000000000000000000000000000000000000000000";
const BANK: &str = "tw_bank_000000000000000000000000000000000000000000000000";
const VIEW: &str = "tw_view_000000000000000000000000000000000000000000000000";

async fn by(gateway: &Gateway, key: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
    let tradewind_config::Admin::Tcp(address) = gateway.running.admin else {
        panic!("the admin API is on a socket")
    };
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = http::raw(address, request.as_bytes()).await;
    (answer.status, answer.json())
}

fn spaces(more: &str) -> String {
    let hash = tradewind_adapter::api_key::hash_hex;
    format!(
        "admin: 127.0.0.1:0\nadmin-auth: {{ api-keys: [shop, bank, view] }}\n\
         spaces:\n  shop: {{ quotas: {{ events-per-second: 1000 }} }}\n  bank: {{ quotas: {{ events-per-second: 1000 }} }}\n\
         streams: {{ shop: {{ space: shop }}, bank: {{ space: bank }} }}\n\
         api-keys:\n  shop: {{ sha256: {}, space: shop }}\n  bank: {{ sha256: {}, space: bank }}\n  \
         view: {{ sha256: {}, space: shop, scopes: [read-payload] }}\n{more}\
         schemas: {{ filed: {{ space: bank, versions: [{{ schema: true }}], events: [{{ type: filed }}] }} }}\n\
         sources:\n  shop: {{ kind: http, path: /shop, stream: shop, space: shop, auth: none-i-understand }}\n  \
         bank: {{ kind: http, path: /bank, stream: bank, space: bank, auth: none-i-understand }}\n",
        hash(SHOP),
        hash(BANK),
        hash(VIEW),
    )
}

#[tokio::test]
async fn a_space_has_its_own_schemas_and_nobody_elses() {
    let gateway = start(&spaces("")).await;
    let body = json!({ "schema": "false", "events": [{ "type": "*" }] });
    let versions = "/v1/schemas/order/versions";
    let done = by(&gateway, SHOP, "POST", versions, body.clone()).await;
    assert_eq!(
        (done.0, &done.1["space"]),
        (200, &json!("shop")),
        "{}",
        done.1
    );
    let to = async |path: &str| gateway.publish(path, "1", "t", "{}").await.status;
    assert_eq!(
        (to("/shop").await, to("/bank").await),
        (422, 202),
        "only its own events"
    );

    let names = async |key: &str, path: &str| {
        let (status, all) = by(&gateway, key, "GET", path, Value::Null).await;
        assert_eq!(status, 200, "{all}");
        match all {
            Value::Array(all) => all
                .iter()
                .map(|s| s["name"].to_string())
                .collect::<Vec<_>>(),
            all => all.as_object().unwrap().keys().cloned().collect(),
        }
    };
    assert_eq!(names(SHOP, "/v1/schemas").await, ["\"order\""]);
    assert_eq!(names(BANK, "/v1/schemas").await, ["\"filed\""]);
    assert_eq!(names(SHOP, "/xregistry/schemagroups").await, ["shop"]);
    for (key, method, path, body, status) in [
        (BANK, "GET", "/v1/schemas/order", Value::Null, 404),
        (
            BANK,
            "GET",
            "/v1/schemas/order?space=shop",
            Value::Null,
            404,
        ),
        (
            BANK,
            "DELETE",
            "/v1/schemas/order?space=shop",
            Value::Null,
            404,
        ),
        (
            BANK,
            "POST",
            "/v1/schemas/order/versions?space=shop",
            body.clone(),
            404,
        ),
        (
            BANK,
            "POST",
            "/v1/schemas/order/deprecate?space=shop",
            Value::Null,
            404,
        ),
        (
            BANK,
            "GET",
            "/xregistry/schemagroups/shop",
            Value::Null,
            404,
        ),
        (
            BANK,
            "GET",
            "/xregistry/schemagroups/shop/schemas/order",
            Value::Null,
            404,
        ),
        // Its key does not go as far.
        (VIEW, "GET", "/v1/schemas/order", Value::Null, 200),
        (VIEW, "POST", versions, body.clone(), 403),
        (VIEW, "DELETE", "/v1/schemas/order", Value::Null, 403),
        // The same name is another schema.
        (BANK, "POST", versions, json!({ "schema": true }), 200),
        (BANK, "DELETE", "/v1/schemas/filed", Value::Null, 409),
    ] {
        let answer = by(&gateway, key, method, path, body).await;
        assert_eq!(answer.0, status, "{method} {path}: {}", answer.1);
    }
    let (_, shop) = by(&gateway, SHOP, "GET", "/v1/schemas/order", Value::Null).await;
    assert_eq!(shop["versions"].as_array().unwrap().len(), 1);
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn policies_are_asked() {
    let role = "roles: { shop: { members: [api-key:shop], may: [configure], spaces: [shop] }, \
                in: { members: [anonymous], may: [publish] } }\n";
    let gateway = start(&spaces(role)).await;
    let body = json!({ "schema": true });
    let versions = "/v1/schemas/order/versions";
    assert_eq!(
        by(&gateway, SHOP, "POST", versions, body.clone()).await.0,
        200
    );
    assert_eq!(by(&gateway, BANK, "POST", versions, body).await.0, 403);
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn the_registry_is_read_as_an_xregistry_and_imported_again() {
    let gateway = start(YAML).await;
    let first = json!({
        "schema": FIRST, "owner": "shop", "events": [{ "type": "order.*", "source": "/eu" }], "on-failure": "annotate",
    });
    assert_eq!(register(&gateway, "order", first).await.0, 200);
    let second = json!({ "schema": WIDER, "dataschema": "urn:order:2" });
    assert_eq!(register(&gateway, "order", second).await.0, 200);
    let word = json!({ "schema": "\"string\"", "format": "avro", "dataschema": "urn:word" });
    assert_eq!(register(&gateway, "word", word).await.0, 200);
    let of = "/xregistry/schemagroups/_gateway/schemas/order";

    let document = gateway.admin("GET", &format!("{of}/versions/1"), "").await;
    assert_eq!(document.text(), FIRST);
    for (name, value) in [
        ("content-type", "application/schema+json"),
        ("content-disposition", "order"),
        ("xregistry-schemaid", "order"),
        ("xregistry-versionid", "1"),
        ("xregistry-isdefault", "false"),
        (
            "xregistry-xid",
            "/schemagroups/_gateway/schemas/order/versions/1",
        ),
        ("xregistry-format", "JsonSchema/draft/2020-12"),
    ] {
        assert_eq!(document.header(name), Some(value), "{name}");
    }
    let newest = gateway.admin("GET", of, "").await;
    assert_eq!(newest.text(), WIDER);
    assert_eq!(newest.header("xregistry-versionscount"), Some("2"));
    for (path, pointer, value) in [
        ("/xregistry", "/schemagroupscount", json!(1)),
        ("/xregistry/", "/schemagroupscount", json!(1)),
        (
            "/xregistry/schemagroups",
            "/_gateway/schemascount",
            json!(3),
        ),
        (
            "/xregistry/schemagroups/_gateway/schemas",
            "/order/versionid",
            json!("2"),
        ),
        (
            &format!("{of}$details"),
            "/self",
            json!(format!("http://localhost{of}$details")),
        ),
        (
            &format!("{of}/versions/1$details"),
            "/versionid",
            json!("1"),
        ),
        (&format!("{of}/versions"), "/2/isdefault", json!(true)),
        (
            &format!("{of}/meta"),
            "/compatibility",
            json!("backward_transitive"),
        ),
        (&format!("{of}/meta"), "/readonly", json!(false)),
        (
            "/xregistry/schemagroups/_gateway/schemas/filed/meta",
            "/readonly",
            json!(true),
        ),
    ] {
        let answer = gateway.admin("GET", path, "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(
            answer.json().pointer(pointer),
            Some(&value),
            "{path}: {}",
            answer.text()
        );
    }
    for path in [
        "/xregistry/schemagroups/none",
        "/xregistry/schemagroups/_gateway/schemas/none",
        &format!("{of}/versions/3"),
        &format!("{of}/versions/01"),
        &format!("{of}/versions/1$detail"),
    ] {
        assert_eq!(gateway.admin("GET", path, "").await.status, 404, "{path}");
    }
    let flagged = gateway.admin("GET", "/xregistry?inline=*", "").await;
    assert_eq!(flagged.status, 400);

    // What is exported makes a gateway that holds events against the same.
    let export = gateway.admin("GET", "/xregistry/export", "").await.text();
    let path = gateway.dir.path().join("all.xreg.json");
    std::fs::write(&path, &export).unwrap();
    let imported = Command::new(binary())
        .args(["schema", "import"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&imported.stderr), "");
    let yaml = String::from_utf8(imported.stdout).unwrap();
    let registry = tradewind_server::registry();
    let checked = tradewind_config::load_str("a.yaml", &yaml, &registry, &tradewind_config::System);
    let checked = checked.unwrap_or_else(|wrong| panic!("{}\n{yaml}", wrong.render(false)));
    let (_, all) = call(&gateway, "GET", "/v1/schemas", Value::Null).await;
    let all = all.as_array().unwrap();
    assert_eq!(checked.schemas.len(), all.len());
    for shown in all {
        let name = shown["name"].as_str().unwrap();
        let (_, shown) = call(&gateway, "GET", &format!("/v1/schemas/{name}"), Value::Null).await;
        let loaded = &checked.schemas[name];
        assert_eq!(json!(loaded.registered.format), shown["format"]);
        assert_eq!(
            json!(loaded.registered.compatibility),
            shown["compatibility"]
        );
        assert_eq!(json!(loaded.registered.on_failure), shown["on-failure"]);
        assert_eq!(json!(loaded.owner), shown["owner"]);
        assert_eq!(
            json!(loaded.registered.bindings.len()),
            shown["events"].as_array().unwrap().len()
        );
        let versions = shown["versions"].as_array().unwrap();
        assert_eq!(loaded.registered.versions.len(), versions.len());
        for (loaded, shown) in loaded.registered.versions.iter().zip(versions) {
            assert_eq!(json!(loaded.dataschema), shown["dataschema"]);
            let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            let text = shown["text"].as_str().unwrap();
            assert_eq!(read(&loaded.definition.text), read(text));
        }
    }
    gateway.finish().await;
}

#[tokio::test]
async fn the_command_line_registers_shows_and_removes() {
    let gateway = start(YAML).await;
    let file = gateway.dir.path().join("order.json");
    std::fs::write(&file, FIRST).unwrap();
    let file = file.to_str().unwrap();
    let run = |args: &[&str]| {
        let (args, data) = (
            args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>(),
            gateway.dir.path().join("data"),
        );
        async move {
            let run = move || {
                let mut command = Command::new(binary());
                command.arg("schema").args(args).arg("--data-dir").arg(data);
                command.output().unwrap()
            };
            let output = tokio::task::spawn_blocking(run).await.unwrap();
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            (
                output.status.code(),
                text(output.stdout),
                text(output.stderr),
            )
        }
    };
    let (code, out, err) = run(&[
        "register", "order", "--schema", file, "--type", "order.*", "--owner", "shop",
    ])
    .await;
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "order/1 is registered and in force\n"),
        "{err}"
    );
    assert_eq!(sent(&gateway, "order.placed", "{}").await, 422);
    let (code, out, _) = run(&["register", "order", "--schema", file, "--output", "json"]).await;
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["created"]), (Some(0), &json!(false)));
    let (code, _, err) = run(&["register", "order", "--schema", r#"{ "type": "string" }"#]).await;
    assert_eq!(code, Some(1));
    assert!(
        err.contains("not backward compatible with version 1") && err.contains("hint:"),
        "{err}"
    );
    let (_, out, _) = run(&["list"]).await;
    assert!(
        out.lines()
            .any(|l| l.starts_with("order") && l.contains("registered")),
        "{out}"
    );
    let (_, out, _) = run(&["get", "order", "latest"]).await;
    assert_eq!(out.trim_end(), FIRST);
    let (_, out, _) = run(&["deprecate", "order"]).await;
    assert_eq!(out, "order is deprecated\n");
    let (_, out, _) = run(&["export"]).await;
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["specversion"], "1.0-rc4");
    let (_, out, _) = run(&["delete", "order"]).await;
    assert_eq!(out, "order is removed with 1 version(s)\n");
    let (code, _, err) = run(&["delete", "filed"]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("hint: change the configuration"), "{err}");
    gateway.finish().await;
}
