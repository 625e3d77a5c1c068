//! What is said of the shards at the end: how long each was down, whether its data is the same, how they stand.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Replacing;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, ShardReport};
use crate::model::pod;
use crate::model::refusal::Refusal;
use crate::model::set::{self, Ordinal};
use crate::plan::verify::seen::Seen;

impl Replacing {
    /// What there is to say of shards that were touched.
    pub fn reports(&self, set_name: &str, shards: &[Ordinal], now: Timestamp) -> Vec<ShardReport> {
        let report = |ordinal: &Ordinal| {
            let course = self.courses.get(ordinal)?;
            Some(ShardReport {
                shard: format!("{set_name}-{ordinal}"),
                down_seconds: course.down_seconds(now),
                done: self.done.contains(ordinal),
                phases: course.phases(now),
                expected_seconds: self.expected.get(ordinal).copied(),
            })
        };
        shards.iter().filter_map(report).collect()
    }

    /// Whether the volumes are the same, in words; empty where no shard is done.
    pub fn data_words(&self, seen: &Seen<'_>) -> String {
        let proven = self.proven.iter();
        let volumes: usize = proven
            .filter_map(|ordinal| self.disks.get(ordinal))
            .map(BTreeMap::len)
            .sum();
        let has_claims = seen.set().is_ok_and(|set| set::claim_templates(set).next().is_some());
        match (has_claims, volumes, self.done.len()) {
            (_, _, 0) => String::new(),
            (false, ..) => "the set has no claim templates: there are no volumes of its shards to compare".to_owned(),
            (true, 0, _) => "volumes couldn't be read: whether they are the same isn't known".to_owned(),
            (true, _, _) => format!("{} unchanged", counted(volumes, "volume")),
        }
    }
}

/// Puts what was seen only by the last look into how a run ends: what was about to be called done isn't. What an end short of the goal
/// says of an object already isn't said twice.
pub fn found_at_last(found: Vec<Finding>, end: &mut End, summary: &mut String, findings: &mut Vec<Finding>) {
    for new in found {
        let was_done = matches!(end, End::Done | End::NothingToDo);
        let is_told = |told: &Finding| told.object == new.object && (told.message == new.message || !was_done);
        if findings.iter().any(is_told) {
            continue;
        }
        if was_done {
            *end = End::Halted;
            *summary = format!("{}: {}", new.object, new.message);
        }
        findings.push(new);
    }
}

/// How many shards are Ready, and on which revisions.
pub fn state_now(seen: &Seen<'_>) -> String {
    let Ok(shards) = seen.every_shard() else {
        return "the shards can't be read".to_owned();
    };
    let ready = shards
        .iter()
        .filter(|shard| shard.pod.is_some_and(pod::is_ready))
        .count();
    let mut revisions = BTreeMap::new();
    for shard in &shards {
        if let Some(revision) = shard.pod.and_then(pod::revision) {
            *revisions.entry(revision).or_insert(0usize) += 1;
        }
    }
    let by: Vec<String> = revisions
        .into_iter()
        .map(|(revision, count)| format!("{count} on revision {revision}"))
        .collect();
    let down: Vec<&str> = shards
        .iter()
        .filter(|shard| !shard.pod.is_some_and(pod::is_ready))
        .map(|shard| &*shard.name)
        .collect();
    let down = if down.is_empty() {
        String::new()
    } else {
        format!(" (down: {})", down.join(", "))
    };
    format!("{ready} of {} shards Ready{down}; {}", shards.len(), by.join(", "))
}

/// A refusal as a finding of the end.
pub fn finding_of(refusal: &Refusal) -> Finding {
    let mut finding = Finding::new(Severity::Error, refusal.object.clone(), refusal.message.clone());
    finding.evidence.clone_from(&refusal.evidence);
    finding.remedy.clone_from(&refusal.remedy);
    if refusal.can_be_allowed {
        finding.remedy(format!("or go on all the same, with --allow {}", refusal.id));
    }
    finding
}

/// The first of the findings, as the summary of an end; empty where there is none.
pub fn first_message(findings: &[Finding]) -> String {
    findings
        .first()
        .map(|finding| format!("{}: {}", finding.object, finding.message))
        .unwrap_or_default()
}

/// `1 shard`, `3 shards`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}
