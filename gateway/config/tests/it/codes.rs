//! Every code has a page, every page a code, and both say the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tradewind_config::{CODES, codes};

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let files = std::fs::read_dir(pages()).unwrap();
    let files: BTreeSet<String> = files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    let named: BTreeSet<String> = CODES
        .iter()
        .map(|code| format!("{}.md", code.name))
        .collect();
    assert_eq!(files, named);
    assert!(CODES.is_sorted_by(|a, b| a.name < b.name));
    for code in CODES {
        let severity = format!("{:?}", code.severity);
        let head = format!("# {}\n\n{severity}: {}.\n\n", code.name, code.means);
        let rest = code.page.strip_prefix(&head);
        let rest = rest.unwrap_or_else(|| panic!("{} does not begin with\n{head}", code.name));
        let why = rest.split("\n## ").next().unwrap_or_default().trim();
        assert!(!why.is_empty(), "{} does not say why", code.name);
        assert!(rest.contains("\n## Fix\n"), "{} has no fix", code.name);
    }
}

#[test]
fn the_table_of_codes_is_that_of_the_code() {
    let path = pages().join("README.md");
    if std::env::var_os("TRADEWIND_UPDATE").is_some() {
        std::fs::write(&path, codes()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, codes(), "TRADEWIND_UPDATE=1 writes it anew");
}
