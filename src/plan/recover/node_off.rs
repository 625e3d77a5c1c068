//! `recover --node-is-off`: what is known of a node that went silent, what has to be proven of its machine before its pods and
//! disks are let go, and when the taint that lets them go may be taken away again.
//!
//! What the taint does is done by Kubernetes' own controllers: every pod that doesn't tolerate it is deleted, pods that are
//! terminating on a node that isn't Ready are deleted without asking its kubelet (every 20 s, all together), and their disks are
//! detached by force. None of them looks whether the machine runs.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, Pod};

use crate::model::finding::{Finding, Severity};
use crate::model::mark::Mark;
use crate::model::node::OUT_OF_SERVICE;
use crate::model::proof::Proof;
use crate::model::read::{Read, Skip};
use crate::model::refusal::Refusal;
use crate::model::shell::shell_word;
use crate::model::snapshot::Snapshot;
use crate::model::span::words;
use crate::model::storage::VolumeAttachment;
use crate::model::{node, pod, set};
use crate::plan::drain::node::claim_of;
use crate::plan::safety::catalogue::{NODE_ANSWERS, NODE_HOLDS_NOTHING, NODE_SILENCE, UNREADABLE};
use crate::plan::undo::out_of_service;
use crate::plan::verify::seen::Seen;

/// How long a node must have been silent: one that restarts is back within that.
const SILENCE: SignedDuration = SignedDuration::from_secs(60);

/// Whether a node may be declared off, as far as the cluster can tell; `renewed` is when its kubelet renewed its Lease last.
///
/// # Errors
/// Why not. None of it can be overridden: what a kubelet that answers holds isn't to be let go past it.
pub fn judge(seen: &Seen<'_>, place: &Node, renewed: &Read<Timestamp>, now: Timestamp) -> Result<Proof, Vec<Refusal>> {
    let name = node::name(place);
    let object = format!("node/{name}");
    let declared = is_declared(place);
    let ready = node::condition(place, "Ready");
    if node::is_ready(place) {
        let mut refusal = NODE_ANSWERS.refuse(&object, "its kubelet answers, and says that it is Ready");
        if declared {
            refusal = refusal
                .remedy("the taint that says that it is off goes with:")
                .remedy(seen.shardctl("recover"));
        }
        return Err(vec![
            refusal
                .remedy("to have its shards moved while it runs:")
                .remedy(seen.shardctl(&format!("drain {}", shell_word(name)))),
        ]);
    }
    let since = ready
        .and_then(|ready| ready.last_transition_time.as_ref())
        .map(|at| at.0);
    let beat = ready
        .and_then(|ready| ready.last_heartbeat_time.as_ref())
        .map(|at| at.0);
    let lease = renewed.got().copied();
    let Some((ready, last)) = ready.zip([since, beat, lease].into_iter().flatten().max()) else {
        return Err(vec![
            NODE_SILENCE.refuse(&object, "it has never said how it is: its silence proves nothing"),
        ]);
    };
    if !declared && now.duration_since(last) < SILENCE {
        return Err(vec![
            NODE_SILENCE
                .refuse(
                    &object,
                    format!("it was heard of {} ago", words(now.duration_since(last))),
                )
                .evidence(heard(ready.status.as_str(), since, now))
                .remedy(format!(
                    "a machine that restarts is back soon; type it again once it has been silent for {}",
                    words(SILENCE)
                )),
        ]);
    }
    let shards = shards_on(seen, name).map_err(|why| vec![UNREADABLE.refuse(&object, why)])?;
    let disks = attachments(seen, name);
    if !declared && shards.is_empty() && disks.is_empty() {
        return Err(vec![NODE_HOLDS_NOTHING.refuse(
            &object,
            "no shard of this set is on it, and no disk is attached to it",
        )]);
    }
    let mut lines = vec![heard(&ready.status, since, now)];
    if let Some(message) = ready.message.as_deref().filter(|message| !message.is_empty()) {
        lines.push(format!("the node controller says: {message}"));
    }
    lines.push(match renewed {
        Read::Got(at) => format!(
            "its kubelet renewed its Lease {} ago ({at:.0})",
            words(now.duration_since(*at))
        ),
        Read::Absent(why) | Read::Unreadable(why) => format!("when its kubelet renewed its Lease isn't known: {why}"),
    });
    lines.extend(shards.iter().map(|found| on_it(found)));
    let count = disks.len();
    lines.push(format!(
        "{count} {} attached to it",
        if count == 1 { "disk is" } else { "disks are" }
    ));
    Ok(Proof {
        seen: lines,
        to_see: to_see(place),
        notes: notes(seen, place, &shards),
        shards: shards.iter().map(|found| pod::name(found).to_owned()).collect(),
        node: name.to_owned(),
        declared,
    })
}

