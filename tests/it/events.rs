//! `shardctl events`: what everybody says about the shards of a living set, in the order in which it was said.

use std::io::{BufRead, BufReader};
use std::sync::mpsc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, PersistentVolume, Pod};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use serde_json::{Value, json};

use crate::bad_days::{interrupt, run, shards, started};
use crate::cluster::wait::DEADLINE;
use crate::cluster::{Scene, disks};

/// What is told, as JSON.
#[track_caller]
fn told(scene: &Scene<'_>, arguments: &[&str]) -> Vec<Value> {
    let all = [&["events", "-o", "json"], arguments].concat();
    let ran = run(scene.shardctl(all));
    ran.says(0, &[]);
    let lines = ran.stdout.lines();
    lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Where something is told first.
#[track_caller]
fn place(told: &[Value], reason: &str) -> usize {
    let found = told.iter().position(|told| told["reason"] == reason);
    found.unwrap_or_else(|| panic!("{reason} isn't in {told:#?}"))
}

/// Waits until the events that go with a pod's last start are written: they come after the state itself.
#[track_caller]
fn wait_for_event(scene: &Scene<'_>, reason: &str, uid: Option<&String>) {
    scene.wait_until(&format!("the event {reason}"), |scene| {
        scene
            .list::<Event>("")
            .iter()
            .any(|event| event.reason.as_deref() == Some(reason) && event.involved_object.uid.as_ref() == uid)
    });
}

/// How long an Event may take that goes with a pod's condition: both are sent at once.
const HEARD: SignedDuration = SignedDuration::from_secs(15);

fn failed(event: &Event, uid: Option<&String>) -> bool {
    event.reason.as_deref() == Some("FailedScheduling") && event.involved_object.uid.as_ref() == uid
}

/// How long ago the scheduler has given a pod up.
fn unschedulable_for(pod: &Pod) -> Option<SignedDuration> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let given_up = conditions
        .iter()
        .find(|condition| condition.reason.as_deref() == Some("Unschedulable"))?;
    let since = given_up.last_transition_time.as_ref()?.0;
    Some(Timestamp::now().duration_since(since))
}

#[test]
fn a_deleted_shard_is_told_from_its_scheduling_to_its_start() {
    // Events are written beside what they tell of: without a pause a start may be told before the scheduling.
    let scene = Scene::shards(2)
        .annotation("test.shardctl.dev/ready-after", "2s")
        .start();
    let before = scene.uid(1);
    scene.delete::<Pod>("shard-1");
    scene.wait_until("shard 1 is new and Ready", |s| s.is_ready(1) && s.uid(1) != before);
    let uid = scene.uid(1);
    for reason in ["Scheduled", "Started"] {
        wait_for_event(&scene, reason, uid.as_ref());
    }
    let all = told(&scene, &["1"]);
    assert!(
        all.iter()
            .all(|told| told["shards"].as_array().unwrap().contains(&json!("shard-1"))),
        "{all:#?}"
    );
    let of_last = |reason: &str| all.iter().rposition(|told| told["reason"] == reason);
    let (scheduled, started, ready) = (of_last("Scheduled"), of_last("Started"), of_last("Ready"));
    assert!(scheduled.is_some() && scheduled < ready, "{all:#?}");
    assert!(started.is_some() && started < ready, "{all:#?}");
    assert_eq!(all[scheduled.unwrap()]["source"], "scheduler");
    let created = place(&all, "SuccessfulCreate");
    assert_eq!(
        (&all[created]["source"], &all[created]["shard"]),
        (&json!("controller"), &json!("shard-1"))
    );
    for (one, next) in all.iter().zip(&all[1..]) {
        let second = |told: &Value| told["said"].as_str().unwrap()[..19].to_owned();
        assert!(second(one) <= second(next), "{one} {next}");
    }
    let ran = run(scene.shardctl(["events", "shard-1"]));
    ran.says(0, &["scheduler", "Scheduled: Successfully assigned", "controller"]);
    assert!(!ran.stdout.contains("shard-0 "), "{}", ran.stdout);
    assert_eq!(run(scene.shardctl(["events", "pod/shard-1"])).stdout, ran.stdout);
}

