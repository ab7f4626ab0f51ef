//! One field of a cron expression: a set of small numbers.

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) name: &'static str,
    pub(crate) min: u8,
    pub(crate) max: u8,
    /// Names in place of numbers, the first for `names_from`.
    pub(crate) names: &'static [&'static str],
    pub(crate) names_from: u8,
}

pub(crate) const MINUTE: Range = Range::plain("minute", 0, 59);
pub(crate) const HOUR: Range = Range::plain("hour", 0, 23);
pub(crate) const DAY: Range = Range::plain("day of the month", 1, 31);
pub(crate) const MONTH: Range = Range {
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
    names_from: 1,
    ..Range::plain("month", 1, 12)
};
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/// 0 and 7 are Sunday, as in crontab(5).
pub(crate) const WEEKDAY_UNIX: Range = Range {
    names: DAYS,
    ..Range::plain("day of the week", 0, 7)
};
/// 1 is Sunday, as EventBridge has it.
pub(crate) const WEEKDAY_AWS: Range = Range {
    names: DAYS,
    names_from: 1,
    ..Range::plain("day of the week", 1, 7)
};

impl Range {
    const fn plain(name: &'static str, min: u8, max: u8) -> Self {
        Self {
            name,
            min,
            max,
            names: &[],
            names_from: 0,
        }
    }

    /// A number or a name.
    pub(crate) fn value(&self, text: &str) -> Result<u8, String> {
        let named = self.names.iter().position(|n| n.eq_ignore_ascii_case(text));
        if let Some(at) = named {
            return Ok(at as u8 + self.names_from);
        }
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u8>() {
            Ok(n) if digits && (self.min..=self.max).contains(&n) => Ok(n),
            _ => Err(format!(
                "`{text}` is no {}: write {} to {}{}",
                self.name,
                self.min,
                self.max,
                match self.names {
                    [first, .., last] => format!(" or {first} to {last}"),
                    _ => String::new(),
                }
            )),
        }
    }

    /// One item of a list, as a set of bits: `*`, `a`, `a-b`, each with `/step`.
    pub(crate) fn item(&self, item: &str) -> Result<u64, String> {
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => {
                let n = step.parse::<u8>().ok().filter(|n| *n > 0);
                let n =
                    n.ok_or_else(|| format!("`{step}` is no step in `{item}`: write 1 or more"))?;
                (span, Some(n))
            }
            None => (item, None),
        };
        let (from, to) = match (span, span.split_once('-')) {
            ("*", _) => (self.min, self.max),
            (_, Some((from, to))) => (self.value(from)?, self.value(to)?),
            (one, None) => {
                let from = self.value(one)?;
                // As AWS has it: from there on, every so many.
                (from, if step.is_some() { self.max } else { from })
            }
        };
        if from > to {
            return Err(format!(
                "`{span}` runs backwards in the {}: write two ranges with a comma",
                self.name
            ));
        }
        let step = usize::from(step.unwrap_or(1));
        Ok((from..=to).step_by(step).fold(0, |set, n| set | 1 << n))
    }

    /// A list of items.
    pub(crate) fn list(&self, text: &str) -> Result<u64, String> {
        text.split(',')
            .try_fold(0, |set, item| Ok(set | self.item(item)?))
    }
}

/// Whether the set has `n`.
pub(crate) fn has(set: u64, n: i8) -> bool {
    u32::try_from(n).is_ok_and(|n| n < 64 && set >> n & 1 == 1)
}
