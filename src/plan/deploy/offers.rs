//! Whether a cluster offers what the workload takes; what is missing is refused, with the command that would bring it.

use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;
use serde_json::Value;

use crate::model::finding::{Finding, Severity};
use crate::model::offered::{Offered, Owned};
use crate::model::quantity::Amount;
use crate::model::read::Read;
use crate::model::refusal::Refusal;
use crate::model::report::Phase;
use crate::model::shell::shell_word;
use crate::model::volume::ZONE;
use crate::model::workload::Workload;
use crate::plan::manifest::class;
use crate::plan::manifest::names::{Names, OF_NAMESPACE, of_another_namespace};
use crate::plan::safety::catalogue::{
    FIELD_OWNER, NAME_TAKEN, NO_KARPENTER, NODE_CLASS, OLDER_NAME, QUOTA, SPREAD_LEFT, STORAGE_CLASS,
};
use crate::plan::verify::policy::Policy;

/// How AKS is given Karpenter.
const NAP: &str = "$ az aks update --name CLUSTER --resource-group GROUP --node-provisioning-mode Auto";
/// The version of Karpenter's objects that is written.
const SERVED: &str = "v1";
/// The version of AKS's node classes that is written.
const CLASS_SERVED: &str = "v1beta1";
/// The binding mode under which a disk gets its zone from the shard, and not the shard from the disk.
const LATE: &str = "WaitForFirstConsumer";

/// Where a set's template has its spreads, and what makes a demand of one.
const SPREADS: &str = "/spec/template/spec/topologySpreadConstraints";
const DEMAND: &str = "DoNotSchedule";

/// What is missing, and what is worth knowing.
pub fn judge(offered: &Offered, workload: &Workload, phase: Phase, policy: &Policy) -> (Vec<Refusal>, Vec<Finding>) {
    let mut refusals = Vec::new();
    let mut notes = Vec::new();
    refusals.extend(karpenter(offered));
    if refusals.is_empty() {
        refusals.extend(node_class(offered, workload, policy));
    }
    refusals.extend(storage(offered, workload, policy));
    refusals.extend(quotas(offered, workload, policy));
    refusals.extend(twin(offered, workload, policy));
    for (what, why) in [
        ("storageclasses", unreadable(&offered.storage)),
        ("statefulsets", unreadable(&offered.sets)),
        ("nodes", unreadable(&offered.zones)),
        ("resourcequotas", unreadable(&offered.quotas)),
    ] {
        if let Some(why) = why {
            let words = format!("couldn't be looked at: {why}");
            notes.push(Finding::new(Severity::Warning, what, words));
        }
    }
    notes.extend(zones(offered, workload));
    if phase == Phase::Explore && workload.zones.is_empty() && !is_there(offered, workload) {
        let words = "none is named: shards get their disks wherever nodes are ready first, and stay in that zone for good; \
                     --zones spreads them";
        notes.push(Finding::new(Severity::Warning, "zones", words));
    }
    (refusals, notes)
}

fn unreadable<T>(read: &Read<T>) -> Option<&str> {
    match read {
        Read::Unreadable(why) => Some(why),
        _ => None,
    }
}

fn karpenter(offered: &Offered) -> Option<Refusal> {
    let object = "api/karpenter.sh";
    match &offered.karpenter {
        Read::Got(versions) if versions.iter().any(|version| version == SERVED) => None,
        Read::Got(versions) => Some(
            NO_KARPENTER
                .refuse(
                    object,
                    format!("Karpenter serves {} and not {SERVED}", versions.join(", ")),
                )
                .remedy(
                    "its pools know no reasons in budgets and keep expiry elsewhere; update Karpenter to 1.0 or later",
                ),
        ),
        Read::Absent(why) => Some(
            NO_KARPENTER
                .refuse(object, format!("there is no Karpenter: {why}"))
                .remedy("on AKS, node auto-provisioning brings it:")
                .remedy(NAP),
        ),
        Read::Unreadable(why) => {
            Some(NO_KARPENTER.refuse(object, format!("whether Karpenter is there couldn't be seen: {why}")))
        }
    }
}

fn node_class(offered: &Offered, workload: &Workload, policy: &Policy) -> Option<Refusal> {
    match &workload.node_class {
        Some(class) => {
            let object = format!("{}/{}", class.kind.to_lowercase(), class.name);
            let list = format!("get {}.{}", class.kind.to_lowercase(), shell_word(&class.group));
            let (Read::Absent(why) | Read::Unreadable(why)) = &offered.node_class else {
                return None;
            };
            let message = format!("the pools would refer to what isn't there: {why}");
            let refusal = NODE_CLASS.refuse(object, message).remedy("those that there are:");
            Some(refusal.remedy(policy.kubectl_cluster(&list)))
        }
        None => {
            let message = match &offered.node_class {
                Read::Got(versions) if versions.iter().any(|version| version == CLASS_SERVED) => return None,
                Read::Got(versions) => {
                    format!(
                        "AKS's node classes are served as {} and not as {CLASS_SERVED}",
                        versions.join(", ")
                    )
                }
                Read::Absent(why) | Read::Unreadable(why) => format!("this Karpenter isn't AKS's: {why}"),
            };
            let refusal = NODE_CLASS.refuse(format!("api/{}", class::GROUP), message);
            Some(refusal.remedy("name the class that its pools refer to: --node-class GROUP/KIND/NAME"))
        }
    }
}

