//! Whether a claim that an extra shard left may be deleted: only one that the set's mark names, that came after the mark, and that
//! no pod uses or will.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

use crate::model::mark::Mark;
use crate::model::{pod, set};

/// How a mark names a claim that came into being by the change.
pub fn made(claim: &str) -> String {
    format!("pvc/{claim}")
}

/// Whether the claim may go, judged over an uncached look at the set and at every pod of its namespace.
///
/// # Errors
/// Why not, a clause.
pub fn may_go(found: &StatefulSet, claim: &PersistentVolumeClaim, pods: &[Pod]) -> Result<(), String> {
    let name = claim.metadata.name.as_deref().unwrap_or_default();
    let mark = match Mark::of(found.metadata.annotations.as_ref()) {
        Some(Ok(mark)) if mark.made.contains(&made(name)) => mark,
        _ => return Err("no mark on the set says that it came of an extra shard".to_owned()),
    };
    let created = claim.metadata.creation_timestamp.as_ref().map(|at| at.0);
    // The server writes whole seconds, and the mark has more.
    if created.is_none_or(|created| created.as_second() < mark.since.as_second()) {
        return Err("it was there before the extra shard".to_owned());
    }
    let wanted = set::ordinals(found, set::replicas(found))
        .flat_map(|ordinal| set::claim_templates(found).map(move |template| set::claim_name(found, template, ordinal)));
    if wanted.into_iter().any(|wanted| wanted == name) {
        return Err(format!(
            "it is a shard's: the set has {} replicas",
            set::replicas(found)
        ));
    }
    match pods.iter().find(|one| mounts(one, name)) {
        Some(user) => Err(format!("pod/{} uses it", pod::name(user))),
        None => Ok(()),
    }
}

fn mounts(found: &Pod, claim: &str) -> bool {
    let volumes = found.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes
        .into_iter()
        .filter_map(|volume| volume.persistent_volume_claim.as_ref())
        .any(|mounted| mounted.claim_name == claim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mark::MARK;
    use serde_json::json;

    fn set(replicas: i32, made: &[&str]) -> StatefulSet {
        let mark = json!({
            "operation": "drain/shop/db/1", "by": "ada@laptop", "since": "2026-01-01T10:00:00.5Z",
            "until": "2026-01-01T11:00:00Z", "was": {"spec.replicas": 3}, "is": {"spec.replicas": 4}, "made": made,
        });
        serde_json::from_value(json!({
            "metadata": {"name": "db", "annotations": {MARK: mark.to_string()}},
            "spec": {
                "replicas": replicas, "selector": {}, "template": {}, "serviceName": "db",
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            },
        }))
        .unwrap()
    }

    fn claim(name: &str, created: &str) -> PersistentVolumeClaim {
        serde_json::from_value(json!({"metadata": {"name": name, "creationTimestamp": created}})).unwrap()
    }

    fn user(claim: &str) -> Pod {
        let volumes = json!([{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]);
        serde_json::from_value(json!({"metadata": {"name": "copy"}, "spec": {"containers": [], "volumes": volumes}}))
            .unwrap()
    }

    const AFTER: &str = "2026-01-01T10:00:00Z";

    #[test]
    fn the_extra_shards_claim_goes_once_nothing_uses_it() {
        let (back, extra) = (set(3, &["pvc/data-db-3"]), claim("data-db-3", AFTER));
        assert_eq!(may_go(&back, &extra, &[user("data-db-2")]), Ok(()));
        assert_eq!(
            may_go(&back, &extra, &[user("data-db-3")]),
            Err("pod/copy uses it".to_owned())
        );
    }

    #[test]
    fn a_claim_that_holds_or_may_hold_data_never_goes() {
        let refused = |found: &StatefulSet, claim: &PersistentVolumeClaim| may_go(found, claim, &[]).unwrap_err();
        let extra = claim("data-db-3", AFTER);
        assert!(refused(&set(3, &[]), &extra).contains("no mark"));
        assert!(refused(&set(3, &["pvc/data-db-4"]), &extra).contains("no mark"));
        let old = claim("data-db-3", "2026-01-01T09:59:59Z");
        assert!(refused(&set(3, &["pvc/data-db-3"]), &old).contains("before"));
        assert!(refused(&set(4, &["pvc/data-db-3"]), &extra).contains("4 replicas"));
    }
}
