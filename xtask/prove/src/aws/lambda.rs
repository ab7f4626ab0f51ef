//! Functions of Lambda that are really run, by MiniStack: what they take, what they answer, and how they fail. One is a
//! script, the other one examples/orders, compiled.

use crate::gateway::{Gateway, balance};
use crate::ministack::MiniStack;
use crate::{Options, load, tools};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use tokio::process::Command;

/// Answers with an event of its own, and fails for every fourth order.
const FUNCTION: &str = r#"
def f(event, context):
    if event["data"]["order"] % 4 == 0:
        raise ValueError("none left")
    return {"specversion": "1.0", "id": "re-" + event["id"], "source": "/f", "type": "done"}
"#;

/// Sends orders through the gateway to the function, and looks at what became of each.
pub(super) async fn run(options: &Options) -> Result<String, String> {
    let server = MiniStack::start(&options.gateway).await?;
    let function = json!({
        "FunctionName": "charge", "Runtime": "python3.11", "Handler": "f.f", "Timeout": 120,
        "Role": "arn:aws:iam::000000000000:role/charge",
        "Code": { "ZipFile": archive(&server.python, "f.py", FUNCTION).await? },
    });
    server.create(&function).await?;
    server.create(&compiled(options, &server).await?).await?;
    let count = if options.short { 20_u64 } else { 200 };
    let sink = |name: &str, more: &str| {
        format!(
            "sink: {{ kind: aws-lambda, function: {name}, {more} aws: {{ region: us-east-1, endpoint: \"http://{}\", keys: {{ id: test, secret: test }} }} }}",
            server.address
        )
    };
    // Whatever the machine has to do beside it, only the function itself fails: few of them run at once, and have time.
    let line = |name: &str, more: &str, sink: String| {
        format!(
            "  {name}: {{ filter: {{ exact: {{ type: order }} }}, retry: {{ max-attempts: 2, initial: 10ms }}, breaker: {{ failures: 0 }}, concurrency: 2, timeout: 120s, {more}{sink} }}\n"
        )
    };
    let subscriptions = [
        line("ask", "", sink("charge", "")),
        line("queue", "", sink("charge", "invocation: async,")),
        line("check", "", sink("charge", "invocation: dry-run,")),
        line("missing", "", sink("refund", "")),
        line("compiled", "reply-to: charged, ", sink("orders", "")),
        format!(
            "  replies: {{ stream: charged, filter: {{ exact: {{ type: shop.order.charged }} }}, {} }}\n",
            sink("charge", "invocation: dry-run,")
        ),
    ]
    .concat();
    let mut gateway = Gateway::new(&options.gateway, "")?;
    gateway.settings = "streams: { charged: {} }\n".into();
    gateway.configure(&subscriptions)?;
    gateway.start().await?;
    let mut sender = load::connect(gateway.address)
        .await
        .ok_or("no connection")?;
    for order in 0..count {
        let request = Request::post("/events")
            .header("host", gateway.address.to_string())
            .header("ce-specversion", "1.0")
            .header("ce-id", format!("order-{order}"))
            .header("ce-source", "/prove")
            .header("ce-type", "order")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(placed(order).to_string())))
            .map_err(|e| e.to_string())?;
        let answer = load::ask(&mut sender, request).await;
        if answer.is_none_or(|answer| answer.status() != 202) {
            return Err("an order was not taken".into());
        }
    }
    let failing = count / 4;
    // What comes of replies is settled last.
    let asked = ["ask", "queue", "check", "missing", "compiled"];
    gateway.accounts(&asked).await?;
    let accounts = gateway.accounts(&["replies"]).await?;
    for (name, accepted, dead, told) in [
        ("ask", count - failing, failing, "none left"),
        ("queue", count, 0, ""),
        ("check", count, 0, ""),
        ("missing", 0, count, "check name, account and region"),
        (
            "compiled",
            count - failing,
            failing,
            "the card was declined",
        ),
        ("replies", count - failing, 0, ""),
    ] {
        let account = accounts.iter().find(|(known, _)| known == name);
        let (_, account) = account.ok_or("a subscription is gone")?;
        balance(name, account)?;
        let of = |key: &str| account[key].as_u64().unwrap_or_default();
        if of("accepted") != accepted || of("dead_lettered") != dead {
            return Err(format!("{name}: not {accepted} accepted: {account}"));
        }
        let path = format!("/v1/subscriptions/{name}/dead-letters");
        let (_, letters) = gateway.admin("GET", &path).await?;
        if !letters.to_string().contains(told) {
            return Err(format!("{name} does not say `{told}`: {letters:.1000}"));
        }
    }
    gateway.said_no_panic()?;
    Ok(format!(
        "{count} events to a function that MiniStack ran in each of 3 ways and to a compiled handler, {failing} failures of \
         each told"
    ))
}

/// What both functions read: one fails for every fourth, the other one finds that its card is no good.
fn placed(order: u64) -> Value {
    let card = if order.is_multiple_of(4) {
        "tok_declined"
    } else {
        "tok_visa"
    };
    json!({
        "order": order, "id": format!("order-{order}"), "items": [{ "price": 5, "count": 2 }], "card": card,
    })
}

/// The binary of examples/orders, which lies beside the gateway's: `cargo build -p orders` makes it. An archive takes no
/// program that large, so that it holds what starts it.
async fn compiled(options: &Options, server: &MiniStack) -> Result<Value, String> {
    let binary = options.gateway.with_file_name("orders");
    let binary = binary
        .canonicalize()
        .map_err(|e| format!("{}: {e} (hint: cargo build -p orders)", binary.display()))?;
    let starts = format!("#!/bin/sh\nexec '{}'\n", binary.display());
    Ok(json!({
        "FunctionName": "orders", "Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 120,
        "Role": "arn:aws:iam::000000000000:role/orders",
        "Code": { "ZipFile": archive(&server.python, "bootstrap", &starts).await? },
    }))
}

/// A function of one file, as Lambda takes it.
async fn archive(python: &std::path::Path, name: &str, text: &str) -> Result<String, String> {
    let program = "import base64,io,sys,zipfile\nb=io.BytesIO()\nwith zipfile.ZipFile(b,'w') as z: z.writestr(sys.argv[1],sys.argv[2])\nprint(base64.b64encode(b.getvalue()).decode(),end='')";
    tools::run(Command::new(python).args(["-c", program, name, text])).await
}
