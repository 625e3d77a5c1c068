//! The name servers: running, and of one mind with the endpoint slices about the headless service.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::answers::{self, Compared, compare, joined, published};
use super::endpoints::merged;
use super::governing_there;
use crate::model::check::{Category, Description};
use crate::model::dns::{Answer, Vantage, is_name_server};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::{node, pod};
use crate::plan::names;
use crate::plan::verify::Check;
use crate::plan::verify::seen::Seen;

/// DNS-01.
pub const DNS_01: Check = Check {
    about: Description {
        id: "DNS-01",
        category: Category::ServiceAndDns,
        severity: Severity::Error,
        title: "CoreDNS is ready",
        reads: &[Resource::DnsPods],
        also: "nodes and Deployments where there is no such pod: the nodes of EKS Auto Mode run CoreDNS as a service of theirs, \
               which can only be asked",
        why: "Without a ready name server no shard finds another by its name, and no client finds a shard. One replica that \
              isn't ready is a warning: the others answer.",
        mend: "See what its pods say. They go on answering from memory while the API server is away, so a CoreDNS that isn't \
               ready may still answer, with old addresses.\n$ kubectl -n kube-system get pods -l k8s-app=kube-dns -o wide\n$ \
               kubectl -n kube-system logs -l k8s-app=kube-dns --tail=50",
        source: "the label k8s-app=kube-dns, which kubeadm, AKS, EKS and GKE all give to the cluster's name servers",
        entails: &["DNS-02", "DNS-03", "DNS-04"],
    },
    judge: dns_01,
};

/// CoreDNS's pods that are or may come to be running.
fn replicas<'a>(seen: &Seen<'a>) -> Result<Vec<&'a Pod>, Skip> {
    let pods = seen.snapshot.dns_pods.need()?;
    let mut living: Vec<&Pod> = pods
        .iter()
        .filter(|found| is_name_server(found.metadata.labels.as_ref()))
        .filter(|found| !pod::is_terminating(found) && !matches!(pod::phase(found), "Succeeded" | "Failed"))
        .collect();
    living.sort_by_key(|found| pod::name(found));
    Ok(living)
}

fn dns_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let replicas = replicas(seen)?;
    let mut verdict = Verdict::new();
    let show = seen.kubectl_cluster("-n kube-system get pods -l k8s-app=kube-dns -o wide");
    if replicas.is_empty() {
        if names_are_answered(seen) {
            let why = "the cluster's name server isn't k8s-app=kube-dns in kube-system; names are answered (DNS-03)";
            return Err(Skip::NotApplicable(why.to_owned()));
        }
        if is_of_the_nodes(seen)? {
            let why = "under EKS Auto Mode CoreDNS is a service of each node, which no pod shows; ask it from a shard: --dns exec";
            return Err(Skip::Unknown(why.to_owned()));
        }
        verdict
            .fail("namespace/kube-system", "there is no CoreDNS pod (k8s-app=kube-dns)")
            .remedy(seen.kubectl_cluster("-n kube-system get deployments"));
        return Ok(verdict);
    }
    let (ready, down): (Vec<_>, Vec<_>) = replicas.iter().copied().partition(|found| pod::is_ready(found));
    if ready.is_empty() {
        let finding = verdict.fail(
            "namespace/kube-system",
            format!("none of the {} CoreDNS pods is ready", replicas.len()),
        );
        for found in &down {
            finding.evidence(format!("pod/{}: {}", pod::name(found), state(found)));
        }
        finding.remedy(show);
    } else {
        for found in &down {
            verdict
                .warn(
                    format!("pod/{}", pod::name(found)),
                    format!(
                        "this CoreDNS replica isn't ready ({}); {} of {} are",
                        state(found),
                        ready.len(),
                        replicas.len()
                    ),
                )
                .remedy(seen.kubectl_cluster(&format!("-n kube-system describe pod {}", shell_word(pod::name(found)))));
        }
    }
    Ok(verdict.seen(format!("{} of {} CoreDNS pods ready", ready.len(), replicas.len())))
}

