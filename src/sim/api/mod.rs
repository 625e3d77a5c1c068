//! Requests to the store and back, as the API server answers them.
//!
//! What shardctl sends bounds what is served; anything else is answered with 501 and noted in [`Plane::strays`], so that no
//! run mistakes it for an answer.
//!
//! | verb | path | body | sent by |
//! |---|---|---|---|
//! | GET | any object, `/readyz`, `/version` | | `cluster/get`, `cluster/metadata` (metadata alone) |
//! | GET | any collection, `limit`, `continue`, selectors | | `cluster/get/pages` |
//! | GET | any collection, `watch=true` | | `cluster/watch` (kube-runtime's lists and watches) |
//! | GET | `/apis`, `/apis/GROUP`, `/apis/GROUP/VERSION` | | `cluster/read/karpenter`, `cluster/offered` |
//! | GET | `pods/NAME/log` | | `operations/observe/logs` |
//! | GET, upgraded | `pods/NAME/portforward`, `pods/NAME/exec` | websockets | `net/port_forward`, `net/exec` |
//! | POST | `selfsubjectaccessreviews` | JSON | `cluster/rights` |
//! | POST | `pods/NAME/eviction`, also dry | JSON | `cluster/evict`, `cluster/protection` |
//! | POST | `pods`, also dry; `events`; `leases` | JSON | `operations/act/helpers`, `operations/trial`, `cluster/announce`, `cluster/lease` |
//! | PUT | `leases/NAME` | JSON | `cluster/lease` |
//! | PATCH | `statefulsets/NAME`, `poddisruptionbudgets/NAME`, `nodes/NAME`, also dry | JSON patch | `operations/act`, `operations/trial` |
//! | PATCH | what `deploy` makes, also dry | server-side apply | `operations/deploy` |
//! | DELETE | `pods/NAME`, also dry; claims, leases, NodeClaims | DeleteOptions | `cluster/write`, `operations/act` |
//!
//! No other form of patch is ever sent: no merge, no strategic merge.

mod access;
mod answer;
mod apply;
mod discovery;
mod eviction;
mod log;
mod objects;
mod route;
mod stream;
mod watch;

use jiff::Timestamp;
use serde_json::Value;

use crate::sim::plane::Plane;
use crate::sim::refused::Refused;

pub use access::Access;
pub use answer::{Answer, Reply};
pub(in crate::sim) use eviction::by_budget;
pub(in crate::sim) use route::decoded;
pub use stream::{Listener, Stream, command, listener, stream};
pub use watch::{BOOKMARKS, Watch};

use route::Route;

/// A request, complete.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, without its question mark.
    pub query: String,
    /// `Content-Type`.
    pub content_type: String,
    /// `Accept`.
    pub accept: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// Whether it is meant to change something: what is only asked or tried isn't.
    pub fn is_mutating(&self) -> bool {
        let asks = self.method == "GET" || self.path.ends_with("/selfsubjectaccessreviews");
        if asks || self.query.split('&').any(|pair| pair == "dryRun=All") {
            return false;
        }
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let options = body.get("deleteOptions").unwrap_or(&body);
        let dry = options.get("dryRun").and_then(Value::as_array);
        dry.is_none_or(Vec::is_empty)
    }
}

/// Answers a request at a moment, and lets the controllers take note of what it changed.
pub fn answer(plane: &mut Plane, request: &Request, now: Timestamp) -> Reply {
    let reply = match serve(plane, request, now) {
        Ok(reply) => reply,
        Err(refused) => {
            if refused.code == 501 {
                plane
                    .strays
                    .push(format!("{} {}: {}", request.method, request.path, refused.message));
            }
            Reply::Answer(Answer::refused(&refused))
        }
    };
    plane.take_note(now);
    reply
}

fn serve(plane: &mut Plane, request: &Request, now: Timestamp) -> Result<Reply, Refused> {
    let whole = |answer: Answer| Ok(Reply::Answer(answer));
    match Route::of(request)? {
        Route::Probe => whole(Answer::text(200, "ok")),
        Route::Version => whole(discovery::version(plane)),
        Route::Group(group) => whole(discovery::group(plane, &group)),
        Route::Groups => whole(discovery::groups(plane)),
        Route::Resources { group, version } => whole(discovery::resources(plane, &group, &version)),
        Route::Review => whole(access::review(plane, request)?),
        Route::Nowhere => whole(Answer::nowhere()),
        Route::Unknown => Err(Refused::unknown()),
        Route::Objects(at) => {
            if !plane.serves(at.kind) {
                return whole(Answer::nowhere());
            }
            access::check(&plane.access, request, &at)?;
            objects::serve(plane, request, &at, now)
        }
    }
}

#[cfg(test)]
mod tests;
