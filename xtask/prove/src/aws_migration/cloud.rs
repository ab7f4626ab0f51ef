//! The set-up at AWS, in an emulator that really runs the function: a bus, a rule that fills a queue, the function.

use super::acts::Act;
use crate::ministack::MiniStack;
use crate::moto::Calls;
use crate::tools;
use serde_json::{Value, json};
use std::ops::Range;
use std::path::{Path, PathBuf};
use tokio::process::Command;

pub(super) struct Cloud {
    pub(super) queue: String,
    ledger: PathBuf,
    _folder: tempfile::TempDir,
    server: MiniStack,
}

/// The name that an event is about; several are about each.
pub(super) fn name_of(order: &str, names: usize) -> String {
    let number: usize = order
        .trim_start_matches("order-")
        .parse()
        .unwrap_or_default();
    format!("customer-{}", number % names)
}

impl Cloud {
    pub(super) async fn start(gateway: &Path, function: &Path) -> Result<Self, String> {
        let server = MiniStack::start(gateway).await?;
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut cloud = Self {
            queue: String::new(),
            ledger: folder.path().join("ledger"),
            _folder: folder,
            server,
        };
        cloud.make(function).await?;
        Ok(cloud)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    async fn make(&mut self, function: &Path) -> Result<(), String> {
        let program = "import base64,io,sys,zipfile\nb=io.BytesIO()\nwith zipfile.ZipFile(b,'w') as z: z.write(sys.argv[1],'charge.py')\nprint(base64.b64encode(b.getvalue()).decode(),end='')";
        let mut zip = Command::new(&self.server.python);
        let archive = tools::run(zip.args(["-c", program]).arg(function)).await?;
        let charge = json!({
            "FunctionName": "charge", "Runtime": "python3.11", "Handler": "charge.handler", "Timeout": 30,
            "Role": "arn:aws:iam::000000000000:role/charge", "Code": { "ZipFile": archive },
            "Environment": { "Variables": { "LEDGER": self.ledger.display().to_string() } },
        });
        self.server.create(&charge).await?;
        let made = self
            .sqs("CreateQueue", &json!({ "QueueName": "tradewind" }))
            .await?;
        self.queue = made["QueueUrl"]
            .as_str()
            .ok_or("no queue was made")?
            .to_owned();
        let arn = "arn:aws:sqs:us-east-1:000000000000:tradewind";
        self.events("CreateEventBus", &json!({ "Name": "shop" }))
            .await?;
        let pattern = json!({ "source": [{ "prefix": "" }] }).to_string();
        let rule = json!({ "Name": "tradewind", "EventBusName": "shop", "EventPattern": pattern });
        self.events("PutRule", &rule).await?;
        let targets = json!({
            "Rule": "tradewind", "EventBusName": "shop", "Targets": [{ "Id": "queue", "Arn": arn }],
        });
        self.events("PutTargets", &targets).await.map(drop)
    }

    /// Orders, ten in a request.
    pub(super) async fn put(&self, numbers: Range<usize>, names: usize) -> Result<(), String> {
        let all: Vec<usize> = numbers.collect();
        for some in all.chunks(10) {
            let entries: Vec<Value> = some
                .iter()
                .map(|n| {
                    let order = format!("order-{n}");
                    let detail = json!({
                        "id": order, "items": [{ "price": 5 + n % 7, "count": 1 + n % 3 }], "card": "tok_visa",
                    });
                    json!({
                        "EventBusName": "shop", "Source": "shop.web", "DetailType": "shop.order.placed",
                        "Resources": [name_of(&order, names)], "Detail": detail.to_string(),
                    })
                })
                .collect();
            let answer = self
                .events("PutEvents", &json!({ "Entries": entries }))
                .await?;
            if answer["FailedEntryCount"] != 0 {
                return Err(format!("the bus did not take all orders: {answer}"));
            }
        }
        Ok(())
    }

    /// Messages in the queue, those under way included.
    pub(super) async fn waiting(&self) -> Result<u64, String> {
        let asked = json!({ "QueueUrl": self.queue, "AttributeNames": ["All"] });
        let answer = self.sqs("GetQueueAttributes", &asked).await?;
        let count = |name: &str| {
            let text = answer["Attributes"][name].as_str();
            text.and_then(|text| text.parse::<u64>().ok())
                .unwrap_or_default()
        };
        Ok(count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesNotVisible"))
    }

    /// What the function did.
    pub(super) fn acts(&self) -> Result<Vec<Act>, String> {
        let ledger = std::fs::read_to_string(&self.ledger).unwrap_or_default();
        let mut acts: Vec<Act> = Vec::new();
        for line in ledger.lines() {
            let note: Value = serde_json::from_str(line).map_err(|e| format!("{line}: {e}"))?;
            let order = note["order"].as_str().unwrap_or_default();
            let at = note["at"].as_f64().unwrap_or_default();
            match note["what"].as_str() {
                Some("begin") => acts.push(Act {
                    order: order.to_owned(),
                    begin: at,
                    end: f64::INFINITY,
                }),
                _ => {
                    let mut open = acts.iter_mut().rev();
                    if let Some(act) = open.find(|act| act.order == order && act.end.is_infinite())
                    {
                        act.end = at;
                    }
                }
            }
        }
        Ok(acts)
    }

    async fn sqs(&self, action: &str, body: &Value) -> Result<Value, String> {
        self.server.sqs(action, body).await
    }

    async fn events(&self, action: &str, body: &Value) -> Result<Value, String> {
        let target = format!("AWSEvents.{action}");
        self.server.call("events", &target, body).await
    }
}
