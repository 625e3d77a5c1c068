//! The shards' own names: each resolves to exactly its pod's address, on every server that was asked; and if not, why.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;

use super::answers::{self, Compared, compare, joined, parsed};
use super::dns::{object, replica_remedy};
use super::endpoints::{Endpoint, merged};
use super::{addresses, governing, labels_of, publishes_unready, unmet};
use crate::model::check::{Category, Description};
use crate::model::dns::{Answer, Questions, Vantage};
use crate::model::finding::{Severity, Verdict};
use crate::model::pod;
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::plan::names;
use crate::plan::verify::Check;
use crate::plan::verify::seen::{Seen, Shard};

/// DNS-03.
pub const DNS_03: Check = Check {
    about: Description {
        id: "DNS-03",
        category: Category::ServiceAndDns,
        severity: Severity::Error,
        title: "every shard's name resolves to exactly its pod's address",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Services,
            Resource::EndpointSlices,
            Resource::DnsPods,
        ],
        also: "a DNS question for each shard's name to each CoreDNS pod (or as `--dns` says)",
        why: "Clients that hash over the shards reach them by these names. A name that is missing loses that shard's keys; one \
              with another pod's address sends them to the wrong place. NXDOMAIN (no such name), NODATA (a name without an \
              address), an error, silence and an old address have different causes, and NXDOMAIN alone names none: the pod, \
              the service and its slices are looked at together. A pod that changed within the records' time to live (5 s by \
              default) is converging, and not failed.",
        mend: "Mend what the finding names: the pod, the service's selector, the slice. Where all of them are right, the \
               replica's picture is old.\n$ kubectl -n kube-system delete pod NAME",
        source: "the DNS specification for Kubernetes, 2.4.1; CoreDNS plugin/kubernetes, `ttl`",
        entails: &["DNS-04"],
    },
    judge: dns_03,
};

fn dns_03(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let asked = Asked::of(seen)?;
    let questions = asked.questions;
    let mut verdict = Verdict::new();
    for problem in asked.problems(seen, &mut verdict)? {
        let finding = verdict.fail(problem.object, problem.message);
        finding.evidence = problem.evidence;
        finding.remedy = problem.remedy;
    }
    if questions.servers.is_empty() {
        verdict.unsure("no name server was asked");
    }
    Ok(verdict.seen(format!(
        "{} names give their pods' addresses, asked of {}",
        asked.shards.len(),
        answers::vantage_words(questions)
    )))
}

/// DNS-04.
pub const DNS_04: Check = Check {
    about: Description {
        id: "DNS-04",
        category: Category::ServiceAndDns,
        severity: Severity::Information,
        title: "seen from inside a pod the shards' names resolve as well",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Services,
            Resource::EndpointSlices,
            Resource::DnsPods,
        ],
        also: "`--dns exec`, or shardctl running in a pod",
        why: "Programs don't ask CoreDNS's pods but what their /etc/resolv.conf names: a service address, a cache on the node, \
              under network policies. All of that lies between a right answer and a program, and only a pod can see it.",
        mend: "Where CoreDNS is right (DNS-03) and the pod sees something else, look at the cache on its node, at network \
               policies that forbid port 53, and at the pod's dnsPolicy.\n$ kubectl exec POD -- cat /etc/resolv.conf",
        source: "core/v1 PodSpec.dnsPolicy; NodeLocal DNSCache",
        entails: &[],
    },
    judge: dns_04,
};

fn dns_04(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    governing(seen)?;
    let place = match &seen.snapshot.dns.need()?.vantage {
        Vantage::Exec { pod } => format!("pod/{pod}"),
        Vantage::System if seen.snapshot.taken.context.is_none() => "the pod that shardctl runs in".to_owned(),
        _ => {
            let why = "the names weren't asked from inside a pod; `--dns exec` asks in one of the set's pods";
            return Err(seen.unasked("DNS-04", why));
        }
    };
    let asked = Asked::of(seen)?;
    let mut verdict = Verdict::new();
    for problem in asked.problems(seen, &mut verdict)? {
        let finding = verdict.inform(problem.object, format!("seen from {place}: {}", problem.message));
        finding.evidence = problem.evidence;
    }
    Ok(verdict.seen(format!("seen from {place}, {} names resolve", asked.shards.len())))
}