/// Whether the name server is a service of the nodes: there are nodes of EKS Auto Mode, and no Deployment that should have made
/// pods. With a Deployment the pods are missing; nodes of other kinds beside those of Auto Mode take it.
///
/// # Errors
/// Unknown where nodes can't be read, or Deployments where it comes to them.
fn is_of_the_nodes(seen: &Seen<'_>) -> Result<bool, Skip> {
    if !seen.snapshot.nodes.need()?.iter().any(node::is_eks_auto) {
        return Ok(false);
    }
    let deployments = seen.snapshot.deployments.need()?;
    Ok(!deployments.iter().any(|found| {
        found.metadata.namespace.as_deref() == Some("kube-system") && is_name_server(found.metadata.labels.as_ref())
    }))
}

/// The phase, or the reason for which a container waits.
fn state(found: &Pod) -> String {
    let waiting = pod::container_statuses(found)
        .filter_map(|status| status.state.as_ref()?.waiting.as_ref()?.reason.as_deref())
        .next();
    waiting.unwrap_or_else(|| pod::phase(found)).to_owned()
}

/// Whether any server gave any answer of its own.
fn names_are_answered(seen: &Seen<'_>) -> bool {
    let servers = seen
        .snapshot
        .dns
        .got()
        .map(|dns| dns.servers.as_slice())
        .unwrap_or_default();
    let mut answers = servers.iter().flat_map(|server| server.answers.values());
    answers.any(|answer| matches!(answer, Answer::Addresses { .. } | Answer::NoData | Answer::NxDomain))
}

/// DNS-02.
pub const DNS_02: Check = Check {
    about: Description {
        id: "DNS-02",
        category: Category::ServiceAndDns,
        severity: Severity::Error,
        title: "every CoreDNS replica answers the headless service's name with its endpoints",
        reads: &[
            Resource::StatefulSets,
            Resource::Services,
            Resource::EndpointSlices,
            Resource::DnsPods,
        ],
        also: "a DNS question to each CoreDNS pod (or as `--dns` says)",
        why: "Each replica keeps its own picture of the endpoints. One whose watch of the API server is dead goes on answering \
              with an old one, and a fraction of all lookups goes wrong. Only port-forwards reach every replica; asked in \
              another way the check speaks for the one server that answered.",
        mend: "Restart the replica that disagrees; the others answer meanwhile.\n$ kubectl -n kube-system delete pod NAME",
        source: "the DNS specification for Kubernetes, 2.4.1; CoreDNS plugin/kubernetes",
        entails: &[],
    },
    judge: dns_02,
};

fn dns_02(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    // Before the answers: without a service nobody was asked.
    let (service, _) = governing_there(seen)?;
    let questions = seen.snapshot.dns.need()?;
    let domain = seen.snapshot.domain.need()?;
    let endpoints = merged(seen.snapshot.slices.need()?, service);
    let wanted = published(&endpoints);
    let name = names::service_name(service, &seen.snapshot.taken.namespace, domain);
    let mut verdict = Verdict::new();
    for server in &questions.servers {
        match compare(server.answers.get(&name), &wanted) {
            Compared::Right => {}
            Compared::Unseen(why) => verdict.unsure(format!("{} on {name}: {why}", server.name)),
            Compared::Failed(words) => {
                verdict
                    .fail(object(&server.name), format!("{name} isn't answered: {words}"))
                    .remedy(replica_remedy(seen, &questions.vantage, &server.name));
            }
            Compared::Wrong { words, ttl } => {
                if let Some(seconds) = answers::converges_in(seen, last_change(seen, service), ttl) {
                    verdict.unsure(format!(
                        "{} answers {name} with {words}, and endpoints have just changed: converging, ask again in {seconds} s",
                        server.name
                    ));
                    continue;
                }
                let wanted = match wanted.is_empty() {
                    true => "none".to_owned(),
                    false => joined(&wanted),
                };
                verdict
                    .fail(
                        object(&server.name),
                        format!("{name} is answered with {words}; the endpoint slices have {wanted}"),
                    )
                    .remedy(replica_remedy(seen, &questions.vantage, &server.name));
            }
        }
    }
    if questions.servers.is_empty() {
        verdict.unsure("no name server was asked");
    }
    if questions.vantage == Vantage::PortForward {
        unasked(seen, questions, &mut verdict);
    }
    Ok(verdict.seen(format!(
        "{name} gives the {} endpoints, asked of {}",
        wanted.len(),
        answers::vantage_words(questions)
    )))
}

