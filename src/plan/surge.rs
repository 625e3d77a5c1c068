//! Taking back what a surge did: the replicas as they were, the extra shard gone, the claims that it made removed, the mark last.
//!
//! For `drain --strategy surge` at its end and for `recover` after one that was cut off:
//!
//! ```text
//! fn of(seen: &Seen) -> Option<(Mark, &str)>                      the mark on the set, and its text, where replicas are in it
//! fn without_extra(seen: &Seen, run: &str) -> Option<i32>         how many shards there are beside the extra one of this drain
//! fn next(seen: &Seen, mark: &Mark, written: &str) -> Result<Next, Skip>   the one next step; the same sight gives the same step
//! fn left(seen: &Seen, mark: &Mark) -> Vec<Finding>               claims in the mark that stay, and why
//! fn may_go(seen: &Seen, claim: &PersistentVolumeClaim) -> Result<(), String>   right before a claim is deleted
//! fn made<'a>(claims: impl Iterator<Item = &'a str>) -> Vec<String>   what goes into `Mark::made`
//! ```
//!
//! Whoever calls it bounds the waiting: how long a shard takes to go is its own affair, and under `OrderedReady` the controller
//! takes none away before every other is Ready.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

use super::verify::seen::Seen;
use crate::model::finding::{Finding, Severity};
use crate::model::mark::{MARK, Mark};
use crate::model::pod;
use crate::model::read::Skip;
use crate::model::set::{self, Ordinal};
use crate::model::shell::shell_word;
use crate::model::step::Act;

/// The field that a surge changes.
const REPLICAS: &str = "spec.replicas";
/// How a claim is called in [`Mark::made`].
const CLAIM: &str = "pvc/";
/// The server's clock is known to the second, and the mark may be written by it a little late: a claim that it names and that
/// wasn't there then can't seem older than this.
const SLACK: SignedDuration = SignedDuration::from_secs(2);

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// One effect; then look again.
    Act(Act),
    /// Nothing, until something changes.
    Wait {
        /// What is waited for, a clause.
        words: String,
        /// What to do where that never comes; a line that starts with `$ ` is a command to copy.
        remedy: Vec<String>,
    },
    /// The mark is off: nothing is left to do.
    Over,
}

/// The claims that a surge's new shards will make, as the mark names them.
pub fn made<'a>(claims: impl Iterator<Item = &'a str>) -> Vec<String> {
    claims.map(|name| format!("{CLAIM}{name}")).collect()
}

/// The mark that a surge left on the set, with its text; none where the replicas aren't in it, or where it can't be read.
pub fn of<'a>(seen: &Seen<'a>) -> Option<(Mark, &'a str)> {
    let annotations = seen.set().ok()?.metadata.annotations.as_ref();
    let mark = Mark::of(annotations)?.ok()?;
    let written = annotations?.get(MARK)?;
    (mark.was.get(REPLICAS)?.as_i64().is_some() && mark.is.get(REPLICAS)?.as_i64().is_some()).then_some((mark, written))
}

/// How many shards there are without the extra one of the same drain as `run`, an earlier run of it included, while the set has
/// that one.
pub fn without_extra(seen: &Seen<'_>, run: &str) -> Option<i32> {
    let (mark, _) = of(seen).filter(|(mark, _)| mark.is_of(run))?;
    let surged = stands(seen.set().ok()?, &mark) == Stands::Surged;
    let before = mark.was.get(REPLICAS)?.as_i64().filter(|_| surged)?;
    i32::try_from(before).ok()
}

/// The next step of taking a surge back, whose mark reads `written`.
///
/// # Errors
/// Where the set, its pods or the claims can't be seen: what came of the surge isn't known then.
pub fn next(seen: &Seen<'_>, mark: &Mark, written: &str) -> Result<Next, Skip> {
    let set = seen.set()?;
    let there = set.metadata.annotations.as_ref().and_then(|all| all.get(MARK));
    if there.map(String::as_str) != Some(written) {
        return Ok(Next::Over);
    }
    let undo = || {
        Next::Act(Act::UndoMark {
            object: format!("statefulset/{}", set::name(set)),
            path: format!(
                "/apis/apps/v1/namespaces/{}/statefulsets/{}",
                seen.snapshot.taken.namespace,
                set::name(set)
            ),
            written: written.to_owned(),
        })
    };
    match stands(set, mark) {
        Stands::Surged => return Ok(Next::Act(Act::ScaleBack)),
        // Somebody wants another number by now: their shards may be on those claims.
        Stands::Theirs => return Ok(undo()),
        Stands::Back => {}
    }
    if let Some(extra) = extra_pods(seen, set, mark)?.first() {
        return Ok(going(seen, set, extra));
    }
    let claims = named(seen, mark)?;
    let of_ours = |name: &&str| is_of_an_extra_shard(set, mark, name);
    let mut ours = claims.iter().filter(|(name, _)| of_ours(name)).map(|(_, claim)| *claim);
    if let Some(claim) = ours.find(|claim| claim.metadata.deletion_timestamp.is_some()) {
        let name = claim.metadata.name.as_deref().unwrap_or_default();
        return Ok(Next::Wait {
            words: format!("pvc/{name} is being deleted"),
            remedy: vec![
                "see what holds it, a finalizer or a pod:".to_owned(),
                seen.kubectl(&format!("describe pvc {}", shell_word(name))),
            ],
        });
    }
    let free = claims.values().find(|claim| why_it_stays(seen, mark, claim).is_none());
    Ok(free.and_then(|claim| removal(claim)).unwrap_or_else(undo))
}

