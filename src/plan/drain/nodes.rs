//! What is done about the nodes of a drain: held first, then emptied one after another, then left.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::node::{Cordon, cordon};
use super::others::{Others, Row, Verdict, others};
use super::preflight::stuck;
use super::release::{Left, still_on};
use super::run::Drain;
use super::{Afterwards, next::retry_at};
use crate::model::finding::{Finding, Severity};
use crate::model::karpenter::NodeClaim;
use crate::model::node;
use crate::model::pod;
use crate::model::read::Skip;
use crate::model::step::{Act, OtherPod, Step, Wait};
use crate::plan::replace::report::finding_of;
use crate::plan::safety::catalogue::OTHER_PODS;
use crate::plan::safety::freeze::freeze;
use crate::plan::verify::seen::Seen;

impl Drain {
    /// The nodes to be emptied are cordoned, and they and every node that holds shards are kept from autoscalers. All of them
    /// first: Karpenter makes nodes for what the remaining ones can't take.
    pub(super) fn hold_the_nodes(&self, seen: &Seen<'_>) -> Option<Step> {
        let held = freeze(seen);
        for name in self.open_nodes() {
            let found = seen.node(name).ok().flatten()?;
            let annotations = held
                .iter()
                .find(|(held, _)| held == name)
                .map(|(_, annotations)| annotations.clone());
            let open = cordon(found, &self.run) == Cordon::Open;
            if open || annotations.is_some() {
                return Some(Step::Act(Act::Freeze {
                    node: name.clone(),
                    annotations: annotations.unwrap_or_default(),
                    cordon: open,
                }));
            }
        }
        let (node, annotations) = held.into_iter().next()?;
        Some(Step::Act(Act::Freeze {
            node,
            annotations,
            cordon: false,
        }))
    }

    /// What is on a node, judged anew; pods that were found to be needed by the shards stay so.
    ///
    /// # Errors
    /// Unknown where its pods can't be read.
    pub(super) fn on_node(&self, seen: &Seen<'_>, name: &str) -> Result<Vec<Row>, Skip> {
        let Others { mut rows, .. } = others(seen, name, self.policy.flags, self.policy.own.as_ref())?;
        for row in &mut rows {
            if !self.aim.needed.contains(&row.uid) {
                row.last = None;
            }
        }
        Ok(rows)
    }

