//! What comes before a shard is touched: the server tries the template, the nodes fetch the images, the nodes are frozen, the
//! template is written. And what of it is taken away again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::Upgrade;
use crate::model::finding::{Finding, Severity};
use crate::model::journal::Journal;
use crate::model::mark::{HELPER, Mark, RUN};
use crate::model::outcome::End;
use crate::model::set::{self, Ordinal};
use crate::model::step::{Act, Step, Wait};
use crate::model::{node, pod};
use crate::plan::operation::Fetching;
use crate::plan::pre_pull::helper::PRE_PULL;
use crate::plan::pre_pull::{Known, Pull, Targets, helper_name, moved_tags, pulled, targets};
use crate::plan::replace::pace::marks_last_until;
use crate::plan::replace::report::counted;
use crate::plan::safety::catalogue::{About, MOVED_TAG, PRE_PULL as NOT_PULLED};
use crate::plan::safety::freeze::freeze;
use crate::plan::verify::seen::Seen;

/// How many nodes fetch at a time, once one of them has: a registry serves the others from its caches then.
const AT_A_TIME: usize = 3;

/// A node and how far its fetching is; none where it hasn't begun.
struct Fetch {
    node: String,
    pull: Option<Pull>,
    since: Option<Timestamp>,
}

impl Upgrade {
    pub(super) fn prepare(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let change = self.aim.change.as_ref().filter(|_| !self.template_is_written(seen));
        let waiting = self.to_be_replaced(seen, now);
        if waiting.is_empty() && change.is_none() {
            return None;
        }
        // A template that no shard can follow in time isn't written: a shard that fell meanwhile would come back with it.
        if change.is_some()
            && let Some(next) = self.queue(seen, None, now).first()
            && let Some(late) = self.too_late(seen, next, now)
        {
            return Some(late);
        }
        if !self.memory.tried {
            return Some(Step::Act(Act::TryTemplate));
        }
        if self.policy.pre_pull
            && !self.memory.pulled
            && let Some(step) = self.pre_pull(seen, &waiting, now)
        {
            return Some(step);
        }
        if let Some((node, annotations)) = freeze(seen).into_iter().next() {
            return Some(Step::Act(Act::Freeze {
                node,
                annotations,
                cordon: false,
            }));
        }
        if let Some(change) = change {
            return Some(Step::Act(Act::ChangeTemplate(Box::new(change.clone()))));
        }
        let unseen = self.revision().is_none();
        unseen.then(|| self.until_the_controller_sees(seen, "the new template", now))
    }

    /// Waits for the controller to look at a template, as long as a shard may take: without it no pod is made anew.
    pub(super) fn until_the_controller_sees(&self, seen: &Seen<'_>, what: &str, now: Timestamp) -> Step {
        let journal = seen
            .set()
            .ok()
            .and_then(|set| Journal::of(set.metadata.annotations.as_ref())?.ok());
        let ours = journal.filter(|journal| journal.run == self.run);
        let written = ours.map_or(self.replacing.began, |journal| journal.at);
        // A view from before the write has the journal of the change before it.
        let until = Some(self.policy.shard_timeout)
            .filter(|_| self.write_is_seen(seen))
            .and_then(|patience| written.checked_add(patience).ok());
        if until.is_none_or(|until| now < until) {
            return Step::Wait(Wait {
                words: format!("the controller to see {what}"),
                until,
            });
        }
        let mut finding = Finding::new(
            Severity::Error,
            format!("statefulset/{}", self.set_name),
            format!("its controller hasn't looked at {what}"),
        );
        if let Ok(set) = seen.set() {
            let observed = set.status.as_ref().and_then(|status| status.observed_generation);
            finding.evidence(format!(
                "generation {}, observedGeneration {}",
                set.metadata.generation.unwrap_or(0),
                observed.unwrap_or(0)
            ));
        }
        finding.remedy("see that kube-controller-manager runs: it makes the shards' pods");
        Step::End {
            end: End::TimedOut,
            summary: format!("the controller took longer than --shard-timeout to see {what}"),
            findings: vec![finding],
        }
    }

