//! From the goal to a template: what will be written, or that it is there already, and what an undo would restore.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

use super::policy::{Goal, OnFailure, Policy};
use crate::model::journal::Journal;
use crate::model::pod;
use crate::model::set;
use crate::model::step::TemplateChange;
use crate::plan::image::ImageError;
use crate::plan::template;
use crate::plan::verify::seen::Seen;

/// A template to go back to, and the name of its revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier {
    /// The revision's name.
    pub revision: String,
    /// The whole template.
    pub template: Value,
}

/// What an upgrade aims at.
#[derive(Clone, Debug, PartialEq)]
pub struct Aim {
    /// What is to be written; nothing where the template is there already.
    pub change: Option<TemplateChange>,
    /// The template that every shard is to have, as JSON.
    pub template: Value,
    /// The same, typed.
    pub typed: PodTemplateSpec,
    /// What the set's template is now, as JSON.
    pub present: Value,
    /// What the shards that are behind run, as JSON, and what a change is shown against: the set's own template may wait for
    /// its pods since somebody else wrote it.
    pub running: Value,
    /// What `--on-failure undo` restores: the template that the shards have now.
    pub earlier: Option<Earlier>,
    /// Whether this goes on with a change that shardctl wrote before and didn't finish.
    pub resumes: bool,
    /// Whether it takes a change back.
    pub undo: bool,
    /// In words: `image of shard: 1.0 → 2.0`, `the template that is pending`.
    pub what: String,
}

/// A goal that can't be followed: a mistyped container, no template to go back to. Nothing was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misaimed {
    /// What is wrong, lowercase, complete.
    pub message: String,
    /// What to do next; a command begins with `$ `.
    pub hints: Vec<String>,
}

impl Misaimed {
    fn new(message: impl Into<String>) -> Misaimed {
        Misaimed {
            message: message.into(),
            hints: Vec::new(),
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Misaimed {
        self.hints.push(hint.into());
        self
    }
}

/// Resolves the goal. `raw` is the set as the server gave it, so that fields which this shardctl doesn't know are kept;
/// `now` is the stamp of a restart.
///
/// # Errors
/// Where the goal names what doesn't exist.
pub fn aim(raw: &Value, seen: &Seen<'_>, policy: &Policy, now: Timestamp) -> Result<Aim, Misaimed> {
    let set = seen
        .set()
        .map_err(|_| Misaimed::new("there is no StatefulSet to upgrade"))?;
    let present = raw
        .pointer("/spec/template")
        .cloned()
        .ok_or_else(|| Misaimed::new(format!("statefulset/{} has no pod template", set::name(set))))?;
    let journal = Journal::of(set.metadata.annotations.as_ref()).and_then(Result::ok);
    let unfinished = journal.as_ref().filter(|journal| journal.finished.is_none());
    let from = revision_now(set);
    let change = |template: Value, what: Vec<String>, restart: Option<String>, undo: bool| {
        (!template::same(&template, &present)).then(|| TemplateChange {
            what: what.join(", "),
            template,
            previous: present.clone(),
            from: from.clone(),
            restart,
            undo,
        })
    };
    let (change, undo) = match &policy.goal {
        Goal::Pending => (None, unfinished.is_some_and(|journal| journal.undo)),
        Goal::Images(images) => {
            let (new, what) = template::set_images(&present, images).map_err(|error| wrong_image(&error))?;
            (change(new, what, None, false), false)
        }
        Goal::Restart => {
            let stamped = template::stamp(&present);
            let goes_on = unfinished
                .and_then(|journal| journal.restart.as_deref())
                .is_some_and(|stamp| Some(stamp) == stamped);
            if goes_on {
                (None, false)
            } else {
                let stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                let new = template::stamp_restart(&present, &stamp);
                let what = vec![format!("restart, stamped {stamp}")];
                (change(new, what, Some(stamp), false), false)
            }
        }
        Goal::Undo { to } => {
            let earlier = back_to(seen, set, journal.as_ref(), to.as_deref())?;
            match earlier {
                None => (None, true),
                Some(earlier) => {
                    let what = vec![format!("back to revision {}", earlier.revision)];
                    (change(earlier.template, what, None, true), true)
                }
            }
        }
    };
    let template = change
        .as_ref()
        .map_or_else(|| present.clone(), |change| change.template.clone());
    let typed: PodTemplateSpec = serde_json::from_value(template.clone())
        .map_err(|error| Misaimed::new(format!("the new pod template can't be understood: {error}")))?;
    let resumes = change.is_none() && (unfinished.is_some() || policy.goes_on);
    let what = match (&change, unfinished) {
        (Some(change), _) => change.what.clone(),
        (None, Some(journal)) => journal.what.clone(),
        (None, None) => "the template that is pending".to_owned(),
    };
    let earlier = earlier(seen, set, change.as_ref(), unfinished, &present);
    if policy.on_failure == OnFailure::Undo && earlier.is_none() && !nothing_is_outdated(seen, set, change.is_some()) {
        return Err(Misaimed::new(
            "--on-failure undo has nothing to go back to: the template that the shards run now isn't recorded",
        )
        .hint("this template wasn't written by shardctl, and the set keeps no revision of the one before it")
        .hint(
            "run it with --on-failure halt, or give the image with --image so that shardctl writes the template itself",
        ));
    }
    let behind = behind(seen, set).map(|earlier| earlier.template);
    Ok(Aim {
        change,
        template,
        typed,
        running: behind.unwrap_or_else(|| present.clone()),
        present,
        earlier,
        resumes,
        undo,
        what,
    })
}

fn nothing_is_outdated(seen: &Seen<'_>, set: &StatefulSet, changes: bool) -> bool {
    !changes && outdated_revisions(seen, set).is_empty()
}

/// The name of the revision that the set's template has.
fn revision_now(set: &StatefulSet) -> String {
    set.status
        .as_ref()
        .and_then(|status| status.update_revision.clone())
        .unwrap_or_default()
}

fn wrong_image(error: &ImageError) -> Misaimed {
    Misaimed::new(error.to_string())
}

/// How many shards have which revision, those of the set's template left out.
fn outdated_revisions(seen: &Seen<'_>, set: &StatefulSet) -> BTreeMap<String, usize> {
    let now = revision_now(set);
    let mut counts = BTreeMap::new();
    for shard in seen.own_pods().unwrap_or_default() {
        if let Some(revision) = pod::revision(shard).filter(|revision| *revision != now) {
            *counts.entry(revision.to_owned()).or_insert(0) += 1;
        }
    }
    counts
}

fn revision<'a>(seen: &Seen<'a>, set: &StatefulSet, name: &str) -> Option<&'a ControllerRevision> {
    revisions(seen, set).find(|revision| revision.metadata.name.as_deref() == Some(name))
}

