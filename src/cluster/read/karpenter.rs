//! Kinds that a cluster need not have: which versions of them it serves, and Karpenter's node classes of whatever cloud.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroupList, APIResourceList};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Reading, into_read, read_version, seen_right};
use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::model::right::Rule;

/// The API groups that the cluster serves, each with its preferred version; or why that isn't known.
///
/// Discovery decides whether an optional kind exists: somebody with few rights gets 403, not 404, for an absent group.
pub struct Served(Result<BTreeMap<String, String>, String>);

/// Asks which API groups there are.
pub async fn served(api: &Api) -> Served {
    let groups = async { api.get("/apis").await?.parse::<APIGroupList>() }.await;
    Served(match groups {
        Ok(list) => Ok(list
            .groups
            .into_iter()
            .filter_map(|group| {
                let preferred = group.preferred_version.or_else(|| group.versions.into_iter().next())?;
                Some((group.name, preferred.version))
            })
            .collect()),
        Err(failure) => Err(format!("the API groups can't be read: {}", failure.reason())),
    })
}

impl Served {
    /// Reads an optional kind in the version that is served.
    pub async fn read(&self, api: &Api, resource: Resource, namespace: &str) -> Reading {
        let place = resource.place();
        let reading = |objects| Reading {
            resource,
            objects,
            right: None,
        };
        match self.version(place.group) {
            Err(why) => reading(Read::Unreadable(why.to_owned())),
            Ok(None) => reading(Read::Absent(format!("the cluster serves no {}", resource.noun()))),
            Ok(Some(version)) => read_version(api, resource, version, namespace, "").await,
        }
    }

    /// The version of an API group that the cluster prefers; none where it doesn't serve the group, or why that isn't known.
    ///
    /// # Errors
    /// Why it isn't known, a clause.
    pub fn version(&self, group: &str) -> Result<Option<&str>, &str> {
        match &self.0 {
            Ok(groups) => Ok(groups.get(group).map(String::as_str)),
            Err(why) => Err(why),
        }
    }

    /// Reads the node classes that NodePools refer to.
    pub async fn read_node_classes(&self, api: &Api, pools: &Read<Vec<Box<RawValue>>>) -> Reading {
        let resource = Resource::NodeClasses;
        let pools = match pools {
            Read::Absent(why) => return without_right(resource, Read::Absent(why.clone())),
            Read::Unreadable(why) => return without_right(resource, Read::Unreadable(why.clone())),
            Read::Got(pools) => pools,
        };
        let mut classes = Vec::new();
        let mut right = None;
        for reference in references(pools) {
            let version = match self.version(&reference.group) {
                Ok(Some(version)) => version,
                // The class's kind isn't installed; KARP-00 sees that the class is missing.
                Ok(None) => continue,
                Err(why) => return without_right(resource, Read::Unreadable(why.to_owned())),
            };
            let result = get_class(api, &reference, version).await;
            right = right.or_else(|| {
                let rule = Rule {
                    verb: "get".to_owned(),
                    group: reference.group.clone(),
                    resource: reference.kind.to_lowercase(),
                    namespace: None,
                    name: Some(reference.name.clone()),
                };
                seen_right(rule, Some(resource), &result)
            });
            match result {
                Ok(found) => classes.extend(found),
                Err(failure) => {
                    return Reading {
                        resource,
                        objects: into_read(Err(failure), resource),
                        right,
                    };
                }
            }
        }
        Reading {
            resource,
            objects: Read::Got(classes),
            right,
        }
    }
}

fn without_right(resource: Resource, objects: Read<Vec<Box<RawValue>>>) -> Reading {
    Reading {
        resource,
        objects,
        right: None,
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ClassReference {
    group: String,
    kind: String,
    name: String,
}

/// The classes that pools refer to: `{group, kind, name}` in v1, `{apiVersion, kind, name}` in v1beta1.
fn references(pools: &[Box<RawValue>]) -> BTreeSet<ClassReference> {
    pools
        .iter()
        .filter_map(|pool| {
            let pool: Value = serde_json::from_str(pool.get()).ok()?;
            let reference = &pool["spec"]["template"]["spec"]["nodeClassRef"];
            let group = reference["group"]
                .as_str()
                .or_else(|| Some(reference["apiVersion"].as_str()?.split_once('/')?.0))?;
            Some(ClassReference {
                group: group.to_owned(),
                kind: reference["kind"].as_str()?.to_owned(),
                name: reference["name"].as_str()?.to_owned(),
            })
        })
        .collect()
}

async fn get_class(api: &Api, class: &ClassReference, version: &str) -> Result<Option<Box<RawValue>>, Failure> {
    let root = format!("/apis/{}/{version}", class.group);
    let resources: APIResourceList = api.get(&root).await?.parse()?;
    let Some(plural) = resources
        .resources
        .into_iter()
        .find(|found| found.kind == class.kind && !found.name.contains('/'))
        .map(|found| found.name)
    else {
        return Ok(None);
    };
    match api.get(&format!("{root}/{plural}/{}", class.name)).await {
        Ok(answer) => Ok(super::reduce::whole(Resource::NodeClasses, &answer.body)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}
