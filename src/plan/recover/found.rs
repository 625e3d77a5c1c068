//! What interrupted runs left on a set and its nodes: what will be undone, what is left alone, what can't be told.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;
use serde_json::Value;

use super::node_off;
use crate::model::finding::{Finding, Severity};
use crate::model::journal::Journal;
use crate::model::mark::{HELPER, LEASE_PREFIX, MARK, Mark, RUN};
use crate::model::read::{Read, Skip};
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::{pod, set};
use crate::plan::surge;
use crate::plan::undo::{Fate, Undo, mark_text, out_of_service, undo};
use crate::plan::verify::residue::{holder, renewed};
use crate::plan::verify::seen::Seen;

/// An object with a mark that will be followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Marked {
    /// The object, as `kind/name`.
    pub object: String,
    /// Where the server has it.
    pub path: String,
    /// The mark as it is written.
    pub written: String,
    /// What becomes of each field.
    pub undo: Undo,
}

/// A helper pod that will be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Which kind of helper.
    pub kind: String,
    /// The run that made it, where it says.
    pub run: Option<String>,
}

/// Whoever holds our Lease on the set, dead or alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who.
    pub holder: String,
    /// Which run of theirs, where it says.
    pub run: Option<String>,
    /// When it was renewed last, by their clock.
    pub renewed: Option<Timestamp>,
}

/// A node that was declared off, whose taint still lets something go.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The node.
    pub node: String,
    /// What of it is still there, a clause.
    pub why: String,
    /// The same with what to do.
    pub finding: Finding,
}

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What will be put back: budgets first, since one that is left open is the greatest danger.
    pub marks: Vec<Marked>,
    /// What will be deleted.
    pub helpers: Vec<Helper>,
    /// The Lease.
    pub lease: Option<Held>,
    /// Ours, and not to be undone by this program: marks that can't be followed.
    pub stuck: Vec<Finding>,
    /// Nodes that were declared off and must stay so for now.
    pub kept: Vec<Kept>,
    /// Not ours to take away, or not yet.
    pub alone: Vec<Finding>,
    /// Kinds of objects that can't be read, a clause each.
    pub unknown: Vec<String>,
    /// An upgrade that isn't finished: no residue, since its template is wanted until somebody says otherwise.
    pub unfinished: Option<Unfinished>,
}

/// An upgrade that isn't finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// The set, as `statefulset/name`.
    pub object: String,
    /// What is known of it, a sentence without a full stop.
    pub words: String,
}

impl Found {
    /// Whether there is nothing to do: then nothing is written, the lock not even taken. With `expired`, a Lease is nobody's
    /// business: it expires by itself.
    pub fn is_nothing(&self, expired: bool) -> bool {
        self.marks.is_empty() && self.helpers.is_empty() && (expired || self.lease.is_none())
    }

    /// What is to be done, a clause: `put 2 objects back, delete 1 helper pod`.
    pub fn goal(&self) -> String {
        let parts = [
            match self.marks.len() {
                0 => None,
                1 => Some("put 1 object back as it was".to_owned()),
                more => Some(format!("put {more} objects back as they were")),
            },
            match self.helpers.len() {
                0 => None,
                1 => Some("delete 1 helper pod".to_owned()),
                more => Some(format!("delete {more} helper pods")),
            },
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return "take the lock of a run that has ended, and give it back".to_owned();
        }
        parts.join(", ")
    }
}

/// Looks for everything that interrupted runs left; with `expired` only for what is past its time.
///
/// # Errors
/// Where the set can't be seen.
pub fn find(seen: &Seen<'_>, expired: bool, now: Timestamp) -> Result<Found, Skip> {
    let set = seen.set()?;
    let space = seen.snapshot.taken.namespace.clone();
    let mut look = Look {
        found: Found::default(),
        of: (space.clone(), set::name(set).to_owned()),
        past: expired.then_some(now),
        seen,
    };
    let here = |group: &str, plural: &str| format!("/{group}/namespaces/{space}/{plural}");
    look.kind(
        "pdb",
        &here("apis/policy/v1", "poddisruptionbudgets"),
        Resource::Budgets,
    );
    look.kind(
        "statefulset",
        &here("apis/apps/v1", "statefulsets"),
        Resource::StatefulSets,
    );
    look.kind("pvc", &here("api/v1", "persistentvolumeclaims"), Resource::Claims);
    look.kind("pod", &here("api/v1", "pods"), Resource::Pods);
    look.kind("node", "/api/v1/nodes", Resource::Nodes);
    look.kind("nodepool", "nodepools", Resource::NodePools);
    look.kind("nodeclaim", "nodeclaims", Resource::NodeClaims);
    look.helpers(set::uid(set));
    look.lease();
    look.found.unfinished = unfinished(set::name(set), set.metadata.annotations.as_ref());
    Ok(look.found)
}

