//! What servers of tokens are asked, and what becomes of their answers.

use crate::server::{Server, identity, prove};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const TOKEN: &str = r#"{"access_token":"token-1","token_type":"Bearer","expires_in":3600}"#;

fn form(server: &Server) -> BTreeMap<String, String> {
    let body = server.last().into_body();
    form_urlencoded::parse(&body).into_owned().collect()
}

fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

#[tokio::test]
async fn client_credentials_by_header_and_by_body() {
    let server = Server::answering(200, TOKEN);
    let settings = |method: &str| {
        json!({"oauth2": {
            "token-url": "https://id.example/token?x=1", "client-id": "a:b", "client-secret": "s e/c",
            "method": method, "scopes": ["read", "write"], "audience": "urn:a", "resource": "urn:r",
        }})
    };
    let (shown, _) = prove(&*identity(settings("basic"), &[], &server).unwrap())
        .await
        .unwrap();
    assert_eq!(shown, "Bearer token-1");
    let asked = server.last();
    assert_eq!(asked.uri(), "https://id.example/token?x=1");
    // As in a form, then joined: a colon of the id is none between the two.
    let basic = format!("Basic {}", STANDARD.encode("a%3Ab:s+e%2Fc"));
    assert_eq!(asked.headers()["authorization"], basic);
    let asked_for = [
        ("grant_type", "client_credentials"),
        ("scope", "read write"),
        ("audience", "urn:a"),
        ("resource", "urn:r"),
    ];
    assert_eq!(form(&server), expected(&asked_for));

    prove(&*identity(settings("post"), &[], &server).unwrap())
        .await
        .unwrap();
    assert!(!server.last().headers().contains_key("authorization"));
    let with = [
        &asked_for[..],
        &[("client_id", "a:b"), ("client_secret", "s e/c")],
    ]
    .concat();
    assert_eq!(form(&server), expected(&with));
}

#[tokio::test]
async fn the_machine_of_google() {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"exp":99999999999}"#);
    let token = format!("head.{claims}.signature");
    let server = Server::answering(200, &format!("{token}\n"));
    for (settings, variables, base, audience) in [
        (
            json!({}),
            &[][..],
            "http://169.254.169.254",
            "https%3A%2F%2Frun.example",
        ),
        (
            json!({"audience": "https://fn.example/f", "metadata": "http://127.0.0.1:9/"}),
            &[("GCE_METADATA_HOST", "ignored")],
            "http://127.0.0.1:9",
            "https%3A%2F%2Ffn.example%2Ff",
        ),
        (
            json!({}),
            &[("GCE_METADATA_HOST", "169.254.169.252:988")],
            "http://169.254.169.252:988",
            "https%3A%2F%2Frun.example",
        ),
    ] {
        let identity = identity(json!({"id-token": settings}), variables, &server).unwrap();
        let (shown, _) = prove(&*identity).await.unwrap();
        assert_eq!(shown, format!("Bearer {token}"));
        let asked = server.last();
        let url = format!(
            "{base}/computeMetadata/v1/instance/service-accounts/default/identity?audience={audience}&format=full"
        );
        assert_eq!(asked.uri().to_string(), url);
        assert_eq!(asked.headers()["metadata-flavor"], "Google");
    }
}

