//! Secrets that are known by their form, wherever they stand.

/// How secrets begin: API keys (`tw_<id>_<secret>`), Standard Webhooks secrets and keys, tokens of GitHub and Slack,
/// keys of Stripe, private keys in PEM.
const PREFIXES: [&str; 8] = [
    "tw_",
    "whsec_",
    "whsk_",
    "ghp_",
    "github_pat_",
    "xoxb-",
    "sk_live_",
    "PRIVATE KEY-----\n",
];
/// Shorter ones are words of a hint or the name of a file.
const SECRET_MIN: usize = 8;

/// Whether the text holds such a secret.
pub(crate) fn is_secret(text: &str) -> bool {
    mask(text) != text
}

/// The text with every such secret masked, character by character; the prefix stays.
pub(crate) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, prefix)) = next(rest) {
        let (head, tail) = rest.split_at(at + prefix.len());
        let end = tail.find(|c| !belongs(c)).unwrap_or(tail.len());
        let secret = match prefix {
            "tw_" => tail[..end].find('_').map_or(0, |id| end - id - 1),
            _ => end,
        };
        let inside = head[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        masked.push_str(head);
        match !inside && secret >= SECRET_MIN {
            true => masked.extend(tail[..end].chars().map(|_| '*')),
            false => masked.push_str(&tail[..end]),
        }
        rest = &tail[end..];
    }
    masked + rest
}

fn next(text: &str) -> Option<(usize, &'static str)> {
    let found = PREFIXES
        .iter()
        .filter_map(|prefix| Some((text.find(prefix)?, *prefix)));
    found.min()
}

fn belongs(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '/' | '=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_words_are_not() {
        for (text, masked) in [
            ("tw_shop_0123abcdWXYZ", "tw_*****************"),
            ("a: [`tw_a-b_01234567`, 1]", "a: [`tw_************`, 1]"),
            (
                "whsec_c2VjcmV0Cg==,whsec_MTIzNDU2Nzg",
                "whsec_************,whsec_***********",
            ),
            ("key=whsec_/+23456789", "key=whsec_**********"),
            ("of `tw_<id>_<secret>`", "of `tw_<id>_<secret>`"),
            (
                "${file:secrets/deploy.whsec}",
                "${file:secrets/deploy.whsec}",
            ),
            ("whsec_orders", "whsec_orders"),
            ("newtw_shop_0123456789", "newtw_shop_0123456789"),
            ("sk_live_4eC39HqLyjWD", "sk_live_************"),
            (
                "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg==\n",
                "-----BEGIN PRIVATE KEY-----\n****************\n",
            ),
        ] {
            assert_eq!(mask(text), masked);
        }
    }
}
