//! What is known of schedules, for the admin API and the command line.

use serde::Serialize;
use tradewind_adapter::{BuiltSource, Due};
use tradewind_config::Checked;

/// One schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Schedule {
    /// Name of the source.
    pub(crate) name: String,
    /// The expression, with its time zone.
    pub(crate) when: String,
    /// Where its events go.
    pub(crate) stream: String,
    pub(crate) owner: Option<String>,
    pub(crate) why: Option<String>,
    pub(crate) enabled: bool,
    /// Due times left out since it was last started, by its catch-up policy; at least.
    pub(crate) skipped: u64,
    /// The next ones; empty where there are none any more.
    pub(crate) upcoming: Vec<Due>,
}

/// Every source of a configuration that knows its own future, by name.
pub(crate) fn schedules(checked: &Checked, after_ms: u64, upcoming: usize) -> Vec<Schedule> {
    let mut all = Vec::new();
    for (name, source) in &checked.sources {
        let BuiltSource::Pull(driver) = &source.built else {
            continue;
        };
        let Some(calendar) = driver.calendar() else {
            continue;
        };
        all.push(Schedule {
            name: name.clone(),
            when: calendar.describe(),
            stream: source.common.stream.clone(),
            owner: source.common.owner.clone(),
            why: source.common.why.clone(),
            enabled: calendar.is_enabled(),
            skipped: calendar.skipped(),
            upcoming: calendar.upcoming(after_ms, upcoming),
        });
    }
    all
}
