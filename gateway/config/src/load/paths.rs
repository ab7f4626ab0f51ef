//! Paths of routes: steps, parameters, and requests that only one of them may take.

use super::Loader;
use super::sources::RESERVED;
use crate::checked::LoadedSource;
use crate::document::{Spot, child};
use crate::model::{Route, Verb};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A part of the path that a request is passed on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// What the parameter of this name matched.
    Parameter(String),
}

/// What the routes and sources before have taken.
pub(crate) struct Taken {
    sources: BTreeMap<String, String>,
    trees: HashMap<&'static str, matchit::Router<String>>,
}

impl Taken {
    pub(crate) fn new(sources: &BTreeMap<String, LoadedSource>) -> Self {
        let paths = sources
            .iter()
            .filter_map(|(name, source)| Some((source.common.path.clone()?, name.clone())));
        Self {
            sources: paths.collect(),
            trees: HashMap::new(),
        }
    }

    /// Name and path of the route that takes the same requests.
    fn take(&mut self, name: &str, verb: Verb, path: &str) -> Result<(), (String, String)> {
        let tree = self.trees.entry(verb.as_str()).or_default();
        let entry = format!("{name} {path}");
        tree.insert(path, entry).map_err(|error| match error {
            matchit::InsertError::Conflict { with } => {
                let name = tree.at(&with).ok().and_then(|found| {
                    let (name, _) = found.value.split_once(' ')?;
                    Some(name.to_owned())
                });
                (name.unwrap_or_default(), with)
            }
            // Steps were checked before.
            other => (String::new(), other.to_string()),
        })
    }
}

impl Loader<'_> {
    /// The parameters of a route's path; `None` where it cannot be served.
    pub(crate) fn check_route_path(
        &mut self,
        base: &str,
        name: &str,
        route: &Route,
        taken: &mut Taken,
    ) -> Option<Vec<String>> {
        let place = child(base, "path");
        let path = route.path.as_str();
        let mut refuse = |code, message: String, hint: String| {
            let found = self.document.error(&place, Spot::Value, code, message);
            self.out.push(found.hint(self.document.veil(&place, hint)));
        };
        let parameters = match steps(path) {
            Ok(parameters) => parameters,
            Err((message, hint)) => {
                refuse("bad-path", message, hint);
                return None;
            }
        };
        if RESERVED.contains(&path) || path.starts_with("/.well-known") {
            let hint = format!("the gateway answers there itself: take `/{name}`");
            refuse("bad-path", format!("path `{path}` is reserved"), hint);
            return None;
        }
        let line = |pointer: &str| self.document.error(pointer, Spot::Value, "", "").line;
        if let Some(source) = taken.sources.get(path) {
            let other = line(&child(&child("/sources", source), "path"));
            let message = format!("path `{path}` is taken by source `{source}` on line {other}");
            let hint = "a path belongs to one source or to routes: take another".into();
            refuse("duplicate-path", message, hint);
            return None;
        }
        let mut seen = BTreeSet::new();
        for verb in &route.methods {
            if !seen.insert(verb.as_str()) {
                continue;
            }
            if let Err((other, with)) = taken.take(name, *verb, path) {
                let at = line(&child(&child("/routes", &other), "path"));
                let verb = verb.as_str();
                let message = format!(
                    "`{verb} {path}` takes the same requests as `{verb} {with}` of route `{other}` on line {at}"
                );
                let hint = "one request goes to one route: change the path or the methods of one, or give their parameters one name".into();
                refuse("duplicate-path", message, hint);
                return None;
            }
        }
        Some(parameters)
    }
}

type Refused = (String, String);

/// The parameters of a path.
fn steps(path: &str) -> Result<Vec<String>, Refused> {
    let refuse = |message: String, hint: &str| Err((message, hint.to_owned()));
    let Some(rest) = path.strip_prefix('/') else {
        return Err((
            format!("path `{path}` does not start with `/`"),
            format!("write `/{path}`"),
        ));
    };
    let mut parameters: Vec<String> = Vec::new();
    let count = rest.split('/').count();
    for (at, step) in rest.split('/').enumerate() {
        let last = at + 1 == count;
        if let Some(name) = step.strip_prefix(':') {
            return Err((
                format!("`{step}` in path `{path}` is no parameter here"),
                format!("write `{{{name}}}`"),
            ));
        }
        if let Some(name) = step.strip_prefix('*') {
            return Err((
                format!("`{step}` in path `{path}` is no wildcard here"),
                format!("write `{{*{name}}}`"),
            ));
        }
        if let Some(name) = step.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
            let (name, wild) = match name.strip_prefix('*') {
                Some(name) => (name, true),
                None => (name, false),
            };
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(legal) {
                let message = format!("`{step}` in path `{path}` has no name that can be used");
                return refuse(message, "use letters, digits, `-` and `_`");
            }
            if wild && !last {
                let message = format!("`{step}` stands in the middle of path `{path}`");
                return refuse(
                    message,
                    "`{*name}` takes all that follows: put it at the end",
                );
            }
            if parameters.iter().any(|known| known == name) {
                let message = format!("parameter `{name}` occurs twice in path `{path}`");
                return refuse(message, "give each parameter a name of its own");
            }
            parameters.push(name.into());
            continue;
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        if !step.chars().all(legal) {
            let message = format!("path `{path}` holds characters that cannot be matched");
            let hint = "use letters, digits, `-`, `_`, `.`, `~` and `/`; a parameter is a whole step, `{name}`";
            return refuse(message, hint);
        }
        if matches!(step, "." | "..") || step.is_empty() && !last {
            let message = format!("path `{path}` holds an empty step");
            return refuse(message, "write it without `//`, `.` and `..`");
        }
    }
    Ok(parameters)
}

/// A path with parameters to be filled in.
pub(crate) fn rewrite(template: &str, parameters: &[String]) -> Result<Vec<Piece>, Refused> {
    let used = steps(template)?;
    if let Some(unknown) = used.iter().find(|name| !parameters.contains(name)) {
        let hint = match parameters {
            [] => "the path has no parameters".into(),
            known => format!("parameters of the path: {}", known.join(", ")),
        };
        return Err((format!("`path` has no parameter `{unknown}`"), hint));
    }
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        pieces.push(Piece::Text(text.into()));
        pieces.push(Piece::Parameter(name.trim_start_matches('*').into()));
        rest = after;
    }
    pieces.push(Piece::Text(rest.into()));
    Ok(pieces)
}
