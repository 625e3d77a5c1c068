//! The effects, one file each: what a step asks for is sent once, and what the answer means is told in one word.

pub(super) mod evict;
mod helpers;
mod node;
mod off;
mod other;
mod scale;
pub(super) mod shard;
mod task;
mod template;
pub(super) mod undo;

use crate::cluster::failure::Failure;
use crate::model::finding::{Finding, Severity};
use crate::model::step::Act;
use crate::operations::means::Run;
use crate::plan::operation::Acted;

/// Carries out one effect. On the heap: what the largest of them needs, the loop would carry along all the time.
///
/// `locked`: the lock was renewed right before. Without it what is taken away is this very run's alone: what an earlier run of the
/// operation left may be gone on with by whoever has the lock.
///
/// # Errors
/// Where the server gave no answer, or one that says nothing about the effect: the caller looks again before anything else.
pub(super) async fn carry_out(run: &Run, act: &Act, locked: bool) -> Result<Acted, Failure> {
    Box::pin(effect(run, act, locked)).await
}

async fn effect(run: &Run, act: &Act, locked: bool) -> Result<Acted, Failure> {
    match act {
        Act::Freeze {
            node,
            annotations,
            cordon,
        } => node::freeze(run, node, annotations, *cordon).await,
        Act::LeaveNode { node, uncordon } => {
            undo::leave(run, node, if *uncordon { &[] } else { &[node::CORDON] }, locked).await
        }
        Act::DeclareOff { node } => off::declare(run, node).await,
        Act::ReleaseNode { node, claim, uid } => node::release(run, node, claim, uid).await,
        Act::Unfreeze { node } => undo::leave(run, node, &[], locked).await,
        Act::OwnMark { object, path } => undo::own_mark(run, object, path).await,
        Act::UndoMark { object, path, written } => undo::undo_mark(run, object, path, written).await,
        Act::TryTemplate => template::try_it(run).await,
        Act::PrePull { node } => helpers::make(run, node).await,
        Act::RemoveHelper { pod, uid } => helpers::remove(run, pod, uid).await,
        Act::ChangeTemplate(change) => template::change(run, change).await,
        Act::DeleteShard { pod, .. } => shard::delete(run, pod).await,
        Act::EvictShard { pod, relax, .. } => evict::evict(run, pod, *relax, std::future::pending()).await,
        Act::Task(task) => task::run(run, task).await,
        Act::AskToGoOn { done } => task::ask(run, *done).await,
        Act::FinishJournal => template::finish_journal(run).await,
        Act::EvictPod(pod) => other::evict(run, pod).await,
        Act::MakePlaceholder { shard, pod } => helpers::make_placeholder(run, shard, pod).await,
        Act::Scale { to, made } => scale::scale(run, *to, made).await,
        Act::ScaleBack => scale::back(run, locked).await,
        Act::RemoveClaim {
            claim,
            uid,
            resource_version,
        } => scale::remove_claim(run, claim, uid, resource_version, locked).await,
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

/// What a failed request means that isn't ours to make: the end for this object, in the server's words, since no other look
/// changes that. Everything else as in [`look_again`].
fn refuses(object: &str, words: &str, failure: Failure) -> Result<Acted, Failure> {
    let objected = matches!(&failure, Failure::Server { code: 400..=428, .. }) && !failure.is_conflict();
    if !failure.is_forbidden() && !objected {
        return look_again(failure);
    }
    let mut finding = Finding::new(Severity::Error, object, words);
    finding.evidence(failure.reason());
    Ok(Acted::Failed(Box::new(finding)))
}

/// An object that another operation has its mark on: it is left alone.
fn marked(run: &Run, object: &str, words: &str, whose: &str) -> Acted {
    let mut finding = Finding::new(Severity::Error, object, format!("{words}: it has {whose}"));
    finding
        .remedy("let that operation finish; if it was cut off:")
        .remedy(run.policy.shardctl("recover"));
    Acted::Failed(Box::new(finding))
}
