//! The lock: one operation at a time on a set, held by a Lease that is renewed while we live.
//!
//! Clocks are never compared: whether a holder is dead is judged by its Lease not changing while we watched it for its
//! whole length, on our own clock. Every change of the Lease is bound to the version that was seen, so that of two who take
//! it one is told no.

mod lock;
mod object;

use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::cluster::permit::Permit;
use crate::cluster::write;
use crate::model::mark::LEASE_PREFIX;

pub use lock::{Lock, LostOr};
use object::{same_term, taken};

/// The name of the Lease on a set.
pub fn name(set: &str) -> String {
    format!("{LEASE_PREFIX}{set}")
}

/// Who holds a Lease, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who: what was given as `holder`.
    pub identity: String,
    /// Which run of whose, where it says.
    pub run: Option<String>,
    /// Since when, by the holder's own words.
    pub acquired: Option<Timestamp>,
    /// When it was renewed last, by the holder's own words.
    pub renewed: Option<Timestamp>,
    /// How long it is held without being renewed.
    pub duration_seconds: i32,
    /// The Lease's version.
    pub resource_version: String,
}

/// How the lock was won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// Nobody held it.
    New,
    /// This one held it and didn't renew it while we watched.
    TakenOver(Holder),
}

/// Why the lock wasn't won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAcquired {
    /// Somebody else holds it, and lives.
    Held(Holder),
    /// It couldn't be asked for.
    Failed(Failure),
    /// It wasn't wanted any more.
    Stopped,
}

impl From<Failure> for NotAcquired {
    fn from(failure: Failure) -> Self {
        NotAcquired::Failed(failure)
    }
}

/// What Lease is wanted, by whom.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The set's name.
    pub set: &'a str,
    /// The set's uid: the Lease goes with the set. Empty for one that is to outlive it.
    pub set_uid: &'a str,
    /// Who asks, for people to read.
    pub holder: &'a str,
    /// The run, for example `upgrade/4f2a`.
    pub run: &'a str,
    /// How long the Lease outlives us when we can't give it back. Whole seconds, at least one.
    pub duration: Duration,
}

/// How often somebody may be faster, or a Lease vanish under our hands, before that is an error.
const TRIES: u32 = 5;
/// How often a Lease is looked at while its holder is watched: a tenth of its length, within these bounds.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Takes the Lease on a set. Where somebody holds it, `on_wait` is called, and it is watched for as long as it says that it
/// is held: renewed meanwhile, its holder lives; not renewed, it is taken over. That is waited for until `stop`; a Lease that is
/// being written then is written to the end, or nobody would know to give it back.
///
/// # Errors
/// [`NotAcquired`].
pub async fn acquire(
    api: &Api,
    permit: &Permit,
    wanted: &Wanted<'_>,
    mut on_wait: impl FnMut(&Holder),
    stop: impl Future<Output = ()>,
) -> Result<(Lock, Acquired), NotAcquired> {
    let collection = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", wanted.namespace);
    let path = format!("{collection}/{}", name(wanted.set));
    let mut tries = 1;
    let mut stop = pin!(stop);
    loop {
        let free = tokio::select! {
            biased;
            free = wait_until_free(api, &path, &mut on_wait) => free?,
            () = &mut stop => return Err(NotAcquired::Stopped),
        };
        let ours = taken(wanted, free.lease.as_ref(), api.server_time().now());
        let sent = match &free.lease {
            None => write::create(api, permit, &collection, &ours).await,
            Some(_) => write::replace(api, permit, &path, &ours).await,
        };
        let won = match sent {
            Ok(answer) => Some(answer.parse()?),
            Err(failure) => {
                let faster = failure.is_conflict() || failure.is_not_found();
                if !faster && !failure.may_have_been_done() {
                    return Err(failure.into());
                }
                match look(api, &path).await? {
                    // It was done, and only the answer was lost.
                    Some(lease) if same_term(&lease, &ours) => Some(lease),
                    found => {
                        if let Some(holder) = found.as_ref().and_then(Holder::of) {
                            return Err(NotAcquired::Held(holder));
                        }
                        if !faster || tries == TRIES {
                            return Err(failure.into());
                        }
                        None
                    }
                }
            }
        };
        if let Some(lease) = won {
            let lock = Lock::held(api.clone(), permit.clone(), path, lease);
            return Ok((lock, free.expired.map_or(Acquired::New, Acquired::TakenOver)));
        }
        tries += 1;
    }
}

