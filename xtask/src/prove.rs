//! What docs/guarantees.md links to.

mod engines;
mod fuzz;
mod install;
mod newcomer;

use crate::{clone, shell, tools};
use std::path::PathBuf;
use std::process::Command;

/// Each proof and what it shows.
const LIST: &str = "\
cargo xtask prove <name>

  formats                 CloudEvents format and binding conformance
  power [--images N]      simulated power loss: dropped, torn and reordered writes, also at every
                          call of a recovery (default 2000)
  io-faults [--seeds N]   every call of the disk fails once and for good: EIO, ENOSPC, short writes,
                          EINTR (default 8)
  corruption [--flips N]  single bits flip anywhere, files are cut off at every byte of their last
                          4 KiB (default 10000)
  cesql                   the CESQL test kit, case by case
  cel                     CEL: the specification's kit, where cel_spec is among the conformance data; random
                          expressions over random events
  filters                 random sets of filters: the index, each filter alone, its explanation and a
                          plain reading of the formula agree
  transforms              random and hostile transforms over random events: no panic, results valid,
                          work and output bounded
  signatures              published vectors of every signature scheme, and what must not pass for one
  provider-events         published payloads of each provider as the expected events, messages within
                          messages, and events in providers' envelopes and back
  simulate                every simulated delivery and handshake against a real gateway with a source of
                          each kind; every spoiled one is refused
  adapters [name]         every adapter against a real server: the shared conformance suite, restarts, failures
                          (memory, http, functions, aws-sqs and the others of AWS, kafka, amqp, mqtt,
                          nats, rabbitmq, redis; the last five over 20 restarts of their servers)
  translate [--filters N] generated filters of each dialect, translated and held against the original
                          over generated events (default 5000 of each)
  schedules               cron, rate and one-off schedules in simulated time: daylight saving, leap day,
                          clocks that are set, crashes at every call of the store around a firing
  engines                 the contract suite of stores on memory, the embedded engine and Kafka; and on Kafka, owners
                          that shut each other out, the engine above it, kills of the broker; the binary with a
                          stream there, alone, killed and drained, and two that share one (Java and Maven)
  cluster [--rounds N | --minutes N] [--restarts N]
                          nodes that share a stream of Kafka are killed, leave and come under load (default 20),
                          the broker is killed (default 3): losses, order, take-over (Java and Maven)
  framed                  records that Confluent's client for Python frames in Avro, Protobuf and JSON, by Apicurio's
                          registry and Kafka to a function: an outage of the registry, a kill, garbage (Java and Maven)
  upgrade                 what each earlier format wrote is read, what a later one wrote is refused
  fuzz [--minutes N] [--target T]
                          every parser that a stranger can reach, each under libFuzzer (default 10)
  hosts [NAME]            one handler binary on every host: the same scenarios, by AWS's interface emulator
                          and cargo-lambda where it is Lambda; bad requests
  install                 the Debian package on a throwaway machine under systemd: installed, served,
                          reloaded, upgraded, purged (root); lints of deploy/
  newcomer                from `cargo tradewind new` to an answered event, by the clock; a change, and one that
                          does not compile
  fresh-clone             what the README tells a newcomer, from a clone in a scratch folder
";

/// Those in simulated time, by the example program of the engine. `simulation --seed N` replays one
/// schedule step by step. Those that are also in the table below have another half there.
const IN_SIMULATED_TIME: &[(&str, &str)] = &[
    (
        "simulation",
        "seeded schedules of store and engine together (--seeds N, default 2000)",
    ),
    (
        "clocks",
        "wall clocks that jump, drift and step, also over a restart (--seeds N, default 20)",
    ),
    (
        "isolation",
        "black hole, poisoned key, flapping sink, poison event: nobody else's trouble",
    ),
    (
        "tenants",
        "one tenant of ten at a hundred times its share: the others' p99, refusals, losses",
    ),
    (
        "overload",
        "100,000 queued when the sink returns, retries, a redrive: never faster than allowed",
    ),
];

