//! Putting back what the mark on an object says, in one patch that holds only while the object is as it was judged.

use serde_json::Value;

use super::freeze::saw;
use super::look_again;
use crate::cluster::failure::Failure;
use crate::cluster::get::Answer;
use crate::cluster::write::json_patch;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::mark::MARK;
use crate::operations::means::Run;
use crate::plan::operation::Acted;
use crate::plan::recover::left_of;
use crate::plan::undo::{Fate, Undo, mark_text, undo};

/// Undoes the mark on an object: the one that is written so, or whichever is there. Where it is gone by now, or another one is
/// there, this one needs nothing any more.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn undo_mark(run: &Run, object: &str, path: &str, written: Option<&str>) -> Result<Acted, Failure> {
    let api = run.connection.api();
    let present: Value = match api.get(path).await {
        Ok(answer) => {
            learn(run, object, &answer);
            answer.parse()?
        }
        Err(failure) if failure.is_not_found() => return Ok(Acted::Done),
        Err(failure) => return refused(object, "read", failure),
    };
    let there = mark_text(&present);
    if there.is_none() || written.is_some_and(|wanted| there != Some(wanted)) {
        return Ok(Acted::Done);
    }
    let undo = match undo(&present) {
        None => return Ok(Acted::Done),
        Some(Ok(undo)) => undo,
        Some(Err(why)) => {
            let mut finding = Finding::new(Severity::Error, object, "its mark can't be followed");
            finding.evidence(why);
            return Ok(Acted::Failed(Box::new(finding)));
        }
    };
    match json_patch(api, &run.permit, path, &undo.patch).await {
        Ok(answer) => learn(run, object, &answer),
        Err(failure) => return refused(object, "change", failure),
    }
    run.events.emit(Fact::Changed {
        object: object.to_owned(),
        what: told(&undo),
    });
    let left = left_of(object, &undo);
    for finding in left.iter().cloned() {
        run.events.emit(Fact::Noted { finding });
    }
    Ok(Acted::Undone { left })
}

/// A node's watch may be silent, and no uncached look heals that.
fn learn(run: &Run, object: &str, answer: &Answer) {
    if object.starts_with("node/") {
        saw(run, answer);
    }
}

/// `put back: spec.minAvailable: 9 → 10`; `its mark is taken away` where nothing was to be put back.
fn told(undo: &Undo) -> String {
    let back: Vec<String> = undo.of(Fate::PutBack).map(|field| field.words()).collect();
    if back.is_empty() {
        "its mark is taken away, nothing had to be put back".to_owned()
    } else {
        format!("put back: {}", back.join(", "))
    }
}

/// A refusal that looking again doesn't change is the end for this object, and for no other.
fn refused(object: &str, verb: &str, failure: Failure) -> Result<Acted, Failure> {
    let denied = failure.is_forbidden();
    let objected = matches!(&failure, Failure::Server { code: 400..=428, .. }) && !failure.is_conflict();
    if !denied && !objected {
        return look_again(failure);
    }
    let mut finding = Finding::new(
        Severity::Error,
        object,
        format!("the server doesn't let us {verb} it: {}", failure.reason()),
    );
    finding.evidence(format!("its annotation {MARK} says what to put back"));
    if denied {
        finding
            .remedy("with these rights, recover does it:")
            .remedy("$ shardctl rbac --for recover");
    }
    Ok(Acted::Failed(Box::new(finding)))
}
