//! What is known from one look to the next of the objects that are the same: an operation looks at everything at each change, and of
//! thousands of objects one has changed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Node};

use super::roster;
use super::seen::event_time;
use crate::model::facts::Facts;
use crate::model::mark::Mark;
use crate::model::objects::Objects;
use crate::model::storage::VolumeAttachment;

/// What is known of the objects of a set and of what is said about them.
#[derive(Debug, Default)]
pub struct Known {
    /// Which pods are the shards.
    pub(super) roster: roster::Known,
    events: Mutex<Facts<Event, Said>>,
    attachments: Mutex<Facts<VolumeAttachment, Attached>>,
    marked: Mutex<Facts<Node, bool>>,
}

/// What an event is about, and when it was said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// Other events may have the same number, which are about another object.
    pub about: u64,
    /// When it was seen last, or made; none where it doesn't say.
    pub at: Option<Timestamp>,
}

impl Said {
    fn of(event: &Event) -> Said {
        let object = &event.involved_object;
        let made = || event.metadata.creation_timestamp.as_ref().map(|time| time.0);
        Said {
            about: number((object.kind.as_deref(), object.name.as_deref())),
            at: event_time(event).or_else(made),
        }
    }

    /// The number of events about an object.
    pub fn about(kind: &str, name: &str) -> u64 {
        number((Some(kind), Some(name)))
    }
}

/// Which volume an attachment is of, and whether it failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attached {
    /// Other attachments may have the same number, which are of another volume.
    pub volume: u64,
    /// Whether attaching or detaching has an error.
    pub failed: bool,
}

impl Attached {
    fn of(attachment: &VolumeAttachment) -> Attached {
        let status = attachment.status.as_ref();
        Attached {
            volume: number(attachment.spec.source.persistent_volume_name.as_deref()),
            failed: status.is_some_and(|status| status.attach_error.is_some() || status.detach_error.is_some()),
        }
    }

    /// The number of attachments of a volume.
    pub fn volume(name: &str) -> u64 {
        number(Some(name))
    }
}

impl Known {
    /// Of each event what it is about and when it was said.
    pub(super) fn events(&self, events: &Objects<Event>) -> Arc<[Said]> {
        locked(&self.events).about(events, Said::of)
    }

    /// Of each node whether it has a mark.
    pub(super) fn marked(&self, nodes: &Objects<Node>) -> Arc<[bool]> {
        let is_marked = |found: &Node| Mark::of(found.metadata.annotations.as_ref()).is_some();
        locked(&self.marked).about(nodes, is_marked)
    }

