//! The same outcome on every platform, and what each is told, as docs/reference/hosts.md has it.

use crate::fetched;
use serde_json::json;
use std::fmt::Write;
use std::time::Duration;
use tradewind::testing::{self, Told, Way};
use tradewind::{Context, Declare, Error, Event, Handler, HandlerExt, Host, Kind, Options, Reply};

#[tradewind::handler]
async fn ack(_event: Event) {}

#[tradewind::handler]
async fn replies(event: Event, cx: Context) -> Reply {
    if event.ty() != "schedule.fired" {
        assert_eq!(event.data_json().unwrap()["n"], 7);
        assert_eq!(event.id(), "order-7");
    }
    assert!(cx.remaining() > Duration::ZERO);
    Reply::event("shop.answered", cx.host().name()).subject(event.subject().unwrap_or("-"))
}

#[tradewind::handler]
async fn retry(_event: Event) -> Result<(), Error> {
    Err(Error::retry(Duration::from_secs(30)).because("the bank is busy"))
}

#[tradewind::handler]
async fn reject(_event: Event) -> Result<(), Error> {
    Err(Error::reject("no such customer"))
}

#[tradewind::handler]
async fn bug(_event: Event) {
    panic!("a bug");
}

#[tradewind::handler]
async fn slow(_event: Event) {
    std::future::pending().await
}

fn order() -> Event {
    Event::builder("order-7", "/shop", "shop.order.placed")
        .subject("orders/7")
        .data(
            "application/json",
            json!({ "n": 7, "text": "é \" \\ 😀" }).to_string(),
        )
        .build()
        .unwrap()
}

const TIMER: &str = "nightly";

/// With somewhere for replies to go.
async fn with_replies() -> (crate::server::Server, Options) {
    let server = crate::server::Server::start(ack, Options::default()).await;
    let url = format!("http://{}/", server.address);
    let options = Options::default().reply_to(&url, None).unwrap();
    (server, options)
}

#[tokio::test(start_paused = true)]
async fn an_outcome_means_the_same_everywhere() {
    let order = order();
    testing::on_every_host(ack).send(&order).await.taken();
    testing::on_every_host(retry).send(&order).await.retried();
    testing::on_every_host(reject).send(&order).await.rejected();
    testing::on_every_host(bug).send(&order).await.retried();
    testing::on_every_host(slow).send(&order).await.retried();
}

#[tokio::test]
async fn a_reply_goes_back_or_elsewhere() {
    let (_server, options) = with_replies().await;
    let hosts = testing::on_every_host(replies).options(options);
    let told = hosts.send(&order()).await;
    told.taken().replied("shop.answered");
    for (way, told) in &told.0 {
        if let Told::Replied(reply) = told {
            assert_eq!(reply.subject(), Some("orders/7"), "{way}");
            assert_eq!(reply.data_json().unwrap(), way.host.name(), "{way}");
        }
    }
    // Nowhere to go: an error that names the setting, never a silent loss.
    for (way, told) in testing::on_every_host(replies).send(&order()).await.0 {
        match told {
            Told::Failed { reason } | Told::Again { reason, .. } if way.one_way => {
                // What Lambda is told of a batch stands in its list; the reason is in the log.
                assert!(reason.contains("TRADEWIND_REPLY_URL"), "{way}: {reason}");
            }
            told => assert!(
                matches!(told, Told::Replied(_)) && !way.one_way,
                "{way}: {told:?}"
            ),
        }
    }
}

#[tokio::test]
async fn a_batch_of_signatures_is_refused_alike() {
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let options = Options::default().signing_secrets(secret).unwrap();
    let told = testing::on_every_host(ack)
        .options(options)
        .send(&order())
        .await;
    for (way, told) in told.0 {
        // Queues and the like vouch for their messages; what strangers can reach asks for a signature.
        // Azure's host is known by a file that is not here, Dapr's sidecar by a token.
        let asked = matches!(way.host, Host::Azure | Host::Dapr);
        let called = way.trigger.contains("invocation") || way.trigger.contains("activation");
        let local = way.host == Host::Stdin;
        let queue = way.one_way && !way.trigger.contains("push");
        let vouched = local || !asked && (called || queue);
        assert_eq!(told.is_taken(), vouched, "{way}: {told:?}");
    }
}

const HEAD: &str = "\
# Hosts

What a handler's outcome becomes on each platform, and what the platform does then. This page is written by a
test that runs a handler on every platform's wire format, in process (`tradewind::testing::on_every_host`); what
the platforms do is from their documentation. How to run on each is in [Running on a host](../guides/hosts.md).

