//! Rehearsals of a real control plane: every request is seen, and none of them writes; then the same for real.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::{decisions, document, fetched};
use crate::bad_days::{Ran, run};
use crate::cluster::{Interceptor, Scene};
use crate::deploy::deployed;
use crate::drain::{drain, packed};
use crate::promote::words;
use crate::recover::{mark, marked};
use crate::upgrade::{NEXT, is_whole, upgrade};

/// A rehearsal through an interceptor that is held to reads and reviews of rights.
fn rehearsed(scene: &Scene<'_>, arguments: &[&str]) -> Ran {
    let interceptor = Interceptor::before(scene.plane());
    // Not its version: the controller may still be writing its status.
    let written = || {
        let sets = scene.list::<StatefulSet>("").into_iter().map(|set| set.metadata);
        sets.map(|set| (set.uid, set.generation, set.annotations))
            .collect::<Vec<_>>()
    };
    let before = written();
    let ran = run(scene.shardctl_with(&interceptor.kubeconfig(scene), arguments.to_vec()));
    let requests = interceptor.requests();
    assert!(requests.len() > 10, "{requests:?}");
    let more_than_looking: Vec<String> = requests
        .iter()
        .filter(|request| {
            let reviews = request.method == "POST" && request.path.ends_with("/selfsubjectaccessreviews");
            request.method != "GET" && !reviews
        })
        .map(ToString::to_string)
        .collect();
    // Not even a dry run.
    assert_eq!(more_than_looking, Vec::<String>::new());
    assert_eq!(written(), before);
    ran
}

