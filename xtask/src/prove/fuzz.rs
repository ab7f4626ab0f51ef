//! Every target of `fuzz/` under libFuzzer.
//!
//! Coverage comes from the compiler's own pass, so that stable Rust and a C++ compiler are all that is
//! needed.

use crate::shell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What libFuzzer reads of a program.
const COVERAGE: &str = "--cfg=fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Longest time for one input, in seconds, and most memory of one process, in MiB.
const INPUT_SECONDS: u32 = 10;
const MEMORY_MIB: u32 = 1024;

struct Job {
    target: String,
    binary: PathBuf,
}

/// What one target came to.
struct Figures {
    runs: u64,
    crashes: u64,
}

/// `--minutes N` for each target, `--target T` (again for more) for some of them only.
pub(super) fn run(args: &[String]) -> Result<(), String> {
    let (minutes, chosen) = options(args)?;
    let folder = shell::target().join("fuzz");
    let all = targets()?;
    if let Some(unknown) = chosen.iter().find(|name| !all.contains(name)) {
        return Err(format!(
            "no target `{unknown}`, there are: {}",
            all.join(", ")
        ));
    }
    let chosen = if chosen.is_empty() { all } else { chosen };
    let jobs = chosen
        .into_iter()
        .map(|target| build(&folder, target))
        .collect::<Result<Vec<_>, _>>()?;
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers.min(jobs.len()) {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let figures = fuzz(&folder, job, minutes);
                    found
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .push(figures);
                }
            });
        }
    });
    let found = found
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .into_iter()
        .collect::<Result<Vec<_>, String>>()?;
    let runs: u64 = found.iter().map(|figures| figures.runs).sum();
    let crashes: u64 = found.iter().map(|figures| figures.crashes).sum();
    let line = format!(
        "fuzz: {} targets, {minutes} min each, {} runs, {crashes} crashes",
        jobs.len(),
        grouped(runs)
    );
    if crashes == 0 && runs > 0 {
        println!("{line}: holds");
        Ok(())
    } else {
        Err(format!("{line}: falls short"))
    }
}

fn options(args: &[String]) -> Result<(f64, Vec<String>), String> {
    let (mut minutes, mut chosen) = (10.0, Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--minutes" => {
                minutes = value
                    .parse()
                    .ok()
                    .filter(|minutes: &f64| minutes.is_finite() && *minutes > 0.0)
                    .ok_or_else(|| format!("{value} is no number of minutes"))?;
            }
            "--target" => chosen.push(value.clone()),
            other => return Err(format!("`{other}`: there are --minutes N and --target T")),
        }
    }
    Ok((minutes, chosen))
}

fn targets() -> Result<Vec<String>, String> {
    let listed = shell::read(shell::cargo().args([
        "run",
        "--quiet",
        "--locked",
        "--package=tradewind-fuzz",
    ]))?;
    Ok(listed.lines().map(str::to_owned).collect())
}

/// One program per target: what a target does not reach is left out, and need not be counted.
fn build(folder: &Path, target: String) -> Result<Job, String> {
    let host = shell::read(Command::new("rustc").arg("--print=host-tuple"))?;
    let host = host.trim();
    shell::run(
        shell::cargo()
            .args(["build", "--quiet", "--locked", "--package=tradewind-fuzz"])
            // Naming the target keeps coverage out of build scripts and macros.
            .args(["--profile=fuzz", "--target", host, "--target-dir"])
            .arg(folder)
            .env("RUSTFLAGS", COVERAGE)
            .env("TRADEWIND_FUZZ_TARGET", &target),
    )?;
    let built = folder.join(host).join("fuzz/tradewind-fuzz");
    let binary = folder.join(format!("target-{target}"));
    fs::copy(&built, &binary).map_err(|e| format!("{}: {e}", built.display()))?;
    Ok(Job { target, binary })
}

fn fuzz(folder: &Path, job: &Job, minutes: f64) -> Result<Figures, String> {
    let Job { target, binary } = job;
    let made = |path: PathBuf| {
        fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok::<_, String>(path)
    };
    // What earlier runs found is where this one begins.
    let corpus = made(folder.join("corpus").join(target))?;
    let seeds = made(folder.join("seeds").join(target))?;
    let crashes = made(folder.join("crashes").join(target))?;
    let mut command = Command::new(binary);
    command
        .env("TRADEWIND_FUZZ_SEEDS", &seeds)
        .arg(format!("-max_total_time={}", (minutes * 60.0).ceil()))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .arg(format!("-artifact_prefix={}/", crashes.display()))
        .arg(format!("-dict={}", seeds.with_extension("dict").display()))
        .args(["-print_final_stats=1", "-verbosity=1"])
        .arg(&corpus)
        .arg(&seeds);
    let committed = shell::root().join("fuzz/corpus").join(target);
    command.args(Some(committed).filter(|path| path.is_dir()));
    let log = folder.join(format!("{target}.log"));
    let said = fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .status()
        .map_err(|e| format!("{}: {e}", binary.display()))?;
    // Panics may print any bytes.
    let said = fs::read(&log).map_err(|e| format!("{}: {e}", log.display()))?;
    let said = String::from_utf8_lossy(&said);
    let figure = |mark: &str| {
        let (_, after) = said.rsplit_once(mark)?;
        after.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    let runs = figure("stat::number_of_executed_units:").unwrap_or_default();
    let coverage = figure(" cov: ").unwrap_or_default();
    let line = format!(
        "{target}: {} runs, {} branches",
        grouped(runs),
        grouped(coverage)
    );
    if status.success() {
        println!("{line}");
        return Ok(Figures { runs, crashes: 0 });
    }
    println!(
        "{line}, stopped: see {} and {}",
        log.display(),
        crashes.display()
    );
    Ok(Figures { runs, crashes: 1 })
}

/// `1,234,567`
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
