//! The next step of a drain: one question after another, the first that has an answer decides.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use super::Strategy;
use super::run::{Drain, is_leaving};
use crate::model::finding::{Finding, Severity};
use crate::model::mark::Mark;
use crate::model::outcome::End;
use crate::model::pod;
use crate::model::read::Skip;
use crate::model::set;
use crate::model::shell::shell_word;
use crate::model::step::{Act, Step, Wait};
use crate::plan::eviction::Again;
use crate::plan::operation::Wishes;
use crate::plan::replace::budgets::another_budget;
use crate::plan::replace::hand::Hand;
use crate::plan::replace::report::{finding_of, first_message};
use crate::plan::replace::stand::{Stand, Standing, queue};
use crate::plan::replace::{Unseen, another_set, pod_ref, unseen};
use crate::plan::safety::catalogue::{NODE_UNREADY, SHARD_DOWN, TERMINATING};
use crate::plan::safety::own::mark_to_own;
use crate::plan::verify::seen::{Seen, Shard};

impl Drain {
    pub(super) fn next(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Step {
        match self.decide(seen, wishes, now) {
            // The extra shard of a surge goes first, whatever the end: that takes steps, and time.
            Step::End { end, summary, findings } => {
                self.without_the_extra(seen, now)
                    .unwrap_or(Step::End { end, summary, findings })
            }
            step => step,
        }
    }

    pub(super) fn decide(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Step {
        self.budget_to_close(seen)
            .or_else(|| self.something_failed())
            .or_else(|| self.memory.ending.clone().filter(|end| !is_done(end)))
            .or_else(|| self.unseen(seen, wishes, now))
            .or_else(|| self.set_is_another(seen))
            .or_else(|| self.budget_is_another(seen))
            .or_else(|| self.node_is_another(seen))
            .or_else(|| self.a_shard_fell(seen))
            .or_else(|| self.a_shard_came_back(seen))
            // While the extra shard is taken away nothing is begun that what mends itself meanwhile would allow; what was about to
            // be called done is held against what is seen meanwhile.
            .or_else(|| self.memory.ending.clone())
            .or_else(|| mark_to_own(seen, &self.run, &self.memory.not_owned, wishes))
            .or_else(|| self.room_to_give_back(seen))
            .or_else(|| self.together(seen, wishes, now))
            .or_else(|| self.shard_in_hand(seen, wishes, now))
            .or_else(|| self.after_the_shard())
            .or_else(|| self.stop_wished(seen, wishes))
            .or_else(|| self.out_of_time(seen, now))
            .or_else(|| self.hold_the_nodes(seen))
            .or_else(|| self.shard_that_is_down(seen, now))
            .or_else(|| self.extra_shard(seen, now))
            .or_else(|| self.empty_a_node(seen, now))
            .unwrap_or_else(|| self.finish(seen))
    }

    /// An end short of the goal: refused where nothing was touched, halted where something was or may have been.
    pub(super) fn stop(&self, summary: impl Into<String>, findings: Vec<Finding>) -> Step {
        let touched = self.memory.touched || self.memory.tasks.ran_one;
        let end = if touched { End::Halted } else { End::Refused };
        Step::End {
            end,
            summary: summary.into(),
            findings,
        }
    }

    /// While shards or nodes can't be seen nothing is decided about them. Whoever wants to stop and `--timeout` are obeyed all the same,
    /// after the shard in hand as ever; how that is going can be seen without the nodes.
    fn unseen(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Option<Step> {
        let (words, in_hand) = match unseen(seen) {
            Some(Unseen::Gone(why)) => return Some(self.stop(why, Vec::new())),
            Some(Unseen::Wait(wait)) => {
                let in_hand = !self.memory.shards.taken.is_empty();
                (wait.words.clone(), in_hand.then_some(Step::Wait(wait)))
            }
            None => match seen.snapshot.nodes.need() {
                Ok(_) => return None,
                Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => (
                    format!("the nodes to be seen again: {why}"),
                    self.shard_in_hand(seen, wishes, now),
                ),
            },
        };
        in_hand
            .or_else(|| self.after_the_shard())
            .or_else(|| self.stop_wished(seen, wishes))
            .or_else(|| {
                let until = self.until().filter(|until| now >= *until)?;
                Some(self.timed_out(format!("--timeout was over at {until:.0} while it waited for {words}")))
            })
            .or_else(|| {
                Some(Step::Wait(Wait {
                    words: words.clone(),
                    until: self.until(),
                }))
            })
    }

    /// A budget that we opened and couldn't close is closed before anything is waited for. Where the server doesn't let us, the
    /// run ends: trying again at once changes nothing.
    fn budget_to_close(&self, seen: &Seen<'_>) -> Option<Step> {
        let act = self.own_budget_marks(seen, true).into_iter().next()?;
        let failed = |object: &String| {
            self.memory
                .failed
                .as_ref()
                .is_some_and(|failed| failed.object == *object)
        };
        let is_refused = matches!(&act, Act::UndoMark { object, .. } if failed(object));
        (!is_refused).then_some(Step::Act(act))
    }

    fn something_failed(&self) -> Option<Step> {
        if !self.memory.refused.is_empty() {
            let findings: Vec<Finding> = self.memory.refused.iter().map(finding_of).collect();
            return Some(self.stop(first_message(&findings), findings));
        }
        if let Some(failed) = &self.memory.failed {
            let summary = format!("{}: {}", failed.object, failed.message);
            return Some(self.stop(summary, vec![failed.clone()]));
        }
        let never = |again: Again| again == Again::Never;
        let of_shard = self.memory.blocked.iter().map(|(_, blocked, _)| blocked);
        let of_others = self.memory.held.values().map(|(blocked, _)| blocked);
        let blocked = of_shard.chain(of_others).find(|blocked| never(blocked.again))?;
        Some(self.stop(
            format!("{}: {}", blocked.finding.object, blocked.finding.message),
            vec![blocked.finding.clone()],
        ))
    }

    fn set_is_another(&self, seen: &Seen<'_>) -> Option<Step> {
        let (summary, finding) = self.another_set(seen)?;
        Some(self.stop(summary, vec![finding]))
    }

    /// Somebody changed the set meanwhile. The extra shard of a surge is our own change.
    pub(super) fn another_set(&self, seen: &Seen<'_>) -> Option<(String, Finding)> {
        let mut pinned = self.memory.pinned.clone()?;
        let surged = self.memory.extra.is_some() || self.surge_mark(seen).is_some();
        let with_extra = pinned.replicas.saturating_add(1);
        if surged && set::replicas(seen.set().ok()?) == with_extra {
            pinned.replicas = with_extra;
        }
        another_set(seen, &pinned, "drain")
    }

    /// Somebody changed a budget over the shards meanwhile.
    pub(super) fn another_budget(&self, seen: &Seen<'_>) -> Option<Finding> {
        another_budget(seen, self.memory.budgets.as_ref()?, &self.run)
    }

    fn budget_is_another(&self, seen: &Seen<'_>) -> Option<Step> {
        let finding = self.another_budget(seen)?;
        Some(self.stop(format!("{}: {}", finding.object, finding.message), vec![finding]))
    }

    /// A node that is being emptied was deleted, uncordoned, or fell silent: nothing more is evicted from it.
    fn node_is_another(&self, seen: &Seen<'_>) -> Option<Step> {
        for name in self.open_nodes() {
            let object = format!("node/{name}");
            let stop = |message: String, remedy: Vec<String>| {
                let mut finding = Finding::new(Severity::Error, &object, message.clone());
                for line in remedy {
                    finding.remedy(line);
                }
                Some(self.stop(format!("{object}: {message}"), vec![finding]))
            };
            let about = vec![
                "find out who did that; what it was to be emptied of:".to_owned(),
                seen.kubectl_cluster(&format!(
                    "get pods -A -o wide --field-selector spec.nodeName={}",
                    shell_word(name)
                )),
            ];
            let Some(found) = seen.node(name).ok().flatten() else {
                return stop("it is gone: somebody deleted it while the drain ran".to_owned(), about);
            };
            if self.memory.known_trouble.contains(name) {
                continue;
            }
            if is_leaving(seen, found) {
                return stop("somebody is taking it away while the drain runs".to_owned(), about);
            }
            let allowed = self.policy.allowed.covers(&NODE_UNREADY.refuse("", ""));
            if let Some((message, remedy)) = super::node::silent(seen, found)
                && !allowed
            {
                return stop(message, remedy);
            }
            if self.memory.cordoned.contains(name) && !crate::model::node::is_cordoned(found) {
                return stop("somebody uncordoned it while the drain ran".to_owned(), about);
            }
        }
        None
    }

    /// A shard that was up and went down without our doing: somebody must look before another one goes.
    fn a_shard_fell(&self, seen: &Seen<'_>) -> Option<Step> {
        let (names, findings): (Vec<String>, Vec<Finding>) = self
            .memory
            .shards
            .fallen(seen, self.policy.max_restarts)
            .into_iter()
            .unzip();
        (!names.is_empty()).then(|| {
            self.stop(
                format!("{} went down without this run's doing", names.join(", ")),
                findings,
            )
        })
    }

    /// A shard's new pod is on a node that is being emptied: evicting it again would go on for ever.
    fn a_shard_came_back(&self, seen: &Seen<'_>) -> Option<Step> {
        let shards = seen.every_shard().ok()?;
        let back = shards.iter().find_map(|shard| {
            let taken = self.memory.shards.taken.get(&shard.ordinal)?;
            let found = shard.pod?;
            // What is on its way out may be the pod that an earlier run took, whose uid this one doesn't know.
            let is_new = pod::uid(found) != taken.uid && !pod::is_terminating(found);
            (self.is_due(found) && is_new).then_some((shard, found))
        });
        let (shard, found) = back?;
        let message = format!(
            "came back to node/{}, which is being emptied: something lets it ignore the cordon",
            pod::node(found).unwrap_or_default()
        );
        let mut finding = Finding::new(Severity::Error, format!("pod/{}", shard.name), &message);
        finding
            .remedy("see its tolerations, and who put it there (schedulerName, nodeName):")
            .remedy(seen.kubectl(&format!("get pod {} -o yaml", shell_word(&shard.name))));
        Some(self.stop(format!("{} {message}", shard.name), vec![finding]))
    }

    /// Every shard, with where it stands: due while its pod is on a node that is still to be emptied.
    pub(super) fn standing<'a>(&self, seen: &Seen<'a>, now: Timestamp) -> Vec<Standing<'a>> {
        let due = |shard: &Shard<'_>| shard.pod.is_some_and(|found| self.is_due(found));
        self.memory.shards.standings(seen, &due, &self.terms(seen), now)
    }

    /// With `downtime`, the rest of a node's shards go as soon as the first of them has.
    fn together(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Option<Step> {
        let begun = self.policy.strategy == Strategy::Downtime && !self.memory.shards.taken.is_empty();
        if !begun || wishes.stop {
            return None;
        }
        let place = self.open_nodes().next()?;
        let standing = self.standing(seen, now);
        let of_node = |one: &&Standing<'_>| one.shard.pod.and_then(pod::node) == Some(place.as_str());
        let waiting = queue(standing, seen, &self.policy.last);
        let next = waiting.iter().find(of_node)?;
        self.before_and_take(next)
    }

    /// A shard that is down or settles: nothing else is touched until it is done.
    ///
    /// One elsewhere that was down before, and isn't this run's doing, keeps only shards that are up from being moved: what is
    /// down already moves whatever the state of the others. Nor does an extra shard keep who wants to stop.
    fn shard_in_hand(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Option<Step> {
        let mut standing = self.standing(seen, now);
        let any = |stand: Stand| standing.iter().any(|one| one.stand == stand);
        let costs_nothing = any(Stand::DueAndDown) || !any(Stand::Due);
        let extra = self.extra(seen);
        standing.retain(|one| {
            let ordinal = one.shard.ordinal;
            if extra == Some(ordinal) {
                return !wishes.stop;
            }
            let is_ours = self.memory.shards.taken.contains_key(&ordinal);
            is_ours
                || matches!(one.stand, Stand::Settling { .. })
                || !(costs_nothing || wishes.stop || self.is_allowed(one))
        });
        let terms = self.terms(seen);
        match self.memory.shards.hand(seen, &standing, &terms, now) {
            Hand::Empty => None,
            Hand::Wait(wait) => self.extra_is_late(seen, now).or(Some(Step::Wait(wait))),
            Hand::Failed(stuck) => Some(Step::End {
                end: End::Halted,
                summary: format!("{} can't become Ready", stuck.shard),
                findings: vec![stuck.finding],
            }),
            Hand::Overdue(stuck) => {
                let found = standing.iter().find(|one| one.shard.ordinal == stuck.ordinal);
                let finding = match found.and_then(|one| one.shard.pod) {
                    Some(found) if stuck.stand == Stand::Terminating => why_it_stays(seen, found, stuck.finding),
                    _ => stuck.finding,
                };
                Some(Step::End {
                    end: End::TimedOut,
                    summary: format!("{} took longer than --shard-timeout", stuck.shard),
                    findings: vec![finding],
                })
            }
        }
    }

    /// Whether `--allow` says that others are moved though this one is down.
    fn is_allowed(&self, down: &Standing<'_>) -> bool {
        let about = match down.stand {
            Stand::Terminating => TERMINATING,
            _ => SHARD_DOWN,
        };
        self.policy.allowed.covers(&about.refuse("", ""))
    }

    fn stop_wished(&self, seen: &Seen<'_>, wishes: Wishes) -> Option<Step> {
        wishes.stop.then(|| Step::End {
            end: End::Interrupted,
            summary: if self.memory.touched {
                "interrupted, with no shard in hand".to_owned()
            } else {
                "interrupted; no shard or budget was touched".to_owned()
            },
            findings: self.left_over(seen),
        })
    }

    /// The command after a shard: it belongs to that shard, and runs also where the user wants to stop then.
    fn after_the_shard(&self) -> Option<Step> {
        self.memory.tasks.after(&self.memory.shards.done)
    }

    /// The end where `--timeout` is over.
    pub(super) fn out_of_time(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let until = self.until().filter(|until| now >= *until)?;
        let why = match (self.open_nodes().next(), self.to_release(seen)) {
            (Some(open), _) => format!("{open} isn't empty"),
            (None, Ok(Some((held, _)))) => format!("node/{held} isn't given back"),
            (None, Err(Skip::Unknown(why) | Skip::NotApplicable(why))) => {
                format!("whether every node is given back isn't known: {why}")
            }
            (None, Ok(None)) => return None,
        };
        Some(self.timed_out(format!("--timeout was over at {until:.0}, and {why}")))
    }

    /// The end where the time is over, with what held it up.
    fn timed_out(&self, summary: String) -> Step {
        let held = self.memory.held.values().map(|(blocked, _)| blocked.finding.clone());
        let of_shard = self
            .memory
            .blocked
            .iter()
            .map(|(_, blocked, _)| blocked.finding.clone());
        Step::End {
            end: End::TimedOut,
            summary,
            findings: of_shard.chain(held).collect(),
        }
    }

    /// Shards that are down on any of the nodes move first, whatever the state of the others: it costs nothing.
    fn shard_that_is_down(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let waiting = queue(self.standing(seen, now), seen, &self.policy.last);
        let next = waiting.iter().find(|one| one.stand == Stand::DueAndDown)?;
        self.before_and_take(next)
    }

    /// The user's command before a shard, then the shard.
    fn before_and_take(&self, next: &Standing<'_>) -> Option<Step> {
        let found = next.shard.pod?;
        let ordinal = next.shard.ordinal;
        if let Some(before) = self.memory.tasks.before(ordinal) {
            return Some(before);
        }
        let pod = pod_ref(found, ordinal);
        // What is down already is deleted with every strategy: its budget would refuse to let it go, and nothing is disrupted.
        let already_down = next.stand == Stand::DueAndDown;
        Some(Step::Act(match self.policy.strategy {
            Strategy::Relax | Strategy::Surge if !already_down => Act::EvictShard {
                pod,
                already_down,
                relax: self.policy.strategy == Strategy::Relax,
            },
            _ => Act::DeleteShard { pod, already_down },
        }))
    }

    /// One of the shards of a node in turn.
    pub(super) fn next_shard(&self, seen: &Seen<'_>, place: &str, now: Timestamp) -> Option<Step> {
        let mut waiting = queue(self.standing(seen, now), seen, &self.policy.last);
        waiting.retain(|one| one.shard.pod.and_then(pod::node) == Some(place));
        let next = waiting.first()?;
        self.room_to_wait_for(seen, &waiting, now)
            .or_else(|| self.between_shards(seen, next, now))
            .or_else(|| self.blocked(next, now))
            .or_else(|| self.before_and_take(next))
    }

    /// What the user wants done while no shard is in hand.
    fn between_shards(&self, seen: &Seen<'_>, next: &Standing<'_>, now: Timestamp) -> Option<Step> {
        if let Some(gate) = self.memory.tasks.gate() {
            return Some(gate);
        }
        if let Some(pause) = self.memory.shards.pause(self.policy.pause, now) {
            return Some(Step::Wait(pause));
        }
        let deadline = self.policy.deadline?.since(self.memory.shards.began);
        let terms = self.terms(seen);
        let shards = &self.memory.shards;
        let summary = shards.too_late(seen, &next.shard.name, deadline, &terms, now)?;
        Some(Step::End {
            end: End::TimedOut,
            summary,
            findings: self.left_over(seen),
        })
    }

    /// The wait until an eviction that wasn't accepted is tried again.
    fn blocked(&self, next: &Standing<'_>, now: Timestamp) -> Option<Step> {
        let (ordinal, blocked, at) = self.memory.blocked.as_ref()?;
        if *ordinal != next.shard.ordinal {
            return None;
        }
        let until = retry_at(blocked.again, *at)?;
        (until > now).then(|| {
            Step::Wait(Wait {
                words: format!("{}: {}", blocked.finding.object, blocked.finding.message),
                until: Some(self.until().map_or(until, |end| end.min(until))),
            })
        })
    }

    /// What takes our own marks off budgets: those of this very run, or with `all` of an earlier run of this drain as well.
    pub(super) fn own_budget_marks(&self, seen: &Seen<'_>, all: bool) -> Vec<Act> {
        let budgets = seen.snapshot.budgets.got().into_iter().flatten();
        let undo = budgets.filter_map(|budget| {
            let annotations = budget.metadata.annotations.as_ref();
            let mark = Mark::of(annotations)?.ok()?;
            let ours = mark.operation == self.run || (all && mark.is_of(&self.run));
            let name = budget.metadata.name.as_deref()?;
            ours.then(|| Act::UndoMark {
                object: format!("pdb/{name}"),
                path: format!(
                    "/apis/policy/v1/namespaces/{}/poddisruptionbudgets/{name}",
                    seen.snapshot.taken.namespace
                ),
                written: annotations
                    .and_then(|all| all.get(crate::model::mark::MARK))
                    .cloned()
                    .unwrap_or_default(),
            })
        });
        undo.collect()
    }
}

/// Whether it is the end that calls everything done.
fn is_done(step: &Step) -> bool {
    matches!(step, Step::End { end: End::Done, .. })
}

/// When an eviction is tried again; none where that is at once, or never.
pub(super) fn retry_at(again: Again, tried: Timestamp) -> Option<Timestamp> {
    match again {
        Again::After(pause) => tried.checked_add(SignedDuration::try_from(pause).ok()?).ok(),
        Again::LookFirst | Again::Never => None,
    }
}

/// Why a pod that is being deleted is still there: finalizers, or a node that says nothing. Never forced from here.
fn why_it_stays(seen: &Seen<'_>, found: &Pod, mut finding: Finding) -> Finding {
    for finalizer in found.metadata.finalizers.iter().flatten() {
        finding.evidence(format!(
            "finalizer {finalizer} holds it: whoever set it has to take it away"
        ));
    }
    let place = pod::node(found).and_then(|name| seen.node(name).ok().flatten());
    if let Some((message, remedy)) = place.and_then(|place| super::node::silent(seen, place)) {
        finding.evidence(format!("node/{}: {message}", pod::node(found).unwrap_or_default()));
        for line in remedy {
            finding.remedy(line);
        }
    } else if found.metadata.finalizers.as_ref().is_none_or(Vec::is_empty) {
        finding.evidence("its kubelet answers, and hasn't said that the containers have stopped");
        finding.remedy(
            "see on the node what the containers wait for; it is never forced: a disk that two pods write is lost",
        );
    }
    finding
}
