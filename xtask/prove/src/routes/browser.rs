//! A real browser, where there is one: what a page of another origin may do is decided by it.

use super::passing::same;
use super::{KEY, World};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

const NAMES: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
];

/// What the page asks for, and what it is to get: the answer with a header that `expose` names, or
/// nothing, since the browser asked first and was told no.
const WANTED: &str =
    "allowed 200 spoke, another header refused, another method refused, another route refused";

/// The page. It writes what became of each request into its body.
pub(super) const PAGE: &str = r#"<!doctype html><body>asking<script>
const query = new URLSearchParams(location.search), said = [];
async function ask(what, path, method, headers) {
  try {
    const answer = await fetch(query.get("gateway") + path, { method, headers });
    said.push(`${what} ${answer.status} ${answer.headers.get("x-function")}`);
  } catch { said.push(`${what} refused`); }
}
const key = { "x-api-key": query.get("key"), "content-type": "application/json" };
(async () => {
  await ask("allowed", "/1/pages/echo", "PUT", key);
  await ask("another header", "/1/pages/echo", "PUT", { ...key, "x-other": "1" });
  await ask("another method", "/1/pages/echo", "DELETE", key);
  await ask("another route", "/1/p/echo", "PUT", key);
  document.body.textContent = said.join(", ");
})();
</script>"#;

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut all = NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |at| at.join(name)));
    all.find(|path| path.is_file())
}

/// Has a browser load the page; what became of it, for the figures.
pub(super) async fn pages_ask_first(world: &World) -> Result<&'static str, String> {
    let Some(browser) = browser() else {
        println!("skipped: no Chromium in PATH; preflights were made by hand only");
        return Ok("no browser found");
    };
    let profile = tempfile::tempdir().map_err(|e| e.to_string())?;
    let page = format!(
        "http://{}/page?gateway=http://{}&key={KEY}",
        world.function,
        world.address()
    );
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        // Its clock stands still while requests are under way.
        .arg("--virtual-time-budget=10000")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(page)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(60), output)
        .await
        .map_err(|_| "the browser does not end")?
        .map_err(|e| e.to_string())?;
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    same!(
        page.contains(WANTED),
        true,
        "what the page was allowed: {page}"
    );
    Ok("preflights of a real browser")
}
