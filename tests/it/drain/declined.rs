//! What the API server will never accept, and says only when it is asked: told at once, and all is put back.

use serde_json::json;

use super::{AsItWas, Watched, drained, packed, said};
use crate::cluster::Scene;

/// An admission policy of the scene's namespace that refuses every eviction.
fn refuse_evictions(scene: &Scene<'_>) {
    let name = format!("{}-no-evictions", scene.namespace());
    let space = json!({"matchLabels": {"kubernetes.io/metadata.name": scene.namespace()}});
    scene.apply(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": space,
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods/eviction"]},
                ],
            },
            "validations": [{"expression": "false", "message": "no evictions before Monday"}],
        },
    }));
    scene.apply(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]},
    }));
    scene.wait_until("the policy is in force", |scene| {
        matches!(scene.evict(2), Err((422, _)))
    });
}

#[test]
fn a_policy_that_refuses_evictions_is_quoted_at_once_and_direct_goes_past_it() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    refuse_evictions(&scene);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let ran = drained(&scene, &node, &[]);
    assert_eq!(ran.code, Some(1), "{}", said(&ran));
    for words in [
        "an admission policy or webhook refuses its eviction (422)",
        "no evictions before Monday",
    ] {
        assert!(said(&ran).contains(words), "{words}: {}", said(&ran));
    }
    assert_eq!(watched.shards.deletions(), Vec::<String>::new(), "{}", said(&ran));
    assert_eq!(
        watched.budget.relaxed().len(),
        1,
        "it isn't asked again: {}",
        said(&ran)
    );
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[], &said(&ran));

    let before = AsItWas::of(&scene);
    let ran = drained(&scene, &node, &["--strategy", "direct"]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
}
