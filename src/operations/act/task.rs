//! The user's commands and checks between shards, and the question after a canary.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cluster::failure::Failure;
use crate::event::{Fact, TaskState};
use crate::model::check::Outcome;
use crate::model::finding::{Finding, Severity};
use crate::model::report::{Conclusion, Report};
use crate::model::route::wire::Trust;
use crate::model::set::{self, Ordinal};
use crate::model::step::{Task, When};
use crate::operations::means::Run;
use crate::operations::observe::{DnsMode, Wanted, observe};
use crate::operations::route::{Asked, route_test};
use crate::operations::tasks::{Gate, Ran, shell};
use crate::plan::operation::Acted;
use crate::plan::verify::judge;

/// What is so in the middle of every upgrade, and no reason to stop it: shards on several templates and images.
const MIXED: [&str; 2] = ["STS-05", "STS-06"];
/// How long what a shard's return sets in motion may take to settle, before the gate doesn't hold. --shard-timeout may be less.
const TO_SETTLE: Duration = Duration::from_secs(60);
/// How soon the gate is tried again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long one DNS question of the gate may take.
const DNS_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs what is due.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn run(run: &Run, task: &Task) -> Result<Acted, Failure> {
    let tasks = &run.tasks;
    match task.when {
        When::Before(ordinal) => Ok(command(run, "before", tasks.before.as_deref(), Some(ordinal)).await),
        When::After(ordinal) => Ok(command(run, "after", tasks.after.as_deref(), Some(ordinal)).await),
        When::Gate => match &tasks.gate {
            None => Ok(Acted::Done),
            Some(Gate::Exec(text)) => Ok(command(run, "gate", Some(text), None).await),
            Some(Gate::Verify) => Ok(verify(run).await),
            Some(Gate::RouteTest(asked)) => Ok(routes(run, asked).await),
        },
    }
}

/// Asks whether to go on; nobody there to ask means no.
///
/// # Errors
/// None: the signature is the others'.
pub async fn ask(run: &Run, done: usize) -> Result<Acted, Failure> {
    match &run.tasks.ask {
        Some(ask) if ask(done).await => Ok(Acted::Done),
        _ => Ok(Acted::Declined),
    }
}

async fn command(run: &Run, what: &str, text: Option<&str>, ordinal: Option<Ordinal>) -> Acted {
    let Some(text) = text else {
        return Acted::Done;
    };
    let shard = ordinal.map(|ordinal| set::pod_name(&run.set, ordinal));
    let mut variables = vec![
        ("SHARDCTL_NAMESPACE", run.namespace().to_owned()),
        ("SHARDCTL_STATEFULSET", set::name(&run.set).to_owned()),
        ("SHARDCTL_RUN", run.name.clone()),
    ];
    if let (Some(ordinal), Some(shard)) = (ordinal, &shard) {
        variables.push(("SHARDCTL_ORDINAL", ordinal.to_string()));
        variables.push(("SHARDCTL_SHARD", shard.clone()));
    }
    let began = started(run, &format!("{what}: {text}"), shard.as_deref());
    let ran = shell(text, &variables, run.tasks.limit).await;
    ended(
        run,
        &format!("{what}: {text}"),
        shard.as_deref(),
        began,
        ran,
        &format!("--{what}"),
    )
}

/// `verify`, as it is run by itself, without what an upgrade makes untrue. It is asked again for a while: a shard is Ready before
/// the budget has counted it, its disk's attachment and its name are seen.
async fn verify(run: &Run) -> Acted {
    let name = "gate: verify";
    let began = started(run, name, None);
    let mut policy = run.policy.clone();
    policy.skip.extend(MIXED.map(str::to_owned));
    let wanted = Wanted {
        statefulset: Some(set::name(&run.set).to_owned()),
        dns: Some(DnsMode::Default),
        dns_timeout: DNS_TIMEOUT,
        domain: None,
        logs: false,
        probe_protection: false,
        room: false,
        usage: false,
        policy,
    };
    let ran = until_settled(run, began, async || verified(run, &wanted).await).await;
    ended(run, name, None, began, ran, "--gate")
}

