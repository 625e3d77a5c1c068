//! Following one kind: a list, then a watch, begun anew after whatever goes wrong.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::runtime::watcher::{Config, Error, Event, watcher};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::Instant;

use super::store::Store;
use crate::cluster::failure::Failure;

/// The pause after the first failure; it doubles with each, up to the longest. Without jitter: one process asks.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A watch that lasted this long was well: the pauses begin anew.
const STEADY: Duration = Duration::from_secs(10);
/// The pause where we lack the right, or the kind isn't served: somebody may change that, but not within seconds.
pub(super) const NOT_OURS: Duration = Duration::from_secs(30);

/// Rings whenever anything changed.
pub(super) type Bell = watch::Sender<()>;

/// Follows the objects that `config` selects, for ever. `keep` shortens an object, and says whether it concerns us.
pub(super) async fn follow<K>(
    api: kube::Api<K>,
    config: Config,
    store: Arc<Store<K>>,
    bell: Bell,
    keep: fn(&mut K) -> bool,
) where
    K: kube::Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let failure = follow_once(&api, &config, &store, &bell, keep).await;
        // Not as soon as a list came: one whose watch is then refused would be asked for without end.
        if began.elapsed() > STEADY {
            pause = FIRST_PAUSE;
        }
        let not_ours = failure.is_forbidden() || failure.is_not_served();
        store.failed(failure);
        bell.send_replace(());
        tokio::time::sleep(if not_ours { NOT_OURS } else { pause }).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Follows until something goes wrong. A watch that the server ends in good order is taken up where it ended; after an
/// error the list is read again, which shows that the server is back and that nothing was missed.
async fn follow_once<K>(
    api: &kube::Api<K>,
    config: &Config,
    store: &Store<K>,
    bell: &Bell,
    keep: fn(&mut K) -> bool,
) -> Failure
where
    K: kube::Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut events = pin!(watcher(api.clone(), config.clone()));
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => {
                store.list_begins();
                continue;
            }
            Ok(Event::InitApply(mut object)) => {
                if keep(&mut object) {
                    store.listed(object);
                }
                continue;
            }
            Ok(Event::InitDone) => store.list_is_whole(),
            Ok(Event::Apply(mut object)) => {
                if !keep(&mut object) {
                    continue;
                }
                store.applied(object);
            }
            Ok(Event::Delete(object)) => store.deleted(&object),
            Err(error) => return failure(error),
        }
        bell.send_replace(());
    }
    Failure::CutOff {
        why: "the watch ended".to_owned(),
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::InitialListFailed(error) | Error::WatchStartFailed(error) | Error::WatchFailed(error) => error.into(),
        Error::WatchError(status) => kube::Error::Api(status).into(),
        error @ Error::NoResourceVersion => Failure::NotKubernetes {
            what: error.to_string(),
        },
    }
}