fn storage(offered: &Offered, workload: &Workload, policy: &Policy) -> Option<Refusal> {
    let classes = offered.storage.got()?;
    let name = &workload.storage_class;
    let object = format!("storageclass/{name}");
    let named = |class: &StorageClass| class.metadata.name.clone().unwrap_or_default();
    let is_late = |class: &&StorageClass| class.volume_binding_mode.as_deref() == Some(LATE);
    let late: Vec<String> = classes.iter().filter(is_late).map(named).collect();
    let refusal = match classes.iter().find(|class| named(class) == *name) {
        Some(class) if is_late(&class) => return None,
        Some(_) => STORAGE_CLASS.refuse(
            object,
            "it makes a disk before the shard has a node, in a zone where there may be none for it",
        ),
        None => STORAGE_CLASS.refuse(object, "there is no such storage class"),
    };
    Some(if late.is_empty() {
        refusal
            .remedy("no class here waits for the shard (volumeBindingMode: WaitForFirstConsumer); see what there is:")
            .remedy(policy.kubectl_cluster("get storageclasses"))
    } else {
        refusal.remedy(format!(
            "one that waits for the shard: --storage-class {}",
            late.join(", or ")
        ))
    })
}

/// Whether the set is there.
fn is_there(offered: &Offered, workload: &Workload) -> bool {
    let name = Names::of(workload).set;
    offered.sets.got().is_some_and(|sets| sets.contains(&name))
}

/// The quotas that have too little left for all shards. A set that is there is counted in them already.
fn quotas(offered: &Offered, workload: &Workload, policy: &Policy) -> Vec<Refusal> {
    if is_there(offered, workload) {
        return Vec::new();
    }
    let quotas = offered.quotas.got().map(Vec::as_slice).unwrap_or_default();
    let of = |quota: &ResourceQuota| {
        let name = quota.metadata.name.as_deref().unwrap_or_default();
        let short = short(quota, workload);
        if short.is_empty() {
            return None;
        }
        let message = format!("too little is left for {} shards", workload.shards);
        let mut refusal = QUOTA.refuse(format!("resourcequota/{name}"), message);
        refusal.evidence = short;
        let look = format!("describe resourcequota {} -n {}", shell_word(name), workload.namespace);
        Some(refusal.remedy(policy.kubectl_cluster(&look)))
    };
    quotas.iter().filter_map(of).collect()
}

/// What a quota has too little of, a line each. Which pods one with scopes counts isn't known here.
fn short(quota: &ResourceQuota, workload: &Workload) -> Vec<String> {
    let Some(spec) = quota
        .spec
        .as_ref()
        .filter(|spec| spec.scopes.is_none() && spec.scope_selector.is_none())
    else {
        return Vec::new();
    };
    let used = quota.status.as_ref().and_then(|status| status.used.as_ref());
    let each = |resource: &str| -> Option<Amount> {
        let text = match resource {
            "cpu" | "requests.cpu" | "limits.cpu" => &workload.cpu,
            "memory" | "requests.memory" | "limits.memory" => &workload.memory,
            "requests.storage" => &workload.storage,
            "pods" | "count/pods" | "persistentvolumeclaims" | "count/persistentvolumeclaims" => {
                return Some(Amount::units(1));
            }
            _ => return None,
        };
        Amount::parse(text).ok()
    };
    let of = |(resource, hard): (&String, &Quantity)| {
        let each = each(resource)?;
        let needed = (0..workload.shards).fold(Amount::ZERO, |sum, _| sum.plus(each));
        let used = used
            .and_then(|used| used.get(resource))
            .and_then(Amount::of)
            .unwrap_or_default();
        let left = Amount::of(hard)?.minus(used);
        (left < needed).then(|| {
            format!(
                "{resource}: {} are left, {} are needed",
                left.written(resource),
                needed.written(resource)
            )
        })
    };
    spec.hard.iter().flatten().filter_map(of).collect()
}

