//! Evicting a pod that isn't a shard: once, by its budget as that is. Nobody else's budget is ever opened.

use super::{look_again, refuses};
use crate::cluster::failure::Failure;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::step::OtherPod;
use crate::operations::evict::{Aim, Tried, by_the_budget};
use crate::operations::means::Run;
use crate::plan::eviction::{Again, Meaning, judge_other};
use crate::plan::operation::Acted;

/// Evicts the pod.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn evict(run: &Run, pod: &OtherPod) -> Result<Acted, Failure> {
    let aim = Aim {
        api: run.connection.api(),
        permit: &run.permit,
        namespace: &pod.namespace,
        pod: &pod.name,
        uid: &pod.uid,
        grace: run.aimed.grace,
    };
    let object = format!("pod/{}", pod.title());
    match by_the_budget(&aim).await {
        Tried::Accepted => {
            run.events.emit(Fact::Changed {
                object,
                what: "evicted".to_owned(),
            });
            Ok(Acted::Done)
        }
        Tried::Refused(_, meaning) if meaning.again() == Again::LookFirst => Ok(Acted::LookAgain),
        Tried::Refused(answer, Meaning::Forbidden) => {
            let mut finding = Finding::new(Severity::Error, object, "we may not evict it");
            finding.evidence(answer.message);
            Ok(Acted::Failed(Box::new(finding)))
        }
        Tried::Refused(answer, meaning) => {
            let look = run.look();
            let blocked = judge_other(&answer, &meaning, pod, &run.seen(&look));
            Ok(Acted::Blocked(Box::new(blocked)))
        }
        Tried::NotTried(failure) if failure.is_forbidden() => refuses(&object, "it can't be read", failure),
        Tried::NotTried(failure) => look_again(failure),
        Tried::Unknown(failure) => Err(failure),
        Tried::Abandoned => Ok(Acted::LookAgain),
    }
}
