//! `uncordon`: a node takes pods again, and what an interrupted run of ours changed there beside its cordon is put back as well.

use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

use super::undo::{mark_text, undo};
use crate::model::mark::{MARK, Mark, annotation};
use crate::model::node;

/// The field that `kubectl cordon` writes.
const CORDON: &str = "spec.unschedulable";

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It takes pods.
    Open,
    /// Somebody cordoned it, and no mark of ours is about that.
    Cordoned,
    /// A run of ours, alive or dead, cordoned it or found it cordoned, and has its mark there.
    Marked(Box<Mark>),
    /// A mark of ours that can't be followed.
    Unreadable,
}

/// How a node stands. A mark that isn't about the cordon, as an upgrade's, has nothing to do with it.
pub fn stands(place: &Node) -> Stands {
    match Mark::of(place.metadata.annotations.as_ref()) {
        Some(Err(_)) => Stands::Unreadable,
        Some(Ok(mark)) if mark.was.get(CORDON).is_some() => Stands::Marked(Box::new(mark)),
        _ if node::is_cordoned(place) => Stands::Cordoned,
        _ => Stands::Open,
    }
}

/// The next patch on the way to a node that takes pods, with what it does, in the past tense; none where it does.
///
/// # Errors
/// A clause, where its mark can't be followed.
pub fn patch(object: &Value, stands: &Stands) -> Option<Result<(Value, String), String>> {
    let at = annotation(MARK);
    match stands {
        Stands::Open => None,
        Stands::Unreadable => Some(Err("a mark of shardctl's that this version can't follow".to_owned())),
        Stands::Marked(mark) => Some(undo(object)?.map(|undo| {
            let fields: Vec<String> = undo.fields.iter().map(|field| field.words()).collect();
            let what = format!("what {} left is put back: {}", mark.operation, fields.join(", "));
            (undo.patch, what)
        })),
        Stands::Cordoned => {
            let patch = json!([
                {"op": "test", "path": at, "value": mark_text(object)},
                {"op": "test", "path": "/spec/unschedulable", "value": true},
                {"op": "remove", "path": "/spec/unschedulable"},
            ]);
            Some(Ok((patch, "uncordoned".to_owned())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node, cordoned or not, with a mark that says what was before.
    fn node(cordoned: bool, was: Option<Value>) -> (Value, Stands) {
        let mut object = json!({"metadata": {"name": "node-1"}, "spec": {"unschedulable": cordoned}});
        if let Some(was) = was {
            let mut is = was.clone();
            for value in is.as_object_mut().unwrap().values_mut() {
                *value = json!(true);
            }
            let mark = json!({"operation": "drain/shop/db/1", "by": "ada@laptop", "since": "2026-01-01T00:00:00Z",
                "until": "2026-01-01T00:00:00Z", "was": was, "is": is});
            object["metadata"]["annotations"] = json!({MARK: mark.to_string()});
        }
        let stands = stands(&serde_json::from_value(object.clone()).unwrap());
        (object, stands)
    }

    fn removes(object: &Value, stands: &Stands) -> Vec<String> {
        let (patch, _) = patch(object, stands).unwrap().unwrap();
        let all = patch.as_array().unwrap().iter().filter(|one| one["op"] == "remove");
        all.map(|one| one["path"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn an_open_node_needs_nothing_and_a_cordoned_one_only_that() {
        let (object, open) = node(false, None);
        assert_eq!((patch(&object, &open), open), (None, Stands::Open));
        let (object, cordoned) = node(true, None);
        assert_eq!(cordoned, Stands::Cordoned);
        assert_eq!(removes(&object, &cordoned), ["/spec/unschedulable"]);
    }

    #[test]
    fn what_a_drain_left_goes_with_its_mark_and_an_upgrades_mark_stays() {
        let frozen = "metadata.annotations.karpenter.sh/do-not-disrupt";
        let (mut object, marked) = node(true, Some(json!({CORDON: null, frozen: null})));
        object["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] = json!(true);
        assert_eq!(
            removes(&object, &marked),
            [
                "/metadata/annotations/karpenter.sh~1do-not-disrupt",
                "/spec/unschedulable",
                "/metadata/annotations/shardctl.dev~1mark",
            ]
        );
        let (object, upgrades) = node(true, Some(json!({frozen: null})));
        assert_eq!(upgrades, Stands::Cordoned);
        assert_eq!(removes(&object, &upgrades), ["/spec/unschedulable"]);
        // Cordoned before the drain: the mark goes first, and then what the user asked for is still to do.
        let (object, marked) = node(true, Some(json!({CORDON: true})));
        assert_eq!(removes(&object, &marked), ["/metadata/annotations/shardctl.dev~1mark"]);
    }

    #[test]
    fn a_mark_that_cannot_be_followed_is_not_passed_over() {
        let object = json!({"metadata": {"annotations": {MARK: "{torn"}}, "spec": {"unschedulable": true}});
        let torn = stands(&serde_json::from_value(object.clone()).unwrap());
        assert_eq!(torn, Stands::Unreadable);
        assert!(patch(&object, &torn).unwrap().is_err());
    }
}
