//! One eviction, and the moment for which a budget is opened for it: look, open, evict, close; then everything else.
//!
//! Whatever happens in between (an error, a lost answer, a lost lock, somebody who is quicker, Ctrl-C twice), the budget is
//! closed before anything is said or waited for. A process that is killed leaves the mark, which was written in the same
//! request as the change and says how to undo it.

use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::cluster::evict::{Evicted, afterwards, evict};
use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::cluster::permit::Permit;
use crate::cluster::write::json_patch;
use crate::model::eviction::{Afterwards, Answer};
use crate::model::finding::Finding;
use crate::model::mark::Mark;
use crate::plan::eviction::Meaning;
use crate::plan::relax::{Change, relax_patch, restore_patch, taken_away};
use crate::plan::undo::mark_text;

/// For how long at most the eviction is tried while the budget is open. Its status follows in 3 to 10 ms.
const OPEN: Duration = Duration::from_secs(2);
/// The pause between two tries while the budget is open.
const MOMENT: Duration = Duration::from_millis(3);
/// For how long closing the budget is tried, and for how long once the user won't wait.
const CLOSING: Duration = Duration::from_secs(30);
const CLOSING_IN_HASTE: Duration = Duration::from_secs(5);
/// How long one try of that may take: a connection that has died must not keep the budget open.
const ONE_TRY: Duration = Duration::from_secs(2);
/// The longest pause between two tries of that; it doubles from [`MOMENT`].
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What an eviction needs to know.
pub struct Aim<'a> {
    /// The server.
    pub api: &'a Api,
    /// That somebody said yes.
    pub permit: &'a Permit,
    /// The namespace.
    pub namespace: &'a str,
    /// The pod.
    pub pod: &'a str,
    /// Its uid.
    pub uid: &'a str,
    /// How long it gets to stop, in seconds, where that isn't the pod's own number.
    pub grace: Option<i64>,
}

/// What became of the eviction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The pod is being deleted.
    Accepted,
    /// The server said no, and what that means.
    Refused(Answer, Meaning),
    /// Nothing is known of it: the pod has to be looked at.
    Unknown(Failure),
    /// Nothing was tried, and no budget was opened.
    NotTried(Failure),
    /// Somebody wanted it to stop. Whether it was done isn't known.
    Abandoned,
}

/// What became of the budget.
#[derive(Clone, Debug, PartialEq)]
pub enum Closed {
    /// It is as it was before, and this is how it looked then.
    Back(Option<Box<PodDisruptionBudget>>),
    /// Our mark is gone; what stays is somebody else's doing, in words.
    Theirs(Finding),
    /// The budget itself is gone.
    Gone,
    /// It couldn't be closed: the mark is there, and says how to undo it.
    Open(Failure),
    /// Whether it was opened isn't known: the request that was to do so had no answer, and nothing could be read since.
    Unseen(Failure),
}

/// An eviction for which the budget was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// What became of the eviction.
    pub tried: Tried,
    /// What became of the budget; none where it wasn't opened, or is as before and was never seen otherwise.
    pub closed: Option<Closed>,
    /// For how long it was open at most: from before the request that opened it to the answer that closed it.
    pub open: Duration,
}

/// Evicts a pod by way of the budget as it is: once. The pod is looked at before, since an eviction with a wrong uid uses the
/// budget's place up before it is refused; and after a no, since a wrong uid may look like the budget's.
pub async fn by_the_budget(aim: &Aim<'_>) -> Tried {
    match look(aim).await {
        Ok(Afterwards::Same) => once(aim).await,
        Ok(changed) => has_changed(changed),
        Err(failure) => Tried::NotTried(failure),
    }
}

/// What a pod that isn't the one that was aimed at, or is on its way already, is as an answer: nothing was sent.
fn has_changed(to: Afterwards) -> Tried {
    Tried::Refused(Answer::default(), Meaning::of(&Answer::default(), to))
}

