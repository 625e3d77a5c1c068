//! Lists of which most is known already: what has the version that it had isn't read again.
//!
//! The server is asked for all of it, and what it answers counts. Of thousands of objects few have changed since the look before,
//! and reading an object takes many times as long as finding out that it is known.

use std::borrow::Cow;
use std::sync::Arc;

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::skim::skim;
use super::told::{Reading, Told};
use super::{Api, JSON, pages};
use crate::cluster::failure::Failure;
use crate::model::objects::Objects;

/// Where more objects than this are known, their versions are asked for first: a tenth of what the objects are, and as a rule all of
/// them are the ones that are known.
const MANY: usize = 50;

/// Only the metadata.
const VERSIONS: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// The server can't give what was asked for in that form.
const NOT_ACCEPTABLE: u16 = 406;

/// What tells one state of one object from all others.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version<'t> {
    #[serde(borrow, default)]
    pub(super) name: Cow<'t, str>,
    #[serde(borrow, default)]
    uid: Cow<'t, str>,
    #[serde(borrow, default)]
    resource_version: Cow<'t, str>,
}

/// Of an object only what tells its state.
#[derive(Deserialize)]
pub(super) struct Head<'t> {
    #[serde(borrow, default)]
    pub(super) metadata: Version<'t>,
}

impl Version<'_> {
    /// Whether it is that of an object.
    pub(super) fn is_of<K: Metadata<Ty = ObjectMeta>>(&self, object: &K) -> bool {
        let meta = object.metadata();
        meta.uid.as_deref() == Some(&*self.uid) && meta.resource_version.as_deref() == Some(&*self.resource_version)
    }
}

/// The objects that are known, and which of them is expected next: a server lists them in the same order again.
struct Known<K> {
    objects: Objects<K>,
    next: usize,
}

impl<K: Metadata<Ty = ObjectMeta>> Known<K> {
    fn new(objects: Option<&Objects<K>>) -> Self {
        Known {
            objects: objects.cloned().unwrap_or_default(),
            next: 0,
        }
    }

    /// The object at this version.
    fn at(&mut self, wanted: &Version<'_>) -> Option<Arc<K>> {
        let is_it = |object: &&Arc<K>| wanted.is_of(&***object);
        let expected = self.objects.at(self.next).filter(is_it);
        let found = match expected {
            Some(object) => object,
            None => {
                self.next = self.objects.place_named(&wanted.name)?;
                self.objects.at(self.next).filter(is_it)?
            }
        };
        let found = found.clone();
        self.next += 1;
        Some(found)
    }

    /// As [`at`](Self::at), of the object that comes after another one in the list.
    fn after(&mut self, before: Option<&Arc<K>>, wanted: &Version<'_>) -> Option<Arc<K>> {
        // What came just before was either passed by as it stood, or found here.
        let place = before.and_then(|before| {
            let last = self.next.checked_sub(1);
            let is_last = last
                .and_then(|last| self.objects.at(last))
                .is_some_and(|last| Arc::ptr_eq(last, before));
            if is_last {
                return last;
            }
            self.objects.shared().position(|known| Arc::ptr_eq(known, before))
        });
        self.next = place.map_or(0, |place| place + 1);
        self.at(wanted)
    }
}

impl Api {
    /// Lists `path` as [`list`](Self::list) does, with the objects typed. What `known` has at the version that the server gives
    /// is that object; what goes through `keep` is all the rest. Of many known objects the versions are asked for first, and `told`
    /// remembers how the server wrote them, for the next time.
    ///
    /// # Errors
    /// As [`list`](Self::list); an item that is no `K` is [`Failure::NotKubernetes`].
    pub async fn list_again<K>(
        &self,
        path: &str,
        query: &str,
        known: Option<&Objects<K>>,
        told: &mut Told<K>,
        mut keep: impl FnMut(&RawValue) -> Option<Box<RawValue>> + Send + 'static,
    ) -> Result<Objects<K>, Failure>
    where
        K: Metadata<Ty = ObjectMeta> + DeserializeOwned + Send + Sync + 'static,
    {
        if let Some(known) = known.filter(|known| known.len() > MANY)
            && let Some(same) = self.list_known(path, query, known, told).await?
        {
            return Ok(same);
        }
        let mut known = Known::new(known);
        let mut read = move |kept: &mut Vec<Arc<K>>, item: &[u8]| {
            let Head { metadata } = skim(item)?;
            if let Some(object) = known.at(&metadata) {
                kept.push(object);
            } else if let Some(item) = keep(serde_json::from_slice(item)?) {
                kept.push(Arc::new(serde_json::from_str(item.get())?));
            }
            Ok(())
        };
        let page = move |kept: &mut Vec<Arc<K>>, page: &[u8]| pages::texts(page, |item| read(kept, item));
        let read: Vec<Arc<K>> = pages::fold(self, path, query, JSON, page).await?;
        Ok(read.into_iter().collect())
    }

