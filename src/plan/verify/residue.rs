//! RES-01: what shardctl itself left behind: marks, the Lease, helper pods, cordons.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Check;
use super::karpenter::lifetime::from_now;
use super::seen::Seen;
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::karpenter::{NodeClaim, NodePool};
use crate::model::mark::{HELPER, LEASE_PREFIX, Mark};
use crate::model::read::{Read, Skip};
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::{node, pod, set};

/// How long a Lease is held where it doesn't say (seconds): shardctl's default.
pub(in crate::plan) const LEASE_SECONDS: i32 = 30;

/// RES-01.
pub const RES_01: Check = Check {
    about: Description {
        id: "RES-01",
        category: Category::BudgetAndResidue,
        severity: Severity::Warning,
        title: "no operation of shardctl's left anything behind",
        reads: &[
            Resource::StatefulSets,
            Resource::Budgets,
            Resource::Nodes,
            Resource::Claims,
            Resource::Pods,
            Resource::Leases,
            Resource::NodePools,
            Resource::NodeClaims,
        ],
        also: "",
        why: "Whatever shardctl changes for a while (a budget relaxed, a node cordoned or frozen, a shard more) it marks in the \
              same write. A mark without a running operation is a change that nobody undid. While an operation holds its Lease, \
              its marks are as they must be.",
        mend: "Nothing needs undoing by hand; where an operation is running, let it finish.\n$ shardctl recover",
        source: "the annotation shardctl.dev/mark; coordination.k8s.io/v1 Lease",
        entails: &[],
    },
    judge: res_01,
};

/// Something of ours on an object.
struct Found {
    object: String,
    what: Left,
}

enum Left {
    Mark(Mark),
    Unreadable,
    Helper(String, Option<Timestamp>),
}

fn res_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let mut verdict = Verdict::new();
    let mut found = Vec::new();
    collect(seen, &mut found, &mut verdict);
    let running = judge_lease(seen, set::name(set), &mut verdict);
    for Found { object, what } in &found {
        let expired = matches!(what, Left::Mark(mark) if mark.until < seen.now());
        let message = in_words(what, seen.now());
        if running && !expired {
            verdict
                .inform(object, format!("{message}; an operation is running now"))
                .remedy("wait for the operation to end: it takes this away itself");
        } else {
            let expired = if expired { " --expired" } else { "" };
            let finding = verdict.warn(object, message);
            if running {
                finding.remedy("when the operation that is running now has ended:");
            }
            finding.remedy(seen.shardctl(&format!("recover{expired}")));
        }
    }
    Ok(verdict.seen("nothing"))
}

fn in_words(what: &Left, now: Timestamp) -> String {
    match what {
        Left::Mark(mark) => {
            let until = if mark.until < now {
                format!("meant to last until {}, which is past", mark.until)
            } else {
                format!("meant to last until {}", mark.until)
            };
            format!(
                "left by {}, run by {}, {}, {until}; it was {}",
                mark.operation,
                mark.by,
                from_now(mark.since, now),
                mark.was
            )
        }
        Left::Unreadable => "a mark of shardctl's that this version can't read".to_owned(),
        Left::Helper(kind, Some(made)) => format!("a helper pod ({kind}), made {}", from_now(*made, now)),
        Left::Helper(kind, None) => format!("a helper pod ({kind})"),
    }
}

