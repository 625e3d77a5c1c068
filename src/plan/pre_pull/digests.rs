//! Tags that have moved: one reference that means different images in different places.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;

use super::helper::images;
use crate::model::finding::{Finding, Severity};
use crate::model::pod;
use crate::model::read::Skip;
use crate::model::shell::shell_word;
use crate::plan::image;
use crate::plan::verify::seen::Seen;

/// Images of `spec` that aren't the same everywhere, by what the nodes fetched (`pulled`: node → reference → id) and by what
/// the shards run under the same reference: shards made of them would be of mixed versions.
///
/// # Errors
/// Unknown where pods can't be read.
pub fn moved_tags(
    seen: &Seen<'_>,
    spec: &PodSpec,
    pulled: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<Vec<Finding>, Skip> {
    let shards = seen.own_pods()?;
    let mut findings = Vec::new();
    // A digest is what it is, wherever it is.
    for image in images(spec).into_iter().filter(|image| image::digest(image).is_none()) {
        let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (node, ids) in pulled {
            if let Some(id) = ids.get(image).map(|id| bare(id)) {
                places.entry(id).or_default().push(format!("node/{node}"));
            }
        }
        for shard in &shards {
            if let Some(id) = runs(shard, image) {
                places.entry(id).or_default().push(format!("pod/{}", pod::name(shard)));
            }
        }
        if places.len() > 1 {
            findings.push(moved(seen, spec, image, &places));
        }
    }
    Ok(findings)
}

/// The id of what a shard runs under a reference.
fn runs<'a>(shard: &'a k8s_openapi::api::core::v1::Pod, image: &str) -> Option<&'a str> {
    let spec = shard.spec.as_ref()?;
    let mut containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    let name = &containers.find(|one| one.image.as_deref() == Some(image))?.name;
    let status = pod::container_statuses(shard).find(|status| status.name == *name)?;
    Some(bare(&status.image_id)).filter(|id| !id.is_empty())
}

/// What tells images apart in an id: its digest, where it has one. Runtimes write it in several ways.
fn bare(id: &str) -> &str {
    image::digest(id).unwrap_or(id)
}

fn moved(seen: &Seen<'_>, spec: &PodSpec, image: &str, places: &BTreeMap<&str, Vec<String>>) -> Finding {
    let mut finding = Finding::new(
        Severity::Error,
        format!("image/{image}"),
        format!(
            "the tag has moved: it means {} different images, and the shards would be of mixed versions",
            places.len()
        ),
    );
    for (id, places) in places {
        finding.evidence(format!("{id}: {}", places.join(", ")));
    }
    finding.remedy("name the image by the digest that is meant:");
    let users: Vec<&str> = spec
        .init_containers
        .iter()
        .flatten()
        .chain(&spec.containers)
        .filter(|one| one.image.as_deref() == Some(image))
        .map(|one| one.name.as_str())
        .collect();
    for id in places.keys().filter(|id| id.contains(':')) {
        let flags: Vec<String> = users
            .iter()
            .map(|name| {
                format!(
                    "--image {}",
                    shell_word(&format!("{name}={}@{id}", image::repository(image)))
                )
            })
            .collect();
        finding.remedy(seen.shardctl(&format!("upgrade {}", flags.join(" "))));
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::Resource;
    use crate::model::set;
    use crate::plan::verify::testing::Scene;
    use serde_json::json;

    const IMAGE: &str = "registry.example/db:1.0";

    fn found(scene: &Scene, ids: &[(&str, &str)]) -> Vec<Finding> {
        let snapshot = scene.snapshot();
        let seen = Seen::of(&snapshot, &scene.policy);
        let pulled = ids
            .iter()
            .map(|(node, id)| {
                (
                    (*node).to_owned(),
                    BTreeMap::from([(IMAGE.to_owned(), (*id).to_owned())]),
                )
            })
            .collect();
        let spec = set::pod_spec(snapshot.set().unwrap()).unwrap().clone();
        moved_tags(&seen, &spec, &pulled).unwrap()
    }

    #[test]
    fn nodes_that_fetched_different_images_are_named_with_both_digests() {
        let mut scene = Scene::healthy(1);
        scene.remove(Resource::Pods, "db-0");
        assert!(found(&scene, &[("a", "x@sha256:1"), ("b", "docker-pullable://x@sha256:1")]).is_empty());
        let findings = found(&scene, &[("a", "x@sha256:1"), ("b", "x@sha256:2"), ("c", "x@sha256:2")]);
        assert_eq!(findings[0].evidence, ["sha256:1: node/a", "sha256:2: node/b, node/c"]);
        assert_eq!(
            findings[0].remedy[1..],
            [
                "$ shardctl upgrade --image db=registry.example/db@sha256:1",
                "$ shardctl upgrade --image db=registry.example/db@sha256:2",
            ]
        );
    }

    #[test]
    fn a_tag_that_moved_since_a_shard_was_made_is_seen() {
        let scene = Scene::healthy(2);
        assert!(found(&scene, &[("a", "registry.example/db@sha256:1")]).is_empty());
        let findings = found(&scene, &[("a", "registry.example/db@sha256:2")]);
        assert_eq!(
            findings[0].evidence,
            ["sha256:1: pod/db-0, pod/db-1", "sha256:2: node/a"]
        );
        // The shards' old image is another reference, and may be what it likes.
        let mut other = Scene::healthy(2);
        let container = json!({"name": "db", "image": "registry.example/db:0.9"});
        for name in ["db-0", "db-1"] {
            other.merge(Resource::Pods, name, json!({"spec": {"containers": [container]}}));
        }
        assert!(found(&other, &[("a", "registry.example/db@sha256:2")]).is_empty());
    }
}
