//! What an operation on the set has left elsewhere: as long as the set is there it can be put back, and that is asked for first.

use futures::future::join_all;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Asked, place_of_the_set};
use crate::cluster::connect::Connection;
use crate::error::Result;
use crate::model::mark::MARK;
use crate::model::refusal::Refusal;
use crate::model::set;
use crate::plan::cleanup::left_by;
use crate::plan::safety::catalogue::MARKS_OUTLIVE;

/// The marks on the set and on what outlives it, and what may not be read.
pub(super) async fn left(connection: &Connection, asked: &Asked, found: &Value) -> Result<(Vec<Refusal>, Vec<String>)> {
    let namespace = &asked.workload.namespace;
    let kinds = [
        (
            "pdb",
            format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"),
        ),
        ("pvc", format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims")),
        ("node", "/api/v1/nodes".to_owned()),
        ("nodepool", "/apis/karpenter.sh/v1/nodepools".to_owned()),
        ("nodeclaim", "/apis/karpenter.sh/v1/nodeclaims".to_owned()),
    ];
    let api = connection.api();
    let is_marked = |raw: Box<RawValue>| raw.get().contains(MARK).then_some(raw);
    let lists = kinds.iter().map(|(_, path)| api.list(path, "", is_marked));
    let mut denied = Vec::new();
    let mut marked = vec![(place_of_the_set(asked).0, found.clone())];
    for ((word, _), listed) in kinds.iter().zip(join_all(lists).await) {
        match listed {
            Ok(listed) => marked.extend(listed.iter().filter_map(|raw| {
                let object: Value = serde_json::from_str(raw.get()).ok()?;
                let name = object["metadata"]["name"].as_str()?;
                Some((format!("{word}/{name}"), object))
            })),
            Err(failure) if failure.is_not_found() => {}
            Err(failure) if failure.is_forbidden() => denied.push(format!("{word}s: {}", failure.reason())),
            Err(failure) => {
                return Err(failure.into_error(&format!("look for marks on {word}s"), connection.endpoint()));
            }
        }
    }
    let refusals = marked.iter().filter_map(|(object, value)| {
        let words = left_by(value, namespace, set::name(&asked.set))?;
        let refusal = MARKS_OUTLIVE.refuse(object, words);
        Some(
            refusal
                .remedy("have it put back, as long as the set is there:")
                .remedy(asked.judging.shardctl("recover")),
        )
    });
    Ok((refusals.collect(), denied))
}
