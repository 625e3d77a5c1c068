//! How a drain ends: the last step, what is put back, what is said of the shards and the nodes, and the three facts.

use jiff::Timestamp;

use super::Afterwards;
use super::node::claim_of;
use super::others::Row;
use super::run::Drain;
use crate::model::finding::{Finding, Severity};
use crate::model::mark::Mark;
use crate::model::outcome::{End, Outcome, down_in_all};
use crate::model::shell::shell_word;
use crate::model::step::{Act, Step};
use crate::model::{node, pod};
use crate::plan::replace::report::{counted, found_at_last, state_now};
use crate::plan::verify::seen::Seen;

impl Drain {
    /// All that is wanted is done.
    pub(super) fn finish(&self, seen: &Seen<'_>) -> Step {
        let moved = self.memory.shards.done.len();
        let nodes = &self.memory.emptied;
        let which = match nodes.as_slice() {
            [] => "no node".to_owned(),
            [only] => format!("node/{only}"),
            several => counted(several.len(), "node"),
        };
        let (are, take) = if nodes.len() > 1 {
            ("are", "take")
        } else {
            ("is", "takes")
        };
        let then = match self.policy.then {
            Afterwards::Cordoned => format!("{are} empty and cordoned"),
            Afterwards::Uncordoned => format!("{are} empty and {take} pods again"),
            Afterwards::Released => format!("{are} empty and released"),
        };
        let shards = match moved {
            0 => String::new(),
            more => format!("; {} moved and Ready again", counted(more, "shard")),
        };
        Step::End {
            end: End::Done,
            summary: format!("{which} {then}{shards}"),
            findings: self.left_over(seen),
        }
    }

    /// What is left on nodes that were emptied, and who cordoned them before.
    pub(super) fn left_over(&self, seen: &Seen<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for name in &self.memory.emptied {
            let still = self.still_on(seen, name);
            if !still.is_empty() {
                let mut finding = Finding::new(
                    Severity::Warning,
                    format!("node/{name}"),
                    format!("{} still on it, as --allow said", counted(still.len(), "pod")),
                );
                for title in still {
                    finding.evidence(title);
                }
                findings.push(finding);
            }
            let cordoned = self.policy.then == Afterwards::Uncordoned && !Drain::is_open(seen, name);
            if cordoned && seen.node(name).ok().flatten().is_some() {
                findings.push(Finding::new(
                    Severity::Information,
                    format!("node/{name}"),
                    "somebody had cordoned it before: it stays cordoned",
                ));
            }
        }
        findings
    }

    /// What of ours is still there, the most dangerous first: an open budget, an extra shard, then placeholders, then the marks on
    /// nodes, which takes the cordon of a node that wasn't emptied away. What is in `but` couldn't be put back, and keeps nothing
    /// else; of the extra shard each step needs the one before.
    pub(super) fn next_to_put_back(&self, seen: &Seen<'_>, locked: bool, but: &[Act]) -> Option<Act> {
        let first = |acts: Vec<Act>| acts.into_iter().find(|act| !but.contains(act));
        if let Some(act) = first(self.own_budget_marks(seen, locked)) {
            return Some(act);
        }
        let ours = |mark: &Mark| mark.operation == self.run || (locked && mark.is_of(&self.run));
        let surged = self.surge_mark(seen).is_some_and(|(mark, _)| ours(&mark)) && !but.iter().any(is_of_the_extra);
        if surged && let Some(act) = self.act_without_the_extra(seen) {
            return Some(act);
        }
        if let Some(act) = first(self.placeholders_to_remove(seen, locked)) {
            return Some(act);
        }
        let marked = |found: &&k8s_openapi::api::core::v1::Node| {
            let mark = Mark::of(found.metadata.annotations.as_ref()).and_then(Result::ok);
            mark.is_some_and(|mark| ours(&mark))
        };
        let held: Vec<String> = match seen.snapshot.nodes.got() {
            Some(nodes) => nodes
                .iter()
                .filter(marked)
                .map(|found| node::name(found).to_owned())
                .collect(),
            None => self.memory.marked.iter().cloned().collect(),
        };
        let held = held.into_iter().map(|node| Act::Unfreeze { node });
        if let Some(act) = first(held.collect()) {
            return Some(act);
        }
        // Nothing can be done about it at once: it is waited for, and said where it stays; `recover` goes on with it.
        surged.then_some(Act::ScaleBack)
    }

    pub(super) fn ended(&self, seen: &Seen<'_>, step: &Step, now: Timestamp) -> Outcome {
        let (mut end, mut summary, mut findings) = match step {
            Step::End { end, summary, findings } => {
                let mut all = findings.clone();
                all.extend(self.extra_that_stays(seen));
                (*end, summary.clone(), all)
            }
            Step::Act(_) | Step::Wait(_) => (End::Interrupted, "interrupted".to_owned(), Vec::new()),
        };
        let found = self.seen_at_last(seen, end);
        found_at_last(found, &mut end, &mut summary, &mut findings);
        let touched = self.memory.shards.touched();
        let shards = self.memory.shards.reports(&self.set_name, &touched, now);
        Outcome {
            end,
            exit_code: end.exit_code(),
            summary,
            shard_seconds: down_in_all(&shards),
            shards,
            seconds: now.duration_since(self.memory.shards.began).as_secs_f64().max(0.0),
            data: self.memory.shards.data_words(seen),
            findings,
            state_now: self.state(seen),
            how_to_undo: self.how_to_undo(seen, end),
            how_to_resume: self.how_to_resume(seen, end),
        }
    }

