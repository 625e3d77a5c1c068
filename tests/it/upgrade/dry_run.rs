//! A dry run prints what would be done and writes nothing; events as JSON; and who can't be asked changes nothing.

use serde_json::{Value, json};

use super::{NEXT, images, is_whole, patch_set_as, upgrade};
use crate::bad_days::run;
use crate::cluster::{Interceptor, Scene};

#[test]
fn a_dry_run_prints_the_change_the_order_and_the_first_step_and_writes_nothing() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    let through = interceptor.kubeconfig(&scene);
    let dry = |arguments: &[&str]| run(scene.shardctl_with(&through, arguments.to_vec()));
    let page = [
        "shard: image of shard: ",
        "What changes in the template",
        "- registry.example/shard:1.0",
        "+ registry.example/shard:2.0",
        "3 shards, one at a time, in this order",
        "Fetched beforehand",
        "First step",
    ];
    for how in ["--dry-run=client", "--dry-run=server"] {
        let plan = dry(&["upgrade", "--image", NEXT, "--last", "2", how]);
        plan.says(0, &page);
        let at = |name: &str| plan.stdout.find(&format!(" {name} ")).expect("a shard of the order");
        assert!(
            at("shard-1") < at("shard-0") && at("shard-0") < at("shard-2"),
            "{}",
            plan.stdout
        );
        let plan = dry(&["upgrade", "--image", NEXT, how, "-o", "json"]);
        assert_eq!(plan.code, 0, "{}", plan.stderr);
        let document: Value = serde_json::from_str(&plan.stdout).expect("a document");
        assert_eq!(
            (&document["apiVersion"], &document["kind"]),
            (&json!("shardctl.dev/v1"), &json!("Plan"))
        );
        assert_eq!(document["order"][0]["shard"], "shard-2");
        assert_eq!(document["changes"][0]["new"], NEXT);
        assert_eq!(document["refusals"], json!([]));
    }
    dry(&["upgrade", "undo", "--dry-run=client"]).refused(2, &["nothing to undo"]);

    // Without --yes and without a terminal.
    dry(&["upgrade", "--image", NEXT, "--before", "drain it"]).says(
        3,
        &[
            "nobody can be asked here",
            "nothing was changed",
            "upgrade --image registry.example/shard:2.0 --before 'drain it' --yes",
        ],
    );

    // What can't make a pod only the server knows.
    let name = |name: Value| {
        patch_set_as(
            &scene,
            "kubectl-edit",
            &json!({"spec": {"template": {"spec": {"volumes": [{"name": "settings", "configMap": {"name": name}}]}}}}),
        );
    };
    name(json!("nowhere"));
    dry(&["upgrade", "--dry-run=client"]).says(0, &["First step"]);
    dry(&["upgrade", "--dry-run=server"]).says(3, &["template", "configmap/nowhere", "--allow template"]);
    let plan = dry(&["upgrade", "--dry-run=server", "-o", "json"]);
    assert_eq!(plan.code, 3, "{}", plan.stderr);
    let document: Value = serde_json::from_str(&plan.stdout).expect("a document");
    assert_eq!(document["refusals"][0]["id"], "template");

    let writes: Vec<String> = interceptor.writes().iter().map(ToString::to_string).collect();
    assert_eq!(writes, Vec::<String>::new());
    assert_eq!(images(&scene), ["registry.example/shard:1.0"; 3]);
    // The same is found before anything is touched without a dry run.
    let refused = run(scene.shardctl(upgrade(&[])));
    refused.says(3, &["configmap/nowhere"]);
    assert_eq!(images(&scene), ["registry.example/shard:1.0"; 3]);
}

#[test]
fn as_json_every_line_is_an_event_and_the_last_one_is_the_end() {
    let scene = Scene::shards(2).start();
    let told = "printf '\\033[31mred\\033[0m \\342\\200\\256'; exit 1";
    let stopped = run(scene.shardctl(upgrade(&["--image", NEXT, "-o", "json", "--before", told])));
    let done = run(scene.shardctl(upgrade(&["-o", "json"])));
    for (ran, code, end) in [(&stopped, 1, "halted"), (&done, 0, "done")] {
        assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stderr, "");
        let events: Vec<Value> = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect();
        for event in &events {
            assert_eq!(
                (&event["apiVersion"], &event["kind"]),
                (&json!("shardctl.dev/v1"), &json!("Event"))
            );
            assert!(event["event"].is_string() && event["at"].is_string(), "{event}");
        }
        let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
        assert_eq!(names.first(), Some(&"started"), "{names:?}");
        let last = events.last().expect("an event");
        assert_eq!(
            (&last["event"], &last["end"], &last["exitCode"]),
            (&json!("ended"), &json!(end), &json!(code))
        );
        for fact in ["stateNow", "howToUndo", "howToResume"] {
            assert!(!last[fact].is_null(), "{fact} isn't in {last}");
        }
    }
    let all = format!("{}{}", stopped.stdout, done.stdout);
    assert!(all.contains("\\u001b[31mred") && all.contains("\\u202e"), "{all}");
    assert!(is_whole(&scene));

    let refused = run(scene.shardctl(upgrade(&["--restart", "-o", "json", "--expect", "3"])));
    assert_eq!(refused.code, 3);
    let names: Vec<Value> = refused
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["event"].clone())
        .collect();
    assert!(
        names.contains(&json!("refused")) && names.last() == Some(&json!("ended")),
        "{names:?}"
    );
}