/// A look under way.
struct Look<'a> {
    found: Found,
    /// The namespace and name of the set.
    of: (String, String),
    /// Only what was meant to last until before this.
    past: Option<Timestamp>,
    seen: &'a Seen<'a>,
}

impl Look<'_> {
    /// Every object of a kind; `at` is the path of its collection, or for Karpenter's its plural.
    fn kind(&mut self, kind: &str, at: &str, resource: Resource) {
        let snapshot = self.seen.snapshot;
        let objects = match resource {
            Resource::Budgets => values(&snapshot.budgets),
            // What is on another set is that one's.
            Resource::StatefulSets => Ok(snapshot
                .set()
                .and_then(|set| serde_json::to_value(set).ok())
                .into_iter()
                .collect()),
            Resource::Claims => values(&snapshot.claims),
            Resource::Pods => values(&snapshot.pods),
            Resource::Nodes => values(&snapshot.nodes),
            Resource::NodePools => values(&snapshot.node_pools),
            _ => values(&snapshot.node_claims),
        };
        match objects {
            Err(why) => self.found.unknown.push(format!("{}: {why}", resource.noun())),
            Ok(objects) => {
                for object in &objects {
                    let path = if at.starts_with('/') {
                        format!("{at}/{}", name(object))
                    } else {
                        let version = object["apiVersion"].as_str().unwrap_or("karpenter.sh/v1");
                        format!("/apis/{version}/{at}/{}", name(object))
                    };
                    self.object(format!("{kind}/{}", name(object)), path, object);
                }
            }
        }
    }

    fn object(&mut self, object: String, path: String, value: &Value) {
        let Some(written) = mark_text(value) else {
            return;
        };
        let read = serde_json::from_str::<Mark>(written).ok();
        if let Some(mark) = &read
            && let Some(words) = self.not_ours(&object, mark)
        {
            self.found.alone.push(words);
            return;
        }
        match undo(value) {
            None => {}
            Some(Ok(undo)) => {
                if let Some(kept) = self.kept(&object, &undo) {
                    self.found.kept.push(kept);
                    return;
                }
                if let Some(why) = self.unseen_claims(&undo) {
                    let stuck = self.stuck(object, &path, &why);
                    self.found.stuck.push(stuck);
                    return;
                }
                self.found.marks.push(Marked {
                    written: written.to_owned(),
                    object,
                    path,
                    undo,
                });
            }
            Some(Err(why)) => {
                let stuck = self.stuck(object, &path, &why);
                self.found.stuck.push(stuck);
            }
        }
    }

    /// A node that was declared off stays so while something is left there that this frees.
    fn kept(&self, object: &str, undo: &Undo) -> Option<Kept> {
        let taint = out_of_service();
        undo.of(Fate::PutBack).find(|field| field.path == taint)?;
        let node = object.strip_prefix("node/")?;
        let why = node_off::held(self.seen, node)?;
        Some(Kept {
            node: node.to_owned(),
            finding: node_off::stays(self.seen, node, &undo.mark.operation, &why),
            why,
        })
    }

    /// Where claims can't be read, what a surge made isn't known, and its mark must still say so.
    fn unseen_claims(&self, undo: &Undo) -> Option<String> {
        surge::claims_in(&undo.mark).next()?;
        match &self.seen.snapshot.claims {
            Read::Got(_) => None,
            Read::Absent(why) | Read::Unreadable(why) => {
                Some(format!("which claims it made can't be looked at: {why}"))
            }
        }
    }

    /// Why a mark is left alone: another set's, or not past its time.
    fn not_ours(&self, object: &str, mark: &Mark) -> Option<Finding> {
        let (space, name) = &self.of;
        if let Some((theirs, set)) = mark.set()
            && (theirs, set) != (space.as_str(), name.as_str())
        {
            let mut finding = Finding::new(
                Severity::Information,
                object,
                format!("left by {}, which is about another set", mark.operation),
            );
            finding.remedy(self.seen.policy.shardctl_on(theirs, set, "recover"));
            return Some(finding);
        }
        let past = self.past?;
        (mark.until >= past).then(|| {
            let mut finding = Finding::new(
                Severity::Information,
                object,
                format!(
                    "left by {}, run by {}: meant to last until {:.0}, which isn't past",
                    mark.operation, mark.by, mark.until
                ),
            );
            finding.remedy("where that operation isn't running any more:");
            finding.remedy(self.seen.shardctl("recover"));
            finding
        })
    }

    fn stuck(&self, object: String, path: &str, why: &str) -> Finding {
        let mut parts = path.rsplit('/');
        let (name, plural) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let kubectl = |verb: &str, rest: &str| {
            let words = format!("{verb} {plural} {}{rest}", shell_word(name));
            if path.contains("/namespaces/") {
                self.seen.kubectl(&words)
            } else {
                self.seen.kubectl_cluster(&words)
            }
        };
        let mut finding = Finding::new(
            Severity::Error,
            object,
            "a mark of shardctl's that this version can't follow: the object is left as it is",
        );
        finding
            .evidence(why)
            .remedy("see what the object is and what it should be, and set that right by hand:")
            .remedy(kubectl("get", " -o yaml"))
            .remedy("then take the mark away:")
            .remedy(kubectl("annotate", &format!(" {MARK}-")));
        finding
    }

    fn helpers(&mut self, set_uid: &str) {
        let pods = self.seen.snapshot.pods.got();
        for found in pods.into_iter().flatten().filter(|found| !pod::is_terminating(found)) {
            let Some(kind) = pod::label(found, HELPER) else {
                continue;
            };
            if owned_by(found, set_uid) {
                if self.past.is_none_or(|now| deadline(found).is_some_and(|at| at < now)) {
                    self.found.helpers.push(Helper {
                        name: pod::name(found).to_owned(),
                        uid: pod::uid(found).to_owned(),
                        kind: kind.to_owned(),
                        run: pod::annotation(found, RUN).map(str::to_owned),
                    });
                }
                continue;
            }
            let name = pod::name(found);
            let mut finding = Finding::new(
                Severity::Information,
                format!("pod/{name}"),
                "has the label of a helper pod, and this set doesn't own it",
            );
            finding
                .remedy("it goes with its own set's recover; where it has no owner, look who made it, then:")
                .remedy(self.seen.kubectl(&format!("delete pod {}", shell_word(name))));
            self.found.alone.push(finding);
        }
    }

    fn lease(&mut self) {
        let wanted = format!("{LEASE_PREFIX}{}", self.of.1);
        match &self.seen.snapshot.leases {
            Read::Got(leases) => {
                let ours = leases
                    .iter()
                    .find(|lease| lease.metadata.name.as_deref() == Some(&wanted));
                self.found.lease = ours.and_then(|lease| {
                    Some(Held {
                        holder: holder(lease)?.to_owned(),
                        run: lease
                            .metadata
                            .annotations
                            .as_ref()
                            .and_then(|all| all.get(RUN).cloned()),
                        renewed: renewed(lease),
                    })
                });
            }
            Read::Absent(_) => {}
            Read::Unreadable(why) => self.found.unknown.push(format!("{}: {why}", Resource::Leases.noun())),
        }
    }
}

