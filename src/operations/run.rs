//! The loop, once for every operation: look, ask the planner for the next step, carry out that one effect, say so, wait until
//! something changes.
//!
//! Nothing executes a list decided at the start. Whatever an answer's loss left open is found out by looking again.

mod logs;
mod shown;

use std::pin::pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::act;
use super::act::undo::is_own;
use super::lock::lost;
use super::means::Run;
use crate::cluster::failure::Failure;
use crate::cluster::fresh::{Volumes, fresh};
use crate::cluster::lease::LostOr;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::set;
use crate::model::snapshot::Snapshot;
use crate::model::step::{Act, PodRef, Step};
use crate::plan::operation::{Acted, Planner, Sight, Wishes};
use crate::plan::verify::seen::Seen;

use shown::Shown;

/// How long a watch may say nothing before the cluster is read anew: a silent watch is healed by that.
const SAFETY: Duration = Duration::from_secs(5);
/// The most of it, of a large set.
const LONGEST_TRUST: Duration = Duration::from_secs(30);
/// How long an effect may take to show in the watch before it is looked for.
const TO_BE_SEEN: Duration = Duration::from_secs(2);
/// How long the server may give no answer before the run gives up.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
/// How long taking our own things away may fail, when a run ends, before they are left behind.
const TIDYING: Duration = Duration::from_secs(30);
/// The pause after a request that failed; it doubles, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often the user pressed Ctrl-C: once is "finish the shard in hand", twice is "now".
pub type Stop = watch::Receiver<u32>;

/// Runs an operation to its end, and takes away whatever of ours is left by then.
pub async fn run<P: Planner>(planner: &mut P, mut run: Run, mut stop: Stop) -> Outcome {
    let mut shown = Shown::new(trusted_for(set::replicas(&run.set)));
    let mut step = Box::pin(until_the_end(planner, &mut run, &mut stop, &mut shown)).await;
    if *stop.borrow() < 2 {
        Box::pin(tidy(planner, &mut run, &mut stop)).await;
    }
    // A last look for the report, uncached where the server answers: what is said at the end was seen at the end.
    let patience = if *stop.borrow() < 2 { SAFETY } else { TO_BE_SEEN };
    let (look, unseen) = match Box::pin(timeout(patience, run.look_fresh(Volumes::All))).await {
        Ok(Ok(look)) => (look, None),
        Ok(Err(failure)) => (run.look(), Some(failure)),
        Err(_) => (run.look(), Some(Failure::TimedOut { after: Some(patience) })),
    };
    let sight = match unseen {
        None => Sight::WithVolumes,
        Some(_) => Sight::Watched,
    };
    let seen = run.seen(&look);
    let now = run.now();
    planner.note(&seen, now, sight);
    let mut left = all_left(planner, &seen, !run.lock.is_lost());
    if !left.is_empty() {
        // What somebody who has the lock by now goes on with isn't ours any more, and isn't left.
        let _ = timeout(patience, run.lock.renew()).await;
        left = all_left(planner, &seen, !run.lock.is_lost());
    }
    if !left.is_empty()
        && let Step::End { end, summary, .. } = &mut step
    {
        summary.push_str(&still_there(&left));
        *end = End::MarkLeft;
    }
    if let Step::End { findings, .. } = &mut step {
        logs::quote(&run, &seen, findings).await;
    }
    let mut outcome = planner.outcome(&seen, &step, now);
    outcome
        .findings
        .extend(unseen.map(|failure| from_before(&failure, &run)));
    run.announce_end(&outcome).await;
    Box::pin(run.give_back()).await;
    outcome
}

/// How long the watches of a set of so many shards may say nothing. Reading all of a thousand is megabytes for the server: of more than
/// fifty it is a second more for each ten.
fn trusted_for(shards: i32) -> Duration {
    let more = u64::try_from(shards.saturating_sub(50) / 10).unwrap_or(0);
    (SAFETY + Duration::from_secs(more)).min(LONGEST_TRUST)
}