    /// Of each attachment which volume it is of.
    pub(super) fn attachments(&self, attachments: &Objects<VolumeAttachment>) -> Arc<[Attached]> {
        locked(&self.attachments).about(attachments, Attached::of)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::model::pod;
    use crate::model::read::Read;
    use crate::model::resource::Resource;
    use crate::plan::verify::seen::Seen;
    use crate::plan::verify::testing::Scene;

    #[test]
    fn an_event_that_comes_or_changes_is_heard_as_without_anything_known() {
        let mut scene = Scene::healthy(2);
        let by = |reason: &str| json!({"reason": reason, "source": {"component": "kubelet"}});
        scene.event("Pod", "db-0", "2026-03-01T11:30:00Z", by("First"));
        scene.event("Pod", "db-1", "2026-03-01T11:31:00Z", by("Other"));
        let mut snapshot = scene.snapshot();
        let known = Known::default();
        let told = |snapshot: &_| {
            let since = "2026-03-01T11:30:30Z".parse().unwrap();
            let [with, without] = [
                Seen::after(snapshot, &scene.policy, &known),
                Seen::of(snapshot, &scene.policy),
            ]
            .map(|seen| {
                let reasons = |events: Vec<&Event>| -> Vec<String> {
                    events.into_iter().filter_map(|event| event.reason.clone()).collect()
                };
                let late = reasons(seen.events_since(since));
                (reasons(seen.events_about("Pod", "db-0").unwrap()), late)
            });
            assert_eq!(with.0, without.0);
            with
        };
        let words = |all: &[&str]| -> Vec<String> { all.iter().map(|&word| word.to_owned()).collect() };
        assert_eq!(told(&snapshot), (words(&["First"]), words(&["Other"])));
        let Read::Got(events) = &mut snapshot.events else {
            panic!("events")
        };
        events.change(|events| {
            let mut again = (*events[0]).clone();
            again.reason = Some("Again".to_owned());
            again.last_timestamp = Some(serde_json::from_value(json!("2026-03-01T11:32:00Z")).unwrap());
            again.first_timestamp = None;
            events[0] = Arc::new(again.clone());
            again.reason = Some("More".to_owned());
            again.last_timestamp = Some(serde_json::from_value(json!("2026-03-01T11:33:00Z")).unwrap());
            events.push(Arc::new(again));
        });
        let (about, late) = told(&snapshot);
        assert_eq!(about, words(&["Again", "More"]));
        assert_eq!(late, words(&["Again", "Other", "More"]));
    }

    #[test]
    fn an_attachment_that_fails_and_a_node_that_is_marked_are_noticed() {
        let scene = Scene::healthy(2);
        let mut snapshot = scene.snapshot();
        let known = Known::default();
        let volume = |snapshot: &crate::model::snapshot::Snapshot| {
            let first = snapshot.attachments.got().and_then(Objects::first);
            first.unwrap().spec.source.persistent_volume_name.clone().unwrap()
        };
        let told = |snapshot: &_| {
            let seen = Seen::after(snapshot, &scene.policy, &known);
            let volume = volume(snapshot);
            (
                seen.attachments_of(&BTreeSet::from([volume.as_str()])).len(),
                seen.failed_attachments().len(),
                seen.marked_nodes().len(),
            )
        };
        assert_eq!(told(&snapshot), (1, 0, 0));
        let (Read::Got(attachments), Read::Got(nodes)) = (&mut snapshot.attachments, &mut snapshot.nodes) else {
            panic!("attachments and nodes")
        };
        attachments.change(|all| {
            let error = json!({"attached": false, "attachError": {"message": "no such disk"}});
            Arc::make_mut(&mut all[1]).status = serde_json::from_value(error).unwrap();
            let mut twice = (*all[0]).clone();
            twice.spec.node_name = "node-9".to_owned();
            all.push(Arc::new(twice));
        });
        nodes.change(|all| {
            let mark = json!({"operation": "upgrade/a/b/c", "by": "ada", "since": "2026-01-01T12:00:00Z",
                "until": "2026-01-01T12:00:00Z", "was": {}});
            let annotations = [(crate::model::mark::MARK.to_owned(), mark.to_string())];
            Arc::make_mut(&mut all[0]).metadata.annotations = Some(annotations.into());
        });
        assert_eq!(told(&snapshot), (2, 1, 1));
    }

    #[test]
    fn a_shard_that_goes_down_isnt_up_any_more() {
        let mut scene = Scene::healthy(2);
        let mut snapshot = scene.snapshot();
        let known = Known::default();
        let up = |snapshot: &_| {
            let seen = Seen::after(snapshot, &scene.policy, &known);
            let own = seen.own_pod(1).unwrap().map(|found| pod::name(found).to_owned());
            ([0, 1, 2].map(|ordinal| seen.is_up(ordinal).unwrap()), own)
        };
        let name = || Some("db-1".to_owned());
        assert_eq!(up(&snapshot), ([true, true, false], name()));
        let change = |snapshot: &mut crate::model::snapshot::Snapshot, change: &dyn Fn(&mut Vec<Arc<_>>)| {
            let Read::Got(pods) = &mut snapshot.pods else {
                panic!("pods")
            };
            pods.change(change);
        };
        change(&mut snapshot, &|pods| {
            Arc::make_mut(&mut pods[1]).metadata.deletion_timestamp =
                Some(serde_json::from_value(json!("2026-03-01T11:33:00Z")).unwrap());
        });
        assert_eq!(up(&snapshot), ([true, false, false], name()));
        change(&mut snapshot, &|pods| {
            Arc::make_mut(&mut pods[0]).metadata.owner_references = None;
        });
        assert_eq!(up(&snapshot), ([false, false, false], name()));
        change(&mut snapshot, &|pods| drop(pods.remove(1)));
        assert_eq!(up(&snapshot), ([false, false, false], None));
        scene.unreadable(Resource::Pods);
        let unread = scene.snapshot();
        assert!(
            Seen::after(&unread, &Scene::healthy(2).policy, &known)
                .is_up(0)
                .is_err()
        );
    }
}
