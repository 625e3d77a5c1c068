//! The outcomes that pkg/scheduler/framework/plugins/podtopologyspread/filtering_test.go and the documentation of topology
//! spread constraints give, as tables.

use serde_json::{Value, json};

use super::*;
use crate::plan::affinity::untolerated;

/// Nodes as `name:zone:pods`, `!` after the name for a cordoned one; gives the nodes that are allowed.
fn allowed(nodes: &[&str], constraints: Value, rest: Value) -> Vec<String> {
    let mut spec = json!({"containers": [], "topologySpreadConstraints": constraints});
    crate::plan::verify::testing::merge(&mut spec, &rest);
    let spec: PodSpec = serde_json::from_value(spec).unwrap();
    let (mut made, mut standing) = (Vec::new(), Vec::new());
    for written in nodes {
        let [name, zone, pods] = written.split(':').collect::<Vec<_>>()[..] else {
            panic!("{written}");
        };
        let cordoned = name.ends_with('!');
        let name = name.trim_end_matches('!');
        let taints = if cordoned {
            json!([{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}])
        } else {
            json!([])
        };
        let mut labels = json!({"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone});
        if zone.is_empty() {
            labels.as_object_mut().unwrap().remove("topology.kubernetes.io/zone");
        }
        let node: Node =
            serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}, "spec": {"taints": taints}}))
                .unwrap();
        for pod in 0..pods.parse::<usize>().unwrap() {
            let revision = if pod == 0 { "new" } else { "old" };
            let labels = json!({"app": "db", "controller-revision-hash": revision});
            standing.push((
                made.len(),
                serde_json::from_value(json!({"metadata": {"name": "x", "namespace": "shop", "labels": labels}}))
                    .unwrap(),
            ));
        }
        made.push(node);
    }
    let residents: Vec<Resident<'_>> = standing
        .iter()
        .map(|(at, pod)| Resident { pod, node: &made[*at] })
        .collect();
    let labels = BTreeMap::from([
        ("app".to_owned(), "db".to_owned()),
        ("controller-revision-hash".to_owned(), "new".to_owned()),
    ]);
    let closed = |place: &Node| untolerated(&spec, crate::model::node::taints(place)).next().is_some();
    let places: Vec<&Node> = made.iter().collect();
    let spread = Spread::of(&spec, &labels, "shop", &places, &residents, &closed);
    let free = made
        .iter()
        .filter(|place| spread.refusal(place.metadata.labels.as_ref().unwrap()).is_none());
    free.map(|place| crate::model::node::name(place).to_owned()).collect()
}

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

fn by(key: &str, skew: i32, rest: Value) -> Value {
    let mut constraint = json!({
        "topologyKey": key, "maxSkew": skew, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "db"}},
    });
    crate::plan::verify::testing::merge(&mut constraint, &rest);
    constraint
}

fn plain(key: &str, skew: i32) -> Value {
    json!([by(key, skew, json!({}))])
}

#[test]
fn the_skew_is_counted_against_the_emptiest_domain() {
    let three = ["a:1:2", "b:1:1", "x:2:0", "y:2:3"];
    assert_eq!(allowed(&three, plain(ZONE, 1), json!({})), ["a", "b", "x", "y"]);
    let uneven = ["a:1:2", "b:1:1", "x:2:1", "y:2:0"];
    assert_eq!(allowed(&uneven, plain(ZONE, 1), json!({})), ["x", "y"]);
    assert_eq!(allowed(&uneven, plain(ZONE, 3), json!({})), ["a", "b", "x", "y"]);
    assert_eq!(allowed(&["a:1:1", "b:1:0", "c:1:2"], plain(HOST, 1), json!({})), ["b"]);
}

#[test]
fn several_constraints_must_all_hold() {
    let nodes = ["a:1:2", "b:1:1", "x:2:0", "y:2:0"];
    let both = json!([by(ZONE, 1, json!({})), by(HOST, 1, json!({}))]);
    assert_eq!(allowed(&nodes, both.clone(), json!({})), ["x", "y"]);
    // The zone with room has only nodes that the other constraint forbids.
    assert_eq!(allowed(&["a:1:0", "b:1:2", "x:2:1"], both, json!({})), [""; 0]);
}

#[test]
fn a_node_without_the_key_is_refused_and_counts_for_nothing() {
    assert_eq!(
        allowed(&["a:1:1", "b::0", "x:2:1"], plain(ZONE, 1), json!({})),
        ["a", "x"]
    );
    assert_eq!(
        allowed(
            &["a:1:1", "b::0", "x:2:1"],
            json!([by(ZONE, 1, json!({})), by(HOST, 1, json!({}))]),
            json!({})
        ),
        ["a", "x"]
    );
}

#[test]
fn a_cordoned_node_counts_unless_taints_are_honoured() {
    let nodes = ["a:1:1", "b:1:1", "c!:1:0"];
    assert_eq!(allowed(&nodes, plain(HOST, 1), json!({})), ["c"]);
    let honoured = json!([by(HOST, 1, json!({"nodeTaintsPolicy": "Honor"}))]);
    assert_eq!(allowed(&nodes, honoured.clone(), json!({})), ["a", "b", "c"]);
    let tolerant = json!({"tolerations": [{"operator": "Exists"}]});
    assert_eq!(allowed(&nodes, honoured, tolerant), ["c"]);
}

#[test]
fn nodes_that_the_selector_excludes_count_only_where_affinity_is_ignored() {
    let nodes = ["a:1:1", "b:1:1", "x:2:0"];
    let here = json!({"nodeSelector": {ZONE: "1"}});
    assert_eq!(allowed(&nodes, plain(HOST, 1), here.clone()), ["a", "b", "x"]);
    let ignored = json!([by(HOST, 1, json!({"nodeAffinityPolicy": "Ignore"}))]);
    assert_eq!(allowed(&nodes, ignored, here), ["x"]);
}

#[test]
fn fewer_domains_than_wanted_make_the_least_nothing() {
    let nodes = ["a:1:1", "x:2:1"];
    let wanted = |least: i32| json!([by(ZONE, 1, json!({"minDomains": least}))]);
    assert_eq!(allowed(&nodes, wanted(2), json!({})), ["a", "x"]);
    assert_eq!(allowed(&nodes, wanted(3), json!({})), [""; 0]);
}

#[test]
fn match_label_keys_count_only_pods_of_the_new_ones_revision() {
    // The first pod of each node is of the new revision, the others are of the old one.
    let nodes = ["a:1:3", "b:1:1"];
    assert_eq!(allowed(&nodes, plain(HOST, 1), json!({})), ["b"]);
    let keyed = json!([by(
        HOST,
        1,
        json!({"matchLabelKeys": ["controller-revision-hash", "absent"]})
    )]);
    assert_eq!(allowed(&nodes, keyed, json!({})), ["a", "b"]);
}

#[test]
fn a_constraint_that_only_prefers_forbids_nothing_and_one_that_picks_another_app_counts_no_shard() {
    let nodes = ["a:1:5", "b:1:0"];
    let soft = json!([by(HOST, 1, json!({"whenUnsatisfiable": "ScheduleAnyway"}))]);
    assert_eq!(allowed(&nodes, soft, json!({})), ["a", "b"]);
    let others = json!([by(HOST, 1, json!({"labelSelector": {"matchLabels": {"app": "web"}}}))]);
    assert_eq!(allowed(&nodes, others, json!({})), ["a", "b"]);
}
