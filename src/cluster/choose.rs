//! Which StatefulSet is meant: the one that was named, or the only one of the namespace.

use k8s_openapi::api::apps::v1::StatefulSet;

use crate::error::{Error, Result};
use crate::model::set::name;
use crate::nearest::no_such;

/// The name of the set to work on; none where the namespace holds none and none was named.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::error::ErrorKind::Usage) where the named set doesn't exist (with the nearest names), and where
/// there are several and none was named.
pub fn choose(sets: &[StatefulSet], wanted: Option<&str>, namespace: &str) -> Result<Option<String>> {
    let mut names: Vec<&str> = sets.iter().map(name).collect();
    names.sort_unstable();
    match wanted {
        Some(wanted) if names.contains(&wanted) => Ok(Some(wanted.to_owned())),
        Some(wanted) => Err(
            no_such("StatefulSet", wanted, &names, &format!(" in namespace {namespace}"))
                .hint(format!("$ kubectl get statefulsets -n {namespace}")),
        ),
        None => match names.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some((*only).to_owned())),
            several => Err(Error::usage(format!(
                "namespace {namespace} holds {} StatefulSets, and none was named: {}",
                several.len(),
                several.join(", ")
            ))
            .hint(format!(
                "name one with --statefulset, or as `statefulset` in shardctl.toml; for example: --statefulset {}",
                several[0]
            ))),
        },
    }
}
