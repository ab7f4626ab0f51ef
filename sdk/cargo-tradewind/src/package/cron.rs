//! When a timer is due: what a handler declares, in the words of each host.
//!
//! Hosts differ in their first day of the week, in what `*/n` may stand for, and in whether both days or either are
//! meant. So a declaration is read to the numbers that it names, and those are written anew.

use crate::failure::Failure;

/// Five fields as in crontab(5), in UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cron {
    /// One bit for each number.
    fields: [u64; 5],
}

struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Words for the numbers from the least one on.
    words: &'static [&'static str],
}

const DAY: usize = 2;
const WEEKDAY: usize = 4;

const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        least: 0,
        most: 59,
        words: &[],
    },
    Field {
        name: "hour",
        least: 0,
        most: 23,
        words: &[],
    },
    Field {
        name: "day of the month",
        least: 1,
        most: 31,
        words: &[],
    },
    Field {
        name: "month",
        least: 1,
        most: 12,
        words: &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
    },
    Field {
        name: "day of the week",
        least: 0,
        most: 6,
        words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    },
];

impl Cron {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let refused = |why: String| {
            Failure::new(format!("`{text}` is no time of a timer: {why}"))
                .hint("five fields as in crontab(5), in UTC: minute, hour, day of the month, month, day of the week")
        };
        let texts: Vec<_> = text.split_ascii_whitespace().collect();
        let texts: [&str; 5] = texts
            .try_into()
            .map_err(|texts: Vec<_>| refused(format!("it has {} fields", texts.len())))?;
        let mut fields = [0; 5];
        for ((set, field), text) in fields.iter_mut().zip(&FIELDS).zip(texts) {
            for item in text.split(',') {
                *set |= field.item(item).map_err(refused)?;
            }
        }
        let cron = Self { fields };
        match !cron.is_any(DAY) && !cron.is_any(WEEKDAY) {
            false => Ok(cron),
            true => Err(Failure::new(format!(
                "`{text}` names days of the month and of the week: some hosts take both for either, others for each"
            ))
            .hint("declare two timers")),
        }
    }

    /// As crontab(5), Cloud Scheduler, Knative and the alarms of OpenWhisk have it.
    pub(super) fn unix(&self) -> String {
        self.text(|at, any| if any { "*".into() } else { self.field(at, "*") })
    }

    /// As Azure has it, with seconds before all.
    pub(super) fn azure(&self) -> String {
        format!("0 {}", self.unix())
    }

    /// As EventBridge has it: Sunday is 1, one of the days is not asked, and there is a year behind all.
    pub(super) fn event_bridge(&self) -> String {
        let text = self.text(|at, any| match (at, any) {
            (WEEKDAY, true) => "?".into(),
            (DAY, true) if !self.is_any(WEEKDAY) => "?".into(),
            (_, true) => "*".into(),
            (WEEKDAY, false) => list(self.fields[WEEKDAY] << 1),
            _ => self.field(at, &FIELDS[at].least.to_string()),
        });
        format!("cron({text} *)")
    }

    fn text(&self, field: impl Fn(usize, bool) -> String) -> String {
        let fields = (0..FIELDS.len()).map(|at| field(at, self.is_any(at)));
        fields.collect::<Vec<_>>().join(" ")
    }

    /// With this for the least number where a step is as good as a list.
    fn field(&self, at: usize, from: &str) -> String {
        let set = self.fields[at];
        let Field { least, most, .. } = FIELDS[at];
        let step = (2..=most).find(|step| set == stepped(least, most, *step));
        match step {
            Some(step) if set.count_ones() > 2 => format!("{from}/{step}"),
            _ => list(set),
        }
    }

    fn is_any(&self, at: usize) -> bool {
        self.fields[at] == FIELDS[at].all()
    }
}

impl Field {
    fn all(&self) -> u64 {
        stepped(self.least, self.most, 1)
    }