/// The finding where the last look failed: what the end says was seen before.
fn from_before(failure: &Failure, run: &Run) -> Finding {
    let mut finding = Finding::new(
        Severity::Warning,
        format!("statefulset/{}", set::name(&run.set)),
        "the last look failed: what is said of the end is as it was seen before",
    );
    finding
        .evidence(failure.reason())
        .remedy("see how it stands now:")
        .remedy(run.policy.shardctl("status"));
    finding
}

/// Steps until one ends the run.
async fn until_the_end<P: Planner>(planner: &mut P, run: &mut Run, stop: &mut Stop, shown: &mut Shown) -> Step {
    loop {
        let pressed = *stop.borrow_and_update();
        if pressed >= 2 {
            return end(End::Interrupted, "interrupted twice: stopped at once");
        }
        let look = run.look();
        let seen = run.seen(&look);
        let now = run.now();
        planner.note(&seen, now, Sight::Watched);
        if pressed > 0 {
            shown.stopping(planner, &seen, run, now);
        }
        shown.show(planner, &seen, run, now);
        let wishes = Wishes { stop: pressed > 0 };
        match planner.next_step(&seen, wishes, now) {
            Step::End { end, summary, findings } => return Step::End { end, summary, findings },
            Step::Wait(wait) => {
                if planner.in_hand(&seen, now).is_empty() {
                    shown.waits(run, wait.words);
                }
                let until = wait.until.map_or(SAFETY, |until| pause_until(until, now));
                if let Some(ended) = Box::pin(wait_for_a_change(planner, run, stop, shown, until)).await {
                    return ended;
                }
            }
            Step::Act(act) if shown.was_just_done(&act) => {
                // Done, and the watch hasn't brought it yet.
                if let Some(ended) = Box::pin(wait_for_a_change(planner, run, stop, shown, TO_BE_SEEN)).await {
                    return ended;
                }
            }
            Step::Act(act) => {
                if let Some(ended) = Box::pin(carry_out(planner, run, stop, shown, act, &look)).await {
                    return ended;
                }
            }
        }
    }
}

/// One effect, with what the planner must remember of it. `Some` where it ends the run.
async fn carry_out<P: Planner>(
    planner: &mut P,
    run: &mut Run,
    stop: &mut Stop,
    shown: &mut Shown,
    act: Act,
    look: &Snapshot,
) -> Option<Step> {
    if run.lock.is_lost() {
        return Some(lock_lost(run).await);
    }
    let now = run.now();
    let became = if let Some((pod, already_down)) = act.takes_down() {
        Box::pin(take_down(planner, run, stop, shown, &act, pod, already_down)).await
    } else {
        begin_something(planner, run, stop, shown, &act, look, now).await
    };
    match became {
        Ok(became) => {
            shown.had_effect();
            if let Acted::Refused(refusals) = &became {
                for refusal in refusals.iter().cloned() {
                    run.events.emit(if run.aimed.allowed.covers(&refusal) {
                        Fact::Allowed { refusal }
                    } else {
                        Fact::Refused { refusal }
                    });
                }
            }
            if matches!(became, Acted::Done | Acted::Undone { .. }) {
                shown.last_act = Some((act.clone(), Instant::now()));
            }
            planner.acted(&act, &became);
            if became == Acted::LookAgain {
                if shown.tried_before(&act) {
                    // What conflicts each time must not be tried in a tight loop.
                    sleep(FIRST_PAUSE).await;
                }
                return Box::pin(look_again(planner, run, stop, shown)).await;
            }
            None
        }
        Err(Stopped::Twice) => Some(end(End::Interrupted, "interrupted twice: stopped at once")),
        Err(Stopped::LockLost) => Some(lock_lost(run).await),
        Err(Stopped::Failed(failure)) => {
            planner.acted(&act, &Acted::LookAgain);
            match shown.no_effect(run, &failure) {
                Err(ended) => return Some(ended),
                Ok(pause) => sleep(pause).await,
            }
            Box::pin(look_again(planner, run, stop, shown)).await
        }
    }
}

