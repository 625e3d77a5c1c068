//! What an earlier run of the same operation left and this one goes on with: it gets this run's name before anything else.
//!
//! The earlier run may only have been suspended. When it wakes it has lost the lock, and takes away whatever bears its own name.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::model::mark::Mark;
use crate::model::node;
use crate::model::set;
use crate::model::step::{Act, Step};
use crate::plan::operation::Wishes;
use crate::plan::verify::seen::Seen;

/// The first mark of an earlier run, to be made `run`'s own: those on nodes, then the one on the set; not those objects that the
/// server doesn't let us change. None where somebody wants to stop: who is about to leave takes nothing over.
pub fn mark_to_own(seen: &Seen<'_>, run: &str, but: &BTreeSet<String>, wishes: Wishes) -> Option<Step> {
    if wishes.stop {
        return None;
    }
    Some(Step::Act(left_by_an_earlier_run(seen, run, but)?))
}

/// The same, whatever somebody wants.
pub fn left_by_an_earlier_run(seen: &Seen<'_>, run: &str, but: &BTreeSet<String>) -> Option<Act> {
    let earlier = |meta: &ObjectMeta| {
        let mark = Mark::of(meta.annotations.as_ref()).and_then(Result::ok);
        mark.is_some_and(|mark| mark.is_of(run) && mark.operation != run)
    };
    let mut nodes = seen.marked_nodes().into_iter();
    let is_open = |found: &&Node| earlier(&found.metadata) && !but.contains(&of_node(found));
    if let Some(found) = nodes.find(is_open) {
        let name = node::name(found);
        return Some(Act::OwnMark {
            object: of_node(found),
            path: format!("/api/v1/nodes/{name}"),
        });
    }
    let found = seen.set().ok().filter(|found| earlier(&found.metadata))?;
    let (namespace, name) = (&seen.snapshot.taken.namespace, set::name(found));
    let object = format!("statefulset/{name}");
    (!but.contains(&object)).then(|| Act::OwnMark {
        object,
        path: format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"),
    })
}

fn of_node(found: &Node) -> String {
    format!("node/{}", node::name(found))
}