/// Opens the budget, evicts, closes the budget. `mark` is what is written beside the change; `stop` ends the trying.
///
/// This must be polled to its end: who drops it half-way leaves the budget open, with its mark.
pub async fn through_a_window(
    aim: &Aim<'_>,
    budget: &PodDisruptionBudget,
    change: &Change,
    mark: &Mark,
    stop: impl Future<Output = ()>,
) -> Window {
    let untouched = |tried| Window {
        tried,
        closed: None,
        open: Duration::ZERO,
    };
    let written = match serde_json::to_string(mark) {
        Ok(written) => written,
        Err(error) => return untouched(Tried::NotTried(Failure::Config(error.to_string()))),
    };
    match look(aim).await {
        Ok(Afterwards::Same) => {}
        Ok(changed) => return untouched(has_changed(changed)),
        Err(failure) => return untouched(Tried::NotTried(failure)),
    }
    let path = path(aim.namespace, &change.budget);
    let patch = relax_patch(budget, change, &written);
    let opening = Instant::now();
    let opened = timeout(OPEN, json_patch(aim.api, aim.permit, &path, &patch)).await;
    let mut stop = pin!(stop);
    let mut in_haste = false;
    let (tried, opened) = match opened.unwrap_or(Err(Failure::TimedOut { after: Some(OPEN) })) {
        Ok(answer) => {
            let tried = tokio::select! {
                biased;
                tried = until_it_is_decided(aim, change, opening + OPEN) => tried,
                () = &mut stop => {
                    in_haste = true;
                    Tried::Abandoned
                }
            };
            (tried, Opened::Answered(answer.parse().ok()))
        }
        // Nothing is evicted by way of a budget that isn't known to be open.
        Err(failure) if failure.may_have_been_done() => {
            let opened = match shows_up(aim, &path, &written).await {
                Shows::Nothing => return untouched(Tried::NotTried(failure)),
                Shows::Mark => Opened::Seen,
                Shows::Unseen => Opened::Unseen,
            };
            (Tried::NotTried(failure), opened)
        }
        Err(failure) => return untouched(Tried::NotTried(failure)),
    };
    let no_more_patience = async {
        if !in_haste {
            stop.await;
        }
        sleep(CLOSING_IN_HASTE).await;
    };
    let was_seen = opened != Opened::Unseen;
    let closed = tokio::select! {
        biased;
        closed = close(aim, &path, change, &written, opened) => closed,
        () = no_more_patience => Some(still_open(was_seen, Failure::TimedOut { after: Some(CLOSING_IN_HASTE) })),
    };
    Window {
        tried,
        closed,
        open: opening.elapsed(),
    }
}

/// What is known of the request that was to open the budget.
#[derive(PartialEq)]
enum Opened {
    /// It was answered; the budget as it was then, where that could be read.
    Answered(Option<Value>),
    /// It wasn't, and the mark was seen.
    Seen,
    /// It wasn't, and nothing was seen since.
    Unseen,
}

/// What is seen of a request that had no answer.
enum Shows {
    Mark,
    Nothing,
    Unseen,
}

/// Whether a mark whose request had no answer is there, or comes within a while. Where that can't be seen it is looked for on and on
/// while closing.
async fn shows_up(aim: &Aim<'_>, path: &str, mark: &str) -> Shows {
    let until = Instant::now() + OPEN;
    loop {
        let read = timeout_at(until, async { aim.api.get(path).await?.parse::<Value>() }).await;
        let is_last = Instant::now() + LONGEST_PAUSE >= until;
        match read {
            Ok(Ok(present)) if mark_text(&present) == Some(mark) => return Shows::Mark,
            Ok(Ok(_)) if is_last => return Shows::Nothing,
            Ok(Err(_)) if is_last => return Shows::Unseen,
            Err(_) => return Shows::Unseen,
            Ok(_) => sleep(LONGEST_PAUSE).await,
        }
    }
}

fn still_open(was_seen: bool, failure: Failure) -> Closed {
    if was_seen {
        Closed::Open(failure)
    } else {
        Closed::Unseen(failure)
    }
}