/// Those against the real binary, each also a line in the table of `xtask/prove/src/main.rs`; each
/// takes `--seed N`.
const AGAINST_BINARY: &[(&str, &str)] = &[
    (
        "kill",
        "kill -9 under load, restart, compare with an oracle outside (default 50 rounds)",
    ),
    (
        "disk-full",
        "a full disk, simulated and as a mounted ext4 (needs root): the gateway goes on by itself\n                          (--rounds N: seconds for which it is full, default 60)",
    ),
    ("drain", "SIGTERM under load, one sink a black hole"),
    (
        "reload",
        "configuration reloads under load, half of them invalid",
    ),
    (
        "isolation",
        "one of 100 targets misbehaves in every way; the others are timed",
    ),
    (
        "overload",
        "backlogs, retry storms, mass redrives, huge batches, too many publishers",
    ),
    (
        "routes",
        "request/reply: a table of exchanges over HTTP/1.1 and HTTP/2",
    ),
    (
        "backlog",
        "a million pending, parked retries, 1,000 subscriptions: memory, disk, restart\n                          (--events N, --subscriptions N; --ten-million for that alone)",
    ),
    (
        "backup",
        "backups under load to a folder and to S3, kill -9, restores elsewhere, damaged backups\n                          (default 8 rounds; --short: 2)",
    ),
    (
        "telemetry",
        "traces received over OTLP, metrics scraped by Prometheus, alert rules, the dashboard's queries",
    ),
    (
        "schemas",
        "the published JSON-Schema-Test-Suite, compatibility tables, hostile schemas and data; registrations with\n                          kill -9 in between; a registry that others wrote, read, changed and out (Java and Maven)",
    ),
    (
        "hostile",
        "35 attacks on every listener while good clients publish (--short: a few connections each)",
    ),
    (
        "authentication",
        "tokens of a real OpenID issuer, its keys rotated and out of reach, API keys, attacks\n                          (--short: fewer strangers, no restart in the outage)",
    ),
    (
        "audit",
        "operators act while the gateway is killed: every action has its line, no byte of them changes unseen,\n                          without room for a line nothing is done (default 40 rounds; --short: 4)",
    ),
    (
        "outbound",
        "who the gateway is to its targets: a real OAuth 2 issuer, Google and Entra in form, SigV4, mTLS, keys;\n                          rotated, refused, out of reach, not in the log (--short: a tenth of the events)",
    ),
    (
        "authorisation",
        "a matrix of principals, actions, streams and types; requests that two readers might read in two ways\n                          (--short: 400 of them, each twice)",
    ),
    (
        "secrets",
        "secrets of a form of their own at every place that can hold one: none in the log at TRACE, in answers, outputs,\n                          traces, metrics or files (--short: each place of the file spoilt in one way of nine)",
    ),
    (
        "ssrf",
        "strangers name a trap in every field and spelling, targets redirect to it, sinks lead to it: nobody\n                          comes; then the guard's own tests: special addresses, names that change their answer",
    ),
    (
        "tenants",
        "one tenant at a hundred times its share, the others are timed; each action of the admin API by\n                          a key of one space on its own and on another's (--short: 4 s, no times judged)",
    ),
    (
        "packages",
        "what `cargo tradewind package` makes of the example, for every host, handed to what others wrote: cfn-lint,\n                          MiniStack, umoci, Knative's models (--short: built without optimisation)",
    ),
    (
        "languages",
        "the handlers in Node, Python and Go of the guide, with the CloudEvents SDKs of those languages, behind the\n                          gateway: charged, set aside, tried again, replied",
    ),
    (
        "aws",
        "from a queue of SQS, a stream of Kinesis and a table's changes to another queue while the gateway is killed, on\n                          moto (--rounds N: 30); a server that is restarted; functions of Lambda that MiniStack runs",
    ),
    (
        "aws-migration",
        "from a function of Lambda to a portable handler by tenths and back: imported, looked on, compared,\n                          cut over while orders come in and the gateway is killed (--short: a tenth of the orders)",
    ),
    (
        "aws-permissions",
        "every AWS adapter at work before moto: what it calls is what `tradewind permissions` allows; linters of others",
    ),
];

fn list() -> String {
    let mut text = LIST.to_owned();
    let also = |(name, _): &&(&str, &str)| !is_in(IN_SIMULATED_TIME, name);
    for (name, what) in IN_SIMULATED_TIME
        .iter()
        .chain(AGAINST_BINARY.iter().filter(also))
    {
        text.push_str(&format!("  {name:<24}{what}\n"));
    }
    text
}

