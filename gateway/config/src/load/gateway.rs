//! Settings of the gateway itself that would leave it useless.

use super::Loader;
use crate::checked::LoadedSource;
use crate::document::Spot;
use crate::model::{Admin, Backup, File, Limits};
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Loader<'_> {
    /// A body that is larger than all bodies together may be, could never be taken.
    pub(crate) fn check_bodies(
        &mut self,
        limits: &Limits,
        sources: &BTreeMap<String, LoadedSource>,
    ) {
        for (name, source) in sources {
            if source.common.max_body > Some(limits.body_memory) {
                let found = self.document.error(
                    &format!("/sources/{name}/max-body"),
                    Spot::Value,
                    "invalid-value",
                    "`max-body` is larger than `limits.body-memory`: the largest bodies could never be taken",
                );
                let hint = "raise `limits.body-memory` to several times the largest body";
                self.out.push(found.hint(hint));
            }
        }
    }

    fn check_backup(&mut self, backup: &Backup) {
        let scheme = backup.to.split_once("://").map(|(scheme, _)| scheme);
        let known = matches!(scheme, None | Some("file" | "s3")) && !backup.to.is_empty();
        let often = backup.every.0 < Duration::from_secs(10);
        for (place, useless, message, hint) in [
            (
                "/backup/to",
                !known,
                "`to` is no place for backups",
                "write a folder such as /var/backups/tradewind, or s3://bucket/prefix",
            ),
            (
                "/backup/every",
                often,
                "`every` must be at least 10s: each backup reads the last segment of every log",
                "the default is 1h",
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

    /// The admin API is reached from other machines by TLS, or not at all.
    fn check_admin(&mut self, file: &File) {
        let public = file.admin.as_ref().is_some_and(Admin::is_public);
        if public && file.admin_tls.is_none() {
            let message = "other machines would reach the admin API without TLS";
            let found = self
                .document
                .error("/admin", Spot::Value, "plain-admin", message);
            self.out.push(found.hint(
                "write `admin-tls`, or take a socket or a loopback address such as 127.0.0.1:9090",
            ));
        }
        if file.admin_tls.is_some() && !matches!(file.admin, Some(Admin::Tcp(_))) {
            let message = "the admin API listens on a socket, where the file system decides";
            let found = self
                .document
                .warning("/admin-tls", Spot::Key, "no-effect", message);
            self.out
                .push(found.hint("write `admin: 127.0.0.1:9090`, or remove this key"));
        }
    }

    pub(crate) fn check_gateway(&mut self, file: &File) {
        self.check_admin(file);
        if let Some(backup) = &file.backup {
            self.check_backup(backup);
        }
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
                "/audit/keep",
                file.audit.keep.0 < DAY,
                "`keep` must be at least 1d: who asks what happened, asks later".to_string(),
                "the default is 365d",
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
                "/limits/keep-alive",
                limits.keep_alive.0.is_zero(),
                "`keep-alive` must be longer than 0s: connections would end between two requests"
                    .to_string(),
                "the default is 75s",
            ),
            (
                "/limits/body-memory",
                limits.body_memory.0 < limits.body.0,
                "`body-memory` is smaller than `body`: the largest bodies could never be taken"
                    .to_string(),
                "the default is 16MiB; make it several times `body`",
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
