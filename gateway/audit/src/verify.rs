//! Reading: every line is held against its hash and the line before it.

use crate::Error;
use crate::files::{self, Part};
use crate::head::{self, Head};
use crate::record::{self, LINE_MAX, Record};
use serde::Serialize;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Most faults that are told; the rest is counted.
const FAULTS_MAX: usize = 100;
/// How often files are listed at most.
const LISTS_MAX: u32 = 8;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line in it, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

/// What a log holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Files.
    pub files: u64,
    /// Whole lines.
    pub records: u64,
    /// Number of the first line that is there.
    pub first: Option<u64>,
    /// The last line, `SEQ:HASH`.
    pub head: Option<String>,
    /// Lines after the one that `head` tells of: a crash, or a gateway that writes just now.
    pub after_head: u64,
    /// The newest file ends within a line, which counts for nothing: a crash, or a gateway that writes just now.
    pub unfinished: bool,
    /// How many things are wrong.
    pub fault_count: u64,
    /// What is wrong, at most 100 of it.
    pub faults: Vec<Fault>,
}

impl Report {
    /// Whether every byte is as it was written, as far as the log and its head tell.
    pub fn holds(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, file: &str, line: u64, what: impl Into<String>) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault {
                file: file.into(),
                line,
                what: what.into(),
            });
        }
    }
}

/// Reads all lines, oldest first, without holding them against each other. Lines that are not whole are skipped.
///
/// # Errors
/// Where the disk does not let it be read.
pub fn read(dir: &Path, mut each: impl FnMut(Record)) -> Result<(), Error> {
    for part in files::list(dir)? {
        let read = lines(&part, |_, line| {
            if let Ok((record, _)) = line.and_then(record::open) {
                each(record);
            }
        });
        match read {
            Err(error) if error.is_gone() => {}
            read => {
                read?;
            }
        }
    }
    Ok(())
}

/// Holds every byte of the log against its hashes. `expected` is a head that was kept elsewhere: the log must
/// still hold that line.
///
/// # Errors
/// Where the disk does not let it be read.
pub fn verify(dir: &Path, expected: Option<Head>) -> Result<Report, Error> {
    verify_listed(dir, expected, files::list)
}

/// Anew where a file went after it was listed: a gateway that runs removes old ones.
fn verify_listed(
    dir: &Path,
    expected: Option<Head>,
    list: impl Fn(&Path) -> Result<Vec<Part>, Error>,
) -> Result<Report, Error> {
    for _ in 1..LISTS_MAX {
        match verify_once(dir, expected, &list) {
            Err(error) if error.is_gone() => {}
            read => return read,
        }
    }
    verify_once(dir, expected, &list)
}

fn verify_once(
    dir: &Path,
    expected: Option<Head>,
    list: impl Fn(&Path) -> Result<Vec<Part>, Error>,
) -> Result<Report, Error> {
    let mut report = Report::default();
    // Before the lines: a gateway that runs writes them first.
    let told = head::read(dir)?;
    let mut chain = Chain {
        expected,
        head: told.and_then(Result::ok),
        ..Chain::default()
    };
    let parts = list(dir)?;
    report.files = parts.len() as u64;
    for part in &parts {
        let name = part.name();
        // The first line says which number comes next, so that the name of the file counts too.
        let mut begun = false;
        let end = lines(part, |at, line| match line.and_then(record::open) {
            Ok((record, head)) => {
                if !begun && record.seq != part.first {
                    report.fault(
                        &name,
                        at,
                        format!(
                            "line {} in a file that begins with {}",
                            record.seq, part.first
                        ),
                    );
                }
                begun = true;
                chain.link(&mut report, (&name, at), &record, head);
            }
            Err(why) => {
                begun = true;
                chain.torn = true;
                report.fault(&name, at, why);
            }
        })?;
        match end {
            End::Whole => {}
            End::Unfinished if parts.last() == Some(part) => report.unfinished = true,
            End::Unfinished => report.fault(&name, 0, "its last line is not finished"),
        }
    }
    chain.close(told, &mut report);
    Ok(report)
}

/// What is known after a line.
#[derive(Default)]
struct Chain {
    expected: Option<Head>,
    found: bool,
    /// What `head` tells of, and whether that line is there.
    head: Option<Head>,
    told: bool,
    last: Option<Head>,
    first: Option<(Head, String)>,
    /// Where lines were removed, and what the log itself says of that.
    trimmed: Vec<(u64, String)>,
    /// The line before is not whole, so that the next cannot be held against it.
    torn: bool,
}