/// Tries until the server says something that the next moment won't change.
async fn until_it_is_decided(aim: &Aim<'_>, change: &Change, until: Instant) -> Tried {
    loop {
        let tried = timeout_at(until, once(aim)).await;
        let tried = tried.unwrap_or(Tried::Unknown(Failure::TimedOut { after: Some(OPEN) }));
        match &tried {
            Tried::Refused(_, meaning) if meaning.passes_in_moments(change.keeps) && Instant::now() < until => {
                sleep(MOMENT).await;
            }
            _ => return tried,
        }
    }
}

async fn once(aim: &Aim<'_>) -> Tried {
    match evict(aim.api, aim.permit, aim.namespace, aim.pod, aim.uid, aim.grace).await {
        Evicted::Accepted => Tried::Accepted,
        Evicted::Unanswered(failure) => Tried::Unknown(failure),
        Evicted::Answered(answer) => {
            let after = look(aim).await.unwrap_or(Afterwards::Unseen);
            let meaning = Meaning::of(&answer, after);
            Tried::Refused(answer, meaning)
        }
    }
}

async fn look(aim: &Aim<'_>) -> Result<Afterwards, Failure> {
    afterwards(aim.api, aim.namespace, aim.pod, aim.uid).await
}

/// Closes the budget. A try whose answer is lost is found out by looking, and repeated until the server has answered. None where it
/// was never seen to be open, and is as it was before.
async fn close(aim: &Aim<'_>, path: &str, change: &Change, mark: &str, opened: Opened) -> Option<Closed> {
    let mut was_seen = opened != Opened::Unseen;
    let mut known = match opened {
        Opened::Answered(known) => known,
        Opened::Seen | Opened::Unseen => None,
    };
    let deadline = Instant::now() + CLOSING;
    let field = format!("/spec/{}", change.field);
    let mut pause = MOMENT;
    // Whether a try of ours may have been done without our hearing of it.
    let mut maybe = false;
    loop {
        let tried = async {
            let present = match known.take() {
                Some(present) => present,
                None => aim.api.get(path).await?.parse()?,
            };
            let Some(restore) = restore_patch(&present, mark) else {
                return Ok::<_, Failure>((present, None));
            };
            was_seen = true;
            let answer = json_patch(aim.api, aim.permit, path, &restore.patch).await?;
            Ok((answer.parse()?, Some(restore)))
        };
        let back = |after: Value| Some(Closed::Back(serde_json::from_value(after).ok().map(Box::new)));
        let failure = match timeout(ONE_TRY, tried).await {
            Ok(Ok((after, Some(restore)))) if restore.theirs.is_some() => {
                return Some(Closed::Theirs(taken_away(&after, change)));
            }
            Ok(Ok((after, Some(_)))) => return back(after),
            Ok(Ok((after, None))) if after.pointer(&field) == Some(&change.from) && !was_seen => return None,
            Ok(Ok((after, None))) if after.pointer(&field) == Some(&change.from) && maybe => return back(after),
            Ok(Ok((after, None))) => return Some(Closed::Theirs(taken_away(&after, change))),
            Ok(Err(failure)) if failure.is_not_found() => return Some(Closed::Gone),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::TimedOut { after: Some(ONE_TRY) },
        };
        maybe |= failure.may_have_been_done();
        let refused = failure.is_forbidden() || Instant::now() + pause >= deadline;
        if refused {
            return Some(still_open(was_seen, failure));
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The path of a budget.
pub fn path(namespace: &str, budget: &str) -> String {
    format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets/{budget}")
}

/// The mark that goes with a change.
pub fn mark(change: &Change, run: &str, by: &str, since: Timestamp, until: Timestamp) -> Mark {
    let (was, is) = change.was_and_is();
    Mark {
        operation: run.to_owned(),
        by: by.to_owned(),
        since,
        until,
        was,
        is,
        made: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
