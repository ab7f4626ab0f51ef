//! When keys are fetched, and what counts while they cannot be.

use crate::ground::{ISSUER, Server, claims, head, judge, rsa};
use futures_util::future::join_all;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{Cause, Fetch, Issuers, Jwt};
use tradewind_keys::{COOL_DOWN, Configured, Documents, Issuer, KeysAt, STALE_MAX};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn ten_thousand_unknown_keys_are_one_fetch() {
    let server = Server::with(&[rsa(true).jwk("k1")]);
    let issuer = server.issuer();
    let good = rsa(true).token(&head("k1"), &claims());
    let stem = rsa(true).token(&head("x"), &claims());
    let (_, rest) = stem.split_once('.').unwrap();
    let strangers: Vec<String> = (0..10_000)
        .map(|n| {
            format!(
                "{}.{rest}",
                crate::ground::text(head(&format!("x{n}")).to_string())
            )
        })
        .collect();
    let all = join_all(strangers.iter().map(|token| judge(&issuer, token))).await;
    assert!(all.iter().all(|told| *told == Err(Some(Cause::UnknownKey))));
    assert_eq!(server.asked(), 1);
    assert_eq!(judge(&issuer, &good).await, Ok(()));
    // One after the other, and while the server fails.
    tokio::time::advance(COOL_DOWN).await;
    server.fail();
    for token in &strangers {
        assert_eq!(judge(&issuer, token).await, Err(Some(Cause::UnknownKey)));
    }
    assert_eq!(server.asked(), 2);
    assert_eq!(judge(&issuer, &good).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_new_key_counts_within_the_cool_down() {
    assert!(COOL_DOWN <= 30 * SECOND);
    let server = Server::with(&[rsa(true).jwk("k1")]);
    let issuer = server.issuer();
    let (old, new) = (
        rsa(true).token(&head("k1"), &claims()),
        rsa(false).token(&head("k2"), &claims()),
    );
    assert_eq!(judge(&issuer, &old).await, Ok(()));
    server.publish(&[rsa(false).jwk("k2")]);
    assert_eq!(judge(&issuer, &new).await, Err(Some(Cause::UnknownKey)));
    tokio::time::advance(COOL_DOWN).await;
    assert_eq!(judge(&issuer, &new).await, Ok(()));
    // What the issuer has taken back counts no more.
    assert_eq!(judge(&issuer, &old).await, Err(Some(Cause::UnknownKey)));
    assert_eq!(server.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_outlived_for_as_long_as_is_said() {
    let hour = 3600 * SECOND;
    for (said, fresh) in [(None, hour), (Some(24 * hour), 24 * hour)] {
        let server = Server::with(&[rsa(true).jwk("k1")]);
        *server.fresh.lock().unwrap() = said;
        let issuer = server.issuer();
        let good = rsa(true).token(&head("k1"), &claims());
        assert_eq!(judge(&issuer, &good).await, Ok(()));
        server.fail();
        tokio::time::advance(fresh).await;
        assert_eq!(judge(&issuer, &good).await, Ok(()), "{said:?}");
        tokio::time::advance(STALE_MAX - 60 * SECOND).await;
        assert_eq!(judge(&issuer, &good).await, Ok(()), "{said:?}");
        tokio::time::advance(60 * SECOND).await;
        assert_eq!(judge(&issuer, &good).await, Err(Some(Cause::Unavailable)));
        server.publish(&[rsa(true).jwk("k1")]);
        tokio::time::advance(COOL_DOWN).await;
        assert_eq!(judge(&issuer, &good).await, Ok(()));
    }
}

/// `Cache-Control` within bounds.
#[tokio::test(start_paused = true)]
async fn keys_are_fresh_for_as_long_as_their_publisher_says() {
    let minute = 60 * SECOND;
    for (said, fresh) in [
        (None, 60 * minute),
        (Some(Duration::ZERO), 5 * minute),
        (Some(30 * minute), 30 * minute),
        (Some(365 * 24 * 60 * minute), 24 * 60 * minute),
    ] {
        let server = Server::with(&[rsa(true).jwk("k1")]);
        *server.fresh.lock().unwrap() = said;
        let issuer = server.issuer();
        let good = rsa(true).token(&head("k1"), &claims());
        for (later, asked) in [(Duration::ZERO, 1), (fresh - SECOND, 1), (SECOND, 2)] {
            tokio::time::advance(later).await;
            assert_eq!(judge(&issuer, &good).await, Ok(()));
            assert_eq!(server.asked(), asked, "{said:?}");
        }
    }
}

/// Those that need nothing new do not wait for it.
#[tokio::test(start_paused = true)]
async fn only_one_waits_for_keys_that_are_not_needed_yet() {
    let server = Server::with(&[rsa(true).jwk("k1")]);
    let issuer = Arc::new(server.issuer());
    let good = rsa(true).token(&head("k1"), &claims());
    judge(&issuer, &good).await.unwrap();
    tokio::time::advance(3601 * SECOND).await;
    let slow = {
        let (issuer, good) = (issuer.clone(), good.clone());
        tokio::spawn(async move { judge(&issuer, &good).await })
    };
    tokio::task::yield_now().await;
    let began = tokio::time::Instant::now();
    judge(&issuer, &good).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(slow.await.unwrap(), Ok(()));
    assert_eq!(server.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn discovery() {
    for (issuer, passes) in [(ISSUER, true), ("https://evil.example", false)] {
        let server = Server::with(&[]);
        let document = json!({
            "issuer": issuer, "jwks_uri": "https://keys.example/k",
            "keys": [rsa(true).jwk("k1")],
        });
        *server.document.lock().unwrap() = Some(document.to_string());
        let discovered = Issuer::new(ISSUER, KeysAt::Discovery, server.clone());
        let good = rsa(true).token(&head("k1"), &claims());
        assert_eq!(judge(&discovered, &good).await.is_ok(), passes);
        let urls = server.urls.lock().unwrap().clone();
        assert_eq!(
            urls[0],
            "https://id.example/.well-known/openid-configuration"
        );
        let rest: &[&str] = if passes {
            &["https://keys.example/k"]
        } else {
            &[]
        };
        assert_eq!(urls[1..], *rest);
    }
}

/// An issuer that moves its keys may leave the old document where it was.
#[tokio::test(start_paused = true)]
async fn keys_that_moved_are_discovered_anew() {
    const DOCUMENT: &str = "https://id.example/.well-known/openid-configuration";
    let (old, new) = ("https://id.example/old", "https://id.example/new");
    let [first, second] =
        [(true, "k1"), (false, "k2")].map(|(own, key)| rsa(own).token(&head(key), &claims()));
    let unknown = Err(Some(Cause::UnknownKey));
    for (moved_to, there, told, asked) in [
        (Some(new), Some("k2"), Ok(()), vec![old, DOCUMENT, new]),
        (Some(old), None, unknown, vec![old, DOCUMENT]),
        (Some(new), None, unknown, vec![old, DOCUMENT, new]),
        (None, None, unknown, vec![old, DOCUMENT]),
    ] {
        let server = Arc::new(Server::default());
        let say = |url: &str, said: serde_json::Value| {
            let said = said.to_string();
            server.others.lock().unwrap().insert(url.into(), said);
        };
        say(DOCUMENT, json!({ "issuer": ISSUER, "jwks_uri": old }));
        say(old, json!({ "keys": [rsa(true).jwk("k1")] }));
        let issuer = Issuer::new(ISSUER, KeysAt::Discovery, server.clone());
        assert_eq!(judge(&issuer, &first).await, Ok(()));
        match moved_to {
            Some(url) => say(DOCUMENT, json!({ "issuer": ISSUER, "jwks_uri": url })),
            None => drop(server.others.lock().unwrap().remove(DOCUMENT)),
        }
        if let Some(key) = there {
            say(new, json!({ "keys": [rsa(false).jwk(key)] }));
        }
        server.urls.lock().unwrap().clear();
        assert_eq!(judge(&issuer, &second).await, unknown);
        tokio::time::advance(COOL_DOWN).await;
        assert_eq!(judge(&issuer, &second).await, told, "{moved_to:?}");
        assert_eq!(judge(&issuer, &second).await, told, "{moved_to:?}");
        assert_eq!(*server.urls.lock().unwrap(), asked, "{moved_to:?}");
        let kept = judge(&issuer, &first).await;
        assert_eq!(kept.is_ok(), there.is_none(), "{moved_to:?}");
    }
}

/// Certificates are kept while they cannot be renewed, and a failure is not asked for again at once.
#[tokio::test(start_paused = true)]
async fn documents() {
    let server = Server::with(&[]);
    let read = |bytes: &[u8]| match bytes.is_empty() {
        true => Err("empty".to_owned()),
        false => Ok(bytes.len()),
    };
    let documents = Documents::new(server.clone(), 1000, read);
    let all = join_all((0..100).map(|_| documents.obtain("https://a.example/"))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(server.asked(), 1);
    assert!(documents.get("https://a.example/").is_some());
    assert!(documents.get("https://b.example/").is_none());
    server.fail();
    tokio::time::advance(24 * 3600 * SECOND).await;
    assert!(documents.is_due("https://a.example/"));
    assert!(documents.obtain("https://a.example/").await.is_ok());
    assert!(documents.get("https://a.example/").is_some());
    for _ in 0..10 {
        let refusal = documents.obtain("https://b.example/").await.unwrap_err();
        assert_eq!(refusal.cause, Some(Cause::Unavailable));
    }
    assert_eq!(server.asked(), 3);
    tokio::time::advance(8 * 24 * 3600 * SECOND).await;
    assert!(documents.get("https://a.example/").is_none());
    *server.document.lock().unwrap() = Some("x".repeat(1001));
    documents.obtain("https://c.example/").await.unwrap_err();
    *server.document.lock().unwrap() = Some(String::new());
    documents.obtain("https://d.example/").await.unwrap_err();
}

/// Strangers name documents that lead to nothing: what is known is renewed, and what is not is not taken for failed.
#[tokio::test(start_paused = true)]
async fn strangers_hold_up_the_first_fetch_for_seconds_and_no_other() {
    let server = Server::with(&[]);
    let documents = Documents::new(server.clone(), 1000, |_| Ok(()));
    documents.obtain("https://known.example/").await.unwrap();
    tokio::time::advance(24 * 3600 * SECOND).await;
    let others = || async {
        for n in 0..200 {
            let other = format!("https://sns.example/{n}.pem");
            documents.obtain(&other).await.unwrap_err();
        }
    };
    server.fail();
    others().await;
    let asked = server.asked();
    assert!((30..35).contains(&asked), "{asked}");
    server.publish(&[]);
    assert!(documents.is_due("https://known.example/"));
    documents.obtain("https://known.example/").await.unwrap();
    assert!(!documents.is_due("https://known.example/"));
    let own = "https://sns.example/own.pem";
    documents.obtain(own).await.unwrap_err();
    tokio::time::advance(2 * SECOND).await;
    documents.obtain(own).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reload_fetches_anew_and_forgets_nothing() {
    // Its authority was replaced, so that what trusts the earlier one fetches no more.
    let (before, after) = (Server::with(&[rsa(true).jwk("k1")]), Server::with(&[]));
    let reached: Vec<Arc<dyn Fetch>> = vec![before.clone(), after.clone()];
    let reached = std::sync::Mutex::new(reached.into_iter());
    let configured = Configured::new(move |_: &Jwt| Ok(reached.lock().unwrap().next().unwrap()));
    let settings: Jwt = serde_json::from_value(json!({
        "issuer": ISSUER, "audience": "us", "keys-url": crate::ground::URL, "ca": "ca.pem",
    }))
    .unwrap();
    let audiences = ["us".to_owned()];
    let [old, new] =
        [(true, "k1"), (false, "k2")].map(|(own, key)| rsa(own).token(&head(key), &claims()));
    let issuer = configured.issuer(&settings).unwrap();
    issuer.missing(&old).unwrap().await.unwrap();
    before.fail();
    after.publish(&[rsa(false).jwk("k2")]);
    tokio::time::advance(COOL_DOWN).await;

    let reloaded = configured.issuer(&settings).unwrap();
    let now = crate::ground::now();
    assert!(
        reloaded.verify(&old, &audiences, now).is_ok(),
        "its keys stay"
    );
    reloaded.missing(&new).unwrap().await.unwrap();
    assert!(issuer.verify(&new, &audiences, now).is_ok());
    assert_eq!((before.asked(), after.asked()), (1, 1));
}
