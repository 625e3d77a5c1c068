//! `shardctl upgrade` on the real control plane, judged by an independent watcher.

mod bad_images;
mod data;
mod dry_run;
mod failing;
mod freeze;
mod good;
mod idle;
mod interrupt;
pub mod kill;
mod network;
mod options;
mod refused;
pub mod rights;
mod rivals;
mod status;
mod stuck;
mod template;
mod undo;
mod untouched;
mod variants;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};
use shardctl::model::journal::Journal;

use crate::bad_days::{Ran, run};
use crate::cluster::scene::running::Output;
use crate::cluster::{Scene, api};

/// The image that upgrades go to.
pub const NEXT: &str = "registry.example/shard:2.0";

/// The arguments of an upgrade that asks nothing and whose lock doesn't outlive it for long.
pub fn upgrade<'a>(further: &[&'a str]) -> Vec<&'a str> {
    upgrade_with_lock("2s", further)
}

/// As [`upgrade`], with a lock of this length.
pub fn upgrade_with_lock<'a>(length: &'a str, further: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["upgrade", "--yes", "--lease-duration", length];
    arguments.extend_from_slice(further);
    arguments
}

/// Runs an upgrade to its end.
pub fn ran(scene: &Scene<'_>, further: &[&str]) -> Output {
    scene.shardctl_process(scene.kubeconfig(), upgrade(further)).wait()
}

/// Takes the last change back.
pub fn undone(scene: &Scene<'_>) -> Output {
    let arguments = ["upgrade", "undo", "--yes", "--lease-duration", "2s"];
    scene.shardctl_process(scene.kubeconfig(), arguments).wait()
}

/// The revision that the set's template has, as the controller says.
pub fn revision(scene: &Scene<'_>) -> String {
    let status = scene.set().status.unwrap_or_default();
    status.update_revision.unwrap_or_default()
}

/// The revision that a shard's pod is of.
pub fn revision_of(scene: &Scene<'_>, ordinal: u32) -> String {
    let labels = scene.pod(ordinal).metadata.labels.unwrap_or_default();
    labels.get("controller-revision-hash").cloned().unwrap_or_default()
}

/// Whether every shard is Ready with the set's template.
pub fn is_whole(scene: &Scene<'_>) -> bool {
    let wanted = revision(scene);
    let pods = scene.pods();
    let current = |pod: &&Pod| {
        let labels = pod.metadata.labels.as_ref();
        labels.and_then(|labels| labels.get("controller-revision-hash")) == Some(&wanted)
            && crate::cluster::scene::objects::is_ready(pod)
    };
    pods.iter().filter(current).count() == scene.shard_count() as usize
}

/// `shardctl` with these arguments, run to its end, and held to what holds for every command.
#[track_caller]
pub fn checked(scene: &Scene<'_>, arguments: Vec<&str>) -> Ran {
    run(scene.shardctl(arguments))
}

/// The command behind a line that begins with `word` ("Resume:", "Undo:"), as arguments.
#[track_caller]
pub fn named_command(ran: &Ran, word: &str) -> Vec<String> {
    let line = ran.stdout.lines().find_map(|line| line.strip_prefix(word));
    let line = line.unwrap_or_else(|| panic!("no {word} in: {}", ran.stdout)).trim();
    let words = line
        .strip_prefix("shardctl ")
        .unwrap_or_else(|| panic!("no command: {line}"));
    words.split(' ').map(str::to_owned).collect()
}

/// Changes the set as somebody else does: a strategic merge patch under this name in the record of the fields' writers.
#[track_caller]
pub fn patch_set_as(scene: &Scene<'_>, manager: &str, patch: &Value) -> StatefulSet {
    let path = format!(
        "{}/{}?fieldManager={manager}",
        api::path_of::<StatefulSet>(scene.namespace()),
        scene.name()
    );
    let patched = scene.plane().run(api::strategic(scene.plane().client(), &path, patch));
    serde_json::from_value(patched.unwrap_or_else(|error| panic!("{path}: {error}"))).expect("a StatefulSet")
}

/// The JSON of the `-p '…'` of a kubectl command that shardctl printed, which may be wrapped over lines.
#[track_caller]
pub fn printed_patch(text: &str) -> Value {
    let from = text.find("-p '").unwrap_or_else(|| panic!("no patch in: {text}")) + 4;
    let patch: String = text[from..].chars().take_while(|c| *c != '\'').collect();
    serde_json::from_str(&patch).unwrap_or_else(|error| panic!("{error}: {patch}"))
}

/// The image of each shard's only container, in the order of the shards.
pub fn images(scene: &Scene<'_>) -> Vec<String> {
    let image = |pod: Pod| pod.spec?.containers.into_iter().next()?.image;
    scene.pods().into_iter().filter_map(image).collect()
}

/// What a run of shardctl's has left on a scene, or not yet taken away: helper pods, the Lease, marks and holds on nodes, an
/// open journal.
pub fn left_behind(scene: &Scene<'_>) -> Vec<String> {
    let mut left = Vec::new();
    let helpers: Vec<Pod> = scene.list("labelSelector=shardctl.dev/helper");
    left.extend(helpers.into_iter().filter_map(|pod| pod.metadata.name));
    left.extend(scene.find::<Lease>("shardctl-shard").map(|_| "the Lease".to_owned()));
    for node in scene.nodes() {
        let name = node.metadata.name.unwrap_or_default();
        let annotations = node.metadata.annotations.unwrap_or_default();
        let ours = annotations
            .keys()
            .filter(|key| key.starts_with("shardctl.dev/") || *key == "karpenter.sh/do-not-disrupt");
        left.extend(ours.map(|key| format!("{key} on {name}")));
    }
    if let Some(journal) = Journal::of(scene.set().metadata.annotations.as_ref())
        && journal.as_ref().is_ok_and(|journal| journal.finished.is_none())
    {
        left.push("an open journal".to_owned());
    }
    left
}

/// Makes the scene's nodes such as Karpenter would have bought, so that an upgrade freezes them.
pub fn as_if_by_karpenter(scene: &Scene<'_>) {
    for node in scene.nodes() {
        let pool = json!({"metadata": {"labels": {"karpenter.sh/nodepool": "stable"}}});
        scene.patch::<Node>(&node.metadata.name.unwrap_or_default(), pool);
    }
}
