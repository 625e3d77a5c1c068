//! Evicting a shard's pod: by its budget as it is, or through the moment for which that is opened; and what became of both, said.

use std::collections::BTreeMap;

use futures::future::try_join3;
use jiff::SignedDuration;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::look_again;
use crate::cluster::failure::Failure;
use crate::cluster::fresh;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::read::Read;
use crate::model::snapshot::Snapshot;
use crate::model::step::PodRef;
use crate::model::{pod, set};
use crate::operations::evict::{Aim, Closed, Tried, Window, by_the_budget, mark, through_a_window};
use crate::operations::means::Run;
use crate::plan::eviction::{Again, judge};
use crate::plan::operation::Acted;
use crate::plan::relax::{Change, Room, room};

/// How long the mark on an open budget is meant to last: past it anybody may close the budget.
const MARK_LASTS: SignedDuration = SignedDuration::from_secs(60);

/// Evicts the pod. `stop` ends the trying, never the closing of a budget.
///
/// # Errors
/// As [`super::carry_out`].
pub(in crate::operations) async fn evict(
    run: &Run,
    target: &PodRef,
    relax: bool,
    stop: impl Future<Output = ()>,
) -> Result<Acted, Failure> {
    let aim = Aim {
        api: run.connection.api(),
        permit: &run.permit,
        namespace: run.namespace(),
        pod: &target.name,
        uid: &target.uid,
        grace: run.aimed.grace,
    };
    if !relax {
        let tried = by_the_budget(&aim).await;
        return conclude(run, target, tried, None);
    }
    let look = uncached(run).await?;
    let seen = run.seen(&look);
    let change = match room(&seen, &target.name, run.now()) {
        Err(blocked) => return Ok(Acted::Blocked(blocked)),
        Ok(Room::Open) => {
            let tried = by_the_budget(&aim).await;
            return conclude(run, target, tried, None);
        }
        Ok(Room::Closed(change)) => change,
    };
    let budgets = look.budgets.got().into_iter().flatten();
    let mut named = budgets.filter(|budget| budget.metadata.name.as_deref() == Some(change.budget.as_str()));
    let Some(budget) = named.next() else {
        return Ok(Acted::LookAgain);
    };
    let now = run.now();
    let until = now.checked_add(MARK_LASTS).unwrap_or(now);
    let mark = mark(&change, &run.name, &run.by, now, until);
    let lost = run.lock.lost();
    let stop = async {
        tokio::select! {
            biased;
            () = stop => {}
            _ = lost => {}
        }
    };
    let window = through_a_window(&aim, budget, &change, &mark, stop).await;
    tell(run, target, &change, &window);
    match window.closed {
        Some(Closed::Theirs(finding)) => Ok(by_somebody_else(run, target, window.tried, finding)),
        Some(Closed::Gone) => Ok(by_somebody_else(run, target, window.tried, deleted(&change))),
        Some(Closed::Back(after)) => conclude(run, target, window.tried, after.as_deref()),
        Some(Closed::Open(_) | Closed::Unseen(_)) | None => conclude(run, target, window.tried, None),
    }
}

/// What the eviction is where somebody else wrote the budget meanwhile: whatever became of it, somebody has to look before the
/// next one.
fn by_somebody_else(run: &Run, target: &PodRef, tried: Tried, finding: Finding) -> Acted {
    match tried {
        Tried::Accepted => {
            announce(run, target);
            Acted::Undone { left: vec![finding] }
        }
        // The shard is in hand until a look shows that it stayed.
        Tried::Unknown(_) => Acted::Undone { left: vec![finding] },
        Tried::Refused(..) | Tried::NotTried(_) | Tried::Abandoned => Acted::Failed(Box::new(finding)),
    }
}

/// Posts that the pod was evicted: only where the server said so.
fn announce(run: &Run, target: &PodRef) {
    run.announce(
        "ShardEvicted",
        false,
        format!("{}: evicted pod {}", run.name, target.name),
    );
}

/// The finding about a budget that is gone.
fn deleted(change: &Change) -> Finding {
    Finding::new(
        Severity::Warning,
        format!("pdb/{}", change.budget),
        "somebody deleted it during an eviction: nothing protects the shards",
    )
}

