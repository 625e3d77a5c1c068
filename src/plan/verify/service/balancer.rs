//! Load balancers in front of the shards: there, and with every shard behind them.

use k8s_openapi::api::core::v1::Service;

use super::endpoints::merged;
use super::{has_selector, labels_of, service_name, unmet};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::span::words;
use crate::plan::verify::Check;
use crate::plan::verify::seen::{Seen, Shard};
use crate::plan::verify::storage::quoted;

/// A service of type LoadBalancer and the shards that it selects, by their names.
pub(in crate::plan) type Balancer<'a> = (&'a Service, Vec<String>);

/// The load balancers that lead to shards.
///
/// # Errors
/// Not applicable where no such service selects a shard; unknown where services can't be read.
pub(in crate::plan) fn balancers<'a>(seen: &Seen<'a>) -> Result<Vec<Balancer<'a>>, Skip> {
    leading_to(seen, &seen.shards()?)
}

/// The same, of these shards.
///
/// # Errors
/// As [`balancers`].
pub(in crate::plan) fn leading_to<'a>(seen: &Seen<'a>, shards: &[Shard<'a>]) -> Result<Vec<Balancer<'a>>, Skip> {
    let set = seen.set()?;
    let services = seen.snapshot.services.need()?;
    let kind = |service: &&Service| {
        service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer") && has_selector(service)
    };
    let found: Vec<Balancer<'_>> = services
        .iter()
        .filter(kind)
        .map(|service| {
            let selected = |shard: &&_| unmet(service, Some(&labels_of(set, shard))).is_none();
            let names = shards
                .iter()
                .filter(selected)
                .map(|shard| shard.name.to_string())
                .collect();
            (service, names)
        })
        .filter(|(_, names): &Balancer<'_>| !names.is_empty())
        .collect();
    if found.is_empty() {
        return Err(Skip::NotApplicable(
            "no LoadBalancer service selects the shards".to_owned(),
        ));
    }
    Ok(found)
}

/// The addresses and names that a load balancer was given.
pub(in crate::plan) fn ingress(service: &Service) -> Vec<&str> {
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let listed = status.and_then(|status| status.ingress.as_deref()).unwrap_or_default();
    listed
        .iter()
        .filter_map(|one| one.ip.as_deref().or(one.hostname.as_deref()))
        .filter(|word| !word.is_empty())
        .collect()
}

/// LB-01.
pub const LB_01: Check = Check {
    about: Description {
        id: "LB-01",
        category: Category::ServiceAndDns,
        severity: Severity::Error,
        title: "every load balancer in front of the shards has its address",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::Services],
        also: "",
        why: "A load balancer without an address is an entrance that doesn't exist: whoever comes from outside the cluster \
              reaches no shard.",
        mend: "The service's events quote the cloud: a quota, a subnet without free addresses, an identity without rights, an \
               annotation that isn't understood. With a loadBalancerClass that no controller serves there are no events at \
               all.\n$ kubectl describe service NAME",
        source: "core/v1 ServiceStatus.loadBalancer; k8s.io/cloud-provider/controllers/service",
        entails: &["EVT-01"],
    },
    judge: lb_01,
};

fn lb_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let balancers = balancers(seen)?;
    let mut verdict = Verdict::new();
    let mut entrances = Vec::new();
    for (service, _) in &balancers {
        let name = service_name(service);
        let given = ingress(service);
        if !given.is_empty() {
            entrances.push(format!("service/{name} at {}", given.join(", ")));
            continue;
        }
        let made = service.metadata.creation_timestamp.as_ref();
        let since = made.map(|made| format!(" for {}", words(seen.now().duration_since(made.0))));
        let class = service
            .spec
            .as_ref()
            .and_then(|spec| spec.load_balancer_class.as_deref());
        let finding = verdict.fail(
            format!("service/{name}"),
            format!(
                "its load balancer is pending{}: it has no address",
                since.unwrap_or_default()
            ),
        );
        if let Some(class) = class {
            finding.evidence(format!("loadBalancerClass: {class}"));
        }
        match seen.events_about("Service", name) {
            Ok(events) => match events.last() {
                Some(last) => finding.evidence(quoted(last)),
                None => finding
                    .evidence("no event about it: no controller has looked at it, or it gave up over an hour ago"),
            },
            Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => finding.evidence(format!("its events: {why}")),
        };
        finding.remedy(seen.kubectl(&format!("describe service {}", shell_word(name))));
    }
    Ok(verdict.seen(entrances.join("; ")))
}

