//! A witness: watches a scene's shards with eyes of its own and remembers every change, so that a test can say
//! afterwards what happened to them, whatever the program under test believes.

use super::wait::{DEADLINE, wait_near};
use super::{Scene, api};
use futures::TryStreamExt;
use kube::Client;
use kube::core::WatchEvent;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What happened to a shard's pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// There is a new one, with a uid of its own.
    Created,
    /// It turned Ready.
    Ready,
    /// It was Ready, and is no more.
    NotReady,
    /// It has a deletionTimestamp now.
    Deleting,
    /// There is no such pod any more.
    Gone,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// When the witness saw it.
    pub at: Instant,
    /// The pod's name.
    pub pod: String,
    /// The pod's uid.
    pub uid: String,
    /// What happened.
    pub what: What,
}

/// Watches the pods of one scene until it is dropped. Every question first waits until all has been seen that the API
/// server knows at that moment, and panics when the watch broke.
pub struct Witness {
    client: Client,
    runtime: tokio::runtime::Handle,
    path: String,
    shards: Vec<String>,
    since: Instant,
    before: Pods,
    seen: Arc<Mutex<Seen>>,
    watching: tokio::task::JoinHandle<()>,
}

/// What is known of a pod.
#[derive(Clone)]
struct Look {
    uid: String,
    version: u64,
    ready: bool,
    deleting: bool,
}

type Pods = BTreeMap<String, Look>;

/// What the watch has brought.
struct Seen {
    pods: Pods,
    changes: Vec<Change>,
    broken: Option<String>,
}

impl Witness {
    /// Begins to watch, now. Shards are the pods with the scene's ordinals: others are remembered, and never down.
    #[track_caller]
    pub fn of(scene: &Scene) -> Self {
        Self::of_pods(scene, ordinals(scene).map(|ordinal| scene.pod_name(ordinal)).collect())
    }

    /// The same for a set that the scene didn't make.
    #[track_caller]
    pub fn of_set(scene: &Scene, set: &str, shards: u32) -> Self {
        Self::of_pods(scene, (0..shards).map(|ordinal| format!("{set}-{ordinal}")).collect())
    }

    #[track_caller]
    fn of_pods(scene: &Scene, shards: Vec<String>) -> Self {
        let plane = scene.plane();
        let path = format!("/api/v1/namespaces/{}/pods", scene.namespace());
        let list = plane.get(&path).unwrap_or_else(|e| panic!("{e}"));
        let before = looks(&list);
        let seen = Arc::new(Mutex::new(Seen {
            pods: before.clone(),
            changes: Vec::new(),
            broken: None,
        }));
        let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let query = format!("{path}?watch=true&resourceVersion={version}&timeoutSeconds=3600");
        let watching = plane
            .runtime()
            .spawn(watch(plane.client().clone(), query, seen.clone()));
        Self {
            client: plane.client().clone(),
            runtime: plane.runtime().clone(),
            path,
            shards,
            since: Instant::now(),
            before,
            seen,
            watching,
        }
    }

    /// Everything that happened, in order.
    #[track_caller]
    pub fn changes(&self) -> Vec<Change> {
        self.catch_up();
        self.lock().changes.clone()
    }

    /// How many shards were down at the worst moment: without a pod, not Ready, or being deleted.
    #[track_caller]
    pub fn most_down_at_once(&self) -> usize {
        self.downs().into_iter().map(|(_, down)| down).max().unwrap_or(0)
    }

    /// The shards whose pods were deleted, in that order.
    #[track_caller]
    pub fn deletions(&self) -> Vec<String> {
        self.deleted(&self.changes())
            .into_iter()
            .map(|change| change.pod)
            .collect()
    }

    /// The sum of the times that each shard was down, in seconds.
    #[track_caller]
    pub fn shard_seconds(&self) -> f64 {
        let downs = self.downs();
        let ends = downs.iter().skip(1).map(|(at, _)| *at).chain([Instant::now()]);
        let spans = downs.iter().zip(ends);
        spans
            .map(|((from, down), to)| *down as f64 * to.duration_since(*from).as_secs_f64())
            .sum()
    }

    /// For each deletion but the first, how long before it the shard that was deleted last had become Ready again; zero
    /// when it had not.
    #[track_caller]
    pub fn gaps(&self) -> Vec<Duration> {
        let changes = self.changes();
        let deleted = self.deleted(&changes);
        let gap = |pair: &[Change]| {
            let again = changes
                .iter()
                .find(|change| change.what == What::Ready && change.pod == pair[0].pod && change.at > pair[0].at);
            again.map_or(Duration::ZERO, |ready| pair[1].at.saturating_duration_since(ready.at))
        };
        deleted.windows(2).map(gap).collect()
    }

    /// The first sign of each shard's pod being on its way out; other pods (helpers) don't count.
    fn deleted(&self, changes: &[Change]) -> Vec<Change> {
        let mut deleted = deleted(&self.before, changes);
        deleted.retain(|change| self.shards.contains(&change.pod));
        deleted
    }

    /// How many new pods a shard has had.
    #[track_caller]
    pub fn restarts_of(&self, ordinal: usize) -> usize {
        let created = |change: &&Change| change.what == What::Created && change.pod == self.shards[ordinal];
        self.changes().iter().filter(created).count()
    }

    /// How many shards were down from when on.
    #[track_caller]
    fn downs(&self) -> Vec<(Instant, usize)> {
        let mut pods = self.before.clone();
        let mut downs = vec![(self.since, down(&self.shards, &pods))];
        for change in self.changes() {
            replay(&mut pods, &change);
            downs.push((change.at, down(&self.shards, &pods)));
        }
        downs
    }