/// The events that a real run told.
fn told(ran: &Ran) -> Vec<Value> {
    let lines = ran.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Rehearses, runs for real, and compares what was decided.
fn same_as_for_real(scene: &Scene<'_>, arguments: &[&str]) -> Value {
    same_but_for(scene, arguments, |decision| decision)
}

/// As [`same_as_for_real`], but for what `plain` takes out of each decision.
fn same_but_for(scene: &Scene<'_>, arguments: &[&str], plain: fn(String) -> String) -> Value {
    let mut line = arguments.to_vec();
    line.extend(["-o", "json", "--rehearse"]);
    let rehearsal = rehearsed(scene, &line);
    let document = document(&rehearsal);
    line.pop();
    let real = run(scene.shardctl(line));
    assert_eq!(rehearsal.code, real.code, "{}\n{}", rehearsal.stdout, real.stdout);
    let in_rehearsal = document["events"].as_array().expect("events");
    let for_real = told(&real);
    let each = |decided: Vec<String>| decided.into_iter().map(plain).collect::<Vec<_>>();
    assert_eq!(each(decisions(in_rehearsal.iter())), each(decisions(for_real.iter())));
    assert_eq!(each(fetched(in_rehearsal.iter())), each(fetched(for_real.iter())));
    document
}

/// Without the names of machines that nobody has bought yet, nor those that are made of them.
fn without_new_names(decision: String) -> String {
    let kind = decision.split('/').next().unwrap_or_default();
    let rest = decision.split_once(": ").map_or("", |(_, rest)| rest);
    if kind == "node" || decision.starts_with("pod/shardctl-placeholder-") {
        return format!("{kind}: {rest}");
    }
    match decision.rsplit_once(' ') {
        Some((node, state)) if node.contains("-stable-") => format!("node {state}"),
        _ => decision,
    }
}

#[test]
fn an_upgrade_is_rehearsed_without_a_write_and_then_goes_the_same_way() {
    let scene = Scene::shards(3).stable().start();
    let document = same_as_for_real(&scene, &upgrade(&["--image", NEXT]));
    assert!(is_whole(&scene));
    assert_eq!((&document["end"], &document["exitCode"]), (&json!("done"), &json!(0)));
    assert_eq!(document["mostDown"], 1);
    assert_eq!(document["shards"].as_array().map(Vec::len), Some(3));
    let durations = document["durations"].as_array().expect("durations");
    let start = durations
        .iter()
        .find(|known| known["what"] == "a shard starts")
        .expect("a duration");
    assert_eq!(start["measured"], true, "{start}");
    let real = document["real"].as_str().expect("a command");
    assert!(
        real.starts_with("shardctl ") && real.contains(&format!("--image {NEXT}")) && !real.contains("--rehearse"),
        "{real}"
    );

    // For people, and where there is nothing left to do.
    let idle = rehearsed(&scene, &["upgrade", "--image", NEXT, "--rehearse"]);
    idle.says(0, &["nothing to do", "How long things take", "For real"]);
    let back = rehearsed(&scene, &["upgrade", "undo", "--rehearse"]);
    back.says(
        0,
        &[
            "Rehearsed: shard: ",
            "r starts, until Ready",
            "1 down at once at most",
            "$ shardctl",
        ],
    );
    assert!(is_whole(&scene));
}

#[test]
fn a_drain_is_rehearsed_without_a_write_and_then_goes_the_same_way() {
    let scene = packed(3, 1, 4).start();
    let node = scene.node_of(0);
    let document = same_as_for_real(&scene, &drain(&node, &[]));
    assert_eq!((&document["end"], &document["mostDown"]), (&json!("done"), &json!(1)));
    assert_ne!(scene.node_of(0), node);
}

#[test]
fn what_would_be_refused_is_found_in_rehearsal_with_its_exit_code() {
    let scene = Scene::shards(2).start();
    scene.make_unready(1);
    let refused = rehearsed(&scene, &["upgrade", "--image", NEXT, "--expect", "3", "--rehearse"]);
    assert_eq!(refused.code, 3, "{}{}", refused.stdout, refused.stderr);
    let typed = run(scene.shardctl(["drain", "no-such-node", "--rehearse"]));
    typed.refused(2, &["no-such-node"]);
}

#[test]
fn a_recovery_is_rehearsed_without_a_write_and_then_goes_the_same_way() {
    let scene = Scene::shards(2).start();
    let (was, is) = (json!({"spec.minAvailable": 2}), json!({"spec.minAvailable": 1}));
    let mut patch = marked(&mark(&scene, 600, was, is));
    patch["spec"] = json!({"minAvailable": 1});
    scene.patch::<PodDisruptionBudget>(scene.name(), patch);
    let document = same_as_for_real(&scene, &["recover", "--yes", "--lease-duration", "2s"]);
    assert_eq!(document["end"], "done");
    assert!(document["shards"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn a_promotion_is_rehearsed_without_a_write_and_then_goes_the_same_way() {
    let ground = deployed();
    let line = words(&ground, &["--yes"]);
    let line: Vec<&str> = line.iter().map(String::as_str).collect();

    // Offline, of a snapshot, it is the same as of the cluster.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cluster.json");
    let file = file.to_str().expect("a path of letters");
    run(ground
        .scene
        .shardctl(["--statefulset", &ground.set(), "snapshot", "--out", file]))
    .says(0, &[]);
    let mut offline = line.clone();
    offline.extend(["-o", "json", "--rehearse", "--from", file]);
    let offline = document(&run(ground.scene.shardctl(offline)));

    let live = same_but_for(&ground.scene, &line, without_new_names);
    assert_eq!((&live["end"], &live["mostDown"]), (&json!("done"), &json!(1)));
    assert_eq!(live["shards"].as_array().map(Vec::len), Some(3));
    let events = |of: &Value| {
        let decided = decisions(of["events"].as_array().expect("events").iter());
        decided.into_iter().map(without_new_names).collect::<Vec<_>>()
    };
    assert_eq!(events(&offline), events(&live));
    // The size that is bought is on no node yet.
    let assumed = live["assumed"].to_string();
    assert!(
        assumed.contains("no node of Standard_E16s_v5 is there: assumed")
            && assumed.contains("(typical, by the catalogue"),
        "{assumed}"
    );
    let real = live["real"].as_str().expect("a command");
    assert!(
        real.starts_with("shardctl promote ") && !real.contains("--rehearse"),
        "{real}"
    );
}