#[test]
fn an_attached_disk_and_a_failing_one_are_told_by_the_attach_controller() {
    let scene = Scene::shards(1).start();
    let volume = scene.volume_of(0).metadata.name.expect("a name");
    // The fake kubelet starts a container without waiting for the disk.
    wait_for_event(&scene, "SuccessfulAttachVolume", scene.uid(0).as_ref());
    let all = told(&scene, &[]);
    assert_eq!(all[place(&all, "SuccessfulAttachVolume")]["source"], "attach");
    scene.patch::<PersistentVolume>(
        &volume,
        json!({"metadata": {"annotations": {"test.shardctl.dev/attach": "fail"}}}),
    );
    let of_the_volume = |found: &VolumeAttachment| found.spec.source.persistent_volume_name.as_ref() == Some(&volume);
    let attached = scene.list::<VolumeAttachment>("").into_iter().find(of_the_volume);
    let name = attached.and_then(|found| found.metadata.name).expect("an attachment");
    scene.delete::<VolumeAttachment>(&name);
    scene.apply(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": name},
        "spec": {
            "attacher": disks::DRIVER, "nodeName": scene.node_of(0), "source": {"persistentVolumeName": volume},
        },
    }));
    scene.wait_until("the attach error is told", |scene| {
        told(scene, &["0"])
            .iter()
            .any(|told| told["reason"] == "AttachError" && told["warning"] == true && told["source"] == "attach")
    });
}

#[test]
fn an_unschedulable_shard_says_why() {
    let scene = Scene::shards(1).start();
    // In the pod, not on the nodes: of a cordon the scheduler may hear after it has placed the new pod.
    let nowhere = json!({"spec": {"template": {"spec": {"nodeSelector": {"test.shardctl.dev/nowhere": "true"}}}}});
    scene.patch::<StatefulSet>(scene.name(), nowhere);
    scene.wait_until("the controller has seen the template", |scene| {
        let status = scene.set().status.unwrap_or_default();
        status.update_revision.is_some() && status.update_revision != status.current_revision
    });
    let first = scene.uid(0);
    scene.delete::<Pod>("shard-0");
    scene.wait_until("the scheduler has said why", |scene| {
        let Some(pod) = scene.find::<Pod>("shard-0") else {
            return false;
        };
        let uid = pod.metadata.uid.as_ref();
        if uid != first.as_ref() && scene.list::<Event>("").iter().any(|event| failed(event, uid)) {
            return true;
        }
        // It says so once for each pod, and client-go's recorder doesn't send again what a server refuses that is short of breath:
        // an Event can be lost. Another pod is told of anew.
        if unschedulable_for(&pod).is_some_and(|waits| waits > HEARD) {
            eprintln!("no Event on {uid:?}:\n{}", scene.plane().log_tail("kube-scheduler", 5));
            scene.delete::<Pod>("shard-0");
        }
        false
    });
    let ran = run(scene.shardctl(["events", "0", "--since", "1h"]));
    ran.says(0, &["scheduler", "! FailedScheduling", "node affinity/selector"]);
    // Events have whole seconds: one of this very second isn't older than a millisecond yet.
    scene.wait_until("what is older is left out", |scene| {
        let lately = run(scene.shardctl(["events", "0", "--since", "1ms"]));
        lately.says(0, &[]);
        !lately.stdout.contains("Successfully assigned")
    });
}

#[test]
fn karpenter_is_heard_about_the_machine_that_it_buys_for_a_shard() {
    let scene = Scene::shards(1)
        .shard_size("4", "64Gi")
        .on_karpenter("Standard_E16s_v5", "1s")
        .start();
    let all = told(&scene, &["0"]);
    let nominated = place(&all, "Nominated");
    assert_eq!(all[nominated]["source"], "karpenter");
    let registered = &all[place(&all, "Registered")];
    assert!(
        registered["object"].as_str().unwrap().starts_with("nodeclaim/"),
        "{registered}"
    );
    assert_eq!(registered["shard"], "shard-0");
    assert!(nominated < place(&all, "Ready"), "{all:#?}");
}

