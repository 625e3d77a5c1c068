//! A recording without names: pseudonyms for names and addresses, no environment values, no logs, no unknown annotations.
//! The checks must give the same answers on it, so that a report can be made from it by somebody who may know nothing else.
//!
//! docs/snapshot-file.md says what stays. Two passes over the same code: the first finds the names, so that the second
//! recognises them in sentences.

mod addresses;
mod annotations;
mod fields;
mod names;
mod prose;
#[cfg(test)]
mod tests;
mod words;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use self::fields::{server, value};
use self::names::Names;
use self::prose::{REDACTED, sentence};
use super::dns::{Answer, Questions, Vantage};
use super::read::Read;
use super::recording::{EvictionTrial, Logs, Recording};
use super::resource::Resource;
use super::right::Right;

/// Redacts a recording. One that is redacted already stays as it is.
///
/// # Errors
/// Words of serde_json, for a recording that isn't JSON.
pub fn redact(recording: &Recording) -> Result<Recording, String> {
    if recording.taken.redacted {
        return Ok(recording.clone());
    }
    let objects = parse(recording)?;
    let mut names = Names::keyed(key(&objects));
    replace(&mut names, recording, &objects)?;
    names.settle();
    replace(&mut names, recording, &objects)
}

type Objects = Vec<(Resource, Read<Vec<Value>>)>;

fn parse(recording: &Recording) -> Result<Objects, String> {
    let parsed = |items: &Vec<Box<RawValue>>| {
        let items = items.iter().map(|item| serde_json::from_str(item.get()));
        items.collect::<Result<_, _>>().map_err(|error| error.to_string())
    };
    let mut objects = Vec::new();
    for (resource, read) in &recording.objects {
        let read = match read {
            Read::Got(items) => Read::Got(parsed(items)?),
            Read::Absent(why) => Read::Absent(why.clone()),
            Read::Unreadable(why) => Read::Unreadable(why.clone()),
        };
        objects.push((*resource, read));
    }
    Ok(objects)
}

/// The uid of the namespace, or of the first set where the namespace can't be read.
fn key(objects: &Objects) -> String {
    let uid = |wanted: Resource| {
        let (_, read) = objects.iter().find(|(resource, _)| *resource == wanted)?;
        Some(read.got()?.first()?["metadata"]["uid"].as_str()?.to_owned())
    };
    uid(Resource::Namespace)
        .or_else(|| uid(Resource::StatefulSets))
        .unwrap_or_default()
}

fn replace(names: &mut Names, recording: &Recording, objects: &Objects) -> Result<Recording, String> {
    let mut redacted = recording.clone();
    let taken = &mut redacted.taken;
    taken.redacted = true;
    taken.context = taken.context.as_deref().map(|context| names.name(context));
    taken.namespace = names.name(&taken.namespace);
    taken.statefulset = taken.statefulset.as_deref().map(|set| names.name(set));
    taken.server = reasons(names, taken.server.clone());
    // The objects come first: they tell which words are names.
    for (resource, read) in objects {
        let read = match reasons(names, read.clone()) {
            Read::Got(items) => {
                let items = items.into_iter().map(|item| {
                    let item = object(names, *resource, item);
                    to_raw_value(&item).map_err(|error| error.to_string())
                });
                Read::Got(items.collect::<Result<Vec<_>, _>>()?)
            }
            Read::Absent(why) => Read::Absent(why),
            Read::Unreadable(why) => Read::Unreadable(why),
        };
        redacted.objects.insert(*resource, read);
    }
    redacted.rights = reasons(names, recording.rights.clone())
        .map(|rights| rights.into_iter().map(|found| right(names, found)).collect());
    redacted.logs = recording
        .logs
        .keys()
        .map(|place| {
            let gone = || Read::Absent("left out of a redacted snapshot".to_owned());
            let logs = Logs {
                current: gone(),
                previous: gone(),
            };
            (names.pseudonym(place), logs)
        })
        .collect();
    redacted.domain = reasons(names, recording.domain.clone()).map(|domain| names.name(&domain));
    redacted.dns = reasons(names, recording.dns.clone()).map(|asked| questions(names, asked));
    redacted.protection = reasons(names, recording.protection.clone()).map(|tried| trial(names, tried));
    Ok(redacted)
}

/// A read whose reasons name nobody.
fn reasons<T>(names: &mut Names, read: Read<T>) -> Read<T> {
    match read {
        Read::Got(got) => Read::Got(got),
        Read::Absent(why) => Read::Absent(sentence(names, &why)),
        Read::Unreadable(why) => Read::Unreadable(sentence(names, &why)),
    }
}

