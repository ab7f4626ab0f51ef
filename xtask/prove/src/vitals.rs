//! What the system says of the gateway's process and its data directory.

use crate::gateway::Gateway;
use std::path::Path;
use std::time::Duration;

/// Ticks in which Linux tells CPU time, per second.
const TICKS: u64 = 100;

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// `VmRSS`.
    pub(crate) resident: u64,
    /// `VmHWM`: the most it ever was.
    pub(crate) peak: u64,
}

impl Gateway {
    /// Its memory now.
    pub(crate) fn memory(&self) -> Result<Memory, String> {
        let status = self.proc("status")?;
        let field = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"))
                .and_then(|kib| kib.parse::<u64>().ok())
                .map(|kib| kib << 10)
                .ok_or_else(|| format!("the system tells no {name}"))
        };
        Ok(Memory {
            resident: field("VmRSS:")?,
            peak: field("VmHWM:")?,
        })
    }

    /// CPU time it has taken since it started.
    pub(crate) fn cpu(&self) -> Result<Duration, String> {
        let stat = self.proc("stat")?;
        // The name before may hold anything, also parentheses and spaces.
        let (_, fields) = stat.rsplit_once(") ").ok_or("an unreadable stat")?;
        let ticks: u64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Ok(Duration::from_millis(ticks * 1000 / TICKS))
    }

    /// Bytes that its data directory takes on the disk, without the room set aside.
    pub(crate) fn disk(&self) -> Result<u64, String> {
        taken(&self.data()).map_err(|e| e.to_string())
    }

    /// Descriptors that it has open.
    pub(crate) fn descriptors(&self) -> Result<usize, String> {
        let id = self.id().ok_or("the gateway is not running")?;
        let listed = std::fs::read_dir(format!("/proc/{id}/fd")).map_err(|e| e.to_string())?;
        Ok(listed.count())
    }

    fn proc(&self, file: &str) -> Result<String, String> {
        let id = self.id().ok_or("the gateway is not running")?;
        std::fs::read_to_string(format!("/proc/{id}/{file}")).map_err(|e| e.to_string())
    }
}

fn taken(path: &Path) -> std::io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        if kind.is_dir() {
            bytes += taken(&entry.path())?;
        } else if entry.file_name() != "reserve" {
            bytes += kind.blocks() * 512;
        }
    }
    Ok(bytes)
}
