//! What a deployment writes and waits for, however it ends, and that the same again goes on from there.

use super::{deploy, deployed, words};
use crate::cluster::Interceptor;
use crate::render::ground::Ground;
use crate::render::{documents, kubectl_says};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use serde_json::{Value, json};

#[test]
fn a_deployment_ends_when_every_shard_is_ready_and_a_second_one_writes_nothing() {
    let ground = Ground::new();
    let ran = deploy(&ground, ground.scene.kubeconfig(), "explore", &["--yes"]);
    let set = format!("statefulset/{}", ground.set());
    ran.is(
        0,
        &["3 shards are Ready", &format!("{set} is made"), "nothing to resume"],
    );
    assert_eq!(ground.shards().len(), 3);
    ground.give_the_balancer_an_address();
    ground.is_healthy();
    let made = ground.scene.get::<StatefulSet>(&ground.set());
    let managers = made.metadata.managed_fields.unwrap_or_default();
    assert!(
        managers
            .iter()
            .any(|of| of.manager.as_deref() == Some("shardctl") && of.operation.as_deref() == Some("Apply"))
    );

    let interceptor = Interceptor::before(ground.scene.plane());
    let again = deploy(&ground, &interceptor.kubeconfig(&ground.scene), "explore", &[]);
    again.is(0, &["nothing to do", "3 shards Ready"]);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());

    // Nor does the server count anything of it as a change. Controllers may write beside it, but not each time.
    let text = ground.render("explore", &["--shards", "3"]);
    let kubeconfig = ground.scene.kubeconfig().to_str().expect("UTF-8");
    let versions = || -> Vec<String> {
        let get = ["get", "-f", "-", "-o", "json", "--kubeconfig", kubeconfig];
        let all: Value = serde_json::from_str(&kubectl_says(&get, &text)).expect("JSON");
        let items = all["items"].as_array().expect("a list").iter();
        items.map(|of| of["metadata"]["resourceVersion"].to_string()).collect()
    };
    ground.scene.wait_until("no resourceVersion moves", |scene| {
        let before = versions();
        deploy(&ground, scene.kubeconfig(), "explore", &["--yes"]).is(0, &["nothing to do"]);
        assert_eq!(before.len(), 7);
        versions() == before
    });
}

#[test]
fn kubectl_finds_nothing_to_change_in_what_was_deployed() {
    let ground = deployed();
    let text = ground.render("explore", &["--shards", "3"]);
    let kubeconfig = ground.scene.kubeconfig().to_str().expect("UTF-8");
    let generations = || -> Vec<(String, Value)> {
        let get = ["get", "-f", "-", "-o", "json", "--kubeconfig", kubeconfig];
        let all: Value = serde_json::from_str(&kubectl_says(&get, &text)).expect("JSON");
        let items = all["items"].as_array().expect("a list").iter();
        items
            .map(|of| {
                (
                    of["kind"].to_string(),
                    json!([of["metadata"]["generation"], of["spec"]]),
                )
            })
            .collect()
    };
    let before = generations();
    assert_eq!(before.len(), documents(&text).len());
    ground.apply(&text);
    assert_eq!(generations(), before);
}

#[test]
fn an_image_that_cannot_be_had_halts_it_with_the_reason() {
    let ground = Ground::new();
    let image = ["--yes", "--image", "registry.example/shard:2.0-pullfail"];
    let ran = deploy(&ground, ground.scene.kubeconfig(), "explore", &image);
    ran.is(
        1,
        &["can't come up as things are", "registry.example/shard:2.0-pullfail"],
    );
}

#[test]
fn out_of_time_it_can_be_run_again() {
    let ground = Ground::new();
    ground.scene.new_nodes_take("4s");
    let ran = deploy(
        &ground,
        ground.scene.kubeconfig(),
        "explore",
        &["--yes", "--timeout", "2s"],
    );
    ran.is(
        4,
        &[
            "0 of 3 shards are Ready after 2s",
            "isn't Ready",
            "shardctl deploy explore",
        ],
    );
    deploy(&ground, ground.scene.kubeconfig(), "explore", &["--yes"])
        .is(0, &["3 shards are Ready", "nothing to write"]);
}

