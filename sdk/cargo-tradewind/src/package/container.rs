//! An image for whoever runs images.

use super::oci;
use super::out::Out;
use super::{Plan, needs};
use crate::failure::Failure;

pub(super) fn pack(plan: &Plan<'_>, out: &mut Out) -> Result<Vec<String>, Failure> {
    let environment = [
        ("TRADEWIND_LISTEN", "0.0.0.0:8080".to_owned()),
        ("TRADEWIND_TIMEOUT", plan.timeout.to_string()),
    ];
    oci::write(plan, &environment, out)?;
    out.warnings.extend(needs::unknown(plan.manifest));
    let settings = plan.manifest.settings.iter();
    let settings: String = settings
        .map(|setting| format!(" --env {}", setting.name))
        .collect();
    Ok(vec![
        oci::push(plan),
        format!(
            "podman run --rm --publish 127.0.0.1:8080:8080 --read-only --cap-drop all --memory {}m{settings} {}",
            plan.memory,
            oci::reference(plan)
        ),
    ])
}
