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
            rights: Vec::new(),
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
        let mut rights = Vec::new();
        let mut unread = None;
        for reference in references(pools) {
            let version = match self.version(&reference.group) {
                Ok(Some(version)) => version,
                // The class's kind isn't installed; KARP-00 sees that the class is missing.
                Ok(None) => continue,
                Err(why) => return without_right(resource, Read::Unreadable(why.to_owned())),
            };
            let root = format!("/apis/{}/{version}", reference.group);
            let plural = match plural_of(api, &root, &reference.kind).await {
                Ok(Some(plural)) => plural,
                Ok(None) => continue,
                Err(failure) => {
                    unread.get_or_insert(failure);
                    continue;
                }
            };
            let result = get_class(api, &format!("{root}/{plural}/{}", reference.name)).await;
            let rule = Rule {
                verb: "get".to_owned(),
                group: reference.group,
                resource: plural,
                namespace: None,
                name: Some(reference.name),
            };
            // Every class is asked for, whatever became of those before: all rights that are missing are told at once.
            rights.extend(seen_right(rule, Some(resource), &result));
            match result {
                Ok(found) => classes.extend(found),
                Err(failure) => {
                    unread.get_or_insert(failure);
                }
            }
        }
        Reading {
            resource,
            objects: match unread {
                None => Read::Got(classes),
                Some(failure) => into_read(Err(failure), resource),
            },
            rights,
        }
    }
}

fn without_right(resource: Resource, objects: Read<Vec<Box<RawValue>>>) -> Reading {
    Reading {
        resource,
        objects,
        rights: Vec::new(),
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

/// The plural under which a group's version serves a kind, which URLs and rules name it by; none where it doesn't serve it.
async fn plural_of(api: &Api, root: &str, kind: &str) -> Result<Option<String>, Failure> {
    let resources = match api.get(root).await {
        Ok(answer) => answer.parse::<APIResourceList>()?,
        Err(failure) if failure.is_not_served() => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let found = resources
        .resources
        .into_iter()
        .find(|found| found.kind == kind && !found.name.contains('/'));
    Ok(found.map(|found| found.name))
}

async fn get_class(api: &Api, path: &str) -> Result<Option<Box<RawValue>>, Failure> {
    match api.get(path).await {
        Ok(answer) => Ok(super::reduce::whole(Resource::NodeClasses, &answer.body)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::get::tests::{MINUTE, api};
    use crate::cluster::test_server::{Reply, Server};
    use serde_json::json;

    fn pool(class: &str) -> Box<RawValue> {
        let reference = json!({"group": "karpenter.azure.com", "kind": "AKSNodeClass", "name": class});
        let pool = json!({"spec": {"template": {"spec": {"nodeClassRef": reference}}}});
        RawValue::from_string(pool.to_string()).unwrap()
    }

    #[tokio::test]
    async fn every_node_class_that_is_refused_is_told_by_the_name_that_a_rule_needs() {
        let kinds = json!({"groupVersion": "karpenter.azure.com/v1beta1", "resources": [
            {"name": "aksnodeclasses/status", "singularName": "", "namespaced": false, "kind": "AKSNodeClass", "verbs": ["get"]},
            {"name": "aksnodeclasses", "singularName": "", "namespaced": false, "kind": "AKSNodeClass", "verbs": ["get"]},
        ]});
        let kinds = Reply::json(200, &kinds.to_string());
        let words = "aksnodeclasses.karpenter.azure.com is forbidden: User \"ada\" cannot get resource \"aksnodeclasses\" in API \
                     group \"karpenter.azure.com\" at the cluster scope";
        let refused = json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": words});
        let refused = Reply::json(403, &refused.to_string());
        let there = Reply::json(200, &json!({"metadata": {"name": "b"}}).to_string());
        let server = Server::plain([kinds.clone(), refused.clone(), kinds.clone(), there, kinds, refused]);
        let groups = [("karpenter.azure.com".to_owned(), "v1beta1".to_owned())];
        let served = Served(Ok(groups.into()));
        let pools = Read::Got(vec![pool("a"), pool("b"), pool("c")]);
        let reading = served.read_node_classes(&api(&server, MINUTE), &pools).await;
        let rights: Vec<(&str, Option<&str>, bool)> = reading
            .rights
            .iter()
            .map(|right| (right.rule.resource.as_str(), right.rule.name.as_deref(), right.allowed))
            .collect();
        assert_eq!(
            rights,
            [
                ("aksnodeclasses", Some("a"), false),
                ("aksnodeclasses", Some("b"), true),
                ("aksnodeclasses", Some("c"), false),
            ]
        );
        assert!(matches!(reading.objects, Read::Unreadable(_)), "{:?}", reading.objects);
    }
}