fn object(names: &mut Names, resource: Resource, mut found: Value) -> Value {
    let Some(fields) = found.as_object_mut() else {
        return value(names, "", found);
    };
    match resource {
        Resource::DnsConfig => {
            let text = |data: &Value| {
                let files = data.as_object()?.values().filter_map(Value::as_str);
                Some(files.map(|file| corefile(names, file)).collect::<String>())
            };
            let reduced = fields.get("data").and_then(text);
            fields.remove("data");
            let mut found = value(names, "", found);
            if let Some(reduced) = reduced {
                found["data"] = Value::Object(Map::from_iter([("Corefile".to_owned(), Value::String(reduced))]));
            }
            found
        }
        Resource::ClusterAutoscalerStatus => {
            fields.remove("data");
            value(names, "", found)
        }
        // What a cloud needs to make machines: subscriptions, subnets, tags, start scripts. Its conditions are what counts.
        Resource::NodeClasses => {
            fields.remove("spec");
            let conditions = fields.remove("status").map(|mut status| status["conditions"].take());
            if let Some(conditions) = conditions.filter(Value::is_array) {
                fields.insert("status".to_owned(), serde_json::json!({"conditions": conditions}));
            }
            value(names, "", found)
        }
        // A driver stands under `name` there; where it is a volume's or an attachment's it must read the same.
        Resource::CsiNodes => {
            let drivers = fields.remove("spec").map(|mut spec| spec["drivers"].take());
            let drivers = drivers.as_ref().and_then(Value::as_array).into_iter().flatten();
            let drivers: Vec<Value> = drivers
                .map(|driver| {
                    let name = names.key(driver["name"].as_str().unwrap_or_default());
                    serde_json::json!({"name": name, "nodeID": "", "allocatable": driver["allocatable"]})
                })
                .collect();
            let mut found = value(names, "", found);
            found["spec"] = serde_json::json!({"drivers": drivers});
            found
        }
        Resource::Events | Resource::ClusterEvents => {
            speak_only_as_kubernetes(fields);
            // Who reports is a program; where it runs is a node.
            let source = fields.get("source").and_then(|source| source["component"].as_str());
            let source = source.map(str::to_owned);
            let mut found = value(names, "", found);
            if let Some(component) = source.filter(|component| is_kubernetes(component)) {
                found["source"]["component"] = Value::String(component);
            }
            found
        }
        _ => value(names, "", found),
    }
}

/// Of a Corefile what tells the cluster's domain and how long an answer may be kept.
fn corefile(names: &mut Names, text: &str) -> String {
    let mut lines = String::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("kubernetes") => {
                inside = line.ends_with('{');
                let zones = words.map(|word| match word {
                    "{" => word.to_owned(),
                    reverse if reverse.ends_with(".arpa") => {
                        reverse.rsplit('.').take(2).fold(String::new(), |end, label| {
                            if end.is_empty() {
                                label.to_owned()
                            } else {
                                format!("{label}.{end}")
                            }
                        })
                    }
                    zone => names.name(zone),
                });
                let zones: Vec<String> = zones.collect();
                lines.push_str(&format!("kubernetes {}\n", zones.join(" ")));
            }
            Some("ttl") if inside => lines.push_str(&format!("{line}\n")),
            Some("}") if inside => {
                inside = false;
                lines.push_str("}\n");
            }
            _ => {}
        }
    }
    lines
}

/// Whether a component is a part of Kubernetes or of what it stands on, which writes its messages from templates.
fn is_kubernetes(component: &str) -> bool {
    let word = component.split(['/', '_']).next().unwrap_or_default();
    word.contains("scheduler")
        || word.ends_with("controller")
        || word.ends_with("controller-manager")
        || matches!(
            word,
            "karpenter" | "kubelet" | "cluster-autoscaler" | "kube-proxy" | "kured"
        )
        || words::is_public_domain(word)
}

/// Events that quote somebody else's words lose those: a probe's output, a hook's, an operator's message, a webhook's.
fn speak_only_as_kubernetes(event: &mut Map<String, Value>) {
    let component = |at: &str, inner: Option<&str>| {
        let found = event.get(at)?;
        let found = inner.map_or(Some(found), |inner| found.get(inner))?;
        found.as_str().filter(|word| !word.is_empty()).map(str::to_owned)
    };
    let by = component("reportingComponent", None).or_else(|| component("source", Some("component")));
    let theirs = by.is_some_and(|by| !is_kubernetes(&by));
    let reason = event
        .get("reason")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let quotes = matches!(
        reason.as_str(),
        "Unhealthy" | "ProbeWarning" | "FailedPostStartHook" | "FailedPreStopHook"
    );
    let Some(Value::String(message)) = event.get_mut("message") else {
        return;
    };
    let end = if theirs {
        Some(0)
    } else if quotes {
        message.find(": ").map(|colon| colon + 2)
    } else {
        message
            .find("denied the request: ")
            .map(|at| at + "denied the request: ".len())
    };
    if let Some(end) = end {
        message.truncate(end);
        message.push_str(REDACTED);
    }
}

fn right(names: &mut Names, mut found: Right) -> Right {
    found.rule.namespace = found.rule.namespace.as_deref().map(|namespace| names.name(namespace));
    found.rule.name = found.rule.name.as_deref().map(|name| names.name(name));
    found
}

fn questions(names: &mut Names, asked: Questions) -> Questions {
    let vantage = match asked.vantage {
        Vantage::Exec { pod } => Vantage::Exec { pod: names.name(&pod) },
        Vantage::Server { address } => Vantage::Server {
            address: server(names, &address),
        },
        same @ (Vantage::PortForward | Vantage::System) => same,
    };
    let servers = asked.servers.into_iter().map(|mut found| {
        found.name = server(names, &found.name);
        found.answers = found
            .answers
            .into_iter()
            .map(|(name, answered)| (names.name(&name), answer(names, answered)))
            .collect();
        found
    });
    let mut servers: Vec<_> = servers.collect();
    servers.sort_by(|one, other| one.name.cmp(&other.name));
    Questions { vantage, servers }
}

fn answer(names: &mut Names, answered: Answer) -> Answer {
    match answered {
        Answer::Addresses { addresses, ttl } => {
            let mut addresses: Vec<_> = addresses.into_iter().map(|address| names.address(address)).collect();
            addresses.sort_unstable();
            Answer::Addresses { addresses, ttl }
        }
        Answer::Unreachable { why } => Answer::Unreachable {
            why: sentence(names, &why),
        },
        same => same,
    }
}

fn trial(names: &mut Names, tried: EvictionTrial) -> EvictionTrial {
    EvictionTrial {
        pod: names.name(&tried.pod),
        code: tried.code,
        message: sentence(names, &tried.message),
        causes: tried.causes.iter().map(|cause| sentence(names, cause)).collect(),
    }
}
