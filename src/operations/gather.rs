//! What a rehearsal is played with: a whole look at the cluster, and what an operation would ask for beyond it. Only reads, and
//! access reviews.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use futures::future::{join_all, join4, try_join};
use k8s_openapi::api::core::v1::PodSpec;
use serde::Deserialize;
use serde_json::Value;

use super::observe::{Observed, Wanted, observe};
use crate::cluster::connect::Connection;
use crate::cluster::get::Api;
use crate::cluster::metadata::exists;
use crate::cluster::read::read;
use crate::cluster::rights;
use crate::error::{Error, Result};
use crate::model::recording::Recording;
use crate::model::resource::Resource;
use crate::model::right::{Right, Rule};
use crate::model::set;
use crate::model::snapshot::Snapshot;
use crate::plan::references::{Kind, Reference, references};
use crate::plan::verify::policy::Policy;

/// What was read.
#[derive(Debug)]
pub struct Gathered {
    /// The look.
    pub recording: Recording,
    /// The same, typed, once somebody looks into it.
    typed: OnceLock<Snapshot>,
    /// What each node has fetched, of the images that were asked about; none where that isn't known.
    pub images: Option<BTreeMap<String, BTreeSet<String>>>,
    /// What the set's templates refer to, and whether it is there; none where that isn't known.
    pub referred: Option<Vec<(Reference, bool)>>,
    /// ConfigMaps of which a key is referred to, as the server gave them.
    pub config_maps: Vec<Value>,
    /// The Leases of nodes' kubelets that were asked about.
    pub node_leases: Vec<Value>,
    /// Which of the rights that it takes are ours; none where that isn't known.
    pub rights: Option<Vec<Right>>,
}

/// What to read beyond the look.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The set; the only one of the namespace where it isn't named.
    pub statefulset: Option<String>,
    /// How many shards there should be.
    pub policy: Policy,
    /// Images beyond those of the set's templates.
    pub images: Vec<String>,
    /// The node whose kubelet's Lease is asked for.
    pub node: Option<String>,
}

/// Reads it. `needed` are the rights that the operation takes on a set of the namespace.
///
/// # Errors
/// Where the cluster can't be read; where a name that was typed doesn't exist.
pub async fn gather(
    connection: &Connection,
    asked: &Asked,
    needed: impl FnOnce(&str, &str) -> Vec<Rule>,
) -> Result<Gathered> {
    let wanted = Wanted {
        statefulset: asked.statefulset.clone(),
        dns: None,
        dns_timeout: Duration::ZERO,
        domain: None,
        logs: false,
        probe_protection: false,
        room: true,
        usage: false,
        policy: asked.policy.clone(),
    };
    let (api, namespace) = (connection.api(), connection.namespace());
    let all_budgets = async { Ok(read(api, Resource::AllBudgets, namespace, "").await) };
    let (observed, all_budgets) = try_join(observe(connection, &wanted), all_budgets).await?;
    let Observed {
        mut recording,
        snapshot,
    } = observed;
    recording.objects.insert(all_budgets.resource, all_budgets.objects);
    let specs = specs(&snapshot);
    let mut images: BTreeSet<String> = asked.images.iter().cloned().collect();
    images.extend(specs.iter().flat_map(images_of).map(str::to_owned));
    let name = snapshot.set().map(set::name).unwrap_or_default();
    let rules = needed(namespace, name);
    // Who plays it types it again where he plays it: of a large cluster that is tens of megabytes, which are needed in between by
    // nobody, and are given back to this thread alone.
    drop(snapshot);
    let (images, referred, node_leases, rights) = join4(
        images_on_nodes(api, images),
        referred(api, namespace, &specs),
        node_lease(api, asked.node.as_deref()),
        rights::ask(api, rules),
    )
    .await;
    let (referred, config_maps) = referred;
    Ok(Gathered {
        recording,
        typed: OnceLock::new(),
        images,
        referred: Some(referred),
        config_maps,
        node_leases: node_leases.into_iter().collect(),
        rights: Some(rights),
    })
}