/// Ready replicas that weren't asked: "every" can't be said without them.
fn unasked(seen: &Seen<'_>, questions: &crate::model::dns::Questions, verdict: &mut Verdict) {
    match replicas(seen) {
        Ok(replicas) => {
            let asked: BTreeSet<&str> = questions.servers.iter().map(|server| server.name.as_str()).collect();
            for found in replicas.iter().filter(|found| pod::is_ready(found)) {
                let name = format!("pod/{}", pod::name(found));
                if !asked.contains(name.as_str()) {
                    verdict.unsure(format!("{name} wasn't asked"));
                }
            }
        }
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => verdict.unsure(why),
    }
}

/// A server's name as `kind/name`.
pub(super) fn object(server: &str) -> String {
    if server.contains('/') {
        server.to_owned()
    } else {
        format!("dns/{server}")
    }
}

/// What to do about one server's wrong answer.
pub(super) fn replica_remedy(seen: &Seen<'_>, vantage: &Vantage, server: &str) -> String {
    match (vantage, server.strip_prefix("pod/")) {
        (Vantage::PortForward, Some(replica)) => {
            seen.kubectl_cluster(&format!("-n kube-system delete pod {}", shell_word(replica)))
        }
        _ => seen.kubectl_cluster("-n kube-system get pods -l k8s-app=kube-dns -o wide"),
    }
}

