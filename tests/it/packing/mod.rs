//! `shardctl packing-summary` on the real control plane: what it says of a scene, in every form, live and from a snapshot.

mod answers;
mod forms;
mod karpenter;
mod large;
mod prices;
mod rights;
mod usage;
mod watch;

use serde_json::Value;

use crate::bad_days::{Ran, run};
use crate::cluster::Scene;

/// A run of `packing-summary` with further arguments. Of sizes that aren't there a model says what is left: the nodes of a test
/// cluster name no cloud.
#[track_caller]
pub fn packing(scene: &Scene, arguments: &[&str]) -> Ran {
    let command = [&["packing-summary", "--kubelet", "kubelet-aks"], arguments].concat();
    run(scene.shardctl(command))
}

/// The same as JSON.
#[track_caller]
pub fn page(scene: &Scene, arguments: &[&str]) -> Value {
    let ran = packing(scene, &[&["-o", "json"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", ran.stdout, ran.stderr))
}
