//! What is used, as the page that is shown.

use crate::model::usage::Used;
use crate::plan::packing::usage::{Measured, Usage, share};
use crate::report::packing::usage as shown;
use crate::report::packing::{Amounts, Present};

use super::page::percent;

/// What stands beside the requests.
pub fn usage(found: &Usage) -> shown::Usage {
    let of = |part: &Measured| shown::Use {
        used: part.used,
        asked: part.asked,
        percent: part.share().map(percent),
        fit: part.fit,
    };
    let shards = found.shards.iter().map(|(name, shard)| {
        let uses = shown::ShardUse {
            memory: of(&shard.memory),
            cpu: of(&shard.cpu),
        };
        (name.clone(), uses)
    });
    shown::Usage {
        nodes: found.nodes.len(),
        since: found.since,
        shards: shards.collect(),
        unmeasured: found.unmeasured.clone(),
        unseen: found.unseen.clone(),
    }
}

/// Puts what each node uses beside what is asked of it.
pub fn beside(present: &mut Present, found: &Usage) {
    for node in &mut present.nodes {
        let used = found.nodes.get(&node.node);
        node.used = used.map(|used| of_node(*used, node.allocatable.as_ref()));
    }
}

fn of_node(used: Used, room: Option<&Amounts>) -> shown::NodeUse {
    let of = |part: i64, whole: Option<i64>| whole.and_then(|whole| share(part, whole)).map(percent);
    shown::NodeUse {
        memory: used.memory,
        cpu_milli: used.cpu,
        memory_percent: of(used.memory, room.map(|room| room.memory)),
        cpu_percent: of(used.cpu, room.map(|room| room.cpu_milli)),
    }
}