    /// The node in turn: room for its shards, its other pods, its shards, the pods that shards need; then it is left.
    pub(super) fn empty_a_node(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        if let Some(step) = self.release(seen, now) {
            return Some(step);
        }
        let place = self.open_nodes().next()?;
        let rows = match self.on_node(seen, place) {
            Ok(rows) => rows,
            Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
                return Some(Step::Wait(Wait {
                    words: format!("the pods of node/{place} to be seen: {why}"),
                    until: self.until(),
                }));
            }
        };
        let step = self
            .a_pod_that_cannot_go(seen, place, &rows)
            .or_else(|| self.room_to_make(seen, place, now))
            .or_else(|| self.other_pods(seen, &rows, false, now))
            .or_else(|| self.next_shard(seen, place, now))
            .or_else(|| self.other_pods(seen, &rows, true, now))
            .unwrap_or_else(|| {
                Step::Act(Act::LeaveNode {
                    node: place.clone(),
                    uncordon: self.policy.then == Afterwards::Uncordoned,
                })
            });
        Some(step)
    }

    /// Whether a pod has to be gone before its node is empty. What can't go stays only where `--allow` says so: where that came to
    /// be while the drain ran, nobody was asked. Of a budget the eviction itself tells whether it lets the pod go by now.
    pub(super) fn has_to_go(&self, row: &Row) -> bool {
        let held = matches!(row.verdict, Verdict::Kept(_) | Verdict::Never(_));
        row.is_evicted() || held && !self.policy.allowed.covers(&OTHER_PODS.refuse("", ""))
    }

    /// A pod that can't go any more, or came since: its owner, its volumes or it itself are other than when the drain began.
    fn a_pod_that_cannot_go(&self, seen: &Seen<'_>, place: &str, rows: &[Row]) -> Option<Step> {
        let is_on_its_way = |row: &Row| self.memory.gone.contains(&row.uid) || is_ending(seen, &row.uid);
        let (row, why) = rows.iter().find_map(|row| match &row.verdict {
            Verdict::Never(why) if self.has_to_go(row) && !is_on_its_way(row) => Some((row, why)),
            _ => None,
        })?;
        let finding = finding_of(&stuck(seen, place, why, &[row.title()]));
        Some(self.stop(format!("{}: {}", finding.object, finding.message), vec![finding]))
    }

    /// The other pods of a node: evicted all at once, and waited for until they have ended. `last` are those that shards need.
    fn other_pods(&self, seen: &Seen<'_>, rows: &[Row], last: bool, now: Timestamp) -> Option<Step> {
        let mut going = Vec::new();
        let mut until = self.until();
        for row in rows
            .iter()
            .filter(|row| self.has_to_go(row) && row.last.is_some() == last)
        {
            if self.memory.gone.contains(&row.uid) || is_ending(seen, &row.uid) {
                going.push(format!("{} to end", row.title()));
                continue;
            }
            let Some((blocked, at)) = self.memory.held.get(&row.uid) else {
                return Some(evict(row));
            };
            match retry_at(blocked.again, *at) {
                Some(again) if again > now => {
                    until = until.into_iter().chain([again]).min();
                    going.push(format!("{}: {}", row.title(), blocked.finding.message));
                }
                _ => return Some(evict(row)),
            }
        }
        let first = going.first()?;
        let words = match going.len() {
            1 => first.clone(),
            more => format!("{first}, and {} more", more - 1),
        };
        Some(Step::Wait(Wait { words, until }))
    }

    /// `--then-release`: the NodeClaim of a node that was emptied. Pods that are on their way out are waited for, and so are
    /// NodeClaims that can't be read: a node without one that was seen is no node that was given back.
    fn release(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let (name, claim) = match self.to_release(seen) {
            Ok(next) => next?,
            Err(Skip::Unknown(why)) => {
                return Some(Step::Wait(Wait {
                    words: format!("the NodeClaims to be seen again: {why}"),
                    until: self.until().filter(|until| *until > now),
                }));
            }
            Err(Skip::NotApplicable(why)) => {
                let finding = Finding::new(Severity::Error, "nodeclaim", &why);
                return Some(self.stop(format!("no node is given back: {why}"), vec![finding]));
            }
        };
        let here = seen.snapshot.node_pods.got().into_iter().flatten();
        let here: Vec<Pod> = here
            .filter(|found| pod::node(found) == Some(name.as_str()))
            .cloned()
            .collect();
        if still_on(seen.set().ok()?, &here) == Some(Left::Leaving) {
            return Some(Step::Wait(Wait {
                words: format!("the last pods of node/{name} to end"),
                until: self.until().filter(|until| *until > now),
            }));
        }
        Some(Step::Act(Act::ReleaseNode {
            node: name.clone(),
            claim: claim.name().to_owned(),
            uid: claim.uid().to_owned(),
        }))
    }

    /// The next node that is to be given back, and its NodeClaim.
    ///
    /// # Errors
    /// Where NodeClaims can't be read, or aren't served any more, and a node is left whose own this run didn't delete.
    pub(super) fn to_release<'a>(&'a self, seen: &Seen<'a>) -> Result<Option<(&'a String, NodeClaim<'a>)>, Skip> {
        let mut left = self.not_released().peekable();
        if left.peek().is_none() {
            return Ok(None);
        }
        let claims = seen.snapshot.node_claims.need()?;
        let claim_of = |name: &String| claims.iter().map(NodeClaim).find(|claim| claim.node() == Some(name));
        // One whose NodeClaim is gone by now needs nothing more, and the others aren't kept waiting for it.
        Ok(left.find_map(|name| Some((name, claim_of(name)?))))
    }

    /// The nodes that were emptied and whose NodeClaim is to go, and this run didn't delete.
    pub(super) fn not_released(&self) -> impl Iterator<Item = &String> {
        let released = self.policy.then == Afterwards::Released;
        let left = move |name: &&String| released && !self.memory.released.contains(*name);
        self.memory.emptied.iter().filter(left)
    }

    /// The pods that are still on the nodes that were emptied and would have had to go, were it not for `--allow`, for the end.
    pub(super) fn still_on(&self, seen: &Seen<'_>, name: &str) -> Vec<String> {
        let rows = self.on_node(seen, name).unwrap_or_default();
        let held = |row: &Row| matches!(row.verdict, Verdict::Kept(_) | Verdict::Never(_));
        let stays = |row: &&Row| held(row) && !self.has_to_go(row);
        rows.iter().filter(stays).map(Row::title).collect()
    }

    /// Whether a node is there and takes pods.
    pub(super) fn is_open(seen: &Seen<'_>, name: &str) -> bool {
        let found = seen.node(name).ok().flatten();
        found.is_some_and(|found| !node::is_cordoned(found))
    }
}

fn evict(row: &Row) -> Step {
    Step::Act(Act::EvictPod(OtherPod {
        namespace: row.namespace.clone(),
        name: row.name.clone(),
        uid: row.uid.clone(),
    }))
}

fn is_ending(seen: &Seen<'_>, uid: &str) -> bool {
    let pods = seen.snapshot.node_pods.got().into_iter().flatten();
    let mut same = pods.filter(|found| pod::uid(found) == uid);
    same.next().is_some_and(pod::is_terminating)
}
