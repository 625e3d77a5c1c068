//! The endpoints of a service, put together over its slices; and whether each shard has exactly its own.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::governing::is_of_a_sibling;
use super::{addresses, governing_there};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::objects::Objects;
use crate::model::pod;
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::plan::verify::Check;
use crate::plan::verify::seen::{Seen, Shard};

/// The label by which a slice belongs to a service.
const SERVICE: &str = "kubernetes.io/service-name";

/// One address behind a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint<'a> {
    /// The address.
    pub address: &'a str,
    /// The host name under the service's name.
    pub hostname: Option<&'a str>,
    /// The pod that it stands for.
    pub pod: Option<&'a str>,
    /// That pod's uid.
    pub uid: Option<&'a str>,
    /// Whether traffic and names go there; true for every pod where the service publishes unready ones.
    pub ready: bool,
    /// Whether the pod is Ready, terminating or not.
    pub serving: bool,
    /// Whether the pod is terminating.
    pub terminating: bool,
}

/// The endpoints of a service, each address once: while the controller moves an endpoint from one slice to another it stands
/// in both (discovery.k8s.io/v1, "duplicate endpoints"), and the more hopeful of the two is the newer.
pub(super) fn merged<'a>(slices: &'a Objects<EndpointSlice>, service: &str) -> Vec<Endpoint<'a>> {
    let mut all: BTreeMap<(&str, Option<&str>), Endpoint<'a>> = BTreeMap::new();
    for slice in slices {
        let labels = slice.metadata.labels.as_ref();
        if labels.and_then(|labels| labels.get(SERVICE)).map(String::as_str) != Some(service) {
            continue;
        }
        for found in slice.endpoints.iter().flatten() {
            let Some(address) = found.addresses.first() else {
                continue;
            };
            let target = found
                .target_ref
                .as_ref()
                .filter(|target| target.kind.as_deref() == Some("Pod"));
            let conditions = found.conditions.as_ref();
            let endpoint = Endpoint {
                address,
                hostname: found.hostname.as_deref(),
                pod: target.and_then(|target| target.name.as_deref()),
                uid: target.and_then(|target| target.uid.as_deref()),
                ready: conditions.and_then(|all| all.ready).unwrap_or(true),
                serving: conditions.and_then(|all| all.serving).unwrap_or(true),
                terminating: conditions.and_then(|all| all.terminating).unwrap_or(false),
            };
            let known = all.entry((address, endpoint.uid)).or_insert_with(|| endpoint.clone());
            known.ready |= endpoint.ready;
            known.serving |= endpoint.serving;
            known.terminating |= endpoint.terminating;
            known.hostname = known.hostname.or(endpoint.hostname);
        }
    }
    all.into_values().collect()
}

/// EPS-01.
pub const EPS_01: Check = Check {
    about: Description {
        id: "EPS-01",
        category: Category::ServiceAndDns,
        severity: Severity::Error,
        title: "the headless service has one serving endpoint a shard: its name, its address",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Services,
            Resource::EndpointSlices,
        ],
        also: "",
        why: "Names are made from the endpoint slices: a shard that is missing there, or stands there with the address of an \
              earlier pod, can't be found by its name however healthy it is. The condition `serving` is judged and not `ready`, \
              which is forced to true where the service publishes unready addresses.",
        mend: "A missing or unready shard is explained under POD-01. Where the pod is Ready and the slice disagrees for more \
               than a few seconds, the endpoint slice controller (kube-controller-manager) is behind.\n$ kubectl get \
               endpointslices -l kubernetes.io/service-name=NAME -o yaml",
        source: "discovery.k8s.io/v1 EndpointConditions; staging/src/k8s.io/endpointslice",
        entails: &["DNS-02", "DNS-03", "DNS-04"],
    },
    judge: eps_01,
};

fn eps_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let (name, _) = governing_there(seen)?;
    let endpoints = merged(seen.snapshot.slices.need()?, name);
    let shards = seen.shards()?;
    let mut verdict = Verdict::new();
    let show = seen.kubectl(&format!("get endpointslices -l {SERVICE}={} -o yaml", shell_word(name)));
    for shard in &shards {
        let wrong = what_is_wrong(shard, &endpoints);
        for message in wrong {
            verdict
                .fail(format!("pod/{}", shard.name), format!("service/{name}: {message}"))
                .remedy(show.clone());
        }
    }
    for extra in endpoints.iter().filter(|one| !is_of_shards(one, &shards)) {
        let what = extra
            .pod
            .map_or_else(|| "no pod".to_owned(), |pod| format!("pod/{pod}"));
        if extra.terminating || extra.pod.is_some_and(|pod| is_of_a_sibling(seen, pod)) {
            continue;
        }
        verdict
            .fail(
                format!("service/{name}"),
                format!(
                    "it has the endpoint {} ({what}), which is none of the {} shards",
                    extra.address,
                    shards.len()
                ),
            )
            .remedy(show.clone());
    }
    Ok(verdict.seen(format!("{} endpoints behind service/{name}, all serving", shards.len())))
}

fn is_of_shards(endpoint: &Endpoint<'_>, shards: &[Shard<'_>]) -> bool {
    shards.iter().any(|shard| {
        endpoint.pod == Some(&shard.name)
            || endpoint.pod.is_none()
                && shard
                    .pod
                    .is_some_and(|found| addresses(found).contains(&endpoint.address))
    })
}

