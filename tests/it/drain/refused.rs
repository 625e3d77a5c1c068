//! What a drain refuses before the cordon: what is in the way is named, with what to do, and nothing was written.

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::{AsItWas, drain, packed, packed_by_karpenter};
use crate::bad_days::run;
use crate::cluster::{Interceptor, Scene};

/// A scene whose every write by shardctl is seen.
struct Audited<'s> {
    scene: &'s Scene<'s>,
    interceptor: Interceptor,
}

impl<'s> Audited<'s> {
    fn new(scene: &'s Scene<'s>) -> Self {
        Self {
            scene,
            interceptor: Interceptor::before(scene.plane()),
        }
    }

    /// A drain of shard 0's node is refused with these words, and nothing was written.
    #[track_caller]
    fn refuses(&self, further: &[&str], words: &[&str]) {
        self.refuses_in(&[], further, words);
    }

    /// As [`Audited::refuses`], with these variables in its environment.
    #[track_caller]
    fn refuses_in(&self, environment: &[(&str, &str)], further: &[&str], words: &[&str]) {
        let node = self.scene.node_of(0);
        let before = AsItWas::of(self.scene);
        let through = self.interceptor.kubeconfig(self.scene);
        let mut command = self.scene.shardctl_with(&through, drain(&node, further));
        command.envs(environment.iter().copied());
        let ran = run(command);
        ran.says(3, words);
        assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
        let writes: Vec<String> = self.interceptor.writes().iter().map(ToString::to_string).collect();
        assert_eq!(writes, Vec::<String>::new(), "{}{}", ran.stderr, ran.stdout);
        before.but_cordoned(self.scene, &[], &ran.stderr);
    }
}

#[test]
fn pods_that_would_stop_it_half_way_are_found_before_the_cordon() {
    let scene = packed(3, 2, 2).start();
    let (node, audited) = (scene.node_of(0), Audited::new(&scene));

    scene.bare_pod("bare", &node, json!([]));
    audited.refuses(
        &[],
        &[
            "other-pods",
            "Pods that declare no controller (use --force to override)",
            "/bare",
        ],
    );
    scene.delete::<Pod>("bare");
    scene.wait_until("it is gone", |scene| scene.find::<Pod>("bare").is_none());

    scene.bare_pod("scratch", &node, json!([{"name": "scratch", "emptyDir": {}}]));
    audited.refuses(
        &["--force"],
        &[
            "other-pods",
            "Pods with local storage (use --delete-emptydir-data to override)",
            "/scratch",
        ],
    );
    scene.delete::<Pod>("scratch");
    scene.wait_until("it is gone", |scene| scene.find::<Pod>("scratch").is_none());

    scene.daemon_set("agent", &node);
    audited.refuses(
        &["--ignore-daemonsets=false"],
        &["DaemonSet-managed Pods (use --ignore-daemonsets to ignore)", "/agent-"],
    );

    scene.deployment("web", 2, &node);
    scene.neighbours_budget("web", json!("100%"));
    audited.refuses(
        &[],
        &[
            "other-pods",
            "pdb/web has minAvailable 100%: it can never go while that is so",
        ],
    );
}

#[test]
fn another_sets_pod_whose_budget_wants_all_of_them_is_found_before_the_cordon() {
    let scene = packed(3, 2, 2).start();
    let (node, audited) = (scene.node_of(0), Audited::new(&scene));
    scene.another_set("queue", 2, &node);
    scene.neighbours_budget("queue", json!(2));
    let wants_all = "pdb/queue wants 2 of its 2 pods healthy: none can ever go while that is so";
    for strategy in ["relax", "surge", "direct"] {
        audited.refuses(
            &["--statefulset", "shard", "--strategy", strategy],
            &["other-pods", "/queue-0", wants_all],
        );
    }
}

