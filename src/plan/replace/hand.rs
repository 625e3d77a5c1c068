//! The shards in hand: what they wait for, whether one can't come up or takes too long, and who fell without our doing.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use super::stand::{Stand, Standing};
use super::{Replacing, Terms};
use crate::model::finding::{Finding, Severity};
use crate::model::phase::Phase;
use crate::model::read::Read;
use crate::model::set::Ordinal;
use crate::model::step::Wait;
use crate::model::{node, pod, span};
use crate::plan::course::Course;
use crate::plan::operation::InHand;
use crate::plan::verify::seen::Seen;
use crate::plan::{failing, pending, waiting};

/// How soon a shard without a node is looked at again: whether its reason ends by itself depends on how long it has held.
const SOON: SignedDuration = SignedDuration::from_secs(1);

/// How it goes with the shards in hand.
#[derive(Clone, Debug, PartialEq)]
pub enum Hand {
    /// None is.
    Empty,
    /// At least one is: nothing else may be touched until it is done.
    Wait(Wait),
    /// One can't become Ready as things are.
    Failed(Stuck),
    /// One takes longer than it may.
    Overdue(Stuck),
}

/// A shard in hand that isn't to be waited for any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Stuck {
    /// Its number.
    pub ordinal: Ordinal,
    /// Its pod's name.
    pub shard: String,
    /// Where it stands.
    pub stand: Stand,
    /// Why.
    pub finding: Finding,
}

impl Stuck {
    fn new(one: &Standing<'_>, finding: Finding) -> Stuck {
        Stuck {
            ordinal: one.shard.ordinal,
            shard: one.shard.name.to_string(),
            stand: one.stand,
            finding,
        }
    }
}

impl Replacing {
    /// How it goes with the shards in hand: one that failed comes before one that takes too long.
    pub fn hand(&self, seen: &Seen<'_>, standings: &[Standing<'_>], terms: &Terms, now: Timestamp) -> Hand {
        let in_hand: Vec<&Standing<'_>> = standings.iter().filter(|one| one.stand.is_in_hand()).collect();
        let Some(first) = in_hand.first() else {
            return Hand::Empty;
        };
        for one in &in_hand {
            if let Some(finding) = failure_of(seen, one, terms.max_restarts, now) {
                return Hand::Failed(Stuck::new(one, finding));
            }
        }
        let mut until: Option<Timestamp> = None;
        let mut sooner = |at: Option<Timestamp>| until = until.into_iter().chain(at).min();
        for one in &in_hand {
            if let Stand::Settling { until } = one.stand {
                sooner(Some(until));
            }
            if let Some(finding) = self.overdue(seen, one, terms, now) {
                return Hand::Overdue(Stuck::new(one, finding));
            }
            sooner(self.limit(one.shard.ordinal, terms));
            if one.shard.pod.is_some_and(|found| pod::node(found).is_none()) {
                sooner(now.checked_add(SOON).ok());
            }
        }
        let told = self.told(seen, first, terms, now);
        Hand::Wait(Wait {
            words: format!("{}: {}", told.shard, told.words),
            until,
        })
    }

    /// The shards in hand, with what each waits for.
    pub fn in_hand(&self, seen: &Seen<'_>, standings: &[Standing<'_>], terms: &Terms, now: Timestamp) -> Vec<InHand> {
        let in_hand = standings.iter().filter(|one| one.stand.is_in_hand());
        in_hand.map(|one| self.told(seen, one, terms, now)).collect()
    }

    /// Shards that were up and went down without our doing, each with what is wrong with it: somebody must look before another
    /// one goes.
    pub fn fallen(&self, seen: &Seen<'_>, max_restarts: i32) -> Vec<(String, Finding)> {
        let shards = seen.each_shard().into_iter().flatten();
        let fallen = shards.filter(|shard| !shard.ready && self.up.contains(&shard.ordinal));
        fallen
            .map(|shard| {
                let failing = shard.pod.and_then(|found| failing::failure(found, max_restarts));
                let mut finding = match failing {
                    Some(failing) => failing.finding,
                    None => Finding::new(
                        Severity::Error,
                        format!("pod/{}", shard.name),
                        match shard.pod {
                            None => "has vanished".to_owned(),
                            Some(found) if pod::is_terminating(found) => "is being deleted by somebody else".to_owned(),
                            Some(_) => "isn't Ready any more".to_owned(),
                        },
                    ),
                };
                if let Some(node) = shard.pod.and_then(|found| sick_node(seen, found)) {
                    finding.evidence(node);
                }
                finding.remedy(seen.shardctl(&format!("events {}", shard.name)));
                (shard.name.into_owned(), finding)
            })
            .collect()
    }

    /// When a shard that was taken down should have been done.
    pub fn limit(&self, ordinal: Ordinal, terms: &Terms) -> Option<Timestamp> {
        let from = self.taken.get(&ordinal)?.patient_from;
        from.checked_add(terms.patience()).ok()
    }

    /// The finding where a shard takes longer than it may.
    fn overdue(&self, seen: &Seen<'_>, one: &Standing<'_>, terms: &Terms, now: Timestamp) -> Option<Finding> {
        if now < self.limit(one.shard.ordinal, terms)? {
            return None;
        }
        let told = self.told(seen, one, terms, now);
        let mut finding = Finding::new(
            Severity::Error,
            format!("pod/{}", one.shard.name),
            format!(
                "isn't Ready {} after its grace period",
                span::words(terms.shard_timeout)
            ),
        );
        finding
            .evidence(format!("{}: {}", told.phase.word(), told.words))
            .remedy(seen.shardctl(&format!("events {}", one.shard.name)));
        if let (Some(course), Some(found)) = (self.courses.get(&one.shard.ordinal), one.shard.pod) {
            waiting::what_to_prove(seen, course, found, &mut finding);
        }
        Some(finding)
    }

    /// What a shard in hand waits for.
    fn told(&self, seen: &Seen<'_>, one: &Standing<'_>, terms: &Terms, now: Timestamp) -> InHand {
        let ordinal = one.shard.ordinal;
        let taken = self.taken.get(&ordinal);
        let since = taken
            .map(|taken| taken.at)
            .or_else(|| pod::since(one.shard.pod?))
            .unwrap_or(now);
        let known = self.courses.get(&ordinal).cloned();
        let course = known.unwrap_or_else(|| Course::found(ordinal, one.shard.pod, terms.min_ready, now));
        let (phase, words) = match waiting::waiting(seen, &course, now) {
            Ok(told) => (told.phase, told.words),
            Err(_) => (Phase::Start, "its pod can't be read".to_owned()),
        };
        InHand {
            ordinal,
            shard: one.shard.name.to_string(),
            phase,
            words,
            since,
        }
    }
}

