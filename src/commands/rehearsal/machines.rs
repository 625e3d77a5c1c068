//! A size of machine that no node has yet, as the catalogue knows it: what a promotion's Karpenter buys in rehearsal.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::catalogue::Catalogue;
use crate::model::room::gib;
use crate::model::snapshot::Snapshot;
use crate::model::workload::Workload;
use crate::plan::manifest::capacity;
use crate::plan::packing::figures::{Basis, Machines};

/// What can be bought beyond the sizes of the nodes that are there.
#[derive(Clone, Debug, Default)]
pub struct Bought {
    /// By the name of the size: its labels, and what is left of it for pods.
    pub machines: BTreeMap<String, Value>,
    /// How that is known, sentences without a full stop.
    pub assumed: Vec<String>,
}

/// The size that a promotion asks for. Nothing where a node of it is there, which tells it better.
pub fn bought(snapshot: &Snapshot, workload: &Workload, catalogue: &Catalogue) -> Bought {
    let name = &workload.size;
    let known = Machines {
        live: Machines::of(snapshot, None).live,
        ..capacity::machines(workload, catalogue)
    };
    let Some((size, found)) = catalogue
        .size(name)
        .ok()
        .and_then(|size| Some((size, known.capacity(size)?)))
    else {
        // The operation itself refuses a size that it knows nothing of.
        return Bought::default();
    };
    let by = match found.fits.basis {
        Basis::Node(_) => return Bought::default(),
        Basis::File => "by the catalogue's file".to_owned(),
        Basis::Model(model) => format!("typical, by the catalogue and {}", model.name()),
    };
    let room = found.fits.room;
    let machine = json!({
        "labels": {"kubernetes.io/arch": size.arch},
        "allocatable": {"cpu": format!("{}m", room.cpu), "memory": room.memory.to_string(), "pods": room.pods.to_string()},
        "capacity": {"cpu": size.vcpu.to_string(), "memory": size.memory.to_string(), "pods": room.pods.to_string()},
    });
    Bought {
        machines: BTreeMap::from([(name.clone(), machine)]),
        assumed: vec![format!(
            "no node of {name} is there: assumed that Karpenter can buy it in every zone, with {} and {} cores for pods ({by})",
            gib(room.memory),
            f64::from(i32::try_from(room.cpu).unwrap_or(i32::MAX)) / 1000.0
        )],
    }
}
