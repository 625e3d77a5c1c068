//! Putting back what the mark on an object says, in one patch that holds only while the object is as it was judged.

use serde_json::{Map, Value};

use super::look_again;
use super::node::{self, saw};
use crate::cluster::failure::Failure;
use crate::cluster::get::Answer;
use crate::cluster::write::json_patch;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::mark::{MARK, Mark};
use crate::operations::means::Run;
use crate::plan::marking::marking;
use crate::plan::operation::Acted;
use crate::plan::recover::left_of;
use crate::plan::undo::{Fate, Undo, mark_text, undo_keeping};

/// Undoes the mark on an object, where it still is the one that is written so: where it is gone by now, or another one is there,
/// this one needs nothing any more.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn undo_mark(run: &Run, object: &str, path: &str, written: &str) -> Result<Acted, Failure> {
    put_back(run, object, path, &[], |there| there == written).await
}

/// Writes this run's name on the mark of an earlier run of the same operation. Where that is gone by now, or is another's, nothing
/// is to be done.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn own_mark(run: &Run, object: &str, path: &str) -> Result<Acted, Failure> {
    let api = run.connection.api();
    let present: Value = match api.get(path).await {
        Ok(answer) => {
            learn(run, object, &answer);
            answer.parse()?
        }
        Err(failure) if failure.is_not_found() => return Ok(Acted::Done),
        Err(failure) => return not_owned(run, object, failure),
    };
    let Ok(Some(marking)) = marking(&present, run.marker(), &Map::new(), &[]) else {
        return Ok(Acted::Done);
    };
    match json_patch(api, &run.permit, path, &marking.patch).await {
        Ok(answer) => learn(run, object, &answer),
        Err(failure) => return not_owned(run, object, failure),
    }
    run.events.emit(Fact::Changed {
        object: object.to_owned(),
        what: "the mark of an earlier run is gone on with".to_owned(),
    });
    Ok(Acted::Done)
}

/// Says that a mark keeps an earlier run's name; the run goes on without.
fn not_owned(run: &Run, object: &str, failure: Failure) -> Result<Acted, Failure> {
    if !is_final(&failure) {
        return look_again(failure);
    }
    let mut finding = Finding::new(Severity::Warning, object, "its mark keeps the name of an earlier run");
    finding
        .evidence(format!("the server doesn't let us change it: {}", failure.reason()))
        .evidence("if that run was only suspended, it takes away what it marked when it wakes");
    run.events.emit(Fact::Noted {
        finding: finding.clone(),
    });
    Ok(Acted::Failed(Box::new(finding)))
}

/// Whether looking again changes nothing: the right is missing, or the server objects to what is asked.
fn is_final(failure: &Failure) -> bool {
    let objected = matches!(failure, Failure::Server { code: 400..=428, .. }) && !failure.is_conflict();
    failure.is_forbidden() || objected
}

/// Undoes what this operation changed on a node, but for the fields at `kept`; another operation's mark is left alone, and without
/// the lock another run's.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn leave(run: &Run, node: &str, kept: &[&str], locked: bool) -> Result<Acted, Failure> {
    let ours = |there: &str| is_followed(there, &run.name, locked);
    put_back(run, &format!("node/{node}"), &node::path(node), kept, ours).await
}

/// Whether a mark that reads `written` is this very run's own.
pub(in crate::operations) fn is_own(written: &str, run: &str) -> bool {
    serde_json::from_str::<Mark>(written).is_ok_and(|mark| mark.operation == run)
}

/// Whether `run` takes this mark away. With the lock an earlier run's of the same operation is its own, and so may be one that can't
/// be read: then it is said that it can't be followed.
fn is_followed(written: &str, run: &str, locked: bool) -> bool {
    is_own(written, run) || locked && serde_json::from_str::<Mark>(written).map_or(true, |mark| mark.is_of(run))
}

