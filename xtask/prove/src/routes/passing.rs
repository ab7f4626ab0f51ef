//! What arrives, and what comes back.

use super::wire::{Version, hex, send};
use super::{Way, World};
use sha2::{Digest, Sha256};

/// Fails with both sides where they differ.
macro_rules! same {
    ($got:expr, $wanted:expr, $($what:tt)*) => {
        match (&$got, &$wanted) {
            (got, wanted) if got == wanted => {}
            (got, wanted) => {
                return Err(format!("{}: {got:?}, not {wanted:?}", format!($($what)*)));
            }
        }
    };
}
pub(super) use same;

pub(super) async fn the_request_arrives_as_it_was_sent(
    world: &World,
    way: Way,
) -> Result<(), String> {
    let body: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
        .take(300_000)
        .collect();
    let target = format!("{}/p/echo/a%20b/c?x=1&y=%2F&x", way.prefix);
    let headers = [
        ("content-type", "application/x-anything"),
        ("accept", "text/html"),
        ("x-many", "one"),
        ("x-many", "two"),
        ("tradewind-position", "default@0/1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
    ];
    let asked = ("PUT", target.as_str());
    let answer = send(world.address(), way.caller, asked, &headers, body.clone()).await?;
    same!(answer.status.as_u16(), 200, "status");
    let said = answer.json();
    same!(said["method"], "PUT", "method");
    let target = said["target"].as_str().unwrap_or_default();
    same!(target, "/echo/a%20b/c?x=1&y=%2F&x", "target");
    same!(said["length"], body.len(), "length");
    same!(said["sha256"], hex(&Sha256::digest(&body)), "digest");
    let version = if way.prefix == "/1" {
        "HTTP/1.1"
    } else {
        "HTTP/2.0"
    };
    same!(said["version"], version, "version");
    let got = &said["headers"];
    same!(
        got["content-type"][0],
        "application/x-anything",
        "content-type"
    );
    same!(got["accept"][0], "text/html", "accept");
    same!(got["x-many"], serde_json::json!(["one", "two"]), "x-many");
    same!(got["tradewind-hops"][0], "1", "hops");
    same!(
        got["via"][0].as_str().map(|v| v.ends_with(" tradewind")),
        Some(true),
        "via"
    );
    let asked = match way.caller {
        Version::One => "gateway.example".to_owned(),
        Version::Two => world.address().to_string(),
    };
    same!(got["x-forwarded-host"][0], asked, "x-forwarded-host");
    same!(got["x-forwarded-proto"][0], "http", "x-forwarded-proto");
    let host = got["host"][0]
        .as_str()
        .or_else(|| said["authority"].as_str());
    same!(
        host,
        Some(world.function.to_string().as_str()),
        "host of the function"
    );
    for name in ["tradewind-position", "forwarded"] {
        same!(got[name].is_null(), true, "{name} is withheld");
    }
    let from = got["x-forwarded-for"].to_string();
    same!(
        from.contains("10.0.0.1"),
        false,
        "x-forwarded-for is withheld"
    );
    same!(answer.header("x-function"), "spoke", "x-function");
    same!(answer.header("set-cookie"), "a=1", "set-cookie");
    same!(answer.header("tradewind-durability"), "none", "durability");
    same!(
        answer.headers.contains_key("tradewind-position"),
        false,
        "position"
    );
    Ok(())
}

pub(super) async fn every_status_comes_back(world: &World, way: Way) -> Result<(), String> {
    for status in [
        200, 201, 204, 206, 301, 304, 400, 401, 404, 418, 429, 500, 503,
    ] {
        let target = format!("{}/p/status/{status}", way.prefix);
        let answer = send(world.address(), way.caller, ("GET", &target), &[], "").await?;
        same!(answer.status.as_u16(), status, "status");
        let body = match status {
            204 | 304 => String::new(),
            status => format!("said {status}"),
        };
        same!(answer.body, body, "body of {status}");
    }
    Ok(())
}

pub(super) async fn methods_and_paths(world: &World, way: Way) -> Result<(), String> {
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let target = format!("{}/p/echo", way.prefix);
        let answer = send(world.address(), way.caller, (method, &target), &[], "").await?;
        same!(answer.json()["method"], method, "method");
    }
    for (method, path, status, code) in [
        ("HEAD", "/p/echo", 200, ""),
        ("OPTIONS", "/p/echo", 405, "method-not-allowed"),
        ("TRACE", "/p/echo", 405, "method-not-allowed"),
        ("BREW", "/p/echo", 405, "method-not-allowed"),
        ("DELETE", "/event/1/x", 405, "method-not-allowed"),
        ("GET", "/p", 404, "unknown-path"),
        ("GET", "/p/", 404, "unknown-path"),
        ("GET", "/other", 404, "unknown-path"),
        ("GET", "/P/echo", 404, "unknown-path"),
    ] {
        let target = format!("{}{path}", way.prefix);
        let answer = send(world.address(), way.caller, (method, &target), &[], "").await?;
        same!(answer.status.as_u16(), status, "{method} {path}");
        same!(answer.code(), code, "{method} {path}");
        if status == 405 {
            let allow = answer.header("allow");
            same!(allow.contains("GET"), true, "allow of {path}: {allow}");
        }
        if method == "HEAD" {
            same!(answer.body.len(), 0, "body of HEAD");
        }
    }
    Ok(())
}

