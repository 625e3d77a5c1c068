//! Autoscalers that are aimed at the set itself: horizontal ones (their own or KEDA's) scale it, vertical ones evict its pods.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use serde_json::Value;

use super::{Roll, got};
use crate::model::read::Skip;
use crate::model::set;
use crate::model::shell::shell_word;
use crate::plan::verify::seen::Seen;

/// Adds the autoscalers of the set.
///
/// # Errors
/// As [`Seen::set`].
pub fn judge(seen: &Seen<'_>, roll: &mut Roll) -> Result<(), Skip> {
    let found = seen.set()?;
    let name = set::name(found);
    let shards = seen.expected()?.shards;
    for autoscaler in got(&seen.snapshot.autoscalers, roll) {
        judge_horizontal(seen, autoscaler, name, shards, roll);
    }
    for scaled in got(&seen.snapshot.scaled_objects, roll) {
        judge_scaled_object(seen, scaled, name, shards, roll);
    }
    for vertical in got(&seen.snapshot.vertical_autoscalers, roll) {
        judge_vertical(seen, vertical, name, roll)?;
    }
    Ok(())
}

fn judge_horizontal(seen: &Seen<'_>, autoscaler: &HorizontalPodAutoscaler, set: &str, shards: i32, roll: &mut Roll) {
    let spec = &autoscaler.spec;
    if spec.scale_target_ref.kind != "StatefulSet" || spec.scale_target_ref.name != set {
        return;
    }
    // KEDA works through an autoscaler of its own; its ScaledObject is what a person can change.
    let owners = autoscaler.metadata.owner_references.iter().flatten();
    if owners.into_iter().any(|owner| owner.kind == "ScaledObject") {
        return;
    }
    let name = autoscaler.metadata.name.as_deref().unwrap_or_default();
    let least = spec.min_replicas.unwrap_or(1);
    let who = format!("hpa/{name}");
    if least == shards && spec.max_replicas == shards {
        roll.stopped(&who, &format!("pinned to {shards} replicas"));
        return;
    }
    roll.open(
        who,
        format!(
            "it scales statefulset/{set} between {least} and {} replicas, where there should be {shards}: no budget stops scaling",
            spec.max_replicas
        ),
    )
    .remedy(seen.kubectl(&format!("delete hpa {}", shell_word(name))));
}

fn judge_scaled_object(seen: &Seen<'_>, scaled: &Value, set: &str, shards: i32, roll: &mut Roll) {
    let target = &scaled["spec"]["scaleTargetRef"];
    if target["kind"] != "StatefulSet" || target["name"] != set {
        return;
    }
    let name = scaled["metadata"]["name"].as_str().unwrap_or_default();
    let count = |field: &str, default: i64| scaled["spec"][field].as_i64().unwrap_or(default);
    // The defaults are those of KEDA's v1alpha1 ScaledObject.
    let (least, most) = (count("minReplicaCount", 0), count("maxReplicaCount", 100));
    let who = format!("scaledobject/{name}");
    let annotations = &scaled["metadata"]["annotations"];
    // KEDA heeds the number before the plain pause, and pauses at no number that it can't read.
    let pause = annotations["autoscaling.keda.sh/paused-replicas"].as_str();
    match pause.map(str::parse::<i32>) {
        Some(Ok(count)) if count == shards => {
            roll.stopped(&who, &format!("paused at {shards} replicas"));
            return;
        }
        Some(Ok(count)) => {
            let message = format!(
                "autoscaling.keda.sh/paused-replicas pins statefulset/{set} to {count}, where there should be {shards}: no budget \
                 stops scaling"
            );
            roll.open(who, message).remedy(pause_at(seen, name, shards));
            return;
        }
        None if annotations["autoscaling.keda.sh/paused"] == "true" => {
            roll.stopped(&who, "paused");
            return;
        }
        Some(Err(_)) | None => {}
    }
    if least == i64::from(shards) && most == least {
        roll.stopped(&who, &format!("pinned to {shards} replicas"));
        return;
    }
    roll.open(
        who,
        format!(
            "KEDA scales statefulset/{set} between {least} and {most} replicas, where there should be {shards}: no budget stops \
             scaling"
        ),
    )
    .remedy(match pause {
        // A plain pause beside it wouldn't be heeded.
        Some(_) => pause_at(seen, name, shards),
        None => seen.kubectl(&format!(
            "annotate scaledobject {} autoscaling.keda.sh/paused=true --overwrite",
            shell_word(name)
        )),
    });
}

fn pause_at(seen: &Seen<'_>, name: &str, shards: i32) -> String {
    seen.kubectl(&format!(
        "annotate scaledobject {} autoscaling.keda.sh/paused-replicas={shards} --overwrite",
        shell_word(name)
    ))
}

fn judge_vertical(seen: &Seen<'_>, vertical: &Value, set: &str, roll: &mut Roll) -> Result<(), Skip> {
    let target = &vertical["spec"]["targetRef"];
    if target["kind"] != "StatefulSet" || target["name"] != set {
        return Ok(());
    }
    let name = vertical["metadata"]["name"].as_str().unwrap_or_default();
    // Recreate is what Auto means, and what holds where nothing is written.
    let mode = vertical["spec"]["updatePolicy"]["updateMode"]
        .as_str()
        .unwrap_or("Auto");
    if matches!(mode, "Off" | "Initial") {
        roll.stopped(&format!("vpa/{name}"), &format!("updateMode {mode} evicts nothing"));
        return Ok(());
    }
    let found = seen.set()?;
    let restarts = set::pod_spec(found).is_some_and(|spec| {
        let policies = spec
            .containers
            .iter()
            .flat_map(|container| container.resize_policy.iter().flatten());
        policies
            .into_iter()
            .any(|policy| policy.restart_policy == "RestartContainer")
    });
    if mode == "InPlaceOrRecreate" && restarts {
        roll.open(
            format!("vpa/{name}"),
            "updateMode InPlaceOrRecreate resizes shards in place, and their resizePolicy restarts the container: no budget \
             stops that",
        )
        .remedy(off(seen, name));
        return Ok(());
    }
    roll.evictor(&format!("vpa/{name}"), &format!("vpa/{name} (updateMode {mode})"), None);
    Ok(())
}

fn off(seen: &Seen<'_>, name: &str) -> String {
    seen.kubectl(&format!(
        "patch vpa {} --type merge -p '{{\"spec\":{{\"updatePolicy\":{{\"updateMode\":\"Off\"}}}}}}'",
        shell_word(name)
    ))
}
