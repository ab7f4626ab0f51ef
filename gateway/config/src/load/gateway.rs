//! Settings of the gateway itself that would leave it useless.

use super::Loader;
use crate::document::Spot;
use crate::model::File;

impl Loader<'_> {
    pub(crate) fn check_gateway(&mut self, file: &File) {
        let limits = &file.limits;
        let nothing = "nothing would be taken";
        for (place, useless, message, hint) in [
            (
                "/data-dir",
                file.data_dir.as_os_str().is_empty(),
                "`data-dir` is empty".to_string(),
                "name a directory, `.` for the working directory; the default is tradewind-data",
            ),
            (
                "/limits/body",
                limits.body.0 == 0,
                format!("`body` must be more than 0B: {nothing}"),
                "the default is 1MiB",
            ),
            (
                "/limits/headers",
                limits.headers.0 == 0,
                format!("`headers` must be more than 0B: {nothing}"),
                "the default is 64KiB",
            ),
            (
                "/limits/header-timeout",
                limits.header_timeout.0.is_zero(),
                format!("`header-timeout` must be longer than 0s: {nothing}"),
                "the default is 10s",
            ),
            (
                "/limits/body-timeout",
                limits.body_timeout.0.is_zero(),
                format!("`body-timeout` must be longer than 0s: {nothing}"),
                "the default is 30s",
            ),
        ] {
            if useless {
                let found = self
                    .document
                    .error(place, Spot::Value, "invalid-value", message);
                self.out.push(found.hint(hint));
            }
        }
    }
}
