//! How many shards a size holds, by the same model as the packing's, and how much Karpenter may buy for all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::class;
use crate::model::allocatable::Model;
use crate::model::asked;
use crate::model::catalogue::{Catalogue, Source};
use crate::model::report::Phase;
use crate::model::room::{GIB, Limit, Room, Take, gib};
use crate::model::size::Size;
use crate::model::workload::{Workload, Wrong};
use crate::plan::packing::daemons;
use crate::plan::packing::figures::{AKS_PODS, Machines};

/// The zones that are reckoned with where none is named: as many as Azure's regions have.
const USUAL_ZONES: u32 = 3;
/// The API group of AWS's node classes.
const AWS: &str = "karpenter.k8s.aws";

/// What a phase's pool may buy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    architectures: BTreeSet<String>,
    cpu: i64,
    memory: i64,
}

impl Capacity {
    /// The architectures of the sizes.
    pub fn architectures(&self) -> Vec<String> {
        self.architectures.iter().cloned().collect()
    }

    /// How many machines of a size the limits have room for.
    pub fn most(&self, size: &Size) -> i64 {
        let fit = |all: i64, each: i64| if each > 0 { all / each } else { i64::MAX };
        fit(self.cpu, i64::from(size.vcpu)).min(fit(self.memory, size.memory))
    }

    /// What all nodes of the pool may have together: every shard on machines of the size that needs the most of it, and one more
    /// machine, for a shard that moves.
    pub fn limits(&self) -> BTreeMap<&'static str, String> {
        let gibs = self.memory.div_euclid(GIB) + i64::from(self.memory.rem_euclid(GIB) != 0);
        BTreeMap::from([("cpu", self.cpu.to_string()), ("memory", format!("{gibs}Gi"))])
    }
}

/// Judges the sizes of a phase, and reckons what they come to.
///
/// # Errors
/// The first size that isn't known, or holds no shard, with the numbers.
pub fn capacity(workload: &Workload, phase: Phase, catalogue: &Catalogue) -> Result<Capacity, Wrong> {
    let shard = shard(workload)?;
    let (parameter, names) = match phase {
        Phase::Explore => ("sizes", workload.sizes.as_slice()),
        Phase::Stable => ("size", std::slice::from_ref(&workload.size)),
    };
    let machines = machines(workload, catalogue);
    let mut all = Capacity {
        architectures: BTreeSet::new(),
        cpu: 0,
        memory: 0,
    };
    let (mut largest_cpu, mut largest_memory) = (0, 0);
    for name in names {
        let size = catalogue.size(name).map_err(|unknown| Wrong {
            known: unknown.known.clone(),
            ..Wrong::of(parameter)(unknown.to_string())
        })?;
        let slots = slots(&machines, size, &shard, workload).map_err(Wrong::of(parameter))?;
        let nodes = i64::from(nodes(workload, slots));
        let (cpu, memory) = (i64::from(size.vcpu), size.memory);
        all.architectures.insert(size.arch.clone());
        all.cpu = all.cpu.max(nodes.saturating_mul(cpu));
        all.memory = all.memory.max(nodes.saturating_mul(memory));
        (largest_cpu, largest_memory) = (largest_cpu.max(cpu), largest_memory.max(memory));
    }
    all.cpu += largest_cpu;
    all.memory = all.memory.saturating_add(largest_memory);
    Ok(all)
}

/// What a shard takes, by the parameters.
///
/// # Errors
/// The parameter that can't be read.
pub fn shard(workload: &Workload) -> Result<Take, Wrong> {
    Ok(Take {
        memory: asked::memory(&workload.memory).map_err(Wrong::of("memory"))?,
        cpu: asked::cpu(&workload.cpu).map_err(Wrong::of("cpu"))?,
        disks: 1,
        pods: 1,
    })
}

/// Who says what is left of a size: no node is there yet.
pub fn machines(workload: &Workload, catalogue: &Catalogue) -> Machines {
    let group = workload
        .node_class
        .as_ref()
        .map_or(class::GROUP, |class| class.group.as_str());
    let (kubelet, forecast) = match (catalogue.source(), group) {
        (_, AWS) => (None, Some(Model::KarpenterAws)),
        (Source::BuiltIn { .. } | Source::Refreshed(_), _) | (Source::File, class::GROUP) => {
            (Some(Model::KubeletAks), Some(Model::KarpenterAzure))
        }
        (Source::File, _) => (None, None),
    };
    Machines {
        live: BTreeMap::new(),
        kubelet,
        forecast,
        max_pods: AKS_PODS,
    }
}

/// How many shards a size holds, one at least.
fn slots(machines: &Machines, size: &Size, shard: &Take, workload: &Workload) -> Result<u32, String> {
    slots_beside(machines, size, shard, &daemons::OBSERVED.take, workload)
}

/// How many shards a size holds beside what DaemonSets take, one at least.
///
/// # Errors
/// What is missing, with the numbers.
pub fn slots_beside(
    machines: &Machines,
    size: &Size,
    shard: &Take,
    daemons: &Take,
    workload: &Workload,
) -> Result<u32, String> {
    let Some(capacity) = machines.capacity(size) else {
        return Err(format!(
            "nobody says what is left of {} for pods: give its allocatable_memory and allocatable_cpu in the catalogue",
            size.name
        ));
    };
    let holds = capacity.holds(daemons, shard);
    let slots = holds.slots();
    if slots.count > 0 {
        return Ok(slots.count);
    }
    let counted = holds.counted.as_ref() == Some(slots);
    let figure = if counted { capacity.counted.as_ref() } else { None };
    let room = figure.unwrap_or(&capacity.fits).room;
    let missing: Vec<String> = slots
        .short
        .iter()
        .map(|short| format!("{} of {}", amount(short.limit, short.missing), short.limit.word()))
        .collect();
    Err(format!(
        "{} holds no shard: a shard takes {} and {} CPU, and {} are left for it beside what DaemonSets take: {} too little",
        size.name,
        workload.memory,
        workload.cpu,
        left(&room, daemons),
        missing.join(" and ")
    ))
}

fn left(room: &Room, daemons: &Take) -> String {
    let memory = room.memory.saturating_sub(daemons.memory);
    let cpu = room.cpu.saturating_sub(daemons.cpu);
    format!("{} and {}", gib(memory), amount(Limit::Cpu, cpu) + " CPU")
}

fn amount(limit: Limit, amount: i64) -> String {
    match limit {
        Limit::Memory => gib(amount),
        Limit::Cpu if amount % 1000 == 0 => (amount / 1000).to_string(),
        Limit::Cpu => format!("{amount}m"),
        Limit::Disks | Limit::Pods => amount.to_string(),
    }
}

/// How many machines the shards take, as evenly over the zones as they go.
fn nodes(workload: &Workload, slots: u32) -> u32 {
    let zones = zones(workload);
    let (each, more) = (workload.shards / zones, workload.shards % zones);
    more * (each + 1).div_ceil(slots) + (zones - more) * each.div_ceil(slots)
}

/// How many zones are reckoned with.
fn zones(workload: &Workload) -> u32 {
    match u32::try_from(workload.zones.len()) {
        Ok(0) | Err(_) => USUAL_ZONES,
        Ok(named) => named,
    }
}

/// The most shards of a zone that is filled as evenly as the shards go.
pub(super) fn shards_of_a_zone(workload: &Workload) -> i32 {
    i32::try_from(workload.shards.div_ceil(zones(workload))).unwrap_or(i32::MAX)
}