#[test]
fn what_is_wrong_with_the_shards_or_the_budget_is_found_before_the_cordon() {
    let scene = packed(3, 2, 2).start();
    let audited = Audited::new(&scene);

    let selector = json!({"matchLabels": {"app": scene.name()}});
    scene.apply(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "second"},
        "spec": {"minAvailable": 3, "selector": selector},
    }));
    for strategy in ["relax", "surge"] {
        audited.refuses(
            &["--strategy", strategy],
            &[
                "two-budgets",
                "pdb/second",
                "no eviction is ever accepted",
                "--strategy direct",
            ],
        );
    }
    scene.delete::<PodDisruptionBudget>("second");

    let share = |value: Value| {
        scene.patch::<PodDisruptionBudget>(scene.name(), json!({"spec": {"minAvailable": value}}));
        scene.wait_until_healthy();
    };
    share(json!("100%"));
    audited.refuses(
        &["--strategy", "surge"],
        &[
            "surge",
            "its minAvailable is 100%, which counts the new shard in",
            "--strategy relax",
        ],
    );
    share(json!(3));

    // Without the name typed back, downtime is refused.
    audited.refuses(&["--strategy", "downtime"], &["--confirm"]);

    scene.make_unready(2);
    scene.wait_until("shard 2 is down", |scene| !scene.is_ready(2));
    audited.refuses(&[], &["shard-down", "pod/shard-2", "mend it first"]);
}

#[test]
fn a_shard_without_a_home_in_its_zone_is_refused_with_the_size_that_would_do() {
    let scene = Scene::shards(2)
        .zones(["eastus-1"])
        .node_size("4", "48Gi")
        .shard_size("3", "32Gi")
        .start();
    // Room in another zone is no room: the disk doesn't go there.
    let far = crate::cluster::scene::nodes::node(
        &format!("{}-far", scene.namespace()),
        &json!({"test.shardctl.dev/scene": scene.namespace()}),
        &[],
        "eastus-2",
        "16",
        "128Gi",
    );
    scene.apply(far);
    scene.wait_until("the far node is Ready", |scene| {
        let far: Node = scene.get(&format!("{}-far", scene.namespace()));
        shardctl::model::node::is_ready(&far)
    });
    let audited = Audited::new(&scene);
    let words = ["no-home", "a node in eastus-1 would do that has 3 cpu, 32Gi memory"];
    audited.refuses(&[], &words);
    audited.refuses(&["--strategy", "direct"], &words);
}

#[test]
fn a_spread_that_counts_the_cordoned_node_is_refused() {
    let spread = json!({"topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "shard"}}});
    let scene = Scene::shards(3)
        .zones(["eastus-1"])
        .template(json!({"spec": {"topologySpreadConstraints": [spread]}}))
        .start();
    Audited::new(&scene).refuses(&[], &["no-home", "nodeTaintsPolicy: Honor"]);
}

#[test]
fn shards_that_tolerate_the_cordon_are_refused() {
    let scene = Scene::shards(2)
        .zones(["eastus-1"])
        .template(json!({"spec": {"tolerations": [{"operator": "Exists"}]}}))
        .start();
    Audited::new(&scene).refuses(&[], &["cordon-tolerated", "they would come back to the cordoned node"]);
}

#[test]
fn a_pool_that_may_make_no_more_is_no_home() {
    let scene = packed_by_karpenter(2, 1).start();
    let path = format!("/apis/karpenter.sh/v1/nodepools/{}", scene.namespace());
    let plane = scene.plane();
    scene.wait_until("the pool counts what it made", |scene| {
        let pool = scene.plane().get(&path).expect("the pool");
        pool["status"]["resources"]["memory"].is_string()
    });
    // Less than one shard takes: whatever Karpenter gives back, nothing fits below it.
    let limit = json!({"spec": {"limits": {"memory": "1Gi"}}});
    plane
        .run(crate::cluster::api::merge(plane.client(), &path, &limit))
        .expect("a patch");
    Audited::new(&scene).refuses(&[], &["no-home", &format!("nodepool/{}", scene.namespace())]);
}

#[test]
fn a_pod_does_not_drain_the_node_that_it_is_on() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    scene.deployment("tools", 1, &node);
    let tools: Vec<Pod> = scene.list("labelSelector=neighbour=tools");
    let name = tools[0].metadata.name.as_deref().expect("a name");
    Audited::new(&scene).refuses_in(
        &[
            ("KUBERNETES_SERVICE_HOST", "127.0.0.1"),
            ("POD_NAMESPACE", scene.namespace()),
            ("POD_NAME", name),
        ],
        &[],
        &[
            "own-node",
            &format!("shardctl runs on it, in pod/{name}"),
            "in a pod on another node",
        ],
    );
}
