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
use super::{Api, pages};
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
        pages::fold(self, path, query, page).await
    }
}