#[tokio::test]
async fn the_key_of_a_service_account() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = pair.as_der().unwrap();
    let body = STANDARD.encode(der.as_ref() as &[u8]);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let file = json!({
        "type": "service_account", "client_email": "me@project.iam", "private_key_id": "k-1",
        "private_key": pem, "token_uri": "https://oauth2.example/token",
    });
    let server = Server::answering(200, r#"{"id_token":"id-1"}"#);
    let settings = json!({"id-token": {"service-account": file.to_string(), "token-url": "https://proxy.example/token"}});
    let made = identity(settings, &[], &server).unwrap();
    assert_eq!(prove(&*made).await.unwrap().0, "Bearer id-1");
    assert_eq!(server.last().uri(), "https://proxy.example/token");
    let form = form(&server);
    assert_eq!(
        form["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    let (text, signature) = form["assertion"].rsplit_once('.').unwrap();
    let part = |n: usize| -> Value {
        let part = text.split('.').nth(n).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({"alg": "RS256", "typ": "JWT", "kid": "k-1"}));
    let claims = part(1);
    for (name, value) in [
        ("iss", "me@project.iam"),
        ("aud", "https://oauth2.example/token"),
        ("target_audience", "https://run.example"),
    ] {
        assert_eq!(claims[name], value);
    }
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        3600
    );
    use aws_lc_rs::signature::KeyPair as _;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
        .verify(text.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
}

#[tokio::test]
async fn entra_takes_what_the_surroundings_have() {
    let server = Server::answering(
        200,
        r#"{"access_token":"token-1","expires_on":"99999999999"}"#,
    );
    let folder = std::env::temp_dir().join(format!("tradewind-identity-{}", std::process::id()));
    std::fs::write(&folder, "workload-token\n").unwrap();
    let file = folder.to_str().unwrap();
    let kubernetes = [
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_FEDERATED_TOKEN_FILE", file),
        ("AZURE_AUTHORITY_HOST", "https://login.example/"),
    ];
    let service = [
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:41234/msi/token"),
        ("IDENTITY_HEADER", "hunter2hunter2"),
    ];
    let machine = "http://169.254.169.254/metadata/identity/oauth2/token?resource=api%3A%2F%2Ff";
    for (more, variables, url, header) in [
        (
            json!({}),
            &[][..],
            format!("{machine}&api-version=2018-02-01"),
            Some(("metadata", "true")),
        ),
        (
            json!({"client-id": "mine"}),
            &[],
            format!("{machine}&client_id=mine&api-version=2018-02-01"),
            Some(("metadata", "true")),
        ),
        (
            json!({}),
            &service,
            "http://127.0.0.1:41234/msi/token?resource=api%3A%2F%2Ff&api-version=2019-08-01".into(),
            Some(("x-identity-header", "hunter2hunter2")),
        ),
        (
            json!({}),
            &kubernetes,
            "https://login.example/tenant/oauth2/v2.0/token".into(),
            None,
        ),
        (
            json!({"client-secret": "hunter2", "client-id": "c", "tenant": "t.example"}),
            &kubernetes,
            "https://login.example/t.example/oauth2/v2.0/token".into(),
            None,
        ),
    ] {
        let mut settings = json!({"resource": "api://f"});
        for (name, value) in more.as_object().unwrap() {
            settings[name] = value.clone();
        }
        let made = identity(json!({"entra": settings}), variables, &server).unwrap();
        assert_eq!(prove(&*made).await.unwrap().0, "Bearer token-1");
        let asked = server.last();
        assert_eq!(asked.uri().to_string(), url);
        if let Some((name, value)) = header {
            assert_eq!(asked.headers()[name], value);
            continue;
        }
        let form = form(&server);
        assert_eq!(form["scope"], "api://f/.default");
        match more["client-secret"].as_str() {
            Some(secret) => assert_eq!(
                (&*form["client_id"], &*form["client_secret"]),
                ("c", secret)
            ),
            None => {
                assert_eq!(form["client_assertion"], "workload-token");
                assert_eq!(form["client_id"], "app");
            }
        }
    }
    std::fs::remove_file(&folder).unwrap();
    let made = identity(
        json!({"entra": {"resource": "api://f"}}),
        &kubernetes,
        &server,
    )
    .unwrap();
    let error = prove(&*made).await.unwrap_err().reason;
    assert!(error.detail.contains("federated-token-file"), "{error}");
}

#[tokio::test]
async fn no_token_says_what_to_change_and_shows_nothing() {
    let settings = json!({"oauth2": {
        "token-url": "https://id.example/token?key=hunter2", "client-id": "c", "client-secret": "hunter2",
    }});
    let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(20_000));
    for (answer, code, hint) in [
        (None, "identity-unavailable", "auth.oauth2.token-url"),
        (
            Some((503, "hunter2")),
            "identity-unavailable",
            "answered 503",
        ),
        (Some((429, "")), "identity-unavailable", "answered 429"),
        (
            Some((401, r#"{"error":"invalid_client"}"#)),
            "identity-refused",
            "`invalid_client`; hint: check `client-id`",
        ),
        (
            Some((400, "hunter2")),
            "identity-refused",
            "answered 400; hint",
        ),
        (Some((302, "")), "identity-refused", "answered 302"),
        (Some((200, "")), "identity-unavailable", "without a token"),
        (
            Some((200, r#"{"access_token":""}"#)),
            "identity-unavailable",
            "without a token",
        ),
        (
            Some((200, r#"{"access_token":"a\r\nx: y"}"#)),
            "identity-unavailable",
            "without a token",
        ),
        (
            Some((200, &*long)),
            "identity-unavailable",
            "without a token",
        ),
        (
            Some((200, r#"{"id_token":"not that"}"#)),
            "identity-unavailable",
            "without a token",
        ),
    ] {
        let server = match answer {
            Some((status, body)) => Server::answering(status, body),
            None => std::sync::Arc::default(),
        };
        let made = identity(settings.clone(), &[], &server).unwrap();
        let unproved = prove(&*made).await.unwrap_err();
        assert_eq!(unproved.reason.code, code, "{unproved:?}");
        assert!(unproved.reason.detail.contains(hint), "{unproved:?}");
        assert!(unproved.reason.detail.contains("https://id.example/token"));
        let shown = format!("{unproved:?} {made:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused_with_a_hint() {
    let server = Server::answering(200, TOKEN);
    for (settings, hint) in [
        (
            json!({"oauth2": {"token-url": "http://id.example/t", "client-id": "c", "client-secret": "hunter2"}}),
            "no https:// URL",
        ),
        (
            json!({"oauth2": {"token-url": "https://hunter2@id.example/t", "client-id": "c", "client-secret": "s"}}),
            "no https:// URL",
        ),
        (
            json!({"oauth2": {"token-url": "https://id.example/t", "client-id": "", "client-secret": "hunter2"}}),
            "`client-id` is empty",
        ),
        (
            json!({"id-token": {"token-url": "https://x"}}),
            "`service-account`",
        ),
        (
            json!({"id-token": {"service-account": "hunter2"}}),
            "no key of a service account",
        ),
        (
            json!({"id-token": {"service-account": r#"{"client_email":"a","private_key":"hunter2"}"#}}),
            "no RSA key",
        ),
        (
            json!({"entra": {"resource": "r", "client-secret": "hunter2"}}),
            "AZURE_TENANT_ID",
        ),
        (
            json!({"entra": {"resource": "r", "client-secret": "hunter2", "federated-token-file": "/f"}}),
            "not both",
        ),
        (
            json!({"entra": {"resource": "r", "client-secret": "hunter2", "client-id": "c", "tenant": "../x"}}),
            "`tenant`",
        ),
        (
            json!({"entra": {"resource": "r", "client-secret": "hunter2", "client-id": "c", "tenant": "t", "authority": "http://x"}}),
            "`authority`",
        ),
        (json!({"sigv4": {}}), "feature `sigv4`"),
    ] {
        let error = identity(settings, &[], &server).unwrap_err().to_string();
        assert!(error.contains(hint), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
