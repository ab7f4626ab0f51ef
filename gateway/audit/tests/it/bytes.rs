//! No byte changes unseen.

use super::{NOON, entry, faults, filled, parts};
use proptest::prelude::*;
use std::path::Path;
use tradewind_audit::{Options, verify};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Each file of a log, and what is in it.
fn contents(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all = parts(dir);
    all.push(dir.join("head"));
    all.into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn every_byte_counts() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 3);
    assert_eq!(faults(dir.path()), Vec::<String>::new());
    for (path, content) in contents(dir.path()) {
        for at in 0..content.len() {
            let mut changed = content.clone();
            changed[at] ^= 1 << (at % 8);
            std::fs::write(&path, changed).unwrap();
            assert_ne!(faults(dir.path()), Vec::<String>::new(), "{path:?} {at}");
        }
        std::fs::write(&path, content).unwrap();
    }
}

#[test]
fn every_byte_that_is_missing_counts() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 3);
    for (path, content) in contents(dir.path()) {
        for at in 0..content.len() {
            std::fs::write(&path, &content[..at]).unwrap();
            assert_ne!(
                faults(dir.path()),
                Vec::<String>::new(),
                "{path:?} up to {at}"
            );
            let without = [&content[..at], &content[at + 1..]].concat();
            // One of several equal bytes in a row is as good as the other.
            std::fs::write(&path, without).unwrap();
            assert_ne!(
                faults(dir.path()),
                Vec::<String>::new(),
                "{path:?} without {at}"
            );
        }
        std::fs::remove_file(&path).unwrap();
        assert_ne!(faults(dir.path()), Vec::<String>::new(), "without {path:?}");
        std::fs::write(&path, content).unwrap();
    }
}

#[test]
fn a_head_kept_elsewhere_finds_a_log_that_was_cut_with_its_head() {
    let dir = tempfile::tempdir().unwrap();
    let early = tempfile::tempdir().unwrap();
    let mut log = filled(dir.path(), 3);
    copy(dir.path(), early.path());
    log.append([entry("purge")], NOON).unwrap();
    let kept = log.head();
    assert!(verify(dir.path(), Some(kept)).unwrap().holds());
    assert!(verify(early.path(), None).unwrap().holds());
    let report = verify(early.path(), Some(kept)).unwrap();
    assert_eq!(report.fault_count, 1, "{report:?}");
    assert_eq!(kept.to_string().parse(), Ok(kept));
}

proptest! {
    /// Lines that change places, come twice, or go.
    #[test]
    fn lines_keep_their_places(from in 0usize..6, to in 0usize..6, kind in 0u8..3) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = tradewind_audit::Log::open(dir.path(), Options::default(), NOON).unwrap();
        for n in 0..6 {
            log.append([entry(&format!("pause {n}"))], NOON).unwrap();
        }
        let path = parts(dir.path()).remove(0);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        match kind {
            0 => lines.swap(from, to),
            1 => lines.insert(to, lines[from]),
            _ => drop(lines.remove(from)),
        }
        let changed = lines.concat();
        prop_assume!(changed != text);
        std::fs::write(&path, changed).unwrap();
        prop_assert!(!verify(dir.path(), None).unwrap().holds());
    }
}
