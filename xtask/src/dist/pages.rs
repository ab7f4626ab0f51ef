//! Man pages and completions, written by the binary itself.

use super::Release;
use crate::shell;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Shell, and the name of its script where packages put it.
pub(super) const SHELLS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/tradewind"),
    ("zsh", "usr/share/zsh/vendor-completions/_tradewind"),
    ("fish", "usr/share/fish/vendor_completions.d/tradewind.fish"),
];

/// Writes `man1/` and `completions/`; returns the folder of both.
pub(super) fn write(release: &Release, binary: &Path) -> Result<PathBuf, String> {
    let folder = release.scratch("pages")?;
    shell::run(Command::new(binary).arg("man").arg(folder.join("man1")))?;
    for (name, place) in SHELLS {
        let script = shell::read(Command::new(binary).args(["completions", name]))?;
        let place = Path::new(place).file_name().unwrap_or_default();
        let completions = folder.join("completions");
        std::fs::create_dir_all(&completions)
            .and_then(|()| std::fs::write(completions.join(place), script))
            .map_err(|e| e.to_string())?;
    }
    Ok(folder)
}
