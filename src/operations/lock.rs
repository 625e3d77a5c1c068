//! Taking the lock before an operation: whoever holds it is watched, what becomes of it is told, Ctrl-C ends the waiting.

use std::time::Duration;

use tokio::time::timeout;

use super::emit::Emitter;
use super::run::Stop;
use crate::cluster::connect::Connection;
use crate::cluster::lease::{self, Acquired, Holder, Lock, LostOr, NotAcquired, Wanted};
use crate::cluster::permit::Permit;
use crate::error::Result;
use crate::event::{Fact, LockState};
use crate::model::outcome::End;

/// How long giving the lock back may take.
const GIVEN_BACK: Duration = Duration::from_secs(2);

/// What became of the wish.
pub(super) enum Taken {
    /// It is ours; the holder that had let it expire, in words, where there was one.
    Ours(Lock, Option<String>),
    /// Somebody else holds it, and lives; in words.
    Theirs(String),
    /// The user interrupted the waiting.
    Interrupted,
}

/// Takes the lock.
///
/// # Errors
/// Where the server gave no answer, or doesn't let us.
pub(super) async fn take(
    connection: &Connection,
    permit: &Permit,
    wanted: &Wanted<'_>,
    events: &Emitter,
    stop: &Stop,
) -> Result<Taken> {
    let object = format!("lease/{}", lease::name(wanted.set));
    let waiting = |holder: &Holder| {
        events.emit(Fact::Lock {
            state: LockState::Waiting,
            object: object.clone(),
            holder: Some(in_words(holder)),
        });
    };
    let acquired = tokio::select! {
        biased;
        acquired = lease::acquire(connection.api(), permit, wanted, waiting, interrupted(stop, 1)) => acquired,
        () = interrupted(stop, 2) => Err(NotAcquired::Stopped),
    };
    match acquired {
        Ok((lock, how)) => {
            let (state, holder) = match how {
                Acquired::New => (LockState::Held, None),
                Acquired::TakenOver(holder) => (LockState::TakenOver, Some(in_words(&holder))),
            };
            events.emit(Fact::Lock {
                state,
                object,
                holder: holder.clone(),
            });
            Ok(Taken::Ours(lock, holder))
        }
        Err(NotAcquired::Held(holder)) => Ok(Taken::Theirs(in_words(&holder))),
        Err(NotAcquired::Stopped) => Ok(Taken::Interrupted),
        Err(NotAcquired::Failed(failure)) => {
            Err(failure.into_error(&format!("take the lock {object}"), connection.endpoint()))
        }
    }
}

/// Renews the lock right before a write; the end of the run where it isn't certainly ours any more.
pub(super) async fn still_ours(lock: &Lock, set: &str, events: &Emitter) -> Result<(), (End, String)> {
    match lock.renew().await {
        Ok(()) => Ok(()),
        Err(LostOr::Lost(holder)) => Err((End::Locked, lost(holder, set, events))),
        Err(LostOr::Failed(failure)) => {
            let why = failure.reason();
            Err((
                End::Unreachable,
                format!("whether the lock is still ours isn't known ({why}); nothing more was changed"),
            ))
        }
    }
}

/// Tells that the lock was lost, and to whom; the summary of the end.
pub(super) fn lost(holder: Option<Holder>, set: &str, events: &Emitter) -> String {
    let who = holder.as_ref().map_or_else(
        || "it is gone".to_owned(),
        |holder| format!("{} holds it now", holder.identity),
    );
    events.emit(Fact::Lock {
        state: LockState::Lost,
        object: format!("lease/{}", lease::name(set)),
        holder: holder.map(|holder| holder.identity),
    });
    format!("the lock was lost ({who}); nothing more was changed")
}

/// Gives the lock back that a run didn't need after all; where the server doesn't answer, it expires by itself.
pub(super) async fn give_back(lock: Lock) {
    let _ = timeout(GIVEN_BACK, lock.release()).await;
}

/// Waits until the user has pressed Ctrl-C so often.
pub(super) async fn interrupted(stop: &Stop, times: u32) {
    if stop.clone().wait_for(|pressed| *pressed >= times).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn in_words(holder: &Holder) -> String {
    let run = holder.run.as_ref().map(|run| format!(" ({run})")).unwrap_or_default();
    let since = holder.acquired.map(|at| format!(" since {at:.0}")).unwrap_or_default();
    format!("{}{run}{since}", holder.identity)
}
