//! A healthy set is called healthy: no failure, no warning, nothing that couldn't be judged, in either phase.

use super::verify;
use crate::cluster::Scene;

#[test]
fn a_healthy_set_in_the_explore_phase_has_no_failure_warning_or_unknown() {
    let scene = Scene::shards(3).start();
    verify(&scene, &[]).assert_only(&[], &[], &[]);
}

#[test]
fn a_healthy_set_in_the_stable_phase_has_no_failure_warning_or_unknown() {
    let scene = Scene::shards(3).stable().start();
    verify(&scene, &["--probe-protection"]).assert_only(&[], &[], &[]);
}
