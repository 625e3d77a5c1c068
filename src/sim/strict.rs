//! Whether an object holds only fields that its kind has.
//!
//! A server takes an unknown field, warns and drops it; here it is refused, as with `fieldValidation=Strict`, so that a wrong
//! key shows where it would matter.

use k8s_openapi::api;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::quantity::Amount;
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;

/// Checks an object of a kind; custom kinds, whose schemas aren't known here, pass.
///
/// # Errors
/// The server's refusal of a field that it doesn't know, or that isn't what it ought to be.
pub(in crate::sim) fn check(kind: Kind, object: &Value) -> Result<(), Refused> {
    let served = kind.served();
    let given = |pointer: &str, own: String| match object.pointer(pointer).and_then(Value::as_str) {
        Some(given) if !given.is_empty() => given.to_owned(),
        _ => own,
    };
    let (name, version) = (
        given("/kind", served.name.to_owned()),
        given("/apiVersion", kind.api_version()),
    );
    if name != served.name || version != kind.api_version() {
        let why = format!("no kind \"{name}\" is registered for version \"{version}\"");
        return Err(unhandled(&name, served.version, served.name, &why));
    }
    let words = match unknown_of(kind, object).and_then(|unknown| quantities(object).map(|()| unknown)) {
        Ok(unknown) if unknown.is_empty() => return Ok(()),
        Ok(unknown) => not_known(&unknown),
        Err(why) => why,
    };
    Err(unhandled(served.name, served.version, served.name, &words))
}

/// The fields of an object that its kind hasn't.
///
/// # Errors
/// 400 where one isn't what it ought to be.
pub(in crate::sim) fn unknown_fields(kind: Kind, object: &Value) -> Result<Vec<String>, Refused> {
    let served = kind.served();
    unknown_of(kind, object).map_err(|why| unhandled(served.name, served.version, served.name, &why))
}

/// Why an object that was patched is none of its kind any more; none where it is.
pub(in crate::sim) fn why_not(kind: Kind, object: &Value) -> Option<String> {
    match unknown_of(kind, object) {
        Ok(unknown) if unknown.is_empty() => quantities(object).err(),
        Ok(unknown) => Some(not_known(&unknown)),
        Err(why) => Some(why),
    }
}

fn not_known(unknown: &[String]) -> String {
    let each: Vec<String> = unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    format!("strict decoding error: {}", each.join(", "))
}

fn unhandled(name: &str, version: &str, wanted: &str, why: &str) -> Refused {
    Refused::bad_request(format!(
        "{name} in version \"{version}\" cannot be handled as a {wanted}: {why}"
    ))
}