#[test]
fn a_watch_tells_what_happens_while_it_runs_and_nothing_twice() {
    // A pod's times are whole seconds: two starts within one of them are one line.
    let scene = Scene::shards(1)
        .annotation("test.shardctl.dev/ready-after", "1500ms")
        .start();
    let mut child = started(&scene, scene.kubeconfig(), &["events", "-w", "-o", "json"]);
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || stdout.lines().try_for_each(|line| sender.send(line)));
    let mut seen: Vec<String> = Vec::new();
    let until = |seen: &mut Vec<String>, holds: &dyn Fn(&Value) -> bool| loop {
        let line = lines.recv_timeout(DEADLINE).expect("one more line").expect("a line");
        let told: Value = serde_json::from_str(&line).expect("JSON");
        seen.push(line);
        if holds(&told) {
            return told;
        }
    };
    let ready = until(&mut seen, &|told| told["reason"] == "Ready");
    scene.delete::<Pod>("shard-0");
    let again = until(&mut seen, &|told| {
        told["reason"] == "Ready" && told["said"] != ready["said"]
    });
    assert!(again["said"].as_str() > ready["said"].as_str(), "{again} {ready}");
    interrupt(&child);
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count, "something was told twice");
}

#[test]
fn a_mistyped_shard_is_refused_with_the_nearest() {
    let scene = shards();
    run(scene.shardctl(["events", "shrad-1"]))
        .refused(2, &["there is no shard named shrad-1", "did you mean", "shard-1"]);
    run(scene.shardctl(["events", "17"])).refused(2, &["there is no shard named 17", "did you mean shard-"]);
    run(scene.shardctl(["events", "xyz"])).refused(2, &["there are 3 shards, named shard-ORDINAL"]);
    run(scene.shardctl(["events", "--since", "yesterday"])).refused(2, &["--since", "not a duration"]);
    run(scene.shardctl(["events", "-n", "nowhere"])).refused(2, &["there is no namespace named nowhere"]);
}

#[test]
fn without_the_right_to_events_the_rest_is_told_and_what_is_missing_is_said() {
    let scene = shards();
    let rules = json!([
        {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    ]);
    let limited = scene.limited_user(rules);
    let ran = run(scene.shardctl_with(&limited, ["events"]));
    ran.says(7, &["? not all is told:", "list events", "kubelet", "Ready"]);
    assert!(ran.stderr.contains("not all is told") && !ran.stdout.contains("not all is told"));
    let nobody = scene.limited_user(json!([]));
    run(scene.shardctl_with(&nobody, ["events"])).refused(7, &["failed to find the shards"]);
}

#[test]
fn a_saved_snapshot_tells_the_same_story() {
    let scene = Scene::shards(1).start();
    wait_for_event(&scene, "Scheduled", scene.uid(0).as_ref());
    let file = scene.home().join("cluster.json");
    let file = file.to_str().expect("UTF-8");
    run(scene.shardctl(["snapshot", "--out", file])).says(0, &[]);
    let saved = told(&scene, &["--from", file]);
    assert!(place(&saved, "Scheduled") < place(&saved, "Ready"), "{saved:#?}");
    run(scene.shardctl(["events", "--from", file, "-w"])).refused(2, &["--watch"]);
}

#[test]
fn hostile_words_are_made_visible_and_a_reader_that_goes_away_is_no_error() {
    let scene = Scene::shards(1).start();
    let now = Timestamp::now();
    scene.apply(json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "hostile"},
        "involvedObject": {"kind": "Pod", "name": "shard-0", "namespace": scene.namespace()},
        "type": "Warning", "reason": "Hostile", "message": "gone\u{1b}[2J\u{202e}txt", "count": 2,
        "firstTimestamp": now.to_string(), "lastTimestamp": now.to_string(), "source": {"component": "test"},
    }));
    // `run` looks at every character of both streams.
    run(scene.shardctl(["events"])).says(0, &["other", "! Hostile: gone\\e[2J\\u{202e}txt (2 times)"]);
    let all = told(&scene, &[]);
    assert_eq!(all[place(&all, "Hostile")]["message"], "gone\u{1b}[2J\u{202e}txt");

    for arguments in [&["events"][..], &["events", "--watch"]] {
        let mut child = started(&scene, scene.kubeconfig(), arguments);
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("an end").code(), Some(0));
    }
}
