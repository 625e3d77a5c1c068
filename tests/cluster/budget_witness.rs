//! A witness of the scene's disruption budget: every value that it ever had, for how long, and whether a mark was on it.

use super::wait::{DEADLINE, wait_near};
use super::{Scene, api};
use futures::TryStreamExt;
use kube::Client;
use kube::core::WatchEvent;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What the budget was from some moment on.
#[derive(Clone, Debug)]
pub struct Stand {
    /// When the witness saw it.
    pub at: Instant,
    /// Its spec.
    pub spec: Value,
    /// The mark on it.
    pub mark: Option<String>,
    version: u64,
}

/// Watches the budget of one scene until it is dropped.
pub struct BudgetWitness {
    client: Client,
    runtime: tokio::runtime::Handle,
    path: String,
    stands: Arc<Mutex<Stands>>,
    watching: tokio::task::JoinHandle<()>,
}

/// What the watch has brought: the first is what the budget was when it began.
struct Stands {
    all: Vec<Stand>,
    broken: Option<String>,
}

impl BudgetWitness {
    /// Begins to watch, now.
    #[track_caller]
    pub fn of(scene: &Scene) -> Self {
        let plane = scene.plane();
        let all = format!("/apis/policy/v1/namespaces/{}/poddisruptionbudgets", scene.namespace());
        let path = format!("{all}/{}", scene.name());
        let first = plane.get(&path).unwrap_or_else(|e| panic!("{e}"));
        let first = stand(&first);
        let query = format!(
            "{all}?watch=true&resourceVersion={}&timeoutSeconds=3600&fieldSelector=metadata.name={}",
            first.version,
            scene.name()
        );
        let stands = Arc::new(Mutex::new(Stands {
            all: vec![first],
            broken: None,
        }));
        let watching = plane
            .runtime()
            .spawn(watch(plane.client().clone(), query, stands.clone()));
        Self {
            client: plane.client().clone(),
            runtime: plane.runtime().clone(),
            path,
            stands,
            watching,
        }
    }

    /// Everything that the budget was, in order; the status's changes left out.
    #[track_caller]
    pub fn stands(&self) -> Vec<Stand> {
        self.catch_up();
        let mut all = self.lock().all.clone();
        all.dedup_by(|next, before| next.spec == before.spec && next.mark == before.mark);
        all
    }

    /// How long the budget was anything else than at first, each time.
    #[track_caller]
    pub fn relaxed(&self) -> Vec<Duration> {
        let stands = self.stands();
        let mut spans = Vec::new();
        let mut since = None;
        for stand in &stands {
            match (since, stand.spec != stands[0].spec) {
                (None, true) => since = Some(stand.at),
                (Some(from), false) => {
                    spans.push(stand.at.duration_since(from));
                    since = None;
                }
                _ => {}
            }
        }
        spans.extend(since.map(|from| from.elapsed()));
        spans
    }

    /// The values that the budget had without a mark, other than the first.
    #[track_caller]
    pub fn unmarked(&self) -> Vec<Value> {
        let stands = self.stands();
        let others = stands.iter().filter(|stand| stand.spec != stands[0].spec);
        others
            .filter(|stand| stand.mark.is_none())
            .map(|stand| stand.spec.clone())
            .collect()
    }

    /// Waits until the watch has brought what the budget is now.
    #[track_caller]
    fn catch_up(&self) {
        let now = self.runtime.block_on(api::get(&self.client, &self.path));
        let now = stand(&now.unwrap_or_else(|e| panic!("GET {}: {e}", self.path)));
        wait_near("the witness has seen what the budget is", DEADLINE, || {
            let stands = self.lock();
            if let Some(why) = &stands.broken {
                panic!("the witness's watch of {} broke: {why}", self.path);
            }
            let reached = stands.all.iter().any(|stand| stand.version >= now.version);
            reached.then_some(()).ok_or("not yet its last")
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Stands> {
        self.stands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BudgetWitness {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn watch(client: Client, query: String, stands: Arc<Mutex<Stands>>) {
    let why = match follow(&client, query, &stands).await {
        Ok(()) => "it ended".to_owned(),
        Err(e) => e.to_string(),
    };
    stands.lock().unwrap_or_else(PoisonError::into_inner).broken = Some(why);
}

async fn follow(client: &Client, query: String, stands: &Mutex<Stands>) -> kube::Result<()> {
    let request = http::Request::get(query)
        .body(Vec::new())
        .expect("a well-formed request");
    let mut events = std::pin::pin!(client.request_events::<Value>(request).await?);
    while let Some(event) = events.try_next().await? {
        match event {
            WatchEvent::Added(budget) | WatchEvent::Modified(budget) | WatchEvent::Deleted(budget) => {
                let mut stands = stands.lock().unwrap_or_else(PoisonError::into_inner);
                stands.all.push(stand(&budget));
            }
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        }
    }
    Ok(())
}

fn stand(budget: &Value) -> Stand {
    let metadata = &budget["metadata"];
    let version = metadata["resourceVersion"].as_str();
    Stand {
        at: Instant::now(),
        spec: budget["spec"].clone(),
        mark: metadata["annotations"]["shardctl.dev/mark"].as_str().map(str::to_owned),
        version: version.and_then(|version| version.parse().ok()).unwrap_or_default(),
    }
}
