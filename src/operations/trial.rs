//! Asking the server whether it would take a new template, and whether what it refers to is there. Changes nothing.

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, PodTemplateSpec};
use serde_json::Value;

use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::cluster::metadata::exists;
use crate::cluster::write::{try_create, try_json_patch};
use crate::model::finding::{Finding, Severity};
use crate::model::refusal::Refusal;
use crate::model::set;
use crate::model::step::TemplateChange;
use crate::plan::references::{Kind, Reference, missing, references};
use crate::plan::safety::catalogue::TEMPLATE;
use crate::plan::trial::{Trial, asks_for_more, judge_trial, trial_pod};
use crate::plan::upgrade::patch::write_template;

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The set.
    pub set: &'a StatefulSet,
    /// The set as the server gave it.
    pub raw: &'a Value,
    /// The template that the shards are to have.
    pub template: &'a PodTemplateSpec,
    /// What would be written; nothing where the template is there already.
    pub change: Option<&'a TemplateChange>,
}

/// What the server says of it.
#[derive(Debug, Default)]
pub struct Tried {
    /// Why it can't make a pod.
    pub refusals: Vec<Refusal>,
    /// What couldn't be judged.
    pub notes: Vec<Finding>,
}

/// Why the server would refuse a write that was tried; none where it would take it. An object that is gone or has changed is no
/// refusal.
///
/// # Errors
/// Where the server gave no answer.
pub(super) fn refused(tried: Result<(), Failure>) -> Result<Option<String>, Failure> {
    match tried {
        Ok(()) => Ok(None),
        Err(failure) if failure.is_not_found() || failure.is_conflict() => Ok(None),
        Err(failure @ (Failure::Forbidden(_) | Failure::Server { code: 400..=428, .. })) => Ok(Some(failure.reason())),
        Err(failure) => Err(failure),
    }
}

/// Tries the patch and a pod of the template, and looks for everything that the template refers to, all at once.
///
/// # Errors
/// Where the server gave no answer, or the set has changed since it was read (a conflict).
pub async fn try_template(api: &Api, namespace: &str, candidate: Candidate<'_>) -> Result<Tried, Failure> {
    let spec = candidate.template.spec.as_ref();
    let referred = spec.map(references).unwrap_or_default();
    let (patched, made, found) = futures::future::join3(
        try_patch(api, namespace, candidate),
        try_pod(api, namespace, candidate),
        join_all(referred.iter().map(|reference| look_for(api, namespace, reference))),
    )
    .await;
    let mut tried = Tried::default();
    let name = format!("statefulset/{}", set::name(candidate.set));
    tried.refusals.extend(patched?);
    match made? {
        Trial::Admitted => {}
        Trial::Refused(finding) => tried.refusals.push(refusal(finding)),
        Trial::Unknown(why) => tried.notes.push(Finding::new(
            Severity::Warning,
            name.clone(),
            format!("whether the server would take a pod of the new template isn't known: {why}"),
        )),
    }
    for found in found {
        match found {
            Ok(None) => {}
            Ok(Some(finding)) => tried.refusals.push(refusal(finding)),
            Err(why) => tried.notes.push(Finding::new(Severity::Warning, name.clone(), why)),
        }
    }
    Ok(tried)
}

fn refusal(finding: Finding) -> Refusal {
    let mut refusal = TEMPLATE.refuse(finding.object, finding.message);
    refusal.evidence = finding.evidence;
    refusal.remedy = finding.remedy;
    refusal
}

async fn try_patch(api: &Api, namespace: &str, candidate: Candidate<'_>) -> Result<Option<Refusal>, Failure> {
    let Some(change) = candidate.change else {
        return Ok(None);
    };
    let name = set::name(candidate.set);
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}");
    let patch = write_template(candidate.raw, change, "trial", "trial", Timestamp::UNIX_EPOCH);
    match try_json_patch(api, &path, &patch).await {
        Ok(_) => Ok(None),
        Err(failure) if failure.is_conflict() => Err(failure),
        Err(Failure::Server {
            code, message, causes, ..
        }) if (400..500).contains(&code) && code != 429 => {
            let mut refusal = TEMPLATE.refuse(
                format!("statefulset/{name}"),
                format!("the server refuses the new template ({code})"),
            );
            refusal.evidence = std::iter::once(message).chain(causes).collect();
            Ok(Some(refusal))
        }
        Err(failure) => Err(failure),
    }
}

async fn try_pod(api: &Api, namespace: &str, candidate: Candidate<'_>) -> Result<Trial, Failure> {
    let trial = trial_pod(candidate.set, candidate.template);
    let old = set::pod_spec(candidate.set);
    let more = match (old, candidate.template.spec.as_ref()) {
        (Some(old), Some(new)) => asks_for_more(old, new),
        _ => true,
    };
    match try_create(api, &format!("/api/v1/namespaces/{namespace}/pods"), &trial).await {
        Ok(_) => Ok(Trial::Admitted),
        Err(failure @ Failure::Forbidden(_)) => Ok(Trial::Unknown(failure.reason())),
        Err(Failure::NotFound { message, .. }) => Ok(judge_trial(candidate.set, 404, &message, more)),
        Err(Failure::Server { code, message, .. }) if code < 500 && code != 429 => {
            Ok(judge_trial(candidate.set, code, &message, more))
        }
        // A webhook that fails answers 500: that is an answer about the pod, not about the server.
        Err(Failure::Server { code: 500, message, .. }) => Ok(judge_trial(candidate.set, 500, &message, more)),
        Err(failure) => Err(failure),
    }
}

/// The finding where a reference leads nowhere.
///
/// # Errors
/// A clause, where that can't be seen.
async fn look_for(api: &Api, namespace: &str, reference: &Reference) -> Result<Option<Finding>, String> {
    if reference.optional {
        return Ok(None);
    }
    let path = reference.path(namespace);
    let unseen = |failure: Failure| format!("whether {path} exists can't be seen: {}", failure.reason());
    if reference.kind == Kind::ConfigMap && !reference.keys.is_empty() {
        return match api.get(&path).await {
            Ok(answer) => {
                let map: ConfigMap = answer.parse().map_err(unseen)?;
                let has = |key: &String| {
                    map.data.as_ref().is_some_and(|data| data.contains_key(key))
                        || map.binary_data.as_ref().is_some_and(|data| data.contains_key(key))
                };
                let lacking: Vec<String> = reference.keys.iter().filter(|key| !has(key)).cloned().collect();
                Ok((!lacking.is_empty()).then(|| missing(reference, &lacking)))
            }
            Err(failure) if failure.is_not_found() => Ok(Some(missing(reference, &[]))),
            Err(failure) => Err(unseen(failure)),
        };
    }
    match exists(api, &path).await {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some(missing(reference, &[]))),
        Err(failure) => Err(unseen(failure)),
    }
}
