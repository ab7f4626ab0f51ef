//! Bad configuration: each case with the exact text that an operator sees.
//!
//! The cases lie in `tests/cases/*.txt`. After a change of wording, `TRADEWIND_UPDATE=1 cargo test
//! -p tradewind-config` writes the new texts; read them before they are committed.

use crate::adapters::{fake, registry};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use tradewind_config::{CODES, Code, Diagnostics, load_str};

/// What may never be shown: what references stand for, and secrets written out.
const CANARIES: [&str; 6] = [
    "swordfish",
    "open-sesame",
    "hunter2",
    "loud-and-clear",
    "plain-secret",
    "7731",
];

struct Case {
    name: String,
    syntax: String,
    text: String,
    says: String,
}

fn parse(file: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut in_text = false;
    for line in file.lines() {
        if let Some(name) = line.strip_prefix("=== ") {
            let (syntax, text, says) = (String::new(), String::new(), String::new());
            cases.push(Case {
                name: name.into(),
                syntax,
                text,
                says,
            });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with its name");
        if let Some(syntax) = line.strip_prefix("--- ") {
            in_text = syntax != "says";
            if in_text {
                case.syntax = syntax.into();
            }
            continue;
        }
        let part = if in_text {
            &mut case.text
        } else {
            &mut case.says
        };
        // A tab cannot be seen, so that `<tab>` stands for one.
        part.push_str(&line.replace("<tab>", "\t"));
        part.push('\n');
    }
    cases
}

fn diagnostics(case: &Case) -> Diagnostics {
    let name = format!("gateway.{}", case.syntax);
    match load_str(&name, &case.text, &registry(), &fake()) {
        Ok(checked) => checked.warnings,
        Err(errors) => errors,
    }
}

#[test]
fn every_case_says_what_it_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let update = std::env::var_os("TRADEWIND_UPDATE").is_some();
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut count, mut wrong, mut seen) = (0, String::new(), BTreeSet::new());
    for path in files {
        let cases = parse(&std::fs::read_to_string(&path).unwrap());
        let mut written = String::new();
        for case in &cases {
            let found = diagnostics(case);
            let says = found.render_all(false) + "\n";
            let says = if found.is_empty() {
                "nothing\n".into()
            } else {
                says
            };
            for one in &found {
                let known = Code::named(one.code);
                let known = known.unwrap_or_else(|| panic!("{} is not among the codes", one.code));
                assert_eq!(known.severity, one.severity, "{}", one.code);
                seen.insert(one.code);
            }
            for text in [
                &says,
                &found.to_string(),
                &serde_json::to_string(&found).unwrap(),
            ] {
                for canary in CANARIES {
                    assert!(
                        !text.contains(canary),
                        "{}: {canary} leaked:\n{text}",
                        case.name
                    );
                }
            }
            if says.trim_end() != case.says.trim_end() {
                writeln!(
                    wrong,
                    "=== {}\n{}\n--- should say\n{}",
                    case.name, says, case.says
                )
                .unwrap();
            }
            let text = case.text.replace('\t', "<tab>");
            let says = says.replace('\t', "<tab>");
            write!(
                written,
                "=== {}\n--- {}\n{text}--- says\n{says}\n",
                case.name, case.syntax
            )
            .unwrap();
            count += 1;
        }
        if update {
            std::fs::write(&path, written.trim_end().to_string() + "\n").unwrap();
        }
    }
    assert!(update || wrong.is_empty(), "{wrong}");
    assert!(count >= 60, "only {count} cases");
    let unseen: Vec<_> = CODES
        .iter()
        // Told of files only, before their text is looked at.
        .map(|code| code.name)
        .filter(|code| !seen.contains(code) && *code != "empty-file")
        .collect();
    assert!(unseen.is_empty(), "no case shows {unseen:?}");
}
