//! What compiling the patterns of a schema may cost, all of them together.

use super::PATTERN_MAX;
use crate::InvalidSchema;
use regex_automata::nfa::thompson::NFA;
use regex_automata::util::syntax;
use std::collections::BTreeSet;

/// Most bytes that they may take as plain automata; the validator makes more of them.
const BYTES_MAX: usize = 1 << 20;
/// Most that reading them may cost: a byte of text is 1.
const WEIGHT_MAX: usize = 64 << 10;
/// What a class of Unicode costs, of hundreds of ranges.
const CLASS: usize = 512;
/// How many times as much where capitals are the same as small letters.
const FOLDED: usize = 16;

/// # Errors
/// They would take a time beyond bounds. What is no pattern at all is the validator's to refuse.
pub(super) fn bound(patterns: &BTreeSet<&str>) -> Result<(), InvalidSchema> {
    let weight = patterns
        .iter()
        .map(|pattern| weight(pattern))
        .sum::<usize>();
    if weight > WEIGHT_MAX {
        return Err(refusal());
    }
    let mut left = BYTES_MAX;
    for pattern in patterns {
        let Ok(read) = syntax::parse(&as_ecma(pattern)) else {
            continue;
        };
        let limit = NFA::config().nfa_size_limit(Some(PATTERN_MAX));
        let made = NFA::compiler().configure(limit).build_from_hir(&read);
        // What is too large by itself the validator refuses, unless it can do without an automaton.
        let size = made.map_or(PATTERN_MAX, |made| made.memory_usage());
        left = left.checked_sub(size).ok_or_else(refusal)?;
    }
    Ok(())
}

fn refusal() -> InvalidSchema {
    InvalidSchema::new("its patterns take too long to compile, all of them together").hint(
        "write shorter repetitions and fewer classes of Unicode: all patterns of a schema have 1 MiB when compiled",
    )
}

fn weight(pattern: &str) -> usize {
    let classes = pattern.matches("\\p").count() + pattern.matches("\\P").count();
    let flags = pattern.split("(?").skip(1);
    let mut flags = flags.filter_map(|rest| rest.split([')', ':', '-']).next());
    let folded = flags.any(|flags| flags.len() < 8 && flags.contains('i'));
    let class = if folded { CLASS * FOLDED } else { CLASS };
    pattern.len() + classes * class
}

/// Classes that have few members in ECMAScript, and many in Rust.
fn as_ecma(pattern: &str) -> String {
    pattern
        .replace("\\d", "[0-9]")
        .replace("\\w", "[0-9A-Za-z_]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_bounded(patterns: &[String]) -> bool {
        bound(&patterns.iter().map(String::as_str).collect()).is_ok()
    }

    #[test]
    fn usual_patterns_are_taken_by_the_hundred_and_large_ones_are_not() {
        let many = |count: usize, pattern: &str| -> Vec<String> {
            let numbered = |n| pattern.replace('@', &format!("{n}"));
            (0..count).map(numbered).collect()
        };
        for (patterns, taken) in [
            (many(200, "^[a-z0-9-]{1,20}@$"), true),
            (many(300, r"^\d{4}-\d{2}-\d{2}@$"), true),
            (many(100, r"^\w+@(\.\w+)*$"), true),
            (many(5, r"^\p{L}+@$"), true),
            (many(1, "(no pattern"), true),
            (many(1000, r"^\w{20}@$"), false),
            (many(60, r"\p{L}{2}@"), false),
            (many(1, r"(a{1,1000}){1,1000}@"), true),
            (many(5, r"(a{1,1000}){1,1000}@"), false),
            (many(1, &r"\p{L}".repeat(1000)), false),
            (many(1, &format!("(?i){}", r"\p{L}".repeat(9))), false),
        ] {
            assert_eq!(is_bounded(&patterns), taken, "{:.60}", patterns[0]);
        }
    }
}
