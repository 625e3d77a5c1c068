//! Who else writes the set: an operator that controls it, a GitOps tool or Helm that owns what would be changed.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::{Aim, Change, Preflight};
use crate::model::finding::Severity;
use crate::model::refusal::Refusal;
use crate::model::set;
use crate::model::shell::shell_word;
use crate::plan::safety::catalogue::{GITOPS, OWNER};
use crate::plan::verify::seen::Seen;

/// Judges who else writes the set.
pub(super) fn judge(seen: &Seen<'_>, found_set: &StatefulSet, aim: &Aim<'_>, found: &mut Preflight) {
    let object = format!("statefulset/{}", set::name(found_set));
    // A template that is pending already was written by whoever owns it.
    if aim.change == Change::Pending {
        return;
    }
    let owners = found_set.metadata.owner_references.iter().flatten();
    for owner in owners.filter(|owner| owner.controller == Some(true)) {
        found.refuse(
            OWNER
                .refuse(
                    &object,
                    format!(
                        "it is controlled by {}/{}, which writes it anew",
                        owner.kind.to_lowercase(),
                        owner.name
                    ),
                )
                .remedy("change the template in that object; then roll what is pending:")
                .remedy(seen.shardctl("upgrade")),
        );
    }
    let Some((tool, evidence)) = tool(&found_set.metadata, |fields| owned(fields, &aim.change)) else {
        return;
    };
    if aim.change == Change::Restart {
        // A stamp is a field that no tool knows, and so none takes it away.
        found.note(
            Severity::Information,
            &object,
            format!(
                "{} writes the set; the stamp of a restart is usually left alone",
                tool.noun()
            ),
        );
        return;
    }
    let mut refusal = GITOPS.refuse(
        &object,
        format!("{} writes the template, and would take the change back", tool.noun()),
    );
    for line in evidence {
        refusal = refusal.evidence(line);
    }
    found.refuse(tool.advise(seen, &found_set.metadata, refusal));
}

/// A tool that writes objects from a source elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Argo CD.
    ArgoCd,
    /// Flux, from a Kustomization.
    FluxKustomize,
    /// Flux, from a HelmRelease.
    FluxHelm,
    /// Helm, run by hand.
    Helm,
}

/// What each tool calls itself where the API server records who wrote a field.
const MANAGERS: [(&str, Tool); 6] = [
    ("argocd-controller", Tool::ArgoCd),
    ("argocd-application-controller", Tool::ArgoCd),
    ("kustomize-controller", Tool::FluxKustomize),
    ("helm-controller", Tool::FluxHelm),
    ("flux", Tool::FluxKustomize),
    ("helm", Tool::Helm),
];

/// The keys of labels and annotations by which each tool finds what it made.
const TRACKING: [(&str, Tool); 5] = [
    ("argocd.argoproj.io/tracking-id", Tool::ArgoCd),
    ("argocd.argoproj.io/instance", Tool::ArgoCd),
    ("kustomize.toolkit.fluxcd.io/name", Tool::FluxKustomize),
    ("helm.toolkit.fluxcd.io/name", Tool::FluxHelm),
    ("meta.helm.sh/release-name", Tool::Helm),
];

