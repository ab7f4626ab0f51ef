//! A machine to throw away: this machine's files under an overlay, `/var/lib` of its own, systemd as
//! PID 1 in a container of `systemd-nspawn`, no network but loopback.

use super::{UNIT, text};
use crate::shell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Fails where this machine cannot do it, and says what is missing.
pub(super) fn possible() -> Result<(), String> {
    let root = shell::read(Command::new("id").arg("--user"))?;
    if root.trim() != "0" {
        return Err("this proof installs a package and boots a container: run it as root".into());
    }
    for (program, package) in [
        ("systemd-nspawn", "systemd-container"),
        ("dpkg-deb", "dpkg"),
    ] {
        let known = Command::new(program).arg("--version").output();
        if !known.is_ok_and(|output| output.status.success()) {
            return Err(format!("no {program}: apt-get install {package}"));
        }
    }
    Ok(())
}

/// Running; ends and goes with the value.
pub(super) struct Machine {
    folder: PathBuf,
    container: Option<Child>,
    /// Its PID 1, seen from here.
    leader: String,
}

impl Machine {
    /// Boots one that has the package at `/tradewind.deb`.
    pub(super) fn boot(package: &Path) -> Result<Self, String> {
        let folder = shell::target().join("prove-install");
        let mut machine = Self {
            folder,
            container: None,
            leader: String::new(),
        };
        machine.clear()?;
        for part in ["up", "work", "root", "lib"] {
            std::fs::create_dir_all(machine.at(part)).map_err(|e| e.to_string())?;
        }
        let layers = format!(
            "lowerdir=/,upperdir={},workdir={}",
            machine.at("up").display(),
            machine.at("work").display()
        );
        let root = machine.at("root");
        shell::run(
            Command::new("mount")
                .args(["-t", "overlay", "overlay", "-o", &layers])
                .arg(&root),
        )?;
        // The data may not lie on an overlay, which containers throw away.
        shell::run(
            Command::new("cp")
                .args(["--archive", "/var/lib/dpkg"])
                .arg(machine.at("lib")),
        )?;
        // A machine of its own, that knows no service of this one.
        std::fs::write(root.join("etc/machine-id"), "").map_err(|e| e.to_string())?;
        // An image for containers forbids packages to start services; a machine does not.
        let policy = root.join("usr/sbin/policy-rc.d");
        if policy.exists() {
            std::fs::remove_file(policy).map_err(|e| e.to_string())?;
        }
        let console = std::fs::File::create(machine.at("console")).map_err(|e| e.to_string())?;
        let errors = console.try_clone().map_err(|e| e.to_string())?;
        let container = Command::new("systemd-nspawn")
            .args(["--quiet", "--boot", "--register=no", "--keep-unit"])
            .args(["--private-network", "--link-journal=no", "--console=pipe"])
            .arg(format!("--directory={}", root.display()))
            .arg(format!("--bind={}:/var/lib", machine.at("lib").display()))
            .arg(format!("--bind-ro={}:/tradewind.deb", package.display()))
            .arg("systemd.unit=basic.target")
            .stdin(Stdio::null())
            .stdout(console)
            .stderr(errors)
            .spawn()
            .map_err(|e| format!("systemd-nspawn: {e}"))?;
        let id = container.id();
        machine.container = Some(container);
        for _ in 0..300 {
            std::thread::sleep(Duration::from_millis(100));
            let children = format!("/proc/{id}/task/{id}/children");
            let children = std::fs::read_to_string(children).unwrap_or_default();
            if let Some(leader) = children.split_whitespace().next() {
                machine.leader = leader.to_owned();
                let (up, _) = machine.inside(&["systemctl", "is-active", "basic.target"])?;
                if up {
                    return Ok(machine);
                }
            }
        }
        let said = std::fs::read_to_string(machine.at("console")).unwrap_or_default();
        Err(format!("the container does not come up: {said}"))
    }

