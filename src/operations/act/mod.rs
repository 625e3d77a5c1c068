//! The effects, one file each: what a step asks for is sent once, and what the answer means is told in one word.

pub(super) mod evict;
mod freeze;
mod helpers;
pub(super) mod shard;
mod task;
mod template;
mod undo;

use crate::cluster::failure::Failure;
use crate::model::step::Act;
use crate::operations::means::Run;
use crate::plan::operation::Acted;

/// Carries out one effect.
///
/// # Errors
/// Where the server gave no answer, or one that says nothing about the effect: the caller looks again before anything else.
pub(super) async fn carry_out(run: &Run, act: &Act) -> Result<Acted, Failure> {
    match act {
        Act::Freeze { node, annotations } => freeze::freeze(run, node, annotations).await,
        Act::Unfreeze { node } => {
            undo::undo_mark(run, &format!("node/{node}"), &format!("/api/v1/nodes/{node}"), None).await
        }
        Act::UndoMark { object, path, written } => undo::undo_mark(run, object, path, Some(written)).await,
        Act::TryTemplate => template::try_it(run).await,
        Act::PrePull { node } => helpers::make(run, node).await,
        Act::RemoveHelper { pod, uid } => helpers::remove(run, pod, uid).await,
        Act::ChangeTemplate(change) => template::change(run, change).await,
        Act::DeleteShard { pod, .. } => shard::delete(run, pod).await,
        Act::EvictShard { pod, relax, .. } => evict::evict(run, pod, *relax, std::future::pending()).await,
        Act::Task(task) => task::run(run, task).await,
        Act::AskToGoOn { done } => task::ask(run, *done).await,
        Act::FinishJournal => template::finish_journal(run).await,
    }
}

/// What a failed write means: looked at again where it conflicted with somebody's change, or may have been done.
fn look_again(failure: Failure) -> Result<Acted, Failure> {
    if failure.is_conflict() || failure.is_not_found() {
        Ok(Acted::LookAgain)
    } else {
        Err(failure)
    }
}