    /// What the last look, after which nothing is decided any more, shows against the end: a disk that was exchanged, a shard that
    /// fell; and where all was about to be called done, a set or a budget that somebody changed, a node that isn't as it was left.
    fn seen_at_last(&self, seen: &Seen<'_>, end: End) -> Vec<Finding> {
        let fallen = self.memory.shards.fallen(seen, self.policy.max_restarts);
        let mut found: Vec<Finding> = self.memory.failed.iter().cloned().collect();
        found.extend(fallen.into_iter().map(|(_, finding)| finding));
        if end == End::Done {
            found.extend(self.another_set(seen).map(|(_, finding)| finding));
            found.extend(self.another_budget(seen));
            found.extend(self.memory.emptied.iter().filter_map(|name| self.isnt_left(seen, name)));
        }
        found
    }

    /// Why a node that was emptied isn't as it was left; none where it is, where it may take pods, and where it is gone.
    fn isnt_left(&self, seen: &Seen<'_>, name: &str) -> Option<Finding> {
        let found = seen.node(name).ok().flatten()?;
        if self.policy.then == Afterwards::Uncordoned || self.memory.released.contains(name) {
            return None;
        }
        let mut finding = Finding::new(Severity::Error, format!("node/{name}"), String::new());
        let rows = self.on_node(seen, name).unwrap_or_default();
        let rows = rows.iter().filter(|row| self.has_to_go(row)).map(Row::title);
        let shards = seen.every_shard().unwrap_or_default().into_iter();
        let shards = shards.filter(|shard| shard.pod.and_then(pod::node) == Some(name));
        let on_it: Vec<String> = shards.map(|shard| shard.name.into_owned()).chain(rows).collect();
        finding.message = if !on_it.is_empty() {
            format!("it isn't empty any more: {} came to it", on_it.join(", "))
        } else if !node::is_cordoned(found) {
            "somebody uncordoned it since it was emptied".to_owned()
        } else {
            return None;
        };
        finding.remedy(seen.kubectl_cluster(&format!(
            "get pods -A -o wide --field-selector spec.nodeName={}",
            shell_word(name)
        )));
        Some(finding)
    }

    /// The first fact: the shards, and the nodes.
    fn state(&self, seen: &Seen<'_>) -> String {
        let mut words = state_now(seen);
        for name in &self.aim.order {
            let found = seen.node(name).ok().flatten();
            let cordoned = match found {
                None => "is gone",
                Some(found) if node::is_cordoned(found) => "is cordoned",
                Some(_) => "takes pods",
            };
            let empty = match (self.memory.emptied.contains(name), self.shards_on(seen, name).len()) {
                (true, 0) => "empty, ".to_owned(),
                (_, 0) => String::new(),
                (_, more) => format!("with {}, ", counted(more, "shard")),
            };
            words.push_str(&format!("; node/{name}: {empty}{cordoned}"));
        }
        words
    }

    fn how_to_undo(&self, seen: &Seen<'_>, end: End) -> Vec<String> {
        let recover = (end == End::MarkLeft).then(|| format!("$ {}", self.again.recover));
        let closed: Vec<&String> = self
            .memory
            .emptied
            .iter()
            .filter(|name| seen.node(name).ok().flatten().is_some_and(node::is_cordoned))
            .filter(|name| !self.memory.released.contains(*name))
            .collect();
        let names: Vec<String> = closed.iter().map(|name| shell_word(name).to_string()).collect();
        let uncordon = (!names.is_empty()).then(|| format!("$ {} {}", self.again.uncordon, names.join(" ")));
        let lines: Vec<String> = recover.into_iter().chain(uncordon).collect();
        if lines.is_empty() {
            return vec!["nothing to undo".to_owned()];
        }
        lines
    }

    fn how_to_resume(&self, seen: &Seen<'_>, end: End) -> Vec<String> {
        if matches!(end, End::Done | End::NothingToDo) {
            return vec!["nothing to resume".to_owned()];
        }
        // One that is gone can't be named any more.
        let is_gone = |name: &String| matches!(seen.node(name), Ok(None));
        if self.memory.emptied.is_empty() && !self.aim.order.iter().any(is_gone) {
            return vec![format!("$ {}", self.again.same)];
        }
        // The nodes that were emptied aren't emptied again, but for those that aren't as they were to be left.
        // Nor is one given back whose machine is gone already, and whose node goes by itself.
        let is_held = |name: &String| !matches!(claim_of(seen, name), Ok(None));
        let is_unreleased = |name: &String| is_held(name) && self.not_released().any(|left| left == name);
        let again = |name: &&String| is_unreleased(name) || self.isnt_left(seen, name).is_some();
        let left = self.open_nodes().chain(self.memory.emptied.iter().filter(again));
        let names: Vec<String> = left
            .filter(|name| !is_gone(name))
            .map(|name| shell_word(name).to_string())
            .collect();
        if !names.is_empty() {
            return vec![format!("$ {} {}", self.again.without_nodes, names.join(" "))];
        }
        match end {
            End::MarkLeft => vec![format!("$ {}", self.again.recover)],
            _ => vec!["nothing to resume: no node is left to be emptied".to_owned()],
        }
    }
}

/// Whether it is one of the steps that take the extra shard away.
fn is_of_the_extra(act: &Act) -> bool {
    match act {
        Act::ScaleBack | Act::RemoveClaim { .. } => true,
        Act::UndoMark { object, .. } => object.starts_with("statefulset/"),
        _ => false,
    }
}
