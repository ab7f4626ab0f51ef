//! What a package may be called.

use crate::failure::Failure;
use std::path::Path;

/// Words of the language, and crates that a handler sees already.
const TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "main",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "serde_json",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "tests",
    "tokio",
    "trait",
    "tradewind",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];
const LONGEST: usize = 64;

/// The name of the package in a folder.
pub(super) fn of(folder: &Path) -> Result<&str, Failure> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        Failure::usage(format!("`{}` ends in no name", folder.display()))
            .hint("for instance: orders")
    })?;
    match fault(name) {
        None => Ok(name),
        Some(fault) => Err(Failure::usage(format!("`{name}` {fault}"))
            .hint("lower-case letters, digits, - and _, for instance: order-mails")),
    }
}

fn fault(name: &str) -> Option<&'static str> {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if TAKEN.contains(&name) {
        return Some("is taken: the language or a crate of the handler is called that");
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("does not begin with a lower-case letter");
    }
    if !name.chars().all(fine) || name.ends_with(['-', '_']) {
        return Some("is no name of a package that every host takes");
    }
    (name.len() > LONGEST).then_some("is longer than 64 letters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_and_the_hosts_take() {
        for (name, fine) in [
            ("orders", true),
            ("order-mails", true),
            ("a1_b2", true),
            ("../deep/orders", true),
            ("Orders", false),
            ("1orders", false),
            ("-orders", false),
            ("orders-", false),
            ("ord ers", false),
            ("órdenes", false),
            ("fn", false),
            ("tokio", false),
            ("tradewind", false),
            ("..", false),
            ("", false),
        ] {
            assert_eq!(of(Path::new(name)).is_ok(), fine, "{name}");
        }
        assert!(of(Path::new(&"a".repeat(65))).is_err());
    }
}
