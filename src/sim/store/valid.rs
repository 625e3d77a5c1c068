//! What the server has against an object, as far as anything that shardctl sends can be wrong.
//!
//! Source: `pkg/apis/*/validation/validation.go`, `k8s.io/apimachinery/pkg/util/validation`.

use serde_json::{Value, json};

use crate::sim::json::{list, number, text};
use crate::sim::kind::Kind;
use crate::sim::refused::{Cause, Refused};

/// Checks an object that is to be kept; `before` is the present one.
///
/// # Errors
/// 422 with everything that is wrong.
pub(super) fn check(kind: Kind, before: Option<&Value>, object: &Value) -> Result<(), Refused> {
    let mut causes = Vec::new();
    if before.is_none() {
        name(object, &mut causes);
    }
    match kind {
        Kind::Pods if before.is_none() => pod(object, &mut causes),
        Kind::StatefulSets => {
            at_least(object, "spec.replicas", 0, &mut causes);
            if let Some(before) = before {
                fixed_of_a_set(before, object, &mut causes);
            }
        }
        Kind::Budgets => budget(object, &mut causes),
        Kind::Leases => {
            for field in ["spec.leaseDurationSeconds", "spec.leaseTransitions"] {
                lease(object, field, &mut causes);
            }
        }
        Kind::Events if before.is_none() => {
            let about = text(object, "/involvedObject/namespace");
            if about != text(object, "/metadata/namespace") {
                let words = format!("{about:?}: does not match event.namespace");
                causes.push(invalid("involvedObject.namespace", &words));
            }
        }
        Kind::PriorityClasses if before.is_some_and(|before| before["value"] != object["value"]) => {
            causes.push(forbidden("value", "may not be changed in an update."));
        }
        _ => {}
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Refused::invalid(kind, text(object, "/metadata/name"), &causes))
}

fn invalid(field: &str, words: &str) -> Cause {
    Cause {
        reason: "FieldValueInvalid",
        message: format!("Invalid value: {words}"),
        field: field.to_owned(),
    }
}

fn forbidden(field: &str, words: &str) -> Cause {
    Cause {
        reason: "FieldValueForbidden",
        message: format!("Forbidden: {words}"),
        field: field.to_owned(),
    }
}

fn required(field: String) -> Cause {
    Cause {
        reason: "FieldValueRequired",
        message: "Required value".to_owned(),
        field,
    }
}

fn name(object: &Value, causes: &mut Vec<Cause>) {
    let name = text(object, "/metadata/name");
    let part = |part: &str| {
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        part.chars().all(|letter| plain(letter) || letter == '-') && part.starts_with(plain) && part.ends_with(plain)
    };
    if name.len() > 253 || !name.split('.').all(part) {
        let words = format!(
            "{name:?}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        );
        causes.push(invalid("metadata.name", &words));
    }
}

fn at_least(object: &Value, field: &str, least: i64, causes: &mut Vec<Cause>) {
    let found = number(object, &format!("/{}", field.replace('.', "/")));
    if let Some(found) = found.filter(|found| *found < least) {
        causes.push(invalid(
            field,
            &format!("{found}: must be greater than or equal to {least}"),
        ));
    }
}

fn lease(object: &Value, field: &str, causes: &mut Vec<Cause>) {
    if field.ends_with("Transitions") {
        return at_least(object, field, 0, causes);
    }
    let found = number(object, &format!("/{}", field.replace('.', "/")));
    if let Some(found) = found.filter(|found| *found <= 0) {
        causes.push(invalid(field, &format!("{found}: must be greater than 0")));
    }
}

fn pod(object: &Value, causes: &mut Vec<Cause>) {
    let containers = list(object, "/spec/containers");
    if containers.is_empty() {
        causes.push(required("spec.containers".to_owned()));
    }
    for (at, container) in containers.iter().enumerate() {
        for field in ["name", "image"] {
            if text(container, &format!("/{field}")).is_empty() {
                causes.push(required(format!("spec.containers[{at}].{field}")));
            }
        }
    }
    let policy = text(object, "/spec/restartPolicy");
    if !["Always", "OnFailure", "Never"].contains(&policy) {
        causes.push(Cause {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {policy:?}: supported values: \"Always\", \"OnFailure\", \"Never\""),
            field: "spec.restartPolicy".to_owned(),
        });
    }
}

fn budget(object: &Value, causes: &mut Vec<Cause>) {
    let limits = ["minAvailable", "maxUnavailable"];
    let [least, most] = limits.map(|limit| object.pointer(&format!("/spec/{limit}")));
    if let (Some(least), Some(most)) = (least, most) {
        let policy = object
            .pointer("/spec/unhealthyPodEvictionPolicy")
            .unwrap_or(&Value::Null);
        let words = format!(
            "{{\"MinAvailable\":{least},\"Selector\":{},\"MaxUnavailable\":{most},\"UnhealthyPodEvictionPolicy\":{policy}}}: \
             minAvailable and maxUnavailable cannot be both set",
            object.pointer("/spec/selector").unwrap_or(&Value::Null)
        );
        causes.push(invalid("spec", &words));
    }
    for limit in limits {
        let field = format!("spec.{limit}");
        match object.pointer(&format!("/spec/{limit}")) {
            Some(Value::String(share)) => {
                let digits = share.strip_suffix('%').unwrap_or_default();
                if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                    let words = format!(
                        "{share:?}: a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or \
                         '93%', regex used for validation is '[0-9]+%')"
                    );
                    causes.push(invalid(&field, &words));
                }
            }
            _ => at_least(object, &field, 0, causes),
        }
    }
}

/// What of a StatefulSet may be changed.
const OF_A_SET: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

fn fixed_of_a_set(before: &Value, object: &Value, causes: &mut Vec<Cause>) {
    let fixed = |set: &Value| {
        let mut spec = set["spec"].clone();
        for field in OF_A_SET {
            spec.as_object_mut().map(|spec| spec.remove(field));
        }
        // A claim's template is written out with what every claim has.
        for claim in spec["volumeClaimTemplates"].as_array_mut().into_iter().flatten() {
            claim["status"] = json!({});
        }
        spec
    };
    if fixed(before) != fixed(object) {
        causes.push(forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
             'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ));
    }
}