/// LB-02.
pub const LB_02: Check = Check {
    about: Description {
        id: "LB-02",
        category: Category::ServiceAndDns,
        severity: Severity::Warning,
        title: "every shard that a load balancer selects is ready behind it",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Services,
            Resource::EndpointSlices,
        ],
        also: "",
        why: "A load balancer sends its connections to the ready endpoints only; a shard that is missing there gets nothing \
              from outside, and the others get its share.",
        mend: "See under POD-01 why the shard isn't Ready.\n$ kubectl get endpointslices -l kubernetes.io/service-name=NAME",
        source: "discovery.k8s.io/v1 EndpointConditions; KEP-1669 (terminating endpoints)",
        entails: &[],
    },
    judge: lb_02,
};

fn lb_02(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let balancers = balancers(seen)?;
    let slices = seen.snapshot.slices.need()?;
    let mut verdict = Verdict::new();
    let mut seen_words = Vec::new();
    for (service, selected) in &balancers {
        let name = service_name(service);
        let endpoints = merged(slices, name);
        let missing: Vec<&str> = selected
            .iter()
            .map(String::as_str)
            .filter(|shard| {
                let takes = |one: &super::endpoints::Endpoint<'_>| {
                    one.pod == Some(*shard) && one.ready && one.serving && !one.terminating
                };
                !endpoints.iter().any(takes)
            })
            .collect();
        seen_words.push(format!(
            "{} ready behind service/{name}",
            selected.len() - missing.len()
        ));
        if !missing.is_empty() {
            verdict
                .warn(
                    format!("service/{name}"),
                    format!(
                        "{} of {} shards are ready behind it; missing: {}",
                        selected.len() - missing.len(),
                        selected.len(),
                        missing.join(", ")
                    ),
                )
                .remedy(seen.kubectl(&format!(
                    "get endpointslices -l kubernetes.io/service-name={}",
                    shell_word(name)
                )));
        }
    }
    Ok(verdict.seen(seen_words.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words as told};
    use serde_json::json;

    fn balanced() -> Scene {
        let mut scene = Scene::healthy(3);
        scene.add(
            Resource::Services,
            json!({
                "metadata": {"name": "db-lb", "creationTimestamp": "2026-03-01T11:50:00Z"},
                "spec": {"type": "LoadBalancer", "selector": {"app": "db"}},
                "status": {"loadBalancer": {"ingress": [{"ip": "20.0.0.1"}]}},
            }),
        );
        let endpoint = |ordinal: usize| {
            json!({
                "addresses": [format!("10.0.0.{}", ordinal + 10)], "conditions": {"ready": true, "serving": true},
                "targetRef": {"kind": "Pod", "name": format!("db-{ordinal}"), "uid": format!("uid-db-{ordinal}")},
            })
        };
        scene.add(
            Resource::EndpointSlices,
            json!({
                "metadata": {"name": "db-lb-x", "labels": {"kubernetes.io/service-name": "db-lb"}},
                "addressType": "IPv4", "endpoints": [endpoint(0), endpoint(1), endpoint(2)],
            }),
        );
        scene
    }

    #[test]
    fn without_a_load_balancer_there_is_nothing_to_judge() {
        let scene = Scene::healthy(3);
        assert_eq!(told(&scene.judge(&LB_01)).0, "not applicable");
        assert_eq!(told(&scene.judge(&LB_02)).0, "not applicable");
    }

    #[test]
    fn a_pending_load_balancer_is_an_error_with_its_event() {
        let mut scene = balanced();
        assert_eq!(told(&scene.judge(&LB_01)), ("pass", vec![]));
        scene.merge(
            Resource::Services,
            "db-lb",
            json!({"status": {"loadBalancer": {"ingress": null}}}),
        );
        let event = json!({"reason": "SyncLoadBalancerFailed", "message": "quota exceeded"});
        scene.event("Service", "db-lb", "2026-03-01T11:55:00Z", event);
        let judged = scene.judge(&LB_01);
        assert_eq!(
            told(&judged).1,
            ["Error service/db-lb: its load balancer is pending for 10m: it has no address"]
        );
        assert_eq!(judged.findings[0].evidence, ["SyncLoadBalancerFailed: quota exceeded"]);
    }

    #[test]
    fn a_shard_missing_behind_it_is_a_warning_and_a_service_of_one_shard_needs_one() {
        let mut scene = balanced();
        assert_eq!(told(&scene.judge(&LB_02)), ("pass", vec![]));
        scene.edit(Resource::EndpointSlices, "db-lb-x", |slice| {
            slice["endpoints"][1]["conditions"]["ready"] = json!(false);
        });
        let (outcome, findings) = told(&scene.judge(&LB_02));
        assert_eq!(outcome, "pass");
        assert_eq!(
            findings,
            ["Warning service/db-lb: 2 of 3 shards are ready behind it; missing: db-1"]
        );
        let one = json!({"spec": {"selector": {"statefulset.kubernetes.io/pod-name": "db-0"}}});
        scene.merge(Resource::Services, "db-lb", one);
        assert_eq!(told(&scene.judge(&LB_02)), ("pass", vec![]));
    }
}
