//! The codes of findings.

/// Every code of an error or a warning, with what it means.
pub const CODES: [(&str, &str); 37] = [
    (
        "bad-name",
        "a name has other characters than `a-z`, `0-9` and `-`, or too many",
    ),
    (
        "bad-path",
        "a path cannot be served, or is the gateway's own",
    ),
    (
        "bad-reference",
        "a `${...}` that is none of the known forms",
    ),
    ("contradiction", "keys that cannot hold together"),
    (
        "duplicate-id",
        "two API keys have one id, or two versions of schemas one `dataschema`",
    ),
    ("duplicate-key", "a key stands twice in one map"),
    (
        "duplicate-path",
        "two sources or routes take the same requests",
    ),
    ("empty-file", "the configuration file holds nothing"),
    ("invalid-filter", "the filter does not compile"),
    (
        "invalid-policy",
        "policies that do not parse, or speak of what there is not",
    ),
    ("invalid-role", "a role that stands for no policy"),
    (
        "invalid-schema",
        "the schema does not compile, or breaks what it owes an earlier version",
    ),
    ("invalid-transform", "the transform does not compile"),
    ("invalid-value", "a value of the right type that cannot be"),
    (
        "literal-secret",
        "a secret is written out; it is masked wherever the file is shown",
    ),
    (
        "long-timeout",
        "the gateway would wait longer than the platform lets a function run",
    ),
    ("missing-key", "a required key is not there"),
    ("missing-variable", "an environment variable is not set"),
    (
        "no-authentication",
        "a source or route takes requests from everybody",
    ),
    ("no-effect", "a key that changes nothing here"),
    ("no-owner", "a subscription without `owner`"),
    ("no-policy", "nothing is permitted to anybody"),
    ("no-tls", "events leave the machine unencrypted"),
    (
        "reserved-stream",
        "only the gateway itself appends to that stream",
    ),
    (
        "syntax",
        "not valid YAML or TOML, or a part of them that is not supported",
    ),
    ("too-deep", "nested deeper than 64 levels"),
    ("too-large", "more than 100000 values, aliases expanded"),
    (
        "unknown-api-key",
        "a source names an API key that is not there",
    ),
    ("unknown-key", "a key that nobody reads"),
    ("unknown-kind", "no adapter of that kind in this binary"),
    (
        "unknown-name",
        "a policy or role names what is not there; it may come later",
    ),
    ("unknown-stream", "no stream of that name"),
    ("unknown-value", "none of the values that can be"),
    (
        "unreadable-file",
        "the configuration or a file that it refers to cannot be read",
    ),
    ("unused-schema", "no event is held against the schema"),
    ("weak-durability", "accepted events may be lost"),
    (
        "wrong-type",
        "a text where a number belongs, a list where a map belongs, and so on",
    ),
];
