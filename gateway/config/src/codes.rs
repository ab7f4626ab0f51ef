//! The codes of findings: every one with how bad it is, what it means, and its page.

use crate::diagnostic::Severity;

/// A code of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Stable slug, for instance `unknown-key`.
    pub name: &'static str,
    /// How bad all findings of it are.
    pub severity: Severity,
    /// What it means, in a line.
    pub means: &'static str,
    /// Its page, Markdown: what, why, example, fix.
    pub page: &'static str,
}

impl Code {
    /// The code of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CODES.iter().find(|code| code.name == name)
    }
}

macro_rules! codes {
    ($($severity:ident $name:literal $means:literal)*) => {
        /// All of them, in the order of their names.
        pub const CODES: &[Code] = &[$(Code {
            name: $name,
            severity: Severity::$severity,
            means: $means,
            page: include_str!(concat!("../../../docs/errors/", $name, ".md")),
        }),*];
    };
}

// A new code needs its page, docs/errors/NAME.md, and a case in tests/cases.
codes! {
    Error "bad-name"
        "a name has other characters than `a-z`, `0-9` and `-`, or too many"
    Error "bad-path"
        "a path cannot be served, or is the gateway's own"
    Error "bad-reference"
        "a `${...}` that is none of the known forms"
    Error "contradiction"
        "keys that cannot hold together"
    Warning "cut-short"
        "one setting ends what another one allows"
    Error "duplicate-id"
        "two API keys have one id, or two versions of schemas one `dataschema`"
    Error "duplicate-key"
        "a key stands twice in one map"
    Error "duplicate-path"
        "two sources or routes take the same requests"
    Error "empty-file"
        "the configuration file holds nothing"
    Error "invalid-filter"
        "the filter does not compile"
    Error "invalid-policy"
        "policies that do not parse, or speak of what there is not"
    Error "invalid-role"
        "a role that stands for no policy"
    Error "invalid-schema"
        "the schema does not compile, or breaks what it owes an earlier version"
    Error "invalid-transform"
        "the transform does not compile"
    Error "invalid-value"
        "a value of the right type that cannot be"
    Warning "literal-secret"
        "a secret is written out; it is masked wherever the file is shown"
    Warning "long-timeout"
        "the gateway would wait longer than the platform lets a function run"
    Error "missing-key"
        "a required key is not there"
    Error "missing-variable"
        "an environment variable is not set"
    Warning "never-matches"
        "no event can pass the filter"
    Warning "no-authentication"
        "a source or route takes requests from everybody"
    Warning "no-effect"
        "a key that changes nothing here"
    Note "no-limit"
        "nothing bounds what a stream stores or how often a function is called"
    Warning "no-owner"
        "a subscription without `owner`"
    Warning "no-policy"
        "nothing is permitted to anybody"
    Warning "no-quota"
        "a space may publish as much as it likes"
    Warning "no-rate-limit"
        "strangers may publish as much as they like"
    Warning "no-tls"
        "events leave the machine unencrypted"
    Error "other-space"
        "what belongs to one space refers to what is another's"
    Error "over-quota"
        "a space has more subscriptions than it may"
    Error "plain-admin"
        "the admin API would be reached from other machines without TLS"
    Warning "plain-listener"
        "other machines reach the gateway without TLS"
    Error "reserved-stream"
        "only the gateway itself appends to that stream"
    Warning "simulated-keys"
        "a sender is believed by a key that it does not publish"
    Note "split-keys"
        "two members of a group may act on one thing at the same time"
    Error "syntax"
        "not valid YAML or TOML, or a part of them that is not supported"
    Error "too-deep"
        "nested deeper than 64 levels"
    Error "too-large"
        "more than 100000 values, aliases expanded"
    Note "unclaimed-type"
        "no source of the stream may claim a type that passes the filter"
    Error "unknown-api-key"
        "a source names an API key that is not there"
    Error "unknown-key"
        "a key that nobody reads"
    Error "unknown-kind"
        "no adapter of that kind in this binary"
    Warning "unknown-name"
        "a policy or role names what is not there; it may come later"
    Error "unknown-space"
        "no space of that name"
    Error "unknown-stream"
        "no stream of that name"
    Error "unknown-subscription"
        "no subscription of that name"
    Error "unknown-value"
        "none of the values that can be"
    Error "unreadable-file"
        "the configuration or a file that it refers to cannot be read"
    Warning "unused-allowance"
        "a finding is allowed that there is not"
    Warning "unused-key"
        "no place takes the API key"
    Warning "unused-policy"
        "policies that permit nobody anything"
    Warning "unused-role"
        "nobody who could come has the role"
    Warning "unused-schema"
        "no event is held against the schema"
    Note "unused-stream"
        "no source or route appends to the stream, and no subscription reads it"
    Warning "weak-durability"
        "accepted events may be lost"
    Note "wildcard-filter"
        "a subscription takes every event of a stream that several feed"
    Warning "wildcard-policy"
        "a policy leaves two of who, what and where open"
    Error "wrong-type"
        "a text where a number belongs, a list where a map belongs, and so on"
}
