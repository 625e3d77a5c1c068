//! A prober for as long as something is asked from inside the cluster: made, waited for, and deleted whatever came of it.
//!
//! Where this process is killed meanwhile, the pod ends by itself when its time is up, goes with its set, and is what `recover`
//! deletes at once: it carries the label of all helper pods and the name of the run.

use std::time::Duration;

use futures::future::{Either, select};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions};
use tokio::time::{Instant, sleep};

use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::permit::Permit;
use crate::cluster::write::{create, delete};
use crate::error::{Error, ErrorKind, Result};
use crate::model::finding::{Finding, Severity};
use crate::model::mark::RUN;
use crate::model::pod;
use crate::net::route::Asker;
use crate::plan::failing::failure;
use crate::plan::prober::PROBER;

/// How often it is looked whether the prober runs.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How often its deletion is tried, and how long after each other.
const TRIES: (u32, Duration) = (3, Duration::from_secs(1));

/// What came of the work.
#[derive(Debug)]
pub struct Probed<T> {
    /// What it gave; none where it was stopped.
    pub result: Result<Option<T>>,
    /// The prober, where it couldn't be deleted.
    pub left: Option<Finding>,
}

/// Makes `prober` (of [`crate::plan::prober::prober`]), waits up to `limit` until it runs, and has `work` ask by it.
///
/// When `stopped` ends first (a Ctrl-C), the work is dropped. The prober is deleted in every case; dropping this future leaves it
/// to its own end.
pub async fn with_prober<T>(
    connection: &Connection,
    permit: &Permit,
    prober: &Pod,
    limit: Duration,
    stopped: impl Future<Output = ()>,
    work: impl AsyncFnOnce(Asker) -> T,
) -> Probed<T> {
    let errand = Errand {
        connection,
        permit,
        prober,
    };
    // Its answer is waited for whatever comes: a request that is dropped may be carried out all the same, a moment later.
    let made = errand.make().await;
    let is_known = made
        .as_ref()
        .map_or_else(|failure| !failure.may_have_been_done(), |()| true);
    let asking = async {
        made.map_err(|failure| errand.words("make", failure))?;
        errand.wait(limit).await?;
        let asker = Asker {
            pod: pod::name(prober).to_owned(),
            container: Some(PROBER.to_owned()),
        };
        Ok(work(asker).await)
    };
    let result = match select(std::pin::pin!(asking), std::pin::pin!(stopped)).await {
        Either::Left((result, _)) => result.map(Some),
        Either::Right(_) => Ok(None),
    };
    Probed {
        result,
        left: errand.remove(is_known).await,
    }
}

struct Errand<'a> {
    connection: &'a Connection,
    permit: &'a Permit,
    prober: &'a Pod,
}

impl Errand<'_> {
    fn object(&self) -> String {
        format!("pod/{}", pod::name(self.prober))
    }

    fn pods(&self) -> String {
        let namespace = self.prober.metadata.namespace.as_deref();
        let namespace = namespace.unwrap_or_else(|| self.connection.namespace());
        format!("/api/v1/namespaces/{namespace}/pods")
    }

    fn path(&self) -> String {
        format!("{}/{}", self.pods(), pod::name(self.prober))
    }

    async fn read(&self) -> Result<Pod, Failure> {
        self.connection.api().get(&self.path()).await?.parse()
    }

    fn words(&self, doing: &str, failure: Failure) -> Error {
        let doing = format!("{doing} {}, which would ask from inside the cluster", self.object());
        let error = failure.into_error(&doing, self.connection.endpoint());
        error.hint("leave out --probe-image: what is asked from inside is unknown then")
    }

    async fn make(&self) -> Result<(), Failure> {
        create(self.connection.api(), self.permit, &self.pods(), self.prober)
            .await
            .map(drop)
    }

    /// Waits until it runs.
    async fn wait(&self, limit: Duration) -> Result<()> {
        let began = Instant::now();
        loop {
            let seen = self.read().await.map_err(|failure| self.words("read", failure))?;
            if pod::is_ready(&seen) {
                return Ok(());
            }
            let why = match failure(&seen, 0) {
                Some(failing) => {
                    let evidence = failing.finding.evidence.into_iter().next();
                    let evidence = evidence.map(|line| format!(" ({line})")).unwrap_or_default();
                    failing.finding.message + &evidence
                }
                None if began.elapsed() >= limit => {
                    format!("it was still {} after {} s", pod::phase(&seen), limit.as_secs())
                }
                None => {
                    sleep(LOOK_AGAIN).await;
                    continue;
                }
            };
            let message = format!(
                "failed to start {}, which would ask from inside the cluster: {why}",
                self.object()
            );
            return Err(Error::new(ErrorKind::Unreachable, message)
                .hint("name an image with sleep, and with curl or wget, that the cluster can pull"));
        }
    }

    /// Deletes it, where it is ours and there. `is_known`: whether the answer that it was made, or wasn't, has come; else it is
    /// looked for until it can hardly come any more.
    async fn remove(&self, is_known: bool) -> Option<Finding> {
        let mut tries = 1;
        loop {
            let why = match self.try_to_remove().await {
                Ok(found) if found || is_known => return None,
                Ok(_) => None,
                Err(failure) => Some(failure.reason()),
            };
            if tries == TRIES.0 {
                return why.map(|why| self.left(&why));
            }
            tries += 1;
            sleep(TRIES.1).await;
        }
    }

    /// Whether it was there.
    async fn try_to_remove(&self) -> Result<bool, Failure> {
        let seen = match self.read().await {
            Ok(seen) => seen,
            Err(failure) if failure.is_not_found() => return Ok(false),
            Err(failure) => return Err(failure),
        };
        if pod::is_terminating(&seen) || pod::annotation(&seen, RUN) != pod::annotation(self.prober, RUN) {
            return Ok(true);
        }
        let options = DeleteOptions {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid: Some(pod::uid(&seen).to_owned()),
                resource_version: None,
            }),
            ..DeleteOptions::default()
        };
        match delete(self.connection.api(), self.permit, &self.path(), &options).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is_not_found() || failure.is_conflict() => Ok(true),
            Err(failure) => Err(failure),
        }
    }

    fn left(&self, why: &str) -> Finding {
        let seconds = self.prober.spec.as_ref().and_then(|spec| spec.active_deadline_seconds);
        let mut finding = Finding::new(
            Severity::Warning,
            self.object(),
            format!("our helper pod couldn't be deleted: {why}"),
        );
        if let Some(seconds) = seconds {
            finding.evidence(format!(
                "it ends by itself {seconds} s after it began, and goes with its set"
            ));
        }
        let namespace = self.prober.metadata.namespace.as_deref().unwrap_or_default();
        finding.remedy(format!(
            "$ kubectl delete pod {} -n {namespace}",
            pod::name(self.prober)
        ));
        finding
    }
}
