//! What every operation's planner is: a pure part that remembers what was seen and done, and names the one next step.
//!
//! `operations::run` has the only loop; an operation is a [`Planner`]. After a crash nothing of a planner's memory is left, and
//! the next run begins with an empty one: whatever matters then must be read from the cluster.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::eviction::Blocked;
use super::pre_pull::Pull;
use super::verify::seen::Seen;
use crate::model::finding::Finding;
use crate::model::outcome::{Outcome, ShardReport};
use crate::model::phase::Phase;
use crate::model::refusal::Refusal;
use crate::model::set::Ordinal;
use crate::model::step::{Act, PodRef, Step};

/// What became of an effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Acted {
    /// It was done.
    Done,
    /// A mark was taken away and what it says put back, but for what is somebody else's by now.
    Undone {
        /// What stayed as it is, and why.
        left: Vec<Finding>,
    },
    /// The cluster had changed meanwhile, or an answer was lost: nothing is known before the next look.
    LookAgain,
    /// The gate or a dry run refused; nothing was changed.
    Refused(Vec<Refusal>),
    /// An eviction wasn't accepted: why, and whether to ask again.
    Blocked(Box<Blocked>),
    /// It failed for good; in words.
    Failed(Box<Finding>),
    /// The user said no.
    Declined,
}

/// A shard that is down or settling because of this operation.
#[derive(Clone, Debug, PartialEq)]
pub struct InHand {
    /// Its number.
    pub ordinal: Ordinal,
    /// Its pod's name.
    pub shard: String,
    /// Where it is on its way.
    pub phase: Phase,
    /// What it waits for, a clause.
    pub words: String,
    /// Since when it is down.
    pub since: Timestamp,
}

/// A node that fetches images, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetching {
    /// The node.
    pub node: String,
    /// How far it is.
    pub pull: Pull,
}

/// A claim of a shard and the volume behind it, by uid: what must not change while a pod is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The claim's uid.
    pub claim: String,
    /// The volume's name.
    pub volume: String,
    /// The volume's uid, where volumes can be read.
    pub volume_uid: Option<String>,
}

/// A shard's disks, by the name of the claim.
pub type Disks = BTreeMap<String, Disk>;

/// What the user wants of a run from outside: to stop, or not to be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Stop after the shard in hand (the first Ctrl-C).
    pub stop: bool,
}

/// How what a planner is shown was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// As the watches brought it.
    Watched,
    /// Read anew, uncached, but for the volumes.
    Anew,
    /// Read anew with the volumes of one shard: the one that is about to go.
    WithVolumesOf(Ordinal),
    /// Read anew with the volumes of every shard.
    WithVolumes,
}

impl Sight {
    /// Whether a shard's volumes were read anew, too.
    pub fn has_volumes_of(self, ordinal: Ordinal) -> bool {
        match self {
            Sight::Watched | Sight::Anew => false,
            Sight::WithVolumesOf(only) => only == ordinal,
            Sight::WithVolumes => true,
        }
    }
}

/// The pure part of an operation.
pub trait Planner {
    /// Remembers what was just seen: who is up, who became Ready when.
    fn note(&mut self, seen: &Seen<'_>, now: Timestamp, sight: Sight);

    /// Whether the next look must have the volumes of every shard: where a shard is done and its disks weren't seen since.
    fn wants_volumes(&self) -> bool;

    /// The next step. The same memory and sight give the same step.
    fn next_step(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Step;

    /// Remembers that an effect is about to be tried: a deletion whose answer is lost may have been done.
    fn about_to(&mut self, act: &Act, seen: &Seen<'_>, now: Timestamp);

    /// Remembers what became of an effect.
    fn acted(&mut self, act: &Act, became: &Acted);

    /// Whether a shard's pod may go, judged over an uncached look (with the room on the nodes, where that was wanted): the pod
    /// at the version of that look.
    ///
    /// # Errors
    /// Every reason against it that wasn't allowed.
    fn gate(&self, seen: &Seen<'_>, target: &PodRef, already_down: bool) -> Result<PodRef, Vec<Refusal>>;

    /// Whether the room on the nodes has to be looked at before a shard goes: its own node may not take it again.
    fn wants_room(&self, seen: &Seen<'_>, target: &PodRef) -> bool;

    /// The nodes that fetch images, for the view; none where nothing is fetched.
    fn fetching(&self, seen: &Seen<'_>) -> Vec<Fetching>;

    /// The shards that are done, in the order in which they were, but for the first so many.
    fn done(&self, but: usize, now: Timestamp) -> Vec<ShardReport>;

    /// The next thing of ours to take away at the end, whatever the end; none when nothing of ours is left. Without the lock
    /// (`locked` is false) only what this very run made: whoever holds it now relies on the rest. What is in `but` was tried and
    /// couldn't be done: it keeps nothing else.
    fn put_back(&self, seen: &Seen<'_>, locked: bool, but: &[Act]) -> Option<Act>;

    /// The shards in hand, for the view.
    fn in_hand(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<InHand>;

    /// The end in full, of a run that ended with `step` (an [`Step::End`]).
    fn outcome(&self, seen: &Seen<'_>, step: &Step, now: Timestamp) -> Outcome;
}
