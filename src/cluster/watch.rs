//! Live views of everything an operation goes by, kept by watches: the set, its pods, and what holds them up or takes them down.
//!
//! A watch may fall silent without ending; whoever decides by these views looks uncached before it acts
//! ([`fresh`](crate::cluster::fresh)), and what that look saw is absorbed here.

mod follow;
mod keep;
mod store;
mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::{Event, Node, PersistentVolumeClaim, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::watcher::Config;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::fresh::Around;
use crate::cluster::get::{Api, SMALL_PAGE};
use crate::cluster::read::served;
use crate::cluster::recording::empty;
use crate::cluster::server_time::ServerTime;
use crate::model::mark::HELPER;
use crate::model::objects::Objects;
use crate::model::pod;
use crate::model::read::Read;
use crate::model::recording::Taken;
use crate::model::resource::Resource;
use crate::model::set::{selector_query, selects};
use crate::model::snapshot::Snapshot;
use crate::model::storage::VolumeAttachment;

use follow::{Bell, FIRST_PAUSE, NOT_OURS, follow};
use store::Store;
use view::Joined;

/// How often changes are told at most.
const TOGETHER: Duration = Duration::from_millis(25);
/// Where events about objects without a namespace land.
const DEFAULT: &str = "default";

/// The live views of one set and what concerns it. Dropped, they end.
pub struct Watches {
    taken: Taken,
    selector: LabelSelector,
    server_time: ServerTime,
    set: Arc<Store<StatefulSet>>,
    pods: Arc<Store<Pod>>,
    helpers: Arc<Store<Pod>>,
    /// Both together, as they were shown last.
    joined: Mutex<Joined>,
    events: Arc<Store<Event>>,
    cluster_events: Arc<Store<Event>>,
    nodes: Arc<Store<Node>>,
    attachments: Arc<Store<VolumeAttachment>>,
    budgets: Arc<Store<PodDisruptionBudget>>,
    claims: Arc<Store<PersistentVolumeClaim>>,
    revisions: Arc<Store<ControllerRevision>>,
    node_claims: Arc<Store<DynamicObject>>,
    /// The pods of all namespaces on each of the nodes that are to be emptied.
    on_nodes: BTreeMap<String, Arc<Store<Pod>>>,
    /// The pods of all namespaces on all nodes, where the packing is watched.
    everywhere: Option<Arc<Store<Pod>>>,
    bell: Bell,
    changes: watch::Receiver<()>,
    /// When changes were told last.
    told: Option<Instant>,
    /// Aborted when dropped.
    tasks: JoinSet<()>,
}

impl Watches {
    /// Starts watching; with what is on `nodes` besides, of whatever namespace. Needs a tokio runtime.
    pub fn start(
        connection: &Connection,
        namespace: &str,
        set_name: &str,
        selector: &LabelSelector,
        nodes: &[String],
    ) -> Watches {
        Self::start_knowing(connection, namespace, set_name, selector, nodes, None)
    }

    /// As [`start`](Self::start), after a look at everything: what the watches find as it was then they share with it.
    pub fn start_knowing(
        connection: &Connection,
        namespace: &str,
        set_name: &str,
        selector: &LabelSelector,
        nodes: &[String],
        known: Option<&Snapshot>,
    ) -> Watches {
        let known_pods = known.and_then(|known| known.pods.got());
        let mut taken = empty(connection, Some(set_name.to_owned())).taken;
        taken.namespace = namespace.to_owned();
        let (bell, changes) = watch::channel(());
        let mut watches = Watches {
            taken,
            selector: selector.clone(),
            server_time: connection.api().server_time().clone(),
            set: store(Resource::StatefulSets),
            pods: store_knowing(Resource::Pods, known_pods),
            helpers: store(Resource::Pods),
            joined: Mutex::default(),
            events: store_knowing(Resource::Events, known.and_then(|known| known.events.got())),
            cluster_events: store(Resource::ClusterEvents),
            nodes: store_knowing(Resource::Nodes, known.and_then(|known| known.nodes.got())),
            attachments: store_knowing(
                Resource::VolumeAttachments,
                known.and_then(|known| known.attachments.got()),
            ),
            budgets: store(Resource::Budgets),
            claims: store_knowing(Resource::Claims, known.and_then(|known| known.claims.got())),
            revisions: store(Resource::ControllerRevisions),
            node_claims: store(Resource::NodeClaims),
            on_nodes: nodes
                .iter()
                .map(|node| (node.clone(), store(Resource::NodePods)))
                .collect(),
            everywhere: None,
            bell,
            changes,
            told: None,
            tasks: JoinSet::new(),
        };
        watches.spawn(connection, namespace, set_name);
        watches
    }

    /// With the pods of all namespaces besides, cut down to what they take of their nodes.
    #[must_use]
    pub fn with_all_pods(mut self, connection: &Connection) -> Watches {
        let all = store(Resource::NodePods);
        let pods = kube::Api::all(connection.client().clone());
        let unfinished = Config::default().fields("status.phase!=Succeeded,status.phase!=Failed");
        self.tasks
            .spawn(follow(pods, unfinished, all.clone(), self.bell.clone(), keep::node_pod));
        self.everywhere = Some(all);
        self
    }

    fn spawn(&mut self, connection: &Connection, namespace: &str, set_name: &str) {
        let client = || connection.client().clone();
        let bell = || self.bell.clone();
        let small = connection.is_a_rehearsal();
        let all = move || match small {
            true => Config::default().page_size(SMALL_PAGE),
            false => Config::default(),
        };
        let shards = all().labels(&selector_query(&self.selector));
        let tasks = &mut self.tasks;
        let set = all().fields(&format!("metadata.name={set_name}"));
        tasks.spawn(follow(
            kube::Api::namespaced(client(), namespace),
            set,
            self.set.clone(),
            bell(),
            keep::set,
        ));
        let pods = kube::Api::namespaced(client(), namespace);
        tasks.spawn(follow(
            pods.clone(),
            shards.clone(),
            self.pods.clone(),
            bell(),
            keep::pod,
        ));
        tasks.spawn(follow(
            pods,
            all().labels(HELPER),
            self.helpers.clone(),
            bell(),
            keep::pod,
        ));
        let events = kube::Api::namespaced(client(), namespace);
        tasks.spawn(follow(events, all(), self.events.clone(), bell(), keep::event));
        let events = kube::Api::namespaced(client(), DEFAULT);
        tasks.spawn(follow(
            events,
            all(),
            self.cluster_events.clone(),
            bell(),
            keep::cluster_event,
        ));
        tasks.spawn(follow(
            kube::Api::all(client()),
            all(),
            self.nodes.clone(),
            bell(),
            keep::node,
        ));
        let attachments = kube::Api::all(client());
        tasks.spawn(follow(
            attachments,
            all(),
            self.attachments.clone(),
            bell(),
            keep::attachment,
        ));
        let budgets = kube::Api::namespaced(client(), namespace);
        tasks.spawn(follow(budgets, all(), self.budgets.clone(), bell(), keep::budget));
        let claims = kube::Api::namespaced(client(), namespace);
        tasks.spawn(follow(claims, all(), self.claims.clone(), bell(), keep::claim));
        let revisions = kube::Api::namespaced(client(), namespace);
        tasks.spawn(follow(
            revisions,
            shards,
            self.revisions.clone(),
            bell(),
            keep::revision,
        ));
        tasks.spawn(follow_node_claims(
            connection.api().clone(),
            client(),
            self.node_claims.clone(),
            bell(),
        ));
        for (node, store) in &self.on_nodes {
            let here = all().fields(&format!("spec.nodeName={node}"));
            let pods = kube::Api::all(client());
            tasks.spawn(follow(pods, here, store.clone(), bell(), keep::node_pod));
        }
    }

    /// What is watched of pods of other namespaces.
    fn elsewhere(&self) -> impl Iterator<Item = &Arc<Store<Pod>>> {
        self.on_nodes.values().chain(&self.everywhere)
    }

    /// The nodes whose pods are watched.
    pub fn nodes(&self) -> Vec<&str> {
        self.on_nodes.keys().map(String::as_str).collect()
    }

    /// Waits until the set and its pods are there, and every other kind is there or known not to be readable.
    ///
    /// # Errors
    /// Where the set or its pods can't be read.
    pub async fn ready(&self) -> Result<(), Failure> {
        let mut changes = self.bell.subscribe();
        loop {
            if let Some(failure) = self.set.why_unseen().or_else(|| self.pods.why_unseen()) {
                return Err(failure);
            }
            let pending = self.set.is_pending()
                || self.pods.is_pending()
                || self.helpers.is_pending()
                || self.events.is_pending()
                || self.cluster_events.is_pending()
                || self.nodes.is_pending()
                || self.attachments.is_pending()
                || self.budgets.is_pending()
                || self.claims.is_pending()
                || self.revisions.is_pending()
                || self.node_claims.is_pending()
                || self.elsewhere().any(|store| store.is_pending());
            if !pending {
                return Ok(());
            }
            // An error would mean that the bell is gone, and the bell is ours.
            let _ = changes.changed().await;
        }
    }

    /// Waits until something has changed since the last call. The first of a burst is told at once, so that it has its moment; what
    /// comes right after it is told together: changes come in bursts, since one controller follows the other, and whoever looks at
    /// each goes through all that there is as often.
    pub async fn changed(&mut self) {
        let _ = self.changes.changed().await;
        // Whoever stops waiting here is told of it the next time.
        self.changes.mark_changed();
        if let Some(told) = self.told {
            sleep_until(told + TOGETHER).await;
        }
        self.told = Some(Instant::now());
        self.changes.mark_unchanged();
    }

    /// Takes over what an uncached look ([`fresh`](crate::cluster::fresh::fresh)) saw, where that is newer than what the
    /// watches brought. So a watch that fell silent is healed.
    pub fn absorb(&self, fresh: &Snapshot) {
        let Some(began) = self.instant(fresh.taken.at) else {
            return;
        };
        let mut changed = false;
        // As a rule it saw the very objects that the watches brought.
        let is_shown = |pods: &Objects<Pod>| {
            self.pods_with_helpers()
                .got()
                .is_some_and(|shown| shown.is_the_same_as(pods))
        };
        if let Read::Got(pods) = &fresh.pods
            && !is_shown(pods)
        {
            let of_the_set = |pod: &&Arc<Pod>| selects(&self.selector, pod.metadata.labels.as_ref());
            let is_helper = |pod: &&Arc<Pod>| pod::label(pod, HELPER).is_some();
            changed |= self.pods.absorb(pods.shared().filter(of_the_set).cloned(), began);
            changed |= self.helpers.absorb(pods.shared().filter(is_helper).cloned(), began);
        }
        if let Read::Got(_) = &fresh.sets {
            changed |= self.set.absorb(fresh.set().cloned().map(Arc::new).into_iter(), began);
        }
        if let Read::Got(budgets) = &fresh.budgets {
            changed |= self.budgets.absorb(budgets.shared().cloned(), began);
        }
        if let Read::Got(claims) = &fresh.claims
            && (self.claims.read().got()).is_none_or(|shown| !shown.is_the_same_as(claims))
        {
            changed |= self.claims.absorb(claims.shared().cloned(), began);
        }
        if changed {
            self.bell.send_replace(());
        }
    }

    /// As [`Watches::absorb`], of the pods on nodes.
    pub fn absorb_around(&self, around: &Around) {
        let Some(began) = self.instant(around.at) else {
            return;
        };
        let mut changed = false;
        for (node, pods) in &around.pods {
            if let (Some(store), Some(pods)) = (self.on_nodes.get(node), pods) {
                changed |= store.absorb(pods.iter().cloned().map(Arc::new), began);
            }
        }
        if changed {
            self.bell.send_replace(());
        }
    }

    /// A moment of the server's time as one of ours.
    fn instant(&self, at: Timestamp) -> Option<Instant> {
        let age = self.server_time.now().duration_since(at).unsigned_abs();
        Instant::now().checked_sub(age)
    }

    /// Takes over one node as the server has just shown it.
    pub fn saw_node(&self, mut node: Node) {
        if keep::node(&mut node) {
            self.nodes.applied(node);
            self.bell.send_replace(());
        }
    }

    /// What is wrong with a watch now, a clause: the most important kind's first. A kind that we may not watch is no
    /// trouble, but unreadable in the snapshot.
    pub fn trouble(&self) -> Option<String> {
        self.set
            .trouble()
            .or_else(|| self.pods.trouble())
            .or_else(|| self.budgets.trouble())
            .or_else(|| self.claims.trouble())
            .or_else(|| self.nodes.trouble())
            .or_else(|| self.attachments.trouble())
            .or_else(|| self.revisions.trouble())
            .or_else(|| self.helpers.trouble())
            .or_else(|| self.node_claims.trouble())
            .or_else(|| self.elsewhere().find_map(|store| store.trouble()))
            .or_else(|| self.events.trouble())
            .or_else(|| self.cluster_events.trouble())
    }
}

/// NodeClaims exist where Karpenter does, in the version that it brought.
async fn follow_node_claims(api: Api, client: kube::Client, store: Arc<Store<DynamicObject>>, bell: Bell) {
    let place = Resource::NodeClaims.place();
    let mut pause = FIRST_PAUSE;
    let version = loop {
        let settled = match served(&api).await.version(place.group) {
            Ok(Some(version)) => break version.to_owned(),
            Ok(None) => Read::Absent(format!("the cluster serves no {}", Resource::NodeClaims.noun())),
            Err(why) => Read::Unreadable(why.to_owned()),
        };
        let is_absent = matches!(settled, Read::Absent(_));
        store.settle(settled);
        bell.send_replace(());
        if is_absent {
            return;
        }
        // One answer that didn't come says nothing of what there is for the rest of a run.
        sleep(pause).await;
        pause = (pause * 2).min(NOT_OURS);
    };
    let kind = GroupVersionKind::gvk(place.group, &version, "NodeClaim");
    let kind = ApiResource::from_gvk_with_plural(&kind, place.plural);
    follow(
        kube::Api::all_with(client, &kind),
        Config::default(),
        store,
        bell,
        keep::dynamic,
    )
    .await;
}

fn store<K: kube::Resource + Clone>(resource: Resource) -> Arc<Store<K>> {
    Arc::new(Store::new(resource))
}

fn store_knowing<K: kube::Resource + Clone>(resource: Resource, known: Option<&Objects<K>>) -> Arc<Store<K>> {
    Arc::new(Store::knowing(resource, known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::get::tests::{MINUTE, api};
    use crate::cluster::test_server::{Reply, Server};

    #[tokio::test(start_paused = true)]
    async fn the_first_of_a_burst_of_changes_is_told_at_once_and_the_rest_together() {
        let nowhere = kube::Config::new("http://127.0.0.1:9".parse().expect("an address"));
        let client = kube::Client::try_from(nowhere).expect("a client");
        let connection = Connection::to_a_rehearsal(client, "shop");
        let mut watches = Watches::start(&connection, "shop", "db", &LabelSelector::default(), &[]);
        watches.tasks.abort_all();
        watches.changes.mark_unchanged();
        let began = Instant::now();
        let mut told = Vec::new();
        for _ in 0..2 {
            watches.bell.send_replace(());
            watches.bell.send_replace(());
            watches.changed().await;
            told.push(began.elapsed());
        }
        assert_eq!(told, [Duration::ZERO, TOGETHER]);
        // Whoever stopped waiting is told of it later.
        watches.bell.send_replace(());
        assert!(tokio::time::timeout(TOGETHER / 5, watches.changed()).await.is_err());
        watches.changed().await;
        assert_eq!(began.elapsed(), 2 * TOGETHER);
    }

    #[tokio::test]
    async fn one_look_at_the_api_groups_that_failed_does_not_hide_nodeclaims_for_ever() {
        let refused = r#"{"kind":"Status","code":403,"reason":"Forbidden","message":"no"}"#;
        let groups = r#"{"kind":"APIGroupList","groups":[{"name":"karpenter.sh",
            "versions":[{"groupVersion":"karpenter.sh/v1","version":"v1"}]}]}"#;
        let claims = r#"{"kind":"NodeClaimList","apiVersion":"karpenter.sh/v1","metadata":{"resourceVersion":"5"},"items":[
            {"kind":"NodeClaim","apiVersion":"karpenter.sh/v1","metadata":{"name":"a","uid":"u","resourceVersion":"4"}}]}"#;
        let server = Server::plain([
            Reply::json(403, refused),
            Reply::json(200, groups),
            Reply::json(200, claims),
            Reply::Silence,
        ]);
        let api = api(&server, MINUTE);
        let uri = format!("http://127.0.0.1:{}", server.port).parse().expect("an address");
        let client = kube::Client::try_from(kube::Config::new(uri)).expect("a client");
        let (bell, mut changes) = watch::channel(());
        let store = store(Resource::NodeClaims);
        let following = tokio::spawn(follow_node_claims(api, client, store.clone(), bell));
        changes.changed().await.expect("a bell");
        assert!(matches!(store.read(), Read::Unreadable(_)));
        while store.read().got().is_none_or(|claims| claims.iter().next().is_none()) {
            changes.changed().await.expect("a bell");
        }
        following.abort();
    }
}
