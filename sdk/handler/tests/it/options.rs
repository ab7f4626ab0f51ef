use std::time::Duration;
use tradewind::{InvalidOptions, Options};

fn read(variables: &[(&str, &str)]) -> Result<Options, InvalidOptions> {
    Options::from_variables(|name| {
        let (_, value) = variables.iter().find(|(n, _)| *n == name)?;
        Some((*value).to_owned())
    })
}

#[test]
fn it_listens_where_the_environment_says() {
    for (variables, address) in [
        (&[][..], "127.0.0.1:8080"),
        (&[("PORT", "")], "127.0.0.1:8080"),
        (&[("PORT", "9000")], "0.0.0.0:9000"),
        (&[("TRADEWIND_LISTEN", "[::1]:9")], "[::1]:9"),
        (
            &[("PORT", "9000"), ("TRADEWIND_LISTEN", "127.0.0.1:8090")],
            "127.0.0.1:8090",
        ),
    ] {
        assert_eq!(read(variables).unwrap().listen.to_string(), address);
    }
}

#[test]
fn the_rest_is_read_too() {
    let options = read(&[
        ("TRADEWIND_BODY_MAX", "2048"),
        ("TRADEWIND_TIMEOUT", "60"),
        ("TRADEWIND_CONCURRENCY", "4"),
        ("TRADEWIND_SOURCE", "/shop"),
        (
            "TRADEWIND_SIGNING_SECRET",
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        ),
    ])
    .unwrap();
    assert_eq!(options.body_max, 2048);
    assert_eq!(options.timeout, Duration::from_secs(60));
    assert_eq!(options.concurrency, 4);
    assert_eq!(options.source.as_deref(), Some("/shop"));
    let shown = format!("{options:?}");
    assert!(
        shown.contains("Secret(***)") && !shown.contains("11,"),
        "{shown}"
    );
}

#[test]
fn what_cannot_be_right_is_named_with_a_hint() {
    for (variable, value, message) in [
        (
            "PORT",
            "http",
            "PORT: `http` is no port; give a number from 0 to 65535",
        ),
        (
            "PORT",
            "65536",
            "PORT: `65536` is no port; give a number from 0 to 65535",
        ),
        (
            "TRADEWIND_LISTEN",
            "localhost",
            "TRADEWIND_LISTEN: `localhost` is no address with port, such as 127.0.0.1:8090",
        ),
        (
            "TRADEWIND_BODY_MAX",
            "1MiB",
            "TRADEWIND_BODY_MAX: `1MiB` is no number of bytes; give a whole number above 0",
        ),
        (
            "TRADEWIND_TIMEOUT",
            "0",
            "TRADEWIND_TIMEOUT: `0` is no number of seconds; give a whole number above 0",
        ),
        (
            "TRADEWIND_CONCURRENCY",
            "-1",
            "TRADEWIND_CONCURRENCY: `-1` is no number of requests; give a whole number above 0",
        ),
        (
            "TRADEWIND_SIGNING_SECRET",
            "",
            "TRADEWIND_SIGNING_SECRET: is empty, which would take everything; give a secret or \
             remove the variable",
        ),
        (
            "TRADEWIND_SIGNING_SECRET",
            "whsec_!",
            "TRADEWIND_SIGNING_SECRET: is not whsec_ followed by base64",
        ),
        (
            "TRADEWIND_SIGNING_SECRET",
            "whsec_c2hvcnQ=",
            "TRADEWIND_SIGNING_SECRET: decodes to fewer than 24 or more than 64 bytes",
        ),
    ] {
        assert_eq!(read(&[(variable, value)]).unwrap_err().to_string(), message);
    }
}
