//! What a rehearsal asked of the live cluster, by the API server's own record: reads, and questions about one's rights.

use std::path::Path;

use crate::bad_days::{Ran, run};
use crate::cluster::{Scene, audit};
use crate::deploy::deployed;
use crate::drain::{drain, packed};
use crate::promote::words;
use crate::upgrade::{NEXT, upgrade};

/// What the API server recorded of a run by somebody who may do everything, without the reads.
fn more_than_reads(scene: &Scene<'_>, as_whom: impl FnOnce(&Path) -> Ran) -> (Ran, Vec<String>) {
    let (user, kubeconfig) = scene.audited_user();
    let ran = as_whom(&kubeconfig);
    let recorded = audit::of(scene.plane(), &user);
    assert!(recorded.len() > 10, "{recorded:?}");
    let is_read = |line: &String| ["get ", "list ", "watch "].iter().any(|verb| line.starts_with(verb));
    (ran, recorded.into_iter().filter(|line| !is_read(line)).collect())
}

/// A rehearsal that ends with `code`, and asks for nothing that changes anything.
#[track_caller]
fn only_reads(scene: &Scene<'_>, arguments: &[&str], code: i32) {
    let line = [arguments, &["--rehearse"]].concat();
    let (ran, more) = more_than_reads(scene, |kubeconfig| run(scene.shardctl_with(kubeconfig, line)));
    assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
    let writes: Vec<&String> = more
        .iter()
        .filter(|line| !line.starts_with("create selfsubjectaccessreviews "))
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
}

#[test]
fn the_api_server_saw_no_write_of_any_rehearsal_and_sees_those_of_the_real_run() {
    let scene = packed(3, 2, 3).start();
    only_reads(&scene, &upgrade(&["--image", NEXT]), 0);
    only_reads(&scene, &drain(&scene.node_of(0), &[]), 0);
    only_reads(&scene, &["recover", "--yes"], 0);
    let real = upgrade(&["--image", NEXT]);
    let (ran, more) = more_than_reads(&scene, |kubeconfig| run(scene.shardctl_with(kubeconfig, real)));
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let of_the_set = |line: &String| line.starts_with("patch statefulsets ");
    assert!(more.iter().any(of_the_set), "{more:?}");
}

#[test]
fn the_api_server_saw_no_write_of_a_rehearsed_promotion() {
    let ground = deployed();
    let arguments = words(&ground, &["--yes"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    only_reads(&ground.scene, &arguments, 0);
}
