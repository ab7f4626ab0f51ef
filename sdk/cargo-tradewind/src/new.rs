//! `cargo tradewind new`

mod name;
mod template;

use crate::failure::Failure;
use crate::term::Term;
use serde_json::json;
use std::path::{Path, PathBuf};
use template::{Dependency, Template};

/// Write a new project: a handler, its test on every host, and what to do next
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo tradewind new orders\n  cargo tradewind new hooks --template webhook\n  \
    cargo tradewind new orders --path ../tradewind/sdk/handler     from a checkout, also offline"
)]
pub(crate) struct Args {
    /// Folder to make; its last part is the name of the package
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// What it starts with
    #[arg(long, value_enum, default_value_t)]
    template: Template,
    /// The crate `tradewind` from a registry, this version
    #[arg(long, value_name = "VERSION", group = "from")]
    version: Option<String>,
    /// The crate from this folder
    #[arg(long, value_name = "FOLDER", group = "from")]
    path: Option<PathBuf>,
    /// The crate from this repository [default: that of this release, at its tag]
    #[arg(long, value_name = "URL", group = "from")]
    git: Option<String>,
    /// Tag, branch or commit of --git
    #[arg(long, value_name = "REV", requires = "git")]
    rev: Option<String>,
}

pub(crate) fn run(args: &Args, term: &Term) -> Result<(), Failure> {
    let name = name::of(&args.folder)?;
    let files = args.template.files(name, &dependency(args)?);
    write(&args.folder, &files)?;
    let folder = args.folder.display();
    if term.json() {
        let names: Vec<_> = files.iter().map(|(name, _)| name).collect();
        let made = json!({ "name": name, "folder": args.folder, "files": names });
        term.line(&made.to_string());
        return Ok(());
    }
    term.note(&format!("made {folder}. Next:\n"));
    term.line(&format!(
        "  cd {folder}\n  cargo test                               the handler on every host, without one\n  \
         cargo tradewind dev                      behind a gateway on this machine\n  \
         cargo tradewind package --for lambda     for a host"
    ));
    if let Some(root) = workspace_above(&args.folder) {
        term.warn(&format!(
            "{} is a workspace: add the new folder to its `members`, or to `exclude`",
            root.display()
        ));
    }
    Ok(())
}

fn dependency(args: &Args) -> Result<Dependency, Failure> {
    if let Some(path) = &args.path {
        let whole = path.canonicalize().map_err(|e| Failure::at(path, e))?;
        let manifest = std::fs::read_to_string(whole.join("Cargo.toml"));
        if !manifest.is_ok_and(|text| text.lines().any(|line| line == "name = \"tradewind\"")) {
            return Err(Failure::usage(format!(
                "--path: {} is not the crate `tradewind`",
                whole.display()
            ))
            .hint("in a checkout it is sdk/handler"));
        }
        return Ok(Dependency::Path(whole));
    }
    if let Some(url) = &args.git {
        return Ok(Dependency::Git(url.clone(), args.rev.clone()));
    }
    Ok(match &args.version {
        Some(version) => Dependency::Version(version.clone()),
        None => Dependency::Release,
    })
}

/// All of them or none: the folder appears when it is complete.
fn write(folder: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    if std::fs::symlink_metadata(folder).is_ok() {
        return Err(
            Failure::new(format!("{} is there already", folder.display()))
                .hint("choose another name, or remove it"),
        );
    }
    let parent = match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(|e| Failure::at(parent, e))?;
    let scratch = tempfile::Builder::new()
        .prefix(".tradewind-new-")
        .tempdir_in(parent)
        .map_err(|e| Failure::at(parent, e))?;
    let tree = scratch.path().join("tree");
    for (name, text) in files {
        let path = tree.join(name);
        let within = path.parent().unwrap_or(&tree);
        std::fs::create_dir_all(within)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|e| Failure::at(&path, e))?;
    }
    std::fs::rename(&tree, folder).map_err(|e| Failure::at(folder, e))
}

/// Cargo takes a package below a workspace for a member that was forgotten.
fn workspace_above(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    folder
        .ancestors()
        .skip(1)
        .map(|above| above.join("Cargo.toml"))
        .find(|manifest| {
            let text = std::fs::read_to_string(manifest).unwrap_or_default();
            text.lines()
                .any(|line| line.trim_start().starts_with("[workspace"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten_and_nothing_is_left_half() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("deep/orders");
        let files = [("a", "1".to_owned()), ("src/b", "2".to_owned())];
        write(&folder, &files).unwrap();
        assert_eq!(std::fs::read_to_string(folder.join("src/b")).unwrap(), "2");
        let again = write(&folder, &[("a", "3".to_owned())]).unwrap_err();
        assert!(again.to_string().contains("there already"), "{again}");
        assert_eq!(std::fs::read_to_string(folder.join("a")).unwrap(), "1");
        // A name that no file can have ends it in the middle.
        let broken = scratch.path().join("broken");
        write(&broken, &[("a", String::new()), ("b\0", String::new())]).unwrap_err();
        let left: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_workspace_around_it_is_seen() {
        let scratch = tempfile::tempdir().unwrap();
        let inner = scratch.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        let found = |folder: &Path| {
            workspace_above(folder)
                .filter(|root| root.starts_with(scratch.path().canonicalize().unwrap()))
        };
        assert_eq!(found(&inner), None);
        std::fs::write(scratch.path().join("Cargo.toml"), "[workspace]\n").unwrap();
        assert!(found(&inner).is_some());
    }
}
