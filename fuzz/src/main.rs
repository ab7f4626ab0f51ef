//! One target under libFuzzer, chosen when this is built: what the linker leaves out need not be
//! counted on every run.
//!
//! libFuzzer brings `main`, but only under `--cfg fuzzing`.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod fuzzing {
    use std::path::Path;
    use tradewind_fuzz::Target;

    const TARGET: Target = Target::named(env!("TRADEWIND_FUZZ_TARGET"));

    libfuzzer_sys::fuzz_target!(
        init: seed(),
        |input: &[u8]| TARGET.judge(input)
    );

    /// Before libFuzzer reads them: writes seeds and dictionary into the folder that is named.
    fn seed() {
        let Some(folder) = std::env::var_os("TRADEWIND_FUZZ_SEEDS") else {
            return;
        };
        let folder = Path::new(&folder);
        for (index, seed) in (TARGET.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{index:03}")), seed).ok();
        }
        std::fs::write(folder.with_extension("dict"), TARGET.dictionary()).ok();
    }
}

/// Lists the targets.
#[cfg(not(fuzzing))]
#[allow(clippy::print_stdout, reason = "a command-line program")]
fn main() {
    for target in tradewind_fuzz::TARGETS {
        println!("{}", target.name);
    }
}
