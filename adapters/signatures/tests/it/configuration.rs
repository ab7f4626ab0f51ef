//! Secrets that are refused before anything is served.

use tradewind_adapter::{ErrorKind, Secret};
use tradewind_signatures::schemes::{self, DISCORD, GITHUB, SENDGRID, SQUARE, STANDARD_WEBHOOKS};
use tradewind_signatures::{Algorithm, Piece, Places, SECRETS_MAX, Scheme, Stamp, Verifier};

fn refused(scheme: &Scheme<'_>, secrets: &[&str]) -> String {
    let secrets: Vec<Secret> = secrets.iter().map(|s| Secret::new(*s)).collect();
    let error = Verifier::new(scheme, &secrets).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    error.message().to_owned()
}

#[test]
fn says_which_secret_and_why() {
    let good = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let key = "A".repeat(88);
    let table: [(&Scheme<'_>, &[&str], &str); 13] = [
        (
            &GITHUB,
            &[],
            "`secrets` must name at least one secret: without it nobody can be verified",
        ),
        (
            &GITHUB,
            &["a", ""],
            "`secrets[1]`: a secret must not be empty",
        ),
        (
            &GITHUB,
            &["a"; SECRETS_MAX + 1],
            "`secrets` names 9, at most 8 are allowed",
        ),
        (
            &STANDARD_WEBHOOKS,
            &[""],
            "`secrets[0]`: a secret must not be empty",
        ),
        (
            &STANDARD_WEBHOOKS,
            &["whsec_"],
            "`secrets[0]`: a secret must hold 24 to 64 bytes, this one holds 0",
        ),
        (
            &STANDARD_WEBHOOKS,
            &[good, "whsec_AAAA"],
            "`secrets[1]`: a secret must hold 24 to 64 bytes, this one holds 3",
        ),
        (
            &STANDARD_WEBHOOKS,
            &["whsec_not base64"],
            "`secrets[0]`: a secret must be `whsec_` and standard base64, as the sender shows it",
        ),
        (
            &DISCORD,
            &["xyz"],
            "`secrets[0]`: a secret must be hexadecimal, as the sender shows it",
        ),
        (
            &DISCORD,
            &["00"],
            "`secrets[0]`: a secret must hold 32 bytes, this one holds 1",
        ),
        (
            &SENDGRID,
            &["no key"],
            "`secrets[0]`: a secret must be standard base64, as the sender shows it",
        ),
        (
            &SENDGRID,
            &[&key],
            "`secrets[0]`: a secret must be a public key for EcdsaP256",
        ),
        (
            &SQUARE,
            &["a"],
            "`public-url` is missing: the sender signs the address that it was given",
        ),
        (
            &STANDARD_WEBHOOKS,
            &["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="],
            "`secrets[0]`: a secret must be `whsec_` and standard base64, as the sender shows it",
        ),
    ];
    for (scheme, secrets, reason) in table {
        assert_eq!(refused(scheme, secrets), reason);
    }
    let long = format!("whsec_{}", "A".repeat(4 * 22));
    assert_eq!(
        refused(&STANDARD_WEBHOOKS, &[&long]),
        "`secrets[0]`: a secret must hold 24 to 64 bytes, this one holds 66"
    );
}

#[test]
fn keeps_secrets_out_of_debug_output() {
    let secret = "canary-4711";
    let verifier = Verifier::new(&GITHUB, &[Secret::new(secret)]).unwrap();
    assert!(!format!("{verifier:?}").contains(secret));
}

#[test]
fn an_empty_secret_is_refused_by_every_scheme() {
    for scheme in schemes::ALL {
        let url = scheme
            .signed
            .contains(&Piece::Url)
            .then_some("https://example.com/");
        let error = Verifier::at(scheme, &[Secret::new("")], url).unwrap_err();
        assert_eq!(
            error.message(),
            "`secrets[0]`: a secret must not be empty",
            "{}",
            scheme.name
        );
    }
}

#[test]
fn addresses_that_are_none() {
    let at = |scheme, url| {
        let error = Verifier::at(scheme, &[Secret::new("a")], Some(url)).unwrap_err();
        error.message().to_owned()
    };
    for url in [
        "",
        "/hook",
        "example.com/hook",
        "ftp://example.com/",
        "https://",
    ] {
        assert_eq!(
            at(&SQUARE, url),
            format!("`public-url`: `{url}` is no absolute http or https URL")
        );
    }
    assert_eq!(
        at(&GITHUB, "https://example.com/"),
        "`public-url` has no use here: the sender signs no address"
    );
}

/// Schemes that a configuration could say and that would protect nothing.
#[test]
fn schemes_that_contradict_themselves() {
    let header = &[Places::header("x-signature")];
    let timed = &[Places::header("x-signature").at("x-time")];
    let part = &[Places {
        timestamp: Some(Stamp::Part("t=")),
        ..header[0]
    }];
    let signed: [(&[Places<'_>], &[Piece<'_>], &str); 10] = [
        (header, &[], "`signed` lacks the body"),
        (header, &[Piece::Timestamp], "`signed` lacks the body"),
        (
            header,
            &[Piece::Body, Piece::Text(".")],
            "the body must be the last part of `signed`",
        ),
        (
            header,
            &[Piece::Header("x-a"), Piece::Body],
            "between two parts of `signed` there must be a text, or bytes could move from one to the other",
        ),
        (
            header,
            &[Piece::Header("x-a"), Piece::Text(""), Piece::Body],
            "between two parts of `signed` there must be a text, or bytes could move from one to the other",
        ),
        (
            header,
            &[Piece::Header("x a"), Piece::Text("."), Piece::Body],
            "`x a` is no name of a header",
        ),
        (
            header,
            &[Piece::Timestamp, Piece::Text("."), Piece::Body],
            "`signed` has a timestamp, and nothing says where it stands",
        ),
        (
            timed,
            &[Piece::Body],
            "the timestamp is not signed, so it shows nothing",
        ),
        (
            header,
            &[Piece::Id, Piece::Text("."), Piece::Body],
            "`signed` has an id, and nothing says where it stands",
        ),
        (
            part,
            &[Piece::Timestamp, Piece::Text("."), Piece::Body],
            "a timestamp beside the signature needs a `separator`",
        ),
    ];
    for (places, signed, reason) in signed {
        let scheme = Scheme {
            places,
            signed,
            ..Scheme::BODY
        };
        assert_eq!(refused(&scheme, &["a"]), reason);
    }
    let token = Scheme {
        places: header,
        algorithm: Algorithm::Token,
        ..Scheme::BODY
    };
    assert_eq!(
        refused(&token, &["a"]),
        "a token signs nothing: leave `signed` out"
    );
}