/// Whether everything that is to be an amount of a resource is one.
fn quantities(object: &Value) -> Result<(), String> {
    match object {
        Value::Object(fields) => {
            for (key, value) in fields {
                if let ("resources", Some(resources)) = (key.as_str(), value.as_object()) {
                    let amounts = resources.values().filter_map(Value::as_object).flatten();
                    for (_, amount) in amounts {
                        if amount.as_str().is_some_and(|amount| Amount::parse(amount).is_err()) {
                            return Err(NO_AMOUNT.to_owned());
                        }
                    }
                }
                quantities(value)?;
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(quantities),
        _ => Ok(()),
    }
}

const NO_AMOUNT: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

fn unknown_of(kind: Kind, object: &Value) -> Result<Vec<String>, String> {
    let unknown = match kind {
        Kind::Namespaces => unknown::<api::core::v1::Namespace>(object),
        Kind::Nodes => unknown::<api::core::v1::Node>(object),
        Kind::Pods => unknown::<api::core::v1::Pod>(object),
        Kind::Claims => unknown::<api::core::v1::PersistentVolumeClaim>(object),
        Kind::Volumes => unknown::<api::core::v1::PersistentVolume>(object),
        Kind::Services => unknown::<api::core::v1::Service>(object),
        Kind::ConfigMaps => unknown::<api::core::v1::ConfigMap>(object),
        Kind::Secrets => unknown::<api::core::v1::Secret>(object),
        Kind::ServiceAccounts => unknown::<api::core::v1::ServiceAccount>(object),
        Kind::Events => unknown::<api::core::v1::Event>(object),
        Kind::ResourceQuotas => unknown::<api::core::v1::ResourceQuota>(object),
        Kind::StatefulSets => unknown::<api::apps::v1::StatefulSet>(object),
        Kind::ControllerRevisions => unknown::<api::apps::v1::ControllerRevision>(object),
        Kind::DaemonSets => unknown::<api::apps::v1::DaemonSet>(object),
        Kind::Deployments => unknown::<api::apps::v1::Deployment>(object),
        Kind::Budgets => unknown::<api::policy::v1::PodDisruptionBudget>(object),
        Kind::Leases => unknown::<api::coordination::v1::Lease>(object),
        Kind::EndpointSlices => unknown::<api::discovery::v1::EndpointSlice>(object),
        Kind::StorageClasses => unknown::<api::storage::v1::StorageClass>(object),
        Kind::VolumeAttachments => unknown::<api::storage::v1::VolumeAttachment>(object),
        Kind::CsiNodes => unknown::<api::storage::v1::CSINode>(object),
        Kind::PriorityClasses => unknown::<api::scheduling::v1::PriorityClass>(object),
        Kind::RuntimeClasses => unknown::<api::node::v1::RuntimeClass>(object),
        Kind::Autoscalers => unknown::<api::autoscaling::v2::HorizontalPodAutoscaler>(object),
        Kind::NodePools
        | Kind::NodeClaims
        | Kind::AksNodeClasses
        | Kind::Ec2NodeClasses
        | Kind::KwokNodeClasses
        | Kind::ScaledObjects
        | Kind::VerticalAutoscalers => return Ok(Vec::new()),
    };
    unknown.map_err(|error| error.to_string())
}

/// As [`check`], of a request that is no object of the store.
///
/// # Errors
/// As [`check`].
pub(in crate::sim) fn check_as<T: DeserializeOwned + Serialize>(name: &str, object: &Value) -> Result<(), Refused> {
    let words = match unknown::<T>(object) {
        Ok(unknown) if unknown.is_empty() => return Ok(()),
        Ok(unknown) => not_known(&unknown),
        Err(error) => error.to_string(),
    };
    Err(unhandled(name, "v1", name, &words))
}

/// The fields that don't outlive being read as a `T`.
fn unknown<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Vec<String>, serde_json::Error> {
    let read: T = serde_json::from_value(object.clone())?;
    let kept = serde_json::to_value(read)?;
    let mut lost = Vec::new();
    missing(object, &kept, &mut String::new(), &mut lost);
    Ok(lost)
}

fn missing(given: &Value, kept: &Value, path: &mut String, lost: &mut Vec<String>) {
    let length = path.len();
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            for (key, value) in given {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
                match kept.get(key) {
                    Some(kept) => missing(value, kept, path, lost),
                    None if is_nothing(value) => {}
                    None => lost.push(path.clone()),
                }
                path.truncate(length);
            }
        }
        (Value::Array(given), Value::Array(kept)) => {
            for (at, (given, kept)) in given.iter().zip(kept).enumerate() {
                path.push_str(&format!("[{at}]"));
                missing(given, kept, path, lost);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// What is written as if it weren't there.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_that_the_kind_has_not_is_named_with_its_path() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
            "spec": {"containers": [{"name": "a", "imagee": "b"}]}});
        let refused = check(Kind::Pods, &pod).unwrap_err();
        assert_eq!(refused.code, 400);
        assert!(
            refused.message.ends_with("unknown field \"spec.containers[0].imagee\""),
            "{}",
            refused.message
        );
    }

    #[test]
    fn nulls_and_empty_maps_are_no_fields() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "creationTimestamp": null},
            "spec": {"containers": [{"name": "a", "image": "b", "resources": {}}]}, "status": {}});
        assert_eq!(check(Kind::Pods, &pod), Ok(()));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused() {
        let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "a"},
            "spec": {"replicas": "3"}});
        assert_eq!(check(Kind::StatefulSets, &set).unwrap_err().code, 400);
    }
}
