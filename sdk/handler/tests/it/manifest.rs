//! What a program declares, and what hosts cannot express of it.

use serde_json::{Value, json};
use std::time::Duration;
use tradewind::{
    App, Batch, Bytes, Data, Declare, Error, Event, HandlerExt, On, Outcomes, Reply, Request,
    Response, Router, handler_fn,
};

#[tradewind::handler]
async fn charge(_order: Data<u64>) -> Result<Option<Reply>, Error> {
    Ok(None)
}

#[tradewind::handler]
async fn count(_event: Event) -> Result<(), Error> {
    Ok(())
}

#[tradewind::handler]
async fn load(_batch: Batch<Event>) -> Result<Outcomes, Error> {
    Err(Error::retry(None))
}

#[tradewind::handler]
async fn page(_request: Request<Bytes>) -> Response {
    Response::empty(204)
}

#[test]
fn types_say_what_a_handler_takes_and_replies() {
    let manifest = App::new(
        Router::new("shop")
            .on("shop.order.*", charge)
            .on(On::types(["a", "b"]).from_source("/s/*"), count)
            .on("c", load)
            .on("d", page)
            .otherwise(handler_fn(|_: Event| async {})),
    )
    .manifest();
    assert_eq!(
        (&manifest["manifest"], &manifest["name"]),
        (&1.into(), &"shop".into())
    );
    let of = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
        (
            text("name"),
            text("takes"),
            text("replies"),
            one["types"].to_string(),
        )
    };
    let own = |(a, b, c, d): (&str, &str, &str, &str)| (a.into(), b.into(), c.into(), d.into());
    let found: Vec<_> = manifest["handlers"]
        .as_array()
        .unwrap()
        .iter()
        .map(of)
        .collect();
    let expected = [
        ("charge", "event", "may", r#"["shop.order.*"]"#),
        ("count", "event", "never", r#"["a","b"]"#),
        ("load", "batch", "may", r#"["c"]"#),
        ("page", "request", "responds", r#"["d"]"#),
        ("handler", "event", "never", "[]"),
    ];
    assert_eq!(found, expected.map(own));
    assert_eq!(manifest["handlers"][1]["sources"], json!(["/s/*"]));
    assert_eq!(manifest["handlers"][2]["batch_max"], 100);
}

#[test]
fn what_is_declared_is_told_once() {
    let declare = || {
        Declare::new()
            .queue("orders")
            .http()
            .timer("nightly", "30 2 * * *")
            .replies_to("queue", "charged")
            .timeout(Duration::from_millis(29_500))
            .memory_mib(256)
            .setting("URL")
            .optional("LEVEL")
            .secret("KEY")
            .publishes("topic", "charged")
            .reads("bucket", "prices")
    };
    let router = Router::new("two")
        .on("a", charge.declare(declare()))
        .on("b", count.declare(declare()));
    let manifest = App::new(router).manifest();
    let one = &manifest["handlers"][0];
    let triggers = json!([
        { "kind": "queue", "name": "orders" }, { "kind": "http", "name": null },
        { "kind": "timer", "name": "nightly", "schedule": "30 2 * * *" },
    ]);
    assert_eq!(one["triggers"], triggers);
    assert_eq!(
        one["replies_to"],
        json!({ "kind": "queue", "name": "charged" })
    );
    assert_eq!(
        (&one["timeout_seconds"], &one["memory_mib"]),
        (&30.into(), &256.into())
    );
    let setting = |name: &str, secret: bool, required: bool| json!({ "name": name, "secret": secret, "required": required });
    let expected = [
        setting("URL", false, true),
        setting("LEVEL", false, false),
        setting("KEY", true, true),
    ];
    assert_eq!(manifest["settings"], json!(expected));
    let need = |access: &str, kind: &str, name: &str| json!({ "access": access, "kind": kind, "name": name });
    let expected = [
        need("publish", "topic", "charged"),
        need("read", "bucket", "prices"),
    ];
    assert_eq!(manifest["needs"], json!(expected));
}

#[test]
fn what_a_host_cannot_express_is_told_before_it_runs() {
    let problems = |app: App, host: &str| {
        let manifest = app.manifest();
        let all = manifest["hosts"][host]["problems"]
            .as_array()
            .unwrap()
            .clone();
        let code = |one: &Value| {
            let text = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
            assert!(!text("text").is_empty() && !text("hint").is_empty());
            format!("{} {} {}", text("severity"), text("code"), text("trigger"))
        };
        all.iter().map(code).collect::<Vec<_>>()
    };
    let queue = || Declare::new().queue("q");
    let none: [&str; 0] = [];
    assert_eq!(problems(App::new(charge), "lambda"), none);
    assert_eq!(problems(App::new(count.declare(queue())), "lambda"), none);
    assert_eq!(
        problems(App::new(charge.declare(queue())), "lambda"),
        ["warning no-reply queue"]
    );
    assert_eq!(
        problems(App::new(count.declare(queue())), "knative"),
        ["error no-trigger queue"]
    );
    assert_eq!(problems(App::new(page), "http"), none);
    assert_eq!(problems(App::new(page), "stdin"), ["error no-request -"]);
    assert_eq!(
        problems(App::new(page.declare(queue())), "lambda"),
        ["error no-request queue", "error no-response queue"]
    );
    // Azure puts replies where the handler says; other hosts do not.
    let bound = || charge.declare(queue().replies_to("queue", "charged"));
    assert_eq!(problems(App::new(bound()), "azure"), none);
    assert_eq!(
        problems(App::new(bound()), "lambda"),
        ["warning no-reply queue"]
    );
    // Not every host has a clock.
    let timed = || count.declare(Declare::new().timer("nightly", "0 3 * * *"));
    for host in ["http", "lambda", "azure", "google", "knative", "openwhisk"] {
        assert_eq!(problems(App::new(timed()), host), none, "{host}");
    }
    for host in ["fn", "dapr", "stdin"] {
        assert_eq!(
            problems(App::new(timed()), host),
            ["error no-trigger timer"],
            "{host}"
        );
    }
    // A queue of Azure is a batch as a whole; one of Lambda is not.
    let many = || load.declare(queue());
    assert_eq!(
        problems(App::new(many()), "azure"),
        ["warning no-reply queue", "warning no-partial-failure queue"]
    );
    assert_eq!(
        problems(App::new(many()), "lambda"),
        ["warning no-reply queue"]
    );
}
