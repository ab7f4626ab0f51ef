//! From a file to a configuration that is ready to run.

mod allow;
mod authority;
mod engines;
pub(crate) mod filter;
mod gateway;
mod group;
mod keys;
mod lint;
pub(crate) mod paths;
mod policy;
mod refusal;
mod registries;
pub(crate) mod routes;
mod schemas;
mod shadow;
mod sources;
mod spaces;
mod streams;
mod subscriptions;
pub(crate) mod transform;

use crate::checked::{Checked, Config, LoadedSpace};
use crate::decode::{Part, Trouble};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::{Document, Spot, child};
use crate::env::Env;
use crate::model::{Admin, File, Tls};
use crate::phrase;
use crate::secret;
use crate::snapshot::Snapshot;
use authority::There;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use tradewind_adapter::{Failure, Registry};

/// Whether something may be called so: 1 to 63 characters out of `a-z`, `0-9` and `-`.
pub fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(legal)
}

/// Loads a configuration file; TOML where its name ends in `.toml`, else YAML.
///
/// # Errors
/// Everything that is wrong with the file, and its warnings, in the order of the file.
pub fn load(path: &Path, registry: &Registry, env: &dyn Env) -> Result<Checked, Diagnostics> {
    let name = path.display().to_string();
    let text = env.read(path).map_err(|e| {
        let message = format!("cannot read the configuration: {e}").to_lowercase();
        Diagnostic::of_file(&name, "unreadable-file", message)
            .hint("name another file with --config")
    })?;
    let says = |line: &str| !matches!(line.trim(), "" | "---") && !line.trim().starts_with('#');
    if !text.lines().any(says) {
        // What a file looks like for a moment while it is being rewritten; as a configuration it
        // would close every source.
        return Err(
            Diagnostic::of_file(&name, "empty-file", "the file is empty")
                .hint("a gateway without sources is `sources: {}`")
                .into(),
        );
    }
    load_str(&name, &text, registry, env)
}

/// As [`load`], from a text. `name` is shown in errors, decides the syntax, and its folder is where
/// relative references start.
///
/// # Errors
/// As [`load`].
pub fn load_str(
    name: &str,
    text: &str,
    registry: &Registry,
    env: &dyn Env,
) -> Result<Checked, Diagnostics> {
    let mut out = Diagnostics::default();
    let mut document = Document::parse(name, text, env, &mut out)?;
    secret::mask(&mut document, registry, &mut out);
    let mut loader = Loader {
        document: &document,
        registry,
        env,
        read: Vec::new(),
        held: Vec::new(),
        spaces: BTreeMap::new(),
        out,
    };
    let checked = loader.run();
    let mut out = loader.out;
    out.sort();
    match checked {
        Some(mut checked) if !out.has_errors() => {
            checked.warnings = out;
            Ok(checked)
        }
        _ => Err(out),
    }
}

struct Loader<'a> {
    document: &'a Document,
    registry: &'a Registry,
    env: &'a dyn Env,
    /// Files that are named in other ways than by references.
    read: Vec<PathBuf>,
    /// What they hold, by the place that names them.
    held: Vec<(String, String)>,
    /// Spaces by name, read before all that names one.
    spaces: BTreeMap<String, LoadedSpace>,
    out: Diagnostics,
}