/// When the endpoints of the service last changed, by the slices' own note and by the pods.
fn last_change(seen: &Seen<'_>, service: &str) -> Option<Timestamp> {
    const NOTED: &str = "endpoints.kubernetes.io/last-change-trigger-time";
    let slices = seen.snapshot.slices.got().into_iter().flatten();
    let noted = slices
        .filter(|slice| {
            let labels = slice.metadata.labels.as_ref();
            labels
                .and_then(|labels| labels.get("kubernetes.io/service-name"))
                .map(String::as_str)
                == Some(service)
        })
        .filter_map(|slice| slice.metadata.annotations.as_ref()?.get(NOTED)?.parse().ok());
    let pods = seen.pods().unwrap_or_default();
    noted.chain(pods.into_iter().filter_map(answers::changed)).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dns::{Questions, Server};
    use crate::model::read::Read;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    fn replica(scene: &mut Scene, name: &str, ready: &str) {
        scene.add(
            Resource::DnsPods,
            json!({
                "metadata": {"name": name, "labels": {"k8s-app": "kube-dns"}},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
            }),
        );
    }

    fn asked(scene: &mut Scene, vantage: Vantage, servers: &[(&str, Answer)]) {
        let servers = servers
            .iter()
            .map(|(name, answer)| Server {
                name: (*name).to_owned(),
                answers: [("db-headless.shop.svc.cluster.local.".to_owned(), answer.clone())].into(),
            })
            .collect();
        scene.dns = Read::Got(Questions { vantage, servers });
    }

    fn gives(addresses: &[&str]) -> Answer {
        Answer::Addresses {
            addresses: addresses.iter().map(|one| one.parse().unwrap()).collect(),
            ttl: Some(5),
        }
    }

    const ALL: [&str; 3] = ["10.0.0.10", "10.0.0.11", "10.0.0.12"];

    #[test]
    fn one_replica_down_is_a_warning_and_all_of_them_an_error() {
        let mut scene = Scene::healthy(3);
        assert_eq!(words(&scene.judge(&DNS_01)).0, "fail");
        replica(&mut scene, "coredns-a", "False");
        assert_eq!(words(&scene.judge(&DNS_01)).0, "fail");
        replica(&mut scene, "coredns-b", "True");
        let judged = scene.judge(&DNS_01);
        assert_eq!((words(&judged).0, judged.gravest()), ("pass", Some(Severity::Warning)));
    }

    #[test]
    fn a_name_server_that_is_a_service_of_the_nodes_is_unknown_until_it_is_asked() {
        let mut scene = Scene::healthy(3);
        scene.merge(
            Resource::Nodes,
            "node-1",
            json!({"metadata": {"labels": {"eks.amazonaws.com/compute-type": "auto"}}}),
        );
        let judged = scene.judge(&DNS_01);
        assert_eq!(words(&judged), ("unknown", vec![]));
        // Nodes of a managed group beside those of Auto Mode: the add-on's pods are missing.
        let coredns = json!({"metadata": {
            "name": "coredns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"},
        }});
        scene.add(Resource::Deployments, coredns);
        assert_eq!(words(&scene.judge(&DNS_01)).0, "fail");
        scene.unreadable(Resource::Deployments);
        assert_eq!(words(&scene.judge(&DNS_01)).0, "unknown");
        let inside = Vantage::Exec { pod: "db-0".to_owned() };
        asked(&mut scene, inside, &[("the resolver of db-0", gives(&ALL))]);
        assert_eq!(words(&scene.judge(&DNS_01)).0, "not applicable");
        // Whether there are such nodes has to be seen, too.
        let mut scene = Scene::healthy(3);
        scene.unreadable(Resource::Nodes);
        assert_eq!(words(&scene.judge(&DNS_01)).0, "unknown");
    }

    #[test]
    fn every_replica_must_give_the_endpoint_set() {
        let mut scene = Scene::healthy(3);
        replica(&mut scene, "coredns-a", "True");
        replica(&mut scene, "coredns-b", "True");
        asked(&mut scene, Vantage::PortForward, &[("pod/coredns-a", gives(&ALL))]);
        assert_eq!(words(&scene.judge(&DNS_02)).0, "unknown", "coredns-b wasn't asked");
        let both = |other| [("pod/coredns-a", gives(&ALL)), ("pod/coredns-b", other)];
        asked(&mut scene, Vantage::PortForward, &both(gives(&ALL)));
        assert_eq!(words(&scene.judge(&DNS_02)), ("pass", vec![]));
        asked(&mut scene, Vantage::PortForward, &both(gives(&ALL[..2])));
        let judged = scene.judge(&DNS_02);
        assert_eq!(words(&judged).0, "fail");
        assert_eq!(
            judged.findings[0].remedy,
            ["$ kubectl -n kube-system delete pod coredns-b"]
        );
        asked(
            &mut scene,
            Vantage::PortForward,
            &both(Answer::TimedOut { after_ms: 2000 }),
        );
        assert_eq!(words(&scene.judge(&DNS_02)).0, "fail");
    }

    #[test]
    fn another_vantage_point_speaks_for_itself_only() {
        let mut scene = Scene::healthy(3);
        asked(
            &mut scene,
            Vantage::System,
            &[("the resolver of this machine", gives(&ALL))],
        );
        let judged = scene.judge(&DNS_02);
        assert_eq!(words(&judged).0, "pass");
        assert!(judged.seen.contains("not every replica"), "{}", judged.seen);
        assert_eq!(words(&scene.judge(&DNS_01)).0, "not applicable");
    }

    #[test]
    fn a_change_within_the_time_to_live_is_converging() {
        let mut scene = Scene::healthy(3);
        asked(&mut scene, Vantage::System, &[("x", gives(&ALL[..2]))]);
        assert_eq!(words(&scene.judge(&DNS_02)).0, "fail");
        let note = "endpoints.kubernetes.io/last-change-trigger-time";
        let changed = |time: &str| json!({"metadata": {"annotations": {note: time}}});
        scene.merge(
            Resource::EndpointSlices,
            "db-headless-x",
            changed("2026-03-01T11:59:58Z"),
        );
        assert_eq!(words(&scene.judge(&DNS_02)).0, "unknown");
        scene.merge(
            Resource::EndpointSlices,
            "db-headless-x",
            changed("2026-03-01T11:59:50Z"),
        );
        assert_eq!(words(&scene.judge(&DNS_02)).0, "fail");
    }
}
