//! Telling the cluster what we did: Events on the StatefulSet, for whoever looks at it with kubectl or collects Events.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use crate::cluster::get::Api;
use crate::cluster::permit::Permit;
use crate::cluster::write;
use crate::model::set;

/// The longest message that the API server takes.
const LONGEST_MESSAGE: usize = 1024;
/// The longest name of a reporting instance.
const LONGEST_INSTANCE: usize = 128;

/// Posts an Event on the set. `reason` is one word (`ShardDeleted`), `by` whoever runs us.
///
/// Best effort: an operation doesn't fail, nor wait again, because its news couldn't be posted.
pub async fn announce(
    api: &Api,
    permit: &Permit,
    set: &StatefulSet,
    reason: &str,
    warning: bool,
    message: &str,
    by: &str,
) {
    let namespace = set.metadata.namespace.clone().unwrap_or_default();
    let path = format!("/api/v1/namespaces/{namespace}/events");
    let now = api.server_time().now();
    let at = Time(now);
    let event = Event {
        metadata: ObjectMeta {
            // As client-go names them: a time makes the name new.
            name: Some(format!("{}.{:x}", set::name(set), now.as_nanosecond())),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: Some("StatefulSet".to_owned()),
            name: set.metadata.name.clone(),
            namespace: Some(namespace),
            uid: set.metadata.uid.clone(),
            resource_version: set.metadata.resource_version.clone(),
            field_path: None,
        },
        reason: Some(reason.to_owned()),
        message: Some(message.chars().take(LONGEST_MESSAGE).collect()),
        type_: Some(if warning { "Warning" } else { "Normal" }.to_owned()),
        action: Some(reason.to_owned()),
        reporting_component: Some(write::FIELD_MANAGER.to_owned()),
        reporting_instance: Some(by.chars().take(LONGEST_INSTANCE).collect()),
        source: Some(EventSource {
            component: Some(write::FIELD_MANAGER.to_owned()),
            host: None,
        }),
        first_timestamp: Some(at.clone()),
        last_timestamp: Some(at),
        count: Some(1),
        ..Event::default()
    };
    let _ = write::create(api, permit, &path, &event).await;
}
