//! Documents at addresses that a stranger may have named.

use crate::egress::Answers;
use crate::server::{Act, Server, Trap};
use crate::tls::Authority;
use std::time::Duration;
use tradewind_adapter::{ErrorKind, Fetch};
use tradewind_http::{Cidr, Fetcher};

fn fetcher(authority: &Authority, allow: &[&str], answers: &[&[&str]]) -> Fetcher {
    let allow = allow
        .iter()
        .map(|net| Cidr::try_from((*net).to_owned()).unwrap());
    let ca = Some(authority.path().into());
    Fetcher::reaching(Answers::new(answers), ca, allow.collect())
}

fn document(status: u16, headers: &[(&'static str, &str)], body: &str) -> Act {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    Act::Answer(status, headers.collect(), body.as_bytes().to_vec())
}

#[tokio::test]
async fn a_document_and_how_long_it_stays() {
    let authority = Authority::new();
    let minute = |n: u64| Some(Duration::from_secs(60 * n));
    for (control, fresh) in [
        (None, None),
        (Some("public, max-age=600"), minute(10)),
        (Some("Max-Age=60, must-revalidate"), minute(1)),
        (Some("no-store, max-age=600"), minute(0)),
        (Some("max-age=x"), None),
    ] {
        let headers: Vec<_> = control.map(|c| ("cache-control", c)).into_iter().collect();
        let acceptor = authority.serve("keys.example", false, &["h2", "http/1.1"]);
        let server = Server::with(document(200, &headers, "key"), Some(acceptor)).await;
        let fetcher = fetcher(&authority, &["127.0.0.1"], &[&["127.0.0.1"]]);
        let url = format!("https://keys.example:{}/a?b=c", server.address.port());
        let fetched = fetcher.get(&url, 3).await.unwrap();
        assert_eq!((&fetched.body[..], fetched.fresh), (&b"key"[..], fresh));
        let seen = server.seen();
        assert_eq!(seen[0].method, "GET");
        assert_eq!(seen[0].uri.path_and_query().unwrap(), "/a?b=c");
        let error = fetcher.get(&url, 2).await.unwrap_err();
        assert!(error.to_string().contains("at most 2 bytes"), "{error}");
    }
}

#[tokio::test]
async fn answers_that_are_no_document() {
    let authority = Authority::new();
    let elsewhere = vec![("location", "https://keys.example/other")];
    for (status, headers, kind) in [
        (302, elsewhere, ErrorKind::Unavailable),
        (204, vec![], ErrorKind::Unavailable),
        (400, vec![], ErrorKind::Unexpected),
        (401, vec![], ErrorKind::Unavailable),
        (403, vec![], ErrorKind::Unexpected),
        (404, vec![], ErrorKind::NotFound),
        (408, vec![], ErrorKind::Unavailable),
        (422, vec![], ErrorKind::Unexpected),
        (429, vec![], ErrorKind::Unavailable),
        (500, vec![], ErrorKind::Unavailable),
    ] {
        let acceptor = authority.serve("keys.example", false, &[]);
        let server = Server::with(document(status, &headers, ""), Some(acceptor)).await;
        let fetcher = fetcher(&authority, &["127.0.0.1"], &[&["127.0.0.1"]]);
        let url = format!("https://keys.example:{}/", server.address.port());
        let error = fetcher.get(&url, 100).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(server.seen().len(), 1, "{status}: nobody is followed");
    }
    let nowhere = Fetcher::to(Some("/nowhere/ca.pem".into()), Vec::new());
    let error = nowhere.check().unwrap_err().to_string();
    assert!(error.contains("cannot be read"), "{error}");
    assert!(fetcher(&authority, &[], &[]).check().is_ok());
    // A certificate for another name, one that is over, and none that is trusted.
    for (name, trusted, expired) in [
        ("other.example", true, false),
        ("keys.example", true, true),
        ("keys.example", false, false),
    ] {
        let acceptor = authority.serve(name, expired, &[]);
        let server = Server::with(document(200, &[], "key"), Some(acceptor)).await;
        let other = Authority::new();
        let ca = if trusted { &authority } else { &other };
        let fetcher = fetcher(ca, &["127.0.0.1"], &[&["127.0.0.1"]]);
        let url = format!("https://keys.example:{}/", server.address.port());
        fetcher.get(&url, 100).await.unwrap_err();
        assert!(server.seen().is_empty(), "{name} {trusted} {expired}");
    }
}

#[tokio::test]
async fn no_way_around_the_guard() {
    let authority = Authority::new();
    let trap = Trap::new("127.0.0.1:0");
    let port = trap.address().port();
    for ip in ["127.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1"] {
        let fetcher = fetcher(&authority, &[], &[&[ip]]);
        let url = format!("https://keys.example:{port}/");
        let error = fetcher.get(&url, 100).await.unwrap_err().to_string();
        assert!(error.contains("no public address"), "{ip}: {error}");
    }
    // What names change to while they are asked.
    let rebinding = fetcher(
        &authority,
        &["127.0.0.3"],
        &[&["127.0.0.3"], &["127.0.0.1"]],
    );
    for _ in 0..2 {
        let url = format!("https://keys.example:{port}/");
        rebinding.get(&url, 100).await.unwrap_err();
    }
    let fetcher = fetcher(&authority, &[], &[&["127.0.0.1"]]);
    for url in [
        format!("https://127.0.0.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://0x7f.1:{port}/"),
        format!("https://[::1]:{port}/"),
        "https://169.254.169.254/latest".into(),
        "https://[fd00:ec2::254]/".into(),
        "https://keys.example:22/".into(),
        "https://user@keys.example/".into(),
        "https://keys.example/#x".into(),
        format!("http://127.0.0.1:{port}/"),
        "http://keys.example/".into(),
        "ftp://keys.example/".into(),
        "file:///etc/passwd".into(),
        "/etc/passwd".into(),
        String::new(),
    ] {
        let error = fetcher.get(&url, 100).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{url}: {error}");
    }
    trap.assert_untouched();
}

/// What is signed in itself may come in the clear, by the same rules otherwise.
#[tokio::test]
async fn plain_http_brings_what_is_signed_in_itself_only() {
    let authority = Authority::new();
    let server = Server::with(document(200, &[], "der"), None).await;
    let fetcher = fetcher(&authority, &["127.0.0.1"], &[&["127.0.0.1"]]);
    let url = format!("http://crt.example:{}/a.cer", server.address.port());
    assert_eq!(&fetcher.get_signed(&url, 3).await.unwrap().body[..], b"der");
    fetcher.get_signed(&url, 2).await.unwrap_err();
    let error = fetcher.get(&url, 3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let guarded = self::fetcher(&authority, &[], &[&["127.0.0.1"]]);
    for url in [
        &*url,
        "http://169.254.169.254/latest",
        "http://127.0.0.1:8080/",
        "ftp://crt.example/a",
    ] {
        guarded.get_signed(url, 3).await.unwrap_err();
    }
    assert_eq!(server.seen().len(), 2);
}
