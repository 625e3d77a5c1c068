//! The headless service that gives the shards their names.

use super::endpoints::merged;
use super::{governing, has_selector, labels_of, publishes_unready, unmet};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::{pod, set};
use crate::plan::names;
use crate::plan::verify::Check;
use crate::plan::verify::seen::Seen;

/// SVC-01.
pub const SVC_01: Check = Check {
    about: Description {
        id: "SVC-01",
        category: Category::ServiceAndDns,
        severity: Severity::Error,
        title: "the headless service selects the shards, all of them and nothing else",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Services,
            Resource::EndpointSlices,
        ],
        also: "",
        why: "The shards' names come from this service: a shard that it doesn't select has no name, and a stranger that it \
              selects is answered among the shards. publishNotReadyAddresses is only mentioned: with it a shard has its name \
              before it is Ready, which peers that must find each other need; without it a name that fails to resolve may \
              simply be a shard that isn't Ready.",
        mend: "Make the service's selector equal to the set's.\n$ kubectl get service NAME -o jsonpath='{.spec.selector}'\n\
               $ kubectl get statefulset NAME -o jsonpath='{.spec.selector.matchLabels}'",
        source: "apps/v1 StatefulSetSpec.serviceName; core/v1 ServiceSpec.selector, publishNotReadyAddresses",
        entails: &["EPS-01", "DNS-02", "DNS-03", "DNS-04"],
    },
    judge: svc_01,
};

fn svc_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let mut verdict = Verdict::new();
    let (name, service) = governing(seen)?;
    let object = format!("service/{name}");
    let Some(service) = service else {
        verdict
            .fail(
                object,
                "the set names this service, and it doesn't exist: no shard has a name",
            )
            .remedy(seen.kubectl("get services"));
        return Ok(verdict);
    };
    let spec = service.spec.as_ref();
    let headless = spec.and_then(|spec| spec.cluster_ip.as_deref()) == Some("None");
    if !headless {
        let kind = spec.and_then(|spec| spec.type_.as_deref()).unwrap_or("ClusterIP");
        let address = spec.and_then(|spec| spec.cluster_ip.as_deref()).unwrap_or_default();
        verdict
            .fail(
                object.clone(),
                format!("it isn't headless (type {kind}, clusterIP `{address}`): its name gives that address, not the shards'"),
            )
            .remedy("a Service can't be made headless in place: delete it and create it with clusterIP: None")
            .remedy(seen.kubectl(&format!("get service {} -o yaml", shell_word(name))));
    }
    if !has_selector(service) {
        verdict
            .fail(object, "it has no selector: nobody keeps its endpoints")
            .remedy(set_selector(seen, name));
        return Ok(verdict);
    }
    let template = set::template(set).and_then(|template| template.metadata.as_ref());
    let by_template = unmet(service, template.and_then(|meta| meta.labels.as_ref()));
    if let Some((key, wanted)) = by_template {
        verdict
            .fail(
                object.clone(),
                format!("its selector asks for {key}={wanted}, which the set's template doesn't give: it selects no new shard"),
            )
            .remedy(set_selector(seen, name));
    } else {
        let shards = verdict.part(seen.shards()).unwrap_or_default();
        for shard in shards.iter().filter(|shard| shard.pod.is_some()) {
            if let Some((key, wanted)) = unmet(service, Some(&labels_of(set, shard))) {
                verdict
                    .fail(
                        format!("pod/{}", shard.name),
                        format!("service/{name} doesn't select this shard: its label {key} isn't `{wanted}`"),
                    )
                    .remedy(seen.kubectl(&format!("label pod {} --overwrite {key}={wanted}", shard.name)));
            }
        }
    }
    let strangers = judge_strangers(seen, name, &mut verdict);
    verdict.part(strangers);
    if publishes_unready(service) {
        verdict.inform(
            object,
            "publishNotReadyAddresses is set: names resolve before their shard is Ready, and `ready` in its slices says nothing",
        );
    }
    Ok(verdict.seen(format!("service/{name}, headless, selects the shards")))
}