A **reply** goes back to whoever waits for one. Where nobody does, it is sent to `TRADEWIND_REPLY_URL` before the
event counts as done; without that variable, the event fails with an error that names it. A **pause** asked for
by `Error::retry(pause)` is told where the platform has a word for it, and is left to its own policy elsewhere.
A handler that panics, or is not done at its deadline, is to be tried again everywhere.
";

const WORKERS_HEAD: &str = "
## workers

A worker tells its source of each message, whatever the source is; replies go to `TRADEWIND_REPLY_URL`. What each source
makes of it was asked of the sources themselves, by `cargo xtask prove hosts`.

| done | reply | again | rejected | panic | late |
|---|---|---|---|---|---|
";

#[tokio::test(start_paused = true)]
async fn the_reference_is_current() {
    let (_server, options) = with_replies().await;
    let mut page = HEAD.to_owned();
    for host in Host::ALL {
        writeln!(page, "\n## {host}\n").unwrap();
        page.push_str("| trigger | done | reply | again | rejected | panic | late |\n|---|---|---|---|---|---|---|\n");
        let ways = || {
            let all = testing::WAYS.iter().chain(testing::TIMERS);
            all.filter(move |way| way.host == host)
        };
        for way in ways() {
            write!(page, "| {} ", way.trigger).unwrap();
            let cell = |what: String| format!("| {what} ");
            page.push_str(&cell(told(host, way, ack, &options).await));
            page.push_str(&cell(told(host, way, replies, &options).await));
            page.push_str(&cell(told(host, way, retry, &options).await));
            page.push_str(&cell(told(host, way, reject, &options).await));
            page.push_str(&cell(told(host, way, bug, &options).await));
            page.push_str(&cell(told(host, way, slow, &options).await));
            page.push_str("|\n");
        }
        page.push_str("\n| trigger | an event to come again | a rejected event |\n|---|---|---|\n");
        for way in ways() {
            writeln!(page, "| {} | {} | {} |", way.trigger, way.again, way.never).unwrap();
        }
    }
    page.push_str(WORKERS_HEAD);
    let cells = [
        fetched::told(ack, &options, order()).await,
        fetched::told(replies, &options, order()).await,
        fetched::told(retry, &options, order()).await,
        fetched::told(reject, &options, order()).await,
        fetched::told(bug, &options, order()).await,
        fetched::told(slow, &options, order()).await,
    ];
    writeln!(page, "| {} |", cells.join(" | ")).unwrap();
    page.push_str("\n| worker | an event to come again | a rejected event |\n|---|---|---|\n");
    for (name, again, never) in fetched::WORKERS {
        writeln!(page, "| {name} | {again} | {never} |").unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/hosts.md");
    if std::env::var_os("TRADEWIND_UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let hint = "run the test with TRADEWIND_UPDATE=1";
    assert_eq!(
        std::fs::read_to_string(path).unwrap_or_default(),
        page,
        "{hint}"
    );
}

/// What the platform is told, in short.
async fn told(host: Host, way: &Way, handler: impl Handler, options: &Options) -> String {
    let timer = Declare::new().timer(TIMER, "0 3 * * *");
    let hosted = testing::on(host, handler.declare(timer)).options(options.clone());
    let event = match way.kind {
        Kind::Timer => testing::due(TIMER),
        _ => order(),
    };
    let answer = hosted.raw(way.bring(&event)).await;
    let document: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let headers = answer.headers();
    let error = headers.get("lambda-runtime-function-error-type");
    let status = headers
        .get("fn-http-status")
        .map(|status| status.to_str().unwrap());
    let status = status.map_or_else(|| answer.status().as_u16().to_string(), str::to_owned);
    let code = ["/statusCode", "/Outputs/res/statusCode"]
        .iter()
        .find_map(|path| document.pointer(path));
    let mut text = match (error, code) {
        (Some(error), _) => format!("error `{}`", error.to_str().unwrap()),
        (None, Some(code)) => format!("`statusCode` {code}"),
        (None, None) if document["batchItemFailures"].is_array() => "no `batchItemFailures`".into(),
        (None, None) if document["status"].is_string() => {
            format!("`{}`", document["status"].as_str().unwrap())
        }
        (None, None) if document["statuses"].is_array() => {
            format!("`{}`", document["statuses"][0]["status"].as_str().unwrap())
        }
        (None, None) if document["outcome"].is_string() => {
            format!("`{}`", document["outcome"].as_str().unwrap())
        }
        (None, None) if host == Host::Lambda && document.is_null() => "`null`".into(),
        (None, None) if host == Host::Lambda => "response".into(),
        (None, None) => status,
    };
    if let Told::Replied(_) = way.hear(&answer) {
        text.push_str(" with the event");
    } else if let Told::Again {
        after: Some(after), ..
    } = way.hear(&answer)
    {
        write!(text, ", `Retry-After: {}`", after.as_secs()).unwrap();
    }
    text
}
