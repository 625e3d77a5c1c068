//! Lists of which most is known already: what has the version that it had isn't read again.
//!
//! The server is asked for all of it, and what it answers counts. Of thousands of objects few have changed since the look before,
//! and reading an object takes many times as long as finding out that it is known.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::skim::skim;
use super::{Api, JSON, pages};
use crate::cluster::failure::Failure;
use crate::model::objects::Objects;

/// What tells one state of one object from all others.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Version<'t> {
    #[serde(borrow, default)]
    uid: Cow<'t, str>,
    #[serde(borrow, default)]
    resource_version: Cow<'t, str>,
}

#[derive(Deserialize)]
struct Head<'t> {
    #[serde(borrow, default)]
    metadata: Version<'t>,
}

impl Api {
    /// Lists `path` as [`list`](Self::list) does, with the objects typed. What `known` has at the version that the server gives
    /// is that object; what goes through `keep` is all the rest.
    ///
    /// # Errors
    /// As [`list`](Self::list); an item that is no `K` is [`Failure::NotKubernetes`].
    pub async fn list_again<K>(
        &self,
        path: &str,
        query: &str,
        known: Option<&Objects<K>>,
        mut keep: impl FnMut(&RawValue) -> Option<Box<RawValue>> + Send + 'static,
    ) -> Result<Vec<Arc<K>>, Failure>
    where
        K: kube::Resource + DeserializeOwned + Send + Sync + 'static,
    {
        let known = known.into_iter().flat_map(Objects::shared);
        let known: BTreeMap<String, Arc<K>> = known
            .filter_map(|object| Some((object.meta().uid.clone()?, object.clone())))
            .collect();
        let mut read = move |kept: &mut Vec<Arc<K>>, item: &[u8]| {
            let Head { metadata } = skim(item)?;
            let same = known
                .get(&*metadata.uid)
                .filter(|object| object.meta().resource_version.as_deref() == Some(&*metadata.resource_version));
            if let Some(object) = same {
                kept.push(object.clone());
            } else if let Some(item) = keep(serde_json::from_slice(item)?) {
                kept.push(Arc::new(serde_json::from_str(item.get())?));
            }
            Ok(())
        };
        let page = move |kept: &mut Vec<Arc<K>>, page: &[u8]| pages::texts(page, |item| read(kept, item));
        pages::fold(self, path, query, JSON, page).await
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::value::to_raw_value;
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::get::tests::{MINUTE, api};
    use crate::cluster::test_server::{Reply, Server};

    fn pod(name: &str, uid: &str, version: &str) -> Value {
        json!({"metadata": {"name": name, "uid": uid, "resourceVersion": version}, "spec": {"containers": []}})
    }

    fn list(items: &[Value]) -> Reply {
        Reply::json(200, &json!({"metadata": {}, "items": items}).to_string())
    }

    #[tokio::test]
    async fn what_has_the_version_that_is_known_is_that_object_and_all_else_is_read() {
        let server = Server::plain([
            list(&[
                pod("same", "a", "1"),
                pod("changed", "b", "5"),
                pod("replaced", "d", "3"),
                pod("new", "e", "9"),
            ]),
            list(&[json!({"metadata": {"name": "x", "uid": "f", "resourceVersion": "1"}, "spec": {"containers": 1}})]),
        ]);
        let known = [
            pod("same", "a", "1"),
            pod("changed", "b", "2"),
            pod("replaced", "c", "3"),
            pod("gone", "g", "4"),
        ];
        let known: Objects<Pod> = known
            .into_iter()
            .map(|pod| serde_json::from_value::<Pod>(pod).unwrap())
            .collect();
        let keep = |item: &RawValue| to_raw_value(item).ok();
        let api = api(&server, MINUTE);
        let read = api.list_again("/api/v1/pods", "", Some(&known), keep).await.unwrap();
        let told: Vec<(&str, &str, bool)> = read
            .iter()
            .map(|found| {
                let meta = &found.metadata;
                let is_shared = known.shared().any(|one| Arc::ptr_eq(one, found));
                (
                    meta.uid.as_deref().unwrap(),
                    meta.resource_version.as_deref().unwrap(),
                    is_shared,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a", "1", true),
                ("b", "5", false),
                ("d", "3", false),
                ("e", "9", false)
            ]
        );
        let refused = api.list_again::<Pod>("/api/v1/pods", "", None, keep).await.unwrap_err();
        assert!(matches!(refused, Failure::NotKubernetes { .. }), "{refused:?}");
    }
}