/// The claims in the mark that aren't removed, and why: no work for shardctl, and worth telling.
pub fn left(seen: &Seen<'_>, mark: &Mark) -> Vec<Finding> {
    let Ok(claims) = named(seen, mark) else {
        return Vec::new();
    };
    let theirs = seen.set().is_ok_and(|set| stands(set, mark) == Stands::Theirs);
    let findings = claims.iter().filter_map(|(name, claim)| {
        let why = if theirs {
            "the set was scaled by somebody since, whose shards may use it".to_owned()
        } else {
            why_it_stays(seen, mark, claim)?
        };
        let mut finding = Finding::new(
            Severity::Warning,
            format!("pvc/{name}"),
            format!("named by {} as made by its surge, and left: {why}", mark.operation),
        );
        finding
            .remedy("see whose it is; where nobody needs what is on it:")
            .remedy(seen.kubectl(&format!("delete pvc {}", shell_word(name))));
        Some(finding)
    });
    findings.collect()
}

/// Whether a claim may be deleted, judged once more over an uncached look at the set and at every pod of its namespace.
///
/// # Errors
/// Why not, a clause.
pub fn may_go(seen: &Seen<'_>, claim: &PersistentVolumeClaim) -> Result<(), String> {
    let name = claim.metadata.name.as_deref().unwrap_or_default();
    let mark = of(seen).map(|(mark, _)| mark);
    let Some(mark) = mark.filter(|mark| claims_in(mark).any(|made| made == name)) else {
        return Err("no mark on the set says that a surge made it".to_owned());
    };
    let set = seen.set().map_err(|_| "its set can't be seen")?;
    if stands(set, &mark) != Stands::Back {
        return Err(format!(
            "the set has {} replicas: a shard may be on it",
            set::replicas(set)
        ));
    }
    match why_it_stays(seen, &mark, claim) {
        Some(why) => Err(why),
        None => Ok(()),
    }
}

/// The names of the claims that the mark says a surge made.
pub fn claims_in(mark: &Mark) -> impl Iterator<Item = &str> {
    mark.made.iter().filter_map(|made| made.strip_prefix(CLAIM))
}

/// Whose the number of replicas is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// What the surge wrote.
    Surged,
    /// What it was before.
    Back,
    /// Something else.
    Theirs,
}

fn stands(set: &StatefulSet, mark: &Mark) -> Stands {
    let now = Some(i64::from(set::replicas(set)));
    let of = |value: &serde_json::Value| value.get(REPLICAS).and_then(serde_json::Value::as_i64);
    if now == of(&mark.was) {
        Stands::Back
    } else if now == of(&mark.is) {
        Stands::Surged
    } else {
        Stands::Theirs
    }
}

/// The numbers of the shards that the surge added.
fn added(set: &StatefulSet, mark: &Mark) -> Range<Ordinal> {
    let count = |value: &serde_json::Value| {
        let count = value.get(REPLICAS).and_then(serde_json::Value::as_i64);
        count.and_then(|count| i32::try_from(count).ok()).unwrap_or_default()
    };
    set::ordinals(set, count(&mark.was)).end..set::ordinals(set, count(&mark.is)).end
}

/// A mark is believed about the claims of the shards that it added alone: whoever may annotate the set must not decide which
/// others are deleted.
fn is_of_an_extra_shard(set: &StatefulSet, mark: &Mark, claim: &str) -> bool {
    let ordinal = set::claimed_ordinal(set, claim).filter(|ordinal| added(set, mark).contains(ordinal));
    // `data-db-03` has a number, and isn't a name that the set gives.
    ordinal.is_some_and(|ordinal| {
        set::claim_templates(set).any(|template| set::claim_name(set, template, ordinal) == claim)
    })
}