/// An effect other than a deletion: only while the lock is ours at that moment, where it needs the lock.
async fn begin_something<P: Planner>(
    planner: &mut P,
    run: &Run,
    stop: &mut Stop,
    shown: &mut Shown,
    act: &Act,
    look: &Snapshot,
    now: Timestamp,
) -> Result<Acted, Stopped> {
    if needs_the_lock(act, &run.name) {
        let renewed = tokio::select! {
            biased;
            renewed = run.lock.renew() => renewed,
            () = pressed_twice(stop) => return Err(Stopped::Twice),
        };
        still_ours(renewed)?;
    }
    let seen = run.seen(look);
    planner.about_to(act, &seen, now);
    // A command of the user's may take long: whoever presses Ctrl-C meanwhile is told that it was heard.
    let mut heard = stop.clone();
    let mut work = pin!(interruptible(stop, act::carry_out(run, act, true)));
    tokio::select! {
        biased;
        became = &mut work => return became,
        Ok(_) = heard.wait_for(|pressed| *pressed > 0) => shown.stopping(planner, &seen, run, now),
    }
    work.await
}

/// Whether only the holder of the lock may have an effect: all but what changes nothing, and what takes this very run's own mark away,
/// which must never wait. A process that was suspended may have lost the lock without hearing of it, and an earlier run's marks and
/// helpers are then the next one's.
fn needs_the_lock(act: &Act, run: &str) -> bool {
    match act {
        Act::TryTemplate | Act::AskToGoOn { .. } => false,
        Act::UndoMark { written, .. } => !is_own(written, run),
        _ => true,
    }
}

fn still_ours(renewed: Result<(), LostOr>) -> Result<(), Stopped> {
    match renewed {
        Ok(()) => Ok(()),
        Err(LostOr::Lost(_)) => Err(Stopped::LockLost),
        Err(LostOr::Failed(failure)) => Err(Stopped::Failed(failure)),
    }
}

/// Why an effect has no result.
enum Stopped {
    Twice,
    LockLost,
    Failed(Failure),
}

/// Runs an effect, unless the user presses Ctrl-C twice.
async fn interruptible(stop: &mut Stop, work: impl Future<Output = Result<Acted, Failure>>) -> Result<Acted, Stopped> {
    tokio::select! {
        biased;
        became = work => became.map_err(Stopped::Failed),
        () = pressed_twice(stop) => Err(Stopped::Twice),
    }
}

