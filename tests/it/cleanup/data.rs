//! `cleanup --data`: what it asks, what goes, and which volumes stay all the same.

use super::{claims, cleanup, is_gone, words};
use crate::cluster::{Interceptor, Scene, api};
use crate::deploy::deployed;
use crate::terminal::{ROOMY, Terminal};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Value, json};

#[test]
fn the_data_goes_only_with_the_namespace_typed_out() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let kubeconfig = ground.scene.kubeconfig();
    let before = claims(&ground);
    cleanup(&ground, kubeconfig, &["--data", "--yes"])
        .is(3, &["a name has to be typed out", &format!("--confirm {name}")]);
    cleanup(&ground, kubeconfig, &["--data", "--confirm", "another"]).is(3, &["nothing was changed"]);
    assert_eq!(claims(&ground), before);
    let ran = cleanup(&ground, kubeconfig, &["--data", "--confirm", &name]);
    ran.is(
        0,
        &[
            "the claims are gone, and 3 volumes stay and go on costing",
            "doesn't come back but from a backup",
        ],
    );
    is_gone(&ground, &ran.stderr);
    assert_eq!(claims(&ground), Vec::new());
    // Their claims are gone for good, and what they cost isn't.
    let (first, last) = (
        format!("pvc/data-{name}-shard-0 is gone"),
        format!("pvc/data-{name}-shard-2 is gone"),
    );
    cleanup(&ground, kubeconfig, &[]).is(
        0,
        &[
            "nothing to delete",
            "there is no claim of a shard; 3 volumes have outlived their claims, and go on costing",
            &first,
            &last,
            "kubectl patch pv ",
        ],
    );
}

#[test]
fn on_a_terminal_the_namespace_is_typed_and_anything_else_is_no() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let before = claims(&ground);
    let arguments = words(&ground, &["--data", "--yes"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut terminal = Terminal::start(&ground.scene, ROOMY, "xterm-256color", &arguments);
    terminal.says("In context ");
    terminal.says("their data with them; no copy is kept.");
    terminal.says(&format!("Type {name} to go on"));
    terminal.press("y\r");
    terminal.says("nothing was changed");
    assert_eq!(terminal.end(), Some(3));
    assert_eq!(claims(&ground), before);
    let mut terminal = Terminal::start(&ground.scene, ROOMY, "xterm-256color", &arguments);
    terminal.says(&format!("Type {name} to go on"));
    terminal.press(&format!("{name}\r"));
    terminal.says("the claims are gone");
    assert_eq!(terminal.end(), Some(0), "{}", terminal.screen());
    is_gone(&ground, &terminal.screen());
    assert_eq!(claims(&ground), Vec::new());
}

#[test]
fn a_volume_that_outlives_its_claim_is_listed_with_what_would_free_its_disk_and_others_are_not() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let volume = |scene: &Scene<'_>, ordinal: u32| {
        let claim: PersistentVolumeClaim = scene.get(&format!("data-{name}-shard-{ordinal}"));
        claim.spec.and_then(|spec| spec.volume_name).expect("a volume")
    };
    let (kept, freed) = (volume(&ground.scene, 0), volume(&ground.scene, 1));
    let plane = ground.scene.plane();
    let policy = |volume: &str, policy: &str| {
        let path = format!("/api/v1/persistentvolumes/{volume}");
        let patch = json!({"spec": {"persistentVolumeReclaimPolicy": policy}});
        plane.run(api::merge(plane.client(), &path, &patch)).expect("a policy");
    };
    policy(&kept, "Retain");
    policy(&freed, "Delete");
    policy(&volume(&ground.scene, 2), "Delete");
    let ran = cleanup(&ground, ground.scene.kubeconfig(), &["--data", "--confirm", &name]);
    ran.is(
        0,
        &[
            "the claims are gone, and 1 volume stays and goes on costing",
            &format!(
                "pv/{kept}: stays though pvc/data-{name}-shard-0 goes (its policy is Retain), and goes on costing: 100Gi"
            ),
            &format!("kubectl patch pv {kept} -p"),
        ],
    );
    assert!(!ran.stdout.contains(&format!("pv/{freed} stays")), "{}", ran.stdout);
}

#[test]
fn claims_that_their_set_takes_along_count_as_gone() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let retention =
        json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"}}});
    ground.scene.patch::<StatefulSet>(&ground.set(), retention);
    let interceptor = Interceptor::before(ground.scene.plane());
    let first = interceptor
        .on(|request| {
            request.method == "DELETE" && request.is_write() && request.path.contains("/persistentvolumeclaims/")
        })
        .nth(1)
        .hold();
    let arguments = words(&ground, &["--data", "--confirm", &name, "-o", "json"]);
    let command = ground.scene.shardctl_process(
        &interceptor.kubeconfig(&ground.scene),
        arguments.iter().map(String::as_str),
    );
    first.wait_hit();
    ground
        .scene
        .wait_until("the set's claims are gone", |_| claims(&ground).is_empty());
    first.release();
    let ran = command.wait();
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let ended: Value = serde_json::from_str(ran.stdout.lines().last().expect("an end")).expect("an event");
    assert_eq!(ended["data"], "deleted, as asked", "{ended}");
}

#[test]
fn the_claims_of_one_phase_alone_are_not_to_be_had() {
    let ground = deployed();
    let interceptor = Interceptor::before(ground.scene.plane());
    cleanup(
        &ground,
        &interceptor.kubeconfig(&ground.scene),
        &["--data", "--phase", "explore"],
    )
    .is(2, &["--data", "--phase"]);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}