/// Why a shard in hand can't become Ready as things are; none where it may.
fn failure_of(seen: &Seen<'_>, one: &Standing<'_>, max_restarts: i32, now: Timestamp) -> Option<Finding> {
    // A pod that was just deleted may look as it did before: the watch brings its end later than the server's answer.
    let found = one.shard.pod.filter(|_| one.stand != Stand::Terminating)?;
    if let Some(failing) = failing::failure(found, max_restarts) {
        return Some(failing.finding);
    }
    no_place(seen, found, now)
}

/// Why a pod without a node won't get one as things are, as scheduler and autoscalers say it; none where it has one or may.
pub fn no_place(seen: &Seen<'_>, found: &Pod, now: Timestamp) -> Option<Finding> {
    if pod::node(found).is_some() {
        return None;
    }
    let reasons = reasons(seen, found);
    let reason = waiting::stuck(found, &reasons, waiting::is_autoscaled(seen), now)?;
    let mut finding = Finding::new(
        Severity::Error,
        format!("pod/{}", pod::name(found)),
        format!("has no place: {}", reason.cause.words()),
    );
    // Each of its events is a reason, and as a rule they all say the same.
    let said: BTreeSet<String> = reasons
        .iter()
        .filter(|reason| !reason.said.is_empty())
        .map(|reason| format!("{}: {}", reason.by, reason.said))
        .collect();
    for said in said {
        finding.evidence(said);
    }
    finding.remedy(seen.shardctl(&format!("events {}", pod::name(found))));
    Some(finding)
}

/// Why a pod has no node, in the words of scheduler and Karpenter.
fn reasons(seen: &Seen<'_>, found: &Pod) -> Vec<pending::Reason> {
    let events = seen.events_about("Pod", pod::name(found)).unwrap_or_default();
    let about_claims = seen.snapshot.cluster_events.got();
    let claims = seen.snapshot.node_claims.got().map_or(&[][..], Vec::as_slice);
    pending::reasons(found, &events, about_claims, claims)
}

/// The pod's node in words, where it isn't Ready or is gone: why several shards may have fallen at once.
pub fn sick_node(seen: &Seen<'_>, found: &Pod) -> Option<String> {
    let Read::Got(nodes) = &seen.snapshot.nodes else {
        return None;
    };
    let name = pod::node(found)?;
    match nodes.iter().find(|found| node::name(found) == name) {
        None => Some(format!("node/{name} is gone")),
        Some(found) => (!node::is_ready(found)).then(|| format!("node/{name} isn't Ready")),
    }
}