#[test]
fn killed_between_two_writes_it_converges_when_it_is_run_again() {
    let ground = Ground::new();
    let interceptor = Interceptor::before(ground.scene.plane());
    let fourth = interceptor
        .on(|request| request.is_write() && request.path.contains("/nodepools/"))
        .hold_answer();
    let arguments = words(&ground, "explore", &["--yes"]);
    let command = ground.scene.shardctl_process(
        &interceptor.kubeconfig(&ground.scene),
        arguments.iter().map(String::as_str),
    );
    fourth.wait_hit();
    command.kill();
    fourth.discard();
    assert!(
        ground.scene.find::<StatefulSet>(&ground.set()).is_none(),
        "the set is written last"
    );
    deploy(&ground, ground.scene.kubeconfig(), "explore", &["--yes"]).is(0, &["3 shards are Ready"]);
}

#[test]
fn a_new_template_is_written_and_the_shards_are_left_to_an_upgrade() {
    let ground = deployed();
    let uids = || {
        let uid = |pod: Pod| pod.metadata.uid;
        ground.shards().into_iter().filter_map(uid).collect::<Vec<_>>()
    };
    let before = uids();
    let image = "registry.example/shard:2.0";
    let look = deploy(
        &ground,
        ground.scene.kubeconfig(),
        "explore",
        &["--image", image, "--dry-run=server"],
    );
    look.is(
        0,
        &[
            "changes in 1 field",
            ".spec.template.spec.containers[0].image",
            "until `shardctl upgrade` moves them",
        ],
    );
    let json = deploy(
        &ground,
        ground.scene.kubeconfig(),
        "explore",
        &["--image", image, "--dry-run=server", "-o", "json"],
    );
    let plan: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let changed: Vec<&Value> = plan["objects"]
        .as_array()
        .expect("objects")
        .iter()
        .filter(|of| of["state"] == "changed")
        .collect();
    assert_eq!(changed.len(), 1, "{plan}");
    assert_eq!(changed[0]["fields"][0]["after"], image);

    let ran = deploy(
        &ground,
        ground.scene.kubeconfig(),
        "explore",
        &["--image", image, "--yes"],
    );
    ran.is(
        0,
        &["those that were there have the template before", "shardctl --namespace"],
    );
    assert_eq!(uids(), before, "no shard was touched");
    // Without a terminal and without --yes nobody is asked, and nothing is written.
    deploy(&ground, ground.scene.kubeconfig(), "explore", &["--memory", "33Gi"])
        .is(3, &["nothing was changed", "--yes"]);
}

#[test]
fn ctrl_c_stops_the_waiting_and_the_shards_come_all_the_same() {
    let ground = Ground::new();
    ground.scene.new_nodes_take("4s");
    let arguments = words(&ground, "explore", &["--yes"]);
    let kubeconfig = ground.scene.kubeconfig();
    let mut command = ground
        .scene
        .shardctl_process(kubeconfig, arguments.iter().map(String::as_str));
    command.wait_for_output("Pending for");
    command.interrupt();
    let ended = command.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stdout.contains("the shards come up by themselves"), "{ended:?}");
    ground.wait_until_ready(3);
    deploy(&ground, kubeconfig, "explore", &[]).is(0, &["nothing to do"]);
}

#[test]
fn after_explore_stable_is_deployed_and_an_upgrade_moves_the_shards_with_their_disks() {
    let ground = deployed();
    let disks = || {
        let claims = ground.scene.list::<PersistentVolumeClaim>("");
        let volume = |claim: PersistentVolumeClaim| (claim.metadata.name, claim.spec.and_then(|spec| spec.volume_name));
        claims.into_iter().map(volume).collect::<Vec<_>>()
    };
    let before = disks();
    let ran = deploy(&ground, ground.scene.kubeconfig(), "stable", &["--yes"]);
    ran.is(
        0,
        &["-stable is made", "those that were there have the template before"],
    );
    let set = ground.set();
    let upgrade = [
        "upgrade",
        "--yes",
        "-n",
        ground.scene.namespace(),
        "--statefulset",
        &set,
    ];
    let upgraded = ground.scene.shardctl(upgrade).output().expect("upgrade");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&upgraded.stdout),
        String::from_utf8_lossy(&upgraded.stderr)
    );
    assert_eq!(upgraded.status.code(), Some(0), "{said}");
    for node in ground.nodes().keys() {
        assert_eq!(
            ground.labels(node)["workload"],
            format!("{}-stable", ground.scene.namespace())
        );
    }
    assert_eq!(disks(), before);
    ground.give_the_balancer_an_address();
    ground.is_healthy();
    deploy(&ground, ground.scene.kubeconfig(), "stable", &[]).is(0, &["nothing to do"]);
}
