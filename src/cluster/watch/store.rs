//! The objects of one kind as a watch keeps them, and what became of the watch.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Duration, Instant};

use crate::cluster::failure::Failure;
use crate::model::objects::Objects;
use crate::model::read::Read;
use crate::model::resource::Resource;

/// After so many failures in a row nobody waits for a first list any longer: about three seconds.
const GIVEN_UP: u32 = 5;
/// How long a deleted object's uid is remembered, so that a read which began before doesn't bring it back.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The objects of one kind.
pub(super) struct Store<K> {
    resource: Resource,
    inner: Mutex<Inner<K>>,
}

struct Inner<K> {
    state: State,
    objects: BTreeMap<String, Kept<K>>,
    /// The same as they are shown, in the same order; none before somebody looks, and since many have changed.
    shown: Option<Objects<K>>,
    /// A list that is coming in; what was seen before stays in view until it is whole.
    incoming: BTreeMap<String, Kept<K>>,
    /// What was read before the first list, until that is whole.
    known: BTreeMap<String, Arc<K>>,
    /// The uids of what the watch saw deleted, and when.
    gone: VecDeque<(Instant, String)>,
    failing: Option<Failure>,
    failures: u32,
}

enum State {
    /// Nothing is known yet.
    Pending,
    Got,
    Unreadable(String),
    Absent(String),
}

/// An object, and when the watch brought it.
struct Kept<K> {
    object: Arc<K>,
    at: Instant,
}

impl<K: kube::Resource> Inner<K> {
    fn put(&mut self, name: String, object: K, at: Instant) {
        let object = Arc::new(object);
        if let Some(shown) = &mut self.shown {
            *shown = match place_of(shown, &name) {
                Ok(place) => shown.with(place, object.clone()),
                Err(place) => shown.with_one_more(place, object.clone()),
            };
        }
        self.objects.insert(name, Kept { object, at });
    }

    fn remove(&mut self, name: &str) {
        self.objects.remove(name);
        if let Some(shown) = &mut self.shown
            && let Ok(place) = place_of(shown, name)
        {
            *shown = shown.without(place);
        }
    }
}

/// Where an object is among those that are in the order of these names, or would be.
fn place_of<K: kube::Resource>(shown: &Objects<K>, wanted: &str) -> Result<usize, usize> {
    let (mut from, mut to) = (0, shown.len());
    while from < to {
        let middle = usize::midpoint(from, to);
        match name(&shown[middle]).as_str().cmp(wanted) {
            Ordering::Less => from = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => to = middle,
        }
    }
    Err(from)
}

impl<K: kube::Resource + Clone> Store<K> {
    pub(super) fn new(resource: Resource) -> Self {
        Self::knowing(resource, None)
    }

