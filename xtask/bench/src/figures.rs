//! Medians with their range, as rows of a table.

use std::fmt::Display;

/// Median, smallest and largest of the runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        Self {
            median: at(sorted.len() / 2),
            least: at(0),
            most: at(sorted.len().saturating_sub(1)),
        }
    }
}

impl Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = if self.median < 100.0 { 2 } else { 0 };
        let Self {
            median,
            least,
            most,
        } = self;
        write!(f, "{median:.digits$} ({least:.digits$} to {most:.digits$})")
    }
}

/// Prints one row: the label, then the columns.
pub(crate) fn row(label: &str, columns: &[String]) {
    print!("  {label:<26}");
    for column in columns {
        print!(" {column:>24}");
    }
    println!();
}

/// The last line of a scenario: what was found, and whether that is enough.
pub(crate) fn verdict(name: &str, found: &[(String, bool)]) -> Result<(), String> {
    let holds = found.iter().all(|(_, holds)| *holds);
    let parts: Vec<_> = found.iter().map(|(text, _)| text.as_str()).collect();
    let line = format!("{name}: {}", parts.join(", "));
    if holds {
        println!("{line}: holds");
        Ok(())
    } else {
        Err(format!("{line}: falls short"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle_whatever_the_order() {
        let cases = [
            (vec![3.0, 1.0, 2.0], "2.00 (1.00 to 3.00)"),
            (vec![7.5], "7.50 (7.50 to 7.50)"),
            (vec![1e3, 9e3, 2e3, 5e3, 4e3], "4000 (1000 to 9000)"),
            (vec![], "0.00 (0.00 to 0.00)"),
        ];
        for (figures, shown) in cases {
            assert_eq!(Spread::of(figures).to_string(), shown);
        }
    }
}
