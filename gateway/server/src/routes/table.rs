//! Which route a request belongs to: one tree of paths for each method.

use super::Route;
use super::cors::Cors;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{Method, Request};
use matchit::{Params, Router};
use std::sync::Arc;

/// The routes of one configuration. Within a method, a written step goes before a parameter, and
/// that before a wildcard.
#[derive(Default)]
pub struct Table {
    trees: Vec<(Method, Router<Arc<Route>>)>,
}

/// What a table makes of a request.
pub(crate) enum Found<'a, 'p> {
    /// It belongs to this route.
    Route(&'a Arc<Route>, Params<'a, 'p>),
    /// A browser asks whether a page may call the route that has these rules.
    Preflight(&'a Cors),
    /// The path is known, with these methods; true where plain `OPTIONS` are answered.
    Methods(String, bool),
}

impl Table {
    /// A table of these routes, each with its path and methods.
    pub fn new<'a>(routes: impl Iterator<Item = (&'a str, Vec<Method>, Arc<Route>)>) -> Self {
        let mut table = Self::default();
        let mut heads = Vec::new();
        for (path, methods, route) in routes {
            for method in methods {
                if method == Method::GET {
                    heads.push((path, route.clone()));
                }
                table.enter(method, path, route.clone());
            }
        }
        // `GET` takes `HEAD` along where no route of its own has it.
        for (path, route) in heads {
            table.enter(Method::HEAD, path, route);
        }
        table
    }

    fn enter(&mut self, method: Method, path: &str, route: Arc<Route>) {
        let at = self.trees.iter().position(|(known, _)| *known == method);
        let at = at.unwrap_or_else(|| {
            self.trees.push((method, Router::new()));
            self.trees.len() - 1
        });
        if let Some((_, tree)) = self.trees.get_mut(at) {
            // Conflicts were refused when the configuration was checked; what is left is a `HEAD`
            // that a route has for itself.
            tree.insert(path, route).ok();
        }
    }

    /// Whose request this is; `None` where no route has the path.
    pub(crate) fn find<'a, 'p, B>(&'a self, request: &'p Request<B>) -> Option<Found<'a, 'p>> {
        if self.trees.is_empty() {
            return None;
        }
        let path = request.uri().path();
        if let Some((route, params)) = self.at(request.method(), path) {
            return Some(Found::Route(route, params));
        }
        let headers = request.headers();
        if request.method() == Method::OPTIONS && headers.contains_key(ORIGIN) {
            let asked = headers
                .get(ACCESS_CONTROL_REQUEST_METHOD)
                .and_then(|value| Method::from_bytes(value.as_bytes()).ok());
            if let Some(asked) = asked
                && let Some((route, _)) = self.at(&asked, path)
                && let Some(cors) = &route.cors
            {
                return Some(Found::Preflight(cors));
            }
        }
        let mut methods = Vec::new();
        let mut open = false;
        for (method, tree) in &self.trees {
            if let Ok(found) = tree.at(path) {
                methods.push(method.as_str());
                open |= found.value.cors.is_some();
            }
        }
        if methods.is_empty() {
            return None;
        }
        if open {
            methods.push("OPTIONS");
        }
        Some(Found::Methods(methods.join(", "), open))
    }

    fn at<'a, 'p>(
        &'a self,
        method: &Method,
        path: &'p str,
    ) -> Option<(&'a Arc<Route>, Params<'a, 'p>)> {
        let (_, tree) = self.trees.iter().find(|(known, _)| known == method)?;
        let found = tree.at(path).ok()?;
        Some((found.value, found.params))
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}
