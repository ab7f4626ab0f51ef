//! What `cargo tradewind package` makes, handed to what others wrote: a stack that MiniStack makes and runs, by the
//! commands that were printed; images that umoci unpacks; services by the models of Knative's own definitions.

mod arm;
mod azure;
mod openwhisk;

use crate::ministack::MiniStack;
use crate::{Options, Proved, tools};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::process::Command;

const TARGET: &str = "x86_64-unknown-linux-musl";
const LINTERS: &[&str] = &["cfn-lint==1.*", "awscli==1.*"];
const MODELS: &[&str] = &[
    "cloudcoil.models.knative_serving==1.17.*",
    "cloudcoil.models.knative_eventing==1.17.*",
];
/// What the example is said to be called by, beside what it says itself.
const TRIGGERS: [(&str, &str); 5] = [
    ("http", ""),
    ("queue", "orders"),
    ("topic", "orders"),
    ("stream", "orders"),
    ("timer", "nightly"),
];

/// Where everything lies.
struct Ground<'a> {
    options: &'a Options,
    folder: tempfile::TempDir,
    /// The example, built for every Linux.
    binary: PathBuf,
    /// What it declares, and the triggers of above.
    manifest: PathBuf,
}

pub(crate) async fn run(options: &Options) -> Proved {
    let mut shown = Vec::new();
    let outcome = every(options, &mut shown).await;
    let figures = shown.join("; ");
    outcome
        .map(|()| figures.clone())
        .map_err(|what| (figures, what))
}

async fn every(options: &Options, shown: &mut Vec<String>) -> Result<(), String> {
    let ground = ground(options).await?;
    shown.push(lambda(&ground).await?);
    shown.push(azure::run(&ground).await?);
    shown.push(images(&ground).await?);
    shown.push(openwhisk::run(&ground).await?);
    shown.push(services(&ground).await?);
    shown.push(schedules(&ground).await?);
    shown.push(refused(&ground).await?);
    shown.push(arm::run(&ground).await?);
    Ok(())
}

async fn ground(options: &Options) -> Result<Ground<'_>, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    tools::run(Command::new("rustup").args(["target", "add", TARGET])).await?;
    let first = folder.path().join("first");
    let mut ground = Ground {
        options,
        folder,
        binary: PathBuf::new(),
        manifest: PathBuf::new(),
    };
    // The first one is built as people build it.
    ground.build(&["--for", "container"], &first).await?;
    let built = match options.short {
        true => "debug",
        false => "release",
    };
    let target = options
        .gateway
        .ancestors()
        .nth(2)
        .ok_or("no target folder")?;
    let binary = target.join(TARGET).join(built).join("orders");
    let said = tools::run(Command::new(&binary).env("TRADEWIND_MANIFEST", "json")).await?;
    let mut manifest: Value = serde_json::from_str(&said).map_err(|e| format!("{e}: {said}"))?;
    let triggers = TRIGGERS.map(|(kind, name)| match (kind, name) {
        ("timer", name) => json!({ "kind": kind, "name": name, "schedule": "30 2 * * MON-FRI" }),
        (kind, "") => json!({ "kind": kind }),
        (kind, name) => json!({ "kind": kind, "name": name }),
    });
    manifest["handlers"][0]["replies_to"] = json!({ "kind": "queue", "name": "charged" });
    manifest["handlers"][0]["triggers"] = json!(triggers);
    manifest["handlers"][0]["types"] = json!(["shop.order.placed", "shop.return.*"]);
    manifest["settings"] = json!([{ "name": "BANK_KEY", "secret": true, "required": true }]);
    manifest["needs"] = json!([{ "access": "publish", "kind": "topic", "name": "charged" }]);
    let path = ground.folder.path().join("manifest.json");
    std::fs::write(&path, manifest.to_string()).map_err(|e| e.to_string())?;
    ground.binary = binary;
    ground.manifest = path;
    Ok(ground)
}

