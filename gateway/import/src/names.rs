//! Names of objects: of the letters that names may have, and each only once.

use std::collections::{BTreeMap, BTreeSet};

/// Longest name.
const LONGEST: usize = 63;
/// What a name keeps beside any number.
const STEM: usize = 50;

#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: BTreeSet<String>,
    /// Next number, by how the names begin that it is for.
    next: BTreeMap<String, usize>,
}

impl Names {
    /// A name that nothing else has, the same for the same order of questions.
    pub(crate) fn take(&mut self, wanted: &str) -> String {
        let plain = slug(wanted);
        if self.taken.insert(plain.clone()) {
            return plain;
        }
        let stem = plain[..plain.len().min(STEM)].to_owned();
        let number = self.next.entry(stem).or_insert(2);
        loop {
            let end = format!("-{number}");
            let room = plain.len().min(LONGEST - end.len());
            let name = format!("{}{end}", plain[..room].trim_end_matches('-'));
            *number += 1;
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// `OrderPlaced_v2` is `order-placed-v2`.
pub(crate) fn slug(text: &str) -> String {
    let mut out = String::new();
    let mut before_lower = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && before_lower {
                out.push('-');
            }
            before_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
            out.push(c.to_ascii_lowercase());
        } else {
            before_lower = false;
            if !out.ends_with('-') {
                out.push('-');
            }
        }
    }
    let out = out.trim_matches('-');
    let out = out[..out.len().min(LONGEST)].trim_end_matches('-');
    match out.is_empty() {
        true => "unnamed".into(),
        false => out.into(),
    }
}

/// `OrderQueue.Arn` is `ORDER_QUEUE_ARN`.
pub(crate) fn variable(text: &str) -> String {
    let name = slug(text).replace('-', "_").to_ascii_uppercase();
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_letters_that_names_may_have() {
        for (text, name) in [
            ("OrderPlaced_v2", "order-placed-v2"),
            ("aws.ec2/State Change", "aws-ec2-state-change"),
            ("--", "unnamed"),
            ("ü", "unnamed"),
            ("ABCThing", "abcthing"),
        ] {
            assert_eq!(slug(text), name);
        }
        assert_eq!(slug(&"x".repeat(100)).len(), 63);
        assert_eq!(variable("OrderQueue.Arn"), "ORDER_QUEUE_ARN");
    }

    #[test]
    fn each_name_is_given_once() {
        let mut names = Names::default();
        let long = "y".repeat(80);
        let all: Vec<String> = ["a", "A", "a", &long, &long]
            .iter()
            .map(|name| names.take(name))
            .collect();
        assert_eq!(all[..3], ["a", "a-2", "a-3"]);
        assert!(all[4].ends_with("y-2") && all[4].len() == 63);
        // Numbers go on: to begin again for each is a second for ten thousand, and hours for a file full of them.
        let many: BTreeSet<String> = (0..200_000).map(|_| names.take("b")).collect();
        assert_eq!(many.len(), 200_000);
    }
}
