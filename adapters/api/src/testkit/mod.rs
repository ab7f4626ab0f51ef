//! The conformance suite: what every adapter must do, as named tests.
//!
//! An adapter writes one small harness ([`SinkHarness`], [`SourceHarness`] or [`WebhookHarness`]),
//! and runs the suite in its own tests:
//!
//! ```ignore
//! #[tokio::test]
//! async fn conforms() {
//!     testkit::sink(&MyHarness).await.assert();
//! }
//! ```
//!
//! Tests run one after the other, each with a fresh adapter. [`crate::Capability`] selects them, and
//! what was left out is named by [`Summary::skipped`].

mod events;
mod sink;
mod source;
mod webhook;

pub use events::samples;
pub use sink::{Behaviour, SinkHarness, sink};
pub use source::{SourceHarness, source};
pub use webhook::{Request, WebhookHarness, webhook};

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// The suite gives up on a call after this long: it hangs. Far beyond what any call needs.
const WATCHDOG: Duration = Duration::from_secs(30);

/// How one test ended, where not well.
#[derive(Debug)]
enum End {
    Failed(String),
    /// The harness cannot show what the test needs.
    Skipped,
}

type Verdict = Result<(), End>;
type Running<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// One named test over a harness `H`.
struct Test<H: ?Sized> {
    name: &'static str,
    applies: fn(&crate::Capability) -> bool,
    run: for<'a> fn(&'a H) -> Running<'a>,
}

/// What a run of a suite showed.
#[derive(Debug, Default)]
#[must_use = "a summary that nobody looks at proves nothing"]
pub struct Summary {
    /// Names of the tests that passed.
    pub passed: Vec<&'static str>,
    /// Names of the tests that did not apply.
    pub skipped: Vec<&'static str>,
    /// Names of the tests that failed, and why.
    pub failed: Vec<(&'static str, String)>,
}

impl Summary {
    /// Ends the calling test with all failures, if there are any.
    ///
    /// # Panics
    /// Where a test of the suite failed, or none passed at all.
    pub fn assert(self) {
        assert!(self.failed.is_empty(), "{self}");
        assert!(!self.passed.is_empty(), "no test of the suite applied");
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} passed, {} skipped, {} failed",
            self.passed.len(),
            self.skipped.len(),
            self.failed.len()
        )?;
        for (name, why) in &self.failed {
            writeln!(f, "  {name}: {why}")?;
        }
        Ok(())
    }
}

async fn run<H: ?Sized>(
    harness: &H,
    capability: crate::Capability,
    tests: Vec<Test<H>>,
) -> Summary {
    let mut summary = Summary::default();
    for test in tests {
        let verdict = if (test.applies)(&capability) {
            (test.run)(harness).await
        } else {
            Err(End::Skipped)
        };
        match verdict {
            Ok(()) => summary.passed.push(test.name),
            Err(End::Skipped) => summary.skipped.push(test.name),
            Err(End::Failed(why)) => summary.failed.push((test.name, why)),
        }
    }
    summary
}

/// Waits for a call that must not hang.
async fn ends<T>(what: &str, call: impl Future<Output = T>) -> Result<T, End> {
    tokio::time::timeout(WATCHDOG, call)
        .await
        .map_err(|_| End::Failed(format!("{what} hangs")))
}

/// Fails with `why` unless `holds`.
fn check(holds: bool, why: impl FnOnce() -> String) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(End::Failed(why()))
    }
}

/// A list of tests: name, capability that it needs, function.
macro_rules! tests {
    ($($name:ident if $applies:expr),* $(,)?) => {
        vec![$(Test {
            name: stringify!($name),
            applies: $applies,
            run: |harness| Box::pin($name(harness)),
        }),*]
    };
}
use tests;

fn always(_: &crate::Capability) -> bool {
    true
}
