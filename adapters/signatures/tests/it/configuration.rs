//! Secrets that are refused before anything is served.

use tradewind_adapter::{ErrorKind, Secret};
use tradewind_signatures::{SECRETS_MAX, Scheme, Verifier, github, standard_webhooks};

fn refused(scheme: &'static Scheme, secrets: &[&str]) -> String {
    let secrets: Vec<Secret> = secrets.iter().map(|s| Secret::new(*s)).collect();
    let error = Verifier::new(scheme, &secrets).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    error.message().to_owned()
}

#[test]
fn says_which_secret_and_why() {
    let good = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let table: [(&'static Scheme, &[&str], &str); 8] = [
        (
            &github::SCHEME,
            &[],
            "`secrets` must name at least one secret: without it nobody can be verified",
        ),
        (
            &github::SCHEME,
            &["a", ""],
            "`secrets[1]`: a secret must not be empty",
        ),
        (
            &github::SCHEME,
            &["a"; SECRETS_MAX + 1],
            "`secrets` names 9, at most 8 are allowed",
        ),
        (
            &standard_webhooks::SCHEME,
            &[""],
            "`secrets[0]`: a secret must not be empty",
        ),
        (
            &standard_webhooks::SCHEME,
            &["whsec_"],
            "`secrets[0]`: a secret must hold 24 to 64 bytes, this one holds 0",
        ),
        (
            &standard_webhooks::SCHEME,
            &[good, "whsec_AAAA"],
            "`secrets[1]`: a secret must hold 24 to 64 bytes, this one holds 3",
        ),
        (
            &standard_webhooks::SCHEME,
            &["whsec_not base64"],
            "`secrets[0]`: a secret must be `whsec_` and standard base64, as the sender shows it",
        ),
        (
            &standard_webhooks::SCHEME,
            &["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="],
            "`secrets[0]`: a secret must be `whsec_` and standard base64, as the sender shows it",
        ),
    ];
    for (scheme, secrets, reason) in table {
        assert_eq!(refused(scheme, secrets), reason);
    }
    let long = format!("whsec_{}", "A".repeat(4 * 22));
    assert_eq!(
        refused(&standard_webhooks::SCHEME, &[&long]),
        "`secrets[0]`: a secret must hold 24 to 64 bytes, this one holds 66"
    );
}

#[test]
fn keeps_secrets_out_of_debug_output() {
    let secret = "canary-4711";
    let verifier = Verifier::new(&github::SCHEME, &[Secret::new(secret)]).unwrap();
    assert!(!format!("{verifier:?}").contains(secret));
}
