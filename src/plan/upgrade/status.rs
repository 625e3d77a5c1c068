//! How far an upgrade is, from one look: each shard's pod against the set's template, the journal, the lock, what is left.
//!
//! Pods are judged by their own revision. `status.currentRevision` isn't asked: under OnDelete it may never move
//! (kubernetes/kubernetes#73492).

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, PodSpec};

use super::Again;
use crate::model::finding::{Finding, Severity};
use crate::model::journal::Journal;
use crate::model::mark::{HELPER, LEASE_PREFIX, RUN};
use crate::model::progress::{Conclusion, LastChange, Lock, Progress, ShardProgress, Template};
use crate::model::read::{Read, Skip};
use crate::model::shell::shell_word;
use crate::model::{pod, set, span};
use crate::plan::course::Course;
use crate::plan::pending::reasons;
use crate::plan::replace::observed_revision;
use crate::plan::verify::residue::{LEASE_SECONDS, holder, is_live, renewed};
use crate::plan::verify::seen::{Seen, Shard};
use crate::plan::{failing, waiting};

/// How many restarts of a container are borne: the default of `--max-restarts`.
const MAX_RESTARTS: i32 = 2;

/// Judges how far an upgrade is; `again` are the command lines that it names.
pub fn status(seen: &Seen<'_>, again: &Again) -> Progress {
    let taken = &seen.snapshot.taken;
    let unknown = |why: String| Progress {
        conclusion: Conclusion::Unknown,
        summary: why,
        namespace: taken.namespace.clone(),
        statefulset: taken.statefulset.clone(),
        at: taken.at,
        template: None,
        done: 0,
        shards: Vec::new(),
        last_change: None,
        lock: lock(seen),
        helpers: helpers(seen),
        findings: Vec::new(),
        how_to_resume: Vec::new(),
        how_to_undo: Vec::new(),
    };
    let looked = seen.set().and_then(|set| Ok((set, seen.every_shard()?)));
    let (set, mut shards) = match looked {
        Ok(looked) => looked,
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => return unknown(why),
    };
    // The order in which they are taken.
    shards.reverse();
    let revision = observed_revision(seen);
    let mut findings = Vec::new();
    let told: Vec<ShardProgress> = shards
        .iter()
        .map(|shard| of_shard(seen, set, shard, revision.as_deref(), &mut findings))
        .collect();
    let stuck = findings.len();
    let done = told.iter().filter(|shard| is_done(shard)).count();
    let journal = Journal::of(set.metadata.annotations.as_ref());
    if let Some(Err(_)) = &journal {
        findings.push(unreadable_journal(set, taken.redacted));
    }
    let journal = journal.and_then(Result::ok);
    let conclusion = match (&revision, stuck) {
        (Some(_), _) if done == told.len() => Conclusion::Complete,
        (_, 0) => Conclusion::Unfinished,
        _ => Conclusion::Stuck,
    };
    let lock = lock(seen);
    Progress {
        conclusion,
        summary: summary(&told, done, revision.is_some(), stuck),
        template: Some(Template {
            images: images(set::pod_spec(set)),
            revision: revision.clone(),
        }),
        done,
        how_to_resume: how_to_resume(conclusion, journal.as_ref(), &lock, again),
        how_to_undo: how_to_undo(seen, set, &told, journal.as_ref(), again),
        shards: told,
        last_change: journal.map(last_change),
        lock,
        findings,
        ..unknown(String::new())
    }
}

fn is_done(shard: &ShardProgress) -> bool {
    shard.ready && shard.why.is_none() && shard.current == Some(true)
}

/// A shard, and in `findings` why it won't come up by itself.
fn of_shard(
    seen: &Seen<'_>,
    set: &StatefulSet,
    shard: &Shard<'_>,
    revision: Option<&str>,
    findings: &mut Vec<Finding>,
) -> ShardProgress {
    let now = seen.now();
    let least = SignedDuration::from_secs(
        set.spec
            .as_ref()
            .and_then(|spec| spec.min_ready_seconds)
            .unwrap_or(0)
            .into(),
    );
    let its = shard.pod.and_then(pod::revision);
    let since = shard.pod.and_then(pod::since);
    let settles = since
        .map(|since| now.duration_since(since))
        .filter(|so_far| *so_far < least);
    let is_ready = shard.pod.is_some_and(pod::is_ready);
    let why = match (shard.pod, settles) {
        (Some(_), None) if is_ready => None,
        (Some(_), Some(so_far)) if is_ready => Some(format!(
            "Ready for {} of {}",
            span::words(so_far.max(SignedDuration::ZERO)),
            span::words(least)
        )),
        (found, _) => {
            let stuck = found.and_then(|found| stuck(seen, shard, found));
            let words = stuck.as_ref().map(|finding| finding.message.clone());
            findings.extend(stuck);
            Some(words.unwrap_or_else(|| waits_for(seen, shard, least)))
        }
    };
    ShardProgress {
        name: shard.name.to_string(),
        revision: its.map(str::to_owned),
        current: revision.map(|revision| its == Some(revision)),
        images: images(shard.pod.and_then(|found| found.spec.as_ref())),
        ready: is_ready,
        why,
        since,
    }
}

