//! The folder that is written: whole, or as it was before.

use crate::failure::Failure;
use serde::Serialize;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A folder under way.
#[derive(Debug)]
pub(crate) struct Out {
    folder: PathBuf,
    scratch: tempfile::TempDir,
    /// What the packer wants said.
    pub(crate) warnings: Vec<String>,
}

/// What tells a folder of ours, which may be replaced, from one of somebody else's.
const MARK: &str = "deploy.json";

impl Out {
    pub(crate) fn new(folder: &Path) -> Result<Self, Failure> {
        let is_empty = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
        let is_there = std::fs::symlink_metadata(folder).is_ok();
        if is_there && !is_empty && !is_ours(folder) {
            return Err(Failure::usage(format!(
                "{} is no package, and not empty",
                folder.display()
            ))
            .hint("choose another folder by --out"));
        }
        let parent = match folder.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(parent).map_err(|e| Failure::at(parent, e))?;
        let scratch = tempfile::Builder::new()
            .prefix(".tradewind-package-")
            .tempdir_in(parent)
            .map_err(|e| Failure::at(parent, e))?;
        Ok(Self {
            folder: folder.to_owned(),
            scratch,
            warnings: Vec::new(),
        })
    }

    /// Writes a file.
    pub(crate) fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.tree().join(name);
        let folder = path.parent().unwrap_or(&path);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, bytes))
            .map_err(|e| Failure::at(&path, e))
    }

    /// Writes a program.
    pub(crate) fn program(&mut self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.file(name, bytes)?;
        let path = self.tree().join(name);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, mode).map_err(|e| Failure::at(&path, e))
    }

    /// Writes a document.
    pub(crate) fn json(&mut self, name: &str, document: &impl Serialize) -> Result<(), Failure> {
        let mut text =
            serde_json::to_string_pretty(document).map_err(|e| Failure::new(e.to_string()))?;
        text.push('\n');
        self.file(name, text.as_bytes())
    }

    pub(crate) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// Puts it where it was asked for; gives names and sizes.
    pub(crate) fn finish(self) -> Result<Vec<(String, u64)>, Failure> {
        let mut files = Vec::new();
        let tree = self.tree();
        list(&tree, &tree, &mut files).map_err(|e| Failure::at(&tree, e))?;
        files.sort();
        let old = self.scratch.path().join("old");
        replace(&self.folder, &tree, &old).map_err(|e| Failure::at(&self.folder, e))?;
        Ok(files)
    }

    fn tree(&self) -> PathBuf {
        self.scratch.path().join("tree")
    }
}

/// Other programs may well call a file so: what stands in ours, of every version, does not stand in theirs.
fn is_ours(folder: &Path) -> bool {
    let text = std::fs::read(folder.join(MARK)).unwrap_or_default();
    let mark: Value = serde_json::from_slice(&text).unwrap_or_default();
    let has_texts = ["host", "architecture"].map(|name| mark[name].is_string());
    let has_lists = ["handlers", "commands"].map(|name| mark[name].is_array());
    has_texts == [true; 2] && has_lists == [true; 2]
}

/// A folder gives its place to a new one, or has it back.
fn replace(folder: &Path, new: &Path, old: &Path) -> std::io::Result<()> {
    let was_there = std::fs::symlink_metadata(folder).is_ok();
    if was_there {
        std::fs::rename(folder, old)?;
    }
    std::fs::rename(new, folder).inspect_err(|_| {
        if was_there {
            std::fs::rename(old, folder).ok();
        }
    })
}

fn list(root: &Path, folder: &Path, files: &mut Vec<(String, u64)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            list(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root).unwrap_or(&path);
            files.push((name.display().to_string(), entry.metadata()?.len()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_older_package_is_replaced_and_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("lambda");
        let mark = json!({ "host": "lambda", "architecture": "x86_64", "handlers": [], "commands": ["x"] });
        for round in ["1", "2"] {
            let mut out = Out::new(&folder).unwrap();
            out.file(&format!("only-{round}"), b"x").unwrap();
            out.json(MARK, &mark).unwrap();
            assert_eq!(out.finish().unwrap().len(), 2);
        }
        assert!(!folder.join("only-1").exists() && folder.join("only-2").exists());
        // What fails on the way leaves what was there.
        let mut out = Out::new(&folder).unwrap();
        out.file("a\0", b"").unwrap_err();
        drop(out);
        assert!(folder.join("only-2").exists());
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
        // So does a new one that cannot take its place.
        let old = scratch.path().join("old");
        replace(&folder, &scratch.path().join("none"), &old).unwrap_err();
        assert!(folder.join("only-2").exists() && !old.exists());
        let foreign = scratch.path().join("home");
        std::fs::create_dir(&foreign).unwrap();
        for (name, text) in [
            ("letter", ""),
            (MARK, ""),
            (MARK, r#"{"services":["shop"],"host":"example.com"}"#),
        ] {
            std::fs::write(foreign.join(name), text).unwrap();
            let refused = Out::new(&foreign).unwrap_err().to_string();
            assert!(refused.contains("--out"), "{name} {text}: {refused}");
        }
    }
}
