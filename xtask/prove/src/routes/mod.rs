//! Request/reply routes through the real binary, a real function behind it: over HTTP/1.1 and
//! HTTP/2 on both sides.

mod access;
mod bodies;
mod browser;
mod events;
mod failures;
mod life;
mod passing;
mod upstream;
mod wire;

use crate::gateway::Gateway;
use crate::watch::Watch;
use crate::{Options, Proved};
use std::fmt::Write;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use wire::Version;

/// What a case is given.
pub(super) struct World {
    pub(super) gateway: Gateway,
    pub(super) function: SocketAddr,
    left: Mutex<upstream::Left>,
}

/// One side of the table: the protocol of the caller, and of the function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) caller: Version,
    /// First step of the paths that lead to the function over this protocol.
    pub(super) prefix: &'static str,
}

impl World {
    pub(super) fn address(&self) -> SocketAddr {
        self.gateway.address
    }

    /// Waits until the function has seen the end of a request to a path that ends so.
    pub(super) async fn gone(&self, path: &str) -> Result<(), String> {
        let mut left = self.left.lock().await;
        let waiting = async {
            while let Some(gone) = left.recv().await {
                if gone.ends_with(path) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting)
            .await
            .map_err(|_| format!("the function never saw the end of {path}"))
    }

    async fn metrics(&self) -> Result<String, String> {
        let socket = self.gateway.data().join("admin.sock");
        let ask = async {
            let mut stream = UnixStream::connect(socket).await?;
            let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            stream.write_all(request).await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            Ok::<_, std::io::Error>(text)
        };
        ask.await.map_err(|e| e.to_string())
    }

    /// The value of a metric.
    pub(super) async fn metric(&self, name: &str, labels: &[&str]) -> Result<f64, String> {
        let text = self.metrics().await?;
        let of = |line: &&str| {
            line.starts_with(&format!("{name}{{")) && labels.iter().all(|l| line.contains(l))
        };
        let values = text.lines().filter(of);
        Ok(values
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }
}

type Case = for<'a> fn(&'a World, Way) -> Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;

/// Puts cases in one list.
macro_rules! cases {
    ($($module:ident::$case:ident),* $(,)?) => {
        &[$((stringify!($case), |world, way| Box::pin($module::$case(world, way)))),*]
    };
}

const CASES: &[(&str, Case)] = cases![
    passing::the_request_arrives_as_it_was_sent,
    passing::every_status_comes_back,
    passing::methods_and_paths,
    passing::what_concerns_one_connection_ends_there,
    passing::the_most_specific_route_answers,
    passing::paths_that_climb_are_refused,
    bodies::both_bodies_stream_in_step,
    bodies::large_bodies_pass_and_memory_stays,
    bodies::bodies_above_the_cap_are_refused,
    failures::silence_is_answered_504,
    failures::a_caller_who_stops_sending_is_answered_408,
    failures::a_pause_cuts_the_answer_off,
    failures::a_function_that_breaks_off_is_no_clean_end,
    failures::nobody_there_is_answered_502,
    failures::a_caller_who_leaves_ends_the_exchange,
    failures::a_full_route_is_answered_503,
    failures::circles_are_answered_508,
    access::nobody_without_a_key,
    access::credentials_end_at_the_gateway,
    access::who_called_is_told_and_not_claimed,
    access::browsers_are_told_what_pages_may_do,
    events::the_event_describes_the_request,
    events::recorded_requests_are_durable_first,
];

/// Cases that take longer are named with their time.
const SLOW_MS: u64 = 2000;

const VERSIONS: [Version; 2] = [Version::One, Version::Two];
const PREFIXES: [&str; 2] = ["/1", "/2"];

/// Runs the table.
pub(crate) async fn run(options: &Options) -> Proved {
    let mut passed = 0;
    let began = Watch::default();
    let mut browser = "";
    let outcome = table(options, &mut passed, &mut browser).await;
    let figures = format!(
        "{passed} exchanges of {} cases over HTTP/1.1 and HTTP/2 on both sides, a reload and a drain with answers under way, {browser}, in {} s",
        CASES.len(),
        began.now_us() / 1_000_000,
    );
    outcome
        .map(|()| figures.clone())
        .map_err(|what| (figures, what))
}

async fn table(
    options: &Options,
    passed: &mut u32,
    browser: &mut &'static str,
) -> Result<(), String> {
    let (function, left) = upstream::start().await.map_err(|e| e.to_string())?;
    let gateway = Gateway::new(&options.gateway, "")?;
    gateway.configure(&config(function, gateway.address))?;
    let mut world = World {
        gateway,
        function,
        left: Mutex::new(left),
    };
    world.gateway.start().await?;
    let mut wrong = String::new();
    for (name, case) in CASES {
        for caller in VERSIONS {
            for prefix in PREFIXES {
                // One way over each protocol is the short form.
                if options.short && (caller == Version::Two) != (prefix == PREFIXES[1]) {
                    continue;
                }
                let way = Way { caller, prefix };
                let from = Watch::default();
                let ran = tokio::time::timeout(Duration::from_secs(60), case(&world, way)).await;
                let took = from.now_us() / 1000;
                if took > SLOW_MS {
                    println!("{name} {caller:?} {prefix}: {took} ms");
                }
                match ran.unwrap_or_else(|_| Err("does not end".into())) {
                    Ok(()) => *passed += 1,
                    Err(what) => writeln!(wrong, "{name} {way:?}: {what}").unwrap_or(()),
                }
            }
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    *browser = browser::pages_ask_first(&world).await?;
    life::a_reload_lets_answers_end(&world).await?;
    life::a_drain_lets_answers_end(&mut world).await
}

/// The address that is believed in what it says about callers.
pub(super) const PROXY: [u8; 4] = [127, 0, 0, 5];

/// SHA-256 of the key that may call.
pub(super) const KEY: &str = "tw_shop_000000000000000000000000000000000000000000000000";

/// Routes to the function over both protocols; the YAML that follows `subscriptions:`.
pub(super) fn config(function: SocketAddr, gateway: SocketAddr) -> String {
    use sha2::Digest;
    let digest = wire::hex(&sha2::Sha256::digest(KEY));
    let [a, b, c, d] = PROXY;
    let mut text = format!(
        "trusted-proxies: [{a}.{b}.{c}.{d}]\napi-keys:\n  shop: {{ sha256: \"{digest}\" }}\nroutes:\n"
    );
    let allow = "allow-private: [127.0.0.0/8]";
    for prefix in PREFIXES {
        let n = prefix.trim_start_matches('/');
        let two = n == "2";
        let sink = |address: SocketAddr, path: &str| {
            format!(
                "{{ kind: http, url: \"http://{address}{path}\", {allow}, http2-prior-knowledge: {two} }}"
            )
        };
        let proxy = |name: &str, methods: &str, more: &str| {
            format!(
                "  {name}-{n}: {{ path: \"{prefix}/{name}/{{*rest}}\", methods: [{methods}], mode: proxy, rewrite: \"/{{*rest}}\", {more}, sink: {} }}\n",
                sink(function, "")
            )
        };
        let open = "auth: none-i-understand";
        let all = "GET, POST, PUT, PATCH, DELETE";
        text += &proxy("p", all, &format!("{open}, max-body: 1MiB"));
        text += &proxy("large", all, &format!("{open}, max-body: 64MiB"));
        text += &proxy(
            "short",
            all,
            &format!("{open}, timeout: 400ms, idle-timeout: 400ms"),
        );
        text += &proxy("one", all, &format!("{open}, concurrency: 1"));
        text += &proxy("keys", all, "auth: { api-keys: [shop] }");
        text += &proxy(
            "told",
            all,
            "auth: { api-keys: [shop] }, forward: [authorization, cookie, x-forwarded-for]",
        );
        text += &proxy(
            "pages",
            "GET, PUT",
            "auth: { api-keys: [shop] }, cors: { origins: [\"https://app.example\", \"https://*.pages.example\", PAGE], headers: [content-type, x-api-key], expose: [x-function], credentials: true }",
        );
        text = text.replace("PAGE]", &format!("\"http://{function}\"]"));
        text += &proxy("kept", all, &format!("{open}, record: true"));
        text += &format!(
            "  event-{n}: {{ path: \"{prefix}/event/{{id}}/{{*rest}}\", methods: [GET, POST], {open}, sink: {} }}\n",
            sink(function, "/echo")
        );
        text += &format!(
            "  recorded-{n}: {{ path: \"{prefix}/recorded/{{id}}\", methods: [POST], {open}, record: true, sink: {} }}\n",
            sink(function, "/status/201")
        );
        for (name, path) in [
            ("any", "/users/{id}"),
            ("me", "/users/me"),
            ("files", "/users/{id}/files/{*file}"),
            ("rest", "/tree/{*rest}"),
            ("leaf", "/tree/leaf"),
        ] {
            text += &format!(
                "  {name}-{n}: {{ path: \"{prefix}{path}\", methods: [GET], mode: proxy, rewrite: /route/{name}, {open}, sink: {} }}\n",
                sink(function, "")
            );
        }
        // Nobody listens on port 1.
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        let gone = sink(nobody, "").replace(allow, &format!("{allow}, allow-ports: [1]"));
        text += &format!(
            "  nobody-{n}: {{ path: {prefix}/nobody, methods: [GET, POST], mode: proxy, {open}, sink: {gone} }}\n"
        );
        text += &format!(
            "  circle-{n}: {{ path: {prefix}/circle, methods: [GET], mode: proxy, {open}, sink: {} }}\n",
            sink(gateway, "")
        );
    }
    text
}
