//! Requests that two readers might read in two ways.

/// A request, without its credential and id.
#[derive(Debug, Clone)]
pub(super) struct Trick {
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

const GOOD: &str = "com.acme.order.placed";
const BAD: &str = "com.acme.order.vault";
const PAYMENT: &str = "com.acme.payment.made";

/// Ways to write the path of a source, some of them of another one.
const PATHS: &[&str] = &[
    "/shop",
    "/pay",
    "/open",
    "/Shop",
    "/SHOP",
    "//shop",
    "/shop/",
    "/shop//",
    "/shop/.",
    "/shop/..",
    "/./shop",
    "/../shop",
    "/shop/../pay",
    "/pay/../shop",
    "/open/../pay",
    "/pay/..;/shop",
    "/%73hop",
    "/%70ay",
    "/sho%70",
    "/pay%2f..%2fshop",
    "/shop%2f",
    "/%2e/shop",
    "/pay/%2e%2e/shop",
    "/shop%00",
    "/pay%00/shop",
    "/shop;a=b",
    "/pay;/shop",
    "/shop?/pay",
    "/pay?path=/shop",
    "/shop?ce-type=public",
    "/open?x-api-key=none",
    "/shop%20",
    "/shop%09",
    "/shop\\",
    "\\shop",
    "/shop\\..\\pay",
    "http://127.0.0.1/pay",
    "http://shop/pay",
    "http://127.0.0.1//pay",
    "/shop#/pay",
    "/sh\u{f6}p",
    "/shop%c0%af",
    "/shop/%2e%2e/pay",
    "/.%2fshop",
    "*",
    "shop",
    "/ask",
    "//ask",
    "/ask/",
];

/// All of them.
pub(super) fn all() -> Vec<Trick> {
    let mut tricks = Vec::new();
    for path in PATHS {
        for (headers, body) in events() {
            tricks.push(Trick {
                path: (*path).to_owned(),
                headers,
                body,
            });
        }
    }
    tricks
}

type Written = (Vec<(String, String)>, String);

/// Ways to say what an event is; `ID` stands for an id of its own.
fn events() -> Vec<Written> {
    let mut all = Vec::new();
    let binary = |more: &[(&str, &str)]| -> Written {
        let fixed = [
            ("ce-specversion", "1.0"),
            ("ce-id", "ID"),
            ("ce-source", "/shop/1"),
        ];
        let headers = fixed
            .iter()
            .chain(more)
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        (headers.collect(), String::new())
    };
    for headers in [
        &[("ce-type", GOOD)][..],
        &[("ce-type", BAD)],
        &[("ce-type", PAYMENT), ("ce-subject", "s")],
        &[("ce-type", "public")],
        &[("ce-type", GOOD), ("ce-subject", "secret")],
        &[("ce-type", GOOD), ("ce-subject", "%73ecret")],
        &[
            ("ce-type", GOOD),
            ("ce-subject", "sec%72et"),
            ("ce-subject", "other"),
        ],
        &[("ce-type", GOOD), ("ce-type", BAD)],
        &[("ce-type", BAD), ("ce-type", GOOD)],
        &[("ce-type", "com.acme.order.placed, com.acme.order.vault")],
        &[("CE-TYPE", BAD)],
        &[("Ce-Type", GOOD), ("cE-tYPE", BAD)],
        &[("ce_type", GOOD), ("ce-type", BAD)],
        &[("ce-type", GOOD), ("ce_type", BAD)],
        &[("ce-type", "com.acme.order%2evault")],
        &[("ce-type", "com.acme.order.%76ault")],
        &[("ce-type", "com.acme.order.\"vault\"")],
        &[("ce-type", "\"com.acme.order.vault\"")],
        &[("ce-type", "COM.ACME.ORDER.PLACED")],
        &[("ce-type", " com.acme.order.vault ")],
        &[("ce-type", "com.acme.order.vault%20")],
        &[("ce-type", "com.acme.order.vault%00")],
        &[("ce-type", "com.acme.order.%EF%BD%96ault")],
        &[("ce-type", "tradewind.source.refused")],
        &[("ce-type", "Tradewind.x")],
        &[("ce-type", GOOD), ("ce-source", "/pay/1")],
        &[("ce-type", GOOD), ("ce-source", "/shop/../pay")],
        &[
            ("ce-type", GOOD),
            ("x-http-method-override", "PUT"),
            ("x-original-url", "/pay"),
            ("x-rewrite-url", "/pay"),
        ],
        &[("ce-type", BAD), ("deliver-after", "1s")],
        &[("ce-type", GOOD), ("deliver-after", "0s")],
        &[("ce-type", BAD), ("ce-deliverat", "2020-01-01T00:00:00Z")],
        &[
            ("ce-type", GOOD),
            ("ce-tradewindhops", "0"),
            ("ce-tradewindviolation", "none"),
            ("ce-tradewindprincipal", "operator"),
        ],
        &[
            ("ce-type", BAD),
            ("ce-tradewindprincipal", "operator"),
            ("ce-who", "operator"),
        ],
        &[("ce-type", BAD), ("content-type", "application/json")],
    ] {
        all.push(binary(headers));
    }
    let structured = |kind: &str, headers: &[(&str, &str)], body: &str| -> Written {
        let kind = [("content-type", kind)];
        let headers = kind
            .iter()
            .chain(headers)
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        (headers.collect(), body.to_owned())
    };
    let one = |members: &str| {
        format!(r#"{{"specversion":"1.0","id":"ID","source":"/shop/1",{members}}}"#)
    };
    let (good, bad) = (
        one(&format!(r#""type":"{GOOD}""#)),
        one(&format!(r#""type":"{BAD}""#)),
    );
    let event = "application/cloudevents+json";
    let batch = "application/cloudevents-batch+json";
    for body in [
        good.clone(),
        bad.clone(),
        one(&format!(r#""type":"{GOOD}","type":"{BAD}""#)),
        one(&format!(r#""type":"{BAD}","type":"{GOOD}""#)),
        one(&format!(r#""type":"{GOOD}","\u0074ype":"{BAD}""#)),
        one(&format!(r#""Type":"{GOOD}","type":"{BAD}""#)),
        one(&format!(r#""type":"{GOOD}","TYPE":"{BAD}""#)),
        one(r#""type":"com.acme.order.\u0076ault""#),
        one(r#""type":"com.acme.order.vault\u0000""#),
        one(&format!(r#""type":["{GOOD}","{BAD}"]"#)),
        one(&format!(r#""type":"{GOOD}","subject":"secret""#)),
        one(&format!(r#""type":"{GOOD}","subject":"\u0073ecret""#)),
        one(&format!(
            r#""type":"{GOOD}","subject":"a","subject":"secret""#
        )),
        one(&format!(r#""type":"{GOOD}","source":"/pay/1""#)),
        one(&format!(r#""type":"{BAD}","data":{{"type":"{GOOD}"}}"#)),
        one(&format!(r#""type":"{BAD}","deliverafter":"1s""#)),
        one(&format!(
            r#""type":"{GOOD}","tradewindviolation":"x","tradewindhops":0"#
        )),
        format!("\u{feff}{bad}"),
        format!("{good}{bad}"),
        format!("{bad}\n{good}"),
        format!("[{good}]"),
    ] {
        all.push(structured(event, &[], &body));
    }
    all.push(structured(
        event,
        &[
            ("ce-type", GOOD),
            ("ce-specversion", "1.0"),
            ("ce-id", "ID"),
            ("ce-source", "/shop/1"),
        ],
        &bad,
    ));
    all.push(structured(
        event,
        &[
            ("ce-type", BAD),
            ("ce-specversion", "1.0"),
            ("ce-id", "ID"),
            ("ce-source", "/shop/1"),
        ],
        &good,
    ));
    all.push(structured(
        "application/json",
        &[
            ("ce-type", BAD),
            ("ce-specversion", "1.0"),
            ("ce-id", "ID"),
            ("ce-source", "/shop/1"),
        ],
        &good,
    ));
    all.push(structured(
        "application/json",
        &[("content-type", event)],
        &bad,
    ));
    all.push(structured(
        "APPLICATION/CLOUDEVENTS+JSON; charset=utf-8",
        &[],
        &bad,
    ));
    all.push(structured(
        "application/cloudevents+json, application/json",
        &[],
        &bad,
    ));
    let second = bad.replace("ID", "ID-2");
    let third = good.replace("ID", "ID-3");
    for body in [
        format!("[{good},{third}]"),
        format!("[{good},{second}]"),
        format!("[{second},{good}]"),
        format!("[{good},{second},{third}]"),
        format!("[{good},[{second}]]"),
        format!("[{good}],[{second}]"),
        "[]".to_owned(),
    ] {
        all.push(structured(batch, &[], &body));
    }
    all.push(structured(event, &[], &format!("[{good},{second}]")));
    all
}
