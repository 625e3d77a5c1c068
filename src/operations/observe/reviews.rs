//! Asking the server what we may do, where no read has shown it.

use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};

use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::model::right::{Right, Rule};
use crate::plan::verify::access::probe_rules;

/// Asks whether we may use what no read exercises: logs and port-forwards. What was read needs no asking: it was seen.
pub async fn ask(api: &Api, namespace: &str) -> Vec<Right> {
    let asked = probe_rules(namespace).into_iter().map(|rule| async move {
        let allowed = review(api, &rule).await.ok()?;
        Some(Right {
            rule,
            allowed,
            resource: None,
        })
    });
    join_all(asked).await.into_iter().flatten().collect()
}

async fn review(api: &Api, rule: &Rule) -> Result<bool, Failure> {
    let (resource, subresource) = match rule.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (rule.resource.as_str(), None),
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(rule.group.clone()),
                resource: Some(resource.to_owned()),
                subresource,
                verb: Some(rule.verb.clone()),
                namespace: rule.namespace.clone(),
                name: rule.name.clone(),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = api
        .post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review)
        .await?;
    let reviewed: SelfSubjectAccessReview = answer.parse()?;
    Ok(reviewed.status.is_some_and(|status| status.allowed))
}
