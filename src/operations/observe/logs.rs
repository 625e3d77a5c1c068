//! The last lines that containers wrote which aren't ready: what POD-01 quotes.

use std::collections::BTreeMap;

use futures::future::{join, join_all};

use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::model::pod;
use crate::model::read::Read;
use crate::model::recording::Logs;
use crate::plan::verify::seen::Seen;

/// How many lines are kept.
const LINES: usize = 20;
/// How many bytes the server sends at most: lines may be long.
const BYTES: usize = 16 * 1024;
/// Of how many shards logs are read: where more are down, the first tell enough.
const SHARDS: usize = 5;

/// Reads the logs of the containers that aren't ready, by `pod/container`.
pub async fn read(api: &Api, asked: bool, seen: &Seen<'_>) -> BTreeMap<String, Logs> {
    let Ok(pods) = seen.pods() else {
        return BTreeMap::new();
    };
    let namespace = &seen.snapshot.taken.namespace;
    let containers = pods
        .into_iter()
        .filter(|found| asked && !pod::is_ready(found) && pod::node(found).is_some())
        .take(SHARDS)
        .flat_map(|found| pod::container_statuses(found).map(move |status| (found, status)))
        .filter(|(_, status)| {
            !status.ready && (status.container_id.is_some() || status.restart_count > 0 || has_run(status))
        });
    let reads = containers.map(|(found, status)| {
        let name = pod::name(found);
        let path = format!(
            "/api/v1/namespaces/{namespace}/pods/{name}/log?container={}&tailLines={LINES}&limitBytes={BYTES}",
            status.name
        );
        let restarted = status.restart_count > 0;
        async move {
            let (current, previous) = join(tail(api, path.clone()), async {
                if restarted {
                    tail(api, format!("{path}&previous=true")).await
                } else {
                    Read::Absent("the container never restarted".to_owned())
                }
            })
            .await;
            (format!("{name}/{}", status.name), Logs { current, previous })
        }
    });
    join_all(reads).await.into_iter().collect()
}

/// Whether a container has run at all: before that there is no log to ask for.
fn has_run(status: &k8s_openapi::api::core::v1::ContainerStatus) -> bool {
    status
        .state
        .as_ref()
        .is_some_and(|state| state.running.is_some() || state.terminated.is_some())
}

async fn tail(api: &Api, path: String) -> Read<Vec<String>> {
    match api.text(&path).await {
        Ok(text) => {
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let skipped = lines.len().saturating_sub(LINES);
            Read::Got(lines.into_iter().skip(skipped).collect())
        }
        Err(failure @ Failure::NotFound { .. }) => Read::Absent(failure.reason()),
        Err(failure) => Read::Unreadable(format!("the log can't be read: {}", failure.reason())),
    }
}