/// Something wrong with names, before it is known how grave it is.
struct Problem {
    object: String,
    message: String,
    evidence: Vec<String>,
    remedy: Vec<String>,
}

/// A shard's name and a wrong answer to it.
struct Wrong<'a> {
    /// The name.
    asked: String,
    /// The answer, in words; empty for one without addresses.
    words: String,
    /// Who gave it.
    servers: Vec<&'a str>,
    /// The pod's addresses.
    wanted: String,
    /// Why it can't be right; none where pod, service and slice are.
    cause: Option<String>,
}

/// The answers beside what there is to compare them with.
struct Asked<'a> {
    questions: &'a Questions,
    domain: &'a str,
    name: &'a str,
    service: Option<&'a Service>,
    endpoints: Vec<Endpoint<'a>>,
    shards: Vec<Shard<'a>>,
}

impl<'a> Asked<'a> {
    fn of(seen: &Seen<'a>) -> Result<Asked<'a>, Skip> {
        // Before the answers: without a service nobody was asked.
        let (name, service) = governing(seen)?;
        let questions = seen.snapshot.dns.need()?;
        let domain = seen.snapshot.domain.need()?;
        Ok(Asked {
            questions,
            domain,
            name,
            service,
            endpoints: merged(seen.snapshot.slices.need()?, name),
            shards: seen.shards()?,
        })
    }

    /// What is wrong: one problem a shard and kind of wrong answer, one a server and kind of failure.
    fn problems(&self, seen: &Seen<'_>, verdict: &mut Verdict) -> Result<Vec<Problem>, Skip> {
        let set = seen.set()?;
        let mut problems = Vec::new();
        let mut failed: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
        let mut unseen: BTreeMap<(&str, String), usize> = BTreeMap::new();
        for shard in &self.shards {
            let namespace = &seen.snapshot.taken.namespace;
            let asked = names::shard_name(set, shard.ordinal, self.name, namespace, self.domain);
            let own = shard.pod.map(addresses).unwrap_or_default();
            let wanted = parsed(own);
            let mut wrong: BTreeMap<(String, u32), Vec<&str>> = BTreeMap::new();
            for server in &self.questions.servers {
                let answer = server.answers.get(&asked);
                match compare(answer, &wanted) {
                    // Where there is no address, no answer is what was to be expected, and the name still doesn't resolve.
                    Compared::Right if wanted.is_empty() => {
                        let words = match answer {
                            Some(Answer::NoData) => "NODATA",
                            _ => "NXDOMAIN",
                        };
                        wrong.entry((words.to_owned(), 0)).or_default().push(&server.name);
                    }
                    Compared::Right => {}
                    Compared::Wrong { words, ttl } => wrong.entry((words, ttl)).or_default().push(&server.name),
                    Compared::Failed(words) => failed.entry((&server.name, words)).or_default().push(asked.clone()),
                    Compared::Unseen(why) => *unseen.entry((&server.name, why)).or_default() += 1,
                }
            }
            let mut by_words: BTreeMap<String, (u32, Vec<&str>)> = BTreeMap::new();
            for ((words, ttl), servers) in wrong {
                let known = by_words.entry(words).or_default();
                known.0 = known.0.max(ttl);
                known.1.extend(servers);
            }
            for (words, (ttl, servers)) in by_words {
                let cause = self.cause(seen, shard)?;
                let whom = servers.join(", ");
                if cause.is_none()
                    && let Some(seconds) = answers::converges_in(seen, shard.pod.and_then(answers::changed), ttl)
                {
                    verdict.unsure(format!(
                        "{whom} answers {asked} with {words}, and its pod has just changed: converging, ask again in {seconds} s"
                    ));
                    continue;
                }
                let asked = asked.clone();
                let wanted = joined(&wanted);
                problems.push(self.problem(
                    seen,
                    shard,
                    Wrong {
                        asked,
                        words,
                        servers,
                        wanted,
                        cause,
                    },
                ));
            }
        }
        for ((server, words), names) in failed {
            problems.push(Problem {
                object: object(server),
                message: format!(
                    "{} of {} shards' names aren't answered: {words}",
                    names.len(),
                    self.shards.len()
                ),
                evidence: names,
                remedy: vec![replica_remedy(seen, &self.questions.vantage, server)],
            });
        }
        for ((server, why), count) in unseen {
            verdict.unsure(format!("{server} on {count} of {} names: {why}", self.shards.len()));
        }
        Ok(problems)
    }

    fn problem(&self, seen: &Seen<'_>, shard: &Shard<'_>, wrong: Wrong<'_>) -> Problem {
        let Wrong {
            asked,
            words,
            servers,
            wanted,
            cause,
        } = wrong;
        let whom = servers.join(", ");
        let answer = if words.is_empty() { "no address" } else { &words };
        let message = match &cause {
            Some(cause) => format!("{asked} gives {answer}: {cause}"),
            None => format!(
                "{asked} gives {answer}, the pod has {wanted}, and so has the endpoint slice: the name server's picture is old"
            ),
        };
        let remedy = match cause {
            Some(_) => vec![
                seen.kubectl(&format!("describe pod {}", shell_word(&shard.name))),
                seen.kubectl(&format!(
                    "get endpointslices -l kubernetes.io/service-name={} -o yaml",
                    shell_word(self.name)
                )),
            ],
            None => servers
                .iter()
                .map(|server| replica_remedy(seen, &self.questions.vantage, server))
                .collect(),
        };
        Problem {
            object: format!("pod/{}", shard.name),
            message,
            evidence: vec![format!("answered by {whom}")],
            remedy,
        }
    }

    /// Why a shard's name can't be right, from the pod, the service and the slices together; none where all is there.
    fn cause(&self, seen: &Seen<'_>, shard: &Shard<'_>) -> Result<Option<String>, Skip> {
        let set = seen.set()?;
        let name = self.name;
        let Some(service) = self.service else {
            return Ok(Some(format!("there is no service/{name}")));
        };
        let Some(found) = shard.pod else {
            return Ok(Some(format!("there is no pod/{}", shard.name)));
        };
        let own = addresses(found);
        if own.is_empty() {
            return Ok(Some(format!("the pod has no address yet ({})", pod::phase(found))));
        }
        if let Some((key, wanted)) = unmet(service, Some(&labels_of(set, shard))) {
            return Ok(Some(format!(
                "service/{name} selects {key}={wanted}, and the pod hasn't that label"
            )));
        }
        let spec = found.spec.as_ref();
        let subdomain = spec.and_then(|spec| spec.subdomain.as_deref()).unwrap_or_default();
        if subdomain != name && self.hostname_of(&own).is_none_or(|host| host != shard.name) {
            return Ok(Some(format!("the pod's subdomain is `{subdomain}`, not `{name}`")));
        }
        let Some(endpoint) = self.endpoints.iter().find(|one| own.contains(&one.address)) else {
            return Ok(Some(format!(
                "no endpoint slice of service/{name} holds the pod's address {}",
                own.join(" and ")
            )));
        };
        if !endpoint.ready {
            let state = if pod::is_terminating(found) {
                "is terminating"
            } else {
                "isn't Ready"
            };
            let publishes = if publishes_unready(service) {
                "its slice is behind"
            } else {
                "its service publishes only Ready ones"
            };
            return Ok(Some(format!("the pod {state}, and {publishes}")));
        }
        if endpoint.hostname != Some(&shard.name) {
            return Ok(Some(format!(
                "its endpoint has the host name {}, not {}",
                endpoint.hostname.unwrap_or("(none)"),
                shard.name
            )));
        }
        Ok(None)
    }

    fn hostname_of(&self, own: &[&str]) -> Option<&'a str> {
        self.endpoints.iter().find(|one| own.contains(&one.address))?.hostname
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dns::Server;
    use crate::model::read::Read;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    fn gives(address: &str) -> Answer {
        Answer::Addresses {
            addresses: vec![address.parse().unwrap()],
            ttl: Some(5),
        }
    }

    /// A scene of three shards, of which `db-1` gets this answer.
    fn answered(answer: Answer) -> Scene {
        let mut scene = Scene::healthy(3);
        let name = |ordinal: usize| format!("db-{ordinal}.db-headless.shop.svc.cluster.local.");
        let answers = [
            (name(0), gives("10.0.0.10")),
            (name(1), answer),
            (name(2), gives("10.0.0.12")),
        ];
        scene.dns = Read::Got(Questions {
            vantage: Vantage::PortForward,
            servers: vec![Server {
                name: "pod/coredns-a".to_owned(),
                answers: answers.into(),
            }],
        });
        scene
    }

    fn only_finding(scene: &Scene) -> String {
        let (outcome, findings) = words(&scene.judge(&DNS_03));
        assert_eq!((outcome, findings.len()), ("fail", 1), "{findings:?}");
        findings[0].clone()
    }

    #[test]
    fn every_name_must_give_its_pods_address() {
        let scene = answered(gives("10.0.0.11"));
        assert_eq!(words(&scene.judge(&DNS_03)), ("pass", vec![]));
        assert!(only_finding(&answered(gives("10.9.9.9"))).contains("gives 10.9.9.9, the pod has 10.0.0.11"));
        let silent = Answer::TimedOut { after_ms: 2000 };
        assert!(only_finding(&answered(silent)).contains("1 of 3 shards' names aren't answered: timed out"));
        let unreachable = Answer::Unreachable {
            why: "refused".to_owned(),
        };
        assert_eq!(words(&answered(unreachable).judge(&DNS_03)).0, "unknown");
    }

    #[test]
    fn nxdomain_gets_its_cause_from_pod_service_and_slice() {
        let mut scene = answered(Answer::NxDomain);
        assert!(only_finding(&scene).contains("the name server's picture is old"));
        scene.edit(Resource::EndpointSlices, "db-headless-x", |slice| {
            slice["endpoints"][1]["conditions"]["ready"] = json!(false);
        });
        let unready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        scene.merge(Resource::Pods, "db-1", unready);
        assert!(only_finding(&scene).contains("the pod isn't Ready, and its service publishes only Ready ones"));
        scene.merge(Resource::Pods, "db-1", json!({"metadata": {"labels": {"tier": "x"}}}));
        scene.merge(
            Resource::Services,
            "db-headless",
            json!({"spec": {"selector": {"tier": "y"}}}),
        );
        let all = words(&scene.judge(&DNS_03)).1;
        assert!(all[0].contains("selects tier=y"), "{all:?}");
        scene.merge(
            Resource::Pods,
            "db-1",
            json!({"status": {"podIP": null, "phase": "Pending"}}),
        );
        assert!(only_finding(&scene).contains("the pod has no address yet (Pending)"));
        scene.remove(Resource::Pods, "db-1");
        assert!(only_finding(&scene).contains("there is no pod/db-1"));
        scene.remove(Resource::Services, "db-headless");
        assert!(only_finding(&scene).contains("there is no service/db-headless"));
    }

    #[test]
    fn a_pod_that_has_just_moved_is_converging() {
        let mut scene = answered(gives("10.9.9.9"));
        let made = json!({"metadata": {"creationTimestamp": "2026-03-01T11:59:57Z"}});
        scene.merge(Resource::Pods, "db-1", made);
        let judged = scene.judge(&DNS_03);
        assert_eq!(words(&judged), ("unknown", vec![]));
    }

    #[test]
    fn the_view_from_inside_a_pod_is_information() {
        let mut scene = answered(Answer::NxDomain);
        assert_eq!(words(&scene.judge(&DNS_04)).0, "not applicable");
        if let Read::Got(questions) = &mut scene.dns {
            questions.vantage = Vantage::Exec { pod: "db-0".to_owned() };
        }
        let judged = scene.judge(&DNS_04);
        assert_eq!(
            (words(&judged).0, judged.gravest()),
            ("pass", Some(Severity::Information))
        );
    }
}
