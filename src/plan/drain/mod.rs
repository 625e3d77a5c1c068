//! `drain`: a node is emptied for maintenance although the budget forbids it. Pure pieces: which nodes, what stands on them, where
//! each shard goes, what makes room for it beforehand, and whether it may begin at all.

pub mod arithmetic;
mod end;
mod extra;
pub mod homes;
pub mod images;
mod memory;
mod next;
pub mod node;
mod nodes;
pub mod others;
pub mod placeholder;
pub mod policy;
pub mod preflight;
pub mod release;
mod room;
pub mod run;
#[cfg(test)]
mod tests;
pub mod warmth;

use super::safety::rights::DrainRights;

/// How the shards of a node are taken down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// One eviction at a time, the budget lowered by one for the moment that it takes.
    #[default]
    Relax,
    /// One more shard first, so that the budget lets one go.
    Surge,
    /// Deletions, one at a time, which no budget stops.
    Direct,
    /// All shards of the node together, by deletions.
    Downtime,
}

impl Strategy {
    /// The word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Strategy::Relax => "relax",
            Strategy::Surge => "surge",
            Strategy::Direct => "direct",
            Strategy::Downtime => "downtime",
        }
    }

    /// The rights of its own that it takes.
    pub const fn rights(self, then: Afterwards) -> DrainRights {
        DrainRights {
            relaxes: matches!(self, Strategy::Relax),
            scales: matches!(self, Strategy::Surge),
            releases: matches!(then, Afterwards::Released),
        }
    }

    /// Whether shards go through the eviction API, which asks the budget.
    pub const fn evicts(self) -> bool {
        matches!(self, Strategy::Relax | Strategy::Surge)
    }
}

/// What becomes of a node once it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// It stays cordoned, as `kubectl drain` leaves it.
    #[default]
    Cordoned,
    /// `--then-uncordon`: it takes pods again, those of the next node among them.
    Uncordoned,
    /// `--then-release`: its NodeClaim is deleted.
    Released,
}

/// kubectl drain's own flags about pods that aren't shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--ignore-daemonsets`.
    pub ignore_daemonsets: bool,
    /// `--delete-emptydir-data`.
    pub delete_emptydir_data: bool,
    /// `--force`.
    pub force: bool,
}

/// The pod that shardctl itself runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}
