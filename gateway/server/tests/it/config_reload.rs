//! A configuration is put in force whole, or not at all.

use crate::support::handler::Handler;
use crate::support::{eventually, start};

fn config(handler: &Handler, path: &str, ty: &str) -> String {
    format!(
        "sources:\n  events: {{ kind: http, path: {path}, auth: none-i-understand }}\n\
         subscriptions:\n  orders:\n    filter: [{{ exact: {{ type: {ty} }} }}]\n    sink: {}\n",
        handler.sink()
    )
}

#[tokio::test]
async fn sources_and_subscriptions_change_together() {
    let mut handler = Handler::start(&[]).await;
    let gateway = start(&config(&handler, "/one", "a")).await;
    gateway.publish("/one", "e-1", "a", "{}").await;
    handler.next().await;

    let file = gateway.dir.path().join("tradewind.yaml");
    std::fs::write(&file, config(&handler, "/two", "b")).unwrap();
    let report = gateway.admin("POST", "/v1/config/reload", "").await;
    assert_eq!(report.status, 200, "{}", report.text());
    assert_eq!(report.json()["generation"], 2);
    let text = report.json()["text"].as_str().unwrap().to_owned();
    assert!(
        text.contains("source events") && text.contains("subscription orders"),
        "{text}"
    );

    assert_eq!(gateway.publish("/one", "e-2", "b", "{}").await.status, 404);
    let taken = gateway.publish("/two", "e-2", "b", "{}").await;
    assert_eq!(taken.json()["events"][0]["matched"], 1);
    assert_eq!(handler.next().await.header("ce-id"), "e-2");
    let passed = gateway.publish("/two", "e-3", "a", "{}").await;
    assert_eq!(passed.json()["events"][0]["matched"], 0);

    // The same again: nothing changes.
    let report = gateway.admin("POST", "/v1/config/reload", "").await.json();
    assert_eq!(report["generation"], 2);
    assert_eq!(report["changes"].as_array().unwrap().len(), 0);
    gateway.finish().await;
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_says_so_until_it_is_mended() {
    let mut handler = Handler::start(&[]).await;
    let good = config(&handler, "/one", "a");
    let gateway = start(&good).await;
    let file = gateway.dir.path().join("tradewind.yaml");
    std::fs::write(&file, good.replace("filter:", "fliter:")).unwrap();
    let refused = gateway.admin("POST", "/v1/config/reload", "").await;
    assert_eq!(refused.status, 422);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    for part in ["fliter", "filter", "tradewind.yaml:5:"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    let status = gateway.admin("GET", "/v1/status", "").await.json();
    assert_eq!(status["config"]["generation"], 1);
    assert!(
        status["config"]["last-failure"]
            .as_str()
            .unwrap()
            .contains("fliter")
    );
    let metrics = gateway.admin("GET", "/metrics", "").await.text();
    for line in [
        "tradewind_config_generation 1",
        "tradewind_config_reload_failed_total 1",
        "tradewind_config_last_reload_failed 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
    gateway.publish("/one", "e-1", "a", "{}").await;
    handler.next().await;

    std::fs::write(&file, good).unwrap();
    assert_eq!(
        gateway.admin("POST", "/v1/config/reload", "").await.status,
        200
    );
    let status = gateway.admin("GET", "/v1/status", "").await.json();
    assert!(status["config"]["last-failure"].is_null());
    gateway.finish().await;
}

#[tokio::test]
async fn the_file_is_watched_through_a_swapped_link() {
    let handler = Handler::start(&[]).await;
    let gateway = start(&config(&handler, "/one", "a")).await;
    let dir = gateway.dir.path();
    let file = dir.join("tradewind.yaml");
    // As a mounted map of a container platform does it.
    std::fs::write(dir.join("next.yaml"), config(&handler, "/two", "a")).unwrap();
    std::os::unix::fs::symlink(dir.join("next.yaml"), dir.join("link")).unwrap();
    std::fs::rename(dir.join("link"), &file).unwrap();
    eventually("the new path is open", || async {
        gateway.publish("/two", "e-1", "a", "{}").await.status != 404
    })
    .await;
    gateway.finish().await;
}

#[tokio::test]
async fn what_the_disk_refused_is_tried_again_without_a_change_of_the_file() {
    let handler = Handler::start(&[]).await;
    let good = config(&handler, "/one", "a");
    let gateway = start(&good).await;
    // A file where the directory of the new stream belongs.
    let taken = gateway.dir.path().join("data/streams/default/more");
    std::fs::write(&taken, "").unwrap();
    let more = format!("streams: {{ more: {{}} }}\n{good}");
    std::fs::write(gateway.dir.path().join("tradewind.yaml"), more).unwrap();
    let refused = gateway.admin("POST", "/v1/config/reload", "").await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    // The watcher has seen the file, too, when it refuses a second time.
    eventually("the watcher fails as well", || async {
        let metrics = gateway.admin("GET", "/metrics", "").await.text();
        metrics.contains("tradewind_config_reload_failed_total 2")
    })
    .await;
    std::fs::remove_file(&taken).unwrap();
    eventually("the configuration is in force", || async {
        gateway.admin("GET", "/v1/status", "").await.json()["config"]["generation"] == 2
    })
    .await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_removed_subscription_keeps_its_backlog_until_it_is_discarded() {
    let handler = Handler::start(&[]).await;
    let yaml = config(&handler, "/one", "a");
    let gateway = start(&yaml).await;
    gateway
        .admin("POST", "/v1/subscriptions/orders/pause", "{}")
        .await;
    gateway.publish("/one", "e-1", "a", "{}").await;
    let without = yaml.split("subscriptions:").next().unwrap();
    let candidate = serde_json::json!({ "name": "tradewind.yaml", "text": without });
    let diff = gateway
        .admin("POST", "/v1/config/diff", &candidate.to_string())
        .await
        .json();
    assert_eq!(diff["changes"][0]["object"], "subscription");
    assert_eq!(diff["changes"][0]["action"], "removed");

    std::fs::write(gateway.dir.path().join("tradewind.yaml"), without).unwrap();
    let report = gateway.admin("POST", "/v1/config/reload", "").await;
    assert_eq!(report.status, 200, "{}", report.text());
    let view = gateway.subscription("orders").await;
    assert_eq!(
        (view.state.as_str(), view.account.attempts),
        ("suspended", 0)
    );
    let count = gateway
        .admin("POST", "/v1/subscriptions/orders/discard", "{}")
        .await
        .json();
    assert_eq!(count["count"], 1);
    gateway.finish().await;
}

#[tokio::test]
async fn reloads_under_load_lose_and_misroute_nothing() {
    const EVENTS: u64 = 200;
    let handler = Handler::start(&[]).await;
    let plain = config(&handler, "/one", "a");
    let more = format!("{plain}  extra: {{ sink: {{ kind: memory }} }}\n");
    let broken = plain.replace("filter:", "fliter:");
    let gateway = start(&plain).await;
    let file = gateway.dir.path().join("tradewind.yaml");
    let published = async {
        let mut matched = 0;
        for n in 0..EVENTS {
            let answer = gateway.publish("/one", &format!("r-{n}"), "a", "{}").await;
            assert_eq!(answer.status, 202, "{}", answer.text());
            matched += answer.json()["events"][0]["matched"].as_u64().unwrap();
        }
        matched
    };
    let reloaded = async {
        for n in 0..30 {
            let (text, status) = match n % 3 {
                0 => (&more, 200),
                1 => (&broken, 422),
                _ => (&plain, 200),
            };
            std::fs::write(&file, text).unwrap();
            // The watcher may have been first; then there is nothing left to change.
            let answer = gateway.admin("POST", "/v1/config/reload", "").await;
            assert_eq!(answer.status, status, "{}", answer.text());
        }
        std::fs::write(&file, &more).unwrap();
        gateway.admin("POST", "/v1/config/reload", "").await;
    };
    let (matched, ()) = tokio::join!(published, reloaded);
    gateway.running.gateway.engine.quiesced().await;
    let orders = gateway.subscription("orders").await.account;
    assert_eq!((orders.matched, orders.accepted), (EVENTS, EVENTS));
    assert!(matched >= EVENTS);
    gateway.finish().await;
}
