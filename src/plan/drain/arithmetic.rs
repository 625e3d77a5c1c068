//! What the budget over the shards comes to for a drain, in a sentence: whether it only says no for now, or can never say yes.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::Strategy;
use crate::model::read::Skip;
use crate::model::{pod, set};
use crate::plan::verify::budget::value::kept;
use crate::plan::verify::budget::value_words;
use crate::plan::verify::seen::Seen;
use crate::plan::verify::shield::budget_name;

/// The budget's arithmetic, a sentence without a full stop.
pub fn arithmetic(seen: &Seen<'_>, strategy: Strategy) -> String {
    let budgets = match (seen.budgets(), seen.snapshot.budgets.need()) {
        (Ok(budgets), Ok(_)) => budgets,
        (Err(Skip::Unknown(why) | Skip::NotApplicable(why)), _)
        | (_, Err(Skip::Unknown(why) | Skip::NotApplicable(why))) => {
            return format!("the budget can't be judged: {why}");
        }
    };
    match budgets.as_slice() {
        [] => "no budget is over the shards: nothing holds an eviction".to_owned(),
        [only] => of_one(seen, only, strategy),
        several => {
            let names: Vec<String> = several.iter().map(|one| format!("pdb/{}", budget_name(one))).collect();
            let never = format!(
                "{} are over the shards: no eviction is ever accepted",
                names.join(" and ")
            );
            if strategy.evicts() {
                never
            } else {
                format!("{never}; deletions ask neither")
            }
        }
    }
}

fn of_one(seen: &Seen<'_>, budget: &PodDisruptionBudget, strategy: Strategy) -> String {
    let shards = seen.set().map(set::replicas).unwrap_or_default();
    let whose = format!("pdb/{} ({})", budget_name(budget), value_words(budget));
    if !strategy.evicts() {
        return format!("{whose} isn't asked: deletions pass it by, and it stays as it is");
    }
    let Some(keeps) = kept(budget, shards) else {
        return format!("{whose} can't be understood");
    };
    let says = format!("{whose} keeps {keeps} of {shards}");
    let healthy = seen.own_pods().unwrap_or_default().into_iter();
    let healthy = healthy.filter(|found| pod::is_ready(found)).count();
    let healthy = i32::try_from(healthy).unwrap_or(i32::MAX);
    if keeps >= shards {
        let means = match strategy {
            Strategy::Surge => match kept(budget, shards + 1) {
                Some(with_one_more) if with_one_more <= shards => {
                    format!("it never lets one go as it is; of {} it lets one", shards + 1)
                }
                _ => format!("it never lets one go, of {} neither", shards + 1),
            },
            _ => "it never lets one go as it is, so it is lowered by one for the moment of each eviction".to_owned(),
        };
        return format!("{says}: {means}");
    }
    if healthy > keeps {
        return format!("{says}, and {healthy} are Ready: it lets one go as it is");
    }
    format!("{says}, and {healthy} are Ready: it lets one go again as soon as more are")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::Resource;
    use crate::plan::verify::testing::Scene;
    use serde_json::{Value, json};

    fn words(scene: &Scene, strategy: Strategy) -> String {
        let snapshot = scene.snapshot();
        let seen = Seen::of(&snapshot, &scene.policy);
        arithmetic(&seen, strategy)
    }

    fn with(spec: Value) -> Scene {
        let mut scene = Scene::healthy(3);
        scene.merge(Resource::Budgets, "db", json!({ "spec": spec }));
        scene
    }

    #[test]
    fn what_can_never_be_is_told_from_what_only_takes_time() {
        let all = with(json!({"minAvailable": 3, "maxUnavailable": null}));
        assert_eq!(
            words(&all, Strategy::Relax),
            "pdb/db (minAvailable 3) keeps 3 of 3: it never lets one go as it is, so it is lowered by one for the moment of each \
             eviction"
        );
        assert_eq!(
            words(&all, Strategy::Surge),
            "pdb/db (minAvailable 3) keeps 3 of 3: it never lets one go as it is; of 4 it lets one"
        );
        let none = with(json!({"maxUnavailable": 0, "minAvailable": null}));
        assert!(words(&none, Strategy::Surge).ends_with("it never lets one go, of 4 neither"));
        let mut two = with(json!({"minAvailable": 2, "maxUnavailable": null}));
        assert!(words(&two, Strategy::Relax).ends_with("and 3 are Ready: it lets one go as it is"));
        let unready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        two.merge(Resource::Pods, "db-1", unready);
        assert!(words(&two, Strategy::Relax).ends_with("and 2 are Ready: it lets one go again as soon as more are"));
    }

    #[test]
    fn deletions_ask_no_budget() {
        let all = with(json!({"minAvailable": 3, "maxUnavailable": null}));
        for strategy in [Strategy::Direct, Strategy::Downtime] {
            assert!(words(&all, strategy).contains("isn't asked: deletions pass it by"));
        }
    }
}
