//! What the objects are, and which parameters are refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

use serde_json::{Value, json};

use super::kustomize::{Content, files};
use super::*;

fn catalogue() -> Catalogue {
    Catalogue::azure(None).unwrap()
}

fn rendered(workload: &Workload, phase: Phase) -> Vec<Value> {
    let all = manifests(workload, phase, &catalogue()).unwrap();
    all.iter().map(|object| serde_json::to_value(object).unwrap()).collect()
}

fn one(workload: &Workload, phase: Phase, kind: &str) -> Value {
    let all = rendered(workload, phase);
    all.into_iter().find(|object| object["kind"] == kind).unwrap()
}

fn refused(phase: Phase, change: impl Fn(&mut Workload)) -> Wrong {
    let mut workload = Workload::default();
    change(&mut workload);
    manifests(&workload, phase, &catalogue()).unwrap_err()
}

#[test]
fn every_object_is_served_where_its_path_says() {
    let all = manifests(&Workload::default(), Phase::Stable, &catalogue()).unwrap();
    let paths: Vec<String> = all.iter().map(Manifest::path).collect();
    let inside = "namespaces/biometric-shards";
    assert_eq!(
        paths,
        [
            "/api/v1/namespaces/biometric-shards".to_owned(),
            "/apis/scheduling.k8s.io/v1/priorityclasses/biometric-shard".to_owned(),
            format!("/api/v1/{inside}/services/biometric-shards"),
            format!("/api/v1/{inside}/services/biometric-lb"),
            format!("/apis/policy/v1/{inside}/poddisruptionbudgets/biometric-shard-pdb"),
            "/apis/karpenter.azure.com/v1beta1/aksnodeclasses/biometric-stable".to_owned(),
            "/apis/karpenter.sh/v1/nodepools/biometric-stable".to_owned(),
            format!("/apis/apps/v1/{inside}/statefulsets/biometric-shard"),
        ]
    );
    for object in &all {
        let written = serde_json::to_value(object).unwrap();
        assert_eq!(written["apiVersion"], object.api_version());
        assert_eq!(written["kind"], object.kind());
        assert_eq!(written["metadata"]["labels"]["app.kubernetes.io/part-of"], "biometric");
    }
}

#[test]
fn the_names_and_the_disks_are_the_same_in_both_phases() {
    let workload = Workload::default();
    let [explore, stable] = [Phase::Explore, Phase::Stable].map(|phase| one(&workload, phase, "StatefulSet"));
    assert_eq!(explore["metadata"], stable["metadata"]);
    for field in ["selector", "serviceName", "volumeClaimTemplates", "podManagementPolicy"] {
        assert_eq!(explore["spec"][field], stable["spec"][field], "{field}");
    }
}