    /// Waits until the watch has brought everything that a list shows now.
    #[track_caller]
    fn catch_up(&self) {
        self.check();
        let list = self.runtime.block_on(api::get(&self.client, &self.path));
        let list = list.unwrap_or_else(|e| panic!("GET {}: {e}", self.path));
        let (now, version) = (looks(&list), version(&list));
        wait_near("the witness has seen what a list shows", DEADLINE, || {
            self.check();
            let seen = self.lock();
            let behind = |(name, listed): &(&String, &Look)| {
                let reached = seen.pods.get(*name).is_some_and(|look| look.version >= listed.version);
                !reached && !seen.went(name, &listed.uid)
            };
            // One that is newer than the list was made since.
            let lingers = |(name, look): &(&String, &Look)| !now.contains_key(*name) && look.version <= version;
            match now.iter().find(behind).or_else(|| seen.pods.iter().find(lingers)) {
                Some((name, _)) => Err(format!("not yet the last of {name}")),
                None => Ok(()),
            }
        });
    }

    /// Panics when the watch broke: from then on the witness would know too little.
    #[track_caller]
    fn check(&self) {
        let broken = self.lock().broken.clone();
        if let Some(why) = broken {
            panic!("the witness's watch of {} broke: {why}", self.path);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn watch(client: Client, query: String, seen: Arc<Mutex<Seen>>) {
    let why = match follow(&client, query, &seen).await {
        Ok(()) => "it ended".to_owned(),
        Err(e) => e.to_string(),
    };
    seen.lock().unwrap_or_else(PoisonError::into_inner).broken = Some(why);
}

async fn follow(client: &Client, query: String, seen: &Mutex<Seen>) -> kube::Result<()> {
    let request = http::Request::get(query)
        .body(Vec::new())
        .expect("a well-formed request");
    let mut events = std::pin::pin!(client.request_events::<Value>(request).await?);
    while let Some(event) = events.try_next().await? {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) => seen.take(&pod, false),
            WatchEvent::Deleted(pod) => seen.take(&pod, true),
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        }
    }
    Ok(())
}

impl Seen {
    /// Takes in what an event says of a pod, as the changes that it amounts to.
    fn take(&mut self, pod: &Value, gone: bool) {
        let at = Instant::now();
        let (name, now) = look(pod);
        let before = self.pods.get(&name).cloned();
        let mut changes = Vec::new();
        let known = before.filter(|before| before.uid == now.uid);
        if known.is_none() {
            changes.push(What::Created);
        }
        let (was_ready, was_deleting) = known.map_or((false, false), |known| (known.ready, known.deleting));
        if now.deleting && !was_deleting {
            changes.push(What::Deleting);
        }
        match (was_ready, now.ready) {
            (false, true) => changes.push(What::Ready),
            (true, false) => changes.push(What::NotReady),
            _ => {}
        }
        if gone {
            changes.push(What::Gone);
        }
        let change = |what| Change {
            at,
            pod: name.clone(),
            uid: now.uid.clone(),
            what,
        };
        self.changes.extend(changes.into_iter().map(change));
        if gone {
            self.pods.remove(&name);
        } else {
            self.pods.insert(name, now);
        }
    }

    fn went(&self, pod: &str, uid: &str) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|change| change.what == What::Gone && change.pod == pod && change.uid == uid)
    }
}

/// The ordinals of a scene's shards: `spec.ordinals.start` gives the first.
fn ordinals(scene: &Scene) -> std::ops::Range<u32> {
    let spec = scene.set().spec.unwrap_or_default();
    let start = spec.ordinals.and_then(|ordinals| ordinals.start).unwrap_or(0);
    let start = u32::try_from(start).unwrap_or_default();
    start..start + scene.shard_count()
}

/// Makes the pods what they were after a change.
fn replay(pods: &mut Pods, change: &Change) {
    let fresh = || Look {
        uid: change.uid.clone(),
        version: 0,
        ready: false,
        deleting: false,
    };
    match change.what {
        What::Created => drop(pods.insert(change.pod.clone(), fresh())),
        What::Gone => drop(pods.remove(&change.pod)),
        what => {
            let pod = pods.entry(change.pod.clone()).or_insert_with(fresh);
            match what {
                What::Ready => pod.ready = true,
                What::NotReady => pod.ready = false,
                _ => pod.deleting = true,
            }
        }
    }
}

fn down(shards: &[String], pods: &Pods) -> usize {
    let up = |name: &&String| pods.get(*name).is_some_and(|pod| pod.ready && !pod.deleting);
    shards.len() - shards.iter().filter(up).count()
}

/// The first sign of each deletion: a deletionTimestamp, or for a pod killed without grace, its absence.
fn deleted(before: &Pods, changes: &[Change]) -> Vec<Change> {
    let mut known: Vec<String> = before
        .values()
        .filter(|pod| pod.deleting)
        .map(|pod| pod.uid.clone())
        .collect();
    let mut deleted = Vec::new();
    for change in changes {
        if matches!(change.what, What::Deleting | What::Gone) && !known.contains(&change.uid) {
            known.push(change.uid.clone());
            deleted.push(change.clone());
        }
    }
    deleted
}

fn looks(list: &Value) -> Pods {
    list["items"].as_array().into_iter().flatten().map(look).collect()
}

fn look(pod: &Value) -> (String, Look) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let conditions = pod["status"]["conditions"].as_array();
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    let look = Look {
        uid: text(&pod["metadata"]["uid"]),
        version: version(pod),
        ready: conditions.into_iter().flatten().any(ready),
        deleting: !pod["metadata"]["deletionTimestamp"].is_null(),
    };
    (text(&pod["metadata"]["name"]), look)
}

/// Resource versions can be compared since Kubernetes 1.35: a later one is a greater number.
fn version(object: &Value) -> u64 {
    let version = object["metadata"]["resourceVersion"].as_str();
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}
