//! Where a run knocks: load balancers, URLs, each shard through a port-forward, each shard's name from inside the cluster.

use k8s_openapi::api::core::v1::{ContainerPort, Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::url::Url;
use crate::model::read::{Read, Skip};
use crate::model::route::entry::{Entry, Way};
use crate::model::route::outcome::UnknownEntry;
use crate::model::{pod, set};
use crate::plan::names;
use crate::plan::verify::seen::{Seen, Shard};
use crate::plan::verify::service::balancer::{ingress, leading_to};

/// The shards' port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// By the name that a container gives it.
    Name(String),
    /// By its number.
    Number(u16),
    /// None: commands are run, and no port is asked.
    Unasked,
}

/// What is wanted of a run's entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The shards' port; the only one that they have, or the one named http, where it isn't said.
    pub port: Option<Port>,
    /// Whether TLS is spoken at every entry but the URLs.
    pub tls: bool,
    /// The host to ask for, at every entry but the URLs.
    pub host: Option<String>,
    /// Load balancers.
    pub lb: bool,
    /// Whether load balancers were asked for by name: one that isn't there is unknown then, and else only noted.
    pub lb_said: bool,
    /// Each shard, through a port-forward.
    pub shards: bool,
    /// Each shard's DNS name, from inside.
    pub in_cluster: bool,
    /// URLs.
    pub urls: Vec<Url>,
}

/// The entries of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doors {
    /// Every shard whose pod runs, through a port-forward: whose identity is found out first.
    pub pods: Vec<Entry>,
    /// The entries of the matrix, in the order of the output.
    pub entries: Vec<Entry>,
    /// Those that can't be tried, and why.
    pub unknown: Vec<UnknownEntry>,
    /// What is worth knowing of it.
    pub notes: Vec<String>,
}

/// Why there are no entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoDoors {
    /// The set or its pods can't be judged.
    Skip(Skip),
    /// The port isn't known, or isn't there; with the ports that are.
    Port {
        /// What is wrong, a clause.
        why: String,
        /// `http (8080)` and the like.
        known: Vec<String>,
    },
}

impl From<Skip> for NoDoors {
    fn from(skip: Skip) -> NoDoors {
        NoDoors::Skip(skip)
    }
}

/// The entries of a run; `domain` is the cluster's, for names from inside.
///
/// # Errors
/// The set or its pods couldn't be read, or which port is meant isn't known.
pub fn doors(seen: &Seen<'_>, wanted: &Wanted, domain: &Read<String>) -> Result<Doors, NoDoors> {
    let set = seen.set()?;
    // Also those beyond what the budget asks for: each of them answers somebody.
    let shards = seen.every_shard()?;
    let lbs = whole_balancers(seen, &shards);
    let ports = tcp_ports(seen)?;
    let port = port(wanted, &ports, lbs.as_deref().unwrap_or_default())?;
    let service = names::governing_service(set);
    let namespace = &seen.snapshot.taken.namespace;
    let mut doors = Doors::default();
    if wanted.lb {
        doors.add_balancers(wanted, &lbs, &ports, port);
    }
    doors.add_urls(&wanted.urls);
    for shard in &shards {
        match runs(shard) {
            Err(why) => {
                if wanted.shards {
                    doors.unknown(&shard.name, why);
                }
            }
            Ok(_) => {
                let host = match service {
                    Some(service) => format!("{}.{service}.{namespace}.svc:{port}", shard.name),
                    None => format!("{}:{port}", shard.name),
                };
                let way = Way::Shard {
                    ordinal: shard.ordinal,
                    pod: shard.name.to_string(),
                    port,
                };
                let entry = wanted.entry(shard.name.to_string(), way, host);
                if wanted.shards {
                    doors.entries.push(entry.clone());
                }
                doors.pods.push(entry);
            }
        }
    }
    if !wanted.in_cluster {
        return Ok(doors);
    }
    let (service, domain) = match (service, domain) {
        (Some(service), Read::Got(domain)) => (service, domain),
        (None, _) => {
            doors.unknown(
                "in-cluster",
                "the set names no service, so that its shards have no names",
            );
            return Ok(doors);
        }
        (_, Read::Absent(why) | Read::Unreadable(why)) => {
            doors.unknown("in-cluster", why.clone());
            return Ok(doors);
        }
    };
    for shard in &shards {
        let name = names::shard_name(set, shard.ordinal, service, namespace, domain);
        let name = name.trim_end_matches('.').to_owned();
        let way = Way::InCluster {
            ordinal: shard.ordinal,
            name: name.clone(),
            port,
        };
        doors
            .entries
            .push(wanted.entry(format!("in {}", shard.name), way, format!("{name}:{port}")));
    }
    Ok(doors)
}