fn waits_for(seen: &Seen<'_>, shard: &Shard<'_>, least: SignedDuration) -> String {
    let now = seen.now();
    let mut course = Course::found(shard.ordinal, shard.pod, least, now);
    // What can't be read is left out of the words.
    let _ = course.observe(seen, now);
    waiting::waiting(seen, &course, now).map_or_else(|_| "not Ready".to_owned(), |waiting| waiting.words)
}

/// Why a shard that is down won't come up by itself; none where it may.
fn stuck(seen: &Seen<'_>, shard: &Shard<'_>, found: &Pod) -> Option<Finding> {
    let now = seen.now();
    if pod::is_terminating(found) {
        // Its deletionTimestamp is its end, grace period included.
        let end = found.metadata.deletion_timestamp.as_ref()?.0;
        if now <= end {
            return None;
        }
        let mut finding = Finding::new(
            Severity::Error,
            format!("pod/{}", shard.name),
            waits_for(seen, shard, SignedDuration::ZERO),
        );
        finding.remedy(seen.shardctl(&format!("events {}", shell_word(&shard.name))));
        return Some(finding);
    }
    if let Some(failing) = failing::failure(found, MAX_RESTARTS) {
        return Some(failing.finding);
    }
    if pod::node(found).is_some() {
        return None;
    }
    let events = seen.events_about("Pod", pod::name(found)).unwrap_or_default();
    let about_claims = seen.snapshot.cluster_events.got();
    let claims = seen.snapshot.node_claims.got().map_or(&[][..], Vec::as_slice);
    let reasons = reasons(found, &events, about_claims, claims);
    let reason = waiting::stuck(found, &reasons, waiting::is_autoscaled(seen), now)?;
    let mut finding = Finding::new(
        Severity::Error,
        format!("pod/{}", shard.name),
        format!("has no place: {}", reason.cause.words()),
    );
    for reason in reasons.iter().filter(|reason| !reason.said.is_empty()) {
        finding.evidence(format!("{}: {}", reason.by, reason.said));
    }
    Some(finding)
}

fn images(spec: Option<&PodSpec>) -> BTreeMap<String, String> {
    let containers = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    containers
        .iter()
        .map(|container| (container.name.clone(), container.image.clone().unwrap_or_default()))
        .collect()
}

fn summary(shards: &[ShardProgress], done: usize, observed: bool, stuck: usize) -> String {
    if !observed {
        return "the controller hasn't seen the set's template yet: which shards have it isn't known".to_owned();
    }
    let total = shards.len();
    if done == total {
        return match total {
            1 => "complete: the shard is Ready with the set's template".to_owned(),
            _ => format!("complete: all {total} shards are Ready with the set's template"),
        };
    }
    let count = |what: &dyn Fn(&ShardProgress) -> bool| shards.iter().filter(|shard| what(shard)).count();
    let to_move = count(&|shard| shard.current == Some(false) && shard.ready);
    let down = count(&|shard| !shard.ready);
    let mut words = vec![format!("{done} of {total} shards Ready with the set's template")];
    if to_move > 0 {
        words.push(format!("{to_move} still to move"));
    }
    let settling = count(&|shard| shard.current == Some(true) && shard.ready && shard.why.is_some());
    if settling > 0 {
        words.push(format!("{settling} not Ready for long enough"));
    }
    if down > 0 {
        words.push(format!("{down} down"));
    }
    if stuck > 0 {
        words.push("and that won't pass by itself".to_owned());
    }
    words.join(", ")
}

fn last_change(journal: Journal) -> LastChange {
    LastChange {
        what: journal.what,
        run: journal.run,
        by: journal.by,
        at: journal.at,
        from: journal.from,
        undo: journal.undo,
        finished: journal.finished,
    }
}

