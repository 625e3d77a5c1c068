//! An upgrade that is killed at each of its stages: `recover` alone ends clean without touching the template, and the upgrade
//! run again completes.

use serde_json::Value;

use super::recovered;
use crate::cluster::{Interceptor, Scene, Witness};
use crate::upgrade::kill::kind;
use crate::upgrade::{as_if_by_karpenter, is_whole, left_behind, undone};
use crate::verify::verify;

/// The template and the journal: what no recovery touches.
fn untouchable(scene: &Scene<'_>) -> (Value, Option<String>) {
    let set = scene.set();
    let journal = set
        .metadata
        .annotations
        .unwrap_or_default()
        .remove("shardctl.dev/journal");
    let template = set
        .spec
        .map(|spec| serde_json::to_value(spec.template).expect("a template"));
    (template.unwrap_or_default(), journal)
}

#[test]
fn recover_alone_ends_clean_wherever_an_upgrade_was_killed_and_the_upgrade_goes_on_afterwards() {
    let scene = Scene::shards(3).start();
    as_if_by_karpenter(&scene);
    // The stage, whether the journal is open by then.
    let stages = [
        ("create the Lease", false),
        ("make a helper pod", false),
        ("freeze a node", false),
        ("write the template", true),
        ("delete a shard", true),
        ("delete a helper pod", false),
        ("close the journal", false),
        ("unfreeze a node", false),
    ];
    for (number, (stage, open)) in stages.into_iter().enumerate() {
        let image = format!("registry.example/shard:4.{number}");
        let arguments = ["upgrade", "--yes", "--lease-duration", "1s", "--image", &image];
        let interceptor = Interceptor::before(scene.plane());
        let rule = interceptor
            .on(move |request| kind(request) == Some(stage))
            .nth(1)
            .hold_answer();
        let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), arguments);
        rule.wait_hit();
        let killed = command.kill();
        rule.discard();
        let before = untouchable(&scene);
        let ran = recovered(&scene, &[]);
        let said = format!(
            "{stage}\n{}{}\nthen\n{}{}",
            killed.stderr, killed.stdout, ran.stderr, ran.stdout
        );
        assert_eq!(ran.code, 0, "{said}");
        assert_eq!(untouchable(&scene), before, "{said}");
        let expected = if open {
            vec!["an open journal".to_owned()]
        } else {
            Vec::new()
        };
        assert_eq!(left_behind(&scene), expected, "{said}");
        if open {
            for words in ["an upgrade isn't finished", "upgrade undo", "Resume: shardctl"] {
                assert!(ran.stdout.contains(words), "{words}: {said}");
            }
        }
        let witness = Witness::of(&scene);
        let again = scene.shardctl_process(scene.kubeconfig(), arguments).wait();
        assert_eq!(again.code, Some(0), "{said}\nthen {}{}", again.stderr, again.stdout);
        assert!(is_whole(&scene), "{said}");
        assert_eq!(left_behind(&scene), Vec::<String>::new(), "{said}");
        assert!(witness.most_down_at_once() <= 1, "{said}");
    }
    // A finished journal is history.
    recovered(&scene, &[]).says(0, &["nothing is left"]);
}

#[test]
fn an_unfinished_upgrade_is_no_residue_and_can_be_taken_back() {
    let scene = Scene::shards(3).start();
    let old = untouchable(&scene).0;
    let stop = "exit 1";
    let arguments = [
        "upgrade",
        "--yes",
        "--lease-duration",
        "1s",
        "--image",
        "registry.example/shard:2.0",
        "--after",
        stop,
    ];
    let halted = scene.shardctl_process(scene.kubeconfig(), arguments).wait();
    assert_eq!(halted.code, Some(1), "{halted:?}");
    let interceptor = Interceptor::before(scene.plane());
    let ran = super::recovered_with(&scene, &interceptor.kubeconfig(&scene), &[]);
    ran.says(0, &["nothing is left", "an upgrade isn't finished", "upgrade undo"]);
    assert_eq!(interceptor.writes().len(), 0);
    assert_eq!(undone(&scene).code, Some(0));
    assert_eq!(untouchable(&scene).0, old);
    verify(&scene, &["--only", "RES-01"]).assert_only(&[], &[], &[]);
}