/// Why the taint stays for now: the node isn't Ready, and something that it frees is still there. None where it may go.
pub fn held(seen: &Seen<'_>, name: &str) -> Option<String> {
    let place = match seen.node(name) {
        Ok(Some(place)) => place,
        Ok(None) => return None,
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => return Some(why),
    };
    if node::is_ready(place) {
        return None;
    }
    match shards_on(seen, name) {
        Ok(shards) => {
            if let Some(shard) = shards.first() {
                return Some(format!("pod/{} is still there", pod::name(shard)));
            }
        }
        Err(why) => return Some(why),
    }
    let others = seen.snapshot.node_pods.got().into_iter().flatten();
    let mut others = others.filter(|found| pod::node(found) == Some(name) && pod::is_terminating(found));
    if let Some(left) = others.next() {
        let space = left.metadata.namespace.as_deref().unwrap_or_default();
        return Some(format!(
            "pod/{} of namespace {space} is terminating there",
            pod::name(left)
        ));
    }
    if let Read::Unreadable(why) = &seen.snapshot.attachments {
        return Some(format!("whether a disk is attached to it isn't known: {why}"));
    }
    let attached = attachments(seen, name);
    let disk = attached.first()?.spec.source.persistent_volume_name.as_deref();
    Some(format!("pv/{} is attached to it", disk.unwrap_or_default()))
}

/// The finding about a taint that stays.
pub fn stays(seen: &Seen<'_>, name: &str, operation: &str, why: &str) -> Finding {
    let mut finding = Finding::new(
        Severity::Warning,
        format!("node/{name}"),
        format!("declared off by {operation}, and it stays so: {why}"),
    );
    finding
        .remedy("the taint goes once the node is Ready again, or nothing is left there that it frees:")
        .remedy(seen.shardctl("recover"));
    finding
}

/// Which of these shards aren't Ready elsewhere yet, each with how it stands; a clause, or none where all are.
pub fn to_come(seen: &Seen<'_>, name: &str, shards: &[String]) -> Option<String> {
    let pods = seen.own_pods().unwrap_or_default();
    let stands: Vec<String> = shards
        .iter()
        .filter_map(|shard| {
            let Some(found) = pods.iter().find(|found| pod::name(found) == shard) else {
                return Some(format!("{shard} is to be made anew"));
            };
            match pod::node(found) {
                Some(on) if on == name => Some(format!(
                    "{shard} is still on {name}, to be let go by the controllers within 20 s"
                )),
                None => Some(format!("{shard} has no node yet")),
                Some(on) if !pod::is_ready(found) => Some(format!("{shard} is starting on {on}")),
                Some(_) => None,
            }
        })
        .collect();
    (!stands.is_empty()).then(|| stands.join(", "))
}

/// Whether somebody has said that a node is off.
pub fn is_declared(place: &Node) -> bool {
    node::taints(place).iter().any(|taint| taint.key == OUT_OF_SERVICE)
}

/// Whether an operation of ours has said so of any node.
pub fn is_any_declared(snapshot: &Snapshot) -> bool {
    let nodes = snapshot.nodes.got().into_iter().flatten();
    nodes.into_iter().any(|place| {
        let mark = Mark::of(place.metadata.annotations.as_ref()).and_then(Result::ok);
        is_declared(place) && mark.is_some_and(|mark| mark.is.get(out_of_service()).is_some())
    })
}

fn shards_on<'a>(seen: &Seen<'a>, name: &str) -> Result<Vec<&'a Pod>, String> {
    match seen.own_pods() {
        Ok(pods) => Ok(pods
            .into_iter()
            .filter(|found| pod::node(found) == Some(name))
            .collect()),
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => Err(why),
    }
}

fn attachments<'a>(seen: &Seen<'a>, name: &str) -> Vec<&'a VolumeAttachment> {
    let all = seen.snapshot.attachments.got().into_iter().flatten();
    all.filter(|found| found.spec.node_name == name).collect()
}

fn heard(status: &str, since: Option<Timestamp>, now: Timestamp) -> String {
    let since = since.map_or_else(String::new, |at| {
        format!(" since {} ({at:.0})", words(now.duration_since(at)))
    });
    format!("its Ready condition is {status}{since}")
}

fn on_it(found: &Pod) -> String {
    let how = if pod::is_terminating(found) {
        "terminating"
    } else {
        "not deleted yet"
    };
    format!("pod/{} is on it, {how}", pod::name(found))
}