fn unreadable_journal(set: &StatefulSet, redacted: bool) -> Finding {
    let message = if redacted {
        "what shardctl changed last was left out when the snapshot was redacted"
    } else {
        "what shardctl changed last is written down in words that this version can't read"
    };
    Finding::new(Severity::Warning, format!("statefulset/{}", set::name(set)), message)
}

/// Who holds our Lease on the set.
fn lock(seen: &Seen<'_>) -> Lock {
    let Some(set) = seen.snapshot.taken.statefulset.as_deref() else {
        return Lock::Free;
    };
    let leases = match &seen.snapshot.leases {
        Read::Got(leases) => leases,
        Read::Absent(why) | Read::Unreadable(why) => return Lock::Unknown { why: why.clone() },
    };
    let name = format!("{LEASE_PREFIX}{set}");
    let found = leases
        .iter()
        .find(|lease| lease.metadata.name.as_deref() == Some(&name));
    let Some((lease, holder)) = found.and_then(|lease| Some((lease, holder(lease)?))) else {
        return Lock::Free;
    };
    let annotations = lease.metadata.annotations.as_ref();
    let length = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
    Lock::Held {
        holder: holder.to_owned(),
        run: annotations.and_then(|all| all.get(RUN)).cloned(),
        renewed: renewed(lease),
        seconds: length.unwrap_or(LEASE_SECONDS),
        looks_alive: is_live(lease, seen.now()),
    }
}

/// The helper pods of this set's operations.
fn helpers(seen: &Seen<'_>) -> Vec<String> {
    let Ok(set) = seen.set() else { return Vec::new() };
    let ours = |found: &&Pod| {
        let owners = found.metadata.owner_references.iter().flatten();
        pod::label(found, HELPER).is_some() && owners.into_iter().any(|owner| owner.uid == set::uid(set))
    };
    let pods = seen.snapshot.pods.got().into_iter().flatten();
    pods.filter(ours).map(|found| pod::name(found).to_owned()).collect()
}

fn how_to_resume(conclusion: Conclusion, journal: Option<&Journal>, lock: &Lock, again: &Again) -> Vec<String> {
    let resume = format!("$ {}", again.resume);
    let open = journal.is_some_and(|journal| journal.finished.is_none());
    let at_it = matches!(lock, Lock::Held { looks_alive: true, .. });
    match conclusion {
        _ if at_it => vec!["an operation is at it: let it end, or stop it with Ctrl-C in its terminal".to_owned()],
        Conclusion::Complete if open => vec![
            "every shard has come over; this writes down that it is finished:".to_owned(),
            resume,
        ],
        Conclusion::Complete => vec!["nothing to go on with".to_owned()],
        Conclusion::Stuck => vec!["mend what is in the way, or go back; then:".to_owned(), resume],
        Conclusion::Unfinished | Conclusion::Unknown => vec![resume],
    }
}

/// How to go back. By a revision's name, never by its number: the number of one that is used again changes.
fn how_to_undo(
    seen: &Seen<'_>,
    set: &StatefulSet,
    shards: &[ShardProgress],
    journal: Option<&Journal>,
    again: &Again,
) -> Vec<String> {
    let to = |name: &str| format!("$ {} --to-revision {}", again.undo, shell_word(name));
    match journal {
        Some(journal) if journal.undo => vec![
            format!(
                "the last change was an undo; to take that back, to revision {}:",
                journal.from
            ),
            to(&journal.from),
        ],
        Some(_) => vec![format!("$ {}", again.undo)],
        None => {
            let outdated = shards.iter().filter(|shard| shard.current == Some(false));
            let theirs: BTreeSet<&str> = outdated.filter_map(|shard| shard.revision.as_deref()).collect();
            let kept = |name: &&&str| {
                let mut revisions = seen.snapshot.revisions.got().into_iter().flatten();
                revisions.any(|revision| revision.metadata.name.as_deref() == Some(**name))
            };
            let selector = set.spec.as_ref().map(|spec| set::selector_query(&spec.selector));
            match theirs.iter().find(kept) {
                Some(name) if theirs.len() == 1 => vec![
                    format!("shardctl wrote down no change; to the revision that the other shards have, {name}:"),
                    to(name),
                ],
                _ => vec![
                    "shardctl wrote down no change; name the revision to go to, one of these:".to_owned(),
                    seen.kubectl(&format!(
                        "get controllerrevisions -l {}",
                        shell_word(&selector.unwrap_or_default())
                    )),
                    format!("$ {} --to-revision NAME", again.undo),
                ],
            }
        }
    }
}

#[cfg(test)]
mod tests;
