//! Requests as events, and requests that are kept.

use super::passing::same;
use super::wire::send;
use super::{Way, World};
use serde_json::json;

pub(super) async fn the_event_describes_the_request(world: &World, way: Way) -> Result<(), String> {
    let target = format!("{}/event/a%20b/c/d?x=1&y=%2F&x=2", way.prefix);
    for (ty, body, key, wanted) in [
        (
            "application/json",
            &b"{\"n\": 1.50}"[..],
            "body",
            json!({ "n": 1.5 }),
        ),
        (
            "application/vnd.shop+json; charset=utf-8",
            b"[1]",
            "body",
            json!([1]),
        ),
        ("application/json", b"{no json", "body", json!("{no json")),
        ("text/plain", "Grüße".as_bytes(), "body", json!("Grüße")),
        ("image/png", b"\xff\x00\x01", "body_base64", json!("/wAB")),
        ("text/plain", b"", "body", json!(null)),
    ] {
        let headers = [
            ("content-type", ty),
            ("x-api-key", "nobody's"),
            ("cookie", "session=1"),
            ("x-twice", "1"),
            ("x-twice", "2"),
        ];
        let asked = ("POST", target.as_str());
        let answer = send(world.address(), way.caller, asked, &headers, body).await?;
        same!(answer.status.as_u16(), 200, "{ty}");
        same!(answer.header("tradewind-durability"), "none", "durability");
        let said = answer.json();
        let event = &said["headers"];
        same!(said["method"], "POST", "method of the delivery");
        same!(event["ce-type"][0], "http.request", "type");
        let n = way.prefix.trim_start_matches('/');
        same!(
            event["ce-source"][0],
            format!("/routes/event-{n}"),
            "source"
        );
        same!(event["ce-tradewindhops"][0], "1", "hops");
        same!(
            event["ce-time"].is_array() && event["ce-id"].is_array(),
            true,
            "time and id"
        );
        let data = &said["json"];
        same!(data["method"], "POST", "method");
        same!(
            data["path"],
            format!("{}/event/a%20b/c/d", way.prefix),
            "path"
        );
        same!(
            data["params"],
            json!({ "id": "a b", "rest": "c/d" }),
            "params"
        );
        same!(
            data["query"],
            json!({ "x": ["1", "2"], "y": ["/"] }),
            "query"
        );
        same!(
            data["host"].as_str().is_some_and(|h| !h.is_empty()),
            true,
            "host"
        );
        same!(data["headers"]["content-type"], ty, "headers");
        same!(data["headers"]["x-twice"], "1, 2", "headers");
        for name in ["cookie", "x-api-key", "host"] {
            same!(data["headers"][name].is_null(), true, "{name} is withheld");
        }
        same!(data[key], wanted, "{key} of {ty}");
    }
    Ok(())
}

pub(super) async fn recorded_requests_are_durable_first(
    world: &World,
    way: Way,
) -> Result<(), String> {
    for (path, status) in [
        ("/recorded/7", 201),
        ("/kept/status/202", 202),
        ("/kept/status/500", 500),
    ] {
        let before = appended(world).await?;
        let target = format!("{}{path}", way.prefix);
        let answer = send(world.address(), way.caller, ("POST", &target), &[], "body").await?;
        same!(answer.status.as_u16(), status, "{path}");
        same!(answer.header("tradewind-durability"), "fsync", "{path}");
        let position = answer.header("tradewind-position");
        same!(position.starts_with("default@"), true, "{path}: {position}");
        same!(appended(world).await?, before + 1, "{path}: appended");
    }
    Ok(())
}

async fn appended(world: &World) -> Result<u64, String> {
    let streams = world.gateway.ask(&["streams", "list"]).await?;
    let find = |value: &serde_json::Value| value["appended"].as_u64();
    let of = |stream: &serde_json::Value| find(stream).or_else(|| find(&stream["account"]));
    let all: Vec<&serde_json::Value> = match &streams {
        serde_json::Value::Array(list) => list.iter().collect(),
        serde_json::Value::Object(map) => {
            let others = map.iter().filter(|(name, _)| *name != "system");
            others.map(|(_, stream)| stream).collect()
        }
        _ => Vec::new(),
    };
    let known = all.into_iter().filter_map(of);
    known
        .max()
        .ok_or_else(|| format!("no account in {streams}"))
}