    /// Runs a command in it; what it says, if it succeeds.
    pub(super) fn run(&self, command: &[&str]) -> Result<String, String> {
        match self.inside(command)? {
            (true, said) => Ok(said),
            (false, said) => {
                let (_, log) = self.inside(&["journalctl", "--unit", UNIT, "--lines=20"])?;
                Err(format!("{}: {said}\n{log}", command.join(" ")))
            }
        }
    }

    /// Runs a command until it says this; gives up after half a minute.
    pub(super) fn until(&self, command: &[&str], wanted: &str) -> Result<String, String> {
        let mut said = String::new();
        for _ in 0..150 {
            said = self.inside(command)?.1;
            if said.contains(wanted) {
                return Ok(said);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Err(format!(
            "{} never says `{wanted}`: {said}",
            command.join(" ")
        ))
    }

    /// Properties of the unit, `NAME=value` each.
    pub(super) fn show(&self, properties: &str) -> Result<String, String> {
        self.run(&["systemctl", "show", "--property", properties, UNIT])
    }

    /// The same, once they say this.
    pub(super) fn until_shown(&self, properties: &str, wanted: &str) -> Result<String, String> {
        self.until(
            &["systemctl", "show", "--property", properties, UNIT],
            wanted,
        )
    }

    /// Installs the package, or upgrades over it.
    pub(super) fn install(&self) -> Result<(), String> {
        self.run(&["dpkg", "--install", "/tradewind.deb"]).map(drop)
    }

    /// Writes a file, and the folder that it is in.
    pub(super) fn write(&self, path: &str, content: &str) -> Result<(), String> {
        let script = "mkdir -p \"$(dirname \"$1\")\" && printf %s \"$2\" > \"$1\"";
        self.run(&["sh", "-c", script, "sh", path, content])
            .map(drop)
    }

    /// Every file that a package of our name may have left.
    pub(super) fn named_like_us(&self) -> Result<String, String> {
        let places = "/etc /usr /opt /srv /run /var";
        let ours = shell::root();
        // Caches belong to who keeps them: man-db has one of pages that were read.
        let script = format!(
            "find {places} -name '*tradewind*' -not -path '{}/*' -not -path '/var/cache/*' | sort",
            text(&ours)?
        );
        self.run(&["sh", "-c", &script])
    }

    fn inside(&self, command: &[&str]) -> Result<(bool, String), String> {
        let output = Command::new("nsenter")
            .args(["--target", &self.leader, "--all", "--"])
            .args(command)
            .env("SYSTEMD_COLORS", "0")
            .stdin(Stdio::null())
            .output()
            .map_err(|e| format!("nsenter: {e}"))?;
        let said = [output.stdout, output.stderr].concat();
        Ok((
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        ))
    }

    fn at(&self, part: &str) -> PathBuf {
        self.folder.join(part)
    }

    /// Takes away what is there, also of a run that was killed.
    fn clear(&self) -> Result<(), String> {
        if !self.folder.exists() {
            return Ok(());
        }
        // Fails where nothing is mounted.
        let unmount = ["--recursive", "--lazy", "--quiet"];
        let mut command = Command::new("umount");
        let root = self.at("root");
        command.args(unmount).arg(&root).stderr(Stdio::null());
        command.status().map_err(|e| e.to_string())?;
        if std::fs::read_dir(&root).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(format!("{} is still mounted", root.display()));
        }
        std::fs::remove_dir_all(&self.folder).map_err(|e| e.to_string())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(container) = &mut self.container {
            let id = container.id().to_string();
            // It shuts the container down; the second one does not wait for that.
            for _ in 0..2 {
                if matches!(container.try_wait(), Ok(Some(_))) {
                    break;
                }
                Command::new("kill").arg(&id).status().ok();
                for _ in 0..100 {
                    if matches!(container.try_wait(), Ok(Some(_))) {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
            container.wait().ok();
        }
        if let Err(why) = self.clear() {
            println!("left behind: {why}");
        }
    }
}