pub(super) async fn what_concerns_one_connection_ends_there(
    world: &World,
    way: Way,
) -> Result<(), String> {
    // HTTP/2 has no such headers.
    let headers: &[(&str, &str)] = match way.caller {
        Version::One => &[
            ("connection", "keep-alive, X-Secret, authorization"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic eDp5"),
            ("upgrade", "websocket"),
            ("x-secret", "1"),
            ("te", "gzip, trailers"),
        ],
        Version::Two => &[("te", "trailers")],
    };
    let target = format!("{}/p/echo", way.prefix);
    let answer = send(
        world.address(),
        way.caller,
        ("POST", &target),
        headers,
        "body",
    )
    .await?;
    let said = answer.json();
    for name in [
        "keep-alive",
        "proxy-authorization",
        "upgrade",
        "x-secret",
        "transfer-encoding",
    ] {
        same!(said["headers"][name].is_null(), true, "{name} went on");
    }
    same!(said["headers"]["te"][0], "trailers", "te");
    same!(said["length"], 4, "length");
    for name in ["keep-alive", "x-private"] {
        // Where the function speaks HTTP/2, nothing names `x-private` as its connection's own.
        if name == "x-private" && way.prefix == "/2" {
            continue;
        }
        same!(answer.headers.contains_key(name), false, "{name} came back");
    }
    Ok(())
}

pub(super) async fn the_most_specific_route_answers(world: &World, way: Way) -> Result<(), String> {
    for (path, route) in [
        ("/users/7", Some("any")),
        ("/users/me", Some("me")),
        ("/users/me2", Some("any")),
        ("/users/7/files/a/b.txt", Some("files")),
        ("/users/me/files/a", Some("files")),
        ("/users", None),
        ("/users/", None),
        ("/users/7/files", None),
        ("/tree/leaf", Some("leaf")),
        ("/tree/leaf/x", Some("rest")),
        ("/tree/lea", Some("rest")),
        ("/tree//x", Some("rest")),
        ("/tree/", None),
    ] {
        let target = format!("{}{path}", way.prefix);
        let answer = send(world.address(), way.caller, ("GET", &target), &[], "").await?;
        let said = answer.json()["target"].as_str().map(str::to_owned);
        let wanted = route.map(|name| format!("/route/{name}"));
        same!(said, wanted, "{path}");
        same!(
            answer.status.as_u16(),
            if route.is_some() { 200 } else { 404 },
            "{path}"
        );
    }
    Ok(())
}

pub(super) async fn paths_that_climb_are_refused(world: &World, way: Way) -> Result<(), String> {
    for path in [
        "/..",
        "/a/../b",
        "/%2e%2e/b",
        "/a/%2E/b",
        "/a%2f..%2fb",
        "/..%5cb",
        "/..;/b",
    ] {
        let target = format!("{}/p/echo{path}", way.prefix);
        let answer = send(world.address(), way.caller, ("GET", &target), &[], "").await?;
        same!(answer.status.as_u16(), 400, "{path}");
        same!(answer.code(), "bad-path", "{path}");
    }
    Ok(())
}
