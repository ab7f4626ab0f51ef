//! Findings that are meant.

use super::Loader;
use crate::codes::{CODES, Code};
use crate::diagnostic::Severity;
use crate::document::Spot;
use crate::model::Allow;
use crate::phrase;

impl Loader<'_> {
    /// Sets aside what the file allows, and tells of allowances that nothing needs.
    pub(crate) fn allow(&mut self, allowances: &[Allow]) {
        // Lints have not looked then.
        let whole = !self.out.has_errors();
        let mut unused = Vec::new();
        for (index, allow) in allowances.iter().enumerate() {
            let place = format!("/check/allow/{index}");
            let code = format!("{place}/code");
            match Code::named(&allow.code) {
                None => {
                    let open = CODES.iter().filter(|code| code.severity != Severity::Error);
                    let known: Vec<String> = open.map(|code| code.name.to_owned()).collect();
                    let message = format!("no finding has the code `{}`", allow.code);
                    let found = self
                        .document
                        .error(&code, Spot::Value, "unknown-value", message);
                    self.out
                        .push(found.hint(phrase::choose(&allow.code, &known, "codes")));
                }
                Some(known) if known.severity == Severity::Error => {
                    let message = format!("`{}` is an error, which cannot pass", allow.code);
                    let found = self
                        .document
                        .error(&code, Spot::Value, "invalid-value", message);
                    let hint = format!("tradewind check --explain {} tells the fix", allow.code);
                    self.out.push(found.hint(hint));
                }
                Some(_) => {
                    let (at, why) = (allow.at.as_deref(), allow.why.as_deref());
                    if self.out.set_aside(&allow.code, at, why, true) == 0 && whole {
                        unused.push((code, &allow.code));
                    }
                }
            }
        }
        // Only now, so that no allowance is for another one.
        for (place, code) in unused {
            let message = format!("there is no finding `{code}` here");
            let found = self
                .document
                .warning(&place, Spot::Value, "unused-allowance", message);
            self.out
                .push(found.hint("remove it, or write another place under `at`"));
        }
    }
}
