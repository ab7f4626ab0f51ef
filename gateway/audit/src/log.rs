//! Writing: one line after the other, each on the disk before it counts.

use crate::Error;
use crate::files::{self, Part};
use crate::head::{self, Head, HeadFile, hex};
use crate::record::{self, Entry, LINE_MAX, Record};
use jiff::Timestamp;
use rustix::fs::{FallocateFlags, fallocate};
use serde_json::json;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes from which on lines are written, however many there are to come.
const WRITE_MAX: usize = 256 << 10;

/// How the log is kept.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Size from which on a file is followed by another one.
    pub file_bytes: u64,
    /// Files are removed whose last line is older.
    pub keep: Duration,
    /// Disk that is taken ahead, so that an operator can act while the disk is full.
    pub ahead_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            file_bytes: 4 << 20,
            keep: Duration::from_secs(365 * 24 * 3600),
            ahead_bytes: 1 << 20,
        }
    }
}

/// The log, open for writing.
#[derive(Debug)]
pub struct Log {
    dir: PathBuf,
    options: Options,
    part: Part,
    file: File,
    /// Bytes of whole lines in the file.
    len: u64,
    /// Bytes of disk that the file has.
    taken: u64,
    /// The last write failed, and may have left something.
    spoiled: bool,
    head: Head,
    head_file: HeadFile,
}

/// What the end of a log looks like.
struct End {
    part: Part,
    len: u64,
    head: Head,
    /// What is not as it was left, in words.
    wrong: Option<String>,
}

impl Log {
    /// Opens the log in a directory of its own, and makes that where there is none.
    ///
    /// A line that a crash left unfinished is cut off, since nothing followed it. Where more is wrong a new file is
    /// begun, so that the evidence stays, and the first line of it says what.
    ///
    /// # Errors
    /// Where the disk does not let it be read or written.
    pub fn open(dir: &Path, options: Options, now_ms: u64) -> Result<Self, Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(Error::new("make", dir))?;
        let end = find_end(dir)?;
        let file = open(&end.part.path)?;
        let unfinished = file
            .metadata()
            .map_err(Error::new("read", &end.part.path))?
            .len()
            .saturating_sub(end.len);
        if unfinished > 0 {
            file.set_len(end.len)
                .map_err(Error::new("write", &end.part.path))?;
        }
        sync_dir(dir)?;
        let mut log = Self {
            head_file: HeadFile::open(dir)?,
            dir: dir.to_owned(),
            options,
            part: end.part,
            file,
            len: end.len,
            taken: end.len,
            spoiled: false,
            head: end.head,
        };
        let wrong = end.wrong.or_else(|| {
            (unfinished > 0)
                .then(|| format!("{unfinished} bytes of an unfinished line were cut off"))
        });
        if log.head == Head::default() {
            log.head_file
                .write(log.head)
                .map_err(Error::new("write", dir))?;
        }
        if let Some(wrong) = wrong {
            let mended = Entry {
                what: "mended".into(),
                by: "gateway".into(),
                detail: Some(json!({ "found": wrong })),
                ..Entry::default()
            };
            log.append([mended], now_ms)?;
        }
        log.trim(now_ms)?;
        Ok(log)
    }

    /// The last line.
    pub fn head(&self) -> Head {
        self.head
    }

    /// How long lines are kept from now on.
    pub fn keep(&mut self, keep: Duration) {
        self.options.keep = keep;
    }

    /// Adds lines; all of them are on the disk when it returns. Gives the number of the first.
    ///
    /// # Errors
    /// Where the disk does not take them.
    pub fn append(
        &mut self,
        entries: impl IntoIterator<Item = Entry>,
        now_ms: u64,
    ) -> Result<u64, Error> {
        if self.len >= self.options.file_bytes {
            self.turn(now_ms)?;
        }
        let first = self.head.seq + 1;
        let at = written(now_ms);
        let mut head = self.head;
        let mut lines = String::new();
        for entry in entries {
            let line;
            (line, head) = record::seal(entry, &at, head);
            lines.push_str(&line);
            if lines.len() >= WRITE_MAX {
                self.write(&lines, head)?;
                lines.clear();
            }
        }
        if !lines.is_empty() {
            self.write(&lines, head)?;
        }
        Ok(first)
    }

    fn write(&mut self, lines: &str, head: Head) -> Result<(), Error> {
        let end = self.len + lines.len() as u64;
        let written = self.put(lines, head);
        self.spoiled = written.is_err();
        written.map_err(Error::new("write", &self.part.path))?;
        (self.len, self.head) = (end, head);
        Ok(())
    }

    fn put(&mut self, lines: &str, head: Head) -> std::io::Result<()> {
        if self.spoiled {
            // What stands beyond the end was never told to anybody.
            self.file.set_len(self.len)?;
            self.taken = self.len;
        }
        self.take(self.len + lines.len() as u64);
        self.file.write_all_at(lines.as_bytes(), self.len)?;
        self.file.sync_data()?;
        self.head_file.write(head)
    }

    /// Takes disk beyond the end. That it has none to give is found when a line does not fit.
    fn take(&mut self, end: u64) {
        if end + self.options.ahead_bytes / 2 > self.taken {
            let taken = end + self.options.ahead_bytes;
            if fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, taken).is_ok() {
                self.taken = taken;
            }
        }
    }

    /// Goes on in a new file.
    fn turn(&mut self, now_ms: u64) -> Result<(), Error> {
        let part = Part::new(&self.dir, self.head.seq + 1);
        let file = open(&part.path)?;
        sync_dir(&self.dir)?;
        // What was taken ahead is given back; a failure costs disk only.
        self.file.set_len(self.len).ok();
        (self.part, self.file) = (part, file);
        (self.len, self.taken) = (0, 0);
        self.trim(now_ms)
    }

    /// Removes files that are older than the log is kept, and tells so first.
    fn trim(&mut self, now_ms: u64) -> Result<(), Error> {
        let parts = files::list(&self.dir)?;
        let oldest_ms = now_ms.saturating_sub(self.options.keep.as_millis() as u64);
        let mut gone = Vec::new();
        let mut before = None;
        for part in parts.into_iter().filter(|part| *part != self.part) {
            let Some((record, head)) = Tail::read(&part.path)?.last else {
                break;
            };
            let at: Option<Timestamp> = record.at.parse().ok();
            if at.is_none_or(|at| at.as_millisecond() >= oldest_ms as i64) {
                break;
            }
            before = Some(head);
            gone.push(part.path);
        }
        let Some(last) = before else { return Ok(()) };
        let trimmed = Entry {
            what: "trimmed".into(),
            by: "gateway".into(),
            detail: Some(json!({ "up-to": last.seq, "hash": hex(&last.hash) })),
            ..Entry::default()
        };
        let at = written(now_ms);
        let (line, head) = record::seal(trimmed, &at, self.head);
        self.write(&line, head)?;
        for path in gone {
            std::fs::remove_file(&path).map_err(Error::new("remove", &path))?;
        }
        sync_dir(&self.dir)
    }
}

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::new("open", path))
}

fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(Error::new("sync", dir))
}

fn written(now_ms: u64) -> String {
    let ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    format!("{at:.3}")
}

/// Where the log goes on.
fn find_end(dir: &Path) -> Result<End, Error> {
    let told = head::read(dir)?;
    let Some(part) = files::list(dir)?.pop() else {
        let (head, wrong) = match told {
            None => (Head::default(), None),
            Some(Ok(head)) if head == Head::default() => (head, None),
            // A crash in the first moment of its life.
            Some(Err(head::EMPTY)) => (Head::default(), None),
            Some(Ok(head)) => (
                head,
                Some(format!("no lines, where `head` tells of {head}")),
            ),
            Some(Err(why)) => (
                Head::default(),
                Some(format!("no lines, and `head`: {why}")),
            ),
        };
        return Ok(End {
            part: Part::new(dir, head.seq + 1),
            len: 0,
            head,
            wrong,
        });
    };
    let tail = Tail::read(&part.path)?;
    let last = match tail.links.last() {
        // A file that nothing came into after it was begun.
        None if tail.len == 0 => told
            .and_then(Result::ok)
            .filter(|head| head.seq + 1 == part.first),
        _ => tail.last.as_ref().map(|(_, head)| *head),
    };
    let wrong = match (last, told) {
        (None, _) => Some(format!("the last line of {} is not whole", part.name())),
        // Lines are on the disk before `head` tells of them.
        (Some(last), Some(Ok(told))) if last == told || tail.follows(told) => None,
        (Some(last), Some(Ok(told))) => {
            Some(format!("the last line is {last}, `head` tells of {told}"))
        }
        (Some(_), Some(Err(why))) => Some(format!("`head`: {why}")),
        (Some(_), None) => Some("`head` is missing".into()),
    };
    if let (Some(head), None) = (last, &wrong) {
        return Ok(End {
            part,
            len: tail.len,
            head,
            wrong,
        });
    }
    let known = tail.links.iter().map(|(head, _)| *head);
    let known = known.chain(told.and_then(Result::ok));
    let mut head = known.max_by_key(|head| head.seq).unwrap_or_default();
    // A number is never given twice, so that no file is written over.
    head.seq = head.seq.max(part.first);
    Ok(End {
        part: Part::new(dir, head.seq + 1),
        len: 0,
        head,
        wrong,
    })
}

/// The end of a file.
struct Tail {
    /// Bytes of its whole lines.
    len: u64,
    /// The last line, where that is whole and unchanged.
    last: Option<(Record, Head)>,
    /// Its last lines, as far as they are unchanged, each with the hash before it.
    links: Vec<(Head, String)>,
}

/// What is read of it: more than one write has.
const TAIL: u64 = (WRITE_MAX + 2 * LINE_MAX) as u64;

impl Tail {
    fn read(path: &Path) -> Result<Self, Error> {
        let read = || -> std::io::Result<(u64, Vec<u8>)> {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            let from = size.saturating_sub(TAIL);
            let mut bytes = vec![0; (size - from) as usize];
            file.read_exact_at(&mut bytes, from)?;
            Ok((from, bytes))
        };
        let (from, bytes) = read().map_err(Error::new("read", path))?;
        let mut tail = Self {
            len: from,
            last: None,
            links: Vec::new(),
        };
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n") else {
                break;
            };
            tail.len += line.len() as u64;
            tail.last = record::open(whole).ok();
            if let Some((record, head)) = &tail.last {
                tail.links.push((*head, record.previous.clone()));
            }
        }
        Ok(tail)
    }

    /// Whether the line that this is the head of is here, or right before what is here.
    fn follows(&self, told: Head) -> bool {
        self.links.iter().any(|(head, previous)| {
            *head == told || (head.seq == told.seq + 1 && *previous == hex(&told.hash))
        })
    }
}