fn revisions<'a>(seen: &Seen<'a>, set: &StatefulSet) -> impl Iterator<Item = &'a ControllerRevision> {
    let uid = set::uid(set).to_owned();
    let all = seen.snapshot.revisions.got().into_iter().flatten();
    all.filter(move |revision| {
        let owners = revision.metadata.owner_references.iter().flatten();
        owners.into_iter().any(|owner| owner.uid == uid)
    })
}

/// What the shards have now, should the new template turn out bad: what we are about to replace, or what the journal of an
/// unfinished change kept, or the revision that the shards carry.
fn earlier(
    seen: &Seen<'_>,
    set: &StatefulSet,
    change: Option<&TemplateChange>,
    unfinished: Option<&Journal>,
    present: &Value,
) -> Option<Earlier> {
    if let Some(change) = change {
        return Some(Earlier {
            revision: change.from.clone(),
            template: change.previous.clone(),
        });
    }
    if let Some(journal) = unfinished
        && !template::same(&journal.previous, present)
    {
        return Some(Earlier {
            revision: journal.from.clone(),
            template: journal.previous.clone(),
        });
    }
    behind(seen, set)
}

/// What most of the shards run that don't have the set's template, where that is kept.
fn behind(seen: &Seen<'_>, set: &StatefulSet) -> Option<Earlier> {
    let counts = outdated_revisions(seen, set);
    let (name, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let found = revision(seen, set, &name)?;
    Some(Earlier {
        template: template::of_revision(found)?,
        revision: name,
    })
}

/// The template that an undo goes back to; none where the undo was written already and only wants finishing.
fn back_to(
    seen: &Seen<'_>,
    set: &StatefulSet,
    journal: Option<&Journal>,
    to: Option<&str>,
) -> Result<Option<Earlier>, Misaimed> {
    let name = set::name(set);
    let listing = format!(
        "get controllerrevisions -l {} --sort-by=.revision",
        crate::model::shell::shell_word(
            &set.spec
                .as_ref()
                .map(|spec| set::selector_query(&spec.selector))
                .unwrap_or_default()
        )
    );
    if let Some(wanted) = to {
        if let Some(found) = revision(seen, set, wanted) {
            let template = template::of_revision(found)
                .ok_or_else(|| Misaimed::new(format!("controllerrevision/{wanted} holds no pod template")))?;
            return Ok(Some(Earlier {
                revision: wanted.to_owned(),
                template,
            }));
        }
        if let Some(journal) = journal.filter(|journal| journal.from == wanted) {
            return Ok(Some(Earlier {
                revision: wanted.to_owned(),
                template: journal.previous.clone(),
            }));
        }
        let known: Vec<&str> = revisions(seen, set)
            .filter_map(|revision| revision.metadata.name.as_deref())
            .collect();
        let error = Misaimed::new(format!("statefulset/{name} has no revision `{wanted}`"));
        return Err(if known.is_empty() {
            error.hint(seen.kubectl(&listing))
        } else {
            error
                .hint(format!("its revisions are: {}", known.join(", ")))
                .hint(seen.kubectl(&listing))
        });
    }
    match journal {
        Some(journal) if journal.undo && journal.finished.is_none() => Ok(None),
        Some(journal) if journal.undo => Err(Misaimed::new(format!(
            "the last change of statefulset/{name} was an undo itself ({})",
            journal.what
        ))
        .hint("name the revision to go to, by its name:")
        .hint(seen.kubectl(&listing))
        .hint(seen.shardctl("upgrade undo --to-revision NAME"))),
        Some(journal) => Ok(Some(Earlier {
            revision: journal.from.clone(),
            template: journal.previous.clone(),
        })),
        None => Err(Misaimed::new(format!(
            "there is nothing to undo: shardctl has no record of a change of statefulset/{name}"
        ))
        .hint("name the revision to go to, by its name:")
        .hint(seen.kubectl(&listing))
        .hint(seen.shardctl("upgrade undo --to-revision NAME"))),
    }
}
