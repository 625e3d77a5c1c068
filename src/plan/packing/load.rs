//! What pods ask for beside the shards: summed by node, one pod after the other, so that nobody has to hold them all.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::Pod;

use crate::model::load::{Load, Placed};
use crate::model::pod::{self, MIRROR};
use crate::model::quantity::Amount;
use crate::model::read::{Read, Skip};
use crate::model::room::Take;
use crate::model::set;
use crate::plan::requests::{Amounts, of_pod_one};
use crate::plan::verify::seen::Seen;

/// One pod that asks for these amounts, and brings so many disks for its node to attach.
pub fn take(amounts: &Amounts, disks: i64) -> Take {
    let amount = |resource: &str| amounts.get(resource).copied().unwrap_or_default();
    taken(amount("memory"), amount("cpu"), disks)
}

/// What a pod takes that brings so many disks.
pub fn take_of_pod(found: &Pod, disks: i64) -> Take {
    taken(of_pod_one(found, "memory"), of_pod_one(found, "cpu"), disks)
}

fn taken(memory: Amount, cpu: Amount, disks: i64) -> Take {
    let number = |amount: i128| i64::try_from(amount).unwrap_or(i64::MAX);
    Take {
        memory: number(memory.ceiling()),
        cpu: number(cpu.thousandths()),
        disks,
        pods: 1,
    }
}

/// A pod as far as a load counts it.
fn placed(found: &Pod) -> Placed {
    let controller = pod::controller(found);
    Placed {
        node: pod::node(found).map(str::to_owned),
        controller: controller.map(|owner| owner.uid.clone()),
        is_daemon: controller.is_some_and(|owner| owner.kind == "DaemonSet")
            || pod::annotation(found, MIRROR).is_some(),
        is_finished: pod::is_finished(found),
        memory: of_pod_one(found, "memory"),
        cpu: of_pod_one(found, "cpu"),
    }
}

/// Adds a pod, unless it is finished, on no node, or of the set with this uid.
pub fn add(load: &mut Load, found: Placed, set: &str) {
    let Some(place) = found.node else { return };
    if found.is_finished || found.controller.as_deref() == Some(set) {
        return;
    }
    let beside = load.on_mut(place);
    let sum = if found.is_daemon {
        &mut beside.daemons
    } else {
        &mut beside.others
    };
    *sum = sum.plus(taken(found.memory, found.cpu, 0));
}

/// What runs beside the shards, as it was summed, or of the pods that were kept; or why they weren't seen.
///
/// # Errors
/// Where the set can't be read.
pub fn of<'a>(seen: &Seen<'a>) -> Result<Result<Cow<'a, Load>, &'a str>, Skip> {
    let set = set::uid(seen.set()?);
    Ok(match (&seen.snapshot.load, &seen.snapshot.node_pods) {
        (Some(Read::Got(load)), _) => Ok(Cow::Borrowed(load)),
        (Some(Read::Absent(why) | Read::Unreadable(why)), _) => Err(why),
        (None, Read::Got(pods)) => {
            let mut load = Load::default();
            for found in pods {
                add(&mut load, placed(found), set);
            }
            Ok(Cow::Owned(load))
        }
        (None, Read::Absent(why) | Read::Unreadable(why)) => Err(why),
    })
}
