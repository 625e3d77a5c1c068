//! What an upgrade may: who lacks a right is told which, with the Role, and with the Roles that are printed it goes through.

use serde_json::{Value, json};

use super::{NEXT, checked, images, upgrade};
use crate::bad_days::run;
use crate::cluster::Scene;

/// The rules of the printed Roles: those of the namespace, and those of the cluster.
pub fn printed_rules(text: &str) -> (Value, Value) {
    let (mut space, mut cluster) = (Vec::new(), Vec::new());
    let mut kind = "";
    for line in text.lines() {
        let line = line.trim_start_matches([' ', '→']);
        if let Some(named) = line.strip_prefix("kind: ") {
            kind = named;
        } else if let Some(rule) = line.strip_prefix("- {apiGroups: ") {
            // `{apiGroups: [""], resources: [pods], resourceNames: [db], verbs: [get, list]}`
            let quoted = |key: &str| -> Vec<String> {
                let whole = format!("apiGroups: {rule}");
                let Some(from) = whole.find(&format!("{key}: [")) else {
                    return Vec::new();
                };
                let rest = &whole[from + key.len() + 3..];
                let words = rest[..rest.find(']').unwrap()].split(", ");
                words.map(|word| word.trim_matches('"').to_owned()).collect()
            };
            let mut read = json!({
                "apiGroups": quoted("apiGroups"), "resources": quoted("resources"), "verbs": quoted("verbs"),
            });
            let names = quoted("resourceNames");
            if !names.is_empty() {
                read["resourceNames"] = json!(names);
            }
            if kind == "Role" { &mut space } else { &mut cluster }.push(read);
        }
    }
    (json!(space), json!(cluster))
}

fn joined(one: &Value, other: &Value) -> Value {
    let all = [one, other].into_iter().filter_map(Value::as_array);
    json!(all.flatten().collect::<Vec<_>>())
}

#[test]
fn who_may_only_read_is_told_what_is_missing_and_may_with_the_role_that_is_printed() {
    let scene = Scene::shards(2).start();
    let reading = printed_rules(&checked(&scene, vec!["rbac", "-n", scene.namespace()]).stdout);
    let reader = scene.limited_user_with(reading.0.clone(), reading.1.clone());
    let refused = run(scene.shardctl_with(&reader, upgrade(&["--image", NEXT])));
    refused.says(
        3,
        &[
            "rights",
            "not allowed: delete pods in namespace",
            "not allowed: patch statefulsets/shard in namespace",
            "create leases in namespace",
            "kind: Role",
            "--allow rights",
        ],
    );
    assert_eq!(images(&scene), ["registry.example/shard:1.0"; 2]);
    let missing = printed_rules(&refused.stderr);
    let writer = scene.limited_user_with(joined(&reading.0, &missing.0), joined(&reading.1, &missing.1));
    run(scene.shardctl_with(&writer, upgrade(&["--image", NEXT]))).says(0, &["2 shards on revision"]);
    assert_eq!(images(&scene), [NEXT, NEXT]);
}

#[test]
fn the_roles_that_rbac_prints_for_an_upgrade_suffice_for_all_of_it() {
    let scene = Scene::shards(2).stable()
        .on_karpenter("Standard_E16s_v5", "1s")
        // A node each, and no spread: Karpenter's first node takes part in one as soon as it is there, alone.
        .shard_size("12", "64Gi")
        .template(json!({"spec": {"topologySpreadConstraints": null}}))
        .start();
    let printed = checked(&scene, vec!["rbac", "--for", "upgrade", "-n", scene.namespace()]).stdout;
    for words in [
        "{name: shardctl, namespace: ",
        "{name: shardctl-upgrade, namespace: ",
        "{name: shardctl-upgrade}",
    ] {
        assert!(printed.contains(words), "{words} isn't in {printed}");
    }
    let (space, cluster) = printed_rules(&printed);
    let user = scene.limited_user_with(space, cluster);
    let mut arguments = upgrade(&["--image", NEXT, "--gate", "exec:true", "--dry-run=server"]);
    let plan = run(scene.shardctl_with(&user, arguments.clone()));
    plan.says(0, &["First step"]);
    assert!(
        !plan.stdout.contains("can't be seen") && !plan.stdout.contains("isn't known"),
        "{}",
        plan.stdout
    );
    arguments.pop();
    let done = run(scene.shardctl_with(&user, arguments));
    done.says(0, &["2 shards on revision", "2 volumes unchanged"]);
    assert!(
        !done.stderr.contains("forbidden") && !done.stderr.contains("not allowed"),
        "{}",
        done.stderr
    );
    let events = scene.list::<k8s_openapi::api::core::v1::Event>("");
    assert!(
        events
            .iter()
            .any(|event| event.reason.as_deref() == Some("OperationFinished"))
    );
    run(scene.shardctl_with(&user, vec!["upgrade", "undo", "--yes", "--lease-duration", "2s"]))
        .says(0, &["2 shards on revision"]);
}
