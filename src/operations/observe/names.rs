//! Asking name servers for the names of the shards, in the way that was chosen.

use crate::cluster::connect::Connection;
use crate::cluster::get::Api;
use crate::cluster::rights;
use crate::model::dns::Questions;
use crate::model::pod;
use crate::model::read::{Read, Skip};
use crate::model::right::{Right, Rule};
use crate::net::dns::{self, Ask, Family};
use crate::operations::observe::{DnsMode, Wanted};
use crate::plan::names;
use crate::plan::verify::access::{exec_rules, port_forward_rules};
use crate::plan::verify::seen::Seen;

/// The cluster's domain and the answers; nothing where nobody wants to know.
pub async fn ask(connection: &Connection, wanted: &Wanted, seen: &Seen<'_>) -> Option<(Read<String>, Read<Questions>)> {
    let mode = mode(connection, wanted.dns?);
    let domain = domain(connection, wanted.domain.as_deref(), seen).await;
    let questions = match &domain {
        Read::Got(domain) => match ask_for(seen, domain, wanted) {
            Ok(ask) => put(connection, mode, &ask, seen).await,
            Err(Skip::Unknown(why)) => Read::Unreadable(why),
            Err(Skip::NotApplicable(why)) => Read::Absent(why),
        },
        Read::Absent(why) => Read::Absent(why.clone()),
        Read::Unreadable(why) => Read::Unreadable(why.clone()),
    };
    Some((domain, questions))
}

/// The way of asking, with the default decided: inside a pod the cluster's own resolver is at hand.
fn mode(connection: &Connection, wanted: DnsMode) -> DnsMode {
    match wanted {
        DnsMode::Default if connection.in_cluster() => DnsMode::System,
        DnsMode::Default => DnsMode::PortForward,
        other => other,
    }
}

/// Whether asking takes a port-forward or an exec.
pub fn take_an_upgrade(connection: &Connection, wanted: &Wanted) -> bool {
    wanted
        .dns
        .is_some_and(|wanted| matches!(mode(connection, wanted), DnsMode::PortForward | DnsMode::Exec))
}

/// Whether asking takes a port-forward.
pub fn take_a_port_forward(connection: &Connection, wanted: &Wanted) -> bool {
    wanted
        .dns
        .is_some_and(|wanted| mode(connection, wanted) == DnsMode::PortForward)
}

/// The rules that asking takes and that the server has to be asked about beforehand: none for a port-forward, which shows it.
pub fn rules(connection: &Connection, wanted: &Wanted) -> Vec<Rule> {
    match wanted.dns.map(|wanted| mode(connection, wanted)) {
        Some(DnsMode::Exec) => exec_rules(connection.namespace()),
        _ => Vec::new(),
    }
}

/// Whether we may forward ports to the name servers, after they were asked through port-forwards: whoever had an answer may. Where
/// nobody had one, the server is asked.
pub async fn rights(api: &Api, answers: Option<&Questions>) -> Vec<Right> {
    let rules = port_forward_rules();
    if !answers.is_some_and(Questions::has_an_answer) {
        return rights::ask(api, rules).await;
    }
    // Which verbs it takes is the server's affair: newer ones ask for `create`, too.
    let shown = rules.into_iter().filter(|rule| rule.verb == "get").map(|rule| Right {
        rule,
        allowed: true,
        resource: None,
    });
    shown.collect()
}

fn ask_for(seen: &Seen<'_>, domain: &str, wanted: &Wanted) -> Result<Ask, Skip> {
    let expected = seen.expected()?.shards;
    let asked = names::questions(seen.set()?, expected, &seen.snapshot.taken.namespace, domain);
    if asked.is_empty() {
        return Err(Skip::NotApplicable(
            "the set names no service, so that its shards have no names".to_owned(),
        ));
    }
    // A single-stack IPv6 service has no A records: asking for them would read as NODATA.
    let only_v6 = families(seen)?.is_some_and(|families| families.iter().all(|family| family == "IPv6"));
    Ok(Ask {
        names: asked,
        timeout: wanted.dns_timeout,
        family: if only_v6 { Family::V6 } else { Family::V4 },
    })
}

/// The address families of the service that names the shards, where it can be read.
fn families<'a>(seen: &Seen<'a>) -> Result<Option<&'a [String]>, Skip> {
    let wanted = names::governing_service(seen.set()?);
    let services = seen.snapshot.services.got().into_iter().flatten();
    let service = services
        .into_iter()
        .find(|service| service.metadata.name.as_deref() == wanted);
    Ok(service
        .and_then(|service| service.spec.as_ref()?.ip_families.as_deref())
        .filter(|families| !families.is_empty()))
}

/// Whether asking takes a pod of the set: to ask from inside it, or to learn the cluster's domain there.
pub fn needs_pods(wanted: &Wanted, seen: &Seen<'_>) -> bool {
    match wanted.dns {
        None => false,
        Some(DnsMode::Exec) => true,
        Some(_) => wanted.domain.is_none() && configured_domain(seen).is_none(),
    }
}

