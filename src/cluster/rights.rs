//! Asking the server what we may do, where no read has shown it.

use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};

use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::model::right::{Right, Rule};

/// Asks for each rule whether it is ours, all at once. A rule that the server doesn't judge is missing from the answer.
pub async fn ask(api: &Api, rules: impl IntoIterator<Item = Rule>) -> Vec<Right> {
    let asked = rules.into_iter().map(|rule| async move {
        let allowed = review(api, &rule).await.ok()?;
        Some(Right {
            rule,
            allowed,
            resource: None,
        })
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// Asks whether a rule is ours.
///
/// # Errors
/// Every [`Failure`].
pub async fn review(api: &Api, rule: &Rule) -> Result<bool, Failure> {
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