/// The pods that the surge added and that are still there, the highest ordinal first, as the controller takes them away.
fn extra_pods<'a>(seen: &Seen<'a>, set: &StatefulSet, mark: &Mark) -> Result<Vec<&'a Pod>, Skip> {
    let added = added(set, mark);
    let mut pods = seen.own_pods()?;
    pods.retain(|found| set::ordinal_of(set, pod::name(found)).is_some_and(|ordinal| added.contains(&ordinal)));
    pods.reverse();
    Ok(pods)
}

/// What a shard that is scaled away waits for.
fn going(seen: &Seen<'_>, set: &StatefulSet, extra: &Pod) -> Next {
    let name = pod::name(extra);
    if pod::is_terminating(extra) {
        return Next::Wait {
            words: format!("pod/{name}, which the surge added, is stopping"),
            remedy: vec![
                "see what holds it: a finalizer, a preStop hook, a node that doesn't answer:".to_owned(),
                seen.kubectl(&format!("describe pod {}", shell_word(name))),
            ],
        };
    }
    let down: Vec<&str> = seen
        .own_pods()
        .unwrap_or_default()
        .into_iter()
        .filter(|found| pod::name(found) != name && (!pod::is_ready(found) || pod::is_terminating(found)))
        .map(pod::name)
        .collect();
    let ordered = set::spec(set).and_then(|spec| spec.pod_management_policy.as_deref()) != Some("Parallel");
    if !ordered || down.is_empty() {
        return Next::Wait {
            words: format!("pod/{name}, which the surge added, is to be taken away by the StatefulSet's controller"),
            remedy: vec![
                "see what the controller says:".to_owned(),
                seen.kubectl(&format!("describe statefulset {}", shell_word(set::name(set)))),
            ],
        };
    }
    Next::Wait {
        words: format!(
            "the StatefulSet's controller takes pod/{name} away, which the surge added, only once every shard is Ready \
             (OrderedReady): {} isn't",
            down.join(", ")
        ),
        remedy: vec![
            "see why that shard isn't Ready, and mend it:".to_owned(),
            seen.shardctl(&format!("events {}", shell_word(down[0]))),
        ],
    }
}

/// The claims of the mark that exist, by name.
fn named<'a>(seen: &Seen<'a>, mark: &Mark) -> Result<BTreeMap<&'a str, &'a PersistentVolumeClaim>, Skip> {
    let named = |claim: &&PersistentVolumeClaim| {
        let name = claim.metadata.name.as_deref();
        name.is_some_and(|name| claims_in(mark).any(|made| made == name))
    };
    let claims = seen.snapshot.claims.need()?.iter().filter(named);
    Ok(claims
        .filter_map(|claim| Some((claim.metadata.name.as_deref()?, claim)))
        .collect())
}

/// Why a claim that the mark names isn't removed: a clause.
fn why_it_stays(seen: &Seen<'_>, mark: &Mark, claim: &PersistentVolumeClaim) -> Option<String> {
    let name = claim.metadata.name.as_deref().unwrap_or_default();
    if !seen.set().is_ok_and(|set| is_of_an_extra_shard(set, mark, name)) {
        return Some("it isn't the claim of a shard that the surge added".to_owned());
    }
    let Some(made) = claim.metadata.creation_timestamp.as_ref().map(|at| at.0) else {
        return Some("it isn't known when it was made".to_owned());
    };
    let since: Timestamp = mark.since.checked_sub(SLACK).unwrap_or(mark.since);
    if made < since {
        return Some(format!(
            "it is from {made:.0}, before the surge began ({:.0})",
            mark.since
        ));
    }
    let pods = match seen.snapshot.pods.need() {
        Ok(pods) => pods,
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => return Some(why),
    };
    let user = pods.iter().find(|found| mounts(found, name))?;
    Some(format!("pod/{} uses it", pod::name(user)))
}

fn mounts(found: &Pod, claim: &str) -> bool {
    let volumes = found.spec.as_ref().and_then(|spec| spec.volumes.as_deref());
    volumes.unwrap_or_default().iter().any(|volume| {
        let source = volume.persistent_volume_claim.as_ref();
        source.is_some_and(|source| source.claim_name == claim)
    })
}

fn removal(claim: &PersistentVolumeClaim) -> Option<Next> {
    Some(Next::Act(Act::RemoveClaim {
        claim: claim.metadata.name.clone()?,
        uid: claim.metadata.uid.clone()?,
        resource_version: claim.metadata.resource_version.clone()?,
    }))
}

#[cfg(test)]
mod tests;