/// Runs one, or lists them.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let rest = args.get(1..).unwrap_or_default();
    match args.first().map(String::as_str) {
        None => {
            print!("{}", list());
            Ok(())
        }
        Some("formats") => formats(),
        Some(name @ ("power" | "io-faults" | "corruption")) => on_simulated_disk(name, rest),
        Some(name @ "disk-full") => {
            // Both halves are told, whatever the first one shows.
            let simulated = on_simulated_disk(name, &[]);
            against_binary(name, rest, true).and(simulated)
        }
        Some("cesql") => properties(
            ("cesql", "tradewind-filter"),
            &["cesql", "published"],
            "functions by registration, errors with their place, formula and evaluator agree",
        ),
        Some("cel") => properties(
            ("cel", "tradewind-filter"),
            &["cel::", "cel_kit::"],
            "failures with their place, work bounded, formula and evaluator agree",
        ),
        Some("filters") => properties(
            ("filters", "tradewind-filter"),
            &["index", "reference"],
            "2,000 random sets: index, single filters, explanations and a plain reading agree",
        ),
        Some("transforms") => properties(
            ("transforms", "tradewind-transform"),
            &["properties", "hostile"],
            "1,000 random transforms over random events and a table of hostile ones: no panic, results \
             valid, work and output bounded",
        ),
        Some("adapters") => adapters(rest),
        Some("signatures") => signatures(),
        Some(name @ "schemas") => {
            let suite = [("TRADEWIND_JSON_SCHEMA_SUITE", tools::json_schema_suite()?)];
            // Both halves are told, whatever the first one shows.
            let tables = by_test_with(name, "tradewind-schema", "", &suite);
            against_binary(name, rest, true).and(tables)
        }
        Some("provider-events") => by_test("provider-events", "tradewind-formats", ""),
        Some("simulate") => by_test("simulate", "tradewind-server", "simulate"),
        Some("translate") => translate(rest),
        Some("schedules") => schedules(),
        Some("engines") => engines::engines(),
        Some("cluster") => engines::cluster(rest),
        Some("framed") => engines::framed(),
        Some("upgrade") => upgrade(),
        Some("fuzz") => fuzz::run(rest),
        Some("install") => install::run(),
        Some("newcomer") => newcomer::run(),
        Some("hosts") => hosts(rest),
        Some(name @ "ssrf") => {
            // Both halves are told, whatever the first one shows.
            let guard = guard();
            against_binary(name, rest, true).and(guard)
        }
        Some("fresh-clone") => clone::run(),
        Some(name) if is_in(IN_SIMULATED_TIME, name) => {
            if !is_in(AGAINST_BINARY, name) {
                return simulated(name, rest);
            }
            // Both halves are told, whatever the first one shows.
            let simulated = simulated(name, &[]);
            against_binary(name, rest, true).and(simulated)
        }
        Some(name) if is_in(AGAINST_BINARY, name) => against_binary(name, rest, true),
        Some(other) => Err(format!("no proof `{other}`\n\n{}", list())),
    }
}

fn is_in(table: &[(&str, &str)], name: &str) -> bool {
    table.iter().any(|(known, _)| *known == name)
}

/// On the store's simulated disk.
fn on_simulated_disk(name: &str, args: &[String]) -> Result<(), String> {
    shell::run(
        shell::cargo()
            .args(["run", "--quiet", "--release", "--package=tradewind-store"])
            .args(["--features=testkit", "--example=prove", "--", name])
            .args(args),
    )
}

/// The engine's half of a proof, with clock, disk, randomness and sinks simulated.
fn simulated(name: &str, args: &[String]) -> Result<(), String> {
    shell::run(
        shell::cargo()
            .args(["run", "--quiet", "--release", "--package=tradewind-engine"])
            .args(["--features=testkit", "--example=spine", "--", name])
            .args(args),
    )
}

/// What proofs run, the example with all its workers: one set, so that a run of many proofs makes them once.
const PROGRAMS: &[&str] = &[
    "--package=orders",
    "--package=tradewind-prove",
    "--package=tradewind-server",
    "--features=orders/gateway,orders/kafka,orders/nats,orders/sqs",
];

