//! Whether the budgets over the shards still want what they wanted when the run began.

use std::collections::BTreeMap;

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use crate::model::finding::{Finding, Severity};
use crate::model::mark::Mark;
use crate::model::shell::shell_word;
use crate::plan::verify::seen::Seen;

const FIELDS: [&str; 2] = ["minAvailable", "maxUnavailable"];

/// What each budget over the shards wants, by its name: `{"minAvailable": 10}`.
pub type Budgets = BTreeMap<String, Value>;

/// What the budgets want, but for what the operation of `run` has changed about them; none where they can't be read.
pub fn budgets(seen: &Seen<'_>, run: &str) -> Option<Budgets> {
    seen.snapshot.budgets.got()?;
    let over = seen.budgets().ok()?.into_iter();
    Some(
        over.map(|budget| (name(budget).to_owned(), wants(budget, run)))
            .collect(),
    )
}

fn name(budget: &PodDisruptionBudget) -> &str {
    budget.metadata.name.as_deref().unwrap_or_default()
}

fn wants(budget: &PodDisruptionBudget, run: &str) -> Value {
    let spec = serde_json::to_value(budget.spec.as_ref()).unwrap_or_default();
    let mark = Mark::of(budget.metadata.annotations.as_ref()).and_then(Result::ok);
    let before = mark.filter(|mark| mark.is_of(run)).map(|mark| mark.was);
    let mut wants = json!({});
    for field in FIELDS {
        let was = before.as_ref().and_then(|was| was.get(format!("spec.{field}")));
        let value = was.unwrap_or(&spec[field]);
        if !value.is_null() {
            wants[field] = value.clone();
        }
    }
    wants
}

/// The budget that somebody else changed since, made or deleted; none where all are as they were, or can't be read now.
pub fn another_budget(seen: &Seen<'_>, before: &Budgets, run: &str) -> Option<Finding> {
    let now = budgets(seen, run)?;
    let names = before.keys().chain(now.keys());
    let changed = names.into_iter().find(|name| before.get(*name) != now.get(*name))?;
    let message = match (before.get(changed), now.get(changed)) {
        (Some(_), None) => "somebody deleted it, or had it select other pods".to_owned(),
        (None, _) => "somebody made it, and it selects the shards as well".to_owned(),
        (Some(before), Some(now)) => format!("somebody changed it from {} to {}", words(before), words(now)),
    };
    let mut finding = Finding::new(Severity::Error, format!("pdb/{changed}"), message);
    finding
        .remedy("find out who did that before going on; it stays as it is")
        .remedy(seen.kubectl(&format!(
            "get poddisruptionbudget {} --show-managed-fields -o yaml",
            shell_word(changed)
        )));
    Some(finding)
}

/// `minAvailable 10`.
fn words(wants: &Value) -> String {
    let fields = wants.as_object().into_iter().flatten();
    let each: Vec<String> = fields.map(|(field, value)| format!("{field} {value}")).collect();
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mark::MARK;
    use crate::model::resource::Resource;
    use crate::plan::verify::policy::Policy;
    use crate::plan::verify::testing::Scene;

    const RUN: &str = "drain/shop/db/2";

    /// What is said of a change since a healthy scene of three shards.
    fn said_of(change: impl FnOnce(&mut Scene, &str)) -> Option<String> {
        let policy = Policy::default();
        let mut scene = Scene::healthy(3);
        let first = scene.snapshot();
        let seen = |snapshot| Seen::of(snapshot, &policy);
        let before = budgets(&seen(&first), RUN).unwrap();
        let name = before.keys().next().unwrap();
        change(&mut scene, name);
        let now = scene.snapshot();
        another_budget(&seen(&now), &before, RUN).map(|finding| finding.message)
    }

    fn opened(run: &str) -> Value {
        let mark = json!({"operation": run, "by": "ada", "since": "2026-01-01T00:00:00Z",
            "until": "2026-01-01T00:00:00Z", "was": {"spec.minAvailable": 3}});
        json!({"metadata": {"annotations": {MARK: mark.to_string()}}, "spec": {"minAvailable": 2}})
    }

    #[test]
    fn our_own_opening_changes_nothing_and_anybody_elses_writing_does() {
        assert_eq!(said_of(|_, _| {}), None);
        let ours = opened("drain/shop/db/1");
        assert_eq!(
            said_of(|scene, name| {
                scene.merge(Resource::Budgets, name, ours);
            }),
            None
        );
        let theirs = opened("upgrade/shop/db/1");
        assert_eq!(
            said_of(|scene, name| {
                scene.merge(Resource::Budgets, name, theirs);
            })
            .as_deref(),
            Some("somebody changed it from minAvailable 3 to minAvailable 2")
        );
        let gone = said_of(|scene, name| {
            scene.remove(Resource::Budgets, name);
        });
        assert!(gone.unwrap().contains("deleted"));
        let second = said_of(|scene, name| {
            let (snapshot, mut second) = (scene.snapshot(), json!({}));
            let found = snapshot.budgets.got().unwrap().iter();
            for budget in found.filter(|budget| super::name(budget) == name) {
                second = serde_json::to_value(budget).unwrap();
            }
            second["metadata"]["name"] = "second".into();
            scene.add(Resource::Budgets, second);
        });
        assert!(second.unwrap().contains("made it"));
    }
}
