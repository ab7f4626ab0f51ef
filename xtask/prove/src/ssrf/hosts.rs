//! Spellings of this machine, and of addresses that pass for something else.

/// Each leads to this machine where somebody reads it leniently enough.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0X7F000001",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.1",
    "00000177.1",
    "127.0.0.0x1",
    "127.000.000.001",
    "127.0.0.1.",
    "6425673729",
    "0",
    "0x",
    "0.0.0.0",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:7F00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::1]",
    "[fe80::1%25lo]",
    "localhost",
    "LocalHost",
    "localhost.",
    "ip6-localhost",
    "sns.eu-west-1.amazonaws.com@127.0.0.1",
    "sns.eu-west-1.amazonaws.com:443@127.0.0.1",
    "api.paypal.com%40127.0.0.1",
    "127.0.0.1%2esns.eu-west-1.amazonaws.com",
    "127.0.0.1%00.api.paypal.com",
    "%31%32%37.0.0.1",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "127.0.0.1\\\\.api.paypal.com",
    "api.paypal.com\\\\@127.0.0.1",
    "api.paypal.com#@127.0.0.1",
    "127.0.0.1#.sns.eu-west-1.amazonaws.com",
    "127.0.0.1?.sns.eu-west-1.amazonaws.com",
];

/// Addresses at this port, by both schemes, and what only some readers take for one.
pub(super) fn urls(port: u16) -> Vec<String> {
    let host = rustix::system::uname();
    let own = host.nodename().to_string_lossy().into_owned();
    let hosts = HOSTS.iter().copied().chain([own.as_str()]);
    let mut urls: Vec<String> = hosts
        .flat_map(|host| ["https", "http"].map(|scheme| format!("{scheme}://{host}:{port}/x")))
        .collect();
    for odd in [
        "//127.0.0.1",
        "https:127.0.0.1",
        "https:///127.0.0.1",
        "HTTPS://127.0.0.1",
        "gopher://127.0.0.1",
        "ftp://127.0.0.1",
        "ldap://127.0.0.1",
        "dict://127.0.0.1",
        "ws://127.0.0.1",
        "jar:https://127.0.0.1",
        "url:https://127.0.0.1",
    ] {
        urls.push(format!("{odd}:{port}/x"));
    }
    urls
}