impl Loader<'_> {
    fn run(&mut self) -> Option<Checked> {
        let file = self.file()?;
        self.check_gateway(&file);
        let asks = |tls: &Option<Tls>| tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        self.check_certificates(asks(&file.tls), asks(&file.admin_tls));
        self.spaces(file.spaces);
        let api_keys = self.api_keys(file.api_keys);
        let streams = self.streams(file.streams, file.durability);
        let schema_registries = self.schema_registries(file.schema_registries);
        let schemas = self.schemas(file.schemas, &schema_registries);
        let sources = self.sources(file.sources, (&streams, &schema_registries), &api_keys);
        let routes = self.routes(file.routes, (&sources, &streams), &api_keys, &file.limits);
        let admin_callers = self.admin_callers(file.admin_auth, file.admin.as_ref(), &api_keys);
        self.check_bodies(&file.limits, &sources);
        let subscriptions = self.subscriptions(file.subscriptions, &streams);
        let there = There {
            streams: &streams,
            subscriptions: &subscriptions,
            sources: &sources,
            routes: &routes,
            keys: &api_keys,
        };
        let authority = self.authority(file.policies, file.roles, &there);
        self.lint_simulated_keys();
        // What could not be loaded would be missing, and seem to be used by nobody.
        if !self.out.has_errors() {
            self.lint(&there, &authority);
            let listener = (&file.listen, file.tls.is_some());
            self.lint_listener(listener, &file.trusted_proxies);
        }
        self.allow(&file.check.allow);
        let admin = file
            .admin
            .unwrap_or_else(|| Admin::Socket(file.data_dir.join("admin.sock")));
        let mut files = vec![self.document.file().into()];
        files.extend(self.document.read.iter().cloned());
        files.append(&mut self.read);
        let mut snapshot = Snapshot::of(self.document);
        for (place, content) in &self.held {
            snapshot.holds(place, content);
        }
        Some(Checked {
            config: Config {
                listen: file.listen,
                admin,
                admin_tls: file.admin_tls,
                tls: file.tls,
                data_dir: file.data_dir,
                durability: file.durability,
                limits: file.limits,
                trusted_proxies: file.trusted_proxies.into(),
                api_keys: api_keys.keys.clone(),
                backup: file.backup,
                audit: file.audit,
                system_events: file.system_events,
                log: file.log,
                shutdown_grace: file.shutdown_grace.0,
            },
            admin_callers,
            spaces: std::mem::take(&mut self.spaces),
            key_spaces: api_keys.bound(),
            streams,
            schema_registries,
            schemas,
            policies: authority.policies,
            roles: authority.roles,
            sources,
            routes,
            subscriptions,
            warnings: Diagnostics::default(),
            files,
            snapshot,
        })
    }

    /// Reads a file that is named at a place, relative to the folder of this one.
    fn open(&mut self, place: &str, path: &Path) -> io::Result<(PathBuf, String)> {
        let folder = Path::new(self.document.file()).parent();
        let path = folder.unwrap_or_else(|| Path::new("")).join(path);
        let text = self.env.read(&path);
        // Also where it cannot be read: the watcher sees it come.
        self.read.push(path.clone());
        let text = text?;
        self.held.push((place.to_owned(), text.clone()));
        Ok((path, text))
    }

    fn file(&mut self) -> Option<File> {
        let mut value = self.document.value.clone();
        if let Value::Object(map) = &mut value {
            // `streams:` with everything under it commented out.
            map.retain(|_, value| !value.is_null());
        }
        let value = self.maps(
            "",
            value,
            &[
                "admin-tls",
                "backup",
                "check",
                "log",
                "limits",
                "system-events",
                "tls",
            ],
        )?;
        self.decode::<File>("", value)
    }

    /// Refuses lists where maps belong: serde would take their items as the keys in order.
    fn maps(&mut self, base: &str, mut value: Value, keys: &[&str]) -> Option<Value> {
        let mut refuse = |place: &str| {
            let message = "expected a map, found a list";
            self.out.push(
                self.document
                    .error(place, Spot::Value, "wrong-type", message),
            );
        };
        if value.is_array() {
            refuse(base);
            return None;
        }
        if let Value::Object(map) = &mut value {
            map.retain(|key, value| {
                let list = value.is_array() && keys.contains(&key.as_str());
                if list {
                    refuse(&child(base, key));
                }
                !list
            });
        }
        Some(value)
    }

    /// The entries of a map by name, names checked.
    fn named(&mut self, section: &str, map: BTreeMap<String, Value>) -> Vec<Named> {
        let mut all = Vec::new();
        for (name, value) in map {
            let base = child(&child("", section), &name);
            if !is_name(&name) {
                let what = match section {
                    "policies" => "policy",
                    "schema-registries" => "schema registry",
                    section => section.trim_end_matches('s'),
                };
                let message = format!("`{name}` cannot be the name of a {what}");
                let found = self.document.error(&base, Spot::Key, "bad-name", message);
                self.out
                    .push(found.hint("names have 1 to 63 characters out of a-z, 0-9 and -"));
            }
            if let Some(value) = self.maps(
                &base,
                value,
                &["retry", "breaker", "batch", "cors", "quotas"],
            ) {
                all.push(Named { name, base, value });
            }
        }
        all
    }

    fn decode<T: serde::de::DeserializeOwned>(&mut self, base: &str, value: Value) -> Option<T> {
        self.decode_with(base, value, &[])
    }

    /// As [`Loader::decode`], where other keys are valid, too.
    fn decode_with<T: serde::de::DeserializeOwned>(
        &mut self,
        base: &str,
        value: Value,
        also: &[&str],
    ) -> Option<T> {
        let part = Part {
            document: self.document,
            base,
            value,
            also,
        };
        part.decode(&mut self.out)
    }

    /// Builds by an adapter. `base` is where its settings stand, `kinds` are those that there are.
    fn build<T>(
        &mut self,
        base: &str,
        (kind, kinds): (&str, &[&'static str]),
        value: Value,
        also: &[&str],
        make: impl Fn(&Value) -> Result<T, Failure>,
    ) -> Option<T> {
        if !kinds.contains(&kind) {
            let failure = make(&value).err()?;
            let message = failure.error.message();
            self.unknown_kind(&child(base, "kind"), kind, message, (kinds, "kinds"));
            return None;
        }
        let document = self.document;
        let part = Part {
            document,
            base,
            value,
            also,
        };
        part.attempt(&mut self.out, |value| {
            make(value).map_err(|failure| Trouble {
                path: failure.path,
                message: failure.error.message().to_string(),
            })
        })
    }

    fn unknown_kind(
        &mut self,
        place: &str,
        kind: &str,
        message: &str,
        (kinds, noun): (&[&str], &str),
    ) {
        let known: Vec<String> = kinds.iter().map(|kind| kind.to_string()).collect();
        // The registry lists what there is, or names the feature that would add the kind.
        let (text, hint) = match (message.split_once(" (there are"), message.split_once(": ")) {
            (None, Some((text, feature))) => (text, feature.to_string()),
            (list, _) => {
                let text = list.map_or(message, |(text, _)| text);
                (text, phrase::choose(kind, &known, noun))
            }
        };
        let found = self
            .document
            .error(place, Spot::Value, "unknown-kind", text);
        self.out.push(found.hint(self.document.veil(place, hint)));
    }
}

/// A named entry and its place.
struct Named {
    name: String,
    base: String,
    value: Value,
}
