//! Apache OpenWhisk: an archive with the program, which OpenWhisk's own image runs in its action loop, and an image
//! that is the program.

use super::elf::Arch;
use super::manifest::Timer;
use super::oci;
use super::out::Out;
use super::zip::{File, archive};
use super::{Plan, needs};
use crate::failure::Failure;

const ARCHIVE: &str = "action.zip";
/// The image that runs archives. There is none for another processor than x86-64.
const LOOP: &str = "openwhisk/actionloop-base";

pub(super) fn pack(plan: &Plan<'_>, out: &mut Out) -> Result<Vec<String>, Failure> {
    let environment = [("TRADEWIND_HOST", "openwhisk".to_owned())];
    oci::write(plan, &environment, out)?;
    let runs_archives = plan.machine.arch == Arch::X86_64;
    if runs_archives {
        let files = [File {
            name: "exec",
            bytes: plan.program,
            is_program: true,
        }];
        let zip = archive(&files).map_err(|e| Failure::new(e.to_string()))?;
        out.file(ARCHIVE, &zip)?;
    }
    out.warnings.extend(needs::unknown(plan.manifest));
    let settings = plan.manifest.settings.iter();
    let required: Vec<_> = settings.filter(|setting| setting.required).collect();
    for setting in &required {
        out.warn(format!(
            "an action has no environment of its own: {} has to be in the image (ENV)",
            setting.name
        ));
    }
    let is_web = plan
        .manifest
        .triggers()
        .iter()
        .any(|trigger| trigger.kind == "http");
    let update = |what: String| {
        format!(
            "wsk action update {} {what} --timeout {} --memory {}{}",
            plan.name,
            plan.timeout * 1000,
            plan.memory,
            if is_web { " --web raw" } else { "" }
        )
    };
    // An archive needs no registry; settings have a place in an image only.
    let mut commands = match runs_archives && plan.image.is_none() && required.is_empty() {
        true => vec![update(format!("{}/{ARCHIVE} --docker {LOOP}", plan.folder))],
        false => vec![
            oci::push(plan),
            update(format!("--docker {}", oci::reference(plan))),
        ],
    };
    for Timer { name, due } in plan.manifest.timers()? {
        let alarm = format!("{}-{name}", plan.name);
        commands.push(format!(
            "wsk trigger create {alarm} --feed /whisk.system/alarms/alarm --param cron '{}' \
             --param trigger_payload '{{\"schedule\":\"{name}\"}}'",
            due.unix()
        ));
        commands.push(format!("wsk rule update {alarm} {alarm} {}", plan.name));
    }
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::manifest::{Manifest, tests::sample};
    use crate::package::tests::{packed, packed_for};

    #[test]
    fn an_archive_is_deployed_where_it_runs_and_an_image_where_it_does_not_suffice() {
        let (_scratch, commands) = packed_for(Arch::X86_64, pack, &sample()).unwrap();
        let alarm = commands
            .iter()
            .find(|command| command.contains("/whisk.system/alarms/alarm"));
        assert!(
            alarm.is_some_and(|alarm| alarm.contains("cron '30 2 * * 1-5'")),
            "{commands:?}"
        );
        assert_eq!(
            commands.last().unwrap(),
            "wsk rule update orders-nightly orders-nightly orders"
        );
        let by_archive = |(scratch, commands): (tempfile::TempDir, Vec<String>)| {
            let zipped = scratch.path().join("out").join(ARCHIVE).is_file();
            (zipped, commands.len() == 1 && commands[0].contains(LOOP))
        };
        let plain = Manifest::default();
        let here = packed_for(Arch::X86_64, pack, &plain).unwrap();
        assert_eq!(by_archive(here), (true, true));
        // Settings of the sample are required.
        let here = packed_for(Arch::X86_64, pack, &sample()).unwrap();
        assert_eq!(by_archive(here), (true, false));
        let arm = packed(pack, &plain).unwrap();
        assert_eq!(by_archive(arm), (false, false));
    }
}
