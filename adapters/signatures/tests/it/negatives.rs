//! Requests that no scheme may let through, made from one that is good.

use crate::vectors::Vector;
use http::{HeaderName, HeaderValue};
use std::time::{Duration, SystemTime};
use tradewind_signatures::{Algorithm, Encoding, Piece, Place, Stamp};

/// Why it must be refused, the request, and when it arrives.
pub(crate) type Negative = (String, Vector, SystemTime);

pub(crate) fn negatives(good: &Vector) -> Vec<Negative> {
    let now = good.now();
    let mut all = Vec::new();
    let mut add = |why: &str, vector: Vector| all.push((why.to_owned(), vector, now));
    texts(good, &mut add);
    copies(good, &mut add);
    contents(good, &mut add);
    if good.timestamp.is_some() {
        times(good, &mut all);
    }
    all
}

/// The signature as text.
fn texts(good: &Vector, add: &mut impl FnMut(&str, Vector)) {
    let text = good.signature();
    let (head, signature) = text.split_at(good.start());
    let mut put = |why: &str, changed: &str| {
        assert_ne!(changed, text, "{why}: {}", good.scheme.name);
        add(why, good.with_signature(changed));
    };
    put("empty", "");
    put("nothing behind the tag", &format!("{head} "));
    put("first 8 characters", &format!("{head}{}", &signature[..8]));
    put("one character less", &text[..text.len() - 1]);
    put("one character more", &format!("{text}0"));
    put("twice in a row", &format!("{head}{signature}{signature}"));
    put("a tab inside", &format!("{head}\t{signature}"));
    put("something behind", &format!("{head}{signature}; x"));
    put("quoted", &format!("{head}\"{signature}\""));
    let other = |c: char| if c == 'A' { 'B' } else { 'A' };
    for (why, at) in [("first", 0), ("middle", signature.len() / 2)] {
        let mut chars: Vec<char> = signature.chars().collect();
        chars[at] = other(chars[at].to_ascii_uppercase());
        let changed: String = chars.into_iter().collect();
        put(
            &format!("another {why} character"),
            &format!("{head}{changed}"),
        );
    }
    put(
        "backwards",
        &format!("{head}{}", signature.chars().rev().collect::<String>()),
    );
    for tag in ["v9,", "sha1=", "v2=", "Bearer "] {
        put("a strange tag", &format!("{tag}{signature}"));
    }
    if !good.scheme.prefix.is_empty() {
        put("no tag", &text.replace(good.scheme.prefix, ""));
        let shouted = good.scheme.prefix.to_uppercase();
        put(
            "a tag in capitals",
            &text.replace(good.scheme.prefix, &shouted),
        );
        put("an older tag", &text.replace(good.scheme.prefix, "v00="));
    }
    if good.scheme.algorithm == Algorithm::Token {
        put("in capitals", &signature.to_uppercase());
        return;
    }
    put("zeroes", &format!("{head}{}", "0".repeat(signature.len())));
    put("31 bytes of zeroes", &format!("{head}{}", "0".repeat(62)));
    match good.scheme.encoding {
        Encoding::Hex => {
            put(
                "no hexadecimal",
                &format!("{head}{}", "g".repeat(signature.len())),
            );
            put("0x", &format!("{head}0x{signature}"));
            let digits: Vec<u8> = (0..signature.len() / 2)
                .map(|i| u8::from_str_radix(&signature[2 * i..2 * i + 2], 16).unwrap())
                .collect();
            use base64::Engine as _;
            let base64 = base64::engine::general_purpose::STANDARD.encode(digits);
            put(
                "base64 where hexadecimal is due",
                &format!("{head}{base64}"),
            );
        }
        Encoding::Base64 => {
            let url_safe = signature.replace('+', "-").replace('/', "_");
            if url_safe != signature {
                put("the URL-safe alphabet", &format!("{head}{url_safe}"));
            }
            if signature.ends_with('=') {
                put(
                    "unpadded",
                    &format!("{head}{}", signature.trim_end_matches('=')),
                );
            }
        }
        Encoding::Base64Url => put("padded", &format!("{head}{signature}=")),
    }
}

/// Headers missing, doubled and odd.
fn copies(good: &Vector, add: &mut impl FnMut(&str, Vector)) {
    let places = good.places();
    let mut names: Vec<&str> = places.id.into_iter().collect();
    match places.signature {
        Place::Header(name) => names.push(name),
        Place::Query(name) => {
            let uri = good.parts.uri.to_string();
            let mut with = |why, text: String| {
                let mut vector = good.clone();
                vector.parts.uri = text.parse().unwrap();
                add(why, vector);
            };
            with("missing", "/in/grid".into());
            with("repeated", format!("{uri}&{name}=hush%2B4711"));
            with("not encoded", "/in/grid?code=hush+4711".into());
            with("another name", uri.replace("code=", "Code="));
        }
    }
    if let Some(Stamp::Header(name)) = places.timestamp {
        names.push(name);
    }
    for piece in good.scheme.signed {
        if let Piece::Header(name) = piece {
            names.push(name);
        }
    }
    for name in names {
        let name: HeaderName = name.parse().unwrap();
        let mut with = |why: &str, change: &dyn Fn(&mut http::HeaderMap)| {
            let mut vector = good.clone();
            change(&mut vector.parts.headers);
            add(why, vector);
        };
        with("missing header", &|headers| drop(headers.remove(&name)));
        with("repeated header", &|headers| {
            let value = headers[&name].clone();
            headers.append(&name, value);
        });
        with("empty header", &|headers| {
            headers.insert(&name, HeaderValue::from_static(""));
        });
        with("not ASCII", &|headers| {
            let bytes = [headers[&name].as_bytes(), b"\xe9"].concat();
            headers.insert(&name, HeaderValue::from_bytes(&bytes).unwrap());
        });
        with("very long", &|headers| {
            let value = HeaderValue::from_str(&"1".repeat(5000)).unwrap();
            headers.insert(&name, value);
        });
        with("under another name", &|headers| {
            let value = headers.remove(&name).unwrap();
            headers.insert("x-another", value);
        });
    }
}

