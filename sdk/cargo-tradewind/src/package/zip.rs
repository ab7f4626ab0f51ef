//! Archives in the form that functions are uploaded in: the same bytes each time, and programs that may be run.

use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;

/// 1980-01-01, the first day that the format knows.
const DAY: u16 = 0x21;
/// Made on Unix, by version 2.0 of the format.
const MADE_BY: u16 = 3 << 8 | 20;
const NEEDS: u16 = 20;
const DEFLATED: u16 = 8;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;

/// A file in an archive.
#[derive(Debug)]
pub(crate) struct File<'a> {
    pub(crate) name: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) is_program: bool,
}

/// The archive of these files, which together stay below 4 GiB.
pub(crate) fn archive(files: &[File<'_>]) -> std::io::Result<Vec<u8>> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for file in files {
        let start = size(archive.len())?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(file.bytes)?;
        let packed = encoder.finish()?;
        let head = head(file, &packed)?;
        archive.extend(b"PK\x03\x04");
        archive.extend(&head);
        archive.extend([0, 0]);
        archive.extend(file.name.bytes());
        archive.extend(packed);

        let mode: u32 = if file.is_program {
            0o100_755
        } else {
            0o100_644
        };
        directory.extend(b"PK\x01\x02");
        directory.extend(MADE_BY.to_le_bytes());
        directory.extend(head);
        // No further fields, no comment, the first disk, no text.
        directory.extend([0; 8]);
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(start.to_le_bytes());
        directory.extend(file.name.bytes());
    }
    let (start, length) = (size(archive.len())?, size(directory.len())?);
    let count = u16::try_from(files.len()).map_err(std::io::Error::other)?;
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    archive.extend(length.to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0, 0]);
    Ok(archive)
}

/// What both places say of a file.
fn head(file: &File<'_>, packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    for half in [NEEDS, FLAGS, DEFLATED, 0, DAY] {
        head.extend(half.to_le_bytes());
    }
    head.extend(crc32fast::hash(file.bytes).to_le_bytes());
    head.extend(size(packed.len())?.to_le_bytes());
    head.extend(size(file.bytes.len())?.to_le_bytes());
    let name = u16::try_from(file.name.len()).map_err(std::io::Error::other)?;
    head.extend(name.to_le_bytes());
    Ok(head)
}

fn size(length: usize) -> std::io::Result<u32> {
    u32::try_from(length).map_err(|_| std::io::Error::other("the archive is larger than 4 GiB"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn others_read_it_with_modes_and_it_is_the_same_each_time() {
        let program = vec![7; 100_000];
        let files = [
            File {
                name: "bootstrap",
                bytes: &program,
                is_program: true,
            },
            File {
                name: "orders/function.json",
                bytes: b"{}",
                is_program: false,
            },
        ];
        let bytes = archive(&files).unwrap();
        assert_eq!(bytes, archive(&files).unwrap());
        assert!(bytes.len() < 1000);
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a.zip");
        std::fs::write(&path, bytes).unwrap();
        let script = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                      print([(i.filename,oct(i.external_attr>>16),i.file_size,i.date_time[0]) for i in z.infolist()])";
        let output = Command::new("python3")
            .args(["-c", script])
            .arg(&path)
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            "[('bootstrap', '0o100755', 100000, 1980), ('orders/function.json', '0o100644', 2, 1980)]",
            "{output:?}"
        );
    }
}