fn set_selector(seen: &Seen<'_>, service: &str) -> String {
    let selector = seen
        .set()
        .ok()
        .and_then(|set| set.spec.as_ref()?.selector.match_labels.clone());
    let selector = serde_json::to_string(&selector.unwrap_or_default()).unwrap_or_default();
    seen.kubectl(&format!(
        "patch service {} --type merge -p '{{\"spec\":{{\"selector\":{selector}}}}}'",
        shell_word(service)
    ))
}

/// Pods behind the service that this set's selector doesn't match. Pods of another set under the same service are no
/// strangers: a primary and its replicas often share one. Pods that the set's own selector matches are POD-01's and EPS-01's.
fn judge_strangers(seen: &Seen<'_>, name: &str, verdict: &mut Verdict) -> Result<(), Skip> {
    let slices = match seen.snapshot.slices.need() {
        Ok(slices) => slices,
        Err(Skip::Unknown(why)) => {
            verdict.unsure(format!("whether service/{name} selects other pods: {why}"));
            return Ok(());
        }
        Err(skip) => return Err(skip),
    };
    let pods = seen.pods()?;
    for endpoint in merged(slices, name) {
        let Some(found) = endpoint.pod.filter(|found| !is_of_a_sibling(seen, found)) else {
            continue;
        };
        if !pods.iter().any(|shard| pod::name(shard) == found) && !is_a_shards_name(seen, found) {
            verdict
                .fail(
                    format!("service/{name}"),
                    format!("it also selects pod/{found}, which isn't of this set"),
                )
                .remedy(set_selector(seen, name));
        }
    }
    Ok(())
}

fn is_a_shards_name(seen: &Seen<'_>, name: &str) -> bool {
    seen.set().is_ok_and(|set| set::ordinal_of(set, name).is_some())
}

/// Whether a pod has a name of another set that names the same service.
pub(super) fn is_of_a_sibling(seen: &Seen<'_>, name: &str) -> bool {
    let Ok(ours) = seen.set() else {
        return false;
    };
    let mut sets = seen.snapshot.sets.got().into_iter().flatten();
    sets.any(|other| {
        set::uid(other) != set::uid(ours)
            && names::governing_service(other) == names::governing_service(ours)
            && set::ordinal_of(other, name).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    #[test]
    fn a_selector_that_misses_the_shards_is_an_error() {
        let mut scene = Scene::healthy(3);
        scene.merge(
            Resource::Services,
            "db-headless",
            json!({"spec": {"selector": {"tier": "x"}}}),
        );
        let (outcome, findings) = words(&scene.judge(&SVC_01));
        assert_eq!((outcome, findings.len()), ("fail", 1), "{findings:?}");
        scene.remove(Resource::Services, "db-headless");
        assert_eq!(words(&scene.judge(&SVC_01)).0, "fail");
    }

    #[test]
    fn publishing_unready_addresses_is_information() {
        let mut scene = Scene::healthy(3);
        let publish = json!({"spec": {"publishNotReadyAddresses": true}});
        scene.merge(Resource::Services, "db-headless", publish);
        let judged = scene.judge(&SVC_01);
        assert_eq!(words(&judged).0, "pass");
        assert_eq!(judged.gravest(), Some(Severity::Information));
    }

    #[test]
    fn a_stranger_behind_the_service_is_an_error_and_a_sibling_set_is_not() {
        let mut scene = Scene::healthy(3);
        scene.edit(Resource::EndpointSlices, "db-headless-x", |slice| {
            let endpoints = slice["endpoints"].as_array_mut().unwrap();
            endpoints.push(
                json!({"addresses": ["10.0.0.99"], "targetRef": {"kind": "Pod", "name": "replica-0", "uid": "u"}}),
            );
        });
        let (outcome, findings) = words(&scene.judge(&SVC_01));
        assert_eq!((outcome, findings.len()), ("fail", 1), "{findings:?}");
        scene.add(
            Resource::StatefulSets,
            json!({
                "metadata": {"name": "replica", "uid": "other"},
                "spec": {"serviceName": "db-headless", "selector": {}, "template": {}},
            }),
        );
        assert_eq!(words(&scene.judge(&SVC_01)), ("pass", vec![]));
    }
}