impl Ground<'_> {
    /// Builds the example, and packs it.
    async fn build(&self, arguments: &[&str], folder: &Path) -> Result<(), String> {
        let profile = match self.options.short {
            true => "dev",
            false => "release",
        };
        let mut command = Command::new(self.options.gateway.with_file_name("cargo-tradewind"));
        command
            .args(["package", "--package", "orders", "--profile", profile])
            // What a debugger would read only costs here.
            .envs([
                ("CARGO_PROFILE_DEV_DEBUG", "0"),
                ("CARGO_PROFILE_DEV_STRIP", "symbols"),
            ])
            .args(arguments)
            .arg("--out")
            .arg(folder);
        tools::run(&mut command).await.map(drop)
    }

    /// Packs the example for a host; gives the folder and the commands.
    async fn pack(&self, host: &str, more: &[&str]) -> Result<(PathBuf, Vec<String>), String> {
        let binary = self.binary.display().to_string();
        self.pack_as(host, host, &binary, more).await
    }

    /// The same of any binary, into a folder of this name.
    async fn pack_as(
        &self,
        name: &str,
        host: &str,
        binary: &str,
        more: &[&str],
    ) -> Result<(PathBuf, Vec<String>), String> {
        let folder = self.folder.path().join(name);
        let said = tools::run(
            Command::new(self.options.gateway.with_file_name("cargo-tradewind"))
                .args(["package", "--for", host, "--output", "json", "--out"])
                .arg(&folder)
                .args(["--binary", binary])
                .arg("--manifest")
                .arg(&self.manifest)
                .args(more),
        )
        .await?;
        let told: Value = serde_json::from_str(&said).map_err(|e| format!("{e}: {said}"))?;
        let commands = told["commands"].as_array().ok_or("no commands")?;
        let text = |command: &Value| command.as_str().map(str::to_owned);
        Ok((folder, commands.iter().filter_map(text).collect()))
    }

    fn gateway(&self) -> &Path {
        &self.options.gateway
    }
}

/// An order, to be charged to this card.
fn placed(card: &str) -> Value {
    json!({
        "specversion": "1.0", "id": card, "source": "/packages", "type": "shop.order.placed",
        "data": { "id": "17", "items": [{ "price": 5, "count": 2 }], "card": card },
    })
}

/// Another program unpacks the archive, modes included.
async fn unzip(archive: &Path, folder: &Path) -> Result<(), String> {
    const UNPACK: &str = "\
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for entry in archive.infolist():
        os.chmod(archive.extract(entry, sys.argv[2]), entry.external_attr >> 16)
";
    let mut python = Command::new("python3");
    python.args(["-c", UNPACK]).arg(archive).arg(folder);
    tools::run(&mut python).await.map(drop)
}

/// The commands as they were printed make a stack, and the function of it takes an order.
async fn lambda(ground: &Ground<'_>) -> Result<String, String> {
    let (folder, commands) = ground.pack("lambda", &[]).await?;
    let python = tools::python(ground.gateway(), "packages", LINTERS).await?;
    let template = folder.join("template.json");
    tools::run(Command::new(python.with_file_name("cfn-lint")).arg(&template)).await?;

    let server = MiniStack::start(ground.gateway()).await?;
    let tools_folder = python.parent().ok_or("a Python without a folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let aws = |command: &str| {
        let mut shell = Command::new("sh");
        shell
            .args(["-euc", command])
            .env("PATH", format!("{}:{path}", tools_folder.display()))
            .env("AWS_ENDPOINT_URL", format!("http://{}", server.address))
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("BUCKET", "packages")
            .env("BANK_KEY", "k");
        shell
    };
    for prepared in [
        "aws s3 mb s3://packages",
        "aws sqs create-queue --queue-name orders --endpoint-url \"$AWS_ENDPOINT_URL\"",
        "aws sns create-topic --name orders",
        "aws kinesis create-stream --stream-name orders --shard-count 1",
    ] {
        tools::run(&mut aws(prepared)).await?;
    }
    for command in &commands {
        tools::run(&mut aws(command)).await?;
    }
    let invoke = "/2015-03-31/functions/orders/invocations";
    let answer = server.post(invoke, &placed("tok_visa")).await?;
    let reply: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if reply["type"] != "shop.order.charged" || reply["data"]["total"] != 10 {
        return Err(format!("the function in the archive answers {reply}"));
    }
    let answer = server.post(invoke, &placed("tok_declined")).await?;
    if !answer.headers().contains_key("x-amz-function-error") {
        return Err("a rejected order is no failure of the function".into());
    }
    let rules = tools::run(&mut aws("aws events list-rules")).await?;
    if !rules.contains("cron(30 2 ? * 2-6 *)") {
        return Err(format!("the timer is no rule: {rules}"));
    }
    let mappings = tools::run(&mut aws(
        "aws lambda list-event-source-mappings --function-name orders",
    ))
    .await?;
    let reported = mappings.matches("ReportBatchItemFailures").count();
    match reported {
        2 => Ok("lambda: cfn-lint finds nothing, MiniStack makes the stack by the printed commands and runs the function".into()),
        _ => Err(format!("not every mapping reports single failures: {mappings}")),
    }
}

