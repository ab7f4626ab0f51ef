//! The layer of an image: `ustar`, with neither times nor owners.

use std::io::{Error, Result};

const BLOCK: usize = 512;

/// An archive under way.
#[derive(Debug, Default)]
pub(crate) struct Tar(Vec<u8>);

impl Tar {
    pub(crate) fn folder(&mut self, name: &str) -> Result<()> {
        self.entry(&format!("{name}/"), 0o755, b'5', &[])
    }

    pub(crate) fn file(&mut self, name: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        self.entry(name, mode, b'0', bytes)
    }

    /// Ends it.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.extend([0; 2 * BLOCK]);
        self.0
    }

    fn entry(&mut self, name: &str, mode: u32, kind: u8, bytes: &[u8]) -> Result<()> {
        let mut head = [0; BLOCK];
        let mut put = |at: usize, text: &[u8]| head[at..at + text.len()].copy_from_slice(text);
        if name.len() >= 100 {
            return Err(Error::other(format!(
                "{name}: the name is too long for an image"
            )));
        }
        put(0, name.as_bytes());
        put(100, format!("{mode:07o}\0").as_bytes());
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        let size = format!("{:011o}\0", bytes.len());
        if size.len() != 12 {
            return Err(Error::other(format!(
                "{name}: 8 GiB and more go into no image"
            )));
        }
        put(124, size.as_bytes());
        put(136, b"00000000000\0");
        // The sum counts its own place as blanks.
        put(148, b"        ");
        put(156, &[kind]);
        put(257, b"ustar\x0000");
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(head);
        self.0.extend(bytes);
        let rest = bytes.len() % BLOCK;
        self.0
            .extend(std::iter::repeat_n(0, (BLOCK - rest) % BLOCK));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn others_read_it_with_modes() {
        let mut tar = Tar::default();
        tar.folder("etc").unwrap();
        tar.file("etc/a", 0o644, &[1; 700]).unwrap();
        tar.file("orders", 0o755, &[2; 512]).unwrap();
        assert!(tar.file(&"x".repeat(100), 0o644, &[]).is_err());
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a.tar");
        std::fs::write(&path, tar.finish()).unwrap();
        let listed = Command::new("tar")
            .arg("--list")
            .arg("--verbose")
            .arg("--file")
            .arg(&path)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&listed.stdout);
        let line = |name: &str| {
            text.lines()
                .find(|line| line.ends_with(name))
                .unwrap_or_default()
        };
        assert!(
            line(" etc/").starts_with("drwxr-xr-x 0/0"),
            "{text}{listed:?}"
        );
        assert!(line(" etc/a").starts_with("-rw-r--r-- 0/0"), "{text}");
        assert!(line(" orders").contains(" 512 1970-01-01"), "{text}");
        assert!(listed.stderr.is_empty(), "{listed:?}");
    }
}
