//! The hosts that packages are made for, and what each of them takes.

use super::elf::{Arch, Libc};
use super::manifest::Manifest;
use super::out::Out;
use super::program::Program;
use super::{Plan, azure, container, knative, lambda, openwhisk};
use crate::failure::Failure;

/// One host.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) name: &'static str,
    /// What the SDK calls it.
    pub(crate) host: &'static str,
    /// Kinds of triggers that it has beside those of the host, and what they are there.
    pub(crate) also: &'static [(&'static str, &'static str)],
    arches: &'static [Arch],
    /// The newest glibc 2.N that is there; none where the image has nothing but the program.
    glibc: Option<u32>,
    /// Longest time for one event, in seconds.
    timeout_max: u32,
    /// MiB: least, usual, most.
    memory: (u32, u32, u32),
    /// Writes the files; gives the commands that deploy them.
    pub(crate) pack: fn(&Plan<'_>, &mut Out) -> Result<Vec<String>, Failure>,
}

const BOTH: &[Arch] = &[Arch::X86_64, Arch::Aarch64];
/// Seconds, where nobody says another time.
const TIMEOUT: u32 = 30;

pub(crate) const PLATFORMS: &[Platform] = &[
    Platform {
        name: "lambda",
        host: "lambda",
        also: &[],
        arches: BOTH,
        // Amazon Linux 2023.
        glibc: Some(34),
        timeout_max: 900,
        memory: (128, 256, 10_240),
        pack: lambda::pack,
    },
    Platform {
        name: "azure",
        host: "azure",
        also: &[],
        arches: &[Arch::X86_64],
        // Debian 11.
        glibc: Some(31),
        // Less five seconds in which the host hears of it: ten minutes is what the Consumption plan gives.
        timeout_max: 595,
        memory: (128, 1536, 1536),
        pack: azure::pack,
    },
    Platform {
        name: "cloud-run",
        host: "knative",
        also: &[(
            "queue",
            "a topic of Pub/Sub, and a subscription that pushes",
        )],
        arches: &[Arch::X86_64],
        glibc: None,
        timeout_max: 3595,
        memory: (128, 256, 32_768),
        pack: knative::cloud_run,
    },
    Platform {
        name: "knative",
        host: "knative",
        also: &[],
        arches: BOTH,
        glibc: None,
        timeout_max: 595,
        memory: (16, 128, 1_048_576),
        pack: knative::pack,
    },
    Platform {
        name: "openwhisk",
        host: "openwhisk",
        also: &[],
        arches: BOTH,
        glibc: None,
        timeout_max: 300,
        memory: (128, 256, 512),
        pack: openwhisk::pack,
    },
    Platform {
        name: "container",
        host: "http",
        also: &[],
        arches: BOTH,
        glibc: None,
        timeout_max: 86_400,
        memory: (16, 128, 1_048_576),
        pack: container::pack,
    },
];

pub(crate) fn named(name: &str) -> Result<&'static Platform, Failure> {
    let found = PLATFORMS.iter().find(|platform| platform.name == name);
    found.ok_or_else(|| Failure::usage(format!("`{name}` is no host")))
}

impl Platform {
    /// The processor to build for.
    pub(crate) fn arch(&self, asked: Option<Arch>) -> Result<Arch, Failure> {
        let arch = asked.unwrap_or(Arch::X86_64);
        match self.arches.contains(&arch) {
            true => Ok(arch),
            false => Err(self.foreign(arch)),
        }
    }

