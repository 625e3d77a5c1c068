//! The last words of containers that aren't ready, added to what is said about their pods at the end.

use tokio::time::timeout;

use super::SAFETY;
use crate::model::finding::Finding;
use crate::model::pod;
use crate::operations::means::Run;
use crate::operations::observe::logs;
use crate::plan::verify::seen::Seen;

/// How many lines of each log are quoted.
const LOG_LINES: usize = 5;

/// Adds the last lines of the logs to the findings about pods that aren't Ready.
pub(super) async fn quote(run: &Run, seen: &Seen<'_>, findings: &mut [Finding]) {
    if findings.is_empty() {
        return;
    }
    let down: Vec<String> = seen
        .own_pods()
        .unwrap_or_default()
        .into_iter()
        .filter(|found| !pod::is_ready(found))
        .map(|found| format!("pod/{}", pod::name(found)))
        .collect();
    if !findings.iter().any(|finding| down.contains(&finding.object)) {
        return;
    }
    let Ok(read) = timeout(SAFETY, logs::read(run.connection.api(), true, seen)).await else {
        return;
    };
    for (container, logs) in read {
        let (name, container) = container.split_once('/').unwrap_or((&container, ""));
        let object = format!("pod/{name}");
        let Some(finding) = findings.iter_mut().find(|finding| finding.object == object) else {
            continue;
        };
        for (which, lines) in [("log", &logs.current), ("previous log", &logs.previous)] {
            let lines = lines.got().map(Vec::as_slice).unwrap_or_default();
            for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
                finding.evidence(format!("{which} of {container}: {line}"));
            }
        }
    }
}