async fn put_back(
    run: &Run,
    object: &str,
    path: &str,
    kept: &[&str],
    is_meant: impl Fn(&str) -> bool,
) -> Result<Acted, Failure> {
    let api = run.connection.api();
    let present: Value = match api.get(path).await {
        Ok(answer) => {
            learn(run, object, &answer);
            answer.parse()?
        }
        Err(failure) if failure.is_not_found() => return Ok(Acted::Done),
        Err(failure) => return refused(run, object, "read", failure),
    };
    if !mark_text(&present).is_some_and(is_meant) {
        return Ok(Acted::Done);
    }
    let undo = match undo_keeping(&present, kept) {
        None => return Ok(Acted::Done),
        Some(Ok(undo)) => undo,
        Some(Err(why)) => return Ok(unfollowed(object, why)),
    };
    match json_patch(api, &run.permit, path, &undo.patch).await {
        Ok(answer) => learn(run, object, &answer),
        Err(failure) => return refused(run, object, "change", failure),
    }
    run.events.emit(Fact::Changed {
        object: object.to_owned(),
        what: told(&undo, kept),
    });
    Ok(undone(run, object, &undo))
}

/// Says what stays as it is, being somebody else's by now.
pub(super) fn undone(run: &Run, object: &str, undo: &Undo) -> Acted {
    let left = left_of(object, undo);
    for finding in left.iter().cloned() {
        run.events.emit(Fact::Noted { finding });
    }
    Acted::Undone { left }
}

pub(super) fn unfollowed(object: &str, why: String) -> Acted {
    let mut finding = Finding::new(Severity::Error, object, "its mark can't be followed");
    finding.evidence(why);
    Acted::Failed(Box::new(finding))
}

/// A node's watch may be silent, and no uncached look heals that.
fn learn(run: &Run, object: &str, answer: &Answer) {
    if object.starts_with("node/") {
        saw(run, answer);
    }
}

/// `put back: spec.minAvailable: 9 → 10`; `its mark is taken away` where nothing was to be put back; `left cordoned` of a node
/// whose cordon stays.
fn told(undo: &Undo, kept: &[&str]) -> String {
    let back: Vec<String> = undo.of(Fate::PutBack).map(|field| field.words()).collect();
    let stays = kept.iter().any(|path| undo.mark.was.get(*path).is_some());
    let stays = if stays { "left cordoned; " } else { "" };
    if back.is_empty() && stays.is_empty() {
        "its mark is taken away, nothing had to be put back".to_owned()
    } else if back.is_empty() {
        format!("{stays}its mark is taken away")
    } else {
        format!("{stays}put back: {}", back.join(", "))
    }
}

/// A refusal that looking again doesn't change is the end for this object, and for no other.
fn refused(run: &Run, object: &str, verb: &str, failure: Failure) -> Result<Acted, Failure> {
    if !is_final(&failure) {
        return look_again(failure);
    }
    let mut finding = Finding::new(
        Severity::Error,
        object,
        format!("the server doesn't let us {verb} it: {}", failure.reason()),
    );
    finding.evidence(format!("its annotation {MARK} says what to put back"));
    if failure.is_forbidden() {
        finding
            .remedy("with these rights, recover does it:")
            .remedy(run.policy.shardctl("rbac --for recover"));
    }
    Ok(Acted::Failed(Box::new(finding)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn without_the_lock_a_mark_of_another_run_of_the_same_operation_stays() {
        let run = "drain/shop/db/4f2a";
        let mark = |operation: &str| {
            json!({"operation": operation, "by": "ada", "since": "2026-01-01T12:00:00Z",
                "until": "2026-01-01T12:00:00Z", "was": {}})
            .to_string()
        };
        let (own, another, upgrade) = (mark(run), mark("drain/shop/db/0001"), mark("upgrade/shop/db/0001"));
        for locked in [false, true] {
            assert!(is_followed(&own, run, locked));
            assert_eq!(is_followed(&another, run, locked), locked);
            assert_eq!(is_followed("of a later version", run, locked), locked);
            assert!(!is_followed(&upgrade, run, locked));
        }
    }
}