/// The load balancers that lead to every shard. That one leads to some of them alone is no reason to take it for absent.
fn whole_balancers<'a>(seen: &Seen<'a>, shards: &[Shard<'a>]) -> Result<Vec<&'a Service>, Skip> {
    let found = leading_to(seen, shards)?;
    let is_whole = |names: &[String]| names.len() == shards.len();
    let partly: Vec<String> = found
        .iter()
        .filter(|(_, names)| !is_whole(names))
        .map(|(service, names)| {
            let name = service.metadata.name.as_deref().unwrap_or_default();
            format!("service/{name} leads to {} of {} shards", names.len(), shards.len())
        })
        .collect();
    let whole: Vec<&Service> = found
        .into_iter()
        .filter(|(_, names)| is_whole(names))
        .map(|(service, _)| service)
        .collect();
    match whole.is_empty() {
        true => Err(Skip::Unknown(partly.join(", "))),
        false => Ok(whole),
    }
}

impl Wanted {
    fn entry(&self, name: String, way: Way, host: String) -> Entry {
        Entry {
            name,
            way,
            tls: self.tls,
            host: self.host.clone().unwrap_or(host),
        }
    }
}

impl Doors {
    fn unknown(&mut self, name: &str, why: impl Into<String>) {
        self.unknown.push(UnknownEntry {
            name: name.to_owned(),
            why: why.into(),
        });
    }

    fn add_balancers(
        &mut self,
        wanted: &Wanted,
        lbs: &Result<Vec<&Service>, Skip>,
        ports: &[&ContainerPort],
        port: u16,
    ) {
        let none = "no service of type LoadBalancer leads to every shard".to_owned();
        let found = match lbs {
            Ok(found) if !found.is_empty() => found,
            Err(Skip::Unknown(why)) => return self.unknown("lb", why.clone()),
            _ if wanted.lb_said => return self.unknown("lb", none),
            _ => return self.notes.push(format!("{none}: no load balancer was asked")),
        };
        for service in found {
            let name = service.metadata.name.as_deref().unwrap_or_default();
            let entry = match found.len() {
                1 => "lb".to_owned(),
                _ => format!("lb {name}"),
            };
            let addresses = ingress(service);
            if addresses.is_empty() {
                self.unknown(&entry, format!("service/{name} is pending: it has no address"));
                continue;
            }
            let Some(own) = service_port(service, ports, port) else {
                self.unknown(
                    &entry,
                    format!("no port of service/{name} leads to the shards' port {port}"),
                );
                continue;
            };
            for address in &addresses {
                let entry = match addresses.len() {
                    1 => entry.clone(),
                    _ => format!("{entry} {address}"),
                };
                let way = Way::Lb {
                    address: (*address).to_owned(),
                    port: own,
                };
                self.entries
                    .push(wanted.entry(entry, way, authority(address, own, wanted.tls)));
            }
        }
    }

    fn add_urls(&mut self, urls: &[Url]) {
        for url in urls {
            let alone = urls.iter().filter(|other| other.host == url.host).count() == 1;
            self.entries.push(Entry {
                name: if alone { url.host.clone() } else { url.text.clone() },
                way: Way::Url {
                    address: url.address.clone(),
                    port: url.port,
                    template: url.template.clone(),
                },
                tls: url.tls,
                host: url.host.clone(),
            });
        }
    }
}

/// An address as a client would ask for it: with the port where it isn't the scheme's own, IPv6 in brackets.
fn authority(address: &str, port: u16, tls: bool) -> String {
    let host = match address.contains(':') {
        true => format!("[{address}]"),
        false => address.to_owned(),
    };
    match (tls, port) {
        (true, 443) | (false, 80) => host,
        _ => format!("{host}:{port}"),
    }
}

/// A shard's pod where a port-forward can lead to it.
fn runs<'a>(shard: &Shard<'a>) -> Result<&'a Pod, String> {
    let name = &shard.name;
    match shard.pod {
        None => Err(format!("there is no pod/{name}")),
        Some(found) if pod::is_terminating(found) => Err(format!("pod/{name} is terminating")),
        Some(found) if pod::phase(found) != "Running" => Err(format!("pod/{name} is {}", pod::phase(found))),
        Some(found) => Ok(found),
    }
}

