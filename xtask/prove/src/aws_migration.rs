//! From a function of Lambda to a portable handler and back, as examples/migrate-from-aws tells it: imported, looked on,
//! compared, cut over by tenths, gone back, while orders come in over EventBridge and the gateway is killed.

mod acts;
mod cloud;
mod portable;

use crate::gateway::{Gateway, balance};
use crate::{Options, Proved};
use acts::Act;
use cloud::Cloud;
use portable::Portable;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// Names of orders: each is a key, on which many events come.
const NAMES: usize = 40;
/// Seconds for which the queue hides what a gateway had that was killed. The story's own minute is not what is shown.
const HIDDEN: &str = "visibility-timeout: 5";
/// The longest wait for everything to be settled, in tenths of a second.
const PATIENCE: u32 = 1200;

#[derive(Default)]
struct Figures {
    sent: usize,
    by_function: usize,
    by_portable: usize,
    again: usize,
    kills: u32,
    compared: u64,
    handed_over: usize,
}

pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Figures::default();
    let outcome = story(options, &mut figures).await;
    let Figures {
        sent,
        by_function,
        by_portable,
        again,
        kills,
        compared,
        handed_over,
    } = figures;
    let told = format!(
        "{sent} orders over EventBridge and SQS, {compared} compared and found the same, {by_function} charged by the function \
         and {by_portable} by the portable handler ({again} again), {handed_over} times an order's name changed hands, \
         {kills} kills"
    );
    match outcome {
        Ok(()) => Ok(told),
        Err(what) => Err((told, what)),
    }
}

/// The story's folder.
fn example(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("examples/migrate-from-aws").join(file)
}

struct Story<'a> {
    options: &'a Options,
    cloud: Cloud,
    portable: Portable,
    gateway: Gateway,
    /// Orders in each round.
    round: usize,
    sent: usize,
}

