//! The lock while it is held: renewed in the background and before each write, lost, given back.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::object::{renewed, same_term};
use super::{Holder, look};
use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::cluster::permit::Permit;
use crate::cluster::write;

/// How often a Lease that is still ours but changed under our hands is written again.
const TRIES: u32 = 3;

/// Why a renewal gave no lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LostOr {
    /// Lost for good: somebody else holds it, or (none) it is gone.
    Lost(Option<Holder>),
    /// The server gave no answer, or refused. The lock may still be ours: nobody could take it there either. Nothing new
    /// may be changed before a renewal succeeds.
    Failed(Failure),
}

/// The lock, held. Renewed in the background every third of its length, until it is lost, given back or dropped.
pub struct Lock {
    held: Arc<Held>,
    renewer: JoinHandle<()>,
}

struct Held {
    api: Api,
    permit: Permit,
    path: String,
    length: Duration,
    /// The Lease as we wrote it last, as far as answers came. One write at a time.
    last: Mutex<Lease>,
    lost: watch::Sender<Option<Gone>>,
}

/// A lock that was lost, and to whom.
#[derive(Clone)]
struct Gone(Option<Holder>);

impl Lock {
    /// The lock by a Lease that is ours.
    pub(super) fn held(api: Api, permit: Permit, path: String, lease: Lease) -> Self {
        let length = Holder::of(&lease).map_or(Duration::from_secs(1), |holder| holder.length());
        let held = Arc::new(Held {
            api,
            permit,
            path,
            length,
            last: Mutex::new(lease),
            lost: watch::Sender::new(None),
        });
        let renewer = tokio::spawn(keep(held.clone()));
        Self { held, renewer }
    }

    /// Renews the Lease now: right before each write, so that nobody has taken it since. Once lost it stays lost.
    ///
    /// # Errors
    /// [`LostOr`].
    pub async fn renew(&self) -> Result<(), LostOr> {
        self.held.renew().await
    }

    /// Whether the lock is known to be lost for good.
    pub fn is_lost(&self) -> bool {
        self.held.lost.borrow().is_some()
    }

    /// Resolves once the lock is lost, with whoever holds it now; never where it is given back.
    pub fn lost(&self) -> impl Future<Output = Option<Holder>> + Send + use<> {
        let mut lost = self.held.lost.subscribe();
        async move {
            let gone = match lost.wait_for(Option::is_some).await {
                Ok(gone) => gone.clone(),
                Err(_) => None,
            };
            match gone {
                Some(Gone(holder)) => holder,
                None => std::future::pending().await,
            }
        }
    }

    /// Gives the lock back: deletes the Lease, where it is still ours.
    ///
    /// # Errors
    /// Every [`Failure`]. The Lease then expires by itself.
    pub async fn release(self) -> Result<(), Failure> {
        self.renewer.abort();
        self.held.release().await
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewer.abort();
    }
}

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lock")
            .field("path", &self.held.path)
            .finish_non_exhaustive()
    }
}

/// Renews until the lock is lost. After a failure it tries again sooner: a third of the length is all there is to spare.
async fn keep(held: Arc<Held>) {
    let third = held.length / 3;
    let mut pause = third;
    loop {
        tokio::time::sleep(pause).await;
        // An answer that takes longer is given up: what became of that write, the next one finds out.
        pause = match tokio::time::timeout(third, held.renew()).await {
            Ok(Ok(())) => third,
            Ok(Err(LostOr::Lost(_))) => return,
            Ok(Err(LostOr::Failed(_))) | Err(_) => third / 4,
        };
    }
}

impl Held {
    async fn renew(&self) -> Result<(), LostOr> {
        let mut last = self.last.lock().await;
        if let Some(Gone(holder)) = self.lost.borrow().clone() {
            return Err(LostOr::Lost(holder));
        }
        let mut tries = 1;
        loop {
            let next = renewed(&last, self.api.server_time().now());
            let failure = match write::replace(&self.api, &self.permit, &self.path, &next).await {
                Ok(answer) => {
                    *last = answer.parse().map_err(LostOr::Failed)?;
                    return Ok(());
                }
                Err(failure) => failure,
            };
            if !failure.is_conflict() && !failure.is_not_found() {
                return Err(LostOr::Failed(failure));
            }
            match look(&self.api, &self.path).await.map_err(LostOr::Failed)? {
                // Our own write whose answer was lost, or somebody's label.
                Some(lease) if same_term(&lease, &last) => {
                    *last = lease;
                    if tries == TRIES {
                        return Err(LostOr::Failed(failure));
                    }
                    tries += 1;
                }
                found => {
                    let holder = found.as_ref().and_then(Holder::of);
                    self.lost.send_replace(Some(Gone(holder.clone())));
                    return Err(LostOr::Lost(holder));
                }
            }
        }
    }

    async fn release(&self) -> Result<(), Failure> {
        let mut last = self.last.lock().await;
        if self.lost.borrow().is_some() {
            return Ok(());
        }
        let mut tries = 1;
        loop {
            let meta = &last.metadata;
            let options = write::exactly(
                meta.uid.as_deref().unwrap_or_default(),
                meta.resource_version.as_deref().unwrap_or_default(),
            );
            let failure = match write::delete(&self.api, &self.permit, &self.path, &options).await {
                Ok(_) => return Ok(()),
                Err(failure) => failure,
            };
            if !failure.is_conflict() && !failure.is_not_found() && !failure.may_have_been_done() {
                return Err(failure);
            }
            match look(&self.api, &self.path).await? {
                Some(lease) if same_term(&lease, &last) => {
                    *last = lease;
                    if tries == TRIES {
                        return Err(failure);
                    }
                    tries += 1;
                }
                _ => return Ok(()),
            }
        }
    }
}
