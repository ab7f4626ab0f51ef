//! How large and how deep policies may be, found before anything parses them: the parser and all that reads its
//! trees descend once for each operator.

use crate::{InvalidPolicy, TEXT_MAX};

/// Deepest nesting of brackets.
const DEPTH_MAX: usize = 32;
/// Most operators of one policy.
const OPERATORS_MAX: usize = 256;

/// Stack that the deepest policy within these bounds takes to be read or evaluated, with room to spare. A worker's own
/// is smaller, and how much of it is left depends on who asks: answers must not.
const STACK: usize = 32 << 20;

/// Runs what descends into policies.
pub(crate) fn deeply<T>(run: impl FnOnce() -> T) -> T {
    stacker::grow(STACK, run)
}

/// Where each policy of a text begins, in bytes.
pub(crate) fn check(text: &str) -> Result<Vec<usize>, InvalidPolicy> {
    if text.len() > TEXT_MAX {
        return Err(InvalidPolicy::whole(
            format!("the text has more than {} KiB", TEXT_MAX >> 10),
            "split it into several entries of `policies`, or take roles in place of long lists",
        ));
    }
    let mut scan = Scan::default();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                scan.begin(at);
                while let Some((_, c)) = chars.next() {
                    match c {
                        '\\' => drop(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '/' if chars.peek().is_some_and(|(_, next)| *next == '/') => {
                while chars.next().is_some_and(|(_, c)| c != '\n') {}
            }
            c if c.is_whitespace() => {}
            c => scan.take(at, c, &text[at..])?,
        }
    }
    Ok(scan.starts)
}

#[derive(Default)]
struct Scan {
    starts: Vec<usize>,
    /// Inside a policy.
    inside: bool,
    depth: usize,
    operators: usize,
}

impl Scan {
    fn begin(&mut self, at: usize) {
        if !self.inside {
            self.starts.push(at);
            self.inside = true;
            self.operators = 0;
        }
    }

    fn take(&mut self, at: usize, c: char, rest: &str) -> Result<(), InvalidPolicy> {
        self.begin(at);
        match c {
            '(' | '{' => self.depth += 1,
            '[' => {
                self.depth += 1;
                self.operators += 1;
            }
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            ';' if self.depth == 0 => self.inside = false,
            '!' | '.' | '+' | '-' | '*' => self.operators += 1,
            '&' | '|' | 'i' if ["&&", "||", "if"].iter().any(|op| rest.starts_with(op)) => {
                self.operators += 1;
            }
            _ => {}
        }
        let wrong = match (self.depth > DEPTH_MAX, self.operators > OPERATORS_MAX) {
            (true, _) => format!("brackets are nested deeper than {DEPTH_MAX} levels"),
            (_, true) => format!("the policy has more than {OPERATORS_MAX} operators"),
            _ => return Ok(()),
        };
        let hint = "write several policies: any of them may permit, any of them may forbid";
        Err(InvalidPolicy::at(at, wrong, hint))
    }
}