/// The shards, whatever else a budget over them selects, and every budget, as the server's store has them now; over what the
/// watches bring.
async fn uncached(run: &Run) -> Result<Snapshot, Failure> {
    let look = run.look();
    let selectors = run.seen(&look).budgets().unwrap_or_default().into_iter();
    let mut selectors: Vec<String> = selectors
        .filter_map(|budget| Some(set::selector_query(budget.spec.as_ref()?.selector.as_ref()?)))
        .collect();
    let own = run.set.spec.as_ref().map(|spec| set::selector_query(&spec.selector));
    selectors.extend(own);
    selectors.sort();
    selectors.dedup();
    let (api, namespace) = (run.connection.api(), run.namespace());
    let first = selectors.first().cloned().unwrap_or_default();
    let second = selectors.get(1).cloned();
    let (budgets, pods, others) = try_join3(
        fresh::budgets(api, namespace),
        fresh::pods(api, namespace, &first),
        async {
            match &second {
                Some(selector) => fresh::pods(api, namespace, selector).await,
                None => Ok(Vec::new()),
            }
        },
    )
    .await?;
    let by_uid: BTreeMap<String, _> = pods
        .into_iter()
        .chain(others)
        .map(|found| (pod::uid(&found).to_owned(), found))
        .collect();
    Ok(Snapshot {
        pods: Read::Got(by_uid.into_values().collect()),
        budgets: Read::Got(budgets.into()),
        ..look
    })
}

/// Says what became of the budget.
fn tell(run: &Run, target: &PodRef, change: &Change, window: &Window) {
    let object = format!("pdb/{}", change.budget);
    let Some(closed) = &window.closed else {
        return;
    };
    if let Closed::Unseen(failure) = closed {
        return run.events.emit(Fact::Trouble {
            message: format!(
                "whether {object} was opened isn't known ({}): if it was, {} is {} and a mark on it says so; shardctl recover closes it",
                failure.reason(),
                change.field,
                change.to
            ),
        });
    }
    run.events.emit(Fact::Changed {
        object: object.clone(),
        what: format!(
            "opened for {} ms for the eviction of {}: {}{}",
            window.open.as_millis(),
            target.name,
            change.words(),
            if matches!(closed, Closed::Back(_)) {
                ", and back"
            } else {
                ""
            }
        ),
    });
    match closed {
        Closed::Back(_) | Closed::Unseen(_) => {}
        Closed::Theirs(finding) => run.events.emit(Fact::Noted {
            finding: finding.clone(),
        }),
        Closed::Gone => run.events.emit(Fact::Noted {
            finding: deleted(change),
        }),
        Closed::Open(failure) => run.events.emit(Fact::Trouble {
            message: format!(
                "{object} could not be closed again ({}): {} is still {}, and a mark on it says so; shardctl recover closes it",
                failure.reason(),
                change.field,
                change.to
            ),
        }),
    }
}

fn conclude(run: &Run, target: &PodRef, tried: Tried, budget: Option<&PodDisruptionBudget>) -> Result<Acted, Failure> {
    match tried {
        Tried::Accepted => {
            announce(run, target);
            Ok(Acted::Done)
        }
        Tried::Abandoned => Ok(Acted::LookAgain),
        Tried::Unknown(failure) => Err(failure),
        Tried::Refused(_, meaning) if meaning.again() == Again::LookFirst => Ok(Acted::LookAgain),
        Tried::Refused(answer, meaning) => {
            let look = run.look();
            let seen = run.seen(&look);
            let watched = seen.budgets().unwrap_or_default().into_iter().next();
            let blocked = judge(&answer, &meaning, &target.name, &seen, budget.or(watched), run.now());
            Ok(Acted::Blocked(Box::new(blocked)))
        }
        // Not ours to write: no other look changes that.
        Tried::NotTried(failure)
            if failure.is_forbidden()
                || matches!(&failure, Failure::Server { code: 400..=428, .. }) && !failure.is_conflict() =>
        {
            let mut finding = Finding::new(
                Severity::Error,
                format!("pod/{}", target.name),
                "it can't be evicted: the server doesn't let us open its budget",
            );
            finding.evidence(failure.reason());
            finding.remedy("--strategy direct passes the budget by and never writes it");
            Ok(Acted::Failed(Box::new(finding)))
        }
        Tried::NotTried(failure) => look_again(failure),
    }
}
