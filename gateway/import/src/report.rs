//! What became of everything, for people and for programs.

use crate::variables::Variable;
use serde::Serialize;
use std::fmt::Write;

/// Whether what is delivered stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The same events reach the same target, in the same form.
    Exact,
    /// They reach it, and something is otherwise.
    Changed,
    /// They do not reach it.
    Impossible,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Changed => "changed",
            Self::Impossible => "impossible",
        }
    }
}

/// What a note says of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It cannot be had here.
    Impossible,
    /// It is otherwise here.
    Changed,
    /// It is not carried over, and what is delivered is the same without it.
    NotCarried,
    /// It says nothing here.
    NoMeaning,
    /// Worth knowing.
    Remark,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Impossible => "impossible",
            Self::Changed => "changed",
            Self::NotCarried => "not carried over",
            Self::NoMeaning => "without meaning here",
            Self::Remark => "remark",
        }
    }

    fn verdict(self) -> Verdict {
        match self {
            Self::Impossible => Verdict::Impossible,
            Self::Changed => Verdict::Changed,
            Self::NotCarried | Self::NoMeaning | Self::Remark => Verdict::Exact,
        }
    }
}

/// Something about a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it says.
    pub kind: Kind,
    /// The field; empty for the whole.
    pub field: String,
    /// In words.
    pub text: String,
}

/// A rule, a target of it, a schedule, or another object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What it is, such as `rule`.
    pub object: &'static str,
    /// Its name there.
    pub name: String,
    /// The file, with the line where one is known.
    pub place: String,
    /// What became of it; of a rule, the worst of its targets.
    pub verdict: Verdict,
    /// What it is here, such as `subscriptions.on-order`.
    pub becomes: Vec<String>,
    /// What there is to say.
    pub notes: Vec<Note>,
    /// Of a rule: its targets.
    pub targets: Vec<Item>,
}

impl Item {
    pub(crate) fn new(object: &'static str, name: impl Into<String>, place: String) -> Self {
        Self {
            object,
            name: name.into(),
            place,
            verdict: Verdict::Exact,
            becomes: Vec::new(),
            notes: Vec::new(),
            targets: Vec::new(),
        }
    }

    pub(crate) fn note(&mut self, kind: Kind, field: impl Into<String>, text: impl Into<String>) {
        let note = Note {
            kind,
            field: field.into(),
            text: text.into(),
        };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Whether nothing so far keeps it from being written.
    pub(crate) fn possible(&self) -> bool {
        self.notes.iter().all(|note| note.kind != Kind::Impossible)
    }

    pub(crate) fn judge(&mut self) {
        for target in &mut self.targets {
            target.judge();
        }
        let notes = self.notes.iter().map(|note| note.kind.verdict());
        let targets = self.targets.iter().map(|target| target.verdict);
        self.verdict = notes.chain(targets).max().unwrap_or(Verdict::Exact);
    }
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The same.
    pub exact: usize,
    /// With something otherwise.
    pub changed: usize,
    /// Not at all.
    pub impossible: usize,
}

impl Count {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Exact => self.exact += 1,
            Verdict::Changed => self.changed += 1,
            Verdict::Impossible => self.impossible += 1,
        }
    }

    fn told(self) -> String {
        let all = self.exact + self.changed + self.impossible;
        format!(
            "{all}: {} exact, {} changed, {} impossible",
            self.exact, self.changed, self.impossible
        )
    }
}

/// The report.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Rules, schedules, subscribers, and pipes, which are none of it but impossible.
    pub rules: Count,
    /// Their targets.
    pub targets: Count,
    /// Everything that was found.
    pub items: Vec<Item>,
    /// What must be set before the configuration can be used.
    pub variables: Vec<Variable>,
    /// What must be done besides.
    pub steps: Vec<String>,
    /// What was seen and is nothing of EventBridge, or of use here.
    pub passed_over: Vec<String>,
}

impl Report {
    pub(crate) fn judge(&mut self) {
        for item in &mut self.items {
            item.judge();
            if matches!(item.object, "rule" | "schedule" | "subscriber" | "pipe") {
                self.rules.add(item.verdict);
                for target in &item.targets {
                    self.targets.add(target.verdict);
                }
            }
        }
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let line = |out: &mut String, indent: usize, text: String| {
            writeln!(out, "{:indent$}{}", "", plain(&text)).ok();
        };
        line(
            &mut out,
            0,
            format!("rules, schedules and subscribers {}", self.rules.told()),
        );
        line(&mut out, 0, format!("targets {}", self.targets.told()));
        for item in &self.items {
            out.push('\n');
            each(item, 0, &mut |depth, item| {
                let becomes = match item.becomes.is_empty() {
                    true => String::new(),
                    false => format!(" -> {}", item.becomes.join(", ")),
                };
                let (verdict, place) = (item.verdict.word(), &item.place);
                let head = format!(
                    "{verdict:10} {} {} ({place}){becomes}",
                    item.object, item.name
                );
                line(&mut out, depth * 2, head);
                for note in &item.notes {
                    line(&mut out, depth * 2 + 11, told(note));
                }
            });
        }
        for (title, lines) in self.lists() {
            out.push('\n');
            line(&mut out, 0, title.into());
            for text in lines {
                line(&mut out, 2, text);
            }
        }
        out
    }

    /// For a review.
    pub fn markdown(&self) -> String {
        let mut out = String::from("# What became of the rules\n\n");
        writeln!(
            out,
            "Rules, schedules and subscribers {}. Targets {}.\n",
            self.rules.told(),
            self.targets.told()
        )
        .ok();
        out.push_str("| | from | becomes | what is to be said |\n|---|---|---|---|\n");
        for item in &self.items {
            each(item, 0, &mut |depth, item| {
                let notes: Vec<String> = item.notes.iter().map(told).collect();
                let indent = "↳ ".repeat(depth);
                writeln!(
                    out,
                    "| {} | {indent}{} `{}`<br>{} | {} | {} |",
                    item.verdict.word(),
                    item.object,
                    cell(&item.name),
                    cell(&item.place),
                    cell(&item.becomes.join(", ")),
                    notes
                        .iter()
                        .map(|note| cell(note))
                        .collect::<Vec<_>>()
                        .join("<br>"),
                )
                .ok();
            });
        }
        for (title, lines) in self.lists() {
            writeln!(out, "\n## {title}\n").ok();
            for text in lines {
                writeln!(out, "- {}", plain(&text)).ok();
            }
        }
        out
    }

    fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        let variable = |v: &Variable| match v.secret {
            true => format!("{}: {} (a secret)", v.name, v.about),
            false => format!("{}: {}, such as {}", v.name, v.about, v.example),
        };
        let mut lists = vec![
            ("To be set", self.variables.iter().map(variable).collect()),
            ("To be done", self.steps.clone()),
            ("Passed over", self.passed_over.clone()),
        ];
        lists.retain(|(_, lines): &(_, Vec<String>)| !lines.is_empty());
        lists
    }
}

fn each(item: &Item, depth: usize, with: &mut dyn FnMut(usize, &Item)) {
    with(depth, item);
    for target in &item.targets {
        each(target, depth + 1, with);
    }
}

fn told(note: &Note) -> String {
    match note.field.is_empty() {
        true => format!("{}: {}", note.kind.word(), note.text),
        false => format!("{}: `{}`: {}", note.kind.word(), note.field, note.text),
    }
}

fn cell(text: &str) -> String {
    plain(text).replace('|', "\\|")
}

/// What a file says, on one line and safe for a terminal: control characters are shown, not obeyed.
pub(crate) fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}
