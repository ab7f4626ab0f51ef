//! An image that holds nothing but the program, as an OCI image layout: what registries take, made without an engine.

use super::tar::Tar;
use super::{Out, Plan};
use crate::failure::Failure;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Nobody in particular: the number that images without users have agreed on.
const USER: &str = "65532:65532";
/// The name of the image within the layout.
pub(super) const TAG: &str = "latest";
const FOLDER: &str = "image";
/// What no program is called: the layout beside it, and what engines mount or fill in an image.
const TAKEN: [&str; 6] = [FOLDER, "dev", "etc", "proc", "run", "sys"];

/// Writes the layout to `image/`, and a recipe for those who would rather build it.
pub(super) fn write(
    plan: &Plan<'_>,
    environment: &[(&str, String)],
    out: &mut Out,
) -> Result<(), Failure> {
    let layer = Blob::new(layer(plan).map_err(|e| Failure::new(e.to_string()))?);
    let arch = plan.machine.arch.image();
    let variables = environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let variables: Vec<_> = variables.collect();
    let config = json!({
        "architecture": arch,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "User": USER,
            "Entrypoint": [format!("/{}", file(plan))],
            "ExposedPorts": { "8080/tcp": {} },
            "Env": variables,
        },
        "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
    });
    let config = Blob::new(config.to_string().into_bytes());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config.entry("application/vnd.oci.image.config.v1+json"),
        "layers": [layer.entry("application/vnd.oci.image.layer.v1.tar")],
    });
    let manifest = Blob::new(manifest.to_string().into_bytes());
    let mut entry = manifest.entry("application/vnd.oci.image.manifest.v1+json");
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": TAG });
    entry["platform"] = json!({ "architecture": arch, "os": "linux" });
    for blob in [&layer, &config, &manifest] {
        let name = blob.digest.replace(':', "/");
        out.file(&format!("{FOLDER}/blobs/{name}"), &blob.bytes)?;
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [entry],
    });
    out.file(
        &format!("{FOLDER}/index.json"),
        index.to_string().as_bytes(),
    )?;
    out.file(
        &format!("{FOLDER}/oci-layout"),
        br#"{"imageLayoutVersion":"1.0.0"}"#,
    )?;

    out.program(&file(plan), plan.program)?;
    out.file("Containerfile", recipe(plan, environment).as_bytes())?;
    if let Some(certificates) = plan.certificates {
        out.file("ca-certificates.crt", certificates)?;
    }
    Ok(())
}

/// The command that brings the layout to a registry.
pub(super) fn push(plan: &Plan<'_>) -> String {
    format!(
        "skopeo copy oci:{}/{FOLDER}:{TAG} docker://{}",
        plan.folder,
        reference(plan)
    )
}

/// What the image is called there.
pub(super) fn reference(plan: &Plan<'_>) -> String {
    match plan.image {
        Some(image) => image.to_owned(),
        None => format!("$REGISTRY/{}:{TAG}", plan.name),
    }
}

/// What the program is called beside the image, and in it.
fn file(plan: &Plan<'_>) -> String {
    match TAKEN.contains(&plan.name) {
        // No name of a program has a dot.
        true => format!("{}.bin", plan.name),
        false => plan.name.to_owned(),
    }
}

fn layer(plan: &Plan<'_>) -> std::io::Result<Vec<u8>> {
    let mut tar = Tar::default();
    if let Some(certificates) = plan.certificates {
        for folder in ["etc", "etc/ssl", "etc/ssl/certs"] {
            tar.folder(folder)?;
        }
        tar.file("etc/ssl/certs/ca-certificates.crt", 0o644, certificates)?;
    }
    tar.file(&file(plan), 0o755, plan.program)?;
    Ok(tar.finish())
}

fn recipe(plan: &Plan<'_>, environment: &[(&str, String)]) -> String {
    let name = file(plan);
    let mut text = String::from("FROM scratch\n");
    if plan.certificates.is_some() {
        text.push_str("COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt\n");
    }
    text.push_str(&format!("COPY {name} /{name}\n"));
    for (variable, value) in environment {
        text.push_str(&format!("ENV {variable}={value}\n"));
    }
    text.push_str(&format!(
        "USER {USER}\nEXPOSE 8080\nENTRYPOINT [\"/{name}\"]\n"
    ));
    text
}

/// Bytes by their digest.
struct Blob {
    digest: String,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        let sum = Sha256::digest(&bytes);
        let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            digest: format!("sha256:{hex}"),
            bytes,
        }
    }

    fn entry(&self, kind: &str) -> Value {
        json!({ "mediaType": kind, "digest": self.digest, "size": self.bytes.len() })
    }
}

#[cfg(test)]
mod tests {
    use crate::package::container;
    use crate::package::elf::Arch;
    use crate::package::manifest::tests::sample;
    use crate::package::tests::packed_as;

    #[test]
    fn a_program_stands_in_nobody_s_way() {
        for (name, file) in [
            ("orders", "orders"),
            ("image", "image.bin"),
            ("etc", "etc.bin"),
            ("proc", "proc.bin"),
        ] {
            let made = packed_as(name, &[], Arch::X86_64, container::pack, &sample());
            let (scratch, commands) = made.unwrap();
            let out = scratch.path().join("out");
            assert!(out.join(file).is_file(), "{name}");
            assert!(out.join("image/index.json").is_file(), "{name}");
            let recipe = std::fs::read_to_string(out.join("Containerfile")).unwrap();
            let start = format!("ENTRYPOINT [\"/{file}\"]\n");
            assert!(recipe.ends_with(&start), "{recipe}");
            // What it is called elsewhere is its own name.
            assert!(commands[0].contains(&format!("/{name}:")), "{commands:?}");
        }
    }
}