    /// The shards that wait for their turn; before the template is written that is all that are wanted.
    fn to_be_replaced(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<Ordinal> {
        let queue = self.queue(seen, self.revision(), now);
        queue.into_iter().map(|one| one.shard.ordinal).collect()
    }

    fn fetches(&self, seen: &Seen<'_>, targets: &Targets) -> Vec<Fetch> {
        let helpers = self.helpers(seen).into_iter().map(|helper| (pod::name(helper), helper));
        let helpers: BTreeMap<&str, &Pod> = helpers.collect();
        let Ok(set) = seen.set() else { return Vec::new() };
        let nodes = targets
            .nodes
            .iter()
            .filter(|node| !self.memory.passed_over.contains(*node));
        nodes
            .map(|node| {
                let name = helper_name(set, node, &self.run);
                let helper = helpers.get(name.as_str());
                Fetch {
                    node: node.clone(),
                    pull: helper.map(|helper| pulled(helper)),
                    since: helper.and_then(|helper| Some(helper.metadata.creation_timestamp.as_ref()?.0)),
                }
            })
            .collect()
    }

    /// The nodes to fetch images onto: as they were worked out last, where nothing is new that they are worked out from.
    fn targets(&self, seen: &Seen<'_>, waiting: &[Ordinal]) -> Targets {
        let known = self.memory.targets.as_ref().filter(|known| known.holds(seen, waiting));
        known.map_or_else(|| self.work_out(seen, waiting), |known| known.targets.clone())
    }

    fn work_out(&self, seen: &Seen<'_>, waiting: &[Ordinal]) -> Targets {
        let spec = self.aim.typed.spec.as_ref();
        spec.and_then(|spec| targets(seen, spec, waiting).ok())
            .unwrap_or_default()
    }

    /// Until when a node may fetch.
    fn limit_of(&self, fetch: &Fetch) -> Option<Timestamp> {
        fetch.since?.checked_add(self.policy.shard_timeout).ok()
    }

    /// One node first, then a few at a time; none where every node has what it needs.
    fn pre_pull(&self, seen: &Seen<'_>, waiting: &[Ordinal], now: Timestamp) -> Option<Step> {
        let targets = self.targets(seen, waiting);
        let fetches = self.fetches(seen, &targets);
        let mut failures = targets.findings.clone();
        for fetch in &fetches {
            match &fetch.pull {
                Some(Pull::Failed(finding)) => failures.push(finding.clone()),
                Some(Pull::Coming(words)) if self.limit_of(fetch).is_some_and(|limit| now >= limit) => {
                    let words = format!("doesn't have the images after --shard-timeout: {words}");
                    failures.push(Finding::new(Severity::Error, format!("node/{}", fetch.node), words));
                }
                _ => {}
            }
        }
        let covered = |about: &About| self.policy.allowed.covers(&about.refuse("", ""));
        if !failures.is_empty() && !covered(&NOT_PULLED) {
            let many = counted(failures.len(), "node");
            way_past(&NOT_PULLED, &mut failures);
            return Some(self.stop(format!("{many} can't get the new images"), failures));
        }
        // One that takes too long, and may, isn't waited for any more.
        let coming: Vec<Option<Timestamp>> = fetches
            .iter()
            .filter(|fetch| matches!(fetch.pull, Some(Pull::Coming(_))))
            .map(|fetch| self.limit_of(fetch))
            .filter(|limit| limit.is_none_or(|limit| now < limit))
            .collect();
        let done = fetches
            .iter()
            .filter(|fetch| matches!(fetch.pull, Some(Pull::Done(_))))
            .count();
        let at_a_time = if done == 0 { 1 } else { AT_A_TIME };
        if let Some(fetch) = fetches.iter().find(|fetch| fetch.pull.is_none())
            && coming.len() < at_a_time
        {
            return Some(Step::Act(Act::PrePull {
                node: fetch.node.clone(),
            }));
        }
        if !coming.is_empty() {
            return Some(Step::Wait(Wait {
                words: format!(
                    "{} of {} to fetch the images",
                    fetches.len() - done,
                    counted(fetches.len(), "node")
                ),
                until: coming.into_iter().flatten().min(),
            }));
        }
        let ids: BTreeMap<String, BTreeMap<String, String>> = fetches
            .into_iter()
            .filter_map(|fetch| match fetch.pull {
                Some(Pull::Done(ids)) => Some((fetch.node, ids)),
                _ => None,
            })
            .collect();
        let spec = self.aim.typed.spec.as_ref()?;
        let mut moved = moved_tags(seen, spec, &ids).unwrap_or_default();
        if !moved.is_empty() && !covered(&MOVED_TAG) {
            way_past(&MOVED_TAG, &mut moved);
            return Some(self.stop("an image's tag has moved: the shards would run different images", moved));
        }
        None
    }

    /// The nodes with a helper of this run, and how far each is.
    pub(super) fn nodes_that_fetch(&self, seen: &Seen<'_>) -> Vec<Fetching> {
        let Ok(set) = seen.set() else { return Vec::new() };
        let helpers = self.helpers(seen).into_iter();
        helpers
            .filter_map(|helper| {
                let node = pod::node(helper)?;
                (pod::name(helper) == helper_name(set, node, &self.run)).then(|| Fetching {
                    node: node.to_owned(),
                    pull: pulled(helper),
                })
            })
            .collect()
    }

    /// Remembers once the images are everywhere: helpers go away again as their nodes' shards move.
    pub(super) fn note_pulls(&mut self, seen: &Seen<'_>, now: Timestamp) {
        if self.memory.pulled || !self.policy.pre_pull || !self.memory.tried {
            return;
        }
        let waiting = self.to_be_replaced(seen, now);
        let known = self.memory.targets.as_ref();
        if known.is_none_or(|known| !known.holds(seen, &waiting)) {
            self.memory.targets = Known::of(seen, &waiting, self.work_out(seen, &waiting));
        }
        self.memory.pulled = !waiting.is_empty() && self.pre_pull(seen, &waiting, now).is_none();
    }

    /// The helper pods of this set's upgrades, of this run and of earlier ones.
    fn helpers<'a>(&self, seen: &Seen<'a>) -> Vec<&'a Pod> {
        let Ok(set) = seen.set() else { return Vec::new() };
        let ours = |found: &&Pod| {
            pod::label(found, HELPER) == Some(PRE_PULL)
                && found
                    .metadata
                    .owner_references
                    .iter()
                    .flatten()
                    .any(|owner| owner.uid == set::uid(set))
        };
        let all = seen.helpers().unwrap_or_default().into_iter();
        all.filter(ours).filter(|found| !pod::is_terminating(found)).collect()
    }

    /// What of ours is still there, but for what couldn't be taken away: helper pods first, then the marks on nodes.
    pub(super) fn next_to_put_back(&self, seen: &Seen<'_>, locked: bool, but: &[Act]) -> Option<Act> {
        let made_by = |helper: &Pod| helper.metadata.annotations.as_ref()?.get(RUN).cloned();
        let helpers = self.helpers(seen).into_iter().chain(self.rooms(seen));
        let mut helpers = helpers
            .filter(|helper| locked || made_by(helper) == Some(self.run.clone()))
            .map(remove)
            .filter(|act| !but.contains(act));
        if let Some(helper) = helpers.next() {
            return Some(helper);
        }
        let ours = |found: &&k8s_openapi::api::core::v1::Node| {
            let mark = Mark::of(found.metadata.annotations.as_ref()).and_then(Result::ok);
            mark.is_some_and(|mark| mark.operation == self.run || (locked && mark.is_of(&self.run)))
        };
        let frozen: Vec<String> = match seen.snapshot.nodes.got() {
            Some(nodes) => nodes
                .iter()
                .filter(ours)
                .map(|held| node::name(held).to_owned())
                .collect(),
            None => self.memory.marked.iter().cloned().collect(),
        };
        let mut frozen = frozen.into_iter().map(|node| Act::Unfreeze { node });
        frozen.find(|act| !but.contains(act))
    }

    /// Until when a mark of this run is meant to last: as long as all of it may take, an hour at least.
    pub fn marks_last_until(&self, seen: &Seen<'_>, now: Timestamp) -> Timestamp {
        let shards = self.to_be_replaced(seen, now).len();
        marks_last_until(shards, &self.terms(seen), self.policy.pause, now)
    }
}

/// Names the way past a refusal, once, under the last of its findings.
fn way_past(about: &About, findings: &mut [Finding]) {
    if let (Some(last), Some(then)) = (findings.last_mut(), about.allowed) {
        last.remedy(format!("or go on all the same, with --allow {}: {then}", about.id));
    }
}

fn remove(helper: &Pod) -> Act {
    Act::RemoveHelper {
        pod: pod::name(helper).to_owned(),
        uid: pod::uid(helper).to_owned(),
    }
}
