//! Whom policies take a caller for.

use tradewind_adapter::Verified;
use tradewind_policy::{Kind, Principal};

/// The principal that was verified. By the way of the proof, not by the name alone: no sender's name makes it the
/// holder of a key.
pub(crate) fn of(verified: &Verified) -> Principal {
    let (kind, lead) = match verified.method {
        "api key" | "basic" => (Kind::Key, "api-key:"),
        "jwt" => (Kind::Token, "jwt:"),
        "certificate" => (Kind::Certificate, "certificate:"),
        "none" => return Principal::anonymous(),
        _ => (Kind::Sender, ""),
    };
    match verified.principal.strip_prefix(lead) {
        Some(id) => Principal::new(kind, id),
        None => Principal::new(Kind::Sender, verified.principal.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_from_the_proof() {
        for (principal, method, told) in [
            ("api-key:shop", "api key", "api-key:shop"),
            ("api-key:shop", "basic", "api-key:shop"),
            ("jwt:https://id#a:b", "jwt", "jwt:https://id#a:b"),
            (
                "certificate:uri:spiffe://a",
                "certificate",
                "certificate:uri:spiffe://a",
            ),
            ("anonymous", "none", "anonymous"),
            ("github", "signature", "sender:github"),
            ("api-key:shop", "signature", "sender:api-key:shop"),
            ("operator", "signed token", "sender:operator"),
        ] {
            let who = of(&Verified::new(principal, method));
            assert_eq!(who.to_string(), told, "{principal} {method}");
        }
    }
}