#[test]
fn stable_is_pinned_and_protected_and_explore_is_neither() {
    let workload = Workload::default();
    let template = |phase| one(&workload, phase, "StatefulSet")["spec"]["template"].clone();
    let (explore, stable) = (template(Phase::Explore), template(Phase::Stable));
    let annotation = "/metadata/annotations/karpenter.sh~1do-not-disrupt";
    assert_eq!(
        (explore.pointer(annotation), stable.pointer(annotation)),
        (None, Some(&json!("true")))
    );
    let affinity = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    assert!(explore.pointer(affinity).is_none() && stable.pointer(affinity).is_some());
    let taint = json!({"key": "biometric", "operator": "Equal", "value": "reserved", "effect": "NoSchedule"});
    assert!(stable["spec"]["tolerations"].as_array().unwrap().contains(&taint));
    assert_eq!(explore["spec"]["tolerations"].as_array().unwrap().len(), 2);

    let pool = one(&workload, Phase::Stable, "NodePool");
    assert_eq!(
        pool["spec"]["disruption"],
        json!({
            "budgets": [{"nodes": "0", "reasons": ["Drifted", "Underutilized"]}],
            "consolidateAfter": "10m", "consolidationPolicy": "WhenEmpty",
        })
    );
    let node = &pool["spec"]["template"]["spec"];
    assert_eq!(node["expireAfter"], "Never");
    assert_eq!(
        node["taints"],
        json!([{"key": "biometric", "value": "reserved", "effect": "NoSchedule"}])
    );
    assert_eq!(node["requirements"][3]["values"], json!(["Standard_E16s_v5"]));
    let pool = one(&workload, Phase::Explore, "NodePool");
    assert_eq!(
        pool["spec"]["template"]["spec"]["requirements"][3]["values"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert!(pool["spec"]["template"]["spec"].get("taints").is_none());
}

/// A Standard_E16s_v5 holds three shards of 32Gi: 4, 3 and 3 of them take 2 + 1 + 1 machines, and one more may come.
#[test]
fn the_limits_have_room_for_every_shard_and_one_machine_more() {
    let limits = |phase| one(&Workload::default(), phase, "NodePool")["spec"]["limits"].clone();
    assert_eq!(limits(Phase::Stable), json!({"cpu": "80", "memory": "640Gi"}));
    // Of E8s it takes ten, of E32s three: the most CPU and the most memory, and one more E32s.
    assert_eq!(limits(Phase::Explore), json!({"cpu": "128", "memory": "1024Gi"}));
    // 5 and 5: 2 + 2 machines.
    let pool = one(&in_zones(&["a", "b"]), Phase::Stable, "NodePool");
    assert_eq!(pool["spec"]["limits"]["cpu"], "80");
    assert_eq!(
        pool["spec"]["template"]["spec"]["requirements"][4]["values"],
        json!(["a", "b"])
    );
}

fn in_zones(zones: &[&str]) -> Workload {
    Workload {
        zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
        ..Workload::default()
    }
}

fn spreads(workload: &Workload, phase: Phase) -> [Value; 2] {
    let set = one(workload, phase, "StatefulSet");
    [0, 1].map(|at| set["spec"]["template"]["spec"]["topologySpreadConstraints"][at].clone())
}

#[test]
fn a_zone_of_shards_may_share_a_node() {
    let skews = |workload: &Workload| spreads(workload, Phase::Explore).map(|of| of["maxSkew"].clone());
    assert_eq!(skews(&Workload::default()), [json!(1), json!(4)]);
    assert_eq!(skews(&in_zones(&["a"])), [json!(1), json!(10)]);
    assert_eq!(skews(&in_zones(&["a", "b"])), [json!(1), json!(5)]);
}

#[test]
fn the_spread_over_zones_is_a_demand_only_where_disks_get_their_zones() {
    let how = |workload: &Workload, phase| {
        let [zones, hosts] = spreads(workload, phase);
        assert_eq!(hosts["whenUnsatisfiable"], "ScheduleAnyway");
        assert_eq!(zones["nodeTaintsPolicy"], "Honor");
        (zones["whenUnsatisfiable"].clone(), zones["minDomains"].clone())
    };
    let (wish, demand) = (json!("ScheduleAnyway"), json!("DoNotSchedule"));
    assert_eq!(how(&in_zones(&["a", "b", "c"]), Phase::Explore), (demand, json!(3)));
    assert_eq!(
        how(&in_zones(&["a", "b", "c"]), Phase::Stable),
        (wish.clone(), Value::Null)
    );
    assert_eq!(how(&Workload::default(), Phase::Explore), (wish, Value::Null));
    let set = one(&in_zones(&["a", "b"]), Phase::Explore, "StatefulSet");
    let required =
        set.pointer("/spec/template/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution");
    let term = &required.unwrap()["nodeSelectorTerms"][0]["matchExpressions"][0];
    assert_eq!(term["values"], json!(["a", "b"]));
}

#[test]
fn a_size_that_holds_no_shard_is_refused_with_the_numbers() {
    let wrong = refused(Phase::Stable, |of| of.size = "Standard_E4s_v5".to_owned());
    assert_eq!(wrong.parameter, "size");
    assert_eq!(
        wrong.what,
        "Standard_E4s_v5 holds no shard: a shard takes 32Gi and 2 CPU, and 24.8Gi and 3550m CPU are left for it beside what \
         DaemonSets take: 7.2Gi of memory too little"
    );
    // Explore doesn't ask for the stable size, nor stable for the sizes of explore.
    let small = Workload {
        size: "Standard_E4s_v5".to_owned(),
        ..Workload::default()
    };
    assert!(manifests(&small, Phase::Explore, &catalogue()).is_ok());
    let wrong = refused(Phase::Explore, |of| of.sizes.push("Standard_E4s_v5".to_owned()));
    assert_eq!(wrong.parameter, "sizes");
}

#[test]
fn a_size_that_nobody_knows_is_refused_with_those_that_are_known() {
    let wrong = refused(Phase::Stable, |of| of.size = "Standard_E16_v99".to_owned());
    assert_eq!(
        (wrong.parameter, wrong.what.as_str()),
        ("size", "there is no size named Standard_E16_v99")
    );
    assert!(wrong.known.contains(&"Standard_E16s_v5".to_owned()));
}

#[test]
fn another_cloud_brings_its_node_class_and_its_sizes() {
    let file = "size,vcpu,memory,max_pods\nr6i.4xlarge,16,128Gi,234\n";
    let catalogue = Catalogue::of_file(file, None).unwrap();
    let workload = Workload {
        size: "r6i.4xlarge".to_owned(),
        node_class: Some(crate::model::workload::NodeClass::parse("karpenter.k8s.aws/EC2NodeClass/default").unwrap()),
        ..Workload::default()
    };
    let all = manifests(&workload, Phase::Stable, &catalogue).unwrap();
    let kinds: Vec<&str> = all.iter().map(Manifest::kind).collect();
    assert!(!kinds.contains(&"AKSNodeClass"), "{kinds:?}");
    let pool = serde_json::to_value(&all[kinds.iter().position(|kind| *kind == "NodePool").unwrap()]).unwrap();
    assert_eq!(
        pool["spec"]["template"]["spec"]["nodeClassRef"],
        json!({"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"})
    );
    let unknown = Workload {
        node_class: Some(crate::model::workload::NodeClass::parse("cloud.example/Machine/default").unwrap()),
        ..workload
    };
    let wrong = manifests(&unknown, Phase::Stable, &catalogue).unwrap_err();
    assert!(wrong.what.contains("allocatable_memory"), "{}", wrong.what);
}

#[test]
fn a_patch_of_the_kustomization_has_what_its_phase_changes_and_nothing_else() {
    let all = files(&Workload::default(), &[Phase::Explore, Phase::Stable], &catalogue()).unwrap();
    let patch = |path: &str| {
        let file = all.iter().find(|file| file.path == path).unwrap();
        match &file.content {
            Content::Patch(patch) => patch.clone(),
            other => panic!("{other:?}"),
        }
    };
    let stable = patch("overlays/stable/statefulset.yaml");
    assert_eq!(
        stable["metadata"],
        json!({"name": "biometric-shard", "namespace": "biometric-shards"})
    );
    let pod = stable["spec"]["template"]["spec"].as_object().unwrap();
    assert_eq!(
        pod.keys().collect::<Vec<_>>(),
        ["affinity", "tolerations", "topologySpreadConstraints"]
    );
    let explore = patch("overlays/explore/statefulset.yaml");
    let pod = explore["spec"]["template"]["spec"].as_object().unwrap();
    assert_eq!(
        pod.keys().collect::<Vec<_>>(),
        ["affinity", "topologySpreadConstraints"]
    );
    assert!(explore["spec"]["template"].get("metadata").is_none());
    let paths: Vec<&str> = all.iter().map(|file| file.path.as_str()).collect();
    assert!(
        paths.contains(&"base/kustomization.yaml") && paths.contains(&"overlays/stable/nodepool.yaml"),
        "{paths:?}"
    );
}

#[test]
fn another_size_is_another_template() {
    let template = |size: &str| {
        let workload = Workload {
            size: size.to_owned(),
            ..Workload::default()
        };
        one(&workload, Phase::Stable, "StatefulSet")["spec"]["template"].clone()
    };
    let stable = template("Standard_E16s_v5");
    assert_ne!(stable, template("Standard_E32s_v5"));
    let required =
        stable.pointer("/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms");
    // In one term: both have to hold.
    let keys = [
        ("workload", "biometric-stable"),
        ("node.kubernetes.io/instance-type", "Standard_E16s_v5"),
    ];
    let all = keys.map(|(key, value)| json!({"key": key, "operator": "In", "values": [value]}));
    assert_eq!(required.unwrap(), &json!([{"matchExpressions": all}]));
}

#[test]
fn what_the_whole_cluster_has_one_of_says_whose_namespace_it_is_of() {
    for kind in ["PriorityClass", "AKSNodeClass", "NodePool"] {
        let labels = one(&Workload::default(), Phase::Stable, kind)["metadata"]["labels"].clone();
        assert_eq!(labels["shardctl.dev/namespace"], "biometric-shards", "{kind}");
    }
    assert!(
        one(&Workload::default(), Phase::Stable, "Service")["metadata"]["labels"]["shardctl.dev/namespace"].is_null()
    );
}