/// What is wrong with a shard's endpoint, a clause each.
fn what_is_wrong(shard: &Shard<'_>, endpoints: &[Endpoint<'_>]) -> Vec<String> {
    let ours: Vec<&Endpoint<'_>> = endpoints
        .iter()
        .filter(|one| is_of_shards(one, std::slice::from_ref(shard)))
        .collect();
    let Some(found) = shard.pod else {
        return vec![match ours.first() {
            Some(old) => format!("it still has the endpoint {}, and the pod is gone", old.address),
            None => "it has no endpoint: the pod doesn't exist".to_owned(),
        }];
    };
    let own = addresses(found);
    if own.is_empty() {
        return vec![format!(
            "it has no endpoint: the pod has no address yet ({})",
            pod::phase(found)
        )];
    }
    let is_own = |one: &&&Endpoint<'_>| own.contains(&one.address) && one.uid.is_none_or(|uid| uid == pod::uid(found));
    let (right, stale): (Vec<&&Endpoint<'_>>, Vec<&&Endpoint<'_>>) = ours.iter().partition(|one| is_own(one));
    let mut wrong = Vec::new();
    for old in stale.iter().filter(|old| !old.terminating) {
        wrong.push(if own.contains(&old.address) {
            format!("the endpoint {} is of an earlier pod of this name", old.address)
        } else {
            format!(
                "its endpoint has the address {}, the pod has {}",
                old.address,
                own.join(" and ")
            )
        });
    }
    if right.is_empty() {
        if wrong.is_empty() {
            wrong.push(format!(
                "it has no endpoint, though the pod has the address {}",
                own.join(" and ")
            ));
        }
        return wrong;
    }
    for one in &right {
        if one.hostname != Some(&shard.name) {
            wrong.push(format!(
                "the endpoint {} has the host name {}, not {}: the shard has no name",
                one.address,
                one.hostname.unwrap_or("(none)"),
                shard.name
            ));
        }
    }
    wrong.extend(unserving(found, &right));
    wrong
}

fn unserving(found: &Pod, right: &[&&Endpoint<'_>]) -> Option<String> {
    let address = right.first()?.address;
    if pod::is_terminating(found) || right.iter().any(|one| one.terminating) {
        return Some(format!("the endpoint {address} goes away: the pod is terminating"));
    }
    if right.iter().all(|one| one.serving) {
        return None;
    }
    Some(if pod::is_ready(found) {
        format!("the endpoint {address} isn't serving, though the pod is Ready: the slice is behind")
    } else {
        format!("the endpoint {address} isn't serving: the pod isn't Ready")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::{Value, json};

    fn endpoint(scene: &mut Scene, at: usize, change: impl FnOnce(&mut Value)) {
        scene.edit(Resource::EndpointSlices, "db-headless-x", |slice| {
            change(&mut slice["endpoints"][at]);
        });
    }

    fn findings(scene: &Scene) -> Vec<String> {
        words(&scene.judge(&EPS_01)).1
    }

    #[test]
    fn ready_is_forced_and_serving_tells_the_truth() {
        let mut scene = Scene::healthy(3);
        endpoint(&mut scene, 1, |one| one["conditions"]["serving"] = json!(false));
        scene.merge(
            Resource::Pods,
            "db-1",
            json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
        );
        let found = findings(&scene);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("10.0.0.11 isn't serving: the pod isn't Ready"),
            "{found:?}"
        );
    }

    #[test]
    fn a_stale_address_a_wrong_host_name_and_a_stranger_are_told_apart() {
        let mut scene = Scene::healthy(3);
        endpoint(&mut scene, 0, |one| one["addresses"] = json!(["10.9.9.9"]));
        endpoint(&mut scene, 1, |one| one["hostname"] = json!(null));
        endpoint(&mut scene, 2, |one| one["targetRef"]["name"] = json!("db-7"));
        let found = findings(&scene);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(
            found[0].contains("address 10.9.9.9, the pod has 10.0.0.10"),
            "{found:?}"
        );
        assert!(found[1].contains("host name (none)"), "{found:?}");
        assert!(
            found[2].contains("no endpoint, though the pod has the address 10.0.0.12"),
            "{found:?}"
        );
        assert!(
            found[3].contains("10.0.0.12 (pod/db-7), which is none of the 3 shards"),
            "{found:?}"
        );
    }

    #[test]
    fn an_endpoint_in_two_slices_counts_once() {
        let mut scene = Scene::healthy(3);
        scene.add(
            Resource::EndpointSlices,
            json!({
                "metadata": {"name": "db-headless-y", "labels": {"kubernetes.io/service-name": "db-headless"}},
                "addressType": "IPv4",
                "endpoints": [{
                    "addresses": ["10.0.0.11"], "hostname": "db-1",
                    "conditions": {"ready": false, "serving": false},
                    "targetRef": {"kind": "Pod", "name": "db-1", "uid": "uid-db-1"},
                }],
            }),
        );
        assert_eq!(findings(&scene), Vec::<String>::new());
    }

    #[test]
    fn a_shard_without_a_pod_or_an_address_has_no_endpoint() {
        let mut scene = Scene::healthy(3);
        scene.merge(
            Resource::Pods,
            "db-0",
            json!({"status": {"podIP": null, "phase": "Pending"}}),
        );
        scene.remove(Resource::Pods, "db-1");
        scene.edit(Resource::EndpointSlices, "db-headless-x", |slice| {
            slice["endpoints"].as_array_mut().unwrap().drain(..2);
        });
        let found = findings(&scene);
        assert!(found[0].contains("no address yet (Pending)"), "{found:?}");
        assert!(found[1].contains("the pod doesn't exist"), "{found:?}");
        assert_eq!(found.len(), 2);
    }
}
