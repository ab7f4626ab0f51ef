//! Servers that tests talk to, fetched once into the target folder.

use crate::shell;
use std::path::PathBuf;
use std::process::Command;

/// What the proofs ask for too; one installation serves both.
const MOTO: &str = "moto[s3,server]==5.*";

/// The services of AWS by moto.
pub(crate) fn moto() -> Result<PathBuf, String> {
    let folder = shell::target().join("tools/moto");
    let done = folder.join("installed");
    if !done.exists() {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        shell::run(
            Command::new(folder.join("bin/python")).args(["-m", "pip", "install", "--quiet", MOTO]),
        )?;
        std::fs::write(&done, MOTO).map_err(|e| e.to_string())?;
    }
    Ok(folder.join("bin/moto_server"))
}

/// Apache Kafka, as a folder of jars; `None` where this machine has no Java or Maven.
pub(crate) fn kafka() -> Result<Option<PathBuf>, String> {
    jars("kafka", ["org.apache.kafka", "kafka_2.13", "4.1.1"])
}

/// ElasticMQ, a server of SQS, as a folder of jars; `None` where this machine has no Java or Maven.
pub(crate) fn elasticmq() -> Result<Option<PathBuf>, String> {
    jars(
        "elasticmq",
        ["org.elasticmq", "elasticmq-server_2.13", "1.6.12"],
    )
}

/// A package of Maven Central with what it needs.
fn jars(name: &str, [group, artifact, version]: [&str; 3]) -> Result<Option<PathBuf>, String> {
    let there = |program: &str| {
        let asked = Command::new(program).arg("-version").output();
        asked.is_ok_and(|output| output.status.success())
    };
    if !there("java") || !there("mvn") {
        return Ok(None);
    }
    let folder = shell::target().join("tools").join(name);
    let jars = folder.join("jars");
    let done = folder.join("installed");
    if !done.exists() {
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let pom = folder.join("pom.xml");
        let text = format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>tradewind</groupId><artifactId>{name}</artifactId>\
             <version>1</version><dependencies><dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version></dependency></dependencies></project>"
        );
        std::fs::write(&pom, &text).map_err(|e| e.to_string())?;
        shell::run(
            Command::new("mvn")
                .args([
                    "--quiet",
                    "--batch-mode",
                    "dependency:copy-dependencies",
                    "--file",
                ])
                .arg(&pom)
                .arg(format!("-DoutputDirectory={}", jars.display())),
        )?;
        std::fs::write(&done, text).map_err(|e| e.to_string())?;
    }
    Ok(Some(jars))
}

/// A broker that tests start.
pub(crate) struct Broker {
    /// The kinds of adapters that are tested with it.
    pub(crate) kinds: &'static [&'static str],
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    /// Where tests look for it.
    pub(crate) variable: &'static str,
    /// The package of Debian that has it.
    package: &'static str,
}

const BROKERS: [Broker; 4] = [
    Broker {
        kinds: &["mqtt"],
        name: "Mosquitto",
        program: "mosquitto",
        variable: "TRADEWIND_MOSQUITTO",
        package: "mosquitto",
    },
    Broker {
        kinds: &["nats"],
        name: "NATS",
        program: "nats-server",
        variable: "TRADEWIND_NATS",
        package: "nats-server",
    },
    Broker {
        kinds: &["amqp", "rabbitmq"],
        name: "RabbitMQ",
        // The one in the path goes through `su`.
        program: "/usr/lib/rabbitmq/bin/rabbitmq-server",
        variable: "TRADEWIND_RABBITMQ",
        package: "rabbitmq-server",
    },
    Broker {
        kinds: &["redis"],
        name: "Redis",
        program: "redis-server",
        variable: "TRADEWIND_REDIS",
        package: "redis-server",
    },
];

/// The brokers whose programs are here; those that are not are installed where that can be done without asking.
pub(crate) fn brokers() -> Vec<(&'static Broker, Option<PathBuf>)> {
    let missing: Vec<&str> = BROKERS
        .iter()
        .filter(|broker| program(broker).is_none())
        .map(|broker| broker.package)
        .collect();
    if !missing.is_empty()
        && let Err(error) = install(&missing)
    {
        eprintln!("could not install {}: {error}", missing.join(", "));
    }
    BROKERS
        .iter()
        .map(|broker| (broker, program(broker)))
        .collect()
}

fn program(broker: &Broker) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(broker.variable) {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let mut found = folders.map(|folder| folder.join(broker.program));
    found.find(|program| program.is_file())
}

/// Debian's packages, without starting the services in them: tests start their own. Nothing where there is no `apt-get`
/// or not the right to use it.
fn install(packages: &[&str]) -> Result<(), String> {
    let me = shell::read(Command::new("id").arg("-u")).unwrap_or_default();
    let there = Command::new("apt-get").arg("--version").output().is_ok();
    if me.trim() != "0" || !there {
        return Ok(());
    }
    let apt = |args: &[&str]| {
        let mut apt = Command::new("apt-get");
        // In this run level no service starts with its package.
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1")
            .args(args);
        apt
    };
    shell::run(&mut apt(&["update", "--quiet=2"]))?;
    let options = ["install", "--quiet=2", "--yes", "--no-install-recommends"];
    shell::run(apt(&options).args(packages))
}

/// The source of a validator for Python, which has the published suite of JSON Schema within.
const SUITE: &str = "jsonschema==4.25.1";

/// Matchers for tests of SARIF, which have its published schema within.
const SARIF: &str = "@microsoft/jest-sarif@1.0.0-beta.0";

/// The schema of SARIF 2.1.0; `None` where this machine has no npm.
pub(crate) fn sarif_schema() -> Result<Option<PathBuf>, String> {
    let asked = Command::new("npm").arg("--version").output();
    if !asked.is_ok_and(|output| output.status.success()) {
        return Ok(None);
    }
    let folder = shell::target().join("tools/sarif");
    let schema = folder.join("package/lib/schemas/sarif-2.1.0-rtm.5.json");
    if !schema.is_file() {
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        shell::run(
            Command::new("npm")
                .args(["pack", "--silent", "--ignore-scripts", "--pack-destination"])
                .arg(&folder)
                .arg(SARIF),
        )?;
        shell::run(
            Command::new("tar")
                .args(["--extract", "--directory"])
                .arg(&folder)
                .arg("--file")
                .arg(folder.join("microsoft-jest-sarif-1.0.0-beta.0.tgz")),
        )?;
    }
    Ok(Some(schema))
}

/// The JSON-Schema-Test-Suite.
pub(crate) fn json_schema_suite() -> Result<PathBuf, String> {
    let folder = shell::target().join("tools/json-schema-suite");
    let suite = folder.join("json");
    if !suite.is_dir() {
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let from = ["--quiet", "--no-deps", "--no-binary=jsonschema", SUITE];
        shell::run(
            Command::new("python3")
                .args(["-m", "pip", "download", "--dest"])
                .arg(&folder)
                .args(from),
        )?;
        let archive = folder.join(format!("{}.tar.gz", SUITE.replace("==", "-")));
        shell::run(
            Command::new("tar")
                .args(["--extract", "--strip-components=1", "--directory"])
                .arg(&folder)
                .arg("--file")
                .arg(archive),
        )?;
    }
    Ok(suite)
}
