//! Fuzz targets: every parser that a stranger can reach, each with an oracle of its own.
//!
//! A target is a plain function over bytes that panics where something does not hold. `cargo xtask
//! prove fuzz` runs them under libFuzzer; the tests of this crate run each over its corpus and a few
//! mutations of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a target panics where something does not hold"
)]

mod input;
mod oracle;
mod signing;
mod targets;

pub use targets::TARGETS;

/// One target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line, and of its folder in `corpus/`.
    pub name: &'static str,
    /// Tries one input.
    pub run: fn(&[u8]),
    /// Inputs made by code, for formats that are no text.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What a mutation may put in: words of the format.
    pub words: &'static [&'static str],
    /// Longest input in bytes.
    pub longest: usize,
    /// Most bytes that may be allocated at once, beside [`Target::growth`] for each byte of input.
    pub memory: u64,
    /// Most bytes allocated at once for each byte of input.
    pub growth: u64,
}

impl Target {
    /// Text in, small memory, no seeds but the corpus.
    const fn new(name: &'static str, run: fn(&[u8])) -> Self {
        Self {
            name,
            run,
            seeds: Vec::new,
            words: &[],
            longest: 4096,
            memory: 64 << 10,
            growth: 64,
        }
    }

    /// The target with this name.
    ///
    /// # Panics
    /// Where there is none: it is named at compile time.
    pub const fn named(name: &str) -> Self {
        let mut index = 0;
        while index < TARGETS.len() {
            if is(TARGETS[index].name, name) {
                return TARGETS[index];
            }
            index += 1;
        }
        panic!("no such target")
    }

    /// Tries one input, and asserts that memory stayed within bounds.
    pub fn judge(&self, input: &[u8]) {
        let used = allocation_counter::measure(|| (self.run)(input));
        let allowed = self.memory + self.growth * input.len() as u64;
        assert!(
            used.bytes_max <= allowed,
            "{} bytes of input took {} bytes of memory, {allowed} are allowed",
            input.len(),
            used.bytes_max
        );
    }

    /// The words as a dictionary of libFuzzer.
    pub fn dictionary(&self) -> String {
        let quoted = |word: &&str| {
            let escaped: String = word.bytes().map(|b| format!("\\x{b:02x}")).collect();
            format!("\"{escaped}\"\n")
        };
        // An empty file would be refused.
        let words: String = self.words.iter().map(quoted).collect();
        format!("# {}\n{words}", self.name)
    }
}

/// `==` for texts, at compile time.
const fn is(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

thread_local! {
    /// One thread, so that the same input does the same; time that moves when all wait.
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
}

/// Runs to the end.
fn wait<T>(what: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(what))
}