async fn pressed_twice(stop: &mut Stop) {
    if stop.wait_for(|pressed| *pressed >= 2).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Deletes or evicts a shard's pod: the lock is renewed and everything read anew, the planner asked once more, then the gate,
/// then the deletion with the uid and version that were judged, or the eviction with the uid.
///
/// The room on the nodes, where it counts, is read before all that: a list of every pod takes long in a large cluster, and a shard
/// that falls meanwhile must be seen by the read that is judged.
async fn take_down<P: Planner>(
    planner: &mut P,
    run: &mut Run,
    stop: &mut Stop,
    shown: &mut Shown,
    act: &Act,
    target: &PodRef,
    already_down: bool,
) -> Result<Acted, Stopped> {
    let known = &run.look();
    let room = if !already_down && planner.wants_room(&run.seen(known), target) {
        tokio::select! {
            biased;
            room = run.room() => Some(room),
            () = pressed_twice(stop) => return Err(Stopped::Twice),
        }
    } else {
        None
    };
    let (renewed, read) = {
        let lock = &run.lock;
        let read = fresh(
            &run.connection,
            run.connection.namespace(),
            &run.set,
            Some(known),
            &mut run.lists,
            Volumes::Of(target.ordinal),
        );
        tokio::select! {
            biased;
            both = futures::future::join(lock.renew(), read) => both,
            () = pressed_twice(stop) => return Err(Stopped::Twice),
        }
    };
    still_ours(renewed)?;
    let read = read.map_err(Stopped::Failed)?;
    let look = run.absorb_one(read, target.ordinal);
    if run.watches.nodes().is_empty() && !planner.wants_volumes() {
        // It was all that such a look reads.
        shown.looked();
    }
    let seen = run.seen(&look);
    let now = run.now();
    planner.note(&seen, now, Sight::WithVolumesOf(target.ordinal));
    let wishes = Wishes {
        stop: *stop.borrow() > 0,
    };
    let still = matches!(
        planner.next_step(&seen, wishes, now),
        Step::Act(next) if next.takes_down().is_some_and(|(pod, _)| pod.uid == target.uid)
    );
    if !still {
        return Ok(Acted::LookAgain);
    }
    let with_room;
    let seen = match room {
        _ if already_down || !planner.wants_room(&seen, target) => seen,
        // It counts since this very look: the next one is after the room was read.
        None => return Ok(Acted::LookAgain),
        // What can't be read stays unreadable, and the planner judges without it.
        Some(None) => seen,
        Some(Some(room)) => {
            with_room = Snapshot {
                csi_nodes: room.csi_nodes,
                node_pods: room.node_pods,
                ..look.clone()
            };
            run.seen(&with_room)
        }
    };
    let judged = match planner.gate(&seen, target, already_down) {
        Ok(judged) => judged,
        Err(refusals) => return Ok(Acted::Refused(refusals)),
    };
    if let Act::EvictShard { relax, .. } = act {
        let act = Act::EvictShard {
            pod: judged.clone(),
            already_down,
            relax: *relax,
        };
        planner.about_to(&act, &seen, now);
        // Not interrupted here: an open budget is closed first. On the heap, since it is large beside everything else here.
        let evicted = Box::pin(act::evict::evict(run, &judged, *relax, pressed_twice(stop))).await;
        return evicted.map_err(Stopped::Failed);
    }
    let act = Act::DeleteShard {
        pod: judged.clone(),
        already_down,
    };
    planner.about_to(&act, &seen, now);
    interruptible(stop, act::shard::delete(run, &judged)).await
}

/// Reads the cluster anew, so that what became of a lost answer is known; the planner learns it. The volumes only where the planner
/// has to see them: a request for each of them every few seconds would be most of what a run asks.
async fn look_again<P: Planner>(planner: &mut P, run: &mut Run, stop: &mut Stop, shown: &mut Shown) -> Option<Step> {
    let (volumes, sight) = if planner.wants_volumes() {
        (Volumes::All, Sight::WithVolumes)
    } else {
        (Volumes::AsKnown, Sight::Anew)
    };
    let read = tokio::select! {
        biased;
        read = run.look_fresh(volumes) => read,
        () = pressed_twice(stop) => return Some(end(End::Interrupted, "interrupted twice: stopped at once")),
    };
    match read {
        Ok(look) => {
            shown.looked();
            let now = run.now();
            planner.note(&run.seen(&look), now, sight);
            None
        }
        Err(failure) => {
            let ended = shown.trouble(run, &failure);
            if ended.is_none() {
                sleep(shown.next_pause()).await;
            }
            ended
        }
    }
}

/// Waits until a watch brings something, the time has come, the user wants something, or the lock is lost. `Some` where that
/// ends the run.
async fn wait_for_a_change<P: Planner>(
    planner: &mut P,
    run: &mut Run,
    stop: &mut Stop,
    shown: &mut Shown,
    until: Duration,
) -> Option<Step> {
    let lost = run.lock.lost();
    let is_lost = tokio::select! {
        biased;
        () = run.watches.changed() => false,
        () = sleep(until.min(shown.trust())) => false,
        Ok(()) = stop.changed() => return None,
        _ = lost => true,
    };
    if is_lost {
        return Some(lock_lost(run).await);
    }
    if !shown.trust().is_zero() {
        return None;
    }
    if let Some(trouble) = run.watches.trouble() {
        shown.say_trouble(run, trouble);
    }
    Box::pin(look_again(planner, run, stop, shown)).await
}

/// Takes away what of ours is left. What can't be taken away within a while stays, and is said; it is tried again only when all
/// the rest was. Each step that succeeds for the first time gives the rest as long again.
///
/// The lock is renewed before each step but the closing of this very run's own budget, which waits for nothing: where that doesn't
/// succeed, only what this very run made is taken away.
async fn tidy<P: Planner>(planner: &mut P, run: &mut Run, stop: &mut Stop) {
    let mut deadline = Instant::now() + TIDYING;
    let mut done: Vec<Act> = Vec::new();
    let mut last: Option<(Act, Instant)> = None;
    // What failed is tried again once the rest is back; what the server refuses isn't, since asking again doesn't change that.
    let (mut failed, mut refused): (Vec<Act>, Vec<Act>) = (Vec::new(), Vec::new());
    // Whether the lock was ours right before the step in hand; nothing before it was asked.
    let mut held: Option<bool> = None;
    let mut said = false;
    while Instant::now() < deadline && *stop.borrow() < 2 {
        let look = run.look();
        let but: Vec<Act> = failed.iter().chain(&refused).cloned().collect();
        let locked = held.unwrap_or(!run.lock.is_lost());
        let Some(next) = planner.put_back(&run.seen(&look), locked, &but) else {
            let isnt_known = held.take() == Some(false) && !run.lock.is_lost();
            if failed.is_empty() && !isnt_known {
                return;
            }
            failed.clear();
            sleep(LONGEST_PAUSE).await;
            continue;
        };
        if let Some((_, since)) = last.as_ref().filter(|(act, _)| *act == next) {
            let left = TO_BE_SEEN.saturating_sub(since.elapsed());
            if timeout(left, run.watches.changed()).await.is_err() {
                let _ = Box::pin(timeout(TO_BE_SEEN, run.look_fresh(Volumes::AsKnown))).await;
                last = None;
                failed.push(next);
            }
            continue;
        }
        let needs_lock = needs_the_lock(&next, &run.name);
        if needs_lock && held.is_none() {
            let Ok(ours) = is_still_ours(run, stop, &mut said).await else {
                return;
            };
            held = Some(ours);
            continue;
        }
        let locked = needs_lock && held.take() == Some(true);
        match interruptible(stop, act::carry_out(run, &next, locked)).await {
            Ok(Acted::Failed(finding)) => {
                run.events.emit(Fact::Trouble {
                    message: format!("{}: {}", finding.object, finding.message),
                });
                refused.push(next);
            }
            Ok(became) => {
                // What the planner can't see any more it has to be told. Without the lock an earlier run's mark is left where it is.
                let is_gone = matches!(became, Acted::Undone { .. }) || (locked && became == Acted::Done);
                if is_gone {
                    planner.acted(&next, &became);
                }
                if !done.contains(&next) {
                    deadline = Instant::now() + TIDYING;
                    done.push(next.clone());
                }
                last = Some((next, Instant::now()));
            }
            Err(Stopped::Failed(failure)) => {
                run.events.emit(Fact::Trouble {
                    message: format!("failed to take away what this run made: {}", failure.reason()),
                });
                if failure.is_forbidden() {
                    refused.push(next);
                } else {
                    failed.push(next);
                    sleep(FIRST_PAUSE).await;
                }
            }
            Err(_) => return,
        }
    }
}

/// Whether the lock is certainly ours before a step of tidying; what speaks against it is said, once. An error where the user won't
/// wait.
async fn is_still_ours(run: &Run, stop: &mut Stop, said: &mut bool) -> Result<bool, Stopped> {
    if run.lock.is_lost() {
        return Ok(false);
    }
    let renewed = tokio::select! {
        biased;
        renewed = timeout(SAFETY, run.lock.renew()) => renewed,
        () = pressed_twice(stop) => return Err(Stopped::Twice),
    };
    let why = match renewed {
        Ok(Ok(())) => return Ok(true),
        Ok(Err(LostOr::Lost(holder))) => {
            let _ = lost(holder, set::name(&run.set), &run.events);
            return Ok(false);
        }
        Ok(Err(LostOr::Failed(failure))) => failure.reason(),
        Err(_) => format!("no answer within {} seconds", SAFETY.as_secs()),
    };
    if !std::mem::replace(said, true) {
        run.events.emit(Fact::Trouble {
            message: format!("whether the lock is still ours isn't known: {why}"),
        });
    }
    Ok(false)
}

async fn lock_lost(run: &Run) -> Step {
    let holder = timeout(FIRST_PAUSE, run.lock.lost()).await.ok().flatten();
    end(End::Locked, &lost(holder, set::name(&run.set), &run.events))
}

/// Everything of ours that is still there, each by what would take it away.
fn all_left<P: Planner>(planner: &P, seen: &Seen<'_>, locked: bool) -> Vec<Act> {
    let mut left = Vec::new();
    while let Some(next) = planner.put_back(seen, locked, &left) {
        left.push(next);
    }
    left
}

/// The end of the summary where something of ours couldn't be taken away: the first of it, and how much more there is. All of it
/// is named by `recover`.
fn still_there(left: &[Act]) -> String {
    let Some(first) = left.first() else {
        return String::new();
    };
    let what = match first {
        Act::Unfreeze { node } | Act::LeaveNode { node, .. } => format!("node/{node} is still kept from being removed"),
        Act::ScaleBack => "the set still has an extra shard".to_owned(),
        Act::RemoveClaim { claim, .. } => format!("pvc/{claim}, which the extra shard left, is still there"),
        Act::UndoMark { object, .. } => format!("{object} still has this run's mark"),
        Act::RemoveHelper { pod, .. } => format!("pod/{pod}, a helper, is still there"),
        _ => "something of ours is still there".to_owned(),
    };
    let more = match left.len() {
        1 => String::new(),
        more => format!(", and {} more", more - 1),
    };
    format!("; {what}{more}, until this is run again")
}

fn end(end: End, summary: &str) -> Step {
    Step::End {
        end,
        summary: summary.to_owned(),
        findings: Vec::new(),
    }
}

/// How long until a moment of the server's time. Never nothing: where that has passed and the planner waits all the same, it is
/// asked again after a pause.
fn pause_until(until: Timestamp, now: Timestamp) -> Duration {
    let left: SignedDuration = until.duration_since(now);
    Duration::try_from(left).unwrap_or_default().max(FIRST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_what_has_passed_is_a_pause_and_no_spin() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-01-01T12:00:00Z");
        assert_eq!(pause_until(at("2026-01-01T11:00:00Z"), now), FIRST_PAUSE);
        assert_eq!(pause_until(now, now), FIRST_PAUSE);
        assert_eq!(pause_until(at("2026-01-01T12:00:03Z"), now), Duration::from_secs(3));
    }

    #[test]
    fn only_what_changes_nothing_and_this_very_runs_own_mark_go_without_the_lock() {
        let run = "drain/shop/db/4f2a";
        let undo = |operation: &str| Act::UndoMark {
            object: "pdb/db".to_owned(),
            path: String::new(),
            written: serde_json::json!({"operation": operation, "by": "ada", "since": "2026-01-01T12:00:00Z",
                "until": "2026-01-01T12:00:00Z", "was": {}})
            .to_string(),
        };
        let node = || "node-1".to_owned();
        let leave = Act::LeaveNode {
            node: node(),
            uncordon: false,
        };
        assert!(!needs_the_lock(&Act::TryTemplate, run));
        assert!(!needs_the_lock(&undo(run), run));
        assert!(needs_the_lock(&undo("drain/shop/db/0001"), run));
        assert!(needs_the_lock(&leave, run));
        assert!(needs_the_lock(&Act::Unfreeze { node: node() }, run));
        assert!(needs_the_lock(&Act::ScaleBack, run));
    }

    #[test]
    fn a_large_set_is_read_anew_less_often() {
        let seconds = [1, 50, 100, 200, 1000, i32::MAX].map(|shards| trusted_for(shards).as_secs());
        assert_eq!(seconds, [5, 5, 10, 20, 30, 30]);
    }

    #[test]
    fn what_is_left_is_named_by_its_first_and_how_much_more_there_is() {
        let mark = Act::UndoMark {
            object: "pdb/db".to_owned(),
            path: String::new(),
            written: String::new(),
        };
        let frozen = Act::Unfreeze {
            node: "node-1".to_owned(),
        };
        assert_eq!(still_there(&[]), "");
        assert_eq!(
            still_there(std::slice::from_ref(&frozen)),
            "; node/node-1 is still kept from being removed, until this is run again"
        );
        assert_eq!(
            still_there(&[mark, frozen]),
            "; pdb/db still has this run's mark, and 1 more, until this is run again"
        );
    }
}
