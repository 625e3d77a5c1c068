//! The disks of a shard in hand that are still elsewhere or on their way: what to expect, and what to prove before a hand is lent.

use k8s_openapi::api::core::v1::Pod;

use super::{Waiting, seconds};
use crate::model::finding::Finding;
use crate::model::phase::{Lasted, Phase};
use crate::model::shell::shell_word;
use crate::model::storage::VolumeAttachment;
use crate::model::{node, pod};
use crate::plan::course::Course;
use crate::plan::verify::seen::Seen;

/// What must be proven of a node that doesn't answer, or is no more.
const MACHINE_OFF: &str =
    "prove in the cloud's console that that node's machine is off: a disk that is written from two machines is lost";

/// What stands between a shard and its disks.
enum Between<'a> {
    /// The attachment to another node: a Multi-Attach error for as long as it lasts.
    Elsewhere(&'a VolumeAttachment),
    /// The attachment to its own node, which isn't done.
    Coming(&'a VolumeAttachment),
}

/// What its disks wait for; none where they are where they should be, or nobody attaches them.
pub(super) fn disks(seen: &Seen<'_>, course: &Course, on: &str, at: Lasted) -> Option<Waiting> {
    let so_far = seconds(at);
    Some(match between(seen, course, on)? {
        Between::Elsewhere(held) => {
            let status = held.status.as_ref();
            let error = status.and_then(|status| status.detach_error.as_ref()?.message.clone());
            let error = error.map(|error| format!("; detaching: {error}")).unwrap_or_default();
            Waiting::new(
                Phase::Detach,
                format!(
                    "its disk {} is still attached to node/{}, for {so_far}; {}{error}",
                    volume(held),
                    held.spec.node_name,
                    what_to_expect(seen, held)
                ),
            )
        }
        Between::Coming(coming) => {
            let status = coming.status.as_ref();
            let error = status.and_then(|status| status.attach_error.as_ref()?.message.clone());
            let error = error.map(|error| format!(": {error}")).unwrap_or_default();
            Waiting::new(
                Phase::Attach,
                format!(
                    "its disk {} is being attached to node/{on}, for {so_far}{error}",
                    volume(coming)
                ),
            )
        }
    })
}

/// What stands in the way comes first.
fn between<'a>(seen: &Seen<'a>, course: &Course, on: &str) -> Option<Between<'a>> {
    let attachments = course.attachments(seen);
    let elsewhere = attachments.iter().find(|one| {
        let here_too = attachments
            .iter()
            .any(|other| other.spec.node_name == on && volume(other) == volume(one));
        one.spec.node_name != on && !here_too
    });
    if let Some(held) = elsewhere {
        return Some(Between::Elsewhere(held));
    }
    let is_coming = |one: &&&VolumeAttachment| {
        one.spec.node_name == on && !one.status.as_ref().is_some_and(|status| status.attached)
    };
    attachments.iter().find(is_coming).map(|one| Between::Coming(one))
}

fn volume(one: &VolumeAttachment) -> &str {
    one.spec.source.persistent_volume_name.as_deref().unwrap_or_default()
}

fn what_to_expect(seen: &Seen<'_>, held: &VolumeAttachment) -> String {
    if let Some(asked) = &held.metadata.deletion_timestamp {
        return format!(
            "its detach was asked for at {}, and the storage driver hasn't confirmed it (Azure has taken 7 to 20 minutes)",
            asked.0.strftime("%H:%M:%SZ")
        );
    }
    let by_force = "the disk is taken off by force after 6 minutes, unless that is turned off";
    match seen.node(&held.spec.node_name) {
        Ok(Some(place)) if node::is_ready(place) => {
            "it leaves once that node has unmounted it, which nobody forces while the node is Ready (Azure has taken 7 to 20 \
             minutes)"
                .to_owned()
        }
        Ok(Some(_)) => format!("that node isn't Ready: {by_force}"),
        Ok(None) => format!("that node is gone: {by_force}"),
        Err(_) => "it leaves once that node has unmounted it".to_owned(),
    }
}

/// Adds to the finding about a shard that waited too long which attachment it waited for, and what must be proven before
/// anybody lends a hand. Adds nothing where its disks are where they should be.
pub fn what_to_prove(seen: &Seen<'_>, course: &Course, found: &Pod, finding: &mut Finding) {
    let Some(between) = pod::node(found).and_then(|on| between(seen, course, on)) else {
        return;
    };
    let one = match &between {
        Between::Elsewhere(one) | Between::Coming(one) => *one,
    };
    let (name, on) = (one.metadata.name.as_deref().unwrap_or_default(), &one.spec.node_name);
    let disk = volume(one);
    finding.evidence(match between {
        Between::Elsewhere(_) => format!("volumeattachment/{name} keeps disk {disk} on node/{on}"),
        Between::Coming(_) => format!("volumeattachment/{name} is to bring disk {disk} to node/{on}"),
    });
    let leaving = one.metadata.deletion_timestamp.is_some();
    for finalizer in one.metadata.finalizers.iter().flatten().filter(|_| leaving) {
        finding.evidence(format!("it is to go, and waits for {finalizer}"));
    }
    finding.remedy(seen.kubectl_cluster(&format!("get volumeattachment {} -o yaml", shell_word(name))));
    if let Between::Elsewhere(_) = between {
        let place = seen.node(on);
        let known = shell_word(on);
        match place {
            Ok(Some(place)) if !node::is_ready(place) => {
                finding
                    .remedy(MACHINE_OFF)
                    .remedy(seen.shardctl(&format!("recover --node-is-off {known}")));
            }
            Ok(None) => {
                finding.remedy(MACHINE_OFF);
            }
            _ => {
                finding
                    .remedy(format!(
                        "prove that nothing on node/{on} writes to it: no pod there has it, and the node doesn't use it:"
                    ))
                    .remedy(seen.kubectl_cluster(&format!("get pods -A -o wide --field-selector spec.nodeName={known}")))
                    .remedy(seen.kubectl_cluster(&format!("get node {known} -o jsonpath='{{.status.volumesInUse}}'")));
            }
        }
        finding.remedy(
            "then it is for the storage driver to let go; never take the attachment or its finalizer away by hand",
        );
    }
}
