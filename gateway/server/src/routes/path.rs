//! Paths as they come: what could mean another path to somebody else, and parameters.

use matchit::Params;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use tradewind_config::Piece;

/// Whether a path holds a step `.` or `..`, written plainly or in escapes, with either slash: the
/// target may resolve what the route's pattern did not mean.
pub(super) fn climbs(path: &str) -> bool {
    if !path.contains("/.") && !path.contains(['%', '\\']) {
        return false;
    }
    let mut plain = path.to_ascii_lowercase();
    // Twice: some decode again what they have decoded.
    for _ in 0..2 {
        plain = plain.replace("%25", "%");
    }
    let plain = plain
        .replace("%2e", ".")
        .replace("%2f", "/")
        .replace("%5c", "/")
        .replace('\\', "/");
    // A parameter of a step (`..;x`) is not part of it for everybody.
    plain
        .split('/')
        .any(|step| matches!(step.split(';').next(), Some("." | "..")))
}

/// Parameters, decoded; one that is no UTF-8 stays as it came.
pub(super) fn decoded(params: &Params<'_, '_>) -> BTreeMap<String, String> {
    params
        .iter()
        .map(|(name, value)| {
            let decoded = percent_decode_str(value).decode_utf8();
            let value = decoded.map_or_else(|_| value.to_owned(), |text| text.into_owned());
            (name.to_owned(), value)
        })
        .collect()
}

/// The path to ask for, parameters as they came.
pub(super) fn filled(pieces: &[Piece], params: &Params<'_, '_>) -> String {
    pieces.iter().fold(String::new(), |path, piece| {
        path + match piece {
            Piece::Text(text) => text,
            Piece::Parameter(name) => params.get(name).unwrap_or_default(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_climb() {
        for path in [
            "/..",
            "/.",
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/%2e%2e/b",
            "/%2E./b",
            "/a%2f..%2fb",
            "/a%5c..%5cb",
            "/a\\..\\b",
            "/a/..;x=1/b",
            "/%252e%252e/b",
            "/a%252f%252e%252e",
            "/%25252e./b",
        ] {
            assert!(climbs(path), "{path}");
        }
        for path in [
            "/",
            "/a/b",
            "/.well-known/x",
            "/a/..b",
            "/a/b..",
            "/...",
            "/a%20b",
            "/a%2fb",
            "/100%25",
            "/a.b/c.d",
        ] {
            assert!(!climbs(path), "{path}");
        }
    }
}
