//! What stands in the way of a cleanup.

use crate::model::refusal::About;

/// The set takes its claims with it.
pub const CLAIMS_GO_TOO: About = About {
    id: "claims-go-too",
    title: "the claims would be deleted with the set",
    why: "The set's retention policy says so (whenDeleted: Delete). Data goes only where somebody asks for that.",
    guards_data: true,
    allowed: None,
};

/// Pods need the pool's nodes.
pub const POOL_IN_USE: About = About {
    id: "pool-in-use",
    title: "pods are on the nodes of a pool that is to go",
    why: "Karpenter empties and ends the nodes of a pool that is deleted, whoever's pods are on them.",
    guards_data: false,
    allowed: None,
};

/// The claims are another's set's.
pub const CLAIMS_OF_ANOTHER: About = About {
    id: "claims-of-another",
    title: "the claims are of a set that isn't the workload's",
    why: "A set finds its claims by their names. Where the set that is there isn't labelled as the workload's, it stays, and the claims \
          of those names hold its data.",
    guards_data: true,
    allowed: None,
};

/// What an operation changed would stay so.
pub const MARKS_OUTLIVE: About = About {
    id: "marks-outlive",
    title: "marks of an operation would outlive the set",
    why: "A mark says what an operation changed and what it was before: a cordon, a freeze, a budget. `shardctl recover` puts that back \
          as long as the set is there; afterwards nobody does.",
    guards_data: false,
    allowed: None,
};

/// The set needs the pool.
pub const PHASE_IN_USE: About = About {
    id: "phase-in-use",
    title: "the set is in the phase whose pool is to go",
    why: "Its shards get their nodes from that pool, also those that have none yet: scaled to 0, or Pending. Without the pool they don't \
          come up.",
    guards_data: false,
    allowed: None,
};