async fn story(options: &Options, figures: &mut Figures) -> Result<(), String> {
    let cloud = Cloud::start(&options.gateway, &example("charge.py")).await?;
    let portable = Portable::start(&options.gateway).await?;
    let mut gateway = Gateway::new(&options.gateway, "")?;
    gateway.environment = vec![
        ("AWS_ENDPOINT_URL", cloud.url()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_ACCOUNT_ID", "000000000000".into()),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ("SHOP_BUS_QUEUE_URL", cloud.queue.clone()),
        ("PORTABLE_URL", portable.url()),
    ];
    let mut story = Story {
        options,
        cloud,
        portable,
        gateway,
        round: if options.short { 40 } else { 400 },
        sent: 0,
    };
    let outcome = story.told(figures).await;
    figures.sent = story.sent;
    outcome
}

impl Story<'_> {
    async fn told(&mut self, figures: &mut Figures) -> Result<(), String> {
        let round = self.round;
        // 1. As it is there, now through the gateway.
        let imported = self.imported().await?;
        self.put_in_force(&imported)?;
        self.gateway.start().await?;
        self.order(round).await?;
        self.settled().await?;

        // 2. The portable handler looks on.
        let beside = std::fs::read_to_string(example("beside.yaml")).map_err(|e| e.to_string())?;
        self.put_in_force(&beside)?;
        self.reload().await?;
        let begun = self.portable.acts().len();
        self.order(round).await?;
        self.settled().await?;
        figures.compared = self.compared().await?;
        if self.portable.acts().len() - begun != round {
            return Err("the shadow did not get each event once".into());
        }

        // 3. Side by side, and over by tenths while orders come in and the gateway is killed.
        let group = std::fs::read_to_string(example("group.yaml")).map_err(|e| e.to_string())?;
        self.put_in_force(&group)?;
        self.reload().await?;
        let (functions, portables) = (self.cloud.acts()?.len(), self.portable.acts().len());
        self.over().await?;
        self.settled().await?;
        let half = self.portable.acts().len() - portables;
        if half == 0 {
            return Err("the portable handler got nothing".into());
        }

        // 4. Back, over with what is pending, killed in between, and back.
        for way in [
            &["--back"][..],
            &["--to", "portable", "--percent", "50", "--pending"],
            &["--back"],
        ] {
            self.order(round / 4).await?;
            self.command("cutover", way).await?;
            self.order(round / 4).await?;
            self.gateway.kill().await?;
            figures.kills += 1;
            self.order(round / 4).await?;
            self.gateway.start().await?;
            self.settled().await?;
        }
        self.order(round).await?;
        self.settled().await?;

        let functions = self.cloud.acts()?.split_off(functions);
        let portables = self.portable.acts().split_off(portables);
        self.judged(&functions, &portables, figures).await
    }

    /// What `import` makes of the template, with the one line that is added before the first start.
    async fn imported(&self) -> Result<String, String> {
        let out = self.gateway.beside("imported.yaml");
        let mut call = tokio::process::Command::new(&self.options.gateway);
        call.args([
            "import",
            "event-bridge",
            "--owner",
            "shop",
            "--deny",
            "changed",
        ])
        .arg(example("template.yaml"))
        .arg("--out")
        .arg(&out);
        crate::tools::run(&mut call).await?;
        let text = std::fs::read_to_string(&out).map_err(|e| e.to_string())?;
        let ordered = text.replace("shop: {}", "shop: { order-by: subject }");
        match ordered != text {
            true => Ok(ordered),
            false => Err(format!("the import made no stream `shop`:\n{text}")),
        }
    }

    /// With where this gateway listens and keeps its data, and a queue that hides nothing for long.
    fn put_in_force(&self, text: &str) -> Result<(), String> {
        let kind = "    kind: aws-sqs\n    queue:";
        let hidden = text.replacen(kind, &format!("    {HIDDEN}\n{kind}"), 1);
        if hidden == text {
            return Err(format!("no source reads a queue:\n{text}"));
        }
        let head = format!(
            "listen: {}\ndata-dir: {}\nshutdown-grace: 5s\nlog: {{ level: error }}\n",
            self.gateway.address,
            self.gateway.data().display()
        );
        self.gateway.write(&(head + &hidden))
    }

    async fn reload(&self) -> Result<(), String> {
        let (status, answer) = self.gateway.admin("POST", "/v1/config/reload").await?;
        match status {
            200 => Ok(()),
            _ => Err(format!("the reload was answered {status}: {answer}")),
        }
    }

    async fn command(&self, what: &str, arguments: &[&str]) -> Result<(), String> {
        let mut all = vec![what, "order-placed"];
        all.extend(arguments);
        self.gateway.ask(&all).await.map(drop)
    }

    /// Puts orders on the bus.
    async fn order(&mut self, count: usize) -> Result<(), String> {
        let numbers = self.sent..self.sent + count;
        self.sent = numbers.end;
        self.cloud.put(numbers, NAMES).await
    }

    /// By the example's script, while orders come in.
    async fn over(&mut self) -> Result<(), String> {
        let mut script = tokio::process::Command::new("sh")
            .arg(example("cut-over.sh"))
            .args(["order-placed", "portable"])
            .env("TRADEWIND", &self.options.gateway)
            .env("TRADEWIND_DATA_DIR", self.gateway.data())
            .env("PAUSE", if self.options.short { "0.5" } else { "3" })
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| e.to_string())?;
        for _ in 0..10 {
            self.order(self.round / 5).await?;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let status = script.wait().await.map_err(|e| e.to_string())?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("cut-over.sh ended with {status}")),
        }
    }

    /// Waits until the queue is empty and everything that came is settled.
    async fn settled(&self) -> Result<(), String> {
        for _ in 0..PATIENCE {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let (_, listed) = self.gateway.admin("GET", "/v1/subscriptions").await?;
            let listed = listed.as_array().cloned().unwrap_or_default();
            let number = |view: &serde_json::Value, key: &str| view["account"][key].as_u64();
            let own = listed.iter().find(|view| view["name"] == "order-placed");
            let matched = own.and_then(|own| number(own, "matched")).unwrap_or(0);
            let rest = listed.iter().all(|view| number(view, "pending") == Some(0));
            if rest && matched >= self.sent as u64 && self.cloud.waiting().await? == 0 {
                return Ok(());
            }
        }
        let (_, listed) = self.gateway.admin("GET", "/v1/subscriptions").await?;
        Err(format!(
            "it does not come to rest: {} sent, {listed:.3000}",
            self.sent
        ))
    }

    async fn compared(&self) -> Result<u64, String> {
        let path = "/v1/subscriptions/order-placed/compare";
        let (_, counts) = self.gateway.admin("GET", path).await?;
        let same = counts["same"].as_u64().unwrap_or_default();
        if same == self.round as u64 && counts["agrees"] == true {
            return Ok(same);
        }
        let (_, examples) = self
            .gateway
            .admin("GET", &format!("{path}/examples"))
            .await?;
        Err(format!("the two do not agree: {counts} {examples:.3000}"))
    }

    /// Nothing was lost, nobody acted on one name beside somebody else, the accounts balance.
    async fn judged(
        &self,
        functions: &[Act],
        portables: &[Act],
        figures: &mut Figures,
    ) -> Result<(), String> {
        let names = |acts: &[Act]| {
            acts.iter()
                .map(|act| act.order.clone())
                .collect::<BTreeSet<_>>()
        };
        figures.by_function = names(functions).len();
        figures.by_portable = names(portables).len();
        let all: BTreeSet<String> = names(functions).union(&names(portables)).cloned().collect();
        figures.again = functions.len() + portables.len() - all.len();
        // The first two rounds were before the group.
        let missing: Vec<usize> = (2 * self.round..self.sent)
            .filter(|n| !all.contains(&format!("order-{n}")))
            .collect();
        if !missing.is_empty() {
            return Err(format!(
                "{} orders were charged by nobody: {missing:?}",
                missing.len()
            ));
        }
        let mut by_name: BTreeMap<String, Vec<(&Act, bool)>> = BTreeMap::new();
        let sides = functions.iter().map(|act| (act, false));
        for (act, side) in sides.chain(portables.iter().map(|act| (act, true))) {
            by_name
                .entry(cloud::name_of(&act.order, NAMES))
                .or_default()
                .push((act, side));
        }
        for (name, mut acts) in by_name {
            acts.sort_by(|(a, _), (b, _)| a.begin.total_cmp(&b.begin));
            // What each side was the last to end: a long act may have begun before several short ones. One that never
            // told its end is over when its side goes on with the name.
            let mut last: [Option<&Act>; 2] = [None, None];
            let mut before = None;
            for (act, side) in acts {
                figures.handed_over += usize::from(before.is_some_and(|before| before != side));
                before = Some(side);
                if let Some(other) = last[usize::from(!side)].filter(|o| act.begin < o.end) {
                    return Err(format!(
                        "both acted on {name} at once: {other:?} and {act:?}"
                    ));
                }
                let own = &mut last[usize::from(side)];
                if own.is_none_or(|own| own.end < act.end || own.end.is_infinite()) {
                    *own = Some(act);
                }
            }
        }
        if figures.by_function == 0 || figures.handed_over == 0 {
            return Err("the function got nothing beside the portable handler".into());
        }
        for (name, account) in self.gateway.accounts(&["order-placed"]).await? {
            balance(&name, &account)?;
            if name == "order-placed" && account["dead_lettered"] != 0 {
                return Err(format!("there are dead letters: {account}"));
            }
        }
        self.gateway.said_no_panic()
    }
}
