//! What a program runs on, by its own head. A build that went to the wrong processor, or that asks for a newer C
//! library than the host has, would fail at the first event.

use crate::failure::Failure;

/// A processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Arch {
    #[value(name = "x86_64", alias = "amd64")]
    X86_64,
    #[value(name = "aarch64", alias = "arm64")]
    Aarch64,
}

impl Arch {
    pub(crate) fn rust(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
        }
    }

    /// As images have it.
    pub(crate) fn image(self) -> &'static str {
        match self {
            Arch::X86_64 => "amd64",
            Arch::Aarch64 => "arm64",
        }
    }

    pub(crate) fn is_here(self) -> bool {
        std::env::consts::OS == "linux" && std::env::consts::ARCH == self.rust()
    }
}

/// What a program asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) arch: Arch,
    pub(crate) libc: Libc,
}

/// The C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Libc {
    /// In the program itself.
    Static,
    /// GNU's, 2.N at least.
    Gnu(u32),
    /// One that no host has: musl's beside the program, or GNU's in a place of its own.
    Other,
}

/// What loads the library, where GNU's lies on every Linux.
const GNU: [&[u8]; 2] = [
    b"/lib64/ld-linux-x86-64.so.2\0",
    b"/lib/ld-linux-aarch64.so.1\0",
];
const INTERPRETER: u64 = 3;
const MARK: &[u8] = b"GLIBC_2.";

impl Machine {
    /// Reads the head of an ELF file.
    pub(crate) fn of(program: &[u8]) -> Result<Self, Failure> {
        read(program).ok_or_else(|| {
            Failure::new("the program is none for Linux on x86_64 or aarch64")
                .hint("leave --target and --binary out, or choose --arch")
        })
    }

    pub(crate) fn libc(&self) -> String {
        match self.libc {
            Libc::Static => "static".into(),
            Libc::Gnu(minor) => format!("glibc 2.{minor}"),
            Libc::Other => "other".into(),
        }
    }
}

fn read(program: &[u8]) -> Option<Machine> {
    let head = program.get(..64)?;
    // 64 bits, little-endian.
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let arch = match number(head, 18, 2)? {
        62 => Arch::X86_64,
        183 => Arch::Aarch64,
        _ => return None,
    };
    let (at, size, count) = (
        number(head, 32, 8)?,
        number(head, 54, 2)?,
        number(head, 56, 2)?,
    );
    let mut libc = Libc::Static;
    for nth in 0..count {
        let at = usize::try_from(at.checked_add(nth.checked_mul(size)?)?).ok()?;
        if number(program, at, 4)? == INTERPRETER {
            libc = match GNU.contains(&contents(program, at)?) {
                true => Libc::Gnu(newest(program)),
                false => Libc::Other,
            };
        }
    }
    Some(Machine { arch, libc })
}

/// What the entry of a program's table that begins here leads to.
fn contents(program: &[u8], entry: usize) -> Option<&[u8]> {
    let member = |at| usize::try_from(number(program, entry.checked_add(at)?, 8)?).ok();
    let (at, length) = (member(8)?, member(32)?);
    program.get(at..at.checked_add(length)?)
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |all, byte| all << 8 | u64::from(*byte)),
    )
}

/// The newest version of glibc that a symbol is asked of.
fn newest(program: &[u8]) -> u32 {
    let starts = program.windows(MARK.len()).enumerate();
    let marks = starts.filter(|(_, window)| *window == MARK);
    let versions = marks.map(|(at, _)| {
        let digits = program[at + MARK.len()..].iter().take(3);
        let digits = digits.take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |all, digit| all * 10 + u32::from(digit - b'0'))
    });
    versions.max().unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The least of a program for this machine.
    pub(crate) fn program(arch: Arch, libc: Libc) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(64 + 56, 0);
        bytes[18] = match arch {
            Arch::X86_64 => 62,
            Arch::Aarch64 => 183,
        };
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        let interpreter = match (libc, arch) {
            (Libc::Static, _) => return bytes,
            (Libc::Gnu(_), Arch::X86_64) => GNU[0],
            (Libc::Gnu(_), Arch::Aarch64) => GNU[1],
            (Libc::Other, _) => b"/lib/ld-musl-x86_64.so.1\0",
        };
        bytes[64] = 3;
        bytes[64 + 8] = 64 + 56;
        bytes[64 + 32] = u8::try_from(interpreter.len()).unwrap();
        bytes.extend(interpreter);
        if let Libc::Gnu(minor) = libc {
            bytes.extend(format!("\0GLIBC_2.2.5\0GLIBC_2.{minor}\0").bytes());
        }
        bytes
    }

    #[test]
    fn processor_and_library_are_read_from_the_head() {
        for arch in [Arch::X86_64, Arch::Aarch64] {
            for libc in [Libc::Static, Libc::Gnu(34), Libc::Other] {
                let found = Machine::of(&program(arch, libc)).unwrap();
                assert_eq!(found, Machine { arch, libc });
            }
        }
        let here = std::env::current_exe().unwrap();
        let here = Machine::of(&std::fs::read(here).unwrap()).unwrap();
        assert_eq!(here.arch.rust(), std::env::consts::ARCH);
    }

    #[test]
    fn what_is_no_program_is_refused_however_it_is_cut() {
        let whole = program(Arch::X86_64, Libc::Gnu(34));
        for length in 0..64 + 56 + GNU[0].len() {
            assert!(Machine::of(&whole[..length]).is_err(), "{length}");
        }
        let mut wrong = whole;
        wrong[32..40].fill(0xff);
        assert!(Machine::of(&wrong).is_err());
        assert!(Machine::of(b"MZ").is_err());
        assert!(Machine::of(b"#!/bin/sh\n").is_err());
    }
}