    /// `*`, `a` or `a-b`, and `/n` behind the first or the last of them.
    fn item(&self, item: &str) -> Result<u64, String> {
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => (span, Some(step)),
            None => (item, None),
        };
        let (from, to) = match span.split_once('-') {
            None if span == "*" => (self.least, self.most),
            None if step.is_some() => {
                return Err(format!(
                    "`{item}` has a step and no end: write `{span}-{}`",
                    self.most
                ));
            }
            None => {
                let one = self.number(span)?;
                (one, one)
            }
            Some((from, to)) => (self.number(from)?, self.number(to)?),
        };
        let step = match step.map(str::parse::<u32>) {
            None => 1,
            Some(Ok(step)) if step > 0 => step,
            Some(_) => return Err(format!("`{item}` has no step: write 1 or more behind `/`")),
        };
        if from > to {
            return Err(format!(
                "`{span}` runs backwards: write two ranges with a comma"
            ));
        }
        let set = stepped(from, to, step);
        // Sunday is 0 and 7.
        let wraps = self.most == 6 && set >> 7 & 1 == 1;
        Ok(if wraps { set & self.all() | 1 } else { set })
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let word = self
            .words
            .iter()
            .position(|word| word.eq_ignore_ascii_case(text));
        if let Some(word) = word {
            return Ok(self.least + u32::try_from(word).unwrap_or_default());
        }
        let most = if self.most == 6 { 7 } else { self.most };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits && (self.least..=most).contains(&number) => Ok(number),
            _ => Err(format!(
                "`{text}` is no {}: write {} to {most}",
                self.name, self.least
            )),
        }
    }
}

fn stepped(from: u32, to: u32, step: u32) -> u64 {
    (from..=to)
        .step_by(step as usize)
        .fold(0, |set, number| set | 1 << number)
}

/// Numbers and ranges with commas.
fn list(set: u64) -> String {
    let mut parts = Vec::new();
    let mut number = 0;
    while number < u64::BITS {
        let length = (set >> number).trailing_ones();
        match length {
            0 => {}
            1 => parts.push(number.to_string()),
            length => parts.push(format!("{number}-{}", number + length - 1)),
        }
        number += length.max(1);
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_same_in_the_words_of_each_host() {
        for (text, unix, event_bridge) in [
            ("* * * * *", "* * * * *", "cron(* * * * ? *)"),
            ("0 3 * * *", "0 3 * * *", "cron(0 3 * * ? *)"),
            ("*/5 * * * *", "*/5 * * * *", "cron(0/5 * * * ? *)"),
            (
                "3-59/10 0 * * *",
                "3,13,23,33,43,53 0 * * *",
                "cron(3,13,23,33,43,53 0 * * ? *)",
            ),
            ("30 2 * * MON-FRI", "30 2 * * 1-5", "cron(30 2 ? * 2-6 *)"),
            ("30 2 * * 1-5", "30 2 * * 1-5", "cron(30 2 ? * 2-6 *)"),
            ("0 0 * * 7", "0 0 * * 0", "cron(0 0 ? * 1 *)"),
            ("0 0 * * 5-7", "0 0 * * 0,5-6", "cron(0 0 ? * 1,6-7 *)"),
            ("0 0 * * sun,wed", "0 0 * * 0,3", "cron(0 0 ? * 1,4 *)"),
            (
                "0 9,17 1 JAN,jul *",
                "0 9,17 1 1,7 *",
                "cron(0 9,17 1 1,7 ? *)",
            ),
            ("0 0 */2 * *", "0 0 */2 * *", "cron(0 0 1/2 * ? *)"),
            ("0 0 1-31 * MON", "0 0 * * 1", "cron(0 0 ? * 2 *)"),
            ("  0   0 1 1 *  ", "0 0 1 1 *", "cron(0 0 1 1 ? *)"),
        ] {
            let cron = Cron::parse(text).unwrap();
            assert_eq!(cron.unix(), unix, "{text}");
            assert_eq!(cron.azure(), format!("0 {unix}"), "{text}");
            assert_eq!(cron.event_bridge(), event_bridge, "{text}");
            assert_eq!(Cron::parse(unix).unwrap(), cron, "{text}");
        }
    }

    #[test]
    fn what_hosts_read_in_different_ways_or_not_at_all_is_refused() {
        for (text, why) in [
            ("", "0 fields"),
            ("0 3 * *", "4 fields"),
            ("0 0 3 * * *", "6 fields"),
            ("rate(5 minutes)", "2 fields"),
            ("60 0 * * *", "`60` is no minute: write 0 to 59"),
            ("0 24 * * *", "no hour"),
            ("0 0 0 * *", "no day of the month"),
            ("0 0 L * *", "no day of the month"),
            ("0 0 1 13 *", "no month"),
            ("0 0 * * 8", "no day of the week: write 0 to 7"),
            ("0 0 * * FRI-MON", "runs backwards"),
            ("*/0 * * * *", "no step"),
            ("*/ * * * *", "no step"),
            ("5/10 * * * *", "write `5-59`"),
            ("+5 * * * *", "no minute"),
            (", * * * *", "no minute"),
            ("0 0 1 * MON", "declare two timers"),
        ] {
            let failure = Cron::parse(text).unwrap_err().to_string();
            assert!(failure.contains(why), "{text}: {failure}");
        }
    }
}
