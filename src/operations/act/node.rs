//! What a node that holds shards goes through: kept from being removed and cordoned, with the mark that says so in the same write,
//! let alone again once it is empty, and given back with its NodeClaim.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions};
use serde_json::{Map, Value};

use super::{marked, refuses};
use crate::cluster::failure::Failure;
use crate::cluster::fresh::pods_on;
use crate::cluster::get::Answer;
use crate::cluster::read::served;
use crate::cluster::write::{delete, json_patch};
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::karpenter::NodeClaim;
use crate::model::node::is_cordoned;
use crate::model::resource::Resource;
use crate::operations::means::Run;
use crate::plan::drain::release::{Left, still_on};
use crate::plan::marking::{Marking, Theirs, marking};
use crate::plan::operation::Acted;

/// The field of a cordon.
pub(super) const CORDON: &str = "spec.unschedulable";

/// Where the server has a node.
pub(super) fn path(node: &str) -> String {
    format!("/api/v1/nodes/{node}")
}

/// Freezes a node, and cordons it where that is wanted.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn freeze(
    run: &Run,
    node: &str,
    annotations: &BTreeMap<String, String>,
    cordon: bool,
) -> Result<Acted, Failure> {
    let api = run.connection.api();
    let answer = match api.get(&path(node)).await {
        Ok(answer) => answer,
        Err(failure) => return refuses(&format!("node/{node}"), "it can't be read", failure),
    };
    saw(run, &answer);
    let present: Value = answer.parse()?;
    let mut wanted: Map<String, Value> = annotations
        .iter()
        .map(|(key, value)| (format!("metadata.annotations.{key}"), Value::from(value.as_str())))
        .collect();
    if cordon {
        wanted.insert(CORDON.to_owned(), Value::Bool(true));
    }
    let marking = match marking(&present, run.marker(), &wanted, &[]) {
        Ok(None) => return Ok(Acted::Done),
        Ok(Some(marking)) => marking,
        Err(Theirs(whose)) => {
            return Ok(marked(
                run,
                &format!("node/{node}"),
                "can't be kept from being removed",
                &whose,
            ));
        }
    };
    match json_patch(api, &run.permit, &path(node), &marking.patch).await {
        Ok(answer) => {
            saw(run, &answer);
            run.events.emit(Fact::Changed {
                object: format!("node/{node}"),
                what: told(annotations, cordon, &marking),
            });
            Ok(Acted::Done)
        }
        Err(failure) => refuses(&format!("node/{node}"), "the server doesn't let us change it", failure),
    }
}

/// `cordoned, and kept from the autoscaler: karpenter.sh/do-not-disrupt`.
fn told(annotations: &BTreeMap<String, String>, cordon: bool, marking: &Marking) -> String {
    let keys: Vec<&str> = annotations.keys().map(String::as_str).collect();
    let held = (!keys.is_empty()).then(|| format!("kept from the autoscaler: {}", keys.join(", ")));
    let cordoned = match marking.mark.was.get(CORDON) {
        _ if !cordon => None,
        Some(Value::Bool(true)) => Some("cordoned before, and stays so"),
        _ => Some("cordoned"),
    };
    match (cordoned, held) {
        (Some(cordoned), Some(held)) => format!("{cordoned}, and {held}"),
        (Some(cordoned), None) => cordoned.to_owned(),
        (None, Some(held)) => held,
        (None, None) => "marked".to_owned(),
    }
}

/// The watches learn a node that the server has just shown: a silent one would never bring what was written.
pub(super) fn saw(run: &Run, answer: &Answer) {
    if let Ok(node) = answer.parse() {
        run.watches.saw_node(node);
    }
}

/// Deletes the NodeClaim of a node that is empty. Right before, the server is asked what is on the node: a machine that still
/// holds a shard is never given back.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn release(run: &Run, node: &str, claim: &str, uid: &str) -> Result<Acted, Failure> {
    let api = run.connection.api();
    let place = Resource::NodeClaims.place();
    let object = format!("nodeclaim/{claim}");
    let failed = |finding: Finding| Ok(Acted::Failed(Box::new(finding)));
    let groups = served(api).await;
    let version = match groups.version(place.group) {
        Ok(Some(version)) => version,
        Ok(None) => {
            let words = "the cluster serves no NodeClaims any more";
            return failed(Finding::new(Severity::Error, object, words));
        }
        // What an answer's loss left open is asked again.
        Err(why) => return Err(Failure::CutOff { why: why.to_owned() }),
    };
    let at = format!("/apis/{}/{version}/{}/{claim}", place.group, place.plural);
    let found: Value = match api.get(&at).await {
        Ok(answer) => answer.parse()?,
        Err(failure) if failure.is_not_found() => return Ok(Acted::Done),
        Err(failure) => return refuses(&object, "it can't be read", failure),
    };
    if found["metadata"]["uid"] != uid {
        return Ok(Acted::LookAgain);
    }
    let found = NodeClaim(&found);
    if found.deleted().is_some() {
        return Ok(Acted::Done);
    }
    if found.node() != Some(node) {
        let mut finding = Finding::new(
            Severity::Error,
            object,
            format!("it isn't the NodeClaim of node/{node}"),
        );
        finding.evidence(format!("its node is {}", found.node().unwrap_or("not known")));
        return failed(finding);
    }
    let on = match api.get(&path(node)).await {
        Ok(on) => on,
        Err(failure) => return refuses(&format!("node/{node}"), "it can't be read", failure),
    };
    saw(run, &on);
    if !is_cordoned(&on.parse::<Node>()?) {
        let words = "it isn't given back: it takes pods again, and a shard may come at any moment";
        return failed(Finding::new(Severity::Error, format!("node/{node}"), words));
    }
    // The last thing that is asked: what comes to a cordoned node after it is nobody's who minds.
    let pods = match pods_on(api, node).await {
        Ok(pods) => pods,
        Err(failure) => return refuses(&format!("node/{node}"), "what is still on it can't be seen", failure),
    };
    match still_on(&run.set, &pods) {
        None => {}
        Some(Left::Leaving) => return Ok(Acted::LookAgain),
        Some(Left::Stays(names)) => {
            let mut finding = Finding::new(
                Severity::Error,
                format!("node/{node}"),
                format!("it isn't given back: {} still on it", still(&names)),
            );
            names.iter().for_each(|name| {
                finding.evidence(format!("pod {name}"));
            });
            return failed(finding);
        }
    }
    let options = DeleteOptions {
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        ..DeleteOptions::default()
    };
    match delete(api, &run.permit, &at, &options).await {
        Ok(_) => {
            run.events.emit(Fact::Changed {
                object,
                what: format!("deleted: node/{node} is given back"),
            });
            run.announce(
                "NodeReleased",
                false,
                format!("{}: deleted NodeClaim {claim} of node {node}", run.name),
            );
            Ok(Acted::Done)
        }
        Err(failure) if failure.is_not_found() => Ok(Acted::Done),
        Err(failure) => refuses(&object, "the server doesn't let us delete it", failure),
    }
}

/// `db-3 is`; `2 pods are`.
fn still(names: &[String]) -> String {
    match names {
        [only] => format!("{only} is"),
        several => format!("{} pods are", several.len()),
    }
}