/// How to see that the machine is off: the cluster can't.
fn to_see(place: &Node) -> Vec<String> {
    let id = place
        .spec
        .as_ref()
        .and_then(|spec| spec.provider_id.as_deref())
        .unwrap_or_default();
    if let Some(command) = on_azure(id) {
        return vec![
            "it must say PowerState/stopped or PowerState/deallocated:".to_owned(),
            format!("$ {command}"),
        ];
    }
    if let Some(command) = on_aws(id) {
        return vec!["it must say stopped or terminated:".to_owned(), format!("$ {command}")];
    }
    let which = if id.is_empty() {
        String::new()
    } else {
        format!(" ({id})")
    };
    vec![format!(
        "see where the machine is run{which} that it is powered off, or cut off from its disks; that it doesn't answer is no proof"
    )]
}

/// `azure:///subscriptions/…/virtualMachineScaleSets/SET/virtualMachines/3` or `…/virtualMachines/NAME`.
fn on_azure(id: &str) -> Option<String> {
    let id = id.strip_prefix("azure://")?;
    if !id.starts_with("/subscriptions/") {
        return None;
    }
    let kind = if id.contains("/virtualMachineScaleSets/") {
        "vmss"
    } else {
        "vm"
    };
    Some(format!(
        "az {kind} get-instance-view --ids {} --query {} --output tsv",
        shell_word(id),
        shell_word(if kind == "vm" {
            "instanceView.statuses[].code"
        } else {
            "statuses[].code"
        })
    ))
}

/// `aws:///us-east-1a/i-0123456789abcdef0`.
fn on_aws(id: &str) -> Option<String> {
    let (zone, instance) = id.strip_prefix("aws:///")?.split_once('/')?;
    let region = zone.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    (instance.starts_with("i-") && !region.is_empty()).then(|| {
        format!(
            "aws ec2 describe-instances --region {} --instance-ids {} --query {} --output text",
            shell_word(region),
            shell_word(instance),
            shell_word("Reservations[].Instances[].State.Name")
        )
    })
}

fn notes(seen: &Seen<'_>, place: &Node, shards: &[&Pod]) -> Vec<Finding> {
    let name = node::name(place);
    let object = format!("node/{name}");
    let mut notes = Vec::new();
    if let Ok(Some(claim)) = claim_of(seen, name) {
        let mut better = Finding::new(
            Severity::Warning,
            &object,
            "Karpenter made it: deleting its NodeClaim is better than this, since that ends the machine itself, which is the proof",
        );
        better
            .remedy("do this instead, and the shards come back elsewhere once Karpenter has ended it:")
            .remedy(seen.kubectl_cluster(&format!("delete nodeclaim {}", shell_word(claim.name()))));
        notes.push(better);
    }
    for stays in shards.iter().filter(|found| tolerates(found)) {
        let mut finding = Finding::new(
            Severity::Warning,
            format!("pod/{}", pod::name(stays)),
            "it tolerates the taint, so that nobody deletes it",
        );
        finding
            .remedy("delete it yourself once the node is declared off; it is let go then like the others:")
            .remedy(seen.kubectl(&format!("delete pod {} --wait=false", shell_word(pod::name(stays)))));
        notes.push(finding);
    }
    if shards.len() > 1 {
        let ordered = seen
            .set()
            .ok()
            .and_then(set::spec)
            .and_then(|spec| spec.pod_management_policy.as_deref())
            != Some("Parallel");
        let how = if ordered {
            "first one, then the other (podManagementPolicy OrderedReady)"
        } else {
            "together (podManagementPolicy Parallel), which costs nothing, since they are down anyway"
        };
        notes.push(Finding::new(
            Severity::Information,
            &object,
            format!(
                "{} shards are on it: all are let go at once, and made anew {how}",
                shards.len()
            ),
        ));
    }
    notes
}

/// Whether a pod tolerates the taint for ever.
fn tolerates(found: &Pod) -> bool {
    let all = found
        .spec
        .as_ref()
        .and_then(|spec| spec.tolerations.as_deref())
        .unwrap_or_default();
    all.iter().any(|one| {
        let key = one.key.as_deref().unwrap_or_default();
        let effect = one.effect.as_deref().unwrap_or_default();
        let exists = one.operator.as_deref() == Some("Exists");
        (key == OUT_OF_SERVICE || (key.is_empty() && exists))
            && (effect.is_empty() || effect == "NoExecute")
            && (exists || one.value.as_deref() == Some(VALUE))
            && one.toleration_seconds.is_none()
    })
}

/// The taint's value, as Kubernetes' own pages have it.
pub const VALUE: &str = "nodeshutdown";

#[cfg(test)]
mod tests;
