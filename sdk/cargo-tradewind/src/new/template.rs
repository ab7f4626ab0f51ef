//! What a project starts with. The files are in `templates/`; `@NAME@` in them is the name.

use std::path::PathBuf;

/// A starting point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Template {
    /// Takes an event with typed data, replies with another
    #[default]
    Event,
    /// Takes pushes of GitHub by way of the gateway
    Webhook,
}

/// Where the crate `tradewind` comes from.
#[derive(Debug)]
pub(super) enum Dependency {
    /// The repository of this program, at the tag of its version.
    Release,
    Version(String),
    Path(PathBuf),
    Git(String, Option<String>),
}

const MANIFEST: &str = include_str!("../../templates/Cargo.toml.in");
const IGNORE: &str = "/target\n";

impl Template {
    /// Names and texts of the files.
    pub(super) fn files(self, name: &str, from: &Dependency) -> Vec<(&'static str, String)> {
        let (main, readme) = match self {
            Template::Event => (
                include_str!("../../templates/event/main.rs"),
                include_str!("../../templates/event/README.md"),
            ),
            Template::Webhook => (
                include_str!("../../templates/webhook/main.rs"),
                include_str!("../../templates/webhook/README.md"),
            ),
        };
        let fill = |text: &str| text.replace("@NAME@", name);
        let manifest = fill(MANIFEST).replace("@TRADEWIND@", &from.inline());
        vec![
            ("Cargo.toml", manifest),
            ("src/main.rs", fill(main)),
            ("README.md", fill(readme)),
            (".gitignore", IGNORE.to_owned()),
        ]
    }
}

impl Dependency {
    /// As a value in a manifest.
    fn inline(&self) -> String {
        match self {
            Dependency::Release => format!(
                "{{ git = {}, tag = \"v{}\" }}",
                quoted(env!("CARGO_PKG_REPOSITORY")),
                env!("CARGO_PKG_VERSION")
            ),
            Dependency::Version(version) => quoted(version),
            Dependency::Path(path) => format!("{{ path = {} }}", quoted(&path.to_string_lossy())),
            Dependency::Git(url, None) => format!("{{ git = {} }}", quoted(url)),
            Dependency::Git(url, Some(rev)) => {
                format!("{{ git = {}, rev = {} }}", quoted(url), quoted(rev))
            }
        }
    }
}

/// A string of TOML, which has the escapes of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in() {
        for template in [Template::Event, Template::Webhook] {
            for (name, text) in template.files("order-mails", &Dependency::Release) {
                assert!(!text.contains('@'), "{name}: {text}");
                assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{name}");
            }
        }
    }

    #[test]
    fn where_the_crate_comes_from_survives_quoting() {
        for (from, expected) in [
            (Dependency::Version("0.1".into()), r#""0.1""#),
            (
                Dependency::Path(r#"/a "b"\c"#.into()),
                r#"{ path = "/a \"b\"\\c" }"#,
            ),
            (
                Dependency::Git("https://example.com/t".into(), Some("main".into())),
                r#"{ git = "https://example.com/t", rev = "main" }"#,
            ),
        ] {
            assert_eq!(from.inline(), expected);
        }
        assert!(Dependency::Release.inline().contains("tag = \"v"));
    }
}