    /// Whether a program runs there.
    pub(crate) fn takes(&self, program: &Program) -> Result<(), Failure> {
        let machine = &program.machine;
        if !self.arches.contains(&machine.arch) {
            return Err(self.foreign(machine.arch));
        }
        let arch = machine.arch.rust();
        let hint = format!(
            "build for {arch}-unknown-linux-musl, as is done without --target and --binary"
        );
        match (machine.libc, self.glibc) {
            (Libc::Static, _) => Ok(()),
            (Libc::Gnu(needed), Some(there)) if needed <= there => Ok(()),
            (Libc::Gnu(needed), Some(there)) => Err(Failure::new(format!(
                "the program needs glibc 2.{needed}; {} has 2.{there}",
                self.name
            ))
            .hint(hint)),
            (Libc::Other, _) => Err(Failure::new(format!(
                "the program asks for a C library that {} does not have, such as musl as a library of its own",
                self.name
            ))
            .hint(format!(
                "link it statically: target {arch}-unknown-linux-musl without `-C target-feature=-crt-static`"
            ))),
            (Libc::Gnu(_), None) => Err(Failure::new(
                "the program needs a C library, and the image has nothing but the program",
            )
            .hint(hint)),
        }
    }

    /// Whether kinds of triggers can be chosen there.
    pub(crate) fn has_services(&self, services: &[String]) -> Result<(), Failure> {
        match services.is_empty() || self.name == "azure" {
            true => Ok(()),
            false => Err(Failure::usage(format!(
                "{} has one service of each kind: --service is for azure",
                self.name
            ))),
        }
    }

    fn foreign(&self, arch: Arch) -> Failure {
        let names: Vec<_> = self.arches.iter().map(|arch| arch.rust()).collect();
        Failure::usage(format!("{} does not run on {}", self.name, arch.rust()))
            .hint(format!("it does on {}", names.join(" and ")))
    }

    /// Seconds for one event.
    pub(crate) fn timeout(&self, asked: Option<u32>, manifest: &Manifest) -> Result<u32, Failure> {
        let seconds = asked.or_else(|| manifest.timeout()).unwrap_or(TIMEOUT);
        self.within(
            "seconds for one event",
            seconds,
            1,
            self.timeout_max,
            "--timeout",
        )
    }

    /// MiB, and whether somebody asked for that.
    pub(crate) fn memory(
        &self,
        asked: Option<u32>,
        manifest: &Manifest,
    ) -> Result<(u32, bool), Failure> {
        let (least, usual, most) = self.memory;
        let wanted = asked.or_else(|| manifest.memory());
        let found = self.within(
            "MiB of memory",
            wanted.unwrap_or(usual),
            least,
            most,
            "--memory",
        )?;
        Ok((found, wanted.is_some()))
    }

    fn within(
        &self,
        what: &str,
        value: u32,
        least: u32,
        most: u32,
        flag: &str,
    ) -> Result<u32, Failure> {
        match (least..=most).contains(&value) {
            true => Ok(value),
            false => Err(Failure::usage(format!(
                "{value} {what}: {} takes {least} to {most}",
                self.name
            ))
            .hint(format!(
                "declare another value in the handler, or say {flag}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::elf::Machine;

    #[test]
    fn a_program_finds_its_library_or_is_refused() {
        let arch = Arch::X86_64;
        for (host, libc, refused) in [
            ("lambda", Libc::Static, None),
            ("lambda", Libc::Gnu(34), None),
            ("lambda", Libc::Gnu(35), Some("glibc 2.35")),
            (
                "lambda",
                Libc::Other,
                Some("link it statically: target x86_64-unknown-linux-musl"),
            ),
            ("azure", Libc::Other, Some("such as musl")),
            ("container", Libc::Static, None),
            ("container", Libc::Gnu(17), Some("nothing but the program")),
            ("container", Libc::Other, Some("such as musl")),
        ] {
            let program = Program {
                path: "orders".into(),
                name: "orders".into(),
                machine: Machine { arch, libc },
            };
            let told = named(host).unwrap().takes(&program).err();
            let told = told.map(|failure| failure.to_string());
            let is_so = match (refused, &told) {
                (Some(why), Some(told)) => told.contains(why),
                (why, told) => why.is_none() && told.is_none(),
            };
            assert!(is_so, "{host} {libc:?}: {told:?}");
        }
    }
}
