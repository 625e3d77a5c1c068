//! Whether the shards can be seen, and whether their set is still the one that the run began with.

use k8s_openapi::api::apps::v1::StatefulSet;

use crate::model::finding::{Finding, Severity};
use crate::model::read::Skip;
use crate::model::set;
use crate::model::shell::shell_word;
use crate::model::step::Wait;
use crate::plan::safety::gate::Pinned;
use crate::plan::verify::seen::Seen;

/// Why nothing can be decided about the shards.
#[derive(Clone, Debug, PartialEq)]
pub enum Unseen {
    /// There are none any more, or more than can be; why, in words.
    Gone(String),
    /// They can't be read now.
    Wait(Wait),
}

/// Why nothing can be decided about the shards; none where they are seen.
pub fn unseen(seen: &Seen<'_>) -> Option<Unseen> {
    let gone = |why: &str| Some(Unseen::Gone(why.to_owned()));
    match seen.count() {
        Ok(count) if count > 0 => None,
        Err(Skip::NotApplicable(_)) => gone("the StatefulSet is gone"),
        Ok(_) => gone("the StatefulSet has no shards any more"),
        Err(Skip::Unknown(why)) if seen.too_many().as_ref() == Some(&why) => gone(&why),
        Err(Skip::Unknown(why)) => Some(Unseen::Wait(Wait {
            words: format!("the shards to be seen again: {why}"),
            until: None,
        })),
    }
}

/// The revision of the set's template, where its controller has seen the template.
pub fn observed_revision(seen: &Seen<'_>) -> Option<String> {
    let set = seen.set().ok()?;
    let status = set.status.as_ref()?;
    let observed = status.observed_generation.unwrap_or(0) >= set.metadata.generation.unwrap_or(0);
    let revision = status.update_revision.clone().filter(|name| !name.is_empty());
    revision.filter(|_| observed)
}

/// What somebody else made of the set while an operation (`what`) ran: the summary, and what to look at. None where it is the
/// pinned one.
pub fn another_set(seen: &Seen<'_>, pinned: &Pinned, what: &str) -> Option<(String, Finding)> {
    let found = seen.set().ok()?;
    let name = set::name(found);
    let mut finding = Finding::new(
        Severity::Error,
        format!("statefulset/{name}"),
        change(seen, found, pinned)?,
    );
    finding
        .remedy("find out who did that before going on; the shards stay as they are")
        .remedy(seen.kubectl(&format!(
            "get statefulset {} --show-managed-fields -o yaml",
            shell_word(name)
        )));
    Some((format!("somebody else changed the set while the {what} ran"), finding))
}

fn change(seen: &Seen<'_>, found: &StatefulSet, pinned: &Pinned) -> Option<String> {
    if set::uid(found) != pinned.set_uid {
        return Some("it was deleted and made anew".to_owned());
    }
    let replicas = set::replicas(found);
    if replicas != pinned.replicas {
        return Some(format!(
            "its replicas were changed from {} to {replicas}",
            pinned.replicas
        ));
    }
    let wanted = pinned.update_revision.as_ref()?;
    let revision = observed_revision(seen)?;
    (revision != *wanted).then(|| {
        format!("its template was changed: the revision is {revision} now, and this run makes pods of {wanted}")
    })
}
