//! What a request is about: its path, and the parameters of its query.

use std::collections::BTreeMap;

use super::Request;
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;
use crate::sim::store::Key;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// The server's own health.
    Probe,
    /// The server's version.
    Version,
    /// The list of API groups.
    Groups,
    /// One API group.
    Group(String),
    /// The resources of one version of a group.
    Resources {
        /// The group; empty for the core one.
        group: String,
        /// The version.
        version: String,
    },
    /// "May I?"
    Review,
    /// Objects.
    Objects(At),
    /// No path of this server.
    Nowhere,
    /// A kind or a version that isn't there, of a group that is.
    Unknown,
}

/// Which objects a path is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// Their kind.
    pub(super) kind: Kind,
    /// The namespace; none for all of them, and for what lives in none.
    pub(super) namespace: Option<String>,
    /// The one object.
    pub(super) name: Option<String>,
    /// What of it, as `status`.
    pub(super) subresource: Option<String>,
    /// The query.
    pub(super) query: BTreeMap<String, String>,
}

impl At {
    /// A parameter of the query; empty where it isn't there.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The key of the one object.
    pub(super) fn key(&self, name: &str) -> Key {
        Key::new(self.kind, self.namespace.as_deref().unwrap_or_default(), name)
    }

    /// Whether the query asks that nothing be kept.
    pub(super) fn is_dry(&self) -> bool {
        self.parameter("dryRun") == "All"
    }
}

impl Route {
    /// Reads a request's path and query.
    ///
    /// # Errors
    /// 400 for a query that can't be read.
    pub(super) fn of(request: &Request) -> Result<Route, Refused> {
        let parts: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["readyz" | "livez" | "healthz"] => return Ok(Route::Probe),
            ["version"] => return Ok(Route::Version),
            ["apis"] => return Ok(Route::Groups),
            ["apis", group] => return Ok(Route::Group((*group).to_owned())),
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => return Ok(Route::Review),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Ok(Route::Nowhere),
        };
        let (namespace, rest) = match rest {
            [] => {
                return Ok(Route::Resources {
                    group: group.to_owned(),
                    version: version.to_owned(),
                });
            }
            // A namespace is an object, and a folder of others.
            ["namespaces", name, plural, rest @ ..] if !["status", "finalize"].contains(plural) => {
                (Some((*name).to_owned()), [&[*plural], rest].concat())
            }
            rest => (None, rest.to_vec()),
        };
        let (plural, name, subresource) = match rest.as_slice() {
            [plural] => (*plural, None, None),
            [plural, name] => (*plural, Some(*name), None),
            [plural, name, subresource] => (*plural, Some(*name), Some(*subresource)),
            _ => return Ok(Route::Nowhere),
        };
        let Some(kind) = Kind::find(group, version, plural) else {
            return Ok(if Kind::is_built_in(group) {
                Route::Unknown
            } else {
                Route::Nowhere
            });
        };
        if kind.served().namespaced != namespace.is_some() && (name.is_some() || namespace.is_some()) {
            return Ok(Route::Nowhere);
        }
        Ok(Route::Objects(At {
            kind,
            namespace,
            name: name.map(str::to_owned),
            subresource: subresource.map(str::to_owned),
            query: query(&request.query)?,
        }))
    }
}

fn query(text: &str) -> Result<BTreeMap<String, String>, Refused> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decoded(key), decoded(value)) {
                (Some(key), Some(value)) => Ok((key, value)),
                _ => Err(Refused::bad_request(format!("invalid URL escape in \"{pair}\""))),
            }
        })
        .collect()
}

/// What percent signs and plus signs stand for.
pub(in crate::sim) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut letters = text.bytes();
    while let Some(letter) = letters.next() {
        bytes.push(match letter {
            b'+' => b' ',
            b'%' => {
                let digits = [letters.next()?, letters.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str, query: &str) -> Route {
        let request = Request {
            path: path.to_owned(),
            query: query.to_owned(),
            ..Request::default()
        };
        Route::of(&request).unwrap()
    }

    fn at(path: &str) -> (Kind, Option<String>, Option<String>, Option<String>) {
        match route(path, "") {
            Route::Objects(at) => (at.kind, at.namespace, at.name, at.subresource),
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_lead_where_the_server_leads_them() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(at("/api/v1/nodes/n1"), (Kind::Nodes, None, some("n1"), None));
        assert_eq!(at("/api/v1/pods"), (Kind::Pods, None, None, None));
        assert_eq!(
            at("/api/v1/namespaces/shop"),
            (Kind::Namespaces, None, some("shop"), None)
        );
        assert_eq!(
            at("/api/v1/namespaces/shop/pods/db-0/eviction"),
            (Kind::Pods, some("shop"), some("db-0"), some("eviction"))
        );
        assert_eq!(
            at("/apis/apps/v1/namespaces/shop/statefulsets"),
            (Kind::StatefulSets, some("shop"), None, None)
        );
        for nowhere in [
            "/apis/nobody.example/v1/statefulsets",
            "/api/v1/pods/db-0",
            "/api/v1/namespaces/a/nodes",
            "/metrics",
        ] {
            assert_eq!(route(nowhere, ""), Route::Nowhere, "{nowhere}");
        }
        assert_eq!(route("/apis/apps/v1beta1/statefulsets", ""), Route::Unknown);
        assert_eq!(route("/apis", ""), Route::Groups);
    }

    #[test]
    fn a_query_is_decoded() {
        let Route::Objects(at) = route("/api/v1/pods", "labelSelector=a%3Db%2Cc+in+%28d%29&limit=500") else {
            panic!("objects");
        };
        assert_eq!(at.parameter("labelSelector"), "a=b,c in (d)");
        assert_eq!((at.parameter("limit"), at.parameter("continue")), ("500", ""));
        let broken = Request {
            path: "/api/v1/pods".to_owned(),
            query: "a=%4".to_owned(),
            ..Request::default()
        };
        assert_eq!(Route::of(&broken).unwrap_err().code, 400);
    }
}