/// Another implementation unpacks the image, and what comes out is the program.
async fn images(ground: &Ground<'_>) -> Result<String, String> {
    let umoci = tools::debian(ground.gateway(), "umoci", "usr/bin/umoci").await?;
    let mut unpacked = Vec::new();
    for host in ["container", "openwhisk", "cloud-run", "knative"] {
        let (folder, _) = ground
            .pack(host, &["--image", "registry.example/orders:1"])
            .await?;
        let bundle = ground.folder.path().join(format!("bundle-{host}"));
        tools::run(
            Command::new(&umoci)
                .args(["unpack", "--rootless", "--image"])
                .arg(format!("{}:latest", folder.join("image").display()))
                .arg(&bundle),
        )
        .await?;
        let read =
            |path: &Path| std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
        let program = bundle.join("rootfs/orders");
        if read(&program)? != read(&ground.binary)? {
            return Err(format!("{host}: the image holds another program"));
        }
        let config = read(&bundle.join("config.json"))?;
        let config: Value = serde_json::from_slice(&config).map_err(|e| e.to_string())?;
        if config["process"]["args"] != json!(["/orders"]) || config["process"]["user"]["uid"] == 0
        {
            return Err(format!(
                "{host}: the image runs otherwise: {}",
                config["process"]
            ));
        }
        // What comes out of the image runs, with nothing else around it.
        tools::run(
            Command::new(&program)
                .env_clear()
                .env("TRADEWIND_MANIFEST", "json"),
        )
        .await?;
        unpacked.push(host);
    }
    Ok(format!(
        "images for {}: umoci unpacks them to the program",
        unpacked.join(", ")
    ))
}

/// Services and triggers as the models made of Knative's definitions read them.
async fn services(ground: &Ground<'_>) -> Result<String, String> {
    const READ: &str = "\
import sys, yaml
from cloudcoil.models.knative_serving.serving import v1 as serving
from cloudcoil.models.knative_eventing.eventing import v1 as eventing
from cloudcoil.models.knative_eventing.sources import v1 as sources
for path in sys.argv[1:]:
    for document in yaml.safe_load_all(open(path)):
        model = {'Service': serving.Service, 'Trigger': eventing.Trigger, 'PingSource': sources.PingSource}[document['kind']]
        read = model.model_validate(document).model_dump(by_alias=True, exclude_none=True, mode='json')
        def within(asked, found, at):
            if isinstance(asked, dict):
                for name, value in asked.items():
                    assert name in found, f'{path}: {at}.{name} is not known'
                    within(value, found[name], f'{at}.{name}')
            elif isinstance(asked, list):
                for nth, value in enumerate(asked):
                    within(value, found[nth], f'{at}[{nth}]')
        within(document, read, document['kind'])
";
    let python = tools::python(ground.gateway(), "knative-models", MODELS).await?;
    let folder = ground.folder.path();
    tools::run(
        Command::new(python)
            .args(["-c", READ])
            .arg(folder.join("cloud-run/service.yaml"))
            .arg(folder.join("knative/service.yaml"))
            .arg(folder.join("knative/trigger.yaml"))
            .arg(folder.join("knative/timers.yaml")),
    )
    .await?;
    Ok("services, triggers and timers: every member is one of Knative's".into())
}

/// The schedules beside a container are a configuration that a gateway takes.
async fn schedules(ground: &Ground<'_>) -> Result<String, String> {
    let config = ground.folder.path().join("container/gateway.yaml");
    tools::run(
        Command::new(ground.gateway())
            .args(["check", "--config"])
            .arg(&config)
            .env("HANDLER_URL", "https://orders.example/"),
    )
    .await?;
    Ok("container: a gateway takes the schedules of its timers".into())
}

/// What would fail at the first event is refused here.
async fn refused(ground: &Ground<'_>) -> Result<String, String> {
    let wrong: [(&str, &[&str], &str); 4] = [
        ("lambda", &["--timeout", "901"], "901 seconds"),
        ("lambda", &["--memory", "64"], "64 MiB"),
        ("azure", &["--arch", "aarch64"], "does not run on aarch64"),
        ("container", &["--name", "No name"], "invalid value"),
    ];
    for (host, arguments, why) in wrong {
        let said = ground.pack(host, arguments).await.err().unwrap_or_default();
        if !said.contains(why) {
            return Err(format!(
                "{host} {arguments:?} is not refused for `{why}`: {said}"
            ));
        }
    }
    Ok(format!("{} wrong wishes refused", wrong.len()))
}
