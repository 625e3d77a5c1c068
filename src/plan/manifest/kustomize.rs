//! The same objects as a kustomization that people know how to edit: a base, and an overlay for each phase that adds its pool and
//! patches the StatefulSet.

use serde::Serialize;
use serde_json::{Map, Value};

use super::names::Names;
use super::{Manifest, base_but_the_set, nodes, set};
use crate::model::catalogue::Catalogue;
use crate::model::report::Phase;
use crate::model::workload::{Workload, Wrong};

/// The folder of what both phases have.
const BASE: &str = "base";
/// The file that names the others.
const KUSTOMIZATION: &str = "kustomization.yaml";
/// The file of the StatefulSet, and of a phase's patch on it.
const SET: &str = "statefulset.yaml";

/// A file.
#[derive(Clone, Debug)]
pub struct File {
    /// Where, from the folder that was asked for.
    pub path: String,
    /// What it is for, a line for its top; empty where it speaks for itself.
    pub about: String,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// An object.
    Manifest(Box<Manifest>),
    /// What a folder is made of.
    Kustomization(Kustomization),
    /// A change of the base's object.
    Patch(Value),
}

/// What a folder is made of.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kustomization {
    api_version: &'static str,
    kind: &'static str,
    /// Files and folders.
    pub resources: Vec<String>,
    /// Changes of what these hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<PatchFile>,
}

/// A file that changes an object.
#[derive(Clone, Debug, Serialize)]
pub struct PatchFile {
    /// Where.
    pub path: String,
}

/// The files of the base and of the overlays of these phases.
///
/// # Errors
/// The first parameter that can't be followed.
pub fn files(workload: &Workload, phases: &[Phase], catalogue: &Catalogue) -> Result<Vec<File>, Wrong> {
    workload.check()?;
    let names = Names::of(workload);
    let set = set::stateful_set(workload, &names);
    let mut base = base_but_the_set(workload, &names);
    base.push(Manifest::StatefulSet(Box::new(set.clone())));
    let about = "What both phases have. It isn't whole: apply an overlay.";
    let mut files = folder(BASE, about, base, Vec::new(), None);
    for phase in phases {
        let mut whole = set.clone();
        set::for_phase(&mut whole, &names, workload, *phase);
        let (before, after) = (value(&set), value(&whole));
        let mut patch = identity(&after);
        if let Some(Value::Object(changed)) = difference(&before, &after) {
            patch.extend(changed);
        }
        files.extend(folder(
            &format!("overlays/{}", phase.word()),
            match phase {
                Phase::Explore => "Karpenter picks among sizes: kubectl apply -k of this folder.",
                Phase::Stable => "One size, protected from disruption: kubectl apply -k of this folder.",
            },
            nodes(workload, &names, *phase, catalogue)?,
            vec!["../../base".to_owned()],
            Some(Value::Object(patch)),
        ));
    }
    Ok(files)
}

/// A folder: its objects a file each, and the file that names them.
fn folder(
    at: &str,
    about: &str,
    objects: Vec<Manifest>,
    mut resources: Vec<String>,
    patch: Option<Value>,
) -> Vec<File> {
    let mut files = Vec::new();
    for object in objects {
        let name = file_name(&object);
        files.push(File {
            path: format!("{at}/{name}"),
            about: String::new(),
            content: Content::Manifest(Box::new(object)),
        });
        resources.push(name);
    }
    let mut patches = Vec::new();
    if let Some(patch) = patch {
        patches.push(PatchFile { path: SET.to_owned() });
        files.push(File {
            path: format!("{at}/{SET}"),
            about: "What this phase changes of the base's StatefulSet.".to_owned(),
            content: Content::Patch(patch),
        });
    }
    files.push(File {
        path: format!("{at}/{KUSTOMIZATION}"),
        about: about.to_owned(),
        content: Content::Kustomization(Kustomization {
            api_version: "kustomize.config.k8s.io/v1beta1",
            kind: "Kustomization",
            resources,
            patches,
        }),
    });
    files
}

/// The file of an object, by its kind; the two Services by what they are.
fn file_name(object: &Manifest) -> String {
    match object {
        Manifest::Service(service) => {
            let is_headless = service.spec.as_ref().is_some_and(|spec| spec.cluster_ip.is_some());
            format!("service-{}.yaml", if is_headless { "headless" } else { "lb" })
        }
        Manifest::Budget(_) => "poddisruptionbudget.yaml".to_owned(),
        Manifest::StatefulSet(_) => SET.to_owned(),
        Manifest::AksNodeClass(_) => "nodeclass.yaml".to_owned(),
        other => format!("{}.yaml", other.word()),
    }
}

/// An object as JSON; k8s-openapi's types always can be.
fn value(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// What a patch says of the object that it is for.
fn identity(object: &Value) -> Map<String, Value> {
    let mut identity = Map::new();
    let mut metadata = Map::new();
    for key in ["name", "namespace"] {
        metadata.insert(key.to_owned(), object["metadata"][key].clone());
    }
    for key in ["apiVersion", "kind"] {
        identity.insert(key.to_owned(), object[key].clone());
    }
    identity.insert("metadata".to_owned(), Value::Object(metadata));
    identity
}

/// What has to be merged into `before` so that it becomes `after`, which has everything that `before` has; none where they are alike.
/// Lists stand whole in it: those that the phases change (tolerations, terms) are replaced by a strategic merge, not merged.
fn difference(before: &Value, after: &Value) -> Option<Value> {
    match (before, after) {
        _ if before == after => None,
        (Value::Object(before), Value::Object(after)) => {
            let changed = after.iter().filter_map(|(key, after)| {
                let change = match before.get(key) {
                    Some(before) => difference(before, after)?,
                    None => after.clone(),
                };
                Some((key.clone(), change))
            });
            Some(Value::Object(changed.collect()))
        }
        _ => Some(after.clone()),
    }
}