/// What a saved recording gives: the rest isn't known.
///
pub fn of_recording(recording: Recording) -> Gathered {
    Gathered {
        recording,
        typed: OnceLock::new(),
        images: None,
        referred: None,
        config_maps: Vec::new(),
        node_leases: Vec::new(),
        rights: None,
    }
}

impl Gathered {
    /// The look, typed.
    ///
    /// # Errors
    /// Where the recording can't be read as what it says it is.
    pub fn snapshot(&self) -> Result<&Snapshot> {
        if let Some(typed) = self.typed.get() {
            return Ok(typed);
        }
        let typed = Snapshot::derive(&self.recording)
            .map_err(|misfit| Error::usage(format!("the snapshot can't be understood: {misfit}")))?;
        Ok(self.typed.get_or_init(|| typed))
    }
}

/// The pods that the set's template makes, and those that its revisions made.
pub fn specs(snapshot: &Snapshot) -> Vec<PodSpec> {
    let now = snapshot.set().and_then(set::pod_spec).cloned();
    let before = snapshot.revisions.got().into_iter().flatten().filter_map(|revision| {
        let data = &revision.data.as_ref()?.0;
        serde_json::from_value(data.pointer("/spec/template/spec")?.clone()).ok()
    });
    now.into_iter().chain(before).collect()
}

fn images_of(spec: &PodSpec) -> impl Iterator<Item = &str> {
    let all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    all.filter_map(|container| container.image.as_deref())
}

#[derive(Deserialize)]
struct Place {
    metadata: Named,
    #[serde(default)]
    status: Fetched,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Default, Deserialize)]
struct Fetched {
    #[serde(default)]
    images: Vec<Image>,
}

#[derive(Deserialize)]
struct Image {
    #[serde(default)]
    names: Vec<String>,
}

/// Which of these images the nodes have: each list is most of what a node says, and only a few names of it are kept.
async fn images_on_nodes(api: &Api, wanted: BTreeSet<String>) -> Option<BTreeMap<String, BTreeSet<String>>> {
    let add = move |all: &mut BTreeMap<String, BTreeSet<String>>, place: Place| {
        let names = place.status.images.into_iter().flat_map(|image| image.names);
        let known: BTreeSet<String> = names
            .flat_map(|name| {
                wanted
                    .iter()
                    .filter(move |wanted| same(wanted, &name))
                    .cloned()
                    .collect::<Vec<_>>()
            })
            .collect();
        all.insert(place.metadata.name, known);
    };
    api.fold("/api/v1/nodes", "", add).await.ok()
}

/// Whether a name that a kubelet gives is that of an image: it adds the registry and the library.
fn same(wanted: &str, name: &str) -> bool {
    let tagged = wanted.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
    let wanted = if tagged {
        wanted.to_owned()
    } else {
        format!("{wanted}:latest")
    };
    name == wanted || name == format!("docker.io/{wanted}") || name == format!("docker.io/library/{wanted}")
}

/// What the templates refer to, and the ConfigMaps among it of which a key is needed. What can't be seen counts as there.
async fn referred(api: &Api, namespace: &str, specs: &[PodSpec]) -> (Vec<(Reference, bool)>, Vec<Value>) {
    let mut all: Vec<Reference> = Vec::new();
    for reference in specs.iter().flat_map(references) {
        if !all.contains(&reference) {
            all.push(reference);
        }
    }
    let asked = all.into_iter().map(async |reference| {
        let path = reference.path(namespace);
        if reference.kind == Kind::ConfigMap && !reference.keys.is_empty() {
            let map = match api.get(&path).await {
                Ok(answer) => answer.parse().ok(),
                Err(_) => None,
            };
            return (reference, map.is_some(), map);
        }
        let there = exists(api, &path).await.unwrap_or(true);
        (reference, there, None)
    });
    let mut maps = Vec::new();
    let mut found = Vec::new();
    for (reference, there, map) in join_all(asked).await {
        maps.extend(map);
        found.push((reference, there));
    }
    (found, maps)
}

async fn node_lease(api: &Api, node: Option<&str>) -> Option<Value> {
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{}",
        node?
    );
    api.get(&path).await.ok()?.parse().ok()
}