fn collect(seen: &Seen<'_>, found: &mut Vec<Found>, verdict: &mut Verdict) {
    let namespace = seen.snapshot.taken.namespace.clone();
    let set_name = seen.set().map(|set| set::name(set).to_owned()).unwrap_or_default();
    // Whether another set's operation lives, only its own Lease says, and its own recover undoes what it left.
    let mut marked = |object: String, annotations: Option<&std::collections::BTreeMap<String, String>>| {
        let what = match Mark::of(annotations) {
            None => return,
            Some(Ok(mark)) if mark.is_of_another_set(&namespace, &set_name) => return,
            Some(Ok(mark)) => Left::Mark(mark),
            Some(Err(_)) => Left::Unreadable,
        };
        found.push(Found { object, what });
    };
    let of = |kind: &str, meta: &ObjectMeta| format!("{kind}/{}", meta.name.as_deref().unwrap_or_default());
    if let Ok(set) = seen.set() {
        marked(of("statefulset", &set.metadata), set.metadata.annotations.as_ref());
    }
    for budget in got(&seen.snapshot.budgets, verdict).into_iter().flatten() {
        marked(of("pdb", &budget.metadata), budget.metadata.annotations.as_ref());
    }
    for node in got(&seen.snapshot.nodes, verdict).into_iter().flatten() {
        let cordoned = if node::is_cordoned(node) { " (cordoned)" } else { "" };
        let object = format!("{}{cordoned}", of("node", &node.metadata));
        marked(object, node.metadata.annotations.as_ref());
    }
    for claim in got(&seen.snapshot.claims, verdict).into_iter().flatten() {
        let object = of("persistentvolumeclaim", &claim.metadata);
        marked(object, claim.metadata.annotations.as_ref());
    }
    let pools = got(&seen.snapshot.node_pools, verdict).into_iter().flatten();
    for pool in pools.map(NodePool) {
        marked(format!("nodepool/{}", pool.name()), Some(&pool.annotations()));
    }
    let machines = got(&seen.snapshot.node_claims, verdict).into_iter().flatten();
    for claim in machines.map(NodeClaim) {
        marked(format!("nodeclaim/{}", claim.name()), Some(&claim.annotations()));
    }
    let pods = got(&seen.snapshot.pods, verdict);
    for shard in pods.into_iter().flatten() {
        marked(of("pod", &shard.metadata), shard.metadata.annotations.as_ref());
    }
    let ours = seen.set().map(set::uid).unwrap_or_default();
    for helper in pods
        .into_iter()
        .flatten()
        .filter(|found| !is_of_another_set(found, ours))
    {
        if let Some(kind) = pod::label(helper, HELPER) {
            let made = helper.metadata.creation_timestamp.as_ref().map(|time| time.0);
            found.push(Found {
                object: of("pod", &helper.metadata),
                what: Left::Helper(kind.to_owned(), made),
            });
        }
    }
}

/// Whether a helper pod belongs to another set; one that belongs to nobody may be anybody's.
fn is_of_another_set(helper: &Pod, ours: &str) -> bool {
    let owners = helper.metadata.owner_references.iter().flatten();
    let mut sets = owners.filter(|owner| owner.kind == "StatefulSet").peekable();
    sets.peek().is_some() && sets.all(|owner| owner.uid != ours)
}

/// What was got; a part that couldn't be read is said to be unjudged, one that isn't served holds nothing.
fn got<'a, L>(read: &'a Read<L>, verdict: &mut Verdict) -> Option<&'a L> {
    if let Read::Unreadable(why) = read {
        verdict.unsure(why.clone());
    }
    read.got()
}

/// Whether an operation that ended outright has left its Lease on the set, by the times that are written.
pub fn lease_is_left(seen: &Seen<'_>, set: &str) -> bool {
    let leases = seen.snapshot.leases.got().map(Vec::as_slice).unwrap_or_default();
    our_lease(leases, set).is_some_and(|(lease, _)| !is_live(lease, seen.now()))
}

/// Who holds our Lease on the set now, by the times that are written.
pub fn running<'a>(seen: &Seen<'a>, set: &str) -> Option<&'a str> {
    let leases = seen.snapshot.leases.got()?;
    let (lease, holder) = our_lease(leases, set)?;
    is_live(lease, seen.now()).then_some(holder)
}

/// Who holds a Lease of ours now, by the times that are written.
pub fn held_by(lease: &Lease, now: Timestamp) -> Option<&str> {
    holder(lease).filter(|_| is_live(lease, now))
}

/// Our Lease on the set with its holder, where there is one.
fn our_lease<'a>(leases: &'a [Lease], set: &str) -> Option<(&'a Lease, &'a str)> {
    let wanted = format!("{LEASE_PREFIX}{set}");
    let lease = leases
        .iter()
        .find(|lease| lease.metadata.name.as_deref() == Some(&wanted))?;
    Some((lease, holder(lease)?))
}

/// Judges our Lease on the set, and says whether an operation holds it now.
fn judge_lease(seen: &Seen<'_>, set: &str, verdict: &mut Verdict) -> bool {
    let wanted = format!("{LEASE_PREFIX}{set}");
    let leases = got(&seen.snapshot.leases, verdict)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let Some((lease, holder)) = our_lease(leases, set) else {
        return false;
    };
    let object = format!("lease/{wanted}");
    let renewed = renewed(lease);
    let when = renewed.map_or("at no known time".to_owned(), |at| from_now(at, seen.now()));
    let running = is_live(lease, seen.now());
    if running {
        verdict
            .inform(
                object,
                format!("an operation is running now: held by {holder}, renewed {when}"),
            )
            .remedy("wait for it to end, or see it with its own terminal");
    } else {
        verdict
            .warn(
                object,
                format!("held by {holder}, but last renewed {when}: that operation ended without putting things back"),
            )
            .remedy(seen.shardctl("recover"))
            .remedy(seen.kubectl(&format!("get lease {} -o yaml", shell_word(&wanted))));
    }
    running
}