impl Chain {
    fn link(
        &mut self,
        report: &mut Report,
        (file, line): (&str, u64),
        record: &Record,
        head: Head,
    ) {
        report.records += 1;
        match self.last {
            // It was told of already.
            Some(_) if self.torn => {}
            Some(last) if record.seq != last.seq + 1 => {
                report.fault(
                    file,
                    line,
                    format!("line {} follows line {}", record.seq, last.seq),
                );
            }
            Some(last) if record.previous != head::hex(&last.hash) => {
                report.fault(
                    file,
                    line,
                    format!("it does not follow line {} as that is", last.seq),
                );
            }
            Some(_) => {}
            None => self.first = Some((head, record.previous.clone())),
        }
        self.torn = false;
        self.last = Some(head);
        self.found |= self.expected == Some(head);
        self.told |= self.head == Some(head);
        if record.entry.what == "trimmed"
            && let Some(detail) = &record.entry.detail
            && let (Some(seq), Some(hash)) = (detail["up-to"].as_u64(), detail["hash"].as_str())
        {
            self.trimmed.push((seq, hash.to_owned()));
        }
    }

    fn seq(&self) -> u64 {
        self.last.map_or(0, |head| head.seq)
    }

    fn close(mut self, told: Option<Result<Head, &'static str>>, report: &mut Report) {
        if let Some((first, previous)) = &self.first {
            report.first = Some(first.seq);
            let told = self
                .trimmed
                .iter()
                .any(|(seq, hash)| seq + 1 == first.seq && hash == previous);
            let begins = first.seq == 1 && *previous == head::hex(&[0; 32]);
            if !begins && !told {
                report.fault("", 0, format!("the lines before {} are missing", first.seq));
            }
        }
        report.head = self.last.map(|head| head.to_string());
        // Before the first line.
        self.told |=
            told == Some(Ok(Head::default())) && report.first.is_none_or(|first| first == 1);
        match (told, self.last) {
            (None, None) => {}
            (None, Some(_)) => report.fault(head::NAME, 0, "it is missing"),
            (Some(Err(why)), _) => report.fault(head::NAME, 1, why),
            // A crash may leave it behind the last line, never at a line that is not there.
            (Some(Ok(told)), _) if self.told => {
                report.after_head = self.seq().saturating_sub(told.seq)
            }
            (Some(Ok(told)), _) => {
                report.fault(
                    head::NAME,
                    1,
                    format!("it tells of {told}, which is no line here"),
                );
            }
        }
        if let Some(expected) = self.expected.filter(|_| !self.found) {
            report.fault(
                "",
                0,
                format!("the line {expected}, kept elsewhere, is not there"),
            );
        }
    }
}

/// How a file ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    Unfinished,
}

/// Gives each line of a file with its number.
fn lines(
    part: &Part,
    mut each: impl FnMut(u64, Result<&[u8], &'static str>),
) -> Result<End, Error> {
    let file = File::open(&part.path).map_err(Error::new("open", &part.path))?;
    let mut reader = BufReader::with_capacity(64 << 10, file);
    let mut line = Vec::new();
    let mut at = 0;
    loop {
        line.clear();
        let read = reader
            .by_ref()
            .take(LINE_MAX as u64)
            .read_until(b'\n', &mut line)
            .map_err(Error::new("read", &part.path))?;
        if read == 0 {
            return Ok(End::Whole);
        }
        at += 1;
        match line.pop() {
            Some(b'\n') => each(at, Ok(&line)),
            _ if read == LINE_MAX => each(at, Err("it is longer than any line")),
            _ => return Ok(End::Unfinished),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Entry, Log, Options};
    use std::cell::Cell;

    #[test]
    fn a_file_that_goes_after_it_was_listed_is_no_fault() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), Options::default(), 0).unwrap();
        log.append([Entry::default()], 0).unwrap();
        let lists = Cell::new(0);
        let stale = |times| {
            lists.set(0);
            let lists = &lists;
            move |dir: &Path| {
                let mut parts = files::list(dir)?;
                lists.set(lists.get() + 1);
                if lists.get() <= times {
                    parts.insert(0, Part::new(dir, 0));
                }
                Ok(parts)
            }
        };
        let report = verify_listed(dir.path(), None, stale(2)).unwrap();
        assert!(report.holds(), "{report:?}");
        assert_eq!((report.files, report.records, lists.get()), (1, 1, 3));
        // One that is listed and not there each time is told of.
        assert!(verify_listed(dir.path(), None, stale(u32::MAX)).is_err());
        assert_eq!(lists.get(), LISTS_MAX);
    }
}
