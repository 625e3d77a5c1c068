//! Deleting a shard's pod: exactly the one that was judged, at exactly the version that was judged.

use super::look_again;
use crate::cluster::failure::Failure;
use crate::cluster::write::delete_pod;
use crate::model::finding::{Finding, Severity};
use crate::model::step::PodRef;
use crate::operations::means::Run;
use crate::plan::operation::Acted;

/// Deletes the pod. A conflict or a pod that is gone means that the cluster has changed: the planner looks again.
///
/// # Errors
/// As [`super::carry_out`].
pub(in crate::operations) async fn delete(run: &Run, target: &PodRef) -> Result<Acted, Failure> {
    match delete_pod(
        run.connection.api(),
        &run.permit,
        run.namespace(),
        target,
        run.aimed.grace,
    )
    .await
    {
        Ok(_) => {
            run.announce(
                "ShardDeleted",
                false,
                format!("{}: deleted pod {}", run.name, target.name),
            );
            Ok(Acted::Done)
        }
        // Admission may answer with any code: it is a no, whatever it is called.
        Err(Failure::Server { code, message, .. }) if (400..500).contains(&code) && !matches!(code, 409 | 429) => {
            let mut finding = Finding::new(
                Severity::Error,
                format!("pod/{}", target.name),
                format!("the server refuses its deletion ({code})"),
            );
            finding.evidence(message);
            Ok(Acted::Failed(Box::new(finding)))
        }
        Err(failure) => look_again(failure),
    }
}