/// Whoever holds a Lease; nobody does once it was given back.
pub(in crate::plan) fn holder(lease: &Lease) -> Option<&str> {
    lease
        .spec
        .as_ref()?
        .holder_identity
        .as_deref()
        .filter(|holder| !holder.is_empty())
}

/// When a Lease was renewed last, by its holder's words.
pub(in crate::plan) fn renewed(lease: &Lease) -> Option<Timestamp> {
    let spec = lease.spec.as_ref()?;
    let time = spec.renew_time.as_ref().or(spec.acquire_time.as_ref())?;
    Some(time.0)
}

/// Whether the Lease was renewed within its length, by the times that are written. One snapshot can't watch it being renewed.
pub(in crate::plan) fn is_live(lease: &Lease, now: Timestamp) -> bool {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
    let length = SignedDuration::from_secs(i64::from(seconds.unwrap_or(LEASE_SECONDS)));
    renewed(lease).is_some_and(|at| now.duration_since(at) <= length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::{Value, json};

    #[test]
    fn what_another_sets_operation_left_is_that_sets_to_tell() {
        let left = |set: &str| {
            let mark = json!({"operation": format!("drain/shop/{set}/4f2a"), "by": "ada@laptop",
                "since": "2026-03-01T11:00:00Z", "until": "2026-03-01T13:00:00Z", "was": {}});
            json!({"shardctl.dev/mark": mark.to_string()})
        };
        let scene = |set: &str, uid: &str| {
            let mut scene = Scene::healthy(3);
            scene.set(Resource::NodePools, Read::Got(Vec::new()));
            scene.set(Resource::NodeClaims, Read::Got(Vec::new()));
            let named = |name: &str| -> Value { json!({"metadata": {"name": name, "annotations": left(set)}}) };
            scene.add(Resource::Budgets, named("web"));
            scene.add(Resource::Claims, named("data-web-0"));
            scene.add(Resource::Nodes, named("node-9"));
            scene.add(Resource::NodePools, named("pool"));
            scene.add(Resource::NodeClaims, named("pool-x"));
            let owner = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": set, "uid": uid});
            scene.add(
                Resource::Pods,
                json!({"metadata": {
                    "name": "prepull", "labels": {"shardctl.dev/helper": "prepull"}, "ownerReferences": [owner],
                }}),
            );
            scene
        };
        let (_, findings) = words(&scene("db", "uid-db").judge(&RES_01));
        assert_eq!(findings.len(), 6, "{findings:?}");
        assert_eq!(words(&scene("web", "uid-web").judge(&RES_01)), ("pass", vec![]));
        // A helper that belongs to nobody may be ours.
        let mut nobodys = scene("web", "uid-web");
        nobodys.merge(
            Resource::Pods,
            "prepull",
            json!({"metadata": {"ownerReferences": null}}),
        );
        assert_eq!(words(&nobodys.judge(&RES_01)).1.len(), 1);
    }

    #[test]
    fn a_lease_lives_as_long_as_it_says_after_its_renewal() {
        let lease = |spec| serde_json::from_value::<Lease>(json!({"spec": spec})).unwrap();
        let now: Timestamp = "2026-01-01T00:00:20Z".parse().unwrap();
        let held =
            json!({"holderIdentity": "a", "renewTime": "2026-01-01T00:00:00.000000Z", "leaseDurationSeconds": 30});
        assert!(is_live(&lease(held), now));
        let old =
            json!({"holderIdentity": "a", "renewTime": "2026-01-01T00:00:00.000000Z", "leaseDurationSeconds": 10});
        assert!(!is_live(&lease(old.clone()), now));
        assert_eq!(holder(&lease(old)), Some("a"));
        assert_eq!(holder(&lease(json!({"holderIdentity": ""}))), None);
        assert!(!is_live(&lease(json!({"holderIdentity": "a"})), now));
    }
}
