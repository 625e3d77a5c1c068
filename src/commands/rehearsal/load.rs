//! From what was read to a rehearsal cluster: the objects as they are, and what had to be assumed of what wasn't read.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::model::right::Rule;
use crate::model::snapshot::Snapshot;
use crate::model::{node, pod, set};
use crate::operations::gather::{Gathered, specs};
use crate::plan::references::{Kind as Referred, references};
use crate::sim::controllers::Pace;
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::Key;

/// What is read first, where two looks may bring the same object: the fuller one.
const IN_ORDER: [Resource; 30] = [
    Resource::Namespace,
    Resource::Nodes,
    Resource::CsiNodes,
    Resource::StorageClasses,
    Resource::PriorityClasses,
    Resource::NodePools,
    Resource::NodeClasses,
    Resource::NodeClaims,
    Resource::Volumes,
    Resource::Claims,
    Resource::VolumeAttachments,
    Resource::Services,
    Resource::EndpointSlices,
    Resource::Budgets,
    Resource::AllBudgets,
    Resource::StatefulSets,
    Resource::ControllerRevisions,
    Resource::Deployments,
    Resource::DaemonSets,
    Resource::Pods,
    Resource::DnsPods,
    Resource::NodePods,
    Resource::Leases,
    Resource::Autoscalers,
    Resource::ScaledObjects,
    Resource::VerticalAutoscalers,
    Resource::DnsConfig,
    Resource::ClusterAutoscalerStatus,
    Resource::Events,
    Resource::ClusterEvents,
];

/// Without these nothing can be played.
const NEEDED: [Resource; 5] = [
    Resource::StatefulSets,
    Resource::Pods,
    Resource::Claims,
    Resource::Volumes,
    Resource::Nodes,
];

/// After how many objects the trees of those that are loaded are given back: as yet nobody looks into them.
const UNLOOKED: usize = 64;

/// A cluster that is ready to be played.
#[derive(Debug)]
pub struct Loaded {
    /// The cluster.
    pub plane: Plane,
    /// What isn't known and was assumed, sentences without a full stop.
    pub assumed: Vec<String>,
}

/// Makes a rehearsal cluster of what was read.
///
/// # Errors
/// Where something couldn't be read without which nothing can be played.
pub fn load(gathered: &Gathered, pace: Pace) -> Result<Loaded> {
    let recording = &gathered.recording;
    for resource in NEEDED {
        if let Some(Read::Unreadable(why) | Read::Absent(why)) = recording.objects.get(&resource) {
            return Err(Error::new(ErrorKind::Forbidden, format!("failed to rehearse: {why}"))
                .hint("a rehearsal needs to read the set, its pods, claims and volumes, and nodes; what it takes:")
                .hint("$ shardctl rbac"));
        }
    }
    let mut loaded = Loaded {
        plane: Plane::new(pace),
        assumed: Vec::new(),
    };
    if let Read::Got(version) = &recording.taken.server {
        loaded.plane.version.clone_from(version);
    }
    for resource in IN_ORDER {
        match recording.objects.get(&resource) {
            Some(Read::Got(objects)) => loaded.put(resource, objects)?,
            Some(Read::Unreadable(why)) => loaded.hide(resource, &recording.taken.namespace, why),
            Some(Read::Absent(_)) | None => {}
        }
    }
    if !recording.objects.contains_key(&Resource::NodePods) {
        let words =
            "pods of other workloads aren't in the snapshot: assumed that the nodes hold nothing but the shards";
        loaded.assumed.push(words.to_owned());
    }
    if matches!(recording.objects.get(&Resource::NodePools), Some(Read::Got(pools)) if !pools.is_empty()) {
        let words = "which machines Karpenter can buy isn't known: assumed those of the sizes that the nodes have now, in every zone";
        loaded.assumed.push(words.to_owned());
    }
    let snapshot = gathered.snapshot()?;
    loaded.know_the_rights(gathered);
    loaded.know_the_revision(snapshot);
    loaded.know_the_images(gathered, snapshot);
    loaded.know_what_is_referred_to(gathered, snapshot);
    Ok(loaded)
}

