//! `cargo xtask try`: the gateway with an example configuration and an example handler.

use crate::shell;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const STORY: &str = "examples/webhook-to-handler";
const STEPS: [(&str, &str); 2] = [
    ("a GitHub webhook, signed", "send-webhook.sh"),
    ("a CloudEvent", "send-event.sh"),
];

/// Ends its process when it goes out of scope.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Builds, starts and prints what to try; with `--once` tries it itself and stops.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let once = match args {
        [] => false,
        [flag] if flag == "--once" => true,
        other => {
            return Err(format!(
                "`cargo xtask try` takes --once or nothing, not {other:?}"
            ));
        }
    };
    shell::run(shell::cargo().args([
        "build",
        "--locked",
        "--package=tradewind-server",
        "--package=webhook-to-handler",
    ]))?;
    let root = shell::root();
    let target = shell::target();
    let gateway = target.join("debug/tradewind");
    let data = target.join("try-data");

    let _handler = start(
        Command::new(target.join("debug/webhook-to-handler"))
            .env("TRADEWIND_LISTEN", "127.0.0.1:8090"),
    )?;
    let mut serve = Command::new(&gateway);
    serve
        .args(["serve", "--config"])
        .arg(root.join(STORY).join("tradewind.yaml"));
    serve.arg("--data-dir").arg(&data);
    let mut serving = start(&mut serve)?;
    let status = |sub: &[&str]| {
        let mut command = Command::new(&gateway);
        command.args(sub).arg("--data-dir").arg(&data);
        command
    };
    wait(&mut || {
        status(&["subscriptions", "list"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    })?;

    if once {
        for (what, script) in STEPS {
            println!("--- {what}");
            let answer = shell::read(Command::new("sh").arg(script).current_dir(root.join(STORY)))?;
            println!("{answer}");
            let position = position(&answer)?;
            let journey = || shell::read(&mut status(&["explain", &position]));
            wait(&mut || journey().is_ok_and(|text| text.contains("delivered")))?;
            print!("{}", journey()?);
        }
        return Ok(());
    }

    println!(
        "\nThe gateway listens on 127.0.0.1:8080, the handler on 127.0.0.1:8090. In another terminal:\n"
    );
    for (what, script) in STEPS {
        let text =
            std::fs::read_to_string(root.join(STORY).join(script)).map_err(|e| e.to_string())?;
        let command: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        println!("# {what}\n(cd {STORY} && {})\n", command.join("\n").trim());
    }
    let shown = |path: &std::path::Path| {
        path.strip_prefix(&root)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    println!("# what happened to it? (the id or position from the answer)");
    println!(
        "{} explain --data-dir {} <id>\n",
        shown(&gateway),
        shown(&data)
    );
    println!("Ctrl-C stops both.");
    let status = serving.0.wait().map_err(|e| e.to_string())?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the gateway stopped: {status}"))
    }
}

fn start(command: &mut Command) -> Result<Running, String> {
    command
        .spawn()
        .map(Running)
        .map_err(|e| format!("{}: {e}", command.get_program().display()))
}

/// Asks until the answer is yes; gives up after half a minute.
fn wait(done: &mut dyn FnMut() -> bool) -> Result<(), String> {
    for _ in 0..300 {
        if done() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err("gave up waiting".into())
}

/// `stream@shard/offset` of the first event in an answer of the gateway.
pub(crate) fn position(answer: &str) -> Result<String, String> {
    let body = answer
        .lines()
        .find(|line| line.starts_with('{'))
        .unwrap_or(answer);
    let answer: serde_json::Value =
        serde_json::from_str(body).map_err(|e| format!("{e}: {answer}"))?;
    match (
        answer["stream"].as_str(),
        answer["events"][0]["position"].as_str(),
    ) {
        (Some(stream), Some(position)) => Ok(format!("{stream}@{position}")),
        _ => Err(format!("no position in {answer}")),
    }
}
