//! Traces received by a real OTLP receiver, metrics scraped by a real Prometheus and linted by its
//! promtool, alert rules by their tests, a dashboard whose queries find what they ask for.

mod metrics;
mod receiver;
mod target;
mod traces;

use crate::{Options, Proved};

/// Runs it; what cannot be had is said, and is not proved.
pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Vec::new();
    let mut outcome = Ok(());
    let traced = traces::run(options).await;
    let measured = metrics::run(options).await;
    for (what, found) in [("traces", traced), ("metrics", measured)] {
        match found {
            Ok(Some(shown)) => figures.push(shown),
            Ok(None) => figures.push(format!("{what}: skipped")),
            Err(why) => {
                figures.push(format!("{what}: wrong"));
                let wrong = Err(format!("{what}: {why}"));
                outcome = outcome.and(wrong);
            }
        }
    }
    let figures = figures.join("; ");
    outcome
        .map(|()| figures.clone())
        .map_err(|why: String| (figures, why))
}