impl Tool {
    /// Its name in a sentence.
    pub const fn noun(self) -> &'static str {
        match self {
            Tool::ArgoCd => "Argo CD",
            Tool::FluxKustomize | Tool::FluxHelm => "Flux",
            Tool::Helm => "Helm",
        }
    }

    /// Whether it puts back what others change by itself, without being run.
    pub const fn acts_alone(self) -> bool {
        !matches!(self, Tool::Helm)
    }

    /// The command that holds it off an object with this metadata; none where nothing runs by itself.
    pub fn suspend(self, seen: &Seen<'_>, found: &ObjectMeta) -> Option<String> {
        let label = |key: &str| meta(found, key);
        Some(match self {
            Tool::ArgoCd => {
                // A tracking id is APPLICATION:GROUP/KIND:NAMESPACE/NAME.
                let tracked = label("argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next());
                let app = tracked
                    .or_else(|| label("argocd.argoproj.io/instance"))
                    .unwrap_or("APPLICATION");
                format!("$ argocd app set {} --sync-policy none", shell_word(app))
            }
            Tool::FluxKustomize => {
                let name = label("kustomize.toolkit.fluxcd.io/name").unwrap_or("NAME");
                let space = label("kustomize.toolkit.fluxcd.io/namespace").unwrap_or("flux-system");
                format!(
                    "$ flux suspend kustomization {} -n {}",
                    shell_word(name),
                    shell_word(space)
                )
            }
            Tool::FluxHelm => {
                let name = label("helm.toolkit.fluxcd.io/name").unwrap_or("NAME");
                let space = label("helm.toolkit.fluxcd.io/namespace").unwrap_or(&seen.snapshot.taken.namespace);
                format!(
                    "$ flux suspend helmrelease {} -n {}",
                    shell_word(name),
                    shell_word(space)
                )
            }
            Tool::Helm => return None,
        })
    }

    /// How to change the template through the tool, or hold it off.
    fn advise(self, seen: &Seen<'_>, found: &ObjectMeta, refusal: Refusal) -> Refusal {
        let refusal = refusal
            .remedy("change the image in the tool's source, let it write the template, then roll what is pending:")
            .remedy(seen.shardctl("upgrade"));
        match self.suspend(seen, found) {
            Some(command) if self == Tool::ArgoCd => refusal
                .remedy("or stop its automatic sync for the time:")
                .remedy(command),
            Some(command) => refusal.remedy("or suspend it for the time:").remedy(command),
            None => {
                let release = meta(found, "meta.helm.sh/release-name").unwrap_or("RELEASE");
                refusal
                    .remedy("nothing runs by itself, but the next `helm upgrade` would set the image back; see what it sets:")
                    .remedy(format!(
                        "$ helm get values {} -n {}",
                        shell_word(release),
                        shell_word(&seen.snapshot.taken.namespace)
                    ))
            }
        }
    }
}

/// A label's or an annotation's value.
fn meta<'a>(found: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    [&found.labels, &found.annotations]
        .into_iter()
        .flatten()
        .find_map(|all| all.get(key))
        .map(String::as_str)
}

/// The tool that owns what would be written, with what shows it: the record of the fields' writers first, then the tools'
/// own labels. `owned` names those fields of an entry of managedFields that would be written.
pub fn tool(object: &ObjectMeta, owned: impl Fn(&Value) -> BTreeSet<String>) -> Option<(Tool, Vec<String>)> {
    let mut found: Vec<(Tool, String)> = Vec::new();
    for entry in object.managed_fields.iter().flatten() {
        let manager = entry.manager.as_deref().unwrap_or_default();
        let known = MANAGERS.iter().find(|(name, _)| *name == manager);
        let Some((_, tool)) = known else { continue };
        let fields = entry
            .fields_v1
            .as_ref()
            .and_then(|fields| serde_json::to_value(fields).ok());
        let owned = fields.map(|fields| owned(&fields)).unwrap_or_default();
        if !owned.is_empty() {
            let owned: Vec<String> = owned.into_iter().collect();
            found.push((*tool, format!("{manager} owns {}", owned.join(", "))));
        }
    }
    for (key, tool) in TRACKING {
        if let Some(value) = meta(object, key) {
            found.push((tool, format!("{key}: {value}")));
        }
    }
    if meta(object, "app.kubernetes.io/managed-by") == Some("Helm") {
        found.push((Tool::Helm, "app.kubernetes.io/managed-by: Helm".to_owned()));
    }
    // What runs by itself comes before Helm, whose charts both of the others use.
    let (tool, _) = *found
        .iter()
        .map(|(tool, line)| (*tool, line))
        .collect::<Vec<_>>()
        .iter()
        .min_by_key(|(tool, _)| *tool == Tool::Helm)?;
    Some((tool, found.into_iter().map(|(_, line)| line).collect()))
}

/// Which of the fields that would be written an entry of managedFields owns.
fn owned(fields: &Value, change: &Change) -> BTreeSet<String> {
    let template = &fields["f:spec"]["f:template"];
    let mut found = BTreeSet::new();
    for (list, noun) in [("f:containers", "containers"), ("f:initContainers", "initContainers")] {
        for (key, value) in template["f:spec"][list].as_object().into_iter().flatten() {
            // The key is `k:{"name":"NAME"}`.
            let name = key
                .strip_prefix("k:")
                .and_then(|key| serde_json::from_str::<Value>(key).ok());
            let name = name
                .and_then(|key| Some(key["name"].as_str()?.to_owned()))
                .unwrap_or_default();
            let written = match change {
                Change::Images(names) => names.contains(&name),
                Change::Template | Change::Restart => true,
                Change::Pending => false,
            };
            if written && value.get("f:image").is_some() {
                found.insert(format!("{noun}[{name}].image"));
            }
        }
    }
    if found.is_empty() && *change == Change::Template && template.is_object() {
        found.insert("spec.template".to_owned());
    }
    found
}
