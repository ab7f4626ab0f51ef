//! Apache OpenWhisk: an action whose image is the program.

use super::oci;
use super::out::Out;
use super::{Plan, needs};
use crate::failure::Failure;

pub(super) fn pack(plan: &Plan<'_>, out: &mut Out) -> Result<Vec<String>, Failure> {
    let environment = [("TRADEWIND_HOST", "openwhisk".to_owned())];
    oci::write(plan, &environment, out)?;
    out.warnings.extend(needs::unknown(plan.manifest));
    let required = plan
        .manifest
        .settings
        .iter()
        .filter(|setting| setting.required);
    for setting in required {
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
    let web = if is_web { " --web raw" } else { "" };
    Ok(vec![
        oci::push(plan),
        format!(
            "wsk action update {} --docker {} --timeout {} --memory {}{web}",
            plan.name,
            oci::reference(plan),
            plan.timeout * 1000,
            plan.memory
        ),
    ])
}
