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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::fmt::Write;
    use tradewind_config::{System, load_str};

    /// A table of these paths, each a route `r0`, `r1`, ... with these methods; or why not.
    fn table(routes: &[(&str, &str)]) -> Result<Table, String> {
        let mut text = String::from("routes:\n");
        for (n, (methods, path)) in routes.iter().enumerate() {
            let sink = "{ kind: http, url: \"https://f.example\" }";
            writeln!(
                text,
                "  r{n}: {{ path: \"{path}\", methods: [{methods}], auth: none-i-understand, sink: {sink} }}"
            )
            .unwrap();
        }
        let checked = load_str("routes.yaml", &text, &crate::registry(), &System);
        let checked = checked.map_err(|found| found.to_string())?;
        Ok(crate::run::site(&checked).routes)
    }

    fn asked(
        table: &Table,
        method: &str,
        path: &str,
    ) -> Option<(String, BTreeMap<String, String>)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(())
            .unwrap();
        match table.find(&request) {
            Some(Found::Route(route, params)) => {
                Some((route.name.to_string(), super::super::path::decoded(&params)))
            }
            _ => None,
        }
    }

    #[test]
    fn paths_and_their_parameters() {
        type Asked = (
            &'static str,
            Option<(&'static str, &'static [(&'static str, &'static str)])>,
        );
        let cases: [(&[&str], &[Asked]); 11] = [
            (&["/"], &[("/", Some(("r0", &[]))), ("/a", None)]),
            (&[], &[("/", None)]),
            (
                &["/a", "/b", "/a/b", "/d/e/f"],
                &[
                    ("/a", Some(("r0", &[]))),
                    ("/b", Some(("r1", &[]))),
                    ("/a/b", Some(("r2", &[]))),
                    ("/d/e/f", Some(("r3", &[]))),
                    ("/d/e", None),
                ],
            ),
            (&["/a/b/c/d"], &[("/b", None), ("/a/b", None)]),
            (&["/a/"], &[("/a", None), ("/a/", Some(("r0", &[])))]),
            (
                &["/{name}", "/{name}/{id}"],
                &[
                    ("/foo", Some(("r0", &[("name", "foo")]))),
                    ("/foo/1", Some(("r1", &[("name", "foo"), ("id", "1")]))),
                    ("/foo/", None),
                ],
            ),
            (&["/{name}"], &[("/foo/bar/baz", None), ("/", None)]),
            (
                &["/{name}/bar/{id}"],
                &[
                    (
                        "/foo/bar/baz",
                        Some(("r0", &[("name", "foo"), ("id", "baz")])),
                    ),
                    ("/foo/foo/baz", None),
                ],
            ),
            (
                &["/{*foo}"],
                &[
                    ("/foo/bar/baz", Some(("r0", &[("foo", "foo/bar/baz")]))),
                    ("/", None),
                ],
            ),
            (
                &["/users/{*userpath}"],
                &[(
                    "/users/group1/user1",
                    Some(("r0", &[("userpath", "group1/user1")])),
                )],
            ),
            // Refused by the ancestor; here the written step goes first, and no choice is lost.
            (
                &["/{foo}", "/bar", "/{foo}/{bar}", "/bar/x/y"],
                &[
                    ("/bar", Some(("r1", &[]))),
                    ("/baz", Some(("r0", &[("foo", "baz")]))),
                    ("/bar/x", Some(("r2", &[("foo", "bar"), ("bar", "x")]))),
                    ("/bar/x/y", Some(("r3", &[]))),
                    ("/b%20c", Some(("r0", &[("foo", "b c")]))),
                    ("/a%2Fb", Some(("r0", &[("foo", "a/b")]))),
                    ("/%ff", Some(("r0", &[("foo", "%ff")]))),
                ],
            ),
        ];
        for (paths, requests) in cases {
            let routes: Vec<_> = paths.iter().map(|path| ("GET", *path)).collect();
            let table = table(&routes).unwrap();
            for (path, wanted) in requests {
                let wanted = wanted.map(|(name, params)| {
                    let params = params.iter().map(|(k, v)| (k.to_string(), v.to_string()));
                    (name.to_owned(), params.collect())
                });
                assert_eq!(asked(&table, "GET", path), wanted, "{path} of {paths:?}");
            }
        }
    }

    #[test]
    fn conflicts_name_both_lines() {
        for paths in [
            ["/{foo}", "/{bar}"],
            ["/{*foo}", "/{*bar}"],
            ["/{*foo}", "/{baz}"],
            ["/{foo}", "/{*bar}"],
            ["/a", "/a"],
            ["/users/{id}", "/users/{name}"],
        ] {
            let why = table(&[("GET", paths[0]), ("POST, GET", paths[1])]).unwrap_err();
            let told = |line: &str| {
                line.starts_with("routes.yaml:3:") && line.contains("of route `r0` on line 2")
            };
            assert!(why.lines().any(told), "{why}");
            // No method in common, no conflict.
            assert!(
                table(&[("GET", paths[0]), ("POST", paths[1])]).is_ok(),
                "{paths:?}"
            );
        }
        assert!(table(&[("GET", "/{*foo}/bar")]).is_err());
        // Two names in one place, but no request in common.
        assert!(table(&[("GET", "/users/{id}/x"), ("GET", "/users/{name}/y")]).is_ok());
    }

    #[test]
    fn each_method_has_its_own_paths() {
        let table = table(&[
            ("GET", "/{id}"),
            ("POST", "/me"),
            ("HEAD", "/{x}"),
            ("GET, OPTIONS", "/o"),
        ])
        .unwrap();
        let name = |method: &str, path: &str| asked(&table, method, path).map(|(name, _)| name);
        for (method, path, route) in [
            ("GET", "/me", Some("r0")),
            ("POST", "/me", Some("r1")),
            ("HEAD", "/me", Some("r2")),
            ("HEAD", "/o", Some("r3")),
            ("OPTIONS", "/o", Some("r3")),
            ("OPTIONS", "/me", None),
            ("POST", "/o", None),
        ] {
            assert_eq!(name(method, path).as_deref(), route, "{method} {path}");
        }
    }
}
