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

const FETCHED: &str = "
## Keys that are fetched

| kind | proof in | proof | signed | time may be off by | key |
|---|---|---|---|---|---|
| aws-sns | the body, `Signature` | RSA with SHA-1 or SHA-256 as of `SignatureVersion`, base64 | Message, MessageId, Subject, Timestamp, TopicArn, Type; of confirmations also SubscribeURL and Token | 3600 s | the certificate at `SigningCertURL`, which is `https://sns.<region>.amazonaws.com[.cn]/SimpleNotificationService-<hex>.pem` letter by letter, in the region of the topic; it names SNS there |
| paypal | `paypal-transmission-sig: …` | RSA with SHA-256, base64 | `{paypal-transmission-id}\\|{paypal-transmission-time}\\|{webhook-id}\\|{CRC-32 of the body}` | 300 s | the certificate at `paypal-cert-url`, which is `https://api.paypal.com/v1/notifications/certs/<name>` (`api.sandbox.paypal.com` with `environment: sandbox`), and names `paypal.com` |
| google-pubsub-push | `authorization: Bearer …` | JWT | claims: `iss` is `https://accounts.google.com`, `aud` and `email` as configured, `email_verified`, `exp` | 60 s | `https://www.googleapis.com/oauth2/v3/certs` |
| azure-event-grid, `entra` | `authorization: Bearer …` | JWT | claims: `iss` is the tenant, `aud` and `azp` or `appid` as configured, `exp`, `nbf` | 60 s | `https://login.microsoftonline.com/<tenant>/discovery/v2.0/keys` |

They are fetched by the rules of deliveries: TLS that is verified, no redirect, no private or metadata address
whatever a name resolves to, no exception to that; at most 10 s, and 64 KiB for a certificate or 1 MiB for
keys. Where one cannot be got the sender is told 503, so that it sends again.

- **Certificates** are kept by address, fresh for what `Cache-Control` says (5 minutes to 24 hours, 24 hours by
  default), and for 7 days more while they cannot be fetched; what counts besides is their own validity. At most 256
  are kept, and of those that are not here 30 are fetched at once and one more every 2 s, so that strangers gain little
  by naming others.
- **Who vouches for them**: an authority that this machine trusts, or one of the file `ca`, by a path of valid
  certificates for servers. Those of PayPal lie in its file. SNS publishes its own alone: its issuer's is fetched, in
  the clear as authorities publish them and by the same rules otherwise, from `*.amazontrust.com`, and nowhere else.
- **Keys of issuers** are fresh for what `Cache-Control` says (5 minutes to 24 hours, an hour by default). A token by
  a key that is not known has them fetched again, at most once in 20 s. While they cannot be fetched those that
  are here count for 24 hours more. Tokens: RS, PS and ES 256 and 384, RS and PS 512, EdDSA; never `none` or a secret;
  at most 8 KiB; a key counts for the algorithm that it names; `jku`, `x5u` and `jwk` of a token are not looked at.
- **`keys-file`** takes the place of all that: the certificate (PEM) or the key set (JWKS) in it counts, and nothing is
  fetched or visited. It is for simulations and emulators: who has such a key can send anything.
- **`keys-from`** (`google-pubsub-push`, and `entra` of `azure-event-grid`) has keys of issuers fetched from a mirror, by the
  same rules but for its own authorities (`ca`) and addresses (`allow-private`).

## Causes

What was wrong with a proof is in the log, and in `tradewind_ingress_unverified_total{source,cause}`.

| cause | what it means |
|---|---|
| `missing` | there is no proof |
| `malformed` | it cannot be one: repeated, of another form, length, encoding or algorithm |
| `stale` | its time is too far off, or it has expired |
| `mismatch` | it is for something else, or by somebody else |
| `unknown-key` | it is by a key that is not the sender's |
| `wrong-tenant` | it is good, and somebody else's: another topic, audience, account or issuer |
| `unavailable` | what it takes to check it could not be got: 503, all others 401 |

## Repetitions

A request that is sent again, by its sender or by whoever has recorded it, is the same event: it is answered with
200 instead of 202 and stored once, also after a restart, for twice the time that a signed time may be off, and for
72 h where none is signed. That hangs on the event's id, so on where the id comes from:

| kind | id of the event | what a recorded request is good for |
|---|---|---|
| discord, sendgrid, slack, square, standard-webhooks, stripe, twilio, twitter, zoom, gitlab with `signing-token`, aws-sns | signed | nothing |
| bitbucket, github, shopify | a header that is not signed | with another id in that header, another event with the same body, for ever |
| azure-event-grid, gitlab with `secret-token`, google-pubsub-push | the body, which is not signed | whatever one likes: as long as the secret is in force, or until the token expires |
| paypal | the body, of which the CRC-32 is signed | another body of the same CRC-32, for the time that it may be off |
| webhook | as `signature.signed` and `mapping` say | as they say |
";

#[test]
fn is_up_to_date() {
    let mut rows: Vec<(&str, &Scheme<'_>)> = SENDERS.iter().map(|s| (s.kind, s.scheme)).collect();
    rows.extend([
        ("azure-event-grid, `secrets`", &schemes::EVENT_GRID),
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
    page.push_str(FETCHED);
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