/// Builds the gateway and the prover, and lets the prover loose on the binary.
pub(crate) fn against_binary(name: &str, args: &[String], release: bool) -> Result<(), String> {
    let profile = if release { "release" } else { "debug" };
    let mut build = shell::cargo();
    build.args(["build", "--quiet"]).args(PROGRAMS);
    if name == "packages" {
        build.arg("--package=cargo-tradewind");
    }
    if release {
        build.arg("--release");
    }
    shell::run(&mut build)?;
    let binaries = shell::target().join(profile);
    shell::run(
        Command::new(binaries.join("tradewind-prove"))
            .arg(name)
            .arg("--gateway")
            .arg(binaries.join("tradewind"))
            .args(args),
    )
}

/// The example of orders on every host, or one.
pub(crate) fn hosts(args: &[String]) -> Result<(), String> {
    let host = match args {
        [] => None,
        [name] => Some(format!("--host={name}")),
        _ => return Err("usage: cargo xtask prove hosts [NAME]".into()),
    };
    shell::run(shell::cargo().args(["build", "--quiet"]).args(PROGRAMS))?;
    let binaries = shell::target().join("debug");
    let mut prove = Command::new(binaries.join("tradewind-prove"));
    if let Some(jars) = tools::kafka()? {
        prove.env("TRADEWIND_KAFKA", jars);
    }
    for (broker, program) in tools::brokers() {
        prove.envs(program.map(|program| (broker.variable, program)));
    }
    shell::run(
        prove
            .args(["hosts", "--gateway"])
            .arg(binaries.join("tradewind"))
            .args(host),
    )
}

/// Fixtures of each format are read by the engine's tests; refusals are the store's.
fn upgrade() -> Result<(), String> {
    let mut passed = 0;
    let mut run = |package: &str, filter: &str| {
        shell::watch(
            shell::cargo().args(["test", "--quiet", "--package", package, "--", filter]),
            |line| {
                let figure = line.strip_prefix("test result: ok. ");
                let figure = figure.and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
                passed += figure.unwrap_or_default();
            },
        )
    };
    let read = run("tradewind-engine", "upgrade::format");
    let refused = run("tradewind-store", "later");
    let fixtures = std::fs::read_dir(shell::root().join("gateway/engine/tests/fixtures"));
    let formats = fixtures.map_or(0, Iterator::count);
    let line = format!(
        "upgrade: {formats} earlier or present format(s) read with events, cursors, retries and dead \
         letters, later ones refused: {passed} checks"
    );
    match read.and(refused) {
        Ok(()) if passed >= 5 && formats > 0 => {
            println!("{line}: holds");
            Ok(())
        }
        _ => Err(format!("{line}: falls short")),
    }
}

/// Tests of a crate, its properties with more cases than `cargo test` takes.
fn properties((name, package): (&str, &str), modules: &[&str], what: &str) -> Result<(), String> {
    let package = format!("--package={package}");
    let (mut kit, mut passed) = (None, 0);
    let ran = shell::watch(
        shell::cargo()
            .env("PROPTEST_CASES", "2000")
            .args(["test", "--quiet", &package, "--test=it"])
            .args(["--", "--nocapture", "--test-threads=1"])
            .args(modules),
        |line| {
            if let Some((_, figures)) = line.split_once(&format!("{name}: ")) {
                kit = Some(figures.to_owned());
            }
            let figure = line.strip_prefix("test result: ok. ");
            let figure = figure.and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
            passed += figure.unwrap_or_default();
        },
    );
    let kit = kit.map_or(String::new(), |kit| format!("{kit}; "));
    let line = format!("{name}: {kit}{what}; {passed} tests");
    // Without the kit there is no proof of it.
    match ran {
        Ok(()) if passed > 0 && (name != "cesql" || !kit.is_empty()) => {
            println!("{line}: holds");
            Ok(())
        }
        _ => Err(format!("{line}: falls short")),
    }
}

