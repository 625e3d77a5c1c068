//! Promotions that are refused with the numbers, before anything is written.

use super::{promote, words};
use crate::cluster::{Interceptor, Scene};
use crate::deploy::{deployed, ran};
use crate::render::ground::Ground;
use serde_json::json;

#[test]
fn a_size_without_room_a_zone_that_is_left_out_and_another_number_of_shards_are_refused() {
    let ground = deployed();
    let interceptor = Interceptor::before(ground.scene.plane());
    let kubeconfig = interceptor.kubeconfig(&ground.scene);
    // A parameter that can't be followed is one without a cluster, too.
    promote(&ground, &kubeconfig, &["--yes", "--memory", "200Gi"])
        .is(2, &["`size`", "Standard_E16s_v5 holds no shard", "of memory"]);
    let mut narrow = words(&ground, &["--yes"]);
    let at = narrow.iter().position(|word| word == "--zones").expect("zones") + 1;
    let first = narrow[at].split(',').next().expect("a zone").to_owned();
    narrow[at].clone_from(&first);
    ran(&ground, &kubeconfig, &narrow).is(3, &["zone-left-out", &format!("machines in {first} alone"), "--zones"]);
    let mut fewer = words(&ground, &["--yes"]);
    let at = fewer.iter().position(|word| word == "--shards").expect("shards") + 1;
    fewer[at] = "2".to_owned();
    ran(&ground, &kubeconfig, &fewer).is(
        3,
        &["also-scales", "there are 3 shards, and 2 are asked for", "--shards 3"],
    );
    promote(&ground, &kubeconfig, &["--yes", "--expect", "4"]).is(2, &["--expect 4", "have 3 shards", "--shards 4"]);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}

#[test]
fn another_set_than_the_workloads_is_a_mistake_whatever_writes_or_deletes() {
    let ground = Ground::new();
    for command in ["promote", "cleanup", "deploy", "render"] {
        let mut arguments = match command {
            "deploy" | "render" => ground.arguments(command, "explore"),
            _ => ground.of_command(command),
        };
        arguments.extend(["--statefulset", "redis-shard"].map(str::to_owned));
        ran(&ground, ground.scene.kubeconfig(), &arguments).is(
            2,
            &[
                "statefulset/redis-shard (--statefulset) isn't the set of the workload",
                "--name redis",
            ],
        );
    }
}

#[test]
fn a_name_that_a_workload_of_another_namespace_has_is_refused() {
    let ground = deployed();
    let name = ground.scene.namespace();
    let elsewhere = format!("{name}-elsewhere");
    let interceptor = Interceptor::before(ground.scene.plane());
    let mut arguments = ground.arguments("deploy", "explore");
    let at = arguments.iter().position(|word| word == "-n").expect("-n") + 1;
    arguments[at].clone_from(&elsewhere);
    arguments.push("--yes".to_owned());
    ran(&ground, &interceptor.kubeconfig(&ground.scene), &arguments).is(
        3,
        &[
            &format!("name-taken nodepool/{name}-explore"),
            &format!("name-taken priorityclass/{name}-shard"),
            &format!("namespace/{name}"),
            "--name NAME",
        ],
    );
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}

#[test]
fn machines_past_the_pools_limits_are_refused_with_the_numbers() {
    let ground = Ground::new();
    // Four disks in one zone, four in the next, one in the last: two machines, two and one of a size that holds three.
    let [first, second, third] = ground.zone_names().clone();
    let own = ground.zone_names().join(",");
    for (shards, zone) in [("4", &first), ("8", &second), ("9", &third)] {
        let arguments = [
            ground.arguments("deploy", "explore"),
            vec!["--shards".into(), shards.into(), "--yes".into()],
        ];
        let arguments: Vec<String> = arguments
            .concat()
            .into_iter()
            .map(|word| if word == own { zone.clone() } else { word })
            .collect();
        ran(&ground, ground.scene.kubeconfig(), &arguments).is(0, &[&format!("{shards} shards are Ready")]);
    }
    let interceptor = Interceptor::before(ground.scene.plane());
    let arguments = [
        ground.of_command("promote"),
        ["--shards", "9", "--size", "Standard_E16s_v5", "--yes"]
            .map(str::to_owned)
            .to_vec(),
    ];
    ran(&ground, &interceptor.kubeconfig(&ground.scene), &arguments.concat()).is(
        3,
        &[
            "pool-limits",
            "the shards take 5 machines of Standard_E16s_v5, and its limits have room for 4",
            &format!("{first}: 4 shards, 3 on a machine: 2 machines"),
            "--size SIZE",
        ],
    );
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}

#[test]
fn without_karpenter_nothing_is_promoted() {
    let scene = Scene::shards(1).named("db-shard").start();
    let interceptor = Interceptor::before(scene.plane());
    let arguments = [
        "promote",
        "--yes",
        "--name",
        "db",
        "-n",
        scene.namespace(),
        "--shards",
        "1",
    ];
    let output = scene
        .shardctl_with(&interceptor.kubeconfig(&scene), arguments)
        .output()
        .expect("promote");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("no-karpenter") && said.contains("az aks update"),
        "{said}"
    );
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}

#[test]
fn a_shard_that_is_down_is_mended_first() {
    let ground = deployed();
    let down = format!("{}-1", ground.set());
    ground.scene.make_pod_unready(&down);
    let interceptor = Interceptor::before(ground.scene.plane());
    let refused = promote(&ground, &interceptor.kubeconfig(&ground.scene), &["--yes"]);
    refused.is(3, &["shard-down", &format!("pod/{down}")]);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}

#[test]
fn beside_a_set_of_an_older_name_no_empty_twin_begins() {
    let scene = Scene::shards(1).named("explore-biometric-shard").start();
    let interceptor = Interceptor::before(scene.plane());
    let arguments = ["promote", "--yes", "-n", scene.namespace()];
    let output = scene
        .shardctl_with(&interceptor.kubeconfig(&scene), arguments)
        .output()
        .expect("promote");
    let said = String::from_utf8_lossy(&output.stderr)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert_eq!(output.status.code(), Some(3), "{said}");
    for word in [
        "older-name statefulset/explore-biometric-shard",
        "spec.volumeName",
        "verify -n",
    ] {
        assert!(said.contains(word), "lacks {word:?}: {said}");
    }
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}

#[test]
fn without_a_set_there_is_nothing_to_promote() {
    let ground = Ground::new();
    promote(&ground, ground.scene.kubeconfig(), &["--yes"]).is(2, &["to promote", "shardctl", "deploy explore"]);
}

#[test]
fn a_field_of_somebody_elses_is_named_and_left() {
    let ground = deployed();
    let budget = format!("{}-pdb", ground.set());
    ground.scene.apply(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": budget}, "spec": {"minAvailable": 2},
    }));
    let interceptor = Interceptor::before(ground.scene.plane());
    promote(&ground, &interceptor.kubeconfig(&ground.scene), &["--yes"]).is(3, &["field-owner", "test-author"]);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}
