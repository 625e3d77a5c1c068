//! One shard more for a while: the replicas written with the mark that undoes it, put back, and the claim that came of it removed.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Map, Value};

use super::undo::{is_own, undone, unfollowed};
use super::{marked, refuses};
use crate::cluster::failure::Failure;
use crate::cluster::fresh;
use crate::cluster::write::{delete, exactly, json_patch};
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::read::Read;
use crate::model::set;
use crate::model::snapshot::Snapshot;
use crate::operations::means::Run;
use crate::plan::marking::{Theirs, marking};
use crate::plan::operation::Acted;
use crate::plan::surge::{self, made, may_go};
use crate::plan::undo::{Fate, mark_text, undo_only};

const REPLICAS: &str = "spec.replicas";

/// Writes more replicas. Never fewer than there are: that would take shards away.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn scale(run: &Run, to: i32, claims: &[String]) -> Result<Acted, Failure> {
    let object = format!("statefulset/{}", set::name(&run.set));
    let present = match read(run).await {
        Ok(present) => present,
        Err(failure) => return refuses(&object, "it can't be read", failure),
    };
    let wanted = Map::from_iter([(REPLICAS.to_owned(), Value::from(to))]);
    let claims = made(claims.iter().map(String::as_str));
    let marking = match marking(&present, run.marker(), &wanted, &claims) {
        Ok(None) => return Ok(Acted::Done),
        Ok(Some(marking)) => marking,
        Err(Theirs(whose)) => return Ok(marked(run, &object, "it isn't scaled", &whose)),
    };
    let there = present.pointer("/spec/replicas") == Some(&Value::from(to));
    // With our mark it may be there already; without it, somebody else wants as many or more.
    let before = marking.mark.was[REPLICAS].as_i64();
    if before.is_none_or(|before| before >= i64::from(to)) {
        let now = present.pointer("/spec/replicas").unwrap_or(&Value::Null);
        let finding = Finding::new(
            Severity::Error,
            object,
            format!("it isn't scaled to {to}: somebody scaled it meanwhile, and it has {now} replicas"),
        );
        return Ok(Acted::Failed(Box::new(finding)));
    }
    match json_patch(run.connection.api(), &run.permit, &path(run), &marking.patch).await {
        Ok(_) => {
            let what = match before {
                Some(before) if !there => format!("scaled: {before} → {to} replicas"),
                _ => format!("its mark is gone on with: it has {to} replicas already"),
            };
            run.announce("Scaled", false, format!("{}: {what}", run.name));
            run.events.emit(Fact::Changed { object, what });
            Ok(Acted::Done)
        }
        Err(failure) => refuses(&object, "the server doesn't let us scale it", failure),
    }
}

/// Puts the replicas back that the set's mark names. The mark stays: it says what came of them. Without the lock only where the mark
/// is this very run's.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn back(run: &Run, locked: bool) -> Result<Acted, Failure> {
    let object = format!("statefulset/{}", set::name(&run.set));
    let present = match read(run).await {
        Ok(present) => present,
        Err(failure) if failure.is_not_found() => return Ok(Acted::Done),
        Err(failure) => return refuses(&object, "it can't be read", failure),
    };
    if !locked && !mark_text(&present).is_some_and(|written| is_own(written, &run.name)) {
        return Ok(Acted::Done);
    }
    let undo = match undo_only(&present, REPLICAS) {
        None => return Ok(Acted::Done),
        Some(Ok(undo)) => undo,
        Some(Err(why)) => return Ok(unfollowed(&object, why)),
    };
    if undo.of(Fate::Theirs).next().is_some() {
        return Ok(undone(run, &object, &undo));
    }
    let Some(field) = undo.of(Fate::PutBack).next() else {
        return Ok(Acted::Done);
    };
    match json_patch(run.connection.api(), &run.permit, &path(run), &undo.patch).await {
        Ok(_) => {
            let what = format!("put back: {}", field.words());
            run.announce("ScaledBack", false, format!("{}: {what}", run.name));
            run.events.emit(Fact::Changed { object, what });
            Ok(Acted::Done)
        }
        Err(failure) => refuses(&object, "the server doesn't let us scale it back", failure),
    }
}

/// Deletes the claim of a shard that was only there for a while. Everything that speaks against it is read anew right before: a
/// claim that goes takes its data along. Without the lock only where this very run's mark names it.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn remove_claim(
    run: &Run,
    claim: &str,
    uid: &str,
    resource_version: &str,
    locked: bool,
) -> Result<Acted, Failure> {
    let (api, object) = (run.connection.api(), format!("pvc/{claim}"));
    let at = format!("/api/v1/namespaces/{}/persistentvolumeclaims/{claim}", run.namespace());
    let found: PersistentVolumeClaim = match api.get(&at).await {
        Ok(answer) => answer.parse()?,
        Err(failure) if failure.is_not_found() => return Ok(Acted::Done),
        Err(failure) => return refuses(&object, "it can't be read", failure),
    };
    if found.metadata.uid.as_deref() != Some(uid) {
        return Ok(Acted::LookAgain);
    }
    if found.metadata.deletion_timestamp.is_some() {
        return Ok(Acted::Done);
    }
    let set: StatefulSet = match api.get(&path(run)).await {
        Ok(answer) => answer.parse()?,
        Err(failure) => return refuses(&object, "its set can't be read", failure),
    };
    let pods = match fresh::pods(api, run.namespace(), "").await {
        Ok(pods) => pods,
        Err(failure) => return refuses(&object, "whether a pod uses it can't be seen", failure),
    };
    let look = Snapshot {
        sets: Read::Got(vec![set].into()),
        pods: Read::Got(pods.into()),
        ..run.look()
    };
    if !locked && !surge::of(&run.seen(&look)).is_some_and(|(_, written)| is_own(written, &run.name)) {
        return Ok(Acted::Done);
    }
    if let Err(why) = may_go(&run.seen(&look), &found) {
        let mut finding = Finding::new(Severity::Error, object, "it isn't deleted");
        finding.evidence(why);
        return Ok(Acted::Failed(Box::new(finding)));
    }
    match delete(api, &run.permit, &at, &exactly(uid, resource_version)).await {
        Ok(_) => {
            run.events.emit(Fact::Changed {
                object,
                what: "deleted: the claim of the extra shard".to_owned(),
            });
            Ok(Acted::Done)
        }
        Err(failure) if failure.is_not_found() => Ok(Acted::Done),
        Err(failure) => refuses(&object, "the server doesn't let us delete it", failure),
    }
}

/// The set as the server gives it now.
async fn read(run: &Run) -> Result<Value, Failure> {
    run.connection.api().get(&path(run)).await?.parse()
}

fn path(run: &Run) -> String {
    let (namespace, name) = (run.namespace(), set::name(&run.set));
    format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}")
}
