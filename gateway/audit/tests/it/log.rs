//! Writing, and going on after a crash.

use super::{DAY, NOON, entry, faults, filled, open, parts, small, whats};
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use tradewind_audit::{Entry, Log, Options, verify};

#[test]
fn lines_follow_each_other_over_files_and_starts() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("audit");
    filled(&dir, 9);
    let mut log = filled(&dir, 9);
    let first = log.append([entry("pause"), entry("resume")], NOON).unwrap();
    assert_eq!((first, log.head().seq), (19, 20));
    assert!(parts(&dir).len() > 2);
    let report = verify(&dir, None).unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.records, report.first), (20, Some(1)));
    assert_eq!(report.head, Some(log.head().to_string()));
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for part in parts(&dir) {
        assert_eq!(mode(&part), 0o600);
    }
}

#[test]
fn a_line_has_who_what_and_whose() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path());
    let detail = json!({ "position": "0/17" });
    let told = Entry {
        why: Some("orders are charged once".into()),
        of: Some(7),
        outcome: Some("200".into()),
        detail: Some(detail),
        ..entry("redrive")
    };
    log.append([told.clone()], NOON).unwrap();
    let mut records = Vec::new();
    tradewind_audit::read(dir.path(), |record| records.push(record)).unwrap();
    assert_eq!(records[0].entry, told);
    assert_eq!(
        (records[0].seq, records[0].at.as_str()),
        (1, "2026-11-02T12:00:00.000Z")
    );
}

#[test]
fn what_a_crash_leaves_is_no_fault() {
    for cut in [0, 1, 40, 200] {
        let dir = tempfile::tempdir().unwrap();
        let head = dir.path().join("head");
        let mut log = filled(dir.path(), 3);
        let before = std::fs::read(&head).unwrap();
        log.append([entry("purge"), entry("pause")], NOON).unwrap();
        drop(log);
        // `head` follows its lines; without a cut they are all there already.
        std::fs::write(&head, before).unwrap();
        let path = parts(dir.path()).pop().unwrap();
        let mut text = std::fs::read(&path).unwrap();
        text.truncate(text.len() - cut);
        std::fs::write(&path, text).unwrap();
        // Before the restart that mends it, too: it looks the same while a line is written.
        let report = verify(dir.path(), None).unwrap();
        assert!(report.holds(), "{cut}: {report:?}");
        assert_eq!(report.unfinished, cut > 0, "{cut}");
        let log = open(dir.path());
        assert!(verify(dir.path(), None).unwrap().holds(), "{cut}");
        let mended = whats(dir.path())
            .iter()
            .filter(|what| *what == "mended")
            .count();
        assert_eq!(mended, usize::from(cut > 0), "{cut}");
        assert!(log.head().seq >= 4);
    }
}

#[test]
fn an_unfinished_line_in_an_older_file_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 9);
    let path = &parts(dir.path())[0];
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"{").unwrap();
    assert_eq!(faults(dir.path()), ["its last line is not finished"]);
    assert!(!verify(dir.path(), None).unwrap().unfinished);
}

#[test]
fn a_crash_in_the_first_moment_leaves_a_new_log() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("head"), "").unwrap();
    open(dir.path()).append([entry("pause")], NOON).unwrap();
    assert_eq!(whats(dir.path()), ["pause"]);
    assert_eq!(faults(dir.path()), Vec::<String>::new());
}

#[test]
fn what_was_changed_stays_to_be_seen_and_the_log_goes_on() {
    type Spoil = fn(&std::path::Path);
    let cases: [(&str, Spoil); 5] = [
        ("last line changed", |dir| {
            let path = parts(dir).pop().unwrap();
            let mut text = std::fs::read(&path).unwrap();
            let at = text.len() - 100;
            text[at] ^= 1;
            std::fs::write(&path, text).unwrap();
        }),
        ("last file gone", |dir| {
            std::fs::remove_file(parts(dir).pop().unwrap()).unwrap()
        }),
        ("all files gone", |dir| {
            for part in parts(dir) {
                std::fs::remove_file(part).unwrap();
            }
        }),
        ("head gone", |dir| {
            std::fs::remove_file(dir.join("head")).unwrap()
        }),
        ("head of another log", |dir| {
            let other = format!("{:020}:{:064}\n", 3, 0);
            std::fs::write(dir.join("head"), other).unwrap();
        }),
    ];
    for (name, spoil) in cases {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), 9);
        let evidence = |kept: usize| -> Vec<Vec<u8>> {
            let parts = parts(dir.path());
            parts
                .iter()
                .take(kept)
                .map(|path| std::fs::read(path).unwrap())
                .collect()
        };
        spoil(dir.path());
        let kept = parts(dir.path()).len();
        let before = evidence(kept);
        let mut log = open(dir.path());
        log.append([entry("pause")], NOON).unwrap();
        assert_eq!(evidence(kept), before, "{name}");
        let whats = whats(dir.path());
        assert_eq!(whats[whats.len() - 2..], ["mended", "pause"], "{name}");
        if !name.starts_with("head") {
            assert_ne!(faults(dir.path()), Vec::<String>::new(), "{name}");
        }
        assert!(log.head().seq > 9, "{name}");
    }
}

#[test]
fn old_files_go_and_the_log_says_so() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 20);
    let all = parts(dir.path());
    let options = Options {
        keep: std::time::Duration::from_secs(24 * 3600),
        ..small()
    };
    let mut log = Log::open(dir.path(), options, NOON + 3 * DAY).unwrap();
    log.append([entry("pause")], NOON + 3 * DAY).unwrap();
    let left = parts(dir.path());
    assert_eq!(left[0], *all.last().unwrap());
    let report = verify(dir.path(), None).unwrap();
    assert!(report.holds(), "{report:?}");
    assert!(report.first > Some(1));
    // What goes without a word is missed.
    std::fs::remove_file(&left[0]).unwrap();
    assert!(!verify(dir.path(), None).unwrap().holds());
}

#[test]
fn a_long_detail_is_left_out_and_a_long_text_cut() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path());
    let long = Entry {
        why: Some("ä".repeat(50_000)),
        detail: Some(Value::from("x".repeat(1 << 20))),
        ..entry("configure")
    };
    log.append((0..200).map(|_| long.clone()), NOON).unwrap();
    let mut seen = 0;
    tradewind_audit::read(dir.path(), |record| {
        seen += 1;
        assert!(record.entry.why.unwrap().len() < 5000);
        assert_eq!(record.entry.detail.unwrap()["omitted-bytes"], (1 << 20) + 2);
    })
    .unwrap();
    assert_eq!(seen, 200);
    assert!(verify(dir.path(), None).unwrap().holds());
}

#[test]
fn what_could_not_be_read_back_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path());
    for depth in 120..=127 {
        let body = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deep = Entry {
            detail: serde_json::from_str(&format!("{{\"body\":{body}}}")).ok(),
            ..entry("pause")
        };
        log.append([deep], NOON).unwrap();
    }
    assert_eq!(faults(dir.path()), Vec::<String>::new());
    assert_eq!(whats(dir.path()).len(), 8);
}

#[test]
fn garbage_is_a_fault_and_takes_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 2);
    let path = parts(dir.path()).pop().unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(&vec![b'x'; 3 << 20]).unwrap();
    file.write_all(b"\n{}\n\n").unwrap();
    let report = verify(dir.path(), None).unwrap();
    assert!(report.fault_count > 2, "{report:?}");
}