/// The domain that CoreDNS's configuration names.
fn configured_domain(seen: &Seen<'_>) -> Option<String> {
    let data = seen.snapshot.dns_config.got()?.first()?.data.as_ref()?;
    data.values().find_map(|text| domain_in_corefile(text))
}

async fn put(connection: &Connection, mode: DnsMode, ask: &Ask, seen: &Seen<'_>) -> Read<Questions> {
    match mode {
        DnsMode::Server(address) => Read::Got(dns::by_server(address, ask).await),
        DnsMode::System => Read::Got(dns::by_system(ask).await),
        DnsMode::Default | DnsMode::PortForward => {
            let pods = match &seen.snapshot.dns_pods {
                Read::Got(pods) => pods,
                Read::Absent(why) | Read::Unreadable(why) => return Read::Unreadable(why.clone()),
            };
            let running: Vec<String> = pods
                .iter()
                .filter(|found| pod::phase(found) == "Running" && !pod::is_terminating(found))
                .map(|found| pod::name(found).to_owned())
                .collect();
            if running.is_empty() {
                let why =
                    "no CoreDNS pod (k8s-app=kube-dns in kube-system) is running; --dns exec asks as a shard does";
                return Read::Unreadable(why.to_owned());
            }
            match connection.upgrade_client() {
                Ok(client) => Read::Got(dns::over_port_forward(&client, "kube-system", &running, ask).await),
                Err(error) => Read::Unreadable(error.message().to_owned()),
            }
        }
        DnsMode::Exec => match (connection.upgrade_client(), inside(seen)) {
            (Err(error), _) => Read::Unreadable(error.message().to_owned()),
            (Ok(_), None) => Read::Unreadable("no shard is running, so that none can be asked from inside".to_owned()),
            (Ok(client), Some((pod, container))) => {
                let namespace = &seen.snapshot.taken.namespace;
                Read::Got(dns::by_exec(&client, namespace, &pod, container.as_deref(), ask).await)
            }
        },
    }
}

/// The pod and the container inside which names are asked: the first Ready shard, and the container that kubectl would take.
pub fn inside(seen: &Seen<'_>) -> Option<(String, Option<String>)> {
    let found = seen.pods().ok()?.into_iter().find(|found| pod::is_ready(found))?;
    let container = pod::annotation(found, "kubectl.kubernetes.io/default-container")
        .or_else(|| Some(found.spec.as_ref()?.containers.first()?.name.as_str()));
    Some((pod::name(found).to_owned(), container.map(str::to_owned)))
}

/// The cluster's DNS domain: as said, from CoreDNS's configuration, or from resolv.conf inside a shard. Never assumed.
pub async fn domain(connection: &Connection, said: Option<&str>, seen: &Seen<'_>) -> Read<String> {
    if let Some(said) = said {
        return Read::Got(said.trim_matches('.').to_owned());
    }
    if let Some(domain) = configured_domain(seen) {
        return Read::Got(domain);
    }
    let unknown = |why: String| {
        Read::Unreadable(format!(
            "the cluster's DNS domain isn't known (CoreDNS's configuration doesn't tell it, and {why}); \
             say it with --cluster-domain"
        ))
    };
    let Some((pod, container)) = inside(seen) else {
        return unknown("no shard is Ready to be asked".to_owned());
    };
    let client = match connection.upgrade_client() {
        Ok(client) => client,
        Err(error) => return unknown(error.message().to_owned()),
    };
    let namespace = &seen.snapshot.taken.namespace;
    match dns::search_domain_in_pod(&client, namespace, &pod, container.as_deref()).await {
        Ok(domain) => Read::Got(domain.trim_matches('.').to_owned()),
        Err(why) => unknown(why),
    }
}

/// The first zone of the `kubernetes` plugin that isn't a reverse one: `kubernetes cluster.local in-addr.arpa ip6.arpa {`.
fn domain_in_corefile(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("kubernetes")).then_some(())?;
        let zone = words.find(|word| !word.ends_with(".arpa") && *word != "{")?;
        Some(zone.trim_matches('.').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::domain_in_corefile;

    #[test]
    fn the_domain_is_the_kubernetes_plugins_first_zone() {
        let text =
            ".:53 {\n    errors\n    kubernetes corp.example. in-addr.arpa ip6.arpa {\n      pods insecure\n    }\n}\n";
        assert_eq!(domain_in_corefile(text).as_deref(), Some("corp.example"));
        assert_eq!(
            domain_in_corefile("kubernetes in-addr.arpa cluster.local {").as_deref(),
            Some("cluster.local")
        );
        assert_eq!(domain_in_corefile(".:53 {\n forward . /etc/resolv.conf\n}"), None);
        assert_eq!(domain_in_corefile("  # kubernetes nothing"), None);
    }
}
