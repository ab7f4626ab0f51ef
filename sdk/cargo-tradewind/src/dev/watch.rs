//! Files of the package and of those that it is made of.

use crate::failure::Failure;
use crate::project::Project;
use notify::event::{EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// An editor writes a file in several steps, and several files at once.
const QUIET: Duration = Duration::from_millis(150);

/// Changes, one for all that come together. The watcher lives as long as this.
#[derive(Debug)]
pub(crate) struct Changes {
    seen: mpsc::Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// The next change, when it is over.
    pub(crate) async fn recv(&mut self) -> Option<()> {
        self.seen.recv().await?;
        while let Ok(more) = tokio::time::timeout(QUIET, self.seen.recv()).await {
            more?;
        }
        Some(())
    }
}

/// Watches the folders of a project.
pub(crate) fn files(project: &Project) -> Result<Changes, Failure> {
    // One that waits is enough to know that something changed.
    let (sender, seen) = mpsc::channel(1);
    let folders = project.folders.clone();
    let target = project.target_folder.clone();
    let within = folders.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let matters = match &event {
            Ok(event) => matters(event, &within, &target),
            // What was missed may have been a change.
            Err(_) => true,
        };
        if matters {
            sender.try_send(()).ok();
        }
    })
    .map_err(|e| unwatched(&e))?;
    for folder in &folders {
        for (path, mode) in places(folder) {
            watcher.watch(&path, mode).map_err(|e| unwatched(&e))?;
        }
    }
    Ok(Changes {
        seen,
        _watcher: watcher,
    })
}

fn unwatched(error: &notify::Error) -> Failure {
    Failure::new(format!("files cannot be watched: {error}"))
        .hint("raise fs.inotify.max_user_watches, or run the handler by `cargo run`")
}

/// The folder itself, and what is in it but builds and what is hidden: these can be huge.
fn places(folder: &Path) -> Vec<(PathBuf, RecursiveMode)> {
    let mut all = vec![(folder.to_owned(), RecursiveMode::NonRecursive)];
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let wanted = folders.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // A package within has its own place in the list.
        name != "target" && !name.starts_with('.') && !entry.path().join("Cargo.toml").exists()
    });
    all.extend(wanted.map(|entry| (entry.path(), RecursiveMode::Recursive)));
    all
}

/// Whether a program may come out otherwise.
fn matters(event: &Event, folders: &[PathBuf], target: &Path) -> bool {
    let changes = !matches!(
        event.kind,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_))
    );
    changes
        && event
            .paths
            .iter()
            .any(|path| is_source(path, folders, target))
}

fn is_source(path: &Path, folders: &[PathBuf], target: &Path) -> bool {
    let Some(rest) = folders
        .iter()
        .find_map(|folder| path.strip_prefix(folder).ok())
    else {
        return false;
    };
    let plain = |name: &std::ffi::OsStr| {
        let name = name.to_string_lossy();
        // What editors keep beside a file, and what cargo itself writes.
        !name.starts_with(['.', '#'])
            && !name.ends_with(['~', '#'])
            && name != "Cargo.lock"
            && !name.ends_with(".swp")
            && name != "4913"
    };
    let all_plain = rest.components().all(|part| match part {
        Component::Normal(name) => plain(name),
        _ => true,
    });
    all_plain && rest != Path::new("") && !path.starts_with(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_and_what_editors_leave_are_no_changes() {
        let folders = [PathBuf::from("/p"), PathBuf::from("/lib")];
        for (path, counts) in [
            ("/p/src/main.rs", true),
            ("/p/Cargo.toml", true),
            ("/p/events/order.json", true),
            ("/lib/src/lib.rs", true),
            ("/p", false),
            ("/p/Cargo.lock", false),
            ("/p/target/debug/p", false),
            ("/p/.git/index", false),
            ("/p/src/.main.rs.swp", false),
            ("/p/src/main.rs~", false),
            ("/p/src/4913", false),
            ("/elsewhere/src/main.rs", false),
        ] {
            let path = Path::new(path);
            let target = Path::new("/p/target");
            assert_eq!(
                is_source(path, &folders, target),
                counts,
                "{}",
                path.display()
            );
        }
    }

    #[tokio::test]
    async fn changes_that_come_together_are_one() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().canonicalize().unwrap();
        std::fs::create_dir(folder.join("src")).unwrap();
        std::fs::create_dir(folder.join("target")).unwrap();
        let project = Project::of_folder(&folder);
        let mut changes = files(&project).unwrap();
        std::fs::write(folder.join("target/x"), "").unwrap();
        for text in ["1", "2", "3"] {
            std::fs::write(folder.join("src/main.rs"), text).unwrap();
        }
        assert_eq!(changes.recv().await, Some(()));
        std::fs::write(folder.join("src/.hidden"), "").unwrap();
        let more = tokio::time::timeout(QUIET * 2, changes.recv()).await;
        assert!(more.is_err(), "a second change");
    }
}