    /// As [`new`](Self::new), where `known` was read before, shortened as a watch shortens it: what the first list has at the same
    /// version is that object, so that it isn't in memory twice while both are.
    pub(super) fn knowing(resource: Resource, known: Option<&Objects<K>>) -> Self {
        let known = known.into_iter().flat_map(Objects::shared);
        Self {
            resource,
            inner: Mutex::new(Inner {
                state: State::Pending,
                objects: BTreeMap::new(),
                shown: None,
                incoming: BTreeMap::new(),
                known: known.map(|object| (name(&**object), object.clone())).collect(),
                gone: VecDeque::new(),
                failing: None,
                failures: 0,
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner<K>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A list begins.
    pub(super) fn list_begins(&self) {
        self.inner().incoming.clear();
    }

    /// One object of the list.
    pub(super) fn listed(&self, object: K) {
        let (name, at) = (name(&object), Instant::now());
        let mut inner = self.inner();
        let known = inner.known.remove(&name).filter(|known| is_same(&**known, &object));
        let object = known.unwrap_or_else(|| Arc::new(object));
        inner.incoming.insert(name, Kept { object, at });
    }

    /// The list is whole.
    pub(super) fn list_is_whole(&self) {
        let mut inner = self.inner();
        let mut objects = std::mem::take(&mut inner.incoming);
        for (name, listed) in &mut objects {
            // A read that was absorbed meanwhile may know better.
            if let Some(kept) = inner
                .objects
                .remove(name)
                .filter(|kept| is_older(&*listed.object, &*kept.object))
            {
                *listed = kept;
            }
        }
        inner.objects = objects;
        inner.known.clear();
        inner.shown = None;
        inner.state = State::Got;
        inner.failing = None;
        inner.failures = 0;
    }

    /// An object appeared or changed.
    pub(super) fn applied(&self, object: K) {
        let mut inner = self.inner();
        let (name, at) = (name(&object), Instant::now());
        // The watch may lag behind a read that was absorbed.
        if inner
            .objects
            .get(&name)
            .is_none_or(|kept| !is_older(&object, &*kept.object))
        {
            inner.put(name, object, at);
        }
    }

    /// An object is gone.
    pub(super) fn deleted(&self, object: &K) {
        let mut inner = self.inner();
        let name = name(object);
        if inner
            .objects
            .get(&name)
            .is_some_and(|kept| uid(&*kept.object) == uid(object))
        {
            inner.remove(&name);
        }
        while inner.gone.front().is_some_and(|(at, _)| at.elapsed() > REMEMBERED) {
            inner.gone.pop_front();
        }
        inner.gone.push_back((Instant::now(), uid(object).to_owned()));
    }

    /// The watch failed, and will be begun anew. What was seen stays in view, unless we may not see it any more.
    pub(super) fn failed(&self, failure: Failure) {
        let mut inner = self.inner();
        inner.failures += 1;
        let waited_for = matches!(inner.state, State::Pending);
        if self.resource.place().optional && failure.is_not_served() {
            inner.state = State::Absent(format!("the cluster serves no {}", self.resource.noun()));
            inner.failing = None;
            return;
        }
        if failure.is_forbidden() || waited_for && inner.failures >= GIVEN_UP {
            inner.state = State::Unreadable(format!(
                "{} can't be watched: {}",
                self.resource.noun(),
                failure.reason()
            ));
        }
        inner.failing = Some(failure);
    }

    /// The kind isn't there, or it can't be known whether it is: nothing is watched as yet.
    pub(super) fn settle(&self, outcome: Read<()>) {
        self.inner().state = match outcome {
            Read::Got(()) => State::Got,
            Read::Absent(why) => State::Absent(why),
            Read::Unreadable(why) => State::Unreadable(why),
        };
    }

    /// Whether nothing is known yet.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self.inner().state, State::Pending)
    }

    /// Why there is nothing to see, where the watch failed.
    pub(super) fn why_unseen(&self) -> Option<Failure> {
        let inner = self.inner();
        inner
            .failing
            .clone()
            .filter(|_| matches!(inner.state, State::Unreadable(_)))
    }

    /// What is wrong with the watch now. A right that is missing is no trouble: the kind is unreadable, and known to be.
    pub(super) fn trouble(&self) -> Option<String> {
        let inner = self.inner();
        let failure = inner.failing.as_ref().filter(|failure| !failure.is_forbidden())?;
        Some(format!(
            "{} can't be watched now: {}",
            self.resource.noun(),
            failure.reason()
        ))
    }

    /// What is in view, by name.
    pub(super) fn read(&self) -> Read<Objects<K>> {
        let mut inner = self.inner();
        let Inner {
            state, objects, shown, ..
        } = &mut *inner;
        match state {
            State::Pending => Read::Unreadable(format!("{} are not known yet", self.resource.noun())),
            State::Got => {
                let all = || objects.values().map(|kept| kept.object.clone()).collect();
                Read::Got(shown.get_or_insert_with(all).clone())
            }
            State::Unreadable(why) => Read::Unreadable(why.clone()),
            State::Absent(why) => Read::Absent(why.clone()),
        }
    }

    /// Takes over a whole read that began at `began`: what it saw, and that the rest isn't there. What the watch brought
    /// later stays. Says whether that changed anything: then the watch was silent.
    pub(super) fn absorb(&self, objects: impl Iterator<Item = Arc<K>>, began: Instant) -> bool {
        let mut inner = self.inner();
        if !matches!(inner.state, State::Got) {
            return false;
        }
        let mut changed = false;
        let mut seen = BTreeSet::new();
        for object in objects {
            let name = name(&*object);
            let differs = inner
                .objects
                .get(&name)
                .is_none_or(|kept| is_older(&*kept.object, &*object));
            if differs && inner.gone.iter().all(|(_, gone)| gone != uid(&*object)) {
                inner.objects.insert(name.clone(), Kept { object, at: began });
                changed = true;
            }
            seen.insert(name);
        }
        let before = inner.objects.len();
        inner
            .objects
            .retain(|name, kept| seen.contains(name) || kept.at > began);
        changed |= inner.objects.len() != before;
        if changed {
            inner.shown = None;
        }
        changed
    }
}

/// The name with the namespace, since some views go through all of them.
fn name<K: kube::Resource>(object: &K) -> String {
    let meta = object.meta();
    let name = meta.name.as_deref().unwrap_or_default();
    format!("{}/{name}", meta.namespace.as_deref().unwrap_or_default())
}

fn uid<K: kube::Resource>(object: &K) -> &str {
    object.meta().uid.as_deref().unwrap_or_default()
}

/// Whether both are one object at one version.
fn is_same<K: kube::Resource>(one: &K, other: &K) -> bool {
    let (one, other) = (one.meta(), other.meta());
    let is_told = one.uid.is_some() && one.resource_version.is_some();
    is_told && one.uid == other.uid && one.resource_version == other.resource_version
}

/// Whether one object was written before the other. Versions of a kind grow, whichever object they are of; the API server
/// promises that since 1.35, and etcd has always made them so. Versions that are no numbers are never older.
fn is_older<K: kube::Resource>(one: &K, other: &K) -> bool {
    let version = |object: &K| object.meta().resource_version.as_ref()?.parse::<u64>().ok();
    version(one).zip(version(other)).is_some_and(|(one, other)| one < other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    fn pod(name: &str, uid: &str, version: u64) -> Pod {
        let metadata = json!({"name": name, "uid": uid, "resourceVersion": version.to_string()});
        serde_json::from_value(json!({"metadata": metadata})).unwrap()
    }

    fn watched(pods: &[Pod]) -> Store<Pod> {
        let store = Store::new(Resource::Pods);
        store.list_begins();
        pods.iter().cloned().for_each(|pod| store.listed(pod));
        store.list_is_whole();
        store
    }

    /// A whole read that saw this one.
    fn one(pod: Pod) -> impl Iterator<Item = Arc<Pod>> {
        std::iter::once(Arc::new(pod))
    }

    fn uids(store: &Store<Pod>) -> Vec<String> {
        let pods = store.read();
        pods.got().unwrap().iter().map(|pod| uid(pod).to_owned()).collect()
    }

    fn forbidden() -> Failure {
        let body = r#"{"kind":"Status","code":403,"reason":"Forbidden","message":"pods is forbidden: User \"u\" cannot list resource \"pods\" in API group \"\" in the namespace \"shards\""}"#;
        let headers = http::HeaderMap::new();
        Failure::from_answer(http::StatusCode::FORBIDDEN, &headers, body.as_bytes(), "/")
    }

    async fn later() -> Instant {
        tokio::time::advance(Duration::from_millis(1)).await;
        Instant::now()
    }

    #[test]
    fn what_is_shown_after_a_change_is_what_there_is_and_in_the_order_of_names() {
        let store = watched(&[pod("shard-1", "b", 1)]);
        let before = store.read();
        for (name, uid) in [("shard-3", "d"), ("shard-0", "a"), ("shard-2", "c"), ("shard-1", "e")] {
            store.applied(pod(name, uid, 2));
        }
        assert_eq!(uids(&store), ["a", "e", "c", "d"]);
        store.deleted(&pod("shard-2", "another", 3));
        store.deleted(&pod("shard-0", "a", 3));
        store.deleted(&pod("shard-9", "nobody", 3));
        assert_eq!(uids(&store), ["e", "c", "d"]);
        assert_eq!(before.got().map(Objects::len), Some(1));
        let read = || store.read().got().cloned().unwrap();
        assert!(read().is_the_same_as(&read()));
    }

    #[test]
    fn what_was_read_before_at_the_same_version_is_shared_and_all_else_is_what_the_first_list_brings() {
        let read: Objects<Pod> = vec![pod("shard-0", "a", 1), pod("shard-1", "b", 2), pod("shard-2", "c", 3)].into();
        let store = Store::knowing(Resource::Pods, Some(&read));
        store.list_begins();
        for listed in [pod("shard-0", "a", 1), pod("shard-1", "b", 9), pod("shard-2", "d", 3)] {
            store.listed(listed);
        }
        store.list_is_whole();
        let shown = store.read().got().cloned().unwrap();
        let is_shared: Vec<bool> = shown
            .shared()
            .map(|one| read.shared().any(|other| Arc::ptr_eq(one, other)))
            .collect();
        assert_eq!(
            (uids(&store), is_shared),
            (["a", "b", "d"].map(str::to_owned).to_vec(), vec![true, false, false])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_heals_a_silent_watch() {
        let store = watched(&[pod("shard-0", "a", 1), pod("shard-1", "b", 2)]);
        let began = later().await;
        assert!(store.absorb(one(pod("shard-1", "c", 5)), began));
        assert_eq!(uids(&store), ["c"]);
        assert!(!store.absorb(one(pod("shard-1", "c", 5)), began), "nothing new");
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_began_before_doesnt_undo_what_the_watch_has_seen_since() {
        let store = watched(&[pod("shard-0", "a", 1)]);
        let began = later().await;
        later().await;
        store.deleted(&pod("shard-0", "a", 3));
        store.applied(pod("shard-1", "b", 4));
        assert!(!store.absorb(one(pod("shard-0", "a", 1)), began));
        assert_eq!(uids(&store), ["b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_lags_behind_a_read_takes_nothing_back() {
        let store = watched(&[pod("shard-0", "a", 1)]);
        store.absorb(one(pod("shard-0", "b", 9)), later().await);
        store.applied(pod("shard-0", "a", 5));
        store.deleted(&pod("shard-0", "a", 7));
        assert_eq!(uids(&store), ["b"]);
    }

    #[test]
    fn what_was_seen_stays_in_view_while_the_watch_is_away_but_not_without_the_right() {
        let store = watched(&[pod("shard-0", "a", 1)]);
        for _ in 0..9 {
            store.failed(Failure::Refused);
        }
        store.list_begins();
        assert_eq!(uids(&store), ["a"]);
        assert_eq!(
            store.trouble().unwrap(),
            format!("pods can't be watched now: {}", Failure::Refused.reason())
        );
        store.list_is_whole();
        assert_eq!(store.trouble(), None);
        store.failed(forbidden());
        assert!(matches!(store.read(), Read::Unreadable(why) if why.contains("can't be watched")));
        assert_eq!(store.trouble(), None);
    }

    #[test]
    fn nobody_waits_for_ever_for_a_first_list() {
        let store = Store::<Pod>::new(Resource::Pods);
        for _ in 0..GIVEN_UP {
            assert!(store.is_pending());
            store.failed(Failure::Refused);
        }
        assert_eq!(store.why_unseen(), Some(Failure::Refused));
    }
}