/// Verdicts of translations, by the tests of the filter crate.
fn translate(args: &[String]) -> Result<(), String> {
    let filters = match args {
        [] => "5000",
        [flag, count] if flag == "--filters" && count.parse::<u32>().is_ok() => count,
        _ => return Err("usage: cargo xtask prove translate [--filters N]".into()),
    };
    const VERDICTS: [&str; 3] = ["exact", "superset", "impossible"];
    let (mut origins, mut counts) = (0, [0; 3]);
    let ran = shell::watch(
        shell::cargo()
            .args(["test", "--quiet", "--release", "--package=tradewind-filter"])
            .args(["--test=it", "--", "translate::", "--nocapture"])
            .env("TRADEWIND_TRANSLATIONS", filters),
        |line| {
            let words: Vec<&str> = line.split([' ', ',', ':']).collect();
            let count = |verdict: &str| {
                let mut pairs = words.windows(2).filter(|pair| pair[1] == verdict);
                pairs.find_map(|pair| pair[0].parse::<u64>().ok())
            };
            let found = VERDICTS.map(count);
            origins += u32::from(found.iter().all(Option::is_some));
            for (all, one) in counts.iter_mut().zip(found) {
                *all += one.unwrap_or_default();
            }
        },
    );
    let [exact, superset, impossible] = counts;
    let line = format!(
        "translate: {filters} filters of each of {origins} origins to each dialect, over 30 events \
         each: {exact} exact, {superset} superset, {impossible} impossible"
    );
    match ran {
        Ok(()) if origins >= 8 => {
            println!("{line}: holds");
            Ok(())
        }
        _ => Err(format!("{line}: falls short")),
    }
}

/// Adapters by name, and their crates.
const ADAPTERS: &[(&str, &str)] = &[
    ("memory", "tradewind-memory"),
    ("http", "tradewind-http"),
    ("functions", "tradewind-functions"),
    ("aws-sqs", "tradewind-sqs"),
    ("aws-dynamodb-streams", "tradewind-dynamodb-streams"),
    ("aws-event-bridge", "tradewind-event-bridge"),
    ("aws-firehose", "tradewind-firehose"),
    ("aws-kinesis", "tradewind-kinesis"),
    ("aws-lambda", "tradewind-lambda"),
    ("aws-s3", "tradewind-s3"),
    ("aws-sns", "tradewind-sns"),
    ("aws-step-functions", "tradewind-step-functions"),
    ("kafka", "tradewind-kafka"),
    ("amqp", "tradewind-amqp"),
    ("mqtt", "tradewind-mqtt"),
    ("nats", "tradewind-nats"),
    ("rabbitmq", "tradewind-rabbitmq"),
    ("redis", "tradewind-redis"),
];

/// The tests of adapters; without a name of all of them.
fn adapters(args: &[String]) -> Result<(), String> {
    let wanted = |name: &str| args.is_empty() || args.iter().any(|arg| arg == name);
    let known = |arg: &String| is_in(ADAPTERS, arg);
    if let Some(unknown) = args.iter().find(|arg| !known(arg)) {
        return Err(format!("no adapter `{unknown}`\n\n{}", list()));
    }
    let mut figures = Vec::new();
    let mut well = true;
    for (name, package) in ADAPTERS.iter().filter(|(name, _)| wanted(name)) {
        let mut tests = shell::cargo();
        tests
            .args(["test", "--quiet", "--package", package, "--test=it"])
            .env("TRADEWIND_MOTO", tools::moto()?);
        if *name == "kafka" {
            // Tokens are shown over TLS only.
            tests.arg("--features=tls");
        }
        match tools::kafka()? {
            Some(jars) => drop(tests.env("TRADEWIND_KAFKA", jars)),
            None if *name == "kafka" => {
                figures.push("kafka: no Java or Maven here".into());
                well = false;
                continue;
            }
            None => {}
        }
        let mut absent = false;
        for (server, found) in tools::brokers() {
            match found {
                Some(program) => drop(tests.env(server.variable, program)),
                None => absent |= server.kinds.contains(name),
            }
        }
        if absent {
            figures.push(format!("{name}: no server here"));
            well = false;
            continue;
        }
        tests.env("TRADEWIND_RESTARTS", "20");
        let mut passed = 0;
        let ran = shell::watch(&mut tests, |line| {
            let counted = line.strip_prefix("test result: ok. ");
            let counted = counted.and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
            passed += counted.unwrap_or_default();
        });
        well &= ran.is_ok() && passed > 0;
        figures.push(format!("{name}: {passed} tests passed"));
    }
    let line = format!("adapters: {}", figures.join(", "));
    match well {
        true => {
            println!("{line}: holds");
            Ok(())
        }
        false => Err(format!("{line}: falls short")),
    }
}

