//! An object field by field: what is known to be public stays, what is known to hold secrets goes, and every other string is
//! taken for a name unless it is a number, a time or a constant of the API.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::annotations;
use super::names::Names;
use super::prose::sentence;
use super::words::{is_camel, is_measure, is_public_domain, is_public_field};

/// Fields that go: what runs inside, what is configured there, and what only the cluster's owner can make use of.
const DROPPED: &[&str] = &[
    "command",
    "args",
    "httpHeaders",
    "volumeAttributes",
    "hostAliases",
    "dnsConfig",
    "parameters",
    "mountOptions",
    "userData",
    "triggers",
    "metrics",
    "currentMetrics",
    "imagePullSecrets",
    "binaryData",
    "sysctls",
    "description",
];

/// A value with its names replaced; `field` is the key that it stands under.
pub fn value(names: &mut Names, field: &str, found: Value) -> Value {
    match found {
        Value::String(text) => Value::String(string(names, field, &text)),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| value(names, field, item)).collect()),
        Value::Object(fields) => Value::Object(object(names, field, fields)),
        plain => plain,
    }
}

/// An object's fields with their names replaced; `field` is the key that it stands under.
pub fn object(names: &mut Names, field: &str, mut fields: Map<String, Value>) -> Map<String, Value> {
    let strings = fields.values().all(Value::is_string);
    match field {
        "annotations" => return annotations::kept(names, fields),
        "labels" | "matchLabels" | "nodeSelector" | "selector" if strings => {
            return labels(names, fields);
        }
        "managedFields" => {
            let written = fields.get_mut("fieldsV1").and_then(Value::as_object_mut);
            if let Some(written) = written {
                shorten(written);
            }
            return fields;
        }
        "env" => {
            fields.remove("value");
        }
        "terminated" => {
            // What a container says at its end is its own word, like its log.
            fields.remove("message");
        }
        _ => {}
    }
    let is_requirement = fields.get("key").is_some_and(Value::is_string)
        && (matches!(field, "tolerations" | "taints" | "startupTaints")
            || ["operator", "values", "effect"]
                .iter()
                .any(|other| fields.contains_key(*other)));
    if is_requirement {
        requirement(names, &mut fields);
    }
    fields
        .into_iter()
        .filter(|(key, _)| !DROPPED.contains(&key.as_str()))
        .map(|(key, found)| {
            let known = is_requirement && matches!(key.as_str(), "key" | "value" | "values");
            let found = if known { found } else { value(names, &key, found) };
            let schema = field != "disruptedPods" && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let key = match field {
                "disruptedPods" => names.name(&key),
                _ if schema => key,
                _ => names.key(&key),
            };
            (key, found)
        })
        .collect()
}

fn labels(names: &mut Names, fields: Map<String, Value>) -> Map<String, Value> {
    fields
        .into_iter()
        .map(|(key, found)| {
            let found = match found {
                Value::String(text) => Value::String(names.label(&key, &text)),
                other => other,
            };
            (names.key(&key), found)
        })
        .collect()
}

/// A term of a selector, a taint or a toleration.
fn requirement(names: &mut Names, fields: &mut Map<String, Value>) {
    let Some(key) = fields.get("key").and_then(Value::as_str).map(str::to_owned) else {
        return;
    };
    for field in ["value", "values"] {
        match fields.get_mut(field) {
            Some(Value::String(text)) => *text = names.label(&key, text),
            Some(Value::Array(items)) => {
                for item in items {
                    if let Value::String(text) = item {
                        *text = names.label(&key, text);
                    }
                }
            }
            _ => {}
        }
    }
    fields.insert("key".to_owned(), Value::String(names.key(&key)));
}

/// Who wrote what, down to the fields of the spec: below them stand keys that are names.
fn shorten(written: &mut Map<String, Value>) {
    written.retain(|key, _| key == "f:spec" || key == "f:status");
    for part in written.values_mut().filter_map(Value::as_object_mut) {
        for field in part.values_mut() {
            *field = Value::Object(Map::new());
        }
    }
}

fn string(names: &mut Names, field: &str, text: &str) -> String {
    match field {
        "message" | "note" => return sentence(names, text),
        "apiVersion" => return api_version(names, text),
        "image" | "imageID" => return names.image(text),
        "topologyKey" | "matchLabelKeys" | "provisioner" | "driver" | "attacher" | "finalizers" | "group"
        | "signerName" => return names.key(text),
        "fieldPath" => return field_path(names, text),
        // A name may look like a number or a constant: where it is known to be one, it is taken for one.
        _ if is_name_field(field) && !is_public_ending(text) => return names.name(text),
        _ if is_public_field(field) => return text.to_owned(),
        _ => {}
    }
    if text.is_empty() || text == "None" || is_measure(text) || is_camel(text) || text.parse::<Timestamp>().is_ok() {
        // Four numbers with dots are a measure by their looks.
        return address(names, text).unwrap_or_else(|| text.to_owned());
    }
    address(names, text).unwrap_or_else(|| names.name(text))
}

fn is_name_field(field: &str) -> bool {
    matches!(field, "name" | "namespace" | "uid" | "hostname" | "port" | "targetPort")
        || field.ends_with("Name")
        || field.ends_with("Revision")
}

fn is_public_ending(text: &str) -> bool {
    text.is_empty() || text.parse::<IpAddr>().is_ok()
}

/// An address, a network, or an address with a port.
fn address(names: &mut Names, text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(names.address(address).to_string());
    }
    if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
        return Some(std::net::SocketAddr::new(names.address(socket.ip()), socket.port()).to_string());
    }
    let (before, length) = text.split_once('/')?;
    let address: IpAddr = before.parse().ok()?;
    length.parse::<u8>().ok()?;
    Some(format!("{}/{length}", names.address(address)))
}

fn api_version(names: &mut Names, text: &str) -> String {
    match text.split_once('/') {
        Some((group, version)) if group.contains('.') && !is_public_domain(group) => {
            format!("{}/{version}", names.name(group))
        }
        _ => text.to_owned(),
    }
}

/// `spec.containers{db}`.
fn field_path(names: &mut Names, text: &str) -> String {
    match text.split_once('{') {
        Some((path, rest)) => format!("{path}{{{}}}", names.name(rest.trim_end_matches('}'))),
        None if text.starts_with("metadata.") && !text.contains('[') => text.to_owned(),
        None if text.starts_with("spec.") || text.starts_with("status.") => text.to_owned(),
        None => names.name(text),
    }
}

/// A server or an address as the DNS answers name it: `pod/coredns-abc`, `10.0.0.1:53`, or a description.
pub fn server(names: &mut Names, text: &str) -> String {
    match text.strip_prefix("pod/") {
        Some(pod) => format!("pod/{}", names.name(pod)),
        None => address(names, text).unwrap_or_else(|| sentence(names, text)),
    }
}
