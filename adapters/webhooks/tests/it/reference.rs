//! The reference is what the table says.

use tradewind_signatures::{Algorithm, Encoding, KeyFormat, Piece, Place, Scheme, Stamp, schemes};
use tradewind_webhooks::SENDERS;

const HEAD: &str = "\
<!-- Generated from the code: TRADEWIND_UPDATE=1 cargo test -p tradewind-webhooks -->
# Webhooks

What shows that a request comes from its sender, by `kind` of source. Bytes are compared in constant time;
a header that is repeated, an entry with another tag, a signature of another length or encoding, and an
empty secret are refused. The sender is told 401 and nothing else; the reason is in the log. The guide is
[Webhooks](../guides/webhooks.md); what becomes of the bodies is in [Formats](formats.md).

| kind | proof in | proof | signed | time may be off by |
|---|---|---|---|---|
";

#[test]
fn is_up_to_date() {
    let mut rows: Vec<(&str, &Scheme<'_>)> = SENDERS.iter().map(|s| (s.kind, s.scheme)).collect();
    rows.extend([
        ("gitlab, `scheme: secret-token`", &schemes::GITLAB_TOKEN),
        (
            "gitlab, `scheme: signing-token`",
            &schemes::STANDARD_WEBHOOKS,
        ),
        ("standard-webhooks, `whsec_`", &schemes::STANDARD_WEBHOOKS),
        (
            "standard-webhooks, `whpk_`",
            &schemes::STANDARD_WEBHOOKS_ASYMMETRIC,
        ),
    ]);
    rows.sort_by_key(|(kind, _)| *kind);
    let mut page = HEAD.to_owned();
    for (kind, scheme) in rows {
        page.push_str(&row(kind, scheme));
    }
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/webhooks.md"
    );
    if std::env::var_os("TRADEWIND_UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, page, "run the test with TRADEWIND_UPDATE=1");
}

fn row(kind: &str, scheme: &Scheme<'_>) -> String {
    let places: Vec<String> = scheme
        .places
        .iter()
        .map(|set| match set.signature {
            Place::Header(name) => format!("`{name}: {}…`", scheme.prefix),
            Place::Query(name) => format!("the query, `{name}`"),
        })
        .collect();
    let algorithm = match scheme.algorithm {
        Algorithm::HmacSha1 => "HMAC-SHA1",
        Algorithm::HmacSha256 => "HMAC-SHA256",
        Algorithm::HmacSha512 => "HMAC-SHA512",
        Algorithm::Token => "the secret itself",
        Algorithm::EcdsaP256 => "ECDSA P-256 with SHA-256",
        Algorithm::Ed25519 => "Ed25519",
    };
    let written = match (scheme.algorithm, scheme.encoding) {
        (Algorithm::Token, _) => "",
        (_, Encoding::Hex) => ", hexadecimal",
        (_, Encoding::Base64) => ", base64",
        (_, Encoding::Base64Url) => ", URL-safe base64",
    };
    let key = match (scheme.algorithm, scheme.key) {
        (Algorithm::Token, _) | (_, KeyFormat::Text) => String::new(),
        (Algorithm::EcdsaP256 | Algorithm::Ed25519, KeyFormat::Hex { .. }) => {
            "; the public key in hexadecimal".into()
        }
        (Algorithm::EcdsaP256 | Algorithm::Ed25519, _) => "; the public key in base64".into(),
        (_, KeyFormat::Base64 { .. }) => "; the key is the secret's base64".into(),
        (_, KeyFormat::Hex { .. }) => "; the key is hexadecimal".into(),
    };
    let set = scheme.places[0];
    let signed: String = scheme
        .signed
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => (*text).to_owned(),
            Piece::Id => format!("{{{}}}", set.id.unwrap()),
            Piece::Timestamp => match set.timestamp.unwrap() {
                Stamp::Header(name) => format!("{{{name}}}"),
                Stamp::Part(tag) => format!("{{{tag}}}"),
            },
            Piece::Header(name) => format!("{{{name}}}"),
            Piece::Url => "{public-url}".into(),
            Piece::Form => "{sorted fields}".into(),
            Piece::Body => "{body}".into(),
        })
        .collect();
    let signed = match signed.as_str() {
        "" => "nothing".to_owned(),
        text => format!("`{text}`"),
    };
    let window = match set.timestamp {
        None => "no time".to_owned(),
        Some(_) => format!("{} s", scheme.tolerance.as_secs()),
    };
    format!(
        "| {kind} | {} | {algorithm}{written}{key} | {signed} | {window} |\n",
        places.join(" or "),
    )
}
