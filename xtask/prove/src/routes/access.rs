//! Who may call, what is withheld, and what browsers are told.

use super::passing::same;
use super::wire::{Client, send, whole};
use super::{KEY, PROXY, Way, World};
use http_body_util::{Either, Full};

pub(super) async fn nobody_without_a_key(world: &World, way: Way) -> Result<(), String> {
    let target = format!("{}/keys/echo", way.prefix);
    let other = KEY.replace('0', "1");
    let bearer = format!("Bearer {KEY}");
    for (headers, status) in [
        (vec![], 401),
        (vec![("x-api-key", other.as_str())], 401),
        (vec![("x-api-key", "x")], 401),
        (vec![("authorization", "Basic eDp5")], 401),
        (vec![("x-api-key", KEY), ("authorization", &bearer)], 401),
        (vec![("x-api-key", KEY)], 200),
        (vec![("authorization", &bearer)], 200),
    ] {
        let answer = send(
            world.address(),
            way.caller,
            ("POST", &target),
            &headers,
            "x",
        )
        .await?;
        same!(answer.status.as_u16(), status, "{headers:?}");
        if status == 401 {
            same!(answer.code(), "unauthenticated", "{headers:?}");
        }
    }
    Ok(())
}

pub(super) async fn credentials_end_at_the_gateway(world: &World, way: Way) -> Result<(), String> {
    let bearer = format!("Bearer {KEY}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("cookie", "session=1"),
        ("cookie", "other=2"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-user", "admin"),
        ("x-real-ip", "192.0.2.7"),
    ];
    for (route, told) in [("keys", false), ("told", true)] {
        let target = format!("{}/{route}/echo", way.prefix);
        let answer = send(world.address(), way.caller, ("GET", &target), &headers, "").await?;
        let said = answer.json();
        let got = &said["headers"];
        let first = |name: &str| got[name][0].as_str().unwrap_or_default().to_owned();
        same!(
            first("authorization") == bearer,
            told,
            "{route}: authorization"
        );
        same!(
            first("cookie") == "session=1; other=2",
            told,
            "{route}: cookie"
        );
        same!(
            first("x-forwarded-for").contains("192.0.2.7"),
            told,
            "{route}: x-forwarded-for"
        );
        same!(
            got["x-forwarded-user"].is_null(),
            true,
            "{route}: x-forwarded-user"
        );
        same!(got["x-real-ip"].is_null(), true, "{route}: x-real-ip");
    }
    Ok(())
}

pub(super) async fn who_called_is_told_and_not_claimed(
    world: &World,
    way: Way,
) -> Result<(), String> {
    let stranger = [127, 0, 0, 1];
    for (from, route, wanted) in [
        (stranger, "p", ("127.0.0.1", "http", "gateway")),
        (
            PROXY,
            "p",
            ("198.51.100.7, 127.0.0.5", "https", "shop.example"),
        ),
        (
            PROXY,
            "event",
            ("198.51.100.7, 127.0.0.5", "https", "shop.example"),
        ),
    ] {
        let headers = [
            ("x-forwarded-for", "203.0.113.9, 198.51.100.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example"),
        ];
        let target = format!("{}/{route}/echo/x", way.prefix);
        let mut client = Client::from(from, world.address(), way.caller).await?;
        let body = Either::Left(Full::default());
        let answer = client.begin("POST", &target, &headers, body).await?;
        let said = whole(answer).await?.json();
        let told = |name: &str| match route {
            "event" => said["json"]["headers"][name].clone(),
            _ => said["headers"][name][0].clone(),
        };
        let (hops, proto, host) = wanted;
        same!(told("x-forwarded-for"), hops, "{route}: x-forwarded-for");
        same!(
            told("x-forwarded-proto"),
            proto,
            "{route}: x-forwarded-proto"
        );
        if from == PROXY {
            same!(told("x-forwarded-host"), host, "{route}: x-forwarded-host");
        }
    }
    Ok(())
}

pub(super) async fn browsers_are_told_what_pages_may_do(
    world: &World,
    way: Way,
) -> Result<(), String> {
    let target = format!("{}/pages/echo", way.prefix);
    // As a browser asks before `fetch(url, { method: "PUT", headers: { "x-api-key": ... } })`.
    for (origin, method, headers, status) in [
        ("https://app.example", "PUT", "x-api-key", 204),
        (
            "https://a.pages.example",
            "PUT",
            "content-type,x-api-key",
            204,
        ),
        ("https://app.example", "GET", "", 204),
        ("https://app.example", "PUT", "x-other", 403),
        ("https://evil.example", "PUT", "x-api-key", 403),
        ("https://app.example.evil.example", "PUT", "", 403),
        ("null", "PUT", "", 403),
        ("https://app.example", "DELETE", "", 204),
    ] {
        let mut asked = vec![
            ("origin", origin),
            ("access-control-request-method", method),
        ];
        if !headers.is_empty() {
            asked.push(("access-control-request-headers", headers));
        }
        let answer = send(
            world.address(),
            way.caller,
            ("OPTIONS", &target),
            &asked,
            "",
        )
        .await?;
        let what = format!("{origin} {method} {headers}");
        same!(answer.status.as_u16(), status, "{what}");
        let allowed = status == 204 && method != "DELETE";
        let origin_told = answer.header("access-control-allow-origin");
        same!(origin_told, if allowed { origin } else { "" }, "{what}");
        if allowed {
            same!(
                answer.header("access-control-allow-methods"),
                "GET, PUT",
                "{what}"
            );
            let headers = answer.header("access-control-allow-headers");
            same!(headers, "content-type, x-api-key", "{what}");
            same!(
                answer.header("access-control-allow-credentials"),
                "true",
                "{what}"
            );
            same!(answer.header("access-control-max-age"), "600", "{what}");
        }
    }
    let plain = send(world.address(), way.caller, ("OPTIONS", &target), &[], "").await?;
    same!(
        plain.status.as_u16(),
        204,
        "OPTIONS of nobody in particular"
    );
    same!(plain.header("allow").contains("OPTIONS"), true, "allow");
    // The request itself; also where the answer is a refusal.
    for (origin, key, status, told) in [
        ("https://app.example", KEY, 200, "https://app.example"),
        ("https://app.example", "", 401, "https://app.example"),
        ("https://evil.example", KEY, 200, ""),
    ] {
        let mut headers = vec![("origin", origin)];
        if !key.is_empty() {
            headers.push(("x-api-key", key));
        }
        let answer = send(world.address(), way.caller, ("GET", &target), &headers, "").await?;
        same!(answer.status.as_u16(), status, "{origin}");
        same!(
            answer.header("access-control-allow-origin"),
            told,
            "{origin}"
        );
        same!(answer.header("vary"), "origin", "{origin}");
        let expose = if told.is_empty() { "" } else { "x-function" };
        same!(
            answer.header("access-control-expose-headers"),
            expose,
            "{origin}"
        );
    }
    Ok(())
}