/// Another body, address, id, tenant.
fn contents(good: &Vector, add: &mut impl FnMut(&str, Vector)) {
    let mut with = |why: &str, change: &dyn Fn(&mut Vector)| {
        let mut vector = good.clone();
        change(&mut vector);
        add(why, vector);
    };
    // Well-formed as a secret of this scheme.
    with("another tenant's secret", &|v| {
        v.secret = match v.scheme.algorithm {
            Algorithm::Ed25519 if v.scheme.name == "discord" => {
                "d52880e28f61caa4c2a48a82e55f4751a92289a78009ea9f6532270c16ce8abe"
            }
            Algorithm::Ed25519 => "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
            Algorithm::EcdsaP256 => {
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESR9PH2YVgo/gilk7DYKGtbP+tkCFhbia4SDMFwG9jHCR6A34rYINqpA+HAdmUDCHnOP8+mKWK7vLU8unzuS/bw=="
            }
            _ => "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx",
        }
    });
    if good.url.is_some() {
        with("another address", &|v| {
            v.url = Some("https://example.org/hook")
        });
        with("another scheme", &|v| {
            v.url = Some("http://example.com/hook")
        });
    }
    if let Some(name) = good.places().id {
        for id in ["msg_other", "a.b", "."] {
            with("another id", &|v| {
                v.parts.headers.insert(name, HeaderValue::from_static(id));
            });
        }
    }
    for piece in good.scheme.signed {
        if let Piece::Header(name) = piece {
            with("another topic", &|v| {
                v.parts
                    .headers
                    .insert(*name, HeaderValue::from_static("others"));
            });
        }
    }
    if good.scheme.algorithm == Algorithm::Token {
        return; // The body is covered by nothing.
    }
    with("a flipped bit at the end", &|v| {
        *v.body.last_mut().unwrap() ^= 1
    });
    with("a flipped bit at the start", &|v| v.body[0] ^= 1);
    with("a line end behind the body", &|v| v.body.push(b'\n'));
    with("the body twice", &|v| v.body = v.body.repeat(2));
    with("half the body", &|v| v.body.truncate(v.body.len() / 2));
    with("no body", &|v| v.body.clear());
    if let Ok(tree) = serde_json::from_slice::<serde_json::Value>(&good.body) {
        with("the body printed again", &|v| {
            v.body = serde_json::to_vec_pretty(&tree).unwrap();
        });
    }
    let digest_in_query = good.parts.uri.query().is_some();
    if good.signs() && !digest_in_query {
        let other = good.changed(|v| v.body.insert(2, b'x'));
        if other.signature() != good.signature() {
            with("the signature of another body", &|v| {
                *v = v.with_signature(&other.signature());
            });
        }
    }
}

fn times(good: &Vector, all: &mut Vec<Negative>) {
    let now = good.now();
    let beyond = good.scheme.tolerance + Duration::from_secs(1);
    all.push(("stale".into(), good.clone(), now + beyond));
    all.push(("from the future".into(), good.clone(), now - beyond));
    all.push((
        "a year old".into(),
        good.clone(),
        now + Duration::from_secs(31_536_000),
    ));
    let text = good.timestamp.clone().unwrap();
    let later = (text.parse::<u64>().unwrap() + 1).to_string();
    for text in [
        later,
        format!("0{text}"),
        format!("+{text}"),
        format!("-{text}"),
        format!("{text}.0"),
        format!("{text}e0"),
        format!("0x{text}"),
        text[..9].to_owned(),
        "99999999999999999999999".to_owned(),
        u64::MAX.to_string(),
        "now".to_owned(),
    ] {
        let mut vector = good.clone();
        match good.places().timestamp.unwrap() {
            Stamp::Header(name) => {
                let value = HeaderValue::from_str(&text).unwrap();
                vector.parts.headers.insert(name, value);
            }
            Stamp::Part(tag) => {
                let old = format!("{tag}{}", good.timestamp.as_ref().unwrap());
                let changed = good.signature().replace(&old, &format!("{tag}{text}"));
                vector = vector.with_signature(&changed);
            }
        }
        all.push((format!("the timestamp `{text}`"), vector, now));
    }
    if let Some(Stamp::Part(tag)) = good.places().timestamp {
        let text = good.signature();
        let (stamp, rest) = text.split_once(',').unwrap();
        for (why, changed) in [
            ("no timestamp", rest.to_owned()),
            ("two timestamps", format!("{stamp},{text}")),
            ("two different timestamps", format!("{tag}1,{text}")),
        ] {
            all.push((why.into(), good.with_signature(&changed), now));
        }
    }
}