/// Vectors and the table of negatives, by the tests of the crate of signatures.
fn signatures() -> Result<(), String> {
    let mut figures = Vec::new();
    let ran = shell::watch(
        shell::cargo()
            .args(["test", "--quiet", "--package=tradewind-signatures"])
            .args(["--package=tradewind-keys"])
            .args(["--test=it", "--", "--nocapture", "--test-threads=1"]),
        |line| {
            if let Some((_, figure)) = line.split_once("signatures: ") {
                figures.push(figure.to_owned());
            }
        },
    );
    let line = format!("signatures: {}", figures.join("; "));
    match ran {
        // Tokens, SNS, PayPal, certificates, and the table of schemes.
        Ok(()) if figures.len() == 5 => {
            println!("{line}: holds");
            Ok(())
        }
        _ => Err(format!("{line}: falls short")),
    }
}

/// The guard by itself, where addresses off this machine can be tried without sending anything there, and names can
/// change their answer.
fn guard() -> Result<(), String> {
    let mut passed = 0;
    let ran = shell::watch(
        shell::cargo()
            .args(["test", "--quiet", "--package=tradewind-http", "--"])
            .args(["guard::", "dial::", "egress::", "fetch::"]),
        |line| {
            let figure = line.strip_prefix("test result: ok. ");
            let figure = figure.and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
            passed += figure.unwrap_or_default();
        },
    );
    let line = format!(
        "ssrf: the guard, over every special address, spelling and answer of a resolver: {passed} tests"
    );
    match ran {
        Ok(()) if passed >= 20 => {
            println!("{line}: holds");
            Ok(())
        }
        _ => Err(format!("{line}: falls short")),
    }
}

/// What tests of a package print of themselves, behind the name.
fn by_test(name: &str, package: &str, filter: &str) -> Result<(), String> {
    by_test_with(name, package, filter, &[])
}

fn by_test_with(
    name: &str,
    package: &str,
    filter: &str,
    variables: &[(&str, PathBuf)],
) -> Result<(), String> {
    let mut figures = String::new();
    let mark = format!("{name}: ");
    let package = format!("--package={package}");
    let ran = shell::watch(
        shell::cargo()
            .args(["test", "--quiet", &package, "--test=it", "--"])
            .args(["--nocapture", "--test-threads=1"])
            .envs(variables.iter().cloned())
            .args(Some(filter).filter(|filter| !filter.is_empty())),
        |line| {
            if let Some(at) = line.find(&mark) {
                line[at..].clone_into(&mut figures);
            }
        },
    );
    match ran {
        Ok(()) if !figures.is_empty() => {
            println!("{figures}: holds");
            Ok(())
        }
        _ => Err(format!("{name}: {figures}: falls short")),
    }
}

/// The calendar by the tests of its crate, the rest by the simulation of the server.
fn schedules() -> Result<(), String> {
    let mut figures = String::new();
    let calendar =
        shell::run(shell::cargo().args(["test", "--quiet", "--package=tradewind-schedule"]));
    let simulated = shell::watch(
        shell::cargo()
            .env("TRADEWIND_PROVE", "1")
            .args([
                "test",
                "--quiet",
                "--package=tradewind-server",
                "--lib",
                "--",
            ])
            .args(["--nocapture", "each_firing_is_in_the_stream_exactly_once"]),
        |line| {
            if let Some(figure) = line.trim_start_matches('.').strip_prefix("schedules: ") {
                figure.clone_into(&mut figures);
            }
        },
    );
    match calendar.and(simulated) {
        Ok(()) if !figures.is_empty() => {
            println!("schedules: {figures}: holds");
            Ok(())
        }
        _ => Err(format!("schedules: {figures}: falls short")),
    }
}

fn formats() -> Result<(), String> {
    let mut figures = Vec::new();
    let ran = shell::watch(
        shell::cargo()
            .args([
                "test",
                "--quiet",
                "--package=tradewind-event",
                "--test=it",
                "--",
            ])
            .args([
                "--nocapture",
                "--test-threads=1",
                "conformance",
                "scenarios",
                "oracles",
            ]),
        |line| {
            // The harness puts its dots before what the tests print.
            let figure = line.trim_start_matches('.');
            if let Some((_, score)) = figure.rsplit_once(": ")
                && score
                    .split_once('/')
                    .is_some_and(|(got, of)| [got, of].iter().all(|n| n.parse::<u32>().is_ok()))
            {
                figures.push(figure.to_owned());
            }
        },
    );
    let line = format!("formats: {}", figures.join(", "));
    match ran {
        Ok(()) if !figures.is_empty() => {
            println!("{line}: holds");
            Ok(())
        }
        _ => Err(format!("{line}: falls short")),
    }
}
