//! Whether a node has a shard's images already, by the list that its kubelet keeps in the node's status.

use k8s_openapi::api::core::v1::{Node, PodSpec};

use crate::plan::pre_pull::helper::images;

/// How many images a kubelet lists (`nodeStatusMaxImages`, where nobody changed it): a list this long may leave some out.
const LISTED: usize = 50;

/// Whether a node has yet to fetch an image of `spec`, for as long as which the shard would be down. A list that is empty, or
/// as long as a kubelet makes it, says nothing of what isn't in it.
pub fn lacks(on: &Node, spec: &PodSpec) -> bool {
    let listed = on.status.as_ref().and_then(|status| status.images.as_deref());
    let listed = listed.unwrap_or_default();
    if listed.is_empty() || listed.len() >= LISTED {
        return false;
    }
    let names = || listed.iter().flat_map(|image| image.names.iter().flatten());
    images(spec)
        .into_iter()
        .any(|image| !names().any(|name| whole(name) == whole(image)))
}

/// An image's reference with what the kubelet adds to it: the registry, the library, the tag.
fn whole(image: &str) -> String {
    let first = image.split('/').next().unwrap_or_default();
    let has_registry = image.contains('/') && (first.contains('.') || first.contains(':') || first == "localhost");
    let named = match (has_registry, image.contains('/')) {
        (true, _) => image.to_owned(),
        (false, true) => format!("docker.io/{image}"),
        (false, false) => format!("docker.io/library/{image}"),
    };
    let last = named.rsplit('/').next().unwrap_or_default();
    if last.contains(':') || last.contains('@') {
        named
    } else {
        format!("{named}:latest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn on(images: &[&str]) -> Node {
        let listed: Vec<_> = images.iter().map(|name| json!({"names": [name]})).collect();
        serde_json::from_value(json!({"metadata": {}, "status": {"images": listed}})).unwrap()
    }

    fn of(image: &str) -> PodSpec {
        serde_json::from_value(json!({"containers": [{"name": "db", "image": image}]})).unwrap()
    }

    #[test]
    fn an_image_is_there_by_its_whole_name() {
        for (listed, image) in [
            ("registry.example/db:1.0", "registry.example/db:1.0"),
            ("docker.io/library/redis:7", "redis:7"),
            ("docker.io/bitnami/redis:latest", "bitnami/redis"),
            ("localhost:5000/db:latest", "localhost:5000/db"),
            ("registry.example/db@sha256:1", "registry.example/db@sha256:1"),
        ] {
            assert!(!lacks(&on(&[listed]), &of(image)), "{image} is {listed}");
        }
        assert!(lacks(&on(&["registry.example/db:1.0"]), &of("registry.example/db:2.0")));
        assert!(lacks(&on(&["docker.io/library/redis:7"]), &of("example.com/redis:7")));
    }

    #[test]
    fn a_list_that_says_nothing_of_the_rest_isnt_believed() {
        assert!(!lacks(&on(&[]), &of("db:1")));
        let many: Vec<String> = (0..LISTED).map(|at| format!("docker.io/library/a:{at}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(!lacks(&on(&many), &of("db:1")));
        assert!(lacks(&on(&many[1..]), &of("db:1")));
    }
}
