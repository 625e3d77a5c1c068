//! What controllers ask of every pod, claim, node and attachment at every change, read once for each version of it: of a thousand
//! objects one has changed.

use jiff::Timestamp;
use serde_json::Value;

use crate::sim::amounts::{Amounts, amounts, requests};
use crate::sim::json::{
    condition, controller, entry, find, is_leaving, list, moment, name, namespace, text, texts, uid,
};

/// The label that names a pod's revision.
pub(in crate::sim) const REVISION: &str = "controller-revision-hash";

/// An object at a glance. What it hasn't is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Its name.
    pub name: Box<str>,
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its uid.
    pub uid: Box<str>,
    /// Its labels, in the order of their keys.
    pub labels: Vec<(Box<str>, Box<str>)>,
    /// Whether anything owns it.
    pub owned: bool,
    /// The uid of the owner that controls it.
    pub owner: Box<str>,
    /// The node that it is on.
    pub node: Box<str>,
    /// Its revision.
    pub revision: Box<str>,
    /// The volume that it attaches.
    pub volume: Box<str>,
    /// The names of the claims that it uses.
    pub claims: Vec<Box<str>>,
    /// What it takes of its node.
    pub requests: Amounts,
    /// What a node gives.
    pub allocatable: Amounts,
    /// Whether its condition says that it is Ready.
    pub ready: bool,
    /// When that condition changed last.
    pub ready_changed: Option<Timestamp>,
    /// When an Event was last written, as far as it says so.
    pub written: Option<Timestamp>,
    /// Whether it is Running.
    pub runs: bool,
    /// Whether it is Pending.
    pub pending: bool,
    /// Whether it has come to its end, well or not.
    pub ended: bool,
    /// Whether it is being deleted.
    pub leaving: bool,
    /// Its address.
    pub address: Box<str>,
}

impl Glance {
    pub(super) fn at(pod: &Value) -> Glance {
        let boxed = |text: &str| text.to_owned().into_boxed_str();
        let phase = text(pod, "/status/phase");
        let said = list(pod, "/status/conditions").iter();
        Glance {
            name: boxed(name(pod)),
            namespace: boxed(namespace(pod)),
            uid: boxed(uid(pod)),
            labels: texts(pod, "/metadata/labels")
                .map(|(key, value)| (boxed(key), boxed(value)))
                .collect(),
            owned: !list(pod, "/metadata/ownerReferences").is_empty(),
            allocatable: amounts(pod, "/status/allocatable"),
            owner: boxed(controller(pod).map_or("", |owner| text(owner, "/uid"))),
            node: boxed(text(pod, "/spec/nodeName")),
            revision: boxed(entry(pod, "/metadata/labels", REVISION).unwrap_or_default()),
            volume: boxed(text(pod, "/spec/source/persistentVolumeName")),
            requests: requests(pod),
            claims: list(pod, "/spec/volumes")
                .iter()
                .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
                .filter(|claim| !claim.is_empty())
                .map(boxed)
                .collect(),
            ready: condition(pod, "Ready") == "True",
            ready_changed: said
                .filter(|one| text(one, "/type") == "Ready")
                .find_map(|one| moment(one, "/lastTransitionTime")),
            written: written(pod),
            runs: phase == "Running",
            pending: phase == "Pending",
            ended: ["Succeeded", "Failed"].contains(&phase),
            leaving: is_leaving(pod),
            address: boxed(text(pod, "/status/podIP")),
        }
    }

    /// One of its labels.
    pub fn label(&self, key: &str) -> Option<&str> {
        let mut all = self.labels.iter();
        all.find(|(own, _)| **own == *key).map(|(_, value)| &**value)
    }

    /// Whether it has a node.
    pub fn is_placed(&self) -> bool {
        !self.node.is_empty()
    }

    /// Whether a claim is among those that it uses.
    pub fn uses(&self, claim: &str) -> bool {
        self.claims.iter().any(|used| **used == *claim)
    }
}

fn written(event: &Value) -> Option<Timestamp> {
    find(event, "/involvedObject")?;
    let times = [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/eventTime",
        "/firstTimestamp",
        "/metadata/creationTimestamp",
    ];
    times.iter().filter_map(|pointer| moment(event, pointer)).max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_pod_says_is_seen_at_a_glance_and_what_it_lacks_is_empty() {
        let owner = |uid: &str, is_controller: bool| json!({"uid": uid, "controller": is_controller});
        let pod = json!({
            "metadata": {"labels": {REVISION: "db-1"}, "deletionTimestamp": "2026-01-01T00:00:09Z",
                "ownerReferences": [owner("other", false), owner("set", true)]},
            "spec": {"nodeName": "n1", "volumes": [{"emptyDir": {}}, {"persistentVolumeClaim": {"claimName": "data-db-0"}}]},
            "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [
                {"type": "Initialized", "status": "False"},
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z"}]},
        });
        let seen = Glance::at(&pod);
        assert_eq!((&*seen.owner, &*seen.node, &*seen.revision), ("set", "n1", "db-1"));
        assert_eq!(seen.ready_changed, Some("2026-01-01T00:00:01Z".parse().unwrap()));
        assert!(seen.ready && seen.runs && seen.leaving && *seen.address == *"10.0.0.1" && seen.is_placed());
        assert!(!seen.pending && !seen.ended && seen.uses("data-db-0") && !seen.uses("data-db-1"));
        assert_eq!(
            (seen.label(REVISION), seen.label("app"), seen.owned),
            (Some("db-1"), None, true)
        );
        let node =
            Glance::at(&json!({"metadata": {"name": "n1", "uid": "u"}, "status": {"allocatable": {"pods": "9"}}}));
        assert_eq!(
            (&*node.name, &*node.uid, node.allocatable.iter().count(), node.owned),
            ("n1", "u", 1, false)
        );
        let bare = Glance::at(&json!({"status": {"phase": "Failed"}}));
        assert!(bare.ended && !bare.ready && !bare.leaving && !bare.is_placed());
        assert_eq!((&*bare.owner, bare.claims.len(), bare.ready_changed), ("", 0, None));
    }
}