/// A set under one of the older names, `explore-NAME` or `stable-NAME`: a new one would begin beside it, with empty disks.
fn twin(offered: &Offered, workload: &Workload, policy: &Policy) -> Option<Refusal> {
    let sets = offered.sets.got()?;
    let name = Names::of(workload).set;
    if sets.contains(&name) {
        return None;
    }
    let older = [Phase::Explore, Phase::Stable].map(|phase| format!("{}-{name}", phase.word()));
    let twin = older.into_iter().find(|older| sets.contains(older))?;
    Some(
        OLDER_NAME
            .refuse(
                format!("statefulset/{twin}"),
                format!("these shards are there under an older name, and statefulset/{name} would begin beside them with empty disks"),
            )
            .remedy("every other command works with it as it is:")
            .remedy(policy.shardctl_on(&workload.namespace, &twin, "verify"))
            .remedy(
                "a disk moves to the new name when its claim there is made with spec.volumeName set to the old claim's volume, after the \
                 volume's policy is Retain, the old set and claim are gone, and the volume's claimRef was cleared",
            ),
    )
}

/// Zones that were named and that no node is in: Karpenter may find machines there all the same.
fn zones(offered: &Offered, workload: &Workload) -> Option<Finding> {
    let seen = offered.zones.got().filter(|seen| !seen.is_empty())?;
    let unseen: Vec<&str> = workload
        .zones
        .iter()
        .filter(|zone| !seen.contains(*zone))
        .map(String::as_str)
        .collect();
    if unseen.is_empty() {
        return None;
    }
    let words = format!(
        "no node is in {} yet; nodes are in {}: if that is no zone of this region, its shards stay Pending",
        unseen.join(", "),
        seen.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    );
    Some(Finding::new(Severity::Warning, "zones", words))
}

/// The refusal of an object of the whole cluster that a workload of another namespace has under the same name.
pub fn taken(object: &str, found: &Value, workload: &Workload, policy: &Policy) -> Option<Refusal> {
    let other = of_another_namespace(found, &workload.namespace)?;
    let refusal = NAME_TAKEN.refuse(
        object,
        format!(
            "it belongs to the workload {} of namespace/{other}, by its label {OF_NAMESPACE}",
            workload.name
        ),
    );
    let look = format!("get {object} -o yaml");
    Some(
        refusal
            .remedy("give this one a name of its own, --name NAME; whose it is:")
            .remedy(policy.kubectl_cluster(&look)),
    )
}

/// The refusal of a demand over zones that stays in the set's template, although what is written has none: somebody else owns it.
pub fn demand_left(
    object: &str,
    ours: &impl Serialize,
    [before, after]: [&Value; 2],
    policy: &Policy,
) -> Option<Refusal> {
    let namespace = shell_word(after["metadata"]["namespace"].as_str().unwrap_or_default());
    let ours = serde_json::to_value(ours).ok()?;
    if demand(&ours).is_some() {
        return None;
    }
    demand(after)?;
    let refusal = SPREAD_LEFT.refuse(
        object,
        format!("a spread over {ZONE} with {DEMAND} stays in its template: somebody else wrote it, and what is written has none"),
    );
    let refusal = refusal.remedy("have whoever wrote it take it out, or do it; it moves no shard:");
    let Some(at) = demand(before) else {
        return Some(refusal.remedy(policy.kubectl_cluster(&format!("-n {namespace} edit {object}"))));
    };
    let patch = format!(r#"[{{"op":"remove","path":"{SPREADS}/{at}"}}]"#);
    Some(refusal.remedy(policy.kubectl_cluster(&format!("-n {namespace} patch {object} --type json -p '{patch}'"))))
}

/// Which of a set's spreads is a demand over zones.
fn demand(set: &Value) -> Option<usize> {
    let spreads = set.pointer(SPREADS)?.as_array()?;
    spreads
        .iter()
        .position(|of| of["topologyKey"] == ZONE && of["whenUnsatisfiable"] == DEMAND)
}

/// Whom the other operations of shardctl write as: what they patch counts as somebody else's for what is applied.
const OURSELVES: &str = "shardctl";

/// The refusal for fields that somebody else writes.
pub fn conflict(object: &str, fields: &[Owned], policy: &Policy, look: &str) -> Refusal {
    let mut owners: Vec<&str> = fields.iter().map(|owned| owned.owner.as_str()).collect();
    owners.sort_unstable();
    owners.dedup();
    let what = if fields.len() == 1 { "a field" } else { "fields" };
    let mut refusal = FIELD_OWNER.refuse(
        object,
        format!("{} writes {what} that would change", owners.join(" and ")),
    );
    for owned in fields {
        refusal = refusal.evidence(format!("{} ({})", owned.field, owned.owner));
    }
    if owners.contains(&OURSELVES) {
        refusal = refusal.remedy(
            "shardctl wrote it in another operation, `upgrade --image` for one: give the same value here to keep it",
        );
    }
    refusal
        .remedy("leave it to them, or take it over; who writes what:")
        .remedy(policy.kubectl_cluster(&format!("{look} --show-managed-fields -o yaml")))
}