/// The Lease as it is now.
async fn look(api: &Api, path: &str) -> Result<Option<Lease>, Failure> {
    match api.get(path).await {
        Ok(answer) => Ok(Some(answer.parse()?)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A Lease that may be taken.
struct Free {
    /// As it is, where there is one.
    lease: Option<Lease>,
    /// Whoever let it expire.
    expired: Option<Holder>,
}

/// Looks who holds the Lease, and watches whether he lives.
async fn wait_until_free(api: &Api, path: &str, on_wait: &mut impl FnMut(&Holder)) -> Result<Free, NotAcquired> {
    let mut watched: Option<(Holder, Instant)> = None;
    loop {
        // Judged before the look, which then shows that nothing changed in all that time.
        let expired = watched
            .as_ref()
            .is_some_and(|(holder, since)| since.elapsed() >= holder.length());
        let lease = look(api, path).await?;
        let Some(holder) = lease.as_ref().and_then(Holder::of) else {
            return Ok(Free { lease, expired: None });
        };
        let since = match watched.take() {
            None => {
                on_wait(&holder);
                Instant::now()
            }
            Some((before, _)) if !holder.has_the_term_of(&before) => return Err(NotAcquired::Held(holder)),
            // Somebody else changed something about it, a label maybe: that proves neither life nor death.
            Some((before, _)) if holder.resource_version != before.resource_version => Instant::now(),
            Some((before, _)) if expired => {
                return Ok(Free {
                    lease,
                    expired: Some(before),
                });
            }
            Some((_, since)) => since,
        };
        let left = holder.length().saturating_sub(since.elapsed());
        let pause = (holder.length() / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        watched = Some((holder, since));
        tokio::time::sleep(pause.min(left)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::get::tests::{MINUTE, api};
    use crate::cluster::test_server::{Reply, Server};

    const MISSING: &str = r#"{"kind":"Status","code":404,"reason":"NotFound","details":{"kind":"leases","name":"l"}}"#;

    async fn ask(server: &Server) -> Result<(Lock, Acquired), NotAcquired> {
        let wanted = Wanted {
            namespace: "shards",
            set: "shard",
            set_uid: "u",
            holder: "me",
            run: "upgrade/1",
            duration: Duration::from_millis(300),
        };
        let never = std::future::pending();
        acquire(&api(server, MINUTE), &Permit::confirmed(), &wanted, |_| {}, never).await
    }

    #[tokio::test]
    async fn a_lock_that_was_won_though_the_answer_was_lost_is_ours() {
        let server = Server::plain([
            Reply::json(404, MISSING),
            Reply::HangUp(String::new()),
            Reply::LastBody,
            Reply::Silence,
        ]);
        let (_lock, acquired) = ask(&server).await.expect("the lock");
        assert_eq!(acquired, Acquired::New);
        let requests = server.requests();
        assert!(requests[1].starts_with("POST /apis/coordination.k8s.io/v1/namespaces/shards/leases?"));
        assert!(
            requests[1].contains(r#""leaseDurationSeconds":1"#),
            "at least a second: {}",
            requests[1]
        );
        assert!(requests[2].starts_with("GET /apis/coordination.k8s.io/v1/namespaces/shards/leases/shardctl-shard "));
    }

    #[tokio::test]
    async fn a_lock_whose_write_is_lost_and_nowhere_to_be_seen_is_not_ours() {
        let server = Server::plain([
            Reply::json(404, MISSING),
            Reply::HangUp(String::new()),
            Reply::json(404, MISSING),
        ]);
        let refused = ask(&server).await.expect_err("no lock");
        assert!(
            matches!(&refused, NotAcquired::Failed(failure) if failure.may_have_been_done()),
            "{refused:?}"
        );
    }
}