/// The ports that the template's containers name.
fn tcp_ports<'a>(seen: &Seen<'a>) -> Result<Vec<&'a ContainerPort>, Skip> {
    let spec = set::pod_spec(seen.set()?);
    let containers = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let ports = containers.iter().flat_map(|one| one.ports.iter().flatten());
    Ok(ports
        .filter(|port| port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP"))
        .collect())
}

/// The shards' port: as it was said, the only one, the one that is named for the scheme, or a load balancer's only target.
fn port(wanted: &Wanted, ports: &[&ContainerPort], lbs: &[&Service]) -> Result<u16, NoDoors> {
    let number = |port: &ContainerPort| u16::try_from(port.container_port).ok();
    let named = |name: &str| {
        let found = ports.iter().find(|port| port.name.as_deref() == Some(name));
        found.and_then(|port| number(port))
    };
    let known = || {
        let words = |port: &&ContainerPort| match &port.name {
            Some(name) => format!("{name} ({})", port.container_port),
            None => port.container_port.to_string(),
        };
        ports.iter().map(words).collect()
    };
    match &wanted.port {
        Some(Port::Number(number)) => return Ok(*number),
        Some(Port::Unasked) => return Ok(0),
        Some(Port::Name(name)) => {
            return named(name).ok_or_else(|| NoDoors::Port {
                why: format!("no container has a port named {name}"),
                known: known(),
            });
        }
        None => {}
    }
    if let [only] = ports
        && let Some(only) = number(only)
    {
        return Ok(only);
    }
    if let Some(found) = named(if wanted.tls { "https" } else { "http" }) {
        return Ok(found);
    }
    let targets = |service: &&Service| {
        let own = service.spec.as_ref().and_then(|spec| spec.ports.as_deref());
        match own {
            Some([only]) => match &only.target_port {
                Some(IntOrString::Int(number)) => u16::try_from(*number).ok(),
                Some(IntOrString::String(name)) => named(name),
                None => u16::try_from(only.port).ok(),
            },
            _ => None,
        }
    };
    lbs.iter().find_map(targets).ok_or_else(|| NoDoors::Port {
        why: match ports.is_empty() {
            true => "the shards' containers name no port".to_owned(),
            false => "the shards have several ports".to_owned(),
        },
        known: known(),
    })
}

/// The port of a service that leads to the shards' `port`.
fn service_port(service: &Service, ports: &[&ContainerPort], port: u16) -> Option<u16> {
    let leads = |one: &&ServicePort| match &one.target_port {
        None => one.port == i32::from(port),
        Some(IntOrString::Int(number)) => *number == i32::from(port),
        Some(IntOrString::String(name)) => ports
            .iter()
            .any(|known| known.name.as_deref() == Some(name) && known.container_port == i32::from(port)),
    };
    let own = service.spec.as_ref()?.ports.as_deref()?;
    u16::try_from(own.iter().find(leads)?.port).ok()
}

#[cfg(test)]
mod tests;
