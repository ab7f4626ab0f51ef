//! Which program of which package is meant, by what cargo says.

use crate::failure::Failure;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which program.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Program")]
pub(crate) struct Which {
    /// Cargo.toml of the package [default: that of this folder or one above]
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest_path: Option<PathBuf>,
    /// Package of a workspace
    #[arg(long, short, value_name = "NAME")]
    pub(crate) package: Option<String>,
    /// Program of a package with several
    #[arg(long, value_name = "NAME")]
    pub(crate) bin: Option<String>,
    /// Features of the package
    #[arg(long, value_name = "LIST")]
    pub(crate) features: Option<String>,
    /// Without its default features
    #[arg(long)]
    pub(crate) no_default_features: bool,
}

/// A program that cargo can build.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) bin: String,
    pub(crate) package: String,
    pub(crate) target_folder: PathBuf,
    /// Folders of the package and of those on this machine that it is made of.
    pub(crate) folders: Vec<PathBuf>,
    which: Which,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    #[serde(default)]
    workspace_default_members: Vec<String>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    default_run: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Package {
    fn bins(&self) -> Vec<&str> {
        let is_bin = |target: &&Target| target.kind.iter().any(|kind| kind == "bin");
        let bins = self.targets.iter().filter(is_bin);
        bins.map(|target| target.name.as_str()).collect()
    }
}

/// The cargo that calls us, or the one in the path.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| "cargo".into(), Into::into)
}

impl Project {
    /// Finds it.
    pub(crate) fn find(which: &Which) -> Result<Self, Failure> {
        let mut command = Command::new(cargo());
        command.args(["metadata", "--format-version=1"]);
        if let Some(path) = &which.manifest_path {
            command.arg("--manifest-path").arg(path);
        }
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| Failure::new(format!("cargo: {e}")).hint("install Rust: rustup.rs"))?;
        if !output.status.success() {
            return Err(Failure::new("cargo knows no package here")
                .hint("go into its folder, or name its Cargo.toml by --manifest-path"));
        }
        let metadata: Metadata = serde_json::from_slice(&output.stdout)
            .map_err(|e| Failure::new(format!("cargo metadata: {e}")))?;
        choose(metadata, which)
    }

    /// A package of which no more is known than its folder.
    #[cfg(test)]
    pub(crate) fn of_folder(folder: &Path) -> Self {
        Self {
            bin: "it".into(),
            package: "it".into(),
            target_folder: folder.join("target"),
            folders: vec![folder.to_owned()],
            which: Which::default(),
        }
    }

    /// What tells cargo which program.
    pub(crate) fn arguments(&self) -> Vec<std::ffi::OsString> {
        let mut all = vec![
            format!("--package={}", self.package).into(),
            format!("--bin={}", self.bin).into(),
        ];
        if let Some(path) = &self.which.manifest_path {
            all.push("--manifest-path".into());
            all.push(path.into());
        }
        if let Some(features) = &self.which.features {
            all.push(format!("--features={features}").into());
        }
        if self.which.no_default_features {
            all.push("--no-default-features".into());
        }
        all
    }
}

fn choose(metadata: Metadata, which: &Which) -> Result<Project, Failure> {
    let is_member = |package: &&Package| metadata.workspace_members.contains(&package.id);
    let members: Vec<_> = metadata.packages.iter().filter(is_member).collect();
    let wanted: Vec<_> = match &which.package {
        Some(name) => members
            .iter()
            .filter(|member| member.name == *name)
            .collect(),
        None => {
            let here = &metadata.workspace_default_members;
            let is_here = |member: &&&Package| here.is_empty() || here.contains(&member.id);
            members.iter().filter(is_here).collect()
        }
    };
    let mut programs = wanted.iter().flat_map(|package| {
        let bins = package.bins();
        let run = package.default_run.as_deref();
        let one = |bin: &&str| match (&which.bin, run) {
            (Some(named), _) => bin == named,
            (None, Some(run)) => *bin == run,
            (None, None) => true,
        };
        let bins: Vec<_> = bins.into_iter().filter(one).collect();
        bins.into_iter().map(|bin| (**package, bin))
    });
    let (package, bin) = match (programs.next(), programs.next()) {
        (Some(found), None) => found,
        (Some((_, first)), Some((_, second))) => {
            return Err(Failure::usage(format!(
                "there are several programs, such as {first} and {second}"
            ))
            .hint("name one by --bin, its package by --package"));
        }
        (None, _) => {
            let all = members.iter().flat_map(|member| member.bins());
            let all: Vec<_> = all.collect();
            return Err(
                Failure::usage("there is no such program").hint(match all.is_empty() {
                    true => "a handler is a package with src/main.rs".to_owned(),
                    false => format!("there are: {}", all.join(", ")),
                }),
            );
        }
    };
    let near = metadata
        .packages
        .iter()
        .filter(|package| package.source.is_none());
    let folder = |package: &Package| package.manifest_path.parent().map(Path::to_owned);
    Ok(Project {
        bin: bin.to_owned(),
        package: package.name.clone(),
        folders: near.filter_map(folder).collect(),
        target_folder: metadata.target_directory.clone(),
        which: which.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(members: &[(&str, &[&str], Option<&str>)]) -> Metadata {
        let package = |(name, bins, run): &(&str, &[&str], Option<&str>)| {
            let bins = bins
                .iter()
                .map(|bin| json!({ "name": bin, "kind": ["bin"] }));
            let library = json!({ "name": "x", "kind": ["lib"] });
            json!({
                "id": name, "name": name, "source": null, "default_run": run,
                "manifest_path": format!("/w/{name}/Cargo.toml"),
                "targets": bins.chain([library]).collect::<Vec<_>>(),
            })
        };
        let names: Vec<_> = members.iter().map(|(name, ..)| *name).collect();
        let document = json!({
            "packages": members.iter().map(package).collect::<Vec<_>>(),
            "workspace_members": names, "target_directory": "/w/target",
        });
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn one_program_is_found_and_several_are_asked_about() {
        let two = &[("a", &["a"][..], None), ("b", &["b", "c"][..], None)][..];
        let run = &[("b", &["b", "c"][..], Some("c"))][..];
        let none = &[("l", &[][..], None)][..];
        for (members, package, bin, expected) in [
            (&two[..1], None, None, Ok("a")),
            (two, None, None, Err("several programs")),
            (two, Some("a"), None, Ok("a")),
            (two, Some("b"), None, Err("several programs")),
            (two, None, Some("c"), Ok("c")),
            (two, None, Some("x"), Err("no such program")),
            (two, Some("x"), None, Err("no such program")),
            (run, None, None, Ok("c")),
            (run, None, Some("b"), Ok("b")),
            (none, None, None, Err("no such program")),
        ] {
            let which = Which {
                package: package.map(str::to_owned),
                bin: bin.map(str::to_owned),
                ..Which::default()
            };
            let found = choose(metadata(members), &which);
            match (found, expected) {
                (Ok(project), Ok(bin)) => assert_eq!(project.bin, bin),
                (Err(failure), Err(why)) => assert!(failure.to_string().contains(why)),
                (found, expected) => panic!("{found:?}, not {expected:?}"),
            }
        }
    }
}