/// The objects as the server has them, as far as they are kept.
fn values<'a, T: Serialize + 'a, L>(read: &'a Read<L>) -> Result<Vec<Value>, &'a str>
where
    &'a L: IntoIterator<Item = &'a T>,
{
    match read {
        Read::Got(items) => Ok(items
            .into_iter()
            .filter_map(|item| serde_json::to_value(item).ok())
            .collect()),
        Read::Absent(_) => Ok(Vec::new()),
        Read::Unreadable(why) => Err(why),
    }
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn owned_by(found: &Pod, uid: &str) -> bool {
    let owners = found.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.uid == uid)
}

/// When the kubelet ends a helper: so long after it took it, or after it was made where no kubelet has.
fn deadline(found: &Pod) -> Option<Timestamp> {
    let seconds = found.spec.as_ref()?.active_deadline_seconds?;
    let began = found.status.as_ref().and_then(|status| status.start_time.as_ref());
    let from = began.or(found.metadata.creation_timestamp.as_ref())?;
    from.0.checked_add(SignedDuration::from_secs(seconds)).ok()
}

fn unfinished(set: &str, annotations: Option<&BTreeMap<String, String>>) -> Option<Unfinished> {
    let words = match Journal::of(annotations)? {
        Ok(journal) if journal.finished.is_some() => return None,
        Ok(journal) => format!(
            "an upgrade isn't finished ({}; {}, by {}, {:.0}): recover never touches a template",
            journal.what, journal.run, journal.by, journal.at
        ),
        Err(_) => "a journal of shardctl's that this version can't read: whether an upgrade is unfinished isn't known"
            .to_owned(),
    };
    Some(Unfinished {
        object: format!("statefulset/{set}"),
        words,
    })
}