/// `route-test`, with the flags that stand after it. It is tried again for a while, as `verify` is: a ring takes its time too.
async fn routes(run: &Run, asked: &Asked) -> Acted {
    let name = match asked.manner.trust {
        Trust::Anybody => "gate: route-test --insecure (no certificate is looked at)",
        Trust::System | Trust::Authorities(_) => "gate: route-test",
    };
    let began = started(run, name, None);
    let asked = Asked {
        statefulset: Some(set::name(&run.set).to_owned()),
        judging: run.policy.clone(),
        ..asked.clone()
    };
    let ran = until_settled(run, began, async || routed(run, &asked).await).await;
    ended(run, name, None, began, ran, "--gate")
}

/// Asks until it holds, or what sets itself right has had its time.
async fn until_settled(run: &Run, began: Instant, ask: impl AsyncFn() -> Ran) -> Ran {
    let patience = run.tasks.limit.min(TO_SETTLE);
    loop {
        let ran = ask().await;
        if ran.failed.is_none() || began.elapsed() >= patience {
            return ran;
        }
        sleep(ASK_AGAIN).await;
    }
}

async fn routed(run: &Run, asked: &Asked) -> Ran {
    match route_test(&run.connection, asked, &|_| {}).await {
        Err(error) => Ran {
            failed: Some(error.to_string()),
            output: Vec::new(),
        },
        Ok(tested) => Ran {
            failed: match tested.outcome.conclusion {
                Conclusion::Healthy => None,
                Conclusion::Failed => Some("route-test found keys or entries that fail".to_owned()),
                Conclusion::Unknown => Some("route-test couldn't judge everything".to_owned()),
            },
            output: tested.outcome.wrong(),
        },
    }
}

async fn verified(run: &Run, wanted: &Wanted) -> Ran {
    match observe(&run.connection, wanted).await {
        Err(error) => Ran {
            failed: Some(error.to_string()),
            output: Vec::new(),
        },
        Ok(observed) => {
            let report = judge(&observed.snapshot, &wanted.policy);
            let output = wrong(&report);
            Ran {
                failed: match report.conclusion {
                    Conclusion::Healthy => None,
                    Conclusion::Failed => Some("verify found errors".to_owned()),
                    Conclusion::Unknown => Some("verify couldn't judge everything".to_owned()),
                },
                output,
            }
        }
    }
}

/// What isn't as it should be, a line each.
fn wrong(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for check in &report.checks {
        let id = check.about.id;
        match &check.outcome {
            Outcome::Fail => {
                let errors = check
                    .findings
                    .iter()
                    .filter(|finding| finding.severity == Severity::Error);
                lines.extend(errors.map(|finding| format!("{id} {}: {}", finding.object, finding.message)));
            }
            Outcome::Unknown { why } if check.about.severity == Severity::Error => {
                lines.push(format!("{id} unknown: {why}"));
            }
            _ => {}
        }
    }
    lines
}

fn started(run: &Run, name: &str, shard: Option<&str>) -> Instant {
    run.events.emit(Fact::Task {
        name: name.to_owned(),
        shard: shard.map(str::to_owned),
        state: TaskState::Started,
        seconds: None,
        output: Vec::new(),
    });
    Instant::now()
}

fn ended(run: &Run, name: &str, shard: Option<&str>, began: Instant, ran: Ran, flag: &str) -> Acted {
    let failed = ran.failed.is_some();
    run.events.emit(Fact::Task {
        name: name.to_owned(),
        shard: shard.map(str::to_owned),
        state: if failed { TaskState::Failed } else { TaskState::Done },
        seconds: Some(began.elapsed().as_secs_f64()),
        output: if failed { ran.output.clone() } else { Vec::new() },
    });
    let Some(why) = ran.failed else {
        return Acted::Done;
    };
    let mut finding = Finding::new(
        Severity::Error,
        format!("statefulset/{}", set::name(&run.set)),
        format!("{flag} failed ({name}): {why}"),
    );
    finding.evidence = ran.output;
    Acted::Failed(Box::new(finding))
}