    /// The objects of a list by their versions alone; none where one of them isn't known.
    async fn list_known<K>(
        &self,
        path: &str,
        query: &str,
        known: &Objects<K>,
        told: &mut Told<K>,
    ) -> Result<Option<Objects<K>>, Failure>
    where
        K: Metadata<Ty = ObjectMeta> + Send + Sync + 'static,
    {
        if !told.is_shared_with(known) {
            *told = Told::default();
        }
        let (before, mut known) = (told.clone(), Known::new(Some(known)));
        let page = move |reading: &mut Reading<K>, page: &[u8]| {
            before.read(reading, page, |version, behind| known.after(behind, version))
        };
        match pages::fold(self, path, query, VERSIONS, page).await {
            Ok(reading) => Ok(told.renewed(reading).map(|now| {
                *told = now;
                told.objects().clone()
            })),
            Err(Failure::Server {
                code: NOT_ACCEPTABLE, ..
            }) => Ok(None),
            Err(failure) => Err(failure),
        }
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
        let read = api
            .list_again("/api/v1/pods", "", Some(&known), &mut Told::default(), keep)
            .await
            .unwrap();
        let told: Vec<(&str, &str, bool)> = read
            .shared()
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
        let refused = api
            .list_again::<Pod>("/api/v1/pods", "", None, &mut Told::default(), keep)
            .await
            .unwrap_err();
        assert!(matches!(refused, Failure::NotKubernetes { .. }), "{refused:?}");
    }

    #[tokio::test]
    async fn of_many_known_objects_the_versions_are_asked_for_first_and_all_only_where_one_is_another() {
        let versions = |changed: Option<usize>| -> Vec<Value> {
            let version = |at: usize| if changed == Some(at) { "9" } else { "1" };
            (0..=MANY)
                .map(|at| json!({"metadata": {"name": format!("p{at}"), "uid": format!("u{at}"), "resourceVersion": version(at)}}))
                .collect()
        };
        let all: Vec<Value> = (0..=MANY)
            .map(|at| pod(&format!("p{at}"), &format!("u{at}"), if at == 7 { "9" } else { "1" }))
            .collect();
        let refused = r#"{"kind":"Status","code":406,"reason":"NotAcceptable","message":"only JSON"}"#;
        let server = Server::plain([
            list(&versions(None)),
            list(&versions(Some(7))),
            list(&all),
            Reply::json(406, refused),
            list(&all),
        ]);
        let known: Objects<Pod> = (0..=MANY)
            .map(|at| serde_json::from_value::<Pod>(pod(&format!("p{at}"), &format!("u{at}"), "1")).unwrap())
            .collect();
        let keep = |item: &RawValue| to_raw_value(item).ok();
        let api = api(&server, MINUTE);
        let mut told = Told::default();
        for others in [0, 1, 1] {
            let read = api
                .list_again("/api/v1/pods", "", Some(&known), &mut told, keep)
                .await
                .unwrap();
            let shared = read
                .shared()
                .filter(|one| known.shared().any(|known| Arc::ptr_eq(known, one)));
            assert_eq!(read.len() - shared.count(), others);
        }
        let asked: Vec<bool> = server
            .requests()
            .iter()
            .map(|request| request.contains(VERSIONS))
            .collect();
        assert_eq!(asked, [true, true, false, true, false]);
    }
}