impl Loaded {
    fn put(&mut self, resource: Resource, objects: &[Box<RawValue>]) -> Result<()> {
        for (place, raw) in objects.iter().enumerate() {
            if place % UNLOOKED == UNLOOKED - 1 {
                self.plane.store.rest();
            }
            let object: Value = serde_json::from_str(raw.get()).map_err(|error| {
                Error::new(
                    ErrorKind::Unreachable,
                    format!("failed to understand what was read: {error}"),
                )
            })?;
            let Some(kind) = kind_of(resource, &object) else {
                continue;
            };
            if kind.is_custom() {
                self.plane.extensions.insert(kind.served().group.to_owned());
            }
            if self.plane.store.get(&Key::of(kind, &object)).is_none() {
                self.plane.store.load(kind, object);
            }
        }
        if let (true, Some(kind)) = (resource.place().optional, kind_of(resource, &Value::Null)) {
            // Served, though there is none.
            self.plane.extensions.insert(kind.served().group.to_owned());
        }
        Ok(())
    }

    /// What we may not read there, we may not read here.
    fn hide(&mut self, resource: Resource, namespace: &str, why: &str) {
        self.assumed.push(format!("{why}: the rehearsal goes without"));
        let Some(rule) = Rule::to_read(resource, namespace) else {
            return;
        };
        if let Some(kind) = kind_of(resource, &Value::Null).filter(|kind| kind.is_custom()) {
            self.plane.extensions.insert(kind.served().group.to_owned());
        }
        let watch = Rule {
            verb: "watch".to_owned(),
            ..rule.clone()
        };
        self.plane.access.denied.extend([rule, watch]);
    }

    fn know_the_rights(&mut self, gathered: &Gathered) {
        "you".clone_into(&mut self.plane.access.user);
        match &gathered.rights {
            Some(rights) => {
                let denied = rights.iter().filter(|right| !right.allowed);
                self.plane.access.denied.extend(denied.map(|right| right.rule.clone()));
            }
            None => self.assumed.push(
                "whether you have the rights that it takes isn't in the snapshot: assumed that you have".to_owned(),
            ),
        }
    }

    /// The template is the one that the newest revision was made of, whatever a snapshot left out of either.
    fn know_the_revision(&mut self, snapshot: &Snapshot) {
        let Some(found) = snapshot.set() else { return };
        let (namespace, name) = (snapshot.taken.namespace.as_str(), set::name(found));
        let status = found.status.as_ref();
        let up_to_date = status.and_then(|status| status.observed_generation) == found.metadata.generation;
        let Some(revision) = status
            .and_then(|status| status.update_revision.clone())
            .filter(|_| up_to_date)
        else {
            return;
        };
        let Some(object) = self.plane.store.get(&Key::new(Kind::StatefulSets, namespace, name)) else {
            return;
        };
        let mut template = object["spec"]["template"].clone();
        template["$patch"] = json!("replace");
        let key = Key::new(Kind::ControllerRevisions, namespace, &revision);
        let mut made = match self.plane.store.get(&key) {
            Some(known) => Value::clone(known),
            None => {
                self.assumed.push(format!(
                    "controllerrevision/{revision} wasn't read: made from the set's template"
                ));
                json!({"metadata": {"name": revision, "namespace": namespace, "labels": object["spec"]["template"]["metadata"]["labels"],
                    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name,
                        "uid": set::uid(found), "controller": true, "blockOwnerDeletion": true}]}, "revision": 1})
            }
        };
        made["data"] = json!({"spec": {"template": template}});
        self.plane.store.load(Kind::ControllerRevisions, made);
    }

    /// A node has the images of the shards that run there, and what its kubelet lists.
    fn know_the_images(&mut self, gathered: &Gathered, snapshot: &Snapshot) {
        for found in snapshot.pods.got().into_iter().flatten() {
            let (Some(place), Some(spec)) = (pod::node(found), &found.spec) else {
                continue;
            };
            let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
            for image in containers.filter_map(|container| container.image.as_deref()) {
                self.plane.has_fetched(place, image);
            }
        }
        let Some(listed) = &gathered.images else {
            self.assumed.push(
                "which images the nodes have isn't known: assumed those of the shards that run there, no other"
                    .to_owned(),
            );
            return;
        };
        for found in snapshot.nodes.got().into_iter().flatten() {
            let place = node::name(found);
            let images: BTreeSet<&String> = listed.get(place).into_iter().flatten().collect();
            for image in &images {
                self.plane.has_fetched(place, image);
            }
            if images.is_empty() {
                continue;
            }
            if let Some(present) = self.plane.store.get(&Key::wide(Kind::Nodes, place)) {
                let mut present = Value::clone(present);
                present["status"]["images"] = images.iter().map(|image| json!({"names": [image]})).collect();
                self.plane.store.load(Kind::Nodes, present);
            }
        }
    }

    fn know_what_is_referred_to(&mut self, gathered: &Gathered, snapshot: &Snapshot) {
        let namespace = gathered.recording.taken.namespace.as_str();
        for map in &gathered.config_maps {
            self.plane.store.load(Kind::ConfigMaps, map.clone());
        }
        for lease in &gathered.node_leases {
            self.plane.store.load(Kind::Leases, lease.clone());
        }
        let referred = match &gathered.referred {
            Some(referred) => referred.clone(),
            None => {
                self.assumed.push(
                    "whether what the template refers to is there (Secrets, ConfigMaps, accounts) isn't in the snapshot: assumed \
                     that it is"
                        .to_owned(),
                );
                let all = specs(snapshot);
                all.iter()
                    .flat_map(references)
                    .map(|reference| (reference, true))
                    .collect()
            }
        };
        for (reference, _) in referred.into_iter().filter(|(_, there)| *there) {
            let (kind, within) = match reference.kind {
                Referred::ConfigMap => (Kind::ConfigMaps, namespace),
                Referred::Secret => (Kind::Secrets, namespace),
                Referred::ServiceAccount => (Kind::ServiceAccounts, namespace),
                // Claims and classes were read whole.
                Referred::Claim | Referred::PriorityClass => continue,
                Referred::RuntimeClass => (Kind::RuntimeClasses, ""),
            };
            let key = Key::new(kind, within, &reference.name);
            if self.plane.store.get(&key).is_some() {
                continue;
            }
            let mut object = json!({"metadata": {"name": reference.name}});
            if !within.is_empty() {
                object["metadata"]["namespace"] = json!(within);
            }
            if kind == Kind::ConfigMaps {
                object["data"] = reference.keys.iter().map(|key| (key.clone(), json!(""))).collect();
            }
            if kind == Kind::RuntimeClasses {
                object["handler"] = json!(reference.name);
            }
            self.plane.store.load(kind, object);
        }
    }
}

/// The kind of an object that was read as a resource; none for what the rehearsal cluster doesn't serve.
fn kind_of(resource: Resource, object: &Value) -> Option<Kind> {
    Some(match resource {
        Resource::Namespace => Kind::Namespaces,
        Resource::StatefulSets => Kind::StatefulSets,
        Resource::ControllerRevisions => Kind::ControllerRevisions,
        Resource::Pods | Resource::DnsPods | Resource::NodePods => Kind::Pods,
        Resource::Claims => Kind::Claims,
        Resource::Volumes => Kind::Volumes,
        Resource::StorageClasses => Kind::StorageClasses,
        Resource::VolumeAttachments => Kind::VolumeAttachments,
        Resource::Nodes => Kind::Nodes,
        Resource::Services => Kind::Services,
        Resource::EndpointSlices => Kind::EndpointSlices,
        Resource::Budgets | Resource::AllBudgets => Kind::Budgets,
        Resource::Events | Resource::ClusterEvents => Kind::Events,
        Resource::Leases => Kind::Leases,
        Resource::Autoscalers => Kind::Autoscalers,
        Resource::ScaledObjects => Kind::ScaledObjects,
        Resource::VerticalAutoscalers => Kind::VerticalAutoscalers,
        Resource::NodePools => Kind::NodePools,
        Resource::NodeClaims => Kind::NodeClaims,
        Resource::NodeClasses => match object.get("kind")?.as_str()? {
            "AKSNodeClass" => Kind::AksNodeClasses,
            "EC2NodeClass" => Kind::Ec2NodeClasses,
            "KWOKNodeClass" => Kind::KwokNodeClasses,
            _ => return None,
        },
        Resource::DnsConfig | Resource::ClusterAutoscalerStatus => Kind::ConfigMaps,
        Resource::DaemonSets => Kind::DaemonSets,
        Resource::Deployments => Kind::Deployments,
        Resource::PriorityClasses => Kind::PriorityClasses,
        Resource::CsiNodes => Kind::CsiNodes,
        Resource::NodeUsage | Resource::PodUsage => return None,
    })
}
